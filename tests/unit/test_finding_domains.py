"""A machine is found at a host where others come and go at the same time."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import libvirt

from provisioner.api import SiteSettings
from provisioner.libvirt_driver.domains import Domains
from tests.hypervisor import libvirt_error, make_key, make_spec


class Receiving:
    """libvirtd as it begins to receive a machine: it knows none of that name and UUID, and must not be asked for them once more."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def look(self, wanted: str) -> libvirt.virDomain:
        assert wanted not in self.asked, "it may be there by now"
        self.asked.add(wanted)
        raise libvirt_error(libvirt.VIR_ERR_NO_DOMAIN)

    lookupByName = lookupByUUIDString = look  # noqa: N815


def test_a_machine_that_appears_between_two_looks_is_not_another_one(tmp_path: Path) -> None:
    spec = make_spec("alice", make_key(tmp_path)[1])
    conn = cast("libvirt.virConnect", Receiving())
    assert Domains(conn, SiteSettings("right", "testbed.example", "qemu:///system")).find(spec) is None
