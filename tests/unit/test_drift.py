"""A site compared with its tickets: what is told, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from mailbot.model import Ticket, TicketState
from mailbot.turns.drift import Drift, Finding, Known, compare, keep, kept, mark_of
from parsers.translatable import say
from parsers.values import Verb
from provisioner.api import Found, SiteHealth
from tests.world import World

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
NOBODY = UUID(int=0)


def machine_id(number: int) -> UUID:
    return uuid5(NOBODY, str(number))


def ticket(state: TicketState, number: int = 1, site: str | None = "north") -> Ticket:
    return Ticket(
        number, state, "alice", "Alice", "alice@example.org", "", date(2027, 3, 31), 8, "<1@x>", "x", NOW, NOW, site=site
    )  # fmt: skip


def known(state: TicketState, number: int = 1, site: str | None = "north", *, at_rest: bool = True) -> Known:
    return Known(ticket(state, number, site), machine_id(number), at_rest)


RUNS = Found(machine_id(1), "alice-vm", "1", running=True, autostart=True, memory_mib=2048, disk_gib=8, filtered=True)
STOPPED = replace(RUNS, running=False, autostart=False)
DISK = Found(machine_id(1), disk_gib=8, filtered=True)


def kinds(state: TicketState, *there: Found) -> list[Drift]:
    return [one.drift for one in compare("north", [known(state)], there)]


@pytest.mark.parametrize(
    ("state", "there"),
    [(TicketState.ACTIVE, RUNS), (TicketState.EXPIRED, STOPPED), (TicketState.ARCHIVED, DISK)],
)
def test_what_is_as_its_ticket_says_is_not_told(state: TicketState, there: Found) -> None:
    assert kinds(state, there) == []


@pytest.mark.parametrize(
    ("state", "there", "told"),
    [
        (TicketState.ACTIVE, (), [Drift.MISSING]),
        (TicketState.ACTIVE, (DISK,), [Drift.MISSING]),
        (TicketState.EXPIRED, (), [Drift.MISSING]),
        (TicketState.ARCHIVED, (), [Drift.DISK_LOST]),
        (TicketState.ACTIVE, (replace(RUNS, disk_gib=None),), [Drift.DISK_LOST]),
        (TicketState.ACTIVE, (replace(RUNS, disk_gib=4),), [Drift.DISK_SIZE]),
        (TicketState.ACTIVE, (STOPPED,), [Drift.OFF]),
        (TicketState.EXPIRED, (RUNS,), [Drift.AUTOSTART, Drift.ON]),
        (TicketState.EXPIRED, (replace(STOPPED, autostart=True),), [Drift.AUTOSTART]),
        (TicketState.ACTIVE, (replace(RUNS, autostart=False),), [Drift.AUTOSTART]),
        (TicketState.ACTIVE, (replace(RUNS, filtered=False),), [Drift.UNFILTERED]),
        (TicketState.ARCHIVED, (RUNS,), [Drift.AUTOSTART, Drift.ON]),
    ],
)
def test_what_is_not_as_its_ticket_says_is_told(
    state: TicketState, there: tuple[Found, ...], told: list[Drift]
) -> None:
    assert kinds(state, *there) == told


@pytest.mark.parametrize("state", [TicketState.APPROVED, TicketState.FAILED, TicketState.RETIRING])
@pytest.mark.parametrize("there", [(), (RUNS,), (STOPPED,), (DISK,)])
def test_a_machine_that_is_built_or_removed_is_known_and_not_judged(
    state: TicketState, there: tuple[Found, ...]
) -> None:
    assert kinds(state, *there) == []


def test_a_machine_that_something_waits_for_is_not_judged() -> None:
    assert compare("north", [known(TicketState.EXPIRED, at_rest=False)], [RUNS]) == ()


def test_what_no_ticket_knows_is_an_orphan_and_so_is_what_belongs_elsewhere() -> None:
    stranger = replace(RUNS, machine_id=machine_id(7), name="bob-vm", reference="7")
    one, two = compare("north", [known(TicketState.ACTIVE, site="south")], [RUNS, stranger])
    assert (one.drift, one.ticket, one.machine) == (Drift.ORPHAN, None, "alice-vm")
    assert "according to its ticket #1 it is at south" in one.said
    assert two.said == "bob-vm is at north (ticket 7 according to its own mark), but no ticket knows it."


def test_a_machine_without_a_mark_or_a_site_of_its_ticket_and_a_disk_without_a_name_are_orphans_in_words() -> None:
    unmarked = replace(RUNS, machine_id=machine_id(7), name="bob-vm", reference="")
    (one,) = compare("north", [], [unmarked])
    assert one.said == "bob-vm is at north, but no ticket knows it."
    (two,) = compare("north", [known(TicketState.APPROVED, site=None)], [DISK])
    assert (two.machine, two.said.partition(", but ")[2]) == (
        f"a disk of {machine_id(1)}",
        "according to its ticket #1 it is at no site.",
    )


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ((), "neither the machine nor its disk is at north any more."),
        ((DISK,), "the machine is no longer at north, but its disk is."),
    ],
)
def test_of_a_lost_machine_it_is_told_whether_its_disk_is_left(there: tuple[Found, ...], said: str) -> None:
    (one,) = compare("north", [known(TicketState.ACTIVE)], there)
    assert one.said == f"#1, alice: {said}"


def test_what_disagrees_is_told_by_ticket_and_orphans_first() -> None:
    stranger = replace(RUNS, machine_id=machine_id(7), name="bob-vm")
    found = compare("north", [known(TicketState.ACTIVE, 2), known(TicketState.ACTIVE, 1)], [stranger])
    assert [one.ticket for one in found] == [None, 1, 2]


def test_a_larger_disk_than_agreed_is_no_drift() -> None:
    assert kinds(TicketState.ACTIVE, replace(RUNS, disk_gib=20)) == []


def test_tickets_of_other_sites_are_not_missed_here() -> None:
    assert compare("north", [known(TicketState.ACTIVE, site="south"), known(TicketState.PENDING, 2, None)], []) == ()


# what can be answered to it


STRANGER = replace(
    RUNS, machine_id=machine_id(7), name="bob-vm", reference="7", owner="bob", expires_on=date(2027, 3, 31)
)


@pytest.mark.parametrize(
    ("there", "answers"),
    [
        (STRANGER, (Verb.ADOPT, Verb.FORGET)),
        (replace(STRANGER, owner=""), (Verb.FORGET,)),
        (replace(STRANGER, expires_on=None), (Verb.FORGET,)),
        (replace(STRANGER, name=None), ()),
    ],
)
def test_only_a_machine_that_says_whose_it_is_and_until_when_can_be_adopted(
    there: Found, answers: tuple[Verb, ...]
) -> None:
    (one,) = compare("north", [], [there])
    assert one.answers == answers


def test_what_belongs_to_a_ticket_of_another_site_is_not_adopted() -> None:
    (one,) = compare("north", [known(TicketState.ACTIVE, 7, site="south")], [STRANGER])
    assert one.answers == (Verb.FORGET,)


@pytest.mark.parametrize(
    ("state", "there", "answers", "fresh"),
    [
        (TicketState.ACTIVE, (), (Verb.REBUILD, Verb.FORGET), True),
        (TicketState.ACTIVE, (DISK,), (Verb.REBUILD, Verb.FORGET), False),
        (TicketState.ACTIVE, (replace(RUNS, disk_gib=None),), (Verb.REBUILD, Verb.FORGET), True),
        (TicketState.EXPIRED, (), (Verb.FORGET,), True),
        (TicketState.ARCHIVED, (), (), True),
        (TicketState.ACTIVE, (STOPPED,), (), False),
    ],
)
def test_a_lost_machine_is_built_again_with_another_disk_only_where_its_own_is_gone(
    state: TicketState, there: tuple[Found, ...], answers: tuple[Verb, ...], fresh: bool
) -> None:
    first, *_rest = compare("north", [known(state)], there)
    assert (first.answers, first.fresh) == (answers, fresh)


def test_two_findings_are_the_same_by_ticket_or_by_the_mark_or_by_the_name() -> None:
    lost = Finding(Drift.MISSING, 1, "alice-vm", say("gone."))
    strange = Finding(Drift.ORPHAN, None, "bob-vm", say("there."), mark=mark_of(STRANGER))
    assert lost.key == "missing:1"
    assert strange.key == replace(strange, machine="carol-vm").key == f"orphan:{machine_id(7)}"
    assert replace(strange, mark=None).key == "orphan:bob-vm"


@pytest.mark.parametrize(
    "there", [STRANGER, replace(STRANGER, expires_on=None, disk_gib=None), replace(STRANGER, name=None)]
)
def test_what_is_kept_of_findings_is_what_was_found(tmp_path: Path, there: Found) -> None:
    world = World(tmp_path)
    store = world.bot.context.store
    store.put_health(SiteHealth("north", reachable=True), NOW)
    store.put_health(SiteHealth("south", reachable=True), NOW)
    found = compare("north", [known(TicketState.ACTIVE)], [there])
    assert len(found) == 2
    keep(store, "north", found)
    assert kept(store) == {"north": found}
    keep(store, "north", ())
    assert kept(store) == {}
    world.close()
