"""A report that a letter came back, which the letter cannot have caused: row 36 of docs/threats.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailbot.model import EventKind, Letter, OutboundMail, TicketState
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import bounce

Report = Callable[[World, OutboundMail], bytes]


@pytest.fixture
def warned(tmp_path: Path) -> Iterator[World]:
    """alice's machine, and the first warning about its end."""
    world = World(tmp_path)
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    while not any(kind_of(one) is Letter.WARNING for one in world.letters):
        world.later(days=1)
    assert world.ticket().state is TicketState.ACTIVE
    yield world
    world.close()


def sent_by_a_person(world: World, letter: OutboundMail) -> bytes:
    return b"Return-Path: <alice@example.org>\r\n" + bounce(letter, world.now)


def about_another_address(world: World, letter: OutboundMail) -> bytes:
    report = bounce(letter, world.now)
    top, enclosed = report.split(b"Content-Type: text/rfc822-headers", 1)
    return top.replace(ALICE.email.encode(), b"bob@example.org") + b"Content-Type: text/rfc822-headers" + enclosed


def with_the_token_of_another(world: World, letter: OutboundMail) -> bytes:
    token = letter.message_id.split(".")[5]
    assert len(token) == 32
    return bounce(letter, world.now).replace(token.encode(), b"a" * 32)


def long_after(world: World, letter: OutboundMail) -> bytes:
    return bounce(letter, world.now)


@pytest.mark.parametrize("report", [sent_by_a_person, about_another_address, with_the_token_of_another, long_after])
def test_a_report_that_our_letter_cannot_have_caused_is_written_down_and_changes_nothing(
    warned: World, report: Report
) -> None:
    warning = warned.last(Letter.WARNING)
    if report is long_after:
        warned.later(days=15)
    before, seen = warned.ticket(), len(warned.letters)
    for _ in range(3):
        warned.arrives(report(warned, warning))
    after, store = warned.ticket(), warned.bot.context.store
    assert (after.end_date, after.email, after.stage) == (before.end_date, before.email, before.stage)
    assert [one.bounced_at for one in store.accepted(1) if one.letter == "warning"] == [None] * sum(
        one.letter == "warning" for one in store.accepted(1)
    )
    assert not [one for one in warned.letters[seen:] if kind_of(one) is Letter.ADMIN_NOTICE_BOUNCED]
    lines = [line for line in store.history(1) if line.event is EventKind.RETURNED]
    assert len(lines) == 1
    assert "does not count" in lines[0].summary


def test_without_its_token_a_message_id_marks_no_letter(warned: World) -> None:
    warning = warned.last(Letter.WARNING)
    token = warning.message_id.split(".")[5]
    warned.arrives(bounce(warning, warned.now).replace(f".{token}".encode(), b""))
    assert not [one for one in warned.bot.context.store.accepted(1) if one.bounced_at]


def test_the_same_letter_comes_back_once(warned: World) -> None:
    warning, seen = warned.last(Letter.WARNING), len(warned.letters)
    for _ in range(3):
        warned.arrives(b"Return-Path: <>\r\n" + bounce(warning, warned.now))
    told = [one for one in warned.letters[seen:] if kind_of(one) is Letter.ADMIN_NOTICE_BOUNCED]
    assert len(told) == len(warned.admins)
    assert len([line for line in warned.bot.context.store.history(1) if line.event is EventKind.RETURNED]) == 1


def test_a_report_that_names_the_address_behind_a_forwarding_counts(warned: World) -> None:
    warning = warned.last(Letter.WARNING)
    report = bounce(warning, warned.now).replace(
        f"Final-Recipient: rfc822; {ALICE.email}".encode(), b"Final-Recipient: rfc822; alice@home.example"
    )
    warned.arrives(report)
    assert [one for one in warned.bot.context.store.accepted(1) if one.bounced_at]
