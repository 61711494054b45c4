"""What the bot can see, to the moment: what must have been read before anything that cannot be taken back, and what admins hear."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from mailbot.model import LedgerEntry, Letter, MailKey, Ticket, Turn, Verdict
from mailbot.turns import sight
from mailbot.turns.clockwatch import JUMP
from mailbot.turns.sight import TELL_AFTER, Reading, Sense, last_read, observe, what_is_blind, why_blind
from parsers.translatable import say
from provisioner.api import SiteHealth
from tests.lives import Life
from tests.world import ADMINS, World

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
UNREAD = "the mailbox was not read to its end since then"


def due(at: datetime | None) -> Ticket:
    return replace(Life(date(2027, 3, 31)).ticket, due_at=at)


def waits(world: World, uid: int = 1) -> LedgerEntry:
    """A mail that is to be tried again."""
    entry = LedgerEntry(
        MailKey("a", "INBOX", 1, uid), f"<{uid}@x>", f"{uid}", Verdict.RETRY, world.now, retry_at=world.now + MINUTE
    )
    world.bot.context.store.commit(Turn(now=world.now, mail=entry))
    return entry


def handled(world: World, entry: LedgerEntry) -> None:
    done = replace(entry, verdict=Verdict.HANDLED, retry_at=None)
    world.bot.context.store.commit(Turn(now=world.now, mail=done))


def looks(world: World, reading: Reading | None = None, sites: tuple[str, ...] = ()) -> dict[Sense, str]:
    """One tick's look, of a mailbox that was read to its end where nothing else is said; gives what fails then, and why."""
    observe(world.bot.context, reading or Reading(world.now), sites, world.now)
    return {one.sense: one.why for one in what_is_blind(world.bot.context.store)}


def told(world: World) -> list[bool]:
    """For each letter to the first admin about what fails: whether it says that it works again."""
    queue = world.bot.context.store.overview.queue(limit=500)
    rows = [row for row in queue if row.letter is Letter.ADMIN_BLIND and row.to == ADMINS[0].address]
    items = [world.bot.context.store.overview.row(row.id) for row in sorted(rows, key=lambda row: row.id)]
    return [bool(item and item.effect.facts.get("back")) for item in items]


# before anything that cannot be taken back


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (-SECOND, UNREAD),
        (timedelta(0), ""),
        (5 * MINUTE, ""),
        (10 * MINUTE + JUMP, ""),
        (10 * MINUTE + JUMP + SECOND, UNREAD),
    ],
)
@pytest.mark.parametrize("by", ["this daemon", "another one"])
def test_the_mailbox_was_read_since_it_came_due_and_by_a_clock_that_can_be_true(
    world: World, read: timedelta, why: str, by: str
) -> None:
    ticket, context = due(world.now), world.bot.context
    if by == "another one":
        context.store.put_note("sight:mailbox", (world.now + read).isoformat())
    now = world.now + 10 * MINUTE
    assert why_blind(context, ticket, world.now + read if by == "this daemon" else None, now) == why


def test_what_is_woken_before_its_time_or_has_none_needs_a_look_at_the_moment_itself(world: World) -> None:
    context = world.bot.context
    for ticket in (due(None), due(world.now + 5 * MINUTE)):
        assert why_blind(context, ticket, world.now - SECOND, world.now) == UNREAD
        assert why_blind(context, ticket, world.now, world.now) == ""


def test_nothing_happens_while_a_mail_waits_or_the_directory_is_away(world: World) -> None:
    context, ticket = world.bot.context, due(world.now)
    entry = waits(world)
    assert why_blind(context, ticket, world.now, world.now) == "mails wait to be tried again"
    handled(world, entry)
    assert why_blind(context, ticket, world.now, world.now) == ""
    sight.cannot(context, Sense.DIRECTORY, "it is away", world.now)
    assert why_blind(context, ticket, world.now, world.now) == "the directory of users does not answer"
    assert why_blind(context, ticket, None, world.now) == UNREAD


# what is remembered and told


