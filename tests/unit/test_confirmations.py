"""Which question a confirmation answers, by the letter that it names or, where it names none, by the letters of its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mailbot.model import Action, Effect, Letter, Purpose, Ticket, Turn
from mailbot.ports import Settled
from mailbot.tokens import Reference
from mailbot.turns.confirmations import answers_a_refusal, answers_another
from parsers.values import Mail
from tests.lives import Life
from tests.world import ALICE, World
from tests.writing import mail

ASKED = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
DAY = (ASKED.date() - date(1970, 1, 1)).days
RELEASE, REINSTALL = Letter.RELEASE_CONFIRM, Letter.REINSTALL_CONFIRM
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def has(world: World, **asked: Any) -> Ticket:
    ticket = replace(Life(date(2027, 3, 31)).ticket, id=0, revision=0, due_at=None, **asked)
    stored = world.bot.context.store.commit(Turn(now=world.now, ticket=ticket))
    assert stored is not None
    return stored


def sent(world: World, letter: Letter, at: datetime, name: str) -> None:
    """A letter to the owner that a server took at that moment."""
    store = world.bot.context.store
    effect = Effect(Action.LETTER, name, letter, ALICE.email, "Alice")
    store.commit(Turn(now=at, about_ticket=1, effects=(effect,)))
    (item,) = store.claim((Action.LETTER,), at, 1, 60)
    store.settle([Settled(item, done=True, message_id=f"<{name}@x.example>", proof="250 ok")], at)


def answer(world: World, *names: str) -> Mail:
    """A mail that names these letters."""
    raw = mail(ALICE.email, "Re: x", "confirm", ASKED, References=" ".join(f"<{name}@x.example>" for name in names))
    read = world.bot.reader.read(raw, ASKED).mail
    assert read is not None
    return read


def another(world: World, *names: str, day: int = DAY) -> bool:
    """Whether an answer that names these letters, with a token of that day, is about something else than what is asked."""
    reference = Reference(1, 3, Purpose.CONFIRM, day, "t" * 32)
    return answers_another(world.bot.context, answer(world, *names), reference, world.ticket())


def test_where_nothing_is_asked_there_is_nothing_to_be_taken_for_something_else(world: World) -> None:
    has(world)
    sent(world, RELEASE, ASKED, "one")
    assert not another(world, "one")


@pytest.mark.parametrize(("asked", "letter"), [("release_asked_at", RELEASE), ("reinstall_asked_at", REINSTALL)])
def test_the_letter_that_is_named_is_of_the_same_kind_and_sent_since_it_was_asked(
    world: World, asked: str, letter: Letter
) -> None:
    has(world, **{asked: ASKED})
    other = REINSTALL if letter is RELEASE else RELEASE
    for name, kind, at in (
        ("before", letter, ASKED - 10 * MINUTE - SECOND),
        ("clocks", letter, ASKED - 10 * MINUTE),
        ("after", letter, ASKED + timedelta(days=3)),
        ("other", other, ASKED + MINUTE),
        ("ready", Letter.VM_READY, ASKED - timedelta(days=30)),
    ):
        sent(world, kind, at, name)
    assert another(world, "before")
    assert not another(world, "clocks")
    assert not another(world, "after")
    assert another(world, "other")
    assert not another(world, "before", "after"), "the newest that is named"


def test_without_a_name_no_letter_of_its_day_may_be_another_question(world: World) -> None:
    has(world, release_asked_at=ASKED)
    sent(world, RELEASE, ASKED + MINUTE, "release")
    assert not another(world)
    assert not another(world, "ready")
    sent(world, REINSTALL, ASKED - timedelta(days=1), "yesterday")
    assert not another(world)
    assert another(world, day=DAY - 1)
    sent(world, REINSTALL, ASKED - MINUTE, "today")
    assert another(world)


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (datetime(2026, 11, 26, tzinfo=UTC) - SECOND, False),
        (datetime(2026, 11, 26, tzinfo=UTC), True),
        (datetime(2026, 11, 27, tzinfo=UTC), True),
        (datetime(2026, 11, 27, 0, 10, tzinfo=UTC), False),
    ],
)
def test_a_day_ends_a_little_after_midnight_for_a_letter_that_was_written_before_it(
    world: World, at: datetime, counts: bool
) -> None:
    has(world, release_asked_at=ASKED)
    sent(world, REINSTALL, at, "other")
    assert another(world) is counts


@pytest.mark.parametrize(("day", "is_another"), [(DAY, False), (DAY + 1, False), (DAY - 1, True), (DAY - 2, True)])
def test_a_letter_that_is_not_on_record_counts_by_its_day(world: World, day: int, is_another: bool) -> None:
    has(world, release_asked_at=ASKED)
    assert another(world, day=day) is is_another


@pytest.mark.parametrize(("late", "is_another"), [(timedelta(0), False), (SECOND, True)])
def test_a_letter_that_is_not_on_record_counts_to_the_end_of_its_day(
    world: World, late: timedelta, is_another: bool
) -> None:
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    has(world, release_asked_at=midnight + 10 * MINUTE + late)
    assert another(world, day=DAY - 1) is is_another


def test_a_refusal_is_answered_by_its_name_within_the_days_of_a_confirmation(world: World) -> None:
    ticket, days = has(world), timedelta(days=world.rules.lease.confirm_days)
    for name, letter, at in (
        ("too old", Letter.COMMAND_REFUSED, ASKED - days - SECOND),
        ("old", Letter.COMMAND_REFUSED, ASKED - days),
        ("another", Letter.STATUS, ASKED - MINUTE),
    ):
        sent(world, letter, at, name.replace(" ", "-"))
    for names, counts in ((["old"], True), (["too-old"], False), (["another"], False), ([], False), (["x"], False)):
        assert answers_a_refusal(world.bot.context, answer(world, *names), ticket, ASKED) is counts
