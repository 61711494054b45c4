"""Disks that are whole copies of the base image: what pools without files need, tried here in a pool of files.

Device mapper and ZFS are not to be had where the tests run; what differs there is that a volume's path is a device.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import libvirt
import pytest

from contrib.demo import hypervisor
from provisioner.api import ProvisionerError, VmPhase, VmSpec
from provisioner.images import LocalImage, add_image, sha512_of
from provisioner.libvirt_driver import LibvirtSite
from provisioner.ssh_probe import SshAnswer
from tests.hypervisor import make_key, make_spec, settings_of

pytestmark = pytest.mark.long

MARK = b"a boot sector of a kind"


def whole(place: hypervisor.Site, *, overlays: bool = False) -> LibvirtSite:
    settings = replace(settings_of(place, "whole"), filtered=False, overlays=overlays)
    return LibvirtSite(settings, lambda *_: SshAnswer.EXPECTED)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> LocalImage:
    folder = tmp_path_factory.mktemp("whole")
    raw = folder / "whole.raw"
    raw.write_bytes(MARK.ljust(2 << 20, b"\0"))
    return add_image(raw, sha512_of(raw), "whole", folder)


@pytest.fixture
def places(libvirt_uri: str) -> Iterator[tuple[hypervisor.Site, hypervisor.Site]]:
    names = [f"mailbot-test-{os.getpid()}-{secrets.token_hex(2)}" for _ in range(2)]
    try:
        first, second = (hypervisor.make_site(name, Path("/var/tmp") / name) for name in names)
        yield first, second
    finally:
        for name in names:
            hypervisor.remove_site(name, Path("/var/tmp") / name)


@pytest.fixture
def spec(tmp_path: Path) -> VmSpec:
    return replace(make_spec(f"whole{secrets.token_hex(3)}", make_key(tmp_path)[1]), disk_gib=1, memory_mib=64)


def disk(place: hypervisor.Site, spec: VmSpec) -> Path:
    return Path(place.directory) / spec.names.disk


def begins(path: Path, at: int = 0) -> bytes:
    """So many bytes of a disk, without reading all of it."""
    with path.open("rb") as file:
        file.seek(at)
        return file.read(len(MARK))


def test_a_machine_has_a_whole_disk_of_its_own_that_is_kept_used_again_and_grown(
    places: tuple[hypervisor.Site, hypervisor.Site], image: LocalImage, spec: VmSpec
) -> None:
    place, _ = places
    site = whole(place)
    site.register_image(image)
    facts = site.ensure(spec)
    assert (facts.phase, facts.disk_gib) == (VmPhase.BOOTING, 1)
    assert begins(disk(place, spec)) == MARK
    assert disk(place, spec).stat().st_size == 1 << 30
    conn = libvirt.open(place.uri)
    assert "type='raw'" in conn.lookupByName(spec.name).XMLDesc(0).partition("<target dev='vda'")[0]
    conn.close()

    site.retire(spec)
    with disk(place, spec).open("r+b") as file:
        file.seek(1 << 20)
        file.write(b"precious")
    again = site.ensure(replace(spec, restored=True, disk_gib=2))
    assert again.disk_gib == 2
    assert begins(disk(place, spec), 1 << 20).startswith(b"precious")
    assert site.prune_images() == (), "the newest image stays, whoever depends on it"
    site.undo(spec)
    assert not disk(place, spec).exists()
    site.close()


def test_a_copy_that_was_broken_off_is_made_again(
    places: tuple[hypervisor.Site, hypervisor.Site], image: LocalImage, spec: VmSpec
) -> None:
    place, _ = places
    site = whole(place)
    site.register_image(image)
    disk(place, spec).write_bytes(b"half of it")
    libvirt.open(place.uri).storagePoolLookupByName(place.pool).refresh(0)
    site.ensure(spec)
    assert begins(disk(place, spec)) == MARK
    site.undo(spec)
    site.close()


def test_a_whole_disk_moves_as_it_is_but_not_to_a_host_of_overlays(
    places: tuple[hypervisor.Site, hypervisor.Site], image: LocalImage, spec: VmSpec
) -> None:
    here, there = places
    source, target, other = whole(here), whole(there), whole(there, overlays=True)
    source.register_image(image)
    source.ensure(spec)
    source.power_off(spec)
    (part,) = source.parts(spec)
    assert (part.raw, part.shared, part.size) == (True, False, 1 << 30)
    with pytest.raises(ProvisionerError, match="another kind") as caught:
        other.make(part, 1)
    assert caught.value.permanent
    target.make(part, 1)
    piece = 4 << 20
    for offset in (0, part.size - piece):  # what lies between is empty on both sides
        source.copy(part, offset, piece, target)
    assert begins(disk(there, spec)) == MARK
    assert disk(there, spec).stat().st_size == disk(here, spec).stat().st_size
    source.undo(spec)
    assert target.ensure(replace(spec, restored=True)).phase is VmPhase.READY
    target.undo(spec)
    for site in (source, target, other):
        site.close()
