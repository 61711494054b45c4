"""When admins are told what disagrees, what of it is remembered, and which answer means which finding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.model import Refusal
from mailbot.turns import drift, findings
from mailbot.turns.drift import Drift, Finding
from mailbot.turns.finding_replies import chosen
from mailbot.turns.findings import AGAIN_AFTER, KEPT, LISTED, Placed, listed, tell
from parsers.translatable import say
from parsers.values import Verb
from provisioner.api import SiteHealth
from tests.world import ADMINS, World

SECOND = timedelta(seconds=1)


def lost(number: int, kind: Drift = Drift.MISSING) -> Finding:
    return Finding(kind, number, f"user{number}-vm", say("it is gone."), (Verb.REBUILD, Verb.FORGET))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.bot.context.store.put_health(SiteHealth("north", reachable=True), made.now)
    yield made
    made.close()


def disagrees(world: World, *found: Finding) -> int:
    """What a look at north has come to; gives how many letters that made."""
    drift.keep(world.bot.context.store, "north", found)
    return tell(world.bot.context)


def known(world: World) -> frozenset[str]:
    told = findings.read(world.bot.context.store)
    return told.known if told else frozenset()


def named(world: World, letter: int) -> tuple[str, ...]:
    return tuple(one.key for one in findings.of_letter(world.bot.context.store, letter))


def test_where_all_agrees_nothing_is_told_and_nothing_remembered(world: World) -> None:
    assert disagrees(world) == 0
    assert findings.read(world.bot.context.store) is None


def test_what_an_owner_may_do_is_not_told(world: World) -> None:
    assert disagrees(world, lost(1, Drift.OFF)) == 0
    assert disagrees(world, lost(1, Drift.OFF), lost(2)) == len(ADMINS)
    assert known(world) == {"north:missing:2"}


def test_the_next_letter_waits_for_an_hour_and_names_only_what_is_new(world: World) -> None:
    assert disagrees(world, lost(1)) == len(ADMINS)
    world.clock.advance(AGAIN_AFTER - SECOND)
    assert disagrees(world, lost(1), lost(2)) == 0
    assert known(world) == {"north:missing:1"}
    world.clock.advance(SECOND)
    assert disagrees(world, lost(1), lost(2)) == len(ADMINS)
    assert known(world) == {"north:missing:1", "north:missing:2"}
    assert named(world, 1) == ("north:missing:1",)
    assert named(world, 2) == ("north:missing:2",)


def test_what_agrees_again_is_forgotten_at_once_and_told_when_it_comes_back(world: World) -> None:
    disagrees(world, lost(1), lost(2))
    assert disagrees(world, lost(2)) == 0
    assert known(world) == {"north:missing:2"}
    assert named(world, 1) == ("north:missing:2",)
    world.clock.advance(AGAIN_AFTER)
    assert disagrees(world, lost(1), lost(2)) == len(ADMINS)
    assert named(world, 2) == ("north:missing:1",)


def test_the_newest_letters_are_remembered_and_no_older_ones(world: World) -> None:
    for number in range(1, KEPT + 3):
        disagrees(world, *(lost(one) for one in range(1, number + 1)))
        world.clock.advance(AGAIN_AFTER)
    store = world.bot.context.store
    assert [findings.is_letter(store, number) for number in range(1, 6)] == [False, False, True, True, True]
    assert named(world, KEPT + 2) == (f"north:missing:{KEPT + 2}",)


@pytest.mark.parametrize(("found", "more"), [(LISTED, ""), (LISTED + 1, "and 1 more"), (LISTED + 7, "and 7 more")])
def test_a_letter_names_forty_and_says_how_many_more_there_are(found: int, more: str) -> None:
    lines = listed([Placed("north", lost(number)) for number in range(1, found + 1)])
    assert len(lines) == LISTED + bool(more)
    assert str(lines[-1].said).startswith(more or "it is gone")


def test_a_machine_of_a_ticket_is_offered_other_words_than_one_of_nobody() -> None:
    unknown = Finding(Drift.ORPHAN, None, "bob-vm", say("it is there."), (Verb.ADOPT, Verb.FORGET))
    of_ticket, of_nobody = listed([Placed("north", lost(1)), Placed("north", unknown)])
    assert (of_ticket.known, of_nobody.known) == (True, False)


@pytest.mark.parametrize(
    ("verb", "machine", "meant"),
    [
        (Verb.REBUILD, "user1-vm", "user1-vm"),
        (Verb.FORGET, "bob-vm", "bob-vm"),
        (Verb.ADOPT, "", "bob-vm"),
        (Verb.REBUILD, "", "Please name the machine: user1-vm (north), user2-vm (north)."),
        (Verb.ADOPT, "user1-vm", "There is no longer anything that “adopt user1-vm” could answer."),
        (Verb.CONFIRM, "", "There is no longer anything that “confirm” could answer."),
    ],
)
def test_an_answer_means_the_one_finding_that_it_fits(verb: Verb, machine: str, meant: str) -> None:
    unknown = Finding(Drift.ORPHAN, None, "bob-vm", say("it is there."), (Verb.ADOPT, Verb.FORGET))
    found = chosen([Placed("north", one) for one in (lost(1), lost(2), unknown)], verb, machine)
    assert (str(found.why) if isinstance(found, Refusal) else found.finding.machine) == meant
