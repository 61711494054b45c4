"""What the letter of the week counts, to the last moment, and when it begins again after a clock that was wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot.lifecycle.brake import Brake
from mailbot.lifecycle.notice import plan
from mailbot.model import Action, Effect, Letter, Notice, NoticeOf, NoticeStage, OwnerState, Ticket, TicketState, Turn
from mailbot.ports import Settled
from mailbot.turns.brake_numbers import LETTERS, MACHINES
from mailbot.turns.digest import AHEAD, LINES, NOTE, SLOW, Week, digest
from mailbot.turns.letter_brake import LetterBrake
from tests.lives import Life
from tests.world import ADMINS, World

S = TicketState
MONDAY = datetime(2026, 11, 30, 7, 0, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, digests=True)
    yield made
    made.close()


def note(world: World, value: datetime | None = None) -> datetime | None:
    store = world.bot.context.store
    if value is not None:
        store.put_note(NOTE, value.isoformat())
    kept = store.note(NOTE)
    return datetime.fromisoformat(kept) if kept else None


def has(world: World, state: TicketState, login: str = "alice", **facts: Any) -> Ticket:
    """A ticket in that state, as the store has it."""
    base = Life(date(2027, 3, 31)).ticket
    ticket = replace(base, id=0, revision=0, state=state, username=login, due_at=world.now, **facts)
    stored = world.bot.context.store.commit(Turn(now=world.now, ticket=ticket))
    assert stored is not None
    return stored


def section(world: World, title: str, since: datetime | None = None) -> list[str]:
    week = Week(world.bot.context, since or world.now - 7 * DAY, world.now)
    return [str(line) for line in week.sections()[next(one for one in week.sections() if str(one) == title)]]


# when


def test_who_wants_none_gets_none_and_nothing_is_remembered(world: World) -> None:
    rules = replace(world.rules, lease=replace(world.rules.lease, digest_day="never"))
    assert digest(replace(world.bot.context, rules=rules)) == 0
    assert note(world) is None


def test_the_first_look_remembers_the_moment_and_the_next_monday_writes_to_every_admin(world: World) -> None:
    assert digest(world.bot.context) == 0
    assert note(world) == MONDAY - 7 * DAY
    assert digest(world.bot.context) == 0
    world.clock.set(MONDAY)
    assert digest(world.bot.context) == len(ADMINS)
    assert note(world) == MONDAY
    assert digest(world.bot.context) == 0


@pytest.mark.parametrize(
    ("ahead", "begins_again"), [(SECOND, False), (3 * DAY, False), (7 * DAY, False), (7 * DAY + SECOND, True)]
)
def test_a_clock_that_was_a_week_ahead_costs_no_more_than_that_week(
    world: World, ahead: timedelta, begins_again: bool
) -> None:
    note(world, world.now + ahead)
    assert digest(world.bot.context) == 0
    assert note(world) == (MONDAY - 7 * DAY if begins_again else world.now + ahead)


# what


def test_what_ends_within_the_fortnight_is_told(world: World) -> None:
    running = has(world, S.ACTIVE)
    stop = plan(running, world.rules).stop_at
    for moment, told in ((stop - AHEAD - SECOND, 0), (stop - AHEAD, 1), (stop - SECOND, 1), (stop, 0)):
        world.clock.set(moment)
        assert len(section(world, "expiring")) == told, moment


@pytest.mark.parametrize(
    ("state", "facts", "words"),
    [
        (S.EXPIRED, {"remove_at": MONDAY}, "will be removed"),
        (S.EXPIRED, {"remove_at": None}, ""),
        (S.ARCHIVED, {"keep_until": MONDAY}, "its kept disk will be deleted"),
        (S.ARCHIVED, {"keep_until": None}, ""),
        (S.RETIRING, {"remove_at": MONDAY, "keep_until": MONDAY}, ""),
    ],
)
def test_what_comes_next_is_said_of_what_is_on_its_way_out(
    world: World, state: TicketState, facts: dict[str, Any], words: str
) -> None:
    has(world, state, **facts)
    assert section(world, "expiring") == ([f"#1, alice: {words} on Monday 30 November 2026."] if words else [])


@pytest.mark.parametrize(("state", "doing"), [(S.APPROVED, "built"), (S.RETIRING, "removed")])
def test_what_is_under_way_for_longer_than_usual_is_odd(world: World, state: TicketState, doing: str) -> None:
    has(world, state, changed_at=world.now)
    world.clock.advance(SLOW)
    assert section(world, "unusual") == []
    world.clock.advance(SECOND)
    assert [f": still being {doing}, since" in line for line in section(world, "unusual")] == [True]


def test_what_was_given_up_in_the_week_is_told_and_what_was_before_is_not(world: World) -> None:
    store = world.bot.context.store
    effect = Effect(Action.LETTER, "x:1", Letter.ADMIN_MAIL_TROUBLE, "a@x.example", "A", {"why": "w", "folder": "f"})
    store.commit(Turn(now=world.now, effects=(effect,)))
    (item,) = store.claim((Action.LETTER,), world.now, 1, 60)
    store.settle([Settled(item, error="no such user")], world.now)
    assert section(world, "failed", since=world.now) == [
        "the message about a message that could not be handled (to a@x.example) was given up on Monday 23 November 2026: no such user"
    ]
    assert section(world, "failed", since=world.now + SECOND) == []


def test_an_extension_and_an_end_that_was_put_off_too_long_wait_for_an_admin(world: World) -> None:
    asked, long = has(world, S.ACTIVE, asked_end_date=date(2027, 6, 30), asked_at=world.now - 3 * DAY), 61
    put_off = has(world, S.ACTIVE, "bob", delayed_days=long)
    has(world, S.ACTIVE, "erin", delayed_days=60)
    both = has(world, S.ACTIVE, "frank", delayed_days=long, asked_end_date=date(2027, 6, 30), asked_at=world.now)
    lines = section(world, "waiting")
    assert [line.partition(",")[0] for line in lines] == [f"#{one.id}" for one in (asked, both, put_off)]
    assert "an extension until Wednesday 30 June 2027 has been waiting since Friday 20 November 2026" in lines[0]
    assert "its end was postponed by 61 days" in lines[2]


def test_an_end_waits_for_no_admin_where_notice_of_it_works_again(world: World) -> None:
    one = has(world, S.ACTIVE, delayed_days=61, lease_from=world.now - 90 * DAY)
    moved = Notice(NoticeOf.STOP, NoticeStage.MOVED, since=one.lease_from, day=one.end_date)
    letter = Effect(Action.LETTER, "warning:x", Letter.DATE_MOVED, one.email, one.name, {}, notice=moved)
    store = world.bot.context.store
    store.commit(Turn(now=world.now, about_ticket=one.id, effects=(letter,)))
    (item,) = store.claim((Action.LETTER,), world.now, 1, 60)
    store.settle([Settled(item, done=True, proof="250 Ok", message_id="<1@x>")], world.now)
    assert len(section(world, "waiting")) == 1, "it may still come back"
    world.clock.advance(DAY)
    assert section(world, "waiting") == []


def test_what_does_not_wait_for_notice_is_not_told_as_if_it_did(world: World) -> None:
    has(world, S.APPROVED, delayed_days=61)
    has(world, S.ARCHIVED, "bob", delayed_days=61, keep_until=None)
    assert section(world, "waiting") == []


def test_a_request_waits_for_its_owner_or_for_an_admin(world: World) -> None:
    has(world, S.UNCONFIRMED, asked_at=None)
    has(world, S.PENDING, "bob", asked_at=None)
    lines = section(world, "waiting")
    assert ["waiting for its owner" in line for line in lines] == [True, False]
    assert ["waiting for an admin" in line for line in lines] == [False, True]


def test_what_is_held_is_told_with_its_reason(world: World) -> None:
    has(world, S.ACTIVE)
    has(world, S.ACTIVE, "bob", held="the police asked")
    assert section(world, "on hold") == ["#2, bob: the police asked"]


def test_machines_over_the_brake_are_told_until_an_admin_lets_go(world: World) -> None:
    one, other = has(world, S.ACTIVE), has(world, S.ACTIVE, "bob")
    pulled = Brake(3, {one.id: one.version, other.id: other.version + 1, 99: 0})
    world.bot.context.store.put_note(MACHINES, json.dumps(asdict(pulled)))
    assert section(world, "held by the brake") == ["#1, alice: waiting for an answer to the message about brake 3."]
    world.bot.context.store.put_note(MACHINES, json.dumps(asdict(replace(pulled, released_by="carol"))))
    assert section(world, "held by the brake") == []


@pytest.mark.parametrize(("held", "by", "told"), [(True, "", 1), (True, "carol", 0), (False, "", 0)])
def test_letters_that_are_held_are_odd_until_an_admin_lets_them_go(
    world: World, held: bool, by: str, told: int
) -> None:
    if held:
        world.rules = replace(world.rules, letters=replace(world.rules.letters, to_admins_per_hour=1))
        world.restart()
        ticket = has(world, S.PENDING)
        for number in range(3):
            question = Effect(Action.LETTER, f"q:{number}", Letter.ADMIN_DECISION, ADMINS[0].address, "Carol")
            world.bot.context.store.commit(Turn(now=world.now, about_ticket=ticket.id, effects=(question,)))
        assert world.bot.context.store.held_letters(100)
    world.bot.context.store.put_note(LETTERS, json.dumps(asdict(LetterBrake(2, world.now.isoformat(), 1, by))))
    assert sum("message about brake 2" in line for line in section(world, "unusual")) == told


def test_of_many_odd_owners_no_more_are_read_than_can_be_told(world: World) -> None:
    for number in range(LINES + 5):
        has(world, S.ACTIVE, f"user{number}", owner=OwnerState.GONE)
    assert len(section(world, "unusual")) == LINES + 1


def test_every_owner_who_is_not_as_they_should_be_is_odd(world: World) -> None:
    for number, owner in enumerate(OwnerState):
        has(world, S.ACTIVE, f"user{number}", owner=owner)
    assert len(section(world, "unusual")) == len(OwnerState) - 1


@pytest.mark.parametrize(
    ("failed", "shown", "more"), [(LINES, LINES, False), (LINES + 1, LINES + 1, False), (LINES + 2, LINES + 1, True)]
)
def test_a_long_list_ends_with_how_many_more_there_are(world: World, failed: int, shown: int, more: bool) -> None:
    for number in range(failed):
        has(world, S.FAILED, f"user{number}")
    note(world, MONDAY - 7 * DAY)
    world.clock.set(MONDAY)
    digest(world.bot.context)
    (item, *_others) = world.bot.context.store.claim((Action.LETTER,), world.now, 1, 60)
    (lines,) = [one["lines"] for one in item.effect.facts["sections"] if "lines" in one]
    assert len(lines) == shown
    assert (lines[-1]["say"], lines[-1]["with"].get("number")) == (
        ("and {number} more.", 2) if more else (lines[0]["say"], None)
    )


def test_what_was_tried_more_than_once_is_stuck_in_the_queue(world: World) -> None:
    store = world.bot.context.store
    effect = Effect(Action.LETTER, "x:1", Letter.ADMIN_MAIL_TROUBLE, "a@x.example", "A", {"why": "w", "folder": "f"})
    store.commit(Turn(now=world.now, effects=(effect,)))
    seen = []
    for _ in range(2):
        (item,) = store.claim((Action.LETTER,), world.now, 1, 60)
        store.settle([Settled(item, retry_at=world.now, error="come back later")], world.now)
        seen.append(list(Week(world.bot.context, world.now, world.now).stuck()))
    assert seen[0] == []
    assert seen[1] == [
        ("in the queue", "the message about a message that could not be handled: tried 2 times; come back later")
    ]
