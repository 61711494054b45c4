"""Which mails are for the bot at all: old ones, those of machines, and those that were not fetched whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.model import Letter
from mailbot.ports import Folder
from mailbot.turns.judge import oldest_wanted
from tests.world import ALICE, BOB, World, kind_of, request_words
from tests.writing import SUPPORT, bounce, mail, out_of_office, reply, words_of

FORM = "Persistent Virtual Machine Creation"
DAYS = timedelta(days=14)
"""The default of `first_look_days`."""
SECOND = timedelta(seconds=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    assert timedelta(days=made.rules.answers.first_look_days) == DAYS
    yield made
    made.close()


def answered(world: World) -> bool:
    return Letter.REQUEST_RECEIVED in {kind_of(one) for one in world.letters}


# old mail


@pytest.mark.parametrize(
    ("written", "came", "counts"),
    [
        (-DAYS, -DAYS, True),
        (-DAYS - SECOND, -SECOND, False),
        (-SECOND, -DAYS - SECOND, False),
        (-SECOND, -DAYS, True),
        (timedelta(days=3), -SECOND, True),
    ],
)
def test_at_the_first_look_what_is_two_weeks_old_by_either_date_is_left_to_people(
    world: World, written: timedelta, came: timedelta, counts: bool
) -> None:
    world.inbox.deliver(mail(ALICE.email, FORM, request_words(), world.now + written), world.now + came)
    world.once()
    assert answered(world) is counts
    assert len(world.inbox.inbox()) == (0 if counts else 1)


@pytest.mark.parametrize(("came", "counts"), [(timedelta(0), True), (SECOND, True), (-SECOND, False)])
def test_what_came_since_the_first_look_is_new_however_old_its_date(
    world: World, came: timedelta, counts: bool
) -> None:
    world.once()
    first, long_ago = world.now, world.now - timedelta(days=3000)
    world.clock.advance(timedelta(days=100))
    world.inbox.deliver(mail(ALICE.email, FORM, request_words(until="2027-06-30"), long_ago), first + came)
    world.once()
    assert answered(world) is counts


def test_what_was_young_at_the_first_look_stays_so_however_late_it_is_handled(world: World) -> None:
    world.once()
    written = world.now - DAYS
    world.clock.advance(timedelta(days=30))
    world.inbox.deliver(mail(ALICE.email, FORM, request_words(until="2027-06-30"), written), written)
    world.once()
    assert answered(world)


def test_mails_are_asked_for_from_two_days_before_the_first_that_counts(world: World) -> None:
    days = timedelta(days=world.rules.answers.first_look_days + 2)
    assert oldest_wanted(world.bot.context, world.now) == (world.now - days).date()
    first = datetime(1, 1, 3, tzinfo=UTC)
    assert oldest_wanted(world.bot.context, first) == date(1, 1, 1), "no day comes before"


def test_a_mail_without_any_date_is_new(world: World) -> None:
    raw = mail(ALICE.email, FORM, request_words(), world.now)
    without = b"\r\n".join(line for line in raw.split(b"\r\n") if not line.startswith(b"Date:"))
    world.arrives(without)
    assert answered(world)


# what machines write


def test_an_absence_note_about_our_letter_is_put_away_and_another_is_left_to_people(world: World) -> None:
    world.writes(ALICE.email, request_words())
    receipt, letters = world.last(Letter.REQUEST_RECEIVED), len(world.letters)
    world.arrives(out_of_office(receipt, ALICE.email, world.now))
    assert world.inbox.inbox() == []
    world.arrives(mail(ALICE.email, "Automatic reply: lunch", "I am away.", world.now, Auto_Submitted="auto-replied"))
    assert len(world.inbox.inbox()) == 1
    assert len(world.letters) == letters


def test_a_letter_of_ours_that_comes_back_to_us_is_put_away(world: World) -> None:
    world.writes(ALICE.email, request_words())
    world.arrives(world.last(Letter.REQUEST_RECEIVED).data)
    assert world.inbox.inbox() == []


def test_a_report_about_our_letter_says_that_it_came_back_and_an_absence_note_does_not(world: World) -> None:
    world.writes(ALICE.email, request_words())
    receipt = world.last(Letter.REQUEST_RECEIVED)

    def came_back() -> list[bool]:
        store = world.bot.context.store
        return [one.bounced_at is not None for one in store.accepted(1) if one.letter == Letter.REQUEST_RECEIVED]

    world.arrives(out_of_office(receipt, ALICE.email, world.now))
    assert came_back() == [False]
    world.arrives(bounce(receipt, world.now))
    assert came_back() == [True]


# not fetched whole

LARGE = 3 * 1024 * 1024


@pytest.fixture
def small(world: World) -> World:
    """A mailbox of which only small mails are fetched whole."""
    world.inbox = MemoryInbox(SUPPORT, max_bytes=20_000)
    world.restart()
    world.once()
    return world


def large(raw: bytes) -> bytes:
    return raw + b"\r\n" + b"x" * (LARGE + 1000 - len(raw))


def put_aside(world: World) -> list[bytes]:
    return world.inbox.folder(Folder.QUARANTINE)


def told(world: World) -> list[tuple[Letter, str]]:
    return [(kind_of(one), one.envelope_to) for one in world.letters]


ADMINS_HEAR = [
    (Letter.ADMIN_MAIL_TROUBLE, "carol@testbed.example"),
    (Letter.ADMIN_MAIL_TROUBLE, "dave@testbed.example"),
]


def test_a_request_that_is_too_large_is_put_aside_and_its_sender_told_how_large_it_may_be(small: World) -> None:
    small.arrives(
        large(mail(ALICE.email, f"Re: {FORM.upper()}", request_words(), small.now, Message_ID="<big@example.org>"))
    )
    assert told(small) == [*ADMINS_HEAR, (Letter.REQUEST_PROBLEMS, ALICE.email)]
    assert len(put_aside(small)) == 1
    admins = " ".join(words_of(small.last(Letter.ADMIN_MAIL_TROUBLE)).split())
    assert "is too large to be read: 3 MiB, at most 25 MiB" in admins
    assert "<big@example.org>" in admins
    words = " ".join(words_of(small.last(Letter.REQUEST_PROBLEMS)).split())
    assert "3 MiB" in words
    assert "username: alice" in words


def test_of_a_stranger_it_is_put_aside_and_nobody_else_hears_of_it(small: World) -> None:
    small.arrives(large(mail("mallory@elsewhere.example", FORM, request_words(), small.now)))
    assert told(small) == ADMINS_HEAR
    assert len(put_aside(small)) == 1


def test_an_answer_to_a_letter_that_is_too_large_is_put_aside_whatever_its_subject(small: World) -> None:
    small.writes(BOB.email, request_words("bob"))
    before = len(small.letters)
    raw = reply(small.last(Letter.REQUEST_RECEIVED), BOB.email, "withdraw", small.now)
    small.arrives(large(raw.replace(b"Subject: Re: ", b"Subject: about lunch and ").replace(b"Creation", b"x")))
    assert told(small)[before:] == ADMINS_HEAR
    assert len(put_aside(small)) == 1


def test_other_large_mails_are_left_to_people(small: World) -> None:
    small.arrives(large(mail(ALICE.email, "photos of the party", "Look!", small.now)))
    assert told(small) == []
    assert len(small.inbox.inbox()) == 1


# how often admins hear of what could not be read


def test_the_last_letter_of_a_day_says_that_there_are_no_more(world: World) -> None:
    most = world.rules.answers.troubles_per_day
    for number in range(most + 2):
        world.inbox.deliver(b"From: a@x.example\r\nFrom: b@x.example\r\nSubject: %d\r\n\r\nwords\r\n" % number)
    world.once()
    letters = [" ".join(words_of(one).split()) for one in world.letters if kind_of(one) is Letter.ADMIN_MAIL_TROUBLE]
    last = [f"message number {most} of this kind today" in one for one in letters]
    assert last == [False] * (2 * most - 2) + [True] * 2


@pytest.mark.parametrize(("header", "told"), [(b"Message-ID: <two@x.example>\r\n", True), (b"", False)])
def test_admins_read_which_mail_it_was_that_could_not_be_read(world: World, header: bytes, told: bool) -> None:
    world.arrives(b"From: a@x.example\r\nFrom: b@x.example\r\n" + header + b"Subject: x\r\n\r\nwords\r\n")
    words = " ".join(words_of(world.last(Letter.ADMIN_MAIL_TROUBLE)).split())
    assert ("<two@x.example>" in words) is told
    assert ("Message-ID" in words) is told
