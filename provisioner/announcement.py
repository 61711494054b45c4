"""How a new machine shows its keys on its serial console: the loop that a guest runs, and what is read of its output.

The console is a way that the network cannot forge, and the only one where an image has no guest agent.
"""

from __future__ import annotations

import re
from typing import Final

from provisioner import ssh_keys
from provisioner.api import VmSpec
from provisioner.domain_xml import Seen

LOOP: Final = """\
count=0
while [ $count -lt 1560 ]; do
  if [ -s /root/.ssh/authorized_keys ] && [ -s /etc/ssh/ssh_host_ed25519_key.pub ]; then
    {
      echo
      echo "$mark begin"
      cat /etc/ssh/ssh_host_*_key.pub | while read -r type key rest; do echo "$mark host $type $key"; done
      ssh-keygen -l -f /root/.ssh/authorized_keys | while read -r bits print rest; do echo "$mark root $print"; done
      ssh-keyscan -T 5 -t ed25519,ecdsa 127.0.0.1 2>/dev/null |
        while read -r where type key rest; do echo "$mark serves $type $key"; done
      echo "$mark end"
    } >/dev/ttyS0
  fi
  count=$((count + 1))
  if [ $count -lt 120 ]; then sleep 5; else sleep 60; fi
done
"""
"""Shell, with `mark` set: shows the keys for a day.  A console shows only what comes after it was opened, and the bot
may be away: hence again and again."""

_LINES_MAX: Final = 200
"""Lines of one announcement that are read: three host keys and more keys of root's than anybody has."""
_ROOT: Final = re.compile(r"root (SHA256:[A-Za-z0-9+/]{43})", re.ASCII)


def announcement_mark(spec: VmSpec) -> str:
    """Give the word that begins every announced line of this machine on its serial console."""
    return f"mailbot-{spec.machine_id}"


def read_announcement(console: str, spec: VmSpec) -> Seen | None:
    """Find the last whole announcement of this machine in console output; None where there is none.

    Kernel messages may cut into lines: what is not a well-formed key or fingerprint is left out, and a
    later announcement brings it.  Whatever a guest prints, its lines are each read once, and no
    announcement has more than `_LINES_MAX` of them: a look costs what its length says and no more.
    """
    prefix = f"{announcement_mark(spec)} "
    lines = [line.removeprefix(prefix).rstrip() for line in console.splitlines() if line.startswith(prefix)]
    end: int | None = None
    for at in range(len(lines) - 1, -1, -1):
        if lines[at] == "end":
            end = at
        elif lines[at] == "begin" and end is not None:
            block, end = lines[at + 1 : min(end, at + 1 + _LINES_MAX)], None
            if seen := _announced(block):
                return seen
    return None


def _announced(block: list[str]) -> Seen | None:
    """Read the lines between begin and end; None where no host key or no key of root's is whole."""
    hosts = tuple(one for line in block if (one := line.removeprefix("host ")) != line and ssh_keys.is_host_key(one))
    roots = tuple(found[1] for line in block if (found := _ROOT.fullmatch(line)))
    serves = any(f"serves {host}" in block for host in hosts)
    return Seen(hosts, roots, serves) if hosts and roots else None
