"""Monsters: mails that want to cost time or memory end as `Unreadable`, and the next mail is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mailbot.adapters.reading import ConfinedReader
from parsers import Mail, ReadingRules, Unreadable, read, understand
from parsers.mail.limits import MAX_BYTES, measure, refusal, suspicious, without_ballast

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
HEAD = b"From: alice@example.org\nTo: support@testbed.example\nSubject: Re: VM\n"
ORDINARY = HEAD + b"\nApprove\n"
LONG = HEAD + b"\nApprove\n\n" + b"On and on it goes.\n" * 60_000  # unlike what people send, but honest
SLOW = HEAD + b"Content-Type: text/html\n\n" + b"<blockquote>hi</blockquote>" * 70_000


@pytest.fixture
def reader() -> Iterator[ConfinedReader]:
    with ConfinedReader(RULES, timeout_seconds=20) as reader:
        yield reader


def nested(levels: int) -> bytes:
    return HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(levels))


REFUSED = {
    "a hundred megabytes": HEAD + b"\n" + b"x" * 100_000_000,
    "thirty million empty lines": HEAD + b"\n" * 30_000_000,
    "ten thousand levels of multipart": nested(10_000),
    "ten thousand enclosed mails": HEAD + b"Content-Type: message/rfc822\n\n" * 10_000,
    "a hundred thousand parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "a hundred thousand fields": HEAD + b"X: y\n" * 100_000 + b"\n",
    "two hundred and fifty fields": HEAD + b"X: y\n" * 250 + b"\n",
    "a From field of a hundred kilobytes": b"From: " + b"a" * 100_000 + b"@example.org\n\nhi",
    "a field of seventeen kilobytes": HEAD + b"X: " + b"y" * 17_000 + b"\n\nhi",
    "a megabyte of zero bytes": bytes(1_000_000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_monster_is_refused_before_it_is_parsed(name: str) -> None:
    raw = REFUSED[name]

    assert refusal(measure(raw)) is not None
    assert isinstance(read(raw, RULES), Unreadable)


BORNE = {
    "encoded words without end": HEAD.replace(b"Re: VM", b"=?utf-8?q?=41?= " * 1000) + b"\nhi",
    "open comments in Cc": HEAD + b"Cc: " + b"(" * 15_000 + b"\n\nhi",
    "eight kilobytes of blank lines": HEAD + b"\n" + b" \n" * 8_000 + b"Approve",
    "twenty thousand nested divs": HEAD + b"Content-Type: text/html\n\n" + b"<div>" * 20_000 + b"Approve",
    "a million angle brackets": HEAD + b"\n" + b">" * 1_000_000,
    "three hundred thousand times On": HEAD + b"\n" + b"On " * 300_000 + b"wrote:",
    "a date beyond all years": HEAD + b"Date: Mon, 99999999999999 Jan 99999999999 99:99:99 +9999999999\n\nhi",
    "a parameter number beyond all numbers": HEAD
    + b"Content-Disposition: attachment; filename*99999999999999999999=x\n\nhi",
    "thirty levels": nested(30) + b"\nhello\n",
}


@pytest.mark.parametrize("name", BORNE)
def test_a_strange_mail_is_read_or_unreadable_and_commands_nothing_by_accident(
    name: str, reader: ConfinedReader
) -> None:
    understood = understand(reader.read(BORNE[name]), RULES)

    assert understood.why


def test_an_ordinary_mail_is_read_without_a_child(reader: ConfinedReader) -> None:
    assert reader.read(ORDINARY) == read(ORDINARY, RULES)
    assert reader.child_pid is None


def test_a_mail_unlike_what_people_send_is_read_in_a_child_with_the_same_result(reader: ConfinedReader) -> None:
    assert suspicious(measure(LONG))
    assert reader.read(LONG) == read(LONG, RULES)
    assert reader.child_pid is not None


def test_the_child_is_used_again_and_replaced_after_its_share() -> None:
    with ConfinedReader(RULES, timeout_seconds=20, mails_per_child=2) as reader:
        reader.read(LONG)
        first = reader.child_pid
        assert first is not None
        reader.read(LONG)
        assert reader.child_pid is None, "its two mails are read, it must be gone"
        reader.read(LONG)
        assert reader.child_pid not in (None, first)


def test_a_mail_that_takes_too_long_is_unreadable_and_the_next_is_read() -> None:
    with ConfinedReader(RULES, timeout_seconds=0.01) as reader:
        slow = reader.read(SLOW)
        assert reader.child_pid is None

        assert isinstance(slow, Unreadable)
        assert "longer than" in slow.why
        assert isinstance(reader.read(ORDINARY), Mail)


def test_a_mail_that_needs_too_much_memory_is_unreadable_and_the_next_is_read() -> None:
    with ConfinedReader(RULES, timeout_seconds=20, memory_bytes=90 * 2**20) as reader:
        assert isinstance(reader.read(LONG), Mail), "the limit must leave room for an honest mail"
        large = HEAD + b"\n" + b"x" * 30_000_000
        answer = reader.read(large)

        assert isinstance(answer, Unreadable)
        assert isinstance(reader.read(ORDINARY), Mail)


def test_closing_leaves_no_child_behind(reader: ConfinedReader) -> None:
    reader.read(LONG)
    reader.close()
    reader.close()

    assert reader.child_pid is None


def test_thirty_megabytes_of_attachment_do_not_keep_the_words_from_being_read(reader: ConfinedReader) -> None:
    raw = (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nApprove\n"
        b"--b\nContent-Type: application/pdf; name=plan.pdf\nContent-Transfer-Encoding: base64\n\n"
        + b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\n" * 400_000
        + b"--b--\n"
    )
    assert len(raw) < MAX_BYTES

    mail = reader.read(raw)

    assert isinstance(mail, Mail)
    assert (mail.new_text, mail.attachments, mail.size_bytes) == ("Approve", ("plan.pdf",), len(raw))
    assert len(without_ballast(raw)) < 200_000
