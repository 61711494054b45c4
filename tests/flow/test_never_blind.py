"""While the bot cannot see, nothing happens that cannot be taken back, and nothing lapses; and admins are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailbot import daemon
from mailbot.errors import MailServerUnavailable
from mailbot.model import Letter, TicketState
from mailbot.turns.sight import ClockWatch
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import mail, reply, words_of

S = TicketState
AWAY = MailServerUnavailable("imap.example.org refuses the password")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def machine(world: World, until: str = "2027-01-31") -> None:
    """A machine that was warned in full, a minute before its end."""
    world.writes(ALICE.email, request_words(until=until))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    while (due := world.ticket().due_at) is not None and world.ticket().stage < 4:
        world.clock.set(max(due, world.now) + timedelta(minutes=1))
        world.once()
    end = datetime.fromisoformat(f"{until}T22:59+00:00")
    world.clock.set(end)
    world.once()
    assert world.ticket().state is S.ACTIVE


def days(world: World, count: int) -> None:
    for _ in range(count * 4):
        world.later(hours=6)


def blind_letters(world: World) -> list[str]:
    return [
        words_of(one)
        for one in world.letters
        if kind_of(one) is Letter.ADMIN_BLIND and one.envelope_to == CAROL.address
    ]


def test_a_mailbox_that_cannot_be_read_stops_nothing_however_long_it_takes(world: World) -> None:
    machine(world)
    extend = reply(world.last(Letter.WARNING), ALICE.email, "extend for 2 months", world.now)
    world.inbox.faults.plan("position", AWAY, times=10**6)
    world.inbox.deliver(extend)
    days(world, 20)
    assert world.ticket().state is S.ACTIVE
    assert len(blind_letters(world)) == 1, "once"
    assert "refuses the password" in blind_letters(world)[0]
    world.inbox.faults.planned.clear()
    world.once()
    assert world.ticket().asked_end_date is not None, "the answer was read before anything else happened"
    assert "works again" in blind_letters(world)[1]


def test_a_request_does_not_lapse_while_an_approval_may_lie_unread(world: World) -> None:
    world.writes(ALICE.email, request_words())
    question = world.last(Letter.ADMIN_DECISION, CAROL.address)
    world.inbox.faults.plan("position", AWAY, times=10**6)
    world.inbox.deliver(reply(question, CAROL.address, "approve", world.now))
    days(world, 40)
    assert world.ticket().state is S.PENDING
    world.inbox.faults.planned.clear()
    world.once()
    assert world.ticket().state is S.APPROVED


def test_a_directory_that_does_not_answer_stops_nothing_and_is_told(world: World) -> None:
    machine(world)
    world.directory.down = True
    days(world, 10)
    assert world.ticket().state is S.ACTIVE
    assert any("directory" in words for words in blind_letters(world))
    world.directory.down = False
    days(world, 1)
    assert world.ticket().state is S.EXPIRED


def test_an_admins_decision_does_not_wait_for_a_directory_that_is_away(world: World) -> None:
    world.writes(ALICE.email, request_words())
    world.directory.down = True
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    assert world.ticket().state is S.APPROVED
    world.directory.down = False
    for _ in range(4):
        world.later(minutes=10)
    assert world.ticket().state is S.ACTIVE, "the keys of the owner came from the directory"


def test_an_owners_answer_waits_for_the_directory_and_is_not_lost(world: World) -> None:
    machine(world)
    world.directory.down = True
    world.answers(world.last(Letter.WARNING), "extend for 2 months")
    assert world.ticket().asked_end_date is None
    world.directory.down = False
    world.later(minutes=10)
    assert world.ticket().asked_end_date is not None


def test_the_rest_of_a_long_backlog_is_read_before_the_clock_acts(world: World) -> None:
    machine(world)
    extend = reply(world.last(Letter.WARNING), ALICE.email, "extend for 2 months", world.now)
    world.clock.advance(timedelta(hours=5))
    for number in range(daemon.MAILS_AT_ONCE):
        world.inbox.deliver(mail("somebody@elsewhere.example", f"hello {number}", "hello", world.now))
    world.inbox.deliver(extend)
    daemon.tick(world.bot)
    assert world.ticket().state is S.ACTIVE
    daemon.tick(world.bot)
    assert world.ticket().asked_end_date is not None


def test_a_clock_that_jumps_a_month_ahead_deletes_and_stops_nothing(world: World) -> None:
    machine(world)
    before = world.now
    world.clock.jump(before + timedelta(days=30))
    world.once()
    assert world.ticket().state is S.ACTIVE
    world.clock.jump(before + timedelta(minutes=5))
    world.later(minutes=30)
    assert world.ticket().state is S.EXPIRED


def test_a_pause_lets_no_question_lapse_without_a_reminder(world: World) -> None:
    world.writes(ALICE.email, request_words())
    world.bot.context.store.put_note("paused", "carol: maintenance")
    world.later(days=16)
    world.bot.context.store.put_note("paused", None)
    world.once()
    assert world.ticket().state is S.PENDING
    assert kind_of(world.letters[-1]) is Letter.ADMIN_REMINDER
    days(world, 3)
    assert world.ticket().state is S.LAPSED


START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_the_clock_is_believed_while_it_goes_as_time_does() -> None:
    watch = ClockWatch()
    for hours in (0, 1, 24, 24 * 90):
        assert watch.look(START + timedelta(hours=hours), hours * 3600) == ""


@pytest.mark.parametrize("days_off", [20, -20])
def test_a_clock_that_jumped_is_believed_when_it_is_back_or_has_gone_right_for_a_day(days_off: int) -> None:
    watch, off = ClockWatch(), timedelta(days=days_off)
    watch.look(START, 0)
    assert ("forward" if days_off > 0 else "back") in watch.look(START + off, 60)
    assert watch.look(START + timedelta(minutes=2), 120) == ""
    assert watch.look(START + off, 180)
    assert watch.look(START + off + timedelta(hours=23), 23 * 3600)
    assert watch.look(START + off + timedelta(hours=25), 25 * 3600) == ""
