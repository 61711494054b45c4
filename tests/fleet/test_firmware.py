"""Hosts that start their machines by EFI, and one whose machines are no PCs: as their configuration says."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import libvirt
import pytest

from contrib.demo import hypervisor
from provisioner.api import Architecture, Firmware, VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from tests.hypervisor import make_key, make_spec, run_ssh, settings_of, until_ready

pytestmark = pytest.mark.long
_PATIENCE_SECONDS = 800


@contextmanager
def undone(site: LibvirtSite, spec: VmSpec) -> Iterator[None]:
    try:
        yield
    finally:
        site.undo(spec)
        site.close()


@pytest.mark.timeout(1800)
def test_an_image_of_ours_boots_by_efi_as_by_bios_and_its_file_system_fills_the_disk(
    libvirt_site: hypervisor.Site, base_image: LocalImage, tmp_path: Path
) -> None:
    key, line = make_key(tmp_path)
    spec = make_spec(f"efi{secrets.token_hex(2)}", line, libvirt_site.dns_domain)
    site = LibvirtSite(replace(settings_of(libvirt_site, base_image.label), firmware=Firmware.EFI))
    with undone(site, spec):
        site.register_image(base_image)
        (facts,) = until_ready(site, (spec,), _PATIENCE_SECONDS)
        assert facts.address
        known = tmp_path / "known_hosts"
        known.write_text("".join(f"{facts.address} {one}\n" for one in facts.host_keys))
        said = run_ssh(
            key,
            facts.address,
            "ls -d /sys/firmware/efi; systemctl start mailbot-grow; findmnt -bno SIZE /; cat /sys/class/block/vda*/start",
            known,
        )
        efi, size, *starts = said.split()
        assert efi == "/sys/firmware/efi"
        assert int(size) > 2.5 * 2**30, "the whole disk of 3 GiB, whatever lies before it"
        assert [int(one) for one in starts] == [5 * 2048, 2048], "the file system that grows comes last on the disk"


def test_a_machine_of_an_arm_host_is_defined_and_started_as_libvirt_accepts_it(
    libvirt_site: hypervisor.Site, hollow_image: LocalImage, tmp_path: Path
) -> None:
    spec = make_spec(f"arm{secrets.token_hex(2)}", make_key(tmp_path)[1], libvirt_site.dns_domain)
    site = LibvirtSite(replace(settings_of(libvirt_site), architecture=Architecture.AARCH64))
    with undone(site, spec):
        site.register_image(hollow_image)
        assert site.ensure(spec).phase is VmPhase.BOOTING
        conn = libvirt.open(libvirt_site.uri)
        domain = ET.fromstring(conn.lookupByName(spec.name).XMLDesc(0))
        conn.close()
        assert domain.findtext("devices/emulator", "").endswith("qemu-system-aarch64")
        assert "AAVMF" in domain.findtext("os/loader", "")
