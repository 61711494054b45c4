"""How many machines may go at once before an admin is asked: the function that the daemon and the simulation share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from mailbot.lifecycle.brake import Brake, Braking, Fleet, braked
from mailbot.model import Ticket, TicketState
from mailbot.rules import LeaseRules

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
THREE = LeaseRules(brake_machines=3, brake_percent=0)
NOTHING = Braking()


def ticket(number: int, state: TicketState = TicketState.ACTIVE) -> Ticket:
    return Ticket(
        number, state, "alice", "Alice", "alice@example.org", "", date(2027, 3, 31), 8, "<1@x>", "x", NOW, NOW, version=7
    )  # fmt: skip


def due(*numbers: int) -> list[Ticket]:
    return [ticket(number) for number in numbers]


def fleet(tickets: Sequence[Ticket], living: int = 1000, harmless: Collection[int] = ()) -> Fleet:
    by_number = {one.id: one for one in tickets}
    return Fleet(by_number.get, lambda most: min(most, living), lambda one: one.id not in harmless)


def test_as_many_as_the_number_go_and_one_more_waits_with_all() -> None:
    assert braked(None, due(1, 2, 3), fleet([]), THREE) == NOTHING
    four = braked(None, due(1, 2, 3, 4), fleet([]), THREE)
    assert four == Braking(frozenset({1, 2, 3, 4}), dict.fromkeys((1, 2, 3, 4), 7))


def test_of_no_more_than_the_number_none_is_looked_at() -> None:
    def looked(one: Ticket) -> bool:
        raise AssertionError(one)

    assert braked(None, due(1, 2, 3), replace(fleet([]), destructive=looked), THREE) == NOTHING


def test_only_what_would_be_stopped_removed_or_deleted_counts() -> None:
    waiting = ticket(4, TicketState.PENDING)
    assert braked(None, [*due(1, 2, 3), waiting], fleet([]), THREE) == NOTHING
    assert braked(None, due(1, 2, 3, 4), fleet([], harmless={4}), THREE) == NOTHING


@pytest.mark.parametrize(("living", "waits"), [(39, True), (40, False)])
def test_a_share_of_a_large_fleet_may_go(living: int, waits: bool) -> None:
    rules = replace(THREE, brake_percent=10)
    assert bool(braked(None, due(1, 2, 3, 4), fleet([], living), rules).waiting) is waits


def test_machines_are_counted_only_as_far_as_it_matters() -> None:
    asked: list[int] = []

    def living(most: int) -> int:
        asked.append(most)
        return most

    rules = replace(THREE, brake_percent=30)
    assert braked(None, due(1, 2, 3, 4), replace(fleet([]), living=living), rules) == NOTHING
    assert asked == [14], "four are 30 % of thirteen and a third"


def test_while_a_brake_holds_every_further_one_waits_without_another_letter() -> None:
    known = due(1, 2, 3, 4, 5)
    brake = Brake(1, dict.fromkeys((1, 2, 3, 4), 7))
    assert braked(brake, due(1, 5), fleet(known), THREE) == Braking(frozenset({1, 5}))
    assert braked(brake, [ticket(5, TicketState.PENDING)], fleet(known), THREE) == NOTHING


def test_too_many_more_pull_it_again_for_all() -> None:
    known = due(*range(1, 9))
    brake = Brake(1, {1: 7, 2: 7})
    again = braked(brake, due(1, 5, 6, 7, 8), fleet(known), THREE)
    assert again == Braking(frozenset({1, 5, 6, 7, 8}), dict.fromkeys((1, 2, 5, 6, 7, 8), 7))


@pytest.mark.parametrize(
    "changed",
    [
        [],
        [replace(ticket(1), version=8)],
        [replace(ticket(1), held="a question of law")],
    ],
)
def test_a_brake_whose_tickets_are_gone_changed_or_held_holds_nothing_any_more(changed: list[Ticket]) -> None:
    assert braked(Brake(1, {1: 7}), due(5), fleet(changed), THREE) == NOTHING


def test_what_was_let_go_goes_and_the_next_step_of_it_does_not() -> None:
    released = Brake(1, dict.fromkeys(range(1, 6), 7), released_by="carol")
    known = due(*range(1, 10))
    assert braked(released, due(1, 2, 3, 4, 5), fleet(known), THREE) == NOTHING
    assert braked(released, due(1, 2, 3, 6), fleet(known), THREE) == NOTHING, "only one of them is new"
    later = [replace(one, version=8) for one in due(1, 2, 3, 4)]
    assert braked(released, later, fleet(known), THREE).waiting == {1, 2, 3, 4}


def test_a_brake_holds_a_ticket_only_as_it_was() -> None:
    brake = Brake(1, {1: 7})
    assert brake.holds(ticket(1))
    assert not brake.holds(replace(ticket(1), version=8))
    assert not brake.holds(ticket(2))
    assert not brake.holds(None)
