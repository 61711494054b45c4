"""A machine's disk goes to another host: the base with it where that is missing, piece by piece, and an overlay there as here.

Two sites of one libvirtd, each with its own pool and folder, stand for two hosts.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from contrib.demo import hypervisor
from mailbot.adapters.sites.apart import DisksApart, HostsProcess
from provisioner.api import AtTarget, Disks, OutOfRoom, Part, ProvisionerError, SiteSettings, VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.ssh_probe import SshAnswer
from tests.hypervisor import make_key, make_spec, settings_of

pytestmark = pytest.mark.long

PIECE = 300_000
WRITTEN = "what its owner wrote"


@dataclass
class Host:
    """A host as the driver has it, and its pool's folder."""

    site: LibvirtSite
    folder: Path
    settings: SiteSettings


def host(place: hypervisor.Site, reserved_disk_gib: int = 2) -> Host:
    settings = replace(settings_of(place, "hollow"), filtered=False, reserved_disk_gib=reserved_disk_gib)
    return Host(LibvirtSite(settings, probe=lambda *_: SshAnswer.EXPECTED), Path(place.directory), settings)


@pytest.fixture
def other_place(libvirt_uri: str) -> Iterator[hypervisor.Site]:
    name = f"mailbot-test-{os.getpid()}-{secrets.token_hex(2)}"
    directory = Path("/var/tmp") / f"{name}-in-a-folder-with-a-longer-name"
    try:
        yield hypervisor.make_site(name, directory)
    finally:
        hypervisor.remove_site(name, directory)


@pytest.fixture
def spec(tmp_path: Path) -> VmSpec:
    return make_spec(f"move{secrets.token_hex(3)}", make_key(tmp_path)[1])


@pytest.fixture
def source(libvirt_site: hypervisor.Site, hollow_image: LocalImage, spec: VmSpec) -> Iterator[Host]:
    """A host with the machine, switched off, on whose disk something was written."""
    here = host(libvirt_site)
    here.site.register_image(hollow_image)
    here.site.ensure(spec)
    here.site.power_off(spec)
    write = f"write -P 0x5a 4096 700000\nwrite -P 0x42 {1 << 20} 300000"
    for command in write.splitlines():
        run("qemu-io", "-f", "qcow2", "-c", command, str(here.folder / spec.names.disk))
    yield here
    here.site.undo(spec)
    here.site.close()


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy(source: Disks, target: Disks, spec: VmSpec, parts: tuple[Part, ...]) -> list[str]:
    """Copy what has to be, in pieces; gives the names of what was copied."""
    copied = []
    for part in parts:
        if target.has(part):
            continue
        target.make(part, spec.disk_gib)
        for offset in range(0, part.size, PIECE):
            length = min(PIECE, part.size - offset)
            source.copy(part, offset, length, target)
        copied.append(part.name)
    return copied


def test_a_machine_starts_at_another_host_with_what_was_on_its_disk(
    source: Host, other_place: hypervisor.Site, spec: VmSpec, tmp_path: Path
) -> None:
    target = host(other_place)
    parts = source.site.parts(spec)
    assert copy(source.site, target.site, spec, parts) == [one.name for one in parts]
    kept = tmp_path / "kept.raw"
    run("qemu-img", "convert", "-O", "raw", str(source.folder / spec.names.disk), str(kept))
    source.site.retire(spec)
    try:
        there = target.folder / spec.names.disk
        assert str(target.folder) in run("qemu-img", "info", str(there)), "it lies on the base of its own host"
        assert "identical" in run("qemu-img", "compare", "-F", "raw", str(there), str(kept))
        facts = target.site.ensure(replace(spec, restored=True))
        assert facts.phase in {VmPhase.BOOTING, VmPhase.READY}
        assert target.site.images() == source.site.images(), "the base counts there, too"
    finally:
        target.site.undo(spec)
        target.site.close()


def test_the_daemons_process_copies_from_one_host_to_another_and_tells_who_failed(
    source: Host, other_place: hypervisor.Site, apart: HostsProcess, spec: VmSpec
) -> None:
    target = host(other_place)
    here, there = (DisksApart(apart, one.settings) for one in (source, target))
    try:
        parts = here.parts(spec)
        assert copy(here, there, spec, parts) == [one.name for one in parts]
        disk = parts[-1].name
        assert "identical" in run("qemu-img", "compare", str(source.folder / disk), str(target.folder / disk))
        source.site.undo(spec)
        with pytest.raises(ProvisionerError, match="is missing"):
            here.copy(parts[-1], 0, PIECE, there)
        target.site.undo(spec)
        with pytest.raises(AtTarget, match="is missing"):
            here.copy(parts[-1], 0, PIECE, there)
    finally:
        target.site.undo(spec)
        target.site.close()


def test_a_base_that_is_there_is_not_copied_and_a_copy_that_broke_off_is_made_again(
    source: Host, other_place: hypervisor.Site, hollow_image: LocalImage, spec: VmSpec
) -> None:
    target = host(other_place)
    target.site.register_image(hollow_image)
    parts = source.site.parts(spec)
    disk = parts[-1]
    assert not target.site.there(disk)
    target.site.make(disk, spec.disk_gib)
    source.site.copy(disk, 0, PIECE, target.site)
    assert target.site.there(disk)
    try:
        assert copy(source.site, target.site, spec, parts) == [disk.name]
        assert "No errors" in run("qemu-img", "check", str(target.folder / disk.name))
    finally:
        target.site.undo(spec)
        target.site.close()


def test_a_host_without_room_or_without_the_base_says_so(
    source: Host, other_place: hypervisor.Site, spec: VmSpec
) -> None:
    disk = source.site.parts(spec)[-1]
    full = host(other_place, reserved_disk_gib=10**6)
    with pytest.raises(OutOfRoom):
        full.site.make(disk, spec.disk_gib)
    full.site.close()
    empty = host(other_place)
    with pytest.raises(ProvisionerError, match="base image"):
        empty.site.make(disk, spec.disk_gib)
    empty.site.close()


def test_a_machine_without_a_disk_has_nothing_to_be_copied(libvirt_site: hypervisor.Site, spec: VmSpec) -> None:
    here = host(libvirt_site)
    with pytest.raises(ProvisionerError, match="is missing") as told:
        here.site.parts(spec)
    assert told.value.permanent
    here.site.close()
