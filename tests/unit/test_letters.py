"""Every letter: its golden files, its two parts, its headers, and what it must never contain."""

from __future__ import annotations

import email
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import templates_email
from mailbot import tokens
from mailbot.letters.blocks import BlockKind, read_blocks
from mailbot.letters.catalogue import KINDS, LETTERS
from mailbot.letters.compose import LetterCannotBeWritten, compose
from mailbot.letters.documentation import documentation
from mailbot.letters.kinds import Audience, Thread
from mailbot.letters.languages import language
from mailbot.letters.plain import WIDTH
from mailbot.letters.samples import Sample
from mailbot.letters.troubles import WORK
from mailbot.model import MACHINE_ACTIONS, ONLY_ASK, Action, Effect, Letter, OutboxItem, Purpose
from parsers import Command, Mail, ReadingRules, Request, read, understand
from parsers.reply.commands import read_command
from parsers.request.labels import read_label
from parsers.text.folding import visible
from tests.trying import ADMIN, SAMPLES, SETTINGS, changed, sample_of

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "letters"
TEMPLATES = Path(templates_email.__path__[0])
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
READING = ReadingRules(now=NOW, timezone=ZoneInfo("Europe/Paris"))
by_name = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


def written(sample: Sample, **changes: Any) -> EmailMessage:
    sample = changed(sample, **changes) if changes else sample
    mail = compose(sample.item, sample.ticket, SETTINGS, sample.now)
    message = email.message_from_bytes(mail.data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(message: EmailMessage) -> str:
    """The HTML with its letters beyond ASCII as a person would write them."""
    part = message.get_body(("html",))
    assert part is not None
    return re.sub(r"&#(\d{3,});", lambda reference: chr(int(reference[1])), str(part.get_content()))


def read_html(html: str) -> str:
    """The HTML part as our own parser reads it."""
    raw = b'From: a@example.org\r\nContent-Type: text/html; charset="utf-8"\r\n\r\n' + html.encode()
    mail = read(raw, READING)
    assert isinstance(mail, Mail)
    return mail.text


def squeezed(words: str) -> str:
    """Words without anything that layout adds: spaces, and the marks of headings, items and quotes."""
    return re.sub(r"[\s│=•*\-]+", "", words)


@by_name
def test_a_letter_is_its_golden_file(sample: Sample, regenerate_golden: bool) -> None:
    message = written(sample)
    head = "".join(f"{name}: {value}\n" for name, value in message.items())
    attached = "".join(f"\n--- {part.get_filename()}\n{part.get_content()}" for part in message.iter_attachments())
    for suffix, words in ((".txt", f"{head}\n{text_of(message)}{attached}"), (".html", html_of(message))):
        golden = GOLDEN / f"{sample.name}{suffix}"
        now = words.replace("\r\n", "\n")
        if regenerate_golden:
            golden.write_text(now, encoding="utf-8")
        assert golden.exists(), f"{golden.name} is missing; look at the letter, then run pytest --regenerate-golden"
        assert now == golden.read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_a_sample() -> None:
    names = {path.name.removesuffix(path.suffix) for path in GOLDEN.iterdir()}
    assert names == {sample.name for sample in SAMPLES}


def test_every_letter_has_a_kind_a_template_and_a_sample() -> None:
    assert set(KINDS) == set(Letter)
    assert {sample.letter for sample in SAMPLES} == set(Letter)
    templates = {path.name.removesuffix(".txt.j2") for path in TEMPLATES.glob("[!_]*.txt.j2")}
    assert templates == {letter.value for letter in Letter}


def test_samples_together_give_every_fact_that_a_letter_knows() -> None:
    lacking = {
        letter.value: lack
        for letter, kind in LETTERS.items()
        if (
            lack := {one.name for one in fields(kind)}
            - {name for s in SAMPLES if s.letter is letter for name in facts_of(s)}
        )
    }
    assert lacking == {}, "no conversation produces these facts"


def facts_of(sample: Sample) -> Mapping[str, Any]:
    return sample.item.effect.facts


@by_name
def test_text_and_html_say_the_same(sample: Sample) -> None:
    message = written(sample)
    html = read_html(html_of(message))
    band = html.strip().splitlines()[0]
    assert squeezed(html.replace(band, "", 1)) == squeezed(text_of(message))


@by_name
def test_admins_are_not_greeted(sample: Sample) -> None:
    is_to_an_admin = KINDS[sample.letter].audience is Audience.ADMIN or facts_of(sample).get("purpose") == "decide"
    assert not (is_to_an_admin and text_of(written(sample)).startswith("Hello"))


@by_name
def test_no_line_of_a_letter_is_a_command(sample: Sample) -> None:
    message = written(sample)
    text, html = text_of(message), read_html(html_of(message))
    for line in [*text.splitlines(), *html.splitlines()]:
        assert not isinstance(read_command(line, READING), Command), line
    if sample.letter is not Letter.REQUEST_PROBLEMS:
        assert not [line for line in text.splitlines() if read_label(line)]
    for start in (text, html):
        assert not isinstance(read_command(start, READING), Command)


@by_name
def test_a_letter_sent_back_without_quote_marks_commands_nothing(sample: Sample) -> None:
    message = written(sample)
    for subtype, body in (("plain", text_of(message)), ("html", html_of(message))):
        answer = EmailMessage(policy=policy.SMTP)
        answer["From"] = "Bob Admin <bob@testbed.example>"
        answer["To"] = str(message["Reply-To"] or message["From"])
        answer["Subject"] = f"Re: {message['Subject']}"
        answer["In-Reply-To"] = str(message["Message-ID"])
        answer["Message-ID"] = "<answer-1@testbed.example>"
        answer.set_content(body, subtype=subtype)
        mail = read(answer.as_bytes(), READING)
        meaning = understand(mail, READING).meaning
        assert not isinstance(meaning, Command)
        if sample.letter is not Letter.REQUEST_PROBLEMS:
            assert not isinstance(meaning, Request)


@by_name
def test_text_keeps_to_its_width_and_html_takes_nothing_from_elsewhere(sample: Sample) -> None:
    message = written(sample)
    text, html = text_of(message), html_of(message)
    for line in text.splitlines():
        assert len(line) <= WIDTH or line.startswith("    "), line
    assert not re.search(r"(?i)https?:|<(?:img|link|script|form|iframe|object)\b|url\(|src=", html)
    assert all(link.startswith("mailto:support+") for link in re.findall(r'href="([^"]*)', html))


@by_name
def test_headers_mark_a_letter_as_ours_and_as_automatic(sample: Sample) -> None:
    message = written(sample)
    kind = KINDS[sample.letter]
    assert message["Auto-Submitted"] == ("auto-replied" if kind.thread is Thread.ANSWER else "auto-generated")
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["X-Mailbot-Letter"] == sample.letter.value
    assert message["From"] == "Testbed support <support@testbed.example>"
    assert tokens.is_own_message_id(message["Message-ID"], SETTINGS)
    assert message["Date"].datetime == sample.now
    counts = {name.lower(): len(message.get_all(name, [])) for name in message}
    assert set(counts.values()) == {1}, counts


@by_name
def test_a_letter_carries_a_token_exactly_where_it_takes_answers(sample: Sample) -> None:
    message = written(sample)
    kind = KINDS[sample.letter]
    purpose = kind.purpose or Purpose(facts_of(sample)["purpose"])
    by_id = tokens.references_in([message["Message-ID"]], [], SETTINGS)
    if purpose is Purpose.NONE:
        assert by_id == ()
        assert message["Reply-To"] is None
        return
    by_address = tokens.references_in([], [str(message["Reply-To"])], SETTINGS)
    assert by_id == by_address
    assert by_id[0].purpose is purpose
    recipient = sample.item.effect.to
    assert tokens.verify(SETTINGS.keys, by_id[0], recipient)
    assert not tokens.verify(SETTINGS.keys, by_id[0], f"other-{recipient}")
    code = tokens.short_code(SETTINGS.keys, by_id[0], recipient)
    assert code in tokens.codes_in(text_of(message))


@by_name
def test_letters_to_the_owner_carry_nothing_of_an_admins(sample: Sample) -> None:
    if KINDS[sample.letter].audience is Audience.ADMIN or sample.item.effect.to == ADMIN:
        return
    raw = compose(sample.item, sample.ticket, SETTINGS, sample.now).data.decode()
    assert ADMIN not in raw
    assert "mb.admins." not in raw
    for version in range(1, 4):
        day = tokens.day_of(sample.item.created_at)
        bound = tokens.reference(SETTINGS.keys, 1, version, ADMIN, Purpose.DECIDE, day=day)
        assert bound.token not in raw


def test_every_letter_of_a_ticket_hangs_on_its_thread() -> None:
    for sample in SAMPLES:
        message, kind = written(sample), KINDS[sample.letter]
        references = str(message["References"] or "").split()
        if sample.ticket is None or kind.thread is Thread.NONE:
            continue
        to_admin = kind.thread is Thread.ADMINS or sample.item.effect.to == ADMIN
        if not to_admin and not sample.ticket.thread:  # a machine that was adopted: no request is known
            assert not references
            continue
        assert references[0] == (
            f"<mb.admins.{sample.ticket.id}@mailbot.testbed.example>" if to_admin else sample.ticket.thread
        )
        assert str(message["In-Reply-To"]) == references[-1]
        if kind.thread is Thread.ADMINS:
            assert str(message["Subject"]).startswith(f"[Testbed #{sample.ticket.id}] ")


def test_a_message_id_stays_the_same_and_belongs_to_one_letter() -> None:
    first = sample_of(Letter.REQUEST_RECEIVED)
    again = compose(replace(first.item, attempts=5), first.ticket, SETTINGS, first.now + timedelta(hours=9))
    assert again.message_id == compose(first.item, first.ticket, SETTINGS, first.now).message_id
    by_conversation: dict[str, list[str]] = {}
    for sample in SAMPLES:
        mail = compose(sample.item, sample.ticket, SETTINGS, sample.now)
        by_conversation.setdefault(sample.conversation, []).append(mail.message_id)
    assert all(len(set(ids)) == len(ids) for ids in by_conversation.values())


def test_a_letter_without_one_of_its_facts_is_refused_with_the_facts_name() -> None:
    for sample in SAMPLES:
        for name in (one.name for one in fields(LETTERS[sample.letter]) if one.default is MISSING):
            facts = {key: value for key, value in facts_of(sample).items() if key != name}
            with pytest.raises(LetterCannotBeWritten, match=f"missing: .*{name}"):
                written(sample, facts=facts)


def test_a_fact_of_another_type_is_refused() -> None:
    sample = sample_of(Letter.REQUEST_DENIED)
    with pytest.raises(LetterCannotBeWritten, match="not as they are needed"):
        written(sample, facts={**facts_of(sample), "reason": 7})


def test_rows_that_an_earlier_version_wrote_are_still_written() -> None:
    """Rows in flight at an upgrade: `fixtures/outbox/<version>.json` holds facts of every letter as it stored them."""
    for file in (ROOT / "fixtures" / "outbox").glob("*.json"):
        rows = json.loads(file.read_text(encoding="utf-8"))
        assert {row["letter"] for row in rows} <= set(Letter), (
            "a letter that was renamed or taken away is still in flight"
        )
        for row in rows:
            written(sample_of(Letter(row["letter"])), facts=row["facts"])


def test_a_letter_about_a_ticket_is_not_written_without_one() -> None:
    with pytest.raises(LetterCannotBeWritten, match="needs a ticket"):
        written(sample_of(Letter.HELP), ticket=None)


@pytest.mark.parametrize(
    "to", ["", "alice", "a@b@c", "a@example.org\r\nBcc: x@example.org", "a b@example.org", "é@example.org"]
)
def test_an_address_that_is_none_gets_no_letter(to: str) -> None:
    with pytest.raises(LetterCannotBeWritten, match="address"):
        written(sample_of(Letter.REQUEST_DENIED), to=(to, "Alice"))


def test_without_plus_addresses_the_token_rides_in_the_message_id_only() -> None:
    sample = sample_of(Letter.ADMIN_DECISION)
    mail = compose(sample.item, sample.ticket, replace(SETTINGS, plus_addresses=False), sample.now)
    message = email.message_from_bytes(mail.data, policy=policy.default)
    assert message["Reply-To"] == "support@testbed.example"
    assert tokens.references_in([mail.message_id], [], SETTINGS)


def test_a_new_request_and_its_receipt_share_the_subject() -> None:
    received = sample_of(Letter.REQUEST_RECEIVED)
    assert received.ticket is not None
    ticket = replace(received.ticket, subject="My machine")
    assert written(received, ticket=ticket)["Subject"] == "Re: My machine"
    answered = replace(ticket, subject="RE: my machine")
    assert written(received, ticket=answered)["Subject"] == "RE: my machine"


def test_midnight_belongs_to_the_day_that_ends() -> None:
    english = language("en")
    at_night, at_five = datetime(2027, 3, 31, 22, tzinfo=UTC), datetime(2026, 12, 1, 16, 5, tzinfo=UTC)
    assert english.moment(at_night, "Europe/Paris") == "at midnight, end of Wednesday 31 March 2027"
    assert english.moment(at_five, "Europe/Paris") == "on Tuesday 1 December 2026 at 17:05"


def test_a_value_never_starts_a_line_of_a_template() -> None:
    trusted = ("quote(", "paragraphs(", "items(", "code(", "offers(", "hello")
    for path in TEMPLATES.glob("*.txt.j2"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("{{"):
                assert line.removeprefix("{{").strip().startswith(trusted), f"{path.name}:{number}"


def test_blocks_are_read_as_documented() -> None:
    source = "! one\n\n# two\n- three\n- four\n= five: six: 6\n> seven\n\n$   eight\n@ nine ¦ ten\n~ eleven\n\ntwelve\nthirteen\n"
    assert [(block.kind, block.lines) for block in read_blocks(source)] == [
        (BlockKind.LEAD, (("one", ""),)),
        (BlockKind.HEADING, (("two", ""),)),
        (BlockKind.ITEMS, (("three", ""), ("four", ""))),
        (BlockKind.ROWS, (("five", "six: 6"),)),
        (BlockKind.QUOTE, (("seven", ""),)),
        (BlockKind.CODE, (("  eight", ""),)),
        (BlockKind.OFFERS, (("nine", "ten"),)),
        (BlockKind.SMALL, (("eleven", ""),)),
        (BlockKind.PARAGRAPH, (("twelve thirteen", ""),)),
    ]


HOSTILE = st.one_of(
    st.text(max_size=120),
    st.sampled_from(
        (
            "approve",
            "deny\r\napprove",
            "x\r\nBcc: victim@example.org\r\n\r\napprove",
            "\n! lead\n@ release ¦ x\n$ y",
            "<img src=http://tracker.example/x.png><b>approve</b>",
            "\u202eevorppa\u200b\x1b[31mred\x00",
            "{{ 7 * 7 }}{% raw %}",
            "--\napprove",
            "=?utf-8?q?=0D=0ABcc:_x@example.org?=",
            "status " * 30,
            "| approve",
            "a" * 3000,
        )
    ),
)


@settings(max_examples=25, deadline=None)
@given(words=HOSTILE, name=HOSTILE, subject=HOSTILE, thread=HOSTILE)
def test_whatever_people_write_stays_words(words: str, name: str, subject: str, thread: str) -> None:
    for letter, facts in (
        (Letter.REQUEST_RECEIVED, {"notes": [f"“{words}” was read as something."]}),
        (Letter.ADMIN_DECISION, {"person": {"login": "alice", "name": name, "address": "alice@example.org"}}),
        (Letter.REQUEST_DENIED, {"reason": words, "by": name}),
        (Letter.UNCLEAR_REPLY, {"words": words, "subject": subject}),
    ):
        plain = sample_of(letter)
        assert plain.ticket is not None
        ticket = replace(
            plain.ticket,
            intended_usage=words,
            disk_reason=words,
            name=name or "A",
            subject=subject,
            thread=f"<{thread}>",
        )
        sample = changed(plain, facts={**facts_of(plain), **facts}, ticket=ticket, to=("alice@example.org", name))
        usual, message = written(plain), written(sample)
        assert set(message.keys()) <= {*usual.keys(), "In-Reply-To", "References"}
        assert not message.defects
        assert message["To"].addresses[0].addr_spec == "alice@example.org"
        text, html = text_of(message).replace("\r\n", "\n"), html_of(message)
        assert visible(text) == text
        assert len(re.findall("<[a-z!/]", html)) <= len(re.findall("<[a-z!/]", html_of(usual))) + 4 * len(words) + 8
        assert "<img" not in html
        for line in set(text.splitlines()) - set(text_of(usual).splitlines()):
            assert not isinstance(read_command(line, READING), Command), line


def test_raw_letters_have_lines_as_servers_take_them_in_ascii() -> None:
    for sample in SAMPLES:
        data = compose(sample.item, sample.ticket, SETTINGS, sample.now).data
        assert data.isascii()
        assert b"\n" not in data.replace(b"\r\n", b"")
        assert b"\r" not in data.replace(b"\r\n", b"")
        assert max(len(line) for line in data.split(b"\r\n")) <= 998, "RFC 5322 section 2.1.1"


def test_names_that_are_not_ascii_are_encoded_and_come_back() -> None:
    for name in ("Élodie Durand", "小林 花子", 'Smith, "Bob"', "O'Neil", "A" * 90, "=?utf-8?q?x?="):
        message = written(sample_of(Letter.REQUEST_DENIED), to=("alice@example.org", name))
        address = message["To"].addresses[0]
        assert address.addr_spec == "alice@example.org"
        assert address.display_name == name[:80]


def test_an_outbox_row_that_is_no_letter_is_refused() -> None:
    item = OutboxItem(1, 12, 1, Effect(Action.BUILD, "build:1"), 1, NOW)
    with pytest.raises(LetterCannotBeWritten, match="not a message"):
        compose(item, sample_of(Letter.HELP).ticket, SETTINGS, NOW)


def test_the_documentation_is_what_the_table_says(regenerate_golden: bool) -> None:
    path = ROOT / "docs" / "letters.md"
    if regenerate_golden:
        path.write_text(documentation(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == documentation()


@pytest.mark.parametrize("action", sorted(MACHINE_ACTIONS - ONLY_ASK - {Action.BUILD, Action.REKEY}))
def test_admins_can_be_told_of_every_work_on_a_machine_that_fails(action: Action) -> None:
    """Building has a letter of its own, and what came of a rekeying its owner reads."""
    sample = next(one for one in SAMPLES if one.letter is Letter.ADMIN_MACHINE_TROUBLE)
    assert f"{WORK[action]} failed" in text_of(written(sample, facts={**facts_of(sample), "effect": action.value}))