def test_a_failure_is_remembered_from_its_beginning_and_told_after_an_hour_once(world: World) -> None:
    looks(world)
    begun = world.now
    for passed, letters in ((timedelta(0), 0), (TELL_AFTER - SECOND, 0), (SECOND, 1), (TELL_AFTER, 1)):
        world.clock.advance(passed)
        assert looks(world, Reading(error=f"away, {passed}")) == {Sense.MAILBOX: "away, 0:00:00"}
        assert len(told(world)) == letters
    (trouble,) = what_is_blind(world.bot.context.store)
    assert (trouble.since, trouble.told) == (begun, True)
    assert looks(world) == {}
    assert told(world) == [False, True]


def test_what_fails_for_less_than_an_hour_nobody_hears_of(world: World) -> None:
    looks(world, Reading(error="away"))
    world.clock.advance(TELL_AFTER - SECOND)
    assert looks(world) == {}
    assert told(world) == []


def test_that_no_letter_leaves_is_not_told_by_a_letter_but_that_they_leave_again_is(world: World) -> None:
    context = world.bot.context
    sight.cannot(context, Sense.MAIL_SERVER, "away", world.now)
    world.clock.advance(TELL_AFTER)
    assert looks(world) == {Sense.MAIL_SERVER: "away"}
    assert told(world) == []
    (trouble,) = what_is_blind(context.store)
    assert trouble.told
    sight.can(context, Sense.MAIL_SERVER, world.now)
    assert told(world) == [True]
    sight.can(context, Sense.MAIL_SERVER, world.now)
    assert told(world) == [True]


# what one tick sees


def test_when_the_mailbox_was_read_is_remembered_to_the_minute(world: World) -> None:
    store, first = world.bot.context.store, world.now
    looks(world)
    assert last_read(store) == first
    world.clock.advance(MINUTE - SECOND)
    looks(world)
    assert last_read(store) == first
    world.clock.advance(SECOND)
    looks(world)
    assert last_read(store) == first + MINUTE
    world.clock.jump(first - timedelta(hours=2))
    looks(world)
    assert last_read(store) == first - timedelta(hours=2), "also where a clock was set back"


def test_another_daemon_that_should_read_the_mailbox_and_does_not_is_told_of(world: World) -> None:
    assert looks(world, Reading()) == {}
    looks(world)
    world.clock.advance(TELL_AFTER - SECOND)
    assert looks(world, Reading()) == {}
    world.clock.advance(SECOND)
    assert Sense.MAILBOX not in looks(world, Reading(more=True))
    assert "another daemon" in looks(world, Reading())[Sense.MAILBOX]


def test_mail_that_is_left_over_or_waits_is_a_backlog_until_all_is_read(world: World) -> None:
    assert looks(world, Reading(more=True)) == {Sense.BACKLOG: "there is more new mail than can be read"}
    assert Sense.BACKLOG in looks(world, Reading(error="away")), "nobody knows: it stays as it was"
    assert looks(world) == {}
    entry = waits(world)
    assert looks(world) == {Sense.BACKLOG: "mails that could not be handled wait to be tried again (1)"}
    handled(world, entry)
    assert looks(world) == {}


@pytest.mark.parametrize("sense", [Sense.DIRECTORY, Sense.NAME_SERVERS])
def test_mail_that_waits_for_the_directory_or_for_name_servers_is_their_trouble(world: World, sense: Sense) -> None:
    entry = waits(world)
    sight.cannot(world.bot.context, sense, "away", world.now)
    assert looks(world) == {sense: "away"}
    handled(world, entry)
    assert looks(world) == ({} if sense is Sense.NAME_SERVERS else {sense: "away"})


def test_a_clock_that_jumped_is_not_believed(world: World) -> None:
    assert looks(world) == {}
    world.clock.jump(world.now + JUMP + SECOND)
    assert "jumped forward" in looks(world)[Sense.CLOCK]
    world.clock.jump(world.now - JUMP - SECOND)
    assert looks(world) == {}


