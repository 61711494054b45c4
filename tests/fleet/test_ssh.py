"""A host that is reached by SSH (`qemu+ssh`): everything works over it, and what is wrong with the way is said and passes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from provisioner.addressing import Bridge, read_range
from provisioner.api import SiteSettings, SiteUnreachable, VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.ssh_probe import SshAnswer
from tests.hypervisor import make_key, make_spec
from tests.second_host import SecondHost
from tests.ssh_way import SshWay, ssh_way

pytestmark = pytest.mark.long

BRIDGE = Bridge("br7", (read_range("198.51.100.1/24", "198.51.100.10-198.51.100.250", 4),))


@pytest.fixture
def way(bridged: SecondHost, tmp_path: Path) -> SshWay:
    return ssh_way(tmp_path, bridged)


@pytest.fixture
def site(way: SshWay, hollow_image: LocalImage) -> Iterator[LibvirtSite]:
    settings = SiteSettings(
        "far",
        way.host.dns_domain,
        way.uri,
        way.host.pool,
        filtered=False,
        bridge=BRIDGE,
        connect_timeout=timedelta(seconds=20),
    )
    site = LibvirtSite(settings, lambda *_: SshAnswer.EXPECTED)
    site.register_image(hollow_image)
    yield site
    site.close()


@pytest.fixture
def spec(site: LibvirtSite, tmp_path: Path) -> Iterator[VmSpec]:
    made = make_spec(f"alice{secrets.token_hex(3)}", make_key(tmp_path)[1])
    one = replace(made, addresses=("198.51.100.40",), memory_mib=64, disk_gib=1)
    yield one
    site.undo(one)


def test_a_machine_is_built_looked_at_and_taken_away_over_ssh(way: SshWay, site: LibvirtSite, spec: VmSpec) -> None:
    assert way.servers(), "the connection goes through our server"
    facts = site.ensure(spec)
    assert (facts.phase, facts.address) == (VmPhase.BOOTING, "198.51.100.40")
    assert site.ensure(replace(spec, restored=True)).phase is VmPhase.READY
    assert site.health().machines == 1
    assert [one.name for one in site.inventory()] == [spec.name]
    base, *_, disk = site.parts(spec)
    assert b"".join(site.read(base.name, 0, 4)) == b"QFI\xfb", "a disk is read through it"
    assert disk.base == base.name
    assert site.power_off(spec).phase is VmPhase.STOPPED
    assert site.retire(spec).phase is VmPhase.DISK_KEPT
    assert site.delete_disk(spec).phase is VmPhase.ABSENT


def test_a_link_that_breaks_is_made_again_and_the_machine_is_where_it_was(
    way: SshWay, site: LibvirtSite, spec: VmSpec
) -> None:
    site.ensure(spec)
    way.cut()
    try:
        again = site.facts(spec)
    except SiteUnreachable:  # noticed in the middle of the call: the next one opens another connection
        again = site.facts(spec)
    assert again.phase is VmPhase.BOOTING
    assert site.ensure(spec).address == "198.51.100.40"
    assert site.health().machines == 1


def test_a_server_with_another_host_key_is_not_believed_and_one_that_does_not_know_us_says_so(
    way: SshWay, site: LibvirtSite, spec: VmSpec
) -> None:
    site.close()
    way.another_host_key()
    with pytest.raises(SiteUnreachable, match="Host key verification failed") as caught:
        site.facts(spec)
    assert not caught.value.begun
    way.believe()
    way.let_in(us=False)
    with pytest.raises(SiteUnreachable, match="Permission denied"):
        site.facts(spec)
    way.let_in(us=True)
    assert site.facts(spec).phase is VmPhase.ABSENT
