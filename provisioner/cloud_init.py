"""What a new machine is told at its first boot: cloud-init's NoCloud meta-data and user-data.

Both are JSON, which is YAML too: no text of anybody's is ever pasted into a document.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

from provisioner.announcement import LOOP, announcement_mark
from provisioner.api import VmSpec

_HOST_KEY_TYPES: Final = ("ed25519", "ecdsa")
"""RSA host keys take an emulated guest half a minute to make, and every living client knows these two."""


def meta_data(spec: VmSpec) -> bytes:
    """Give the NoCloud meta-data; the instance is the machine's UUID, so that a kept disk is known again."""
    return _json({"instance-id": str(spec.machine_id), "local-hostname": spec.name})


def user_data(spec: VmSpec) -> bytes:
    """Give the cloud-config: names, root's keys and nothing else that an image does not already do.

    The guest shows its host keys and root's keys on the serial console at every boot while the seed is
    attached, since images without a guest agent have no other way that the network cannot forge.
    """
    script = f"mark={shlex.quote(announcement_mark(spec))}\n{LOOP}"
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


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"
