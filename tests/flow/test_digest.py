"""The letter of the week: when it comes, what it says, and that it comes once whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot import operator, passes
from mailbot.errors import Conflict
from mailbot.model import Letter, OutboundMail, Ticket, TicketState, Turn
from mailbot.ports import Store
from mailbot.rules import LeaseRules, Rules
from mailbot.turns import digest
from mailbot.turns.context import TurnContext
from mailbot.turns.digest import LINES
from tests.world import ADMINS, CAROL, World, kind_of, request_words
from tests.writing import words_of

MONDAY = datetime(2026, 11, 30, 7, 0, tzinfo=UTC)
"""The first digest of a bot that begins on Monday, 23 November: eight o'clock in Paris."""
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, digests=True)
    made.once()
    yield made
    made.close()


def digests(world: World) -> list[OutboundMail]:
    return [one for one in world.letters if kind_of(one) is Letter.ADMIN_DIGEST]


def at(world: World, moment: datetime) -> list[OutboundMail]:
    """The digests that come when the bot next looks at that moment."""
    before = len(digests(world))
    world.clock.set(moment)
    world.once()
    return digests(world)[before:]


def monday(world: World, moment: datetime = MONDAY) -> str:
    """The words of the digest of that moment."""
    return words_of(at(world, moment)[0])


def has_a_machine(world: World, login: str = "alice", until: str = "2027-03-31") -> Ticket:
    world.writes(f"{login}@example.org", request_words(login, until=until))
    world.answers(world.last(Letter.ADMIN_DECISION), "approve")
    while world.bot.context.store.tickets([TicketState.APPROVED]):
        world.later(seconds=5)
    ticket = world.bot.context.store.open_ticket_of(login)
    assert ticket is not None
    return ticket


def test_every_admin_gets_it_on_monday_morning_and_not_before(world: World) -> None:
    assert at(world, MONDAY - timedelta(seconds=1)) == []
    assert {one.envelope_to for one in at(world, MONDAY)} == {admin.address for admin in ADMINS}
    assert at(world, MONDAY + timedelta(hours=1)) == []
    assert len(at(world, MONDAY + WEEK)) == len(ADMINS)


def test_a_new_bot_does_not_begin_with_a_letter(world: World) -> None:
    assert digests(world) == []


def test_a_quiet_week_is_told_too_so_that_silence_means_trouble(world: World) -> None:
    assert "Nothing is waiting, nothing failed, nothing is unusual." in monday(world)


def test_weeks_in_which_the_bot_was_off_are_one_digest(world: World) -> None:
    at(world, MONDAY)
    assert len(at(world, MONDAY + 10 * WEEK + DAY)) == len(ADMINS)
    assert len(at(world, MONDAY + 11 * WEEK)) == len(ADMINS)


def test_a_clock_that_goes_back_brings_no_second_digest(world: World) -> None:
    at(world, MONDAY)
    assert at(world, MONDAY - 2 * DAY) == []
    assert at(world, MONDAY + timedelta(minutes=1)) == []


def test_a_clock_that_was_years_ahead_does_not_end_the_digests(world: World) -> None:
    at(world, MONDAY + 300 * WEEK)
    assert at(world, MONDAY + DAY) == []
    assert len(at(world, MONDAY + WEEK)) == len(ADMINS)


def test_the_day_and_the_hour_are_the_sites(tmp_path: Path) -> None:
    rules = Rules(lease=LeaseRules(digest_day="friday", digest_hour=17))
    world = World(tmp_path, rules=rules, digests=True)
    world.once()
    friday = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    assert at(world, friday - timedelta(seconds=1)) == []
    assert len(at(world, friday)) == len(ADMINS)
    world.close()


def test_in_summer_it_is_still_eight_o_clock(world: World) -> None:
    summer = datetime(2027, 6, 28, 6, 0, tzinfo=UTC)
    at(world, summer - DAY)
    assert at(world, summer - timedelta(seconds=1)) == []
    assert len(at(world, summer)) == len(ADMINS)


class _DiesAfter:
    """A store whose process is killed once it has written the letters: nothing after that is done."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put_note(self, name: str, value: str | None) -> None:
        raise Conflict(f"killed before {name} was written: {value}")


def test_a_crash_between_the_letters_and_the_note_doubles_nothing(world: World) -> None:
    world.clock.set(MONDAY)
    context: TurnContext = world.bot.context
    store: Any = _DiesAfter(context.store)
    dying = replace(context, store=store)
    with pytest.raises(Conflict):
        digest.digest(dying)
    world.restart()
    assert len(at(world, MONDAY + timedelta(minutes=1))) == len(ADMINS)
    assert at(world, MONDAY + timedelta(minutes=2)) == []


def test_it_comes_while_the_bot_is_paused_and_says_so(world: World) -> None:
    operator.pause(world.bot.context, CAROL.login, "the power is being worked on")
    assert "has paused" in monday(world)


def test_what_waits_for_an_admin_is_told(world: World) -> None:
    world.clock.set(MONDAY - DAY)
    world.writes("alice@example.org", request_words())
    said = monday(world)
    assert "1 waiting" in said
    assert "#1, alice: the request has been waiting for an admin since Sunday 29 November 2026." in " ".join(
        said.split()
    )


def test_an_extension_that_waits_is_told(world: World) -> None:
    has_a_machine(world)
    world.clock.set(MONDAY - DAY)
    world.answers(world.last(Letter.VM_READY), "extend until 2027-09-30")
    said = " ".join(monday(world).split())
    assert "#1, alice: an extension until Thursday 30 September 2027 has been waiting" in said


def test_what_ends_soon_is_told(world: World) -> None:
    has_a_machine(world, until="2026-12-11")
    has_a_machine(world, "bob", until="2027-06-30")
    said = " ".join(monday(world).split())
    assert "#1, alice: will be stopped on Saturday 12 December 2026." in said
    assert "bob" not in said
    for day in range(1, 14):  # a bot that looks once a day gives a day more
        at(world, MONDAY + day * DAY)
    said = " ".join(monday(world, MONDAY + 2 * WEEK).split())
    assert "#1, alice: will be removed on Sunday 27 December 2026." in said


def test_what_is_held_is_told(world: World) -> None:
    has_a_machine(world, until="2026-12-11")
    operator.hold(world.bot.context, 1, CAROL.login, "the thesis is due in January")
    assert "the thesis is due in January" in monday(world)


def test_what_could_not_be_delivered_is_told(world: World) -> None:
    world.postman.refuse("alice@example.org")
    world.clock.set(MONDAY - DAY)
    world.writes("alice@example.org", request_words())
    assert "was given up on Sunday 29 November 2026" in " ".join(monday(world).split())
    assert "was given up" not in " ".join(monday(world, MONDAY + WEEK).split())


def test_a_long_section_says_how_much_more_there_is(world: World) -> None:
    store = world.bot.context.store
    world.writes("alice@example.org", request_words())
    like = world.ticket()
    for number in range(LINES + 9):
        store.commit(Turn(now=world.now, ticket=replace(like, id=0, username=f"user{number}", person_id="")))
    said = monday(world)
    assert "and 10 more." in said
    assert said.count("waiting for an admin") == LINES


def test_a_digest_that_cannot_be_written_stops_nothing(world: World) -> None:
    world.bot.context.store.put_note(digest.NOTE, "no date at all")
    world.inbox.deliver(b"")
    world.clock.set(MONDAY)
    tally = passes.tick(world.bot)
    assert any(trouble.startswith("digest:") for trouble in tally.troubles)
