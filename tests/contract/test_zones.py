"""Names in zones: the stand-in, and a real BIND by signed updates."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import dns.update
import pytest

from mailbot.adapters.zones.dynamic import DynamicZones
from mailbot.adapters.zones.memory import MemoryZones
from mailbot.errors import NameServerUnavailable, NameTaken
from mailbot.ports import Records, Zones
from tests.name_server import FORWARD, NameServer, name_server

ALICE, BOB = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"
NAME, PRINTER = f"alice-vm.{FORWARD}", f"printer.{FORWARD}"
FOUR, SIX, OTHER = "192.0.2.10", "2001:db8::10", "192.0.2.11"


@dataclass
class Lab:
    """Zones, and a look at what is in them."""

    zones: Zones
    addresses: Callable[[str], set[str]]
    name_of: Callable[[str], set[str]]


@pytest.fixture(scope="module")
def bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    with name_server(tmp_path_factory.mktemp("bind")) as server:
        yield server


@pytest.fixture(params=["memory", "bind"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    if request.param == "memory":
        memory = MemoryZones((FORWARD,), names={PRINTER: ("", ("192.0.2.200",))})
        yield Lab(
            memory,
            lambda name: set(memory.names.get(name, ("", ()))[1]),
            lambda address: {memory.pointers[address][1]} if address in memory.pointers else set(),
        )
        return
    server: NameServer = request.getfixturevalue("bind")
    zones = DynamicZones(server.zones)

    def pointer(address: str) -> set[str]:
        return {one.rstrip(".") for one in server.records(ipaddress.ip_address(address).reverse_pointer, "PTR")}

    yield Lab(zones, lambda name: server.records(name, "A") | server.records(name, "AAAA"), pointer)
    for owner in (ALICE, BOB):
        zones.withdraw(NAME, owner)
        for address in (FOUR, SIX, OTHER):
            zones.unpoint(address, owner)


def test_a_name_stands_for_its_addresses_however_often_it_is_published(lab: Lab) -> None:
    for _ in range(2):
        lab.zones.publish(NAME, ALICE, (FOUR, SIX))
        assert lab.addresses(NAME) == {FOUR, SIX}
    lab.zones.publish(NAME, ALICE, (OTHER,))
    assert lab.addresses(NAME) == {OTHER}


def test_a_name_that_is_taken_away_is_gone_and_can_be_anothers(lab: Lab) -> None:
    lab.zones.publish(NAME, ALICE, (FOUR,))
    for _ in range(2):
        lab.zones.withdraw(NAME, ALICE)
        assert lab.addresses(NAME) == set()
    lab.zones.publish(NAME, BOB, (OTHER,))
    assert lab.addresses(NAME) == {OTHER}


def test_what_is_somebody_elses_is_never_touched(lab: Lab) -> None:
    lab.zones.publish(NAME, ALICE, (FOUR,))
    for name, there in ((NAME, {FOUR}), (PRINTER, {"192.0.2.200"})):
        with pytest.raises(NameTaken, match=name):
            lab.zones.publish(name, BOB, (OTHER,))
        lab.zones.withdraw(name, BOB)
        assert lab.addresses(name) == there


def test_addresses_of_both_families_lead_back_to_the_name(lab: Lab) -> None:
    for address in (FOUR, SIX):
        for _ in range(2):
            lab.zones.point(address, NAME, ALICE)
            assert lab.name_of(address) == {NAME}
        with pytest.raises(NameTaken):
            lab.zones.point(address, NAME, BOB)
        lab.zones.unpoint(address, BOB)
        assert lab.name_of(address) == {NAME}
        lab.zones.unpoint(address, ALICE)
        lab.zones.unpoint(address, ALICE)
        assert lab.name_of(address) == set()


def test_what_a_zone_has_of_a_name_tells_whose_it_is_and_where_its_addresses_lead(lab: Lab) -> None:
    assert lab.zones.records(NAME, ALICE) == Records(frozenset(), owned=False)
    assert lab.zones.leads_to(FOUR) == frozenset()
    lab.zones.publish(NAME, ALICE, (FOUR, SIX))
    lab.zones.point(SIX, NAME, ALICE)
    assert lab.zones.records(NAME, ALICE) == Records(frozenset({FOUR, SIX}), owned=True)
    assert lab.zones.records(NAME, BOB) == Records(frozenset({FOUR, SIX}), owned=False)
    assert (lab.zones.leads_to(FOUR), lab.zones.leads_to(SIX)) == (frozenset(), {NAME})
    assert lab.zones.records(PRINTER, ALICE) == Records(frozenset({"192.0.2.200"}), owned=False)
    assert lab.zones.records("alice-vm.elsewhere.example", ALICE) == Records(frozenset(), owned=False)


def test_a_name_of_no_zone_of_ours_is_nobodys_business(lab: Lab) -> None:
    assert (lab.zones.zone_of(NAME), lab.zones.zone_of("alice-vm.elsewhere.example")) == (FORWARD, "")
    lab.zones.publish("alice-vm.elsewhere.example", ALICE, (FOUR,))
    lab.zones.withdraw("alice-vm.elsewhere.example", ALICE)


# what only a server can do


def test_a_server_that_is_away_and_one_that_knows_another_key_say_so(bind: NameServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for wrong in (
        bind.zone(FORWARD, port=port),
        bind.zone(FORWARD, secret=lambda: "c2VjcmV0"),
        bind.zone(FORWARD, key_name="x"),
    ):
        zones = DynamicZones((wrong,))
        with pytest.raises(NameServerUnavailable, match=r"127\.0\.0\.1 of the zone testbed\.example does not answer"):
            zones.publish(NAME, ALICE, (FOUR,))
        with pytest.raises(NameServerUnavailable):
            zones.records(NAME, ALICE)
        assert zones.look()[FORWARD]
    assert bind.records(NAME, "A") == set()


def test_a_server_that_says_nothing_is_given_up_in_time(bind: NameServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        zones = DynamicZones((bind.zone(FORWARD, port=silent.getsockname()[1], timeout_seconds=0.2),))
        with pytest.raises(NameServerUnavailable, match="Timeout"):
            zones.publish(NAME, ALICE, (FOUR,))


def test_a_zone_that_the_server_does_not_have_is_refused_by_it(bind: NameServer) -> None:
    zones = DynamicZones((replace(bind.zone(FORWARD), name="other.example"),))
    with pytest.raises(NameServerUnavailable, match=r"NOTAUTH|REFUSED"):
        zones.publish("alice-vm.other.example", ALICE, (FOUR,))
    with pytest.raises(NameServerUnavailable, match="REFUSED"):
        zones.records("alice-vm.other.example", ALICE)
    assert DynamicZones((bind.zone(FORWARD),)).leads_to(FOUR) is None, "no zone of ours has it"
    assert DynamicZones(bind.zones).look() == {zone.name: "" for zone in bind.zones}


def test_other_records_of_a_name_that_is_ours_stay(bind: NameServer) -> None:
    zones = DynamicZones(bind.zones)
    zones.publish(NAME, ALICE, (FOUR,))
    key = dns.tsig.Key("mailbot", bind.secret, "hmac-sha256")
    by_hand = dns.update.UpdateMessage(FORWARD, keyring=key)
    by_hand.add("alice-vm", 300, "MX", "10 ns.testbed.example.")
    dns.query.tcp(by_hand, "127.0.0.1", port=bind.port, timeout=5)
    zones.publish(NAME, ALICE, (OTHER,))
    zones.withdraw(NAME, ALICE)
    assert bind.records(NAME, "A") == set()
    assert bind.records(NAME, "MX") == {"10 ns.testbed.example."}
    by_hand = dns.update.UpdateMessage(FORWARD, keyring=key)
    by_hand.delete("alice-vm")
    dns.query.tcp(by_hand, "127.0.0.1", port=bind.port, timeout=5)
