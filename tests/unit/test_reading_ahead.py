"""Which mails are begun before the one in front of them is done with, and how a mail that ends the bot is found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from mailbot.errors import MailServerUnavailable
from mailbot.model import LedgerEntry, MailKey, Verdict
from mailbot.ports import Fetched
from mailbot.turns.ahead import Begun, read_ahead
from mailbot.turns.attempts import Attempts
from parsers.values import Kind
from tests.world import World

POSITION = MailKey("support", "INBOX", 1, 0)
MIB = 1024 * 1024


def fetched(uid: int, size: int = 10) -> Fetched:
    return Fetched(replace(POSITION, uid=uid), b"x" * size, size)


def ahead(world: World, mails: Iterator[Fetched], again: dict[MailKey, LedgerEntry] | None = None) -> Iterator[Begun]:
    context = world.bot.context
    return read_ahead(context, world.bot.reader, mails, again or {}, Attempts(context.store, POSITION))


def begun_before_the_first(world: World, sizes: list[int]) -> int:
    """How many mails are fetched, and so begun, before the first is given."""
    seen: list[int] = []

    def mails() -> Iterator[Fetched]:
        for uid, size in enumerate(sizes, start=1):
            seen.append(uid)
            yield fetched(uid, size)

    assert next(ahead(world, mails())).fetched.key.uid == 1
    return len(seen)


def test_sixteen_mails_are_begun_while_one_is_judged(world: World) -> None:
    assert begun_before_the_first(world, [10] * 40) == 17


@pytest.mark.parametrize(("sizes", "begun"), [([MIB] * 40, 5), ([MIB] * 4 + [0] * 3 + [1] * 9, 8)])
def test_no_more_than_four_mebibytes_of_mails_are_begun(world: World, sizes: list[int], begun: int) -> None:
    assert begun_before_the_first(world, sizes) == begun


def test_what_was_given_makes_room_for_the_next(world: World) -> None:
    mails = iter([fetched(1, 4 * MIB), *(fetched(uid) for uid in range(2, 40))])
    given = ahead(world, mails)
    assert [next(given).fetched.key.uid for _ in range(2)] == [1, 2]
    assert next(mails).key.uid == 2 + 16 + 1, (
        "sixteen more than the two that were given, and nothing of the large one is left"
    )


def test_what_the_server_has_given_comes_before_its_failure(world: World) -> None:
    def mails() -> Iterator[Fetched]:
        yield fetched(1)
        raise MailServerUnavailable("gone")

    given = ahead(world, mails())
    assert next(given).fetched.key.uid == 1
    with pytest.raises(MailServerUnavailable):
        next(given)


@pytest.mark.parametrize(
    ("attempts", "hours", "refused"), [(8, 6.0, False), (7, 6.0, True), (8, 5.9, True), (7, 5.9, True)]
)
def test_a_mail_that_the_server_refuses_is_given_up_after_eight_tries_in_six_hours(
    world: World, attempts: int, hours: float, refused: bool
) -> None:
    mail = replace(fetched(1), raw=None, header=b"Subject: x\r\n", refused="NO [UNAVAILABLE]")
    seen_at = world.now - timedelta(hours=hours)
    earlier = LedgerEntry(mail.key, "", "", Verdict.RETRY, seen_at, attempts=attempts)
    (begun,) = ahead(world, iter([mail]), {mail.key: earlier})
    assert (begun.is_refused, begun.earlier) == (refused, earlier)
    (new,) = ahead(world, iter([mail]))
    assert new.is_refused


def test_a_mail_of_which_nothing_is_given_is_unreadable_in_words(world: World) -> None:
    empty = replace(fetched(1), raw=None)
    (begun,) = ahead(world, iter([empty]))
    read, error = begun.understanding()
    assert (read.kind, error, begun.is_fatal, begun.is_refused) == (Kind.UNREADABLE, None, False, False)
    assert read.why == "There is nothing to read."


def attempt(world: World, *uids: int, over: bool = False) -> list[bool]:
    """One pass that reads these mails; whether each was one too often."""
    attempts = Attempts(world.bot.context.store, POSITION)
    assert not attempts.careful
    fatal = [attempts.is_fatal(replace(POSITION, uid=uid)) for uid in uids]
    if over:
        attempts.over()
    return fatal


def test_a_mail_that_was_read_twice_when_the_bot_ended_is_not_read_again(world: World) -> None:
    assert attempt(world, 1, 2, 3) == [False] * 3, "whichever it was, it is not known"
    assert attempt(world, 1) == [False]
    assert attempt(world, 1) == [False]
    assert attempt(world, 1, 2, over=True) == [True, False]
    assert attempt(world, 1) == [False], "a pass that came to its end is forgotten"


def test_another_mail_has_its_own_tries(world: World) -> None:
    attempt(world, 1)
    attempt(world, 1)
    assert attempt(world, 2) == [False]
    assert attempt(world, 1) == [False], "the last that was being read was another"
    assert attempt(world, 1, over=True) == [False]


def test_a_pass_goes_carefully_only_after_one_that_did_not_end(world: World) -> None:
    store = world.bot.context.store
    first = Attempts(store, POSITION)
    first.over()
    first.is_fatal(POSITION)
    assert not first.careful
    second = Attempts(store, POSITION)
    second.over()
    second.is_fatal(POSITION)
    assert second.careful, "a pass in which nothing was read has not ended the one before"
