"""What a new machine is told at its first boot: cloud-init's NoCloud meta-data and user-data.

Both are JSON, which is YAML too: no text of anybody's is ever pasted into a document.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, Final

from provisioner import ssh_keys
from provisioner.api import VmSpec
from provisioner.domain_xml import Seen

_HOST_KEY_TYPES: Final = ("ed25519", "ecdsa")
"""RSA host keys take an emulated guest half a minute to make, and every living client knows these two."""

_ANNOUNCED_MAX: Final = 200
"""Lines of one announcement that are read: three host keys and more keys of root's than anybody has."""

_ANNOUNCED_ROOT: Final = re.compile(r"root (SHA256:[A-Za-z0-9+/]{43})", re.ASCII)

_ANNOUNCE: Final = """\
mark={mark}
count=0
while [ $count -lt 1560 ]; do
  if [ -s /root/.ssh/authorized_keys ] && [ -s /etc/ssh/ssh_host_ed25519_key.pub ]; then
    {{
      echo
      echo "$mark begin"
      cat /etc/ssh/ssh_host_*_key.pub | while read -r type key rest; do echo "$mark host $type $key"; done
      ssh-keygen -l -f /root/.ssh/authorized_keys | while read -r bits print rest; do echo "$mark root $print"; done
      ssh-keyscan -T 5 -t ed25519,ecdsa 127.0.0.1 2>/dev/null |
        while read -r where type key rest; do echo "$mark serves $type $key"; done
      echo "$mark end"
    }} >/dev/ttyS0
  fi
  count=$((count + 1))
  if [ $count -lt 120 ]; then sleep 5; else sleep 60; fi
done
"""
# A console shows only what comes after it was opened, and the bot may be away for a day: hence again and again.


def announcement_mark(spec: VmSpec) -> str:
    """Give the word that begins every announced line of this machine on its serial console."""
    return f"mailbot-{spec.machine_id}"


def meta_data(spec: VmSpec) -> bytes:
    """Give the NoCloud meta-data; the instance is the machine's UUID, so that a kept disk is known again."""
    return _json({"instance-id": str(spec.machine_id), "local-hostname": spec.name})


def user_data(spec: VmSpec) -> bytes:
    """Give the cloud-config: names, root's keys and nothing else that an image does not already do.

    The guest shows its host keys and root's keys on the serial console at every boot while the seed is
    attached, since images without a guest agent have no other way that the network cannot forge.
    """
    script = _ANNOUNCE.format(mark=shlex.quote(announcement_mark(spec)))
    config: dict[str, Any] = {
        "hostname": spec.name,
        "fqdn": spec.names.fqdn,
        "manage_etc_hosts": "localhost",
        "disable_root": False,
        "ssh_pwauth": False,
        "ssh_authorized_keys": list(spec.ssh_keys),
        "ssh_genkeytypes": list(_HOST_KEY_TYPES),
        "users": [],
        "bootcmd": [["systemd-run", "--quiet", "--no-block", "--collect", "--nice=5", "/bin/sh", "-c", script]],
    }
    return b"#cloud-config\n" + _json(config)


def read_announcement(console: str, spec: VmSpec) -> Seen | None:
    """Find the last whole announcement of this machine in console output; None where there is none.

    Kernel messages may cut into lines: what is not a well-formed key or fingerprint is left out, and a
    later announcement brings it.  Whatever a guest prints, its lines are each read once, and no
    announcement has more than `_ANNOUNCED_MAX` of them: a look costs what its length says and no more.
    """
    prefix = f"{announcement_mark(spec)} "
    lines = [line.removeprefix(prefix).rstrip() for line in console.splitlines() if line.startswith(prefix)]
    end: int | None = None
    for at in range(len(lines) - 1, -1, -1):
        if lines[at] == "end":
            end = at
        elif lines[at] == "begin" and end is not None:
            block, end = lines[at + 1 : min(end, at + 1 + _ANNOUNCED_MAX)], None
            if seen := _announced(block):
                return seen
    return None


def _announced(block: list[str]) -> Seen | None:
    """Read the lines between begin and end; None where no host key or no key of root's is whole."""
    hosts = tuple(one for line in block if (one := line.removeprefix("host ")) != line and ssh_keys.is_host_key(one))
    roots = tuple(found[1] for line in block if (found := _ANNOUNCED_ROOT.fullmatch(line)))
    serves = any(f"serves {host}" in block for host in hosts)
    return Seen(hosts, roots, serves) if hosts and roots else None


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"
