"""What a new machine is told at its first boot: cloud-init's NoCloud meta-data and user-data.

Both are JSON, which is YAML too: no text of anybody's is ever pasted into a document.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

from provisioner.addressing import Bridge
from provisioner.announcement import LOOP, announcement_mark
from provisioner.api import VmSpec

_HOST_KEY_TYPES: Final = ("ed25519", "ecdsa")
"""RSA host keys take an emulated guest half a minute to make, and every living client knows these two."""


def meta_data(spec: VmSpec) -> bytes:
    """Give the NoCloud meta-data; the instance is the machine's UUID, so that a kept disk is known again."""
    return _json({"instance-id": str(spec.machine_id), "local-hostname": spec.name})


def network_config(spec: VmSpec, bridge: Bridge) -> bytes:
    """Give the NoCloud network configuration, version 2, of a machine that is told its addresses."""
    interfaces = bridge.interfaces(spec.addresses)
    routers = [str(each.gateway.ip) for each, _ in zip(bridge.ranges, interfaces, strict=False)]
    card = {
        "match": {"macaddress": spec.names.mac},
        "dhcp4": False,
        "dhcp6": False,
        "accept-ra": False,
        "addresses": [str(one) for one in interfaces],
        # Told as on the link: the router may be one by its link-local address, which is in no subnet of the machine's.
        "routes": [{"to": "::/0" if ":" in one else "0.0.0.0/0", "via": one, "on-link": True} for one in routers],
        "nameservers": {"addresses": list(bridge.name_servers), "search": [spec.dns_domain]},
    }
    return _json({"version": 2, "ethernets": {"card": card}})


def user_data(spec: VmSpec, *, static: bool = False) -> bytes:
    """Give the cloud-config: names, root's keys and nothing else that an image does not already do.

    The guest shows its host keys and root's keys on the serial console at every boot while the seed is
    attached, since images without a guest agent have no other way that the network cannot forge.  A machine that is told
    its addresses (`static`) looks for them at every boot: at another host they may be others.
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
    if static:
        config["updates"] = {"network": {"when": ["boot"]}}
    return b"#cloud-config\n" + _json(config)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"
