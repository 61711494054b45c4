"""A bridge that the host has already: machines have addresses of the site's own, and are held to them.

The host is a libvirtd in namespaces of its own, where the bridge is, too: what is asked of a guest is asked from in there.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import libvirt
import pytest

from provisioner import domain_xml
from provisioner.addressing import Bridge, read_range
from provisioner.api import Firmware, ProvisionerError, SiteSettings, VmFacts, VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.ssh_probe import SshAnswer, ssh_answer
from tests.hypervisor import make_key, make_spec, until_ready
from tests.second_host import SecondHost, inside

pytestmark = pytest.mark.long

BRIDGE = Bridge(
    "br7",
    (
        read_range("198.51.100.1/24", "198.51.100.10-198.51.100.250", 4),
        read_range("2001:db8:7::1/64", "2001:db8:7::10-2001:db8:7::ff", 6),
    ),
    ("198.51.100.1",),
)
_PATIENCE_SECONDS = 800


def settings(host: SecondHost, image: str = "") -> SiteSettings:
    return SiteSettings("far", host.dns_domain, host.uri, host.pool, image=image, bridge=BRIDGE)


def spec_with(key: str, name: str, number: int) -> VmSpec:
    spec = make_spec(f"{name}{secrets.token_hex(2)}", key)
    addresses = (f"198.51.100.{number}", f"2001:db8:7::{number}")
    return replace(spec, memory_mib=512, disk_gib=3, addresses=addresses)


# without a guest that boots


@pytest.fixture
def site(bridged: SecondHost, hollow_image: LocalImage) -> Iterator[LibvirtSite]:
    site = LibvirtSite(settings(bridged), lambda *_: SshAnswer.EXPECTED)
    site.register_image(hollow_image)
    yield site
    site.close()


@pytest.fixture
def spec(site: LibvirtSite, tmp_path: Path) -> Iterator[VmSpec]:
    one = spec_with(make_key(tmp_path)[1], "alice", 20)
    yield one
    site.undo(one)


def test_a_machine_on_a_bridge_has_its_own_addresses_its_filter_and_a_port_apart(
    bridged: SecondHost, site: LibvirtSite, spec: VmSpec
) -> None:
    facts = site.ensure(spec)
    assert (facts.phase, facts.address) == (VmPhase.BOOTING, "198.51.100.20")
    conn = libvirt.open(bridged.uri)
    card = ET.fromstring(conn.lookupByName(spec.name).XMLDesc(0)).find("devices/interface")
    assert card is not None
    assert (card.get("type"), card.find("source").get("bridge")) == ("bridge", "br7")  # type: ignore[union-attr]
    assert card.find("port").get("isolated") == "yes"  # type: ignore[union-attr]
    held = {(one.get("name"), one.get("value")) for one in card.iterfind("filterref/parameter")}
    assert {("IP", "198.51.100.20"), ("IPV6", "2001:db8:7::20")} <= held
    assert any(name == "IPV6" and str(value).startswith("fe80::5054:ff:fe") for name, value in held)
    assert conn.nwfilterLookupByName(domain_xml.FILTER_WITH_IPV6).name()
    assert spec.name not in conn.networkLookupByName("default").XMLDesc(0), "nothing of it is in a libvirt network"
    conn.close()


def test_another_process_goes_on_with_a_machine_on_a_bridge_and_its_neighbours_are_not_counted(
    bridged: SecondHost, site: LibvirtSite, spec: VmSpec
) -> None:
    site.ensure(spec)
    again = LibvirtSite(settings(bridged), lambda *_: SshAnswer.EXPECTED)
    assert again.ensure(spec).address == "198.51.100.20"
    assert (again.health().machines, again.health().problems) == (1, ())
    assert [(one.name, one.filtered, one.addresses) for one in again.inventory()] == [(spec.name, True, spec.addresses)]
    in_network = LibvirtSite(replace(settings(bridged), bridge=None))
    assert in_network.health().machines == 0, "a site of the same host with another network has others"
    assert again.retire(spec).phase is VmPhase.DISK_KEPT
    assert again.ensure(replace(spec, restored=True)).address == "198.51.100.20"
    for one in (again, in_network):
        one.close()


def test_a_machine_without_an_address_is_not_built_and_a_bridge_that_is_missing_is_named(
    bridged: SecondHost, site: LibvirtSite, spec: VmSpec
) -> None:
    with pytest.raises(ProvisionerError, match="has no address in the range of the bridge br7") as caught:
        site.ensure(replace(spec, addresses=()))
    assert caught.value.permanent
    nowhere = LibvirtSite(replace(settings(bridged), bridge=replace(BRIDGE, name="br8")))
    with pytest.raises(ProvisionerError, match="br8"):
        nowhere.ensure(spec)
    assert any("The bridge br8 of the site far cannot be used" in one for one in nowhere.health().problems)
    nowhere.undo(spec)
    nowhere.close()


def test_a_machine_that_starts_by_efi_leaves_none_of_its_variables_behind(
    bridged: SecondHost, site: LibvirtSite, spec: VmSpec
) -> None:
    by_efi = LibvirtSite(replace(settings(bridged), firmware=Firmware.EFI))
    by_efi.ensure(spec)
    conn = libvirt.open(bridged.uri)
    system = ET.fromstring(conn.lookupByName(spec.name).XMLDesc(0)).find("os")
    assert system is not None
    assert "OVMF" in str(system.findtext("loader"))
    kept = Path(f"/proc/{bridged.first_process}/root{system.findtext('nvram')}")
    assert kept.exists()
    by_efi.retire(spec)
    assert not kept.exists()
    assert spec.name not in [one.name() for one in conn.listAllDomains(0)]
    conn.close()
    by_efi.close()


# with two guests


@dataclass
class Pair:
    """Two guests on the bridge, of which one will try to be the other."""

    folder: Path
    key: Path
    thief: VmSpec
    neighbour: VmSpec
    host: SecondHost

    @property
    def both(self) -> tuple[VmSpec, VmSpec]:
        return self.thief, self.neighbour

    def at(self, facts: VmFacts, address: str, command: str) -> str:
        """Run a command as root of a guest, at one of its addresses."""
        known = self.folder / "known_hosts"
        known.write_text("".join(f"{address} {line}\n" for line in facts.host_keys))
        options = ("BatchMode=yes", "IdentitiesOnly=yes", "ConnectTimeout=20", f"UserKnownHostsFile={known}")
        chosen = [word for one in options for word in ("-o", one)]
        return self.host.run("ssh", "-i", str(self.key), *chosen, f"root@{address}", command).strip()


@pytest.fixture
def pair(bridged: SecondHost, base_image: LocalImage, tmp_path: Path) -> Iterator[tuple[Pair, LibvirtSite]]:
    def unreachable(*_: object) -> SshAnswer:
        raise AssertionError("the bridge is in a network that cannot be reached from here")

    not_routed = replace(settings(bridged, base_image.label), bridge=replace(BRIDGE, routed=False))
    site = LibvirtSite(not_routed, unreachable)
    site.register_image(base_image)
    key, line = make_key(tmp_path)
    two = Pair(tmp_path, key, spec_with(line, "thief", 30), spec_with(line, "neighbour", 31), bridged)
    yield two, site
    for spec in (two.thief, two.neighbour):
        site.undo(spec)
    site.close()


@pytest.mark.boots
@pytest.mark.timeout(1800)
def test_guests_on_a_bridge_answer_at_their_addresses_and_cannot_take_each_others(
    pair: tuple[Pair, LibvirtSite],
) -> None:
    two, site = pair
    thief, neighbour = until_ready(site, two.both, _PATIENCE_SECONDS)
    for facts, number, spec in ((thief, 30, two.thief), (neighbour, 31, two.neighbour)):
        for address in (f"198.51.100.{number}", f"2001:db8:7::{number}"):
            assert two.at(facts, address, "hostname") == spec.name
    from_there = _where_it_is_routed(two)
    until_ready(from_there, two.both, _PATIENCE_SECONDS)
    own = "198.51.100.30"
    ping = "ping -c 2 -W 2 -q"
    assert two.at(thief, own, f"{ping} 198.51.100.1 >/dev/null && echo reached") == "reached"
    assert two.at(thief, own, f"{ping} 2001:db8:7::1 >/dev/null && echo reached") == "reached"
    for other in ("198.51.100.31", "2001:db8:7::31"):
        assert two.at(thief, own, f"{ping} {other} >/dev/null || echo apart") == "apart"

    card = two.at(thief, own, "ip -o route get 198.51.100.1").split(" dev ")[1].split()[0]
    for stolen, length, router in (("198.51.100.31", 24, "198.51.100.1"), ("2001:db8:7::31", 64, "2001:db8:7::1")):
        two.at(thief, own, f"ip address add {stolen}/{length} dev {card} {'nodad' if ':' in stolen else ''}")
        said = two.at(thief, own, f"{ping} -I {stolen} {router} >/dev/null && echo stolen || echo refused")
        assert said == "refused"
        two.host.run("ip", "neighbour", "flush", "to", stolen)
        assert two.at(neighbour, "198.51.100.31", "hostname") == two.neighbour.name
        assert two.at(neighbour, "2001:db8:7::31", "hostname") == two.neighbour.name
        two.at(thief, own, f"ip address del {stolen}/{length} dev {card}")

    # What is told at every boot is what the seed says: after a restart the machine is where it was.
    with suppress(Exception):
        two.at(thief, own, shlex.join(["systemctl", "reboot"]))
    time.sleep(5)
    until_ready(from_there, two.both, _PATIENCE_SECONDS)
    from_there.close()
    assert "198.51.100.30/24" in two.at(thief, own, "cat /run/systemd/network/05-mailbot.network")


def _where_it_is_routed(two: Pair) -> LibvirtSite:
    """The site for a bot that reaches the bridge: the SSH server with the keys that were shown has to answer it."""

    def probe(address: str, keys: tuple[str, ...], seconds: float) -> SshAnswer:
        return inside(two.host.namespace, lambda: ssh_answer(address, keys, seconds))

    return LibvirtSite(settings(two.host), probe)
