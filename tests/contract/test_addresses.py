"""Addresses on bridges: each belongs to one ticket of its site, from the turn that places it until it is over."""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime

import pytest

from mailbot.adapters.database.store import Database
from mailbot.archive import Whom
from mailbot.errors import Conflict, NoAddress
from mailbot.model import AddressRange, Ticket, TicketState, Turn
from mailbot.ports import Store
from provisioner.addressing import read_range
from tests.contract.test_store import a_ticket

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SMALL = AddressRange("main", read_range("192.0.2.1/24", "192.0.2.10-192.0.2.12", 4))
OTHER = AddressRange("main", read_range("198.51.100.1/24", "198.51.100.10-198.51.100.99", 4))
SIX = AddressRange("main", read_range("2001:db8::1/64", "2001:db8::10-2001:db8::ffff", 6))


def opened(store: Store, username: str, *ranges: AddressRange) -> Ticket:
    stored = store.commit(Turn(NOW, ticket=a_ticket(username, TicketState.APPROVED), addresses=ranges or None))
    assert stored is not None
    return stored


def changed(store: Store, ticket: Ticket, *ranges: AddressRange, state: TicketState | None = None) -> Ticket:
    after = dataclasses.replace(ticket, state=state or ticket.state)
    turn = Turn(NOW, ticket=after, expected_revision=ticket.revision, addresses=ranges or None)
    stored = store.commit(turn)
    assert stored is not None
    return stored


def test_a_ticket_holds_one_address_of_each_range_and_keeps_it_when_it_is_asked_again(store: Store) -> None:
    ticket = opened(store, "alice", SMALL, SIX)
    held = store.addresses(ticket.id)
    assert [one.holds("main", address) for one in (SMALL, SIX) for address in held].count(True) == 2
    assert store.addresses(changed(store, ticket, SMALL, SIX).id) == held
    assert store.taken_addresses() == {"main": frozenset(held)}


def test_what_is_kept_about_a_person_names_the_addresses_of_their_machines(store: Store) -> None:
    ticket, other = opened(store, "alice", SMALL), opened(store, "bob", SMALL)
    held = tuple(store.addresses(ticket.id))
    assert store.archive.about(Whom("alice")).machine_addresses == {ticket.id: held}

    changed(store, ticket, state=TicketState.DENIED)
    assert store.archive.about(Whom("alice")).machine_addresses == {}
    assert store.archive.about(Whom("bob")).machine_addresses.keys() == {other.id}


def test_no_two_machines_of_a_site_have_one_address_and_a_full_range_says_so(store: Store) -> None:
    tickets = [opened(store, name, SMALL) for name in ("alice", "bob", "carol")]
    assert len({address for one in tickets for address in store.addresses(one.id)}) == 3
    with pytest.raises(NoAddress, match=r"192\.0\.2\.10-192\.0\.2\.12 of the site main are taken"):
        opened(store, "dave", SMALL)
    assert len(store.tickets()) == 3, "nothing of that turn was written"
    elsewhere = dataclasses.replace(SMALL, site="far")
    assert store.addresses(opened(store, "dave", elsewhere).id), "another site has the same addresses to itself"


def test_a_ticket_that_goes_elsewhere_gives_its_address_back_once_it_no_longer_holds_it(store: Store) -> None:
    ticket = opened(store, "alice", SMALL)
    (first,) = store.addresses(ticket.id)
    ticket = changed(store, ticket, SMALL, OTHER)
    assert first in store.addresses(ticket.id)
    assert len(store.addresses(ticket.id)) == 2
    ticket = changed(store, ticket, OTHER)
    (second,) = store.addresses(ticket.id)
    assert OTHER.holds("main", second)
    ticket = changed(store, ticket)
    assert store.addresses(ticket.id) == [second], "a turn that says nothing of addresses changes none"


@pytest.mark.parametrize("state", [TicketState.ARCHIVED, TicketState.FAILED])
def test_a_ticket_that_may_come_back_keeps_its_address(store: Store, state: TicketState) -> None:
    ticket = opened(store, "alice", SMALL)
    held = store.addresses(ticket.id)
    assert store.addresses(changed(store, ticket, state=state).id) == held


@pytest.mark.parametrize("state", [TicketState.REMOVED, TicketState.DENIED, TicketState.LAPSED, TicketState.WITHDRAWN])
def test_a_ticket_that_is_over_has_no_address(store: Store, state: TicketState) -> None:
    ticket = opened(store, "alice", SMALL)
    assert store.addresses(changed(store, ticket, state=state).id) == []
    assert store.taken_addresses() == {}


def test_a_ticket_that_comes_back_has_the_address_of_its_machine_where_nobody_else_has_it(store: Store) -> None:
    turn = Turn(NOW, ticket=a_ticket("alice"), addresses=(OTHER,), has_already=("198.51.100.77", "192.0.2.10"))
    first = store.commit(turn)
    assert first is not None
    assert store.addresses(first.id) == ["198.51.100.77"]
    second = store.commit(dataclasses.replace(turn, ticket=a_ticket("bob")))
    assert second is not None
    assert store.addresses(second.id) != ["198.51.100.77"]
    assert len(store.addresses(second.id)) == 1


def test_turns_at_the_same_time_take_different_addresses(store: Database) -> None:
    wide = AddressRange("main", read_range("203.0.113.1/24", "203.0.113.2-203.0.113.21", 4))
    barrier = threading.Barrier(10)

    def take(number: int) -> None:
        barrier.wait()
        opened(store, f"user{number}", wide)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(10)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(store.taken_addresses()["main"]) == 10


def test_a_turn_that_lost_its_ticket_takes_no_address(store: Store) -> None:
    ticket = opened(store, "alice")
    changed(store, ticket)
    with pytest.raises(Conflict):
        changed(store, ticket, SMALL)
    assert store.taken_addresses() == {}