def test_a_clock_that_was_wrong_is_not_believed_because_the_machine_was_started_again(world: World) -> None:
    looks(world)
    world.clock.reboot(world.now + timedelta(days=2))
    assert looks(world) == {}, "a machine may have been off for so long"
    world.clock.jump(world.now + timedelta(days=2))
    assert Sense.CLOCK in looks(world)
    world.clock.reboot(world.now)
    assert Sense.CLOCK in looks(world)


def test_what_failed_under_a_clock_far_ahead_did_not_fail_in_the_future(world: World) -> None:
    store, right = world.bot.context.store, world.now
    looks(world)
    for hours in (0, 2):  # told after an hour
        world.clock.jump(right + timedelta(days=29, hours=hours))
        sight.cannot(world.bot.context, Sense.DIRECTORY, say("away"), world.now)
        looks(world)
    world.clock.jump(right)
    sight.cannot(world.bot.context, Sense.DIRECTORY, say("away"), world.now)
    assert looks(world) == {Sense.DIRECTORY: "away"}
    assert [(one.since, one.told) for one in what_is_blind(store)] == [(right, True)]
    queue = [row for row in store.overview.queue(limit=500) if row.letter is Letter.ADMIN_BLIND]
    since = [store.overview.row(row.id).effect.facts for row in queue]
    back = [facts["since"] for facts in since if facts.get("back")]
    assert back
    assert set(back) == {right.isoformat()}, "of the clock itself"


# sites


def site(world: World, *, reachable: bool, problems: tuple[str, ...] = (), at: datetime | None = None) -> None:
    world.bot.context.store.put_health(SiteHealth("north", reachable=reachable, problems=problems), at or world.now)


@pytest.mark.parametrize(
    ("reachable", "problems", "why"),
    [(True, ("no image",), ""), (False, ("a", "b"), "a b"), (False, (), "it does not answer")],
)
def test_a_site_that_does_not_answer_is_told_with_what_it_says(
    world: World, reachable: bool, problems: tuple[str, ...], why: str
) -> None:
    site(world, reachable=reachable, problems=problems)
    begun = world.now
    for _ in range(2):
        assert looks(world, sites=("north",)) == ({Sense.SITE: why} if why else {})
        assert [one.since for one in what_is_blind(world.bot.context.store)] == ([begun] if why else [])
        world.clock.advance(MINUTE)


def test_a_site_that_was_not_asked_for_an_hour_fails_only_where_the_bot_was_awake(world: World) -> None:
    site(world, reachable=True)
    asked = world.now
    looks(world, sites=("north",))
    for _ in range(5):
        world.clock.advance(10 * MINUTE)
        assert looks(world, sites=("north",)) == {}
    world.clock.advance(10 * MINUTE - SECOND)
    assert looks(world, sites=("north",)) == {}
    world.clock.advance(SECOND)
    assert world.now - asked == TELL_AFTER
    assert looks(world, sites=("north",)) == {Sense.SITE: "it has not answered for an hour"}


def test_a_bot_that_runs_now_and_then_does_not_expect_that_its_sites_were_asked(world: World) -> None:
    site(world, reachable=True)
    looks(world, sites=("north",))
    world.clock.advance(timedelta(days=1))
    assert looks(world, sites=("north",)) == {}


def test_a_site_that_is_asked_no_more_is_forgotten_and_others_stay(world: World) -> None:
    site(world, reachable=False)
    sight.cannot(world.bot.context, Sense.DIRECTORY, "away", world.now)
    assert set(looks(world, sites=("north",))) == {Sense.SITE, Sense.DIRECTORY}
    assert set(looks(world, sites=())) == {Sense.DIRECTORY}


def test_what_is_kept_of_a_trouble_is_what_happened(world: World) -> None:
    context = world.bot.context
    sight.cannot(context, Sense.SITE, "away", world.now, "north")
    sight.cannot(context, Sense.SITE, "other words", world.now + MINUTE, "north")
    kept = json.loads(context.store.note("cannot:site:north") or "{}")
    assert kept == {"since": world.now.isoformat(), "why": "away", "told": False}
    assert not sight.fails(context, Sense.DIRECTORY)
    sight.can(context, Sense.SITE, world.now, "north")
    assert context.store.note("cannot:site:north") is None
