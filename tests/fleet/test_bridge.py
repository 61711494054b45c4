"""A bridge that the host has already: machines have addresses of the site's own, and are held to them.

The host is a libvirtd in namespaces of its own, where the bridge is, too: what is asked of a guest is asked from in there.
"""

from __future__ import annotations

import secrets
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from pathlib import Path
from xml.etree import ElementTree as ET

import libvirt
import pytest

from contrib.demo.hypervisor import HypervisorProblem
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
        options = ["BatchMode=yes", "IdentitiesOnly=yes", "ConnectTimeout=20", "ServerAliveInterval=10"]
        options.append(f"UserKnownHostsFile={known}")
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

    _it_is_no_router(two, thief, neighbour, card)

    # What is told at every boot is what the seed says: after a restart the machine is where it was.
    before = two.at(thief, own, _BOOT)
    with suppress(HypervisorProblem):  # the connection ends with the system
        two.at(thief, own, "systemctl reboot")
    _until_booted_again(two, thief, own, before)
    until_ready(from_there, two.both, _PATIENCE_SECONDS)
    from_there.close()
    assert "198.51.100.30/24" in two.at(thief, own, "cat /run/systemd/network/05-mailbot.network")


_BOOT = "cat /proc/sys/kernel/random/boot_id"


def _until_booted_again(two: Pair, facts: VmFacts, address: str, before: str) -> None:
    """Its SSH server answers for a while yet when it goes down: it is another boot that counts."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with suppress(HypervisorProblem):  # not yet
            if two.at(facts, address, _BOOT) != before:
                return
        assert time.monotonic() < deadline, "it does not come back"
        time.sleep(2)


def _it_is_no_router(two: Pair, thief: VmFacts, neighbour: VmFacts, card: str) -> None:
    """What only a router says gets out of no guest; what it says of its neighbours to each other reaches none of them."""
    own, mac = "198.51.100.30", two.thief.names.mac
    address = {name: IPv6Address(f"2001:db8:7::{name}").packed.hex() for name in ("1", "30", "31", "66")}
    option = f"0201{mac.replace(':', '')}"
    advertisement, redirect = (
        f"86000000400007080000000000000000{option}",
        f"8900000000000000{address['30']}{address['66']}",
    )
    router = f"8800000020000000{address['1']}{option}"
    ear = inside(two.host.namespace, _ear)
    with ear:
        for message in (_PING, advertisement, redirect, router):
            said = f"perl -e {shlex.quote(_RAW)} $(cat /sys/class/net/{card}/ifindex) ff02::1 {message}"
            assert two.at(thief, own, said) == "sent"
        time.sleep(1)
        heard = _heard(ear, mac)
    assert 128 in heard, "what was sent like that is heard at the bridge"
    assert not {134, 137} & heard
    assert two.at(neighbour, "198.51.100.31", "ping -c 2 -W 2 -q 2001:db8:7::1 >/dev/null && echo reached") == "reached"

    # No filter of libvirt sees whose address this is about; a router whose neighbours are fixed does not believe it.
    fixed = ("2001:db8:7::31", "lladdr", two.neighbour.names.mac, "dev", "br7")
    two.host.run("ip", "neighbour", "replace", *fixed, "nud", "permanent")
    said = f"perl -e {shlex.quote(_RAW)} $(cat /sys/class/net/{card}/ifindex) 2001:db8:7::1 8800000020000000{address['31']}{option}"
    assert two.at(thief, own, said) == "sent"
    assert two.neighbour.names.mac in two.host.run("ip", "neighbour", "show", "to", "2001:db8:7::31")
    assert two.at(neighbour, "2001:db8:7::31", "hostname") == two.neighbour.name
    two.host.run("ip", "neighbour", "del", *fixed)


_PING = "8000000000010001"
_RAW = """
use Socket qw(:DEFAULT inet_pton); my ($card, $to, $message) = @ARGV;
socket(my $out, AF_INET6, SOCK_RAW, 58) or die $!;
setsockopt($out, 41, $_, pack("i", 255)) or die $! for (16, 18); setsockopt($out, 41, 17, pack("i", $card)) or die $!;
send($out, pack("H*", $message), 0, pack_sockaddr_in6(0, inet_pton(AF_INET6, $to), $card)) or die $!; print "sent";
"""
"""One ICMPv6 message as nobody but root sends it: with the hop limit of neighbour discovery (RFC 4861), from the card of that number."""


def _ear() -> socket.socket:
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
    ear.bind(("br7", 0x86DD))
    ear.setblocking(False)
    return ear


def _heard(ear: socket.socket, mac: str) -> set[int]:
    """The types of the ICMPv6 messages that came to the bridge from a card since it was asked last."""
    found, card = set(), bytes.fromhex(mac.replace(":", ""))
    with suppress(BlockingIOError):
        while True:
            frame = ear.recv(2048)
            if frame[6:12] == card and frame[20] == socket.IPPROTO_ICMPV6:
                found.add(frame[54])
    return found


def _where_it_is_routed(two: Pair) -> LibvirtSite:
    """The site for a bot that reaches the bridge: the SSH server with the keys that were shown has to answer it."""

    def probe(address: str, keys: tuple[str, ...], seconds: float) -> SshAnswer:
        return inside(two.host.namespace, lambda: ssh_answer(address, keys, seconds))

    return LibvirtSite(settings(two.host), probe)
