"""A pool of LVM: libvirt's own code for it, and real devices; LVM's commands are a stand-in (`tests/lvm_tools.py`)."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import libvirt
import pytest

from provisioner.api import ProvisionerError, SiteSettings, VmPhase, VmSpec
from provisioner.images import LocalImage, add_image, sha512_of
from provisioner.libvirt_driver import LibvirtSite, overwriting
from provisioner.ssh_probe import SshAnswer
from tests.hypervisor import make_key, make_spec
from tests.second_host import SecondHost, second_host

pytestmark = pytest.mark.long

MARK = b"a boot sector of a kind"
SECRET = b"what its owner wrote"
_TOOLS = ("lvcreate", "lvremove", "lvs", "lvchange", "pvs", "vgs", "vgchange", "vgscan")
_GROUP_MIB = 4096


@dataclass
class Group:
    """A volume group: its host, its name, and the folder of the stand-in."""

    host: SecondHost
    name: str
    folder: Path

    def device(self, volume: str) -> Path:
        return Path(f"/dev/{self.name}/{volume}")

    def volumes(self) -> dict[str, list[object]]:
        found: dict[str, list[object]] = json.loads((self.folder / "volumes.json").read_text())
        return found


@pytest.fixture(scope="module")
def group() -> Iterator[Group]:
    name = f"mailbot{os.getpid()}{secrets.token_hex(2)}"
    folder = Path("/var/tmp") / f"{name}-lvm"
    folder.mkdir()
    shutil.copy(Path(__file__).parents[1] / "lvm_tools.py", folder / "lvm_tools.py")
    for tool in _TOOLS:
        (folder / tool).symlink_to(folder / "lvm_tools.py")
    (folder / "group").write_text(name)
    (folder / "disk").touch()
    os.truncate(folder / "disk", _GROUP_MIB << 20)
    Path(f"/dev/{name}").mkdir()
    try:
        with second_host(tools=folder) as host:
            pool = f"<pool type='logical'><name>lvm</name><source><name>{name}</name></source></pool>"
            conn = libvirt.open(host.uri)
            conn.storagePoolDefineXML(pool, 0).create(0)
            conn.close()
            yield Group(host, name, folder)
    finally:
        with suppress(FileNotFoundError):
            for _start, _size, device in json.loads((folder / "volumes.json").read_text()).values():
                subprocess.run(["losetup", "--detach", device], check=False)
        shutil.rmtree(f"/dev/{name}", ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site(group: Group, tmp_path: Path) -> Iterator[LibvirtSite]:
    raw = tmp_path / "whole.raw"
    raw.write_bytes(MARK.ljust(2 << 20, b"\0"))
    image: LocalImage = add_image(raw, sha512_of(raw), "whole", tmp_path)
    settings = SiteSettings("lvm", group.host.dns_domain, group.host.uri, "lvm", image="whole", filtered=False)
    site = LibvirtSite(settings, lambda *_: SshAnswer.EXPECTED)
    site.register_image(image)
    yield site
    site.close()


def machine(tmp_path: Path) -> VmSpec:
    return replace(make_spec(f"alice{secrets.token_hex(3)}", make_key(tmp_path)[1]), disk_gib=1, memory_mib=64)


def at(device: Path, offset: int, length: int = 64) -> bytes:
    with device.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def test_a_new_disk_shows_nothing_of_the_one_that_was_deleted_at_its_place(
    group: Group, site: LibvirtSite, tmp_path: Path
) -> None:
    first = machine(tmp_path)
    facts = site.ensure(first)
    assert (facts.phase, facts.disk_gib) == (VmPhase.BOOTING, 1)
    device = group.device(first.names.disk)
    assert at(device, 0, len(MARK)) == MARK
    place = group.volumes()[first.names.disk][:2]
    site.retire(first)
    with device.open("r+b") as file:
        file.seek(700 << 20)
        file.write(SECRET)
    assert site.delete_disk(first).phase is VmPhase.ABSENT
    assert site.delete_disk(first).phase is VmPhase.ABSENT, "again"
    (tmp_path / "second").mkdir()
    second = machine(tmp_path / "second")
    site.ensure(second)
    assert group.volumes()[second.names.disk][:2] == place, "it lies where the first one lay"
    assert at(group.device(second.names.disk), 700 << 20, len(SECRET)) == bytes(len(SECRET))
    site.undo(second)
    assert site.facts(second).phase is VmPhase.ABSENT
    assert not [name for name in group.volumes() if second.names.disk in name]


def test_each_call_goes_on_where_the_last_one_ended_whoever_makes_it(
    group: Group, site: LibvirtSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overwriting, "SECONDS", 0.0)  # a piece a call
    spec = machine(tmp_path)
    site.ensure(spec)
    site.retire(spec)
    device = group.device(spec.names.disk)
    with device.open("r+b") as file:
        for place in (600, overwriting.PIECE - 4096, (1 << 30) - 4096):
            file.seek(place)
            file.write(SECRET)
    calls = 0
    while True:
        another = LibvirtSite(site._settings)
        facts, calls = another.delete_disk(spec), calls + 1
        another.close()
        if facts.phase is VmPhase.ABSENT:
            break
        assert (facts.phase, facts.waiting_for) == (VmPhase.DISK_KEPT, "its disk is being overwritten")
        assert SECRET not in at(device, 600) + at(device, overwriting.PIECE - 4096)
        assert site.health().problems == ()
    assert calls == (1 << 30) // overwriting.PIECE
    with (group.folder / "disk").open("rb") as file:
        assert not any(SECRET in piece for piece in iter(lambda: file.read(1 << 20), b""))


def test_a_kept_disk_is_used_again_as_it_is_where_the_pool_cannot_enlarge_it(
    group: Group, site: LibvirtSite, tmp_path: Path
) -> None:
    spec = machine(tmp_path)
    site.ensure(spec)
    assert site.retire(spec).phase is VmPhase.DISK_KEPT
    with group.device(spec.names.disk).open("r+b") as file:
        file.seek(1 << 20)
        file.write(SECRET)
    again = site.ensure(replace(spec, restored=True, disk_gib=2))
    assert (again.phase, again.disk_gib) == (VmPhase.READY, 1)
    assert at(group.device(spec.names.disk), 1 << 20, len(SECRET)) == SECRET
    assert [one.disk_gib for one in site.inventory() if one.machine_id == spec.machine_id] == [1]
    site.undo(spec)


def test_a_pool_that_cannot_copy_an_image_is_refused_in_words(group: Group) -> None:
    conn = libvirt.open(group.host.uri)
    pool = "<pool type='disk'><name>plain</name><source><device path='/dev/null'/><format type='gpt'/></source><target><path>/dev</path></target></pool>"
    conn.storagePoolDefineXML(pool, 0)
    conn.close()
    settings = SiteSettings("plain", group.host.dns_domain, group.host.uri, "plain")
    site = LibvirtSite(settings)
    try:
        with pytest.raises(ProvisionerError, match="must be one of: dir, fs, gluster, logical"):
            site.images()
        assert any("in which libvirt cannot copy" in one for one in site.health().problems)
    finally:
        site.close()
