"""One meaning for every mail, by a fixed order: unreadable, automatic, command, request, unclear, not for us."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailbot.explain import explain, in_words
from parsers import (
    Command,
    Kind,
    Mail,
    Problem,
    ReadingRules,
    Request,
    Understanding,
    Unreadable,
    Verb,
    read,
    understand,
)
from parsers.reply.commands import read_command
from parsers.understanding import KIND_OF_VERB, is_reply

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
TEMPLATE = (
    "username: bob\n\nintended usage: a small web server for our measurements\n\nexpiration date: 31 March 2027\n"
)
SUBJECT = "Persistent Virtual Machine Creation"


def understood(body: str, subject: str = "Re: VM", **headers: str) -> Understanding:
    fields = {"From": "Alice <alice@example.org>", "Subject": subject, "Content-Type": "text/plain; charset=utf-8"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    raw = "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n" + body
    return understand(read(raw.encode(), RULES), RULES)


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


OUTLOOK = (
    f"From: Bob <bob@example.org>\nSent: Monday, 23 November 2026 10:12\nTo: Support\nSubject: {SUBJECT}\n\n{TEMPLATE}"
)


def test_every_verb_has_its_kind() -> None:
    assert set(KIND_OF_VERB) == set(Verb)


def test_a_filled_template_is_a_request() -> None:
    found = understood(TEMPLATE, SUBJECT)

    assert found.kind is Kind.REQUEST
    assert isinstance(found.meaning, Request)
    assert found.meaning.problems == ()


def test_a_reply_that_holds_the_filled_template_is_a_request() -> None:
    assert understood(TEMPLATE, f"Re: {SUBJECT}", In_Reply_To="<letter@testbed.example>").kind is Kind.REQUEST


def test_a_forwarded_template_is_a_request() -> None:
    body = f"Could you help Bob?\n\n---------- Forwarded message ---------\nFrom: Bob <bob@example.org>\nSubject: {SUBJECT}\n\n{TEMPLATE}"

    assert understood(body, f"Fwd: {SUBJECT}").kind is Kind.REQUEST


@pytest.mark.parametrize(
    "older",
    [OUTLOOK, "On 23/11/2026 10:12, Bob wrote:\n" + quoted(TEMPLATE), f"-----Original Message-----\n{OUTLOOK}"],
    ids=["outlook", "marked", "divider"],
)
def test_words_above_a_quoted_template_are_no_request(older: str) -> None:
    found = understood(f"Thanks, I will look at it tomorrow.\n\n{older}", f"Re: {SUBJECT}")

    assert found.kind is Kind.UNCLEAR


@pytest.mark.parametrize("older", [OUTLOOK, "On 23/11/2026 10:12, Bob wrote:\n" + quoted(TEMPLATE)])
def test_a_command_above_a_quoted_template_is_the_command(older: str) -> None:
    found = understood(f"Approve\n\n{older}", f"Re: {SUBJECT}")

    assert isinstance(found.meaning, Command)


def test_a_machine_that_quotes_a_command_is_a_machine() -> None:
    assert understood("Approve", Auto_Submitted="auto-replied").kind is Kind.AUTOMATIC


@pytest.mark.parametrize(
    ("subject", "headers", "body"),
    [
        ("Re: anything", {}, "Hello there"),
        ("anything", {"In_Reply_To": "<a@example.org>"}, "Hello there"),
        ("anything", {}, "Hello there\n\nOn 23/11/2026 10:12, Bob wrote:\n> hm\n"),
    ],
    ids=["subject", "reference", "quote"],
)
def test_a_reply_without_a_clear_command_is_unclear(subject: str, headers: dict[str, str], body: str) -> None:
    found = understood(body, subject, **headers)

    assert found.mail is not None
    assert is_reply(found.mail)
    assert found.kind is Kind.UNCLEAR


def test_a_mail_that_is_neither_reply_nor_request_is_not_for_us() -> None:
    assert understood("My job does not start.", "Help with my job").kind is Kind.NOT_FOR_US


def test_parts_that_disagree_decide_nothing() -> None:
    raw = (
        "From: alice@example.org\nSubject: Re: VM\nContent-Type: multipart/alternative; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nApprove\n--b\nContent-Type: text/html\n\n<p>Approve until 2027-01-31</p>\n--b--\n"
    )
    found = understand(read(raw.encode(), RULES), RULES)

    assert found.kind is Kind.UNCLEAR
    assert "different things" in found.why


def test_parts_that_differ_only_in_mark_up_agree() -> None:
    raw = (
        "From: alice@example.org\nSubject: Re: VM\nContent-Type: multipart/alternative; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\n*Deny*: no room, see https://x.example\n"
        "--b\nContent-Type: text/html\n\n<p><b>Deny</b>: no   room, see <a href='https://x.example'>https://x.example</a></p>\n--b--\n"
    )
    found = understand(read(raw.encode(), RULES), RULES)

    assert isinstance(found.meaning, Command)


def test_an_unreadable_mail_is_understood_as_unreadable() -> None:
    found = understand(Unreadable("0" * 64, 3, "It has no header."), RULES)

    assert (found.kind, found.mail, found.why) == (Kind.UNREADABLE, None, "It has no header.")


KEYS = {
    "file",
    "kind",
    "decision",
    "command",
    "reason",
    "new_text",
    "fields",
    "until",
    "disk_gib",
    "problems",
    "why",
    "notes",
}


@pytest.mark.parametrize("body", ["Approve", "hello", TEMPLATE, "extend for 6 months", ""])
def test_an_explanation_always_has_all_its_keys(body: str) -> None:
    assert set(explain(understood(body), "a.eml", RULES, lambda _request, _rules: ())) >= KEYS


def test_an_explanation_tells_the_problems_that_policy_sees_after_those_of_reading() -> None:
    found = understood("username: bob\nintended usage: a web server\nexpiration date: <Until when>\n", SUBJECT)
    seen = (Problem("disk", None, "900", "At most 100 GiB."), Problem("expiration_date", 3, "x", "twice"))
    told = explain(found, "a.eml", RULES, lambda _request, _rules: seen)
    problems = told["problems"]

    assert isinstance(problems, list)
    assert [problem["field"] for problem in problems].count("disk") == 1
    assert len([problem for problem in problems if problem["allowed"] == "twice"]) <= 1
    assert "to correct" in in_words(told)


def test_an_explanation_for_a_person_shows_the_newest_words() -> None:
    told = explain(understood("Deny: no room"), "a.eml", RULES, lambda _request, _rules: ())

    assert in_words(told).splitlines()[0] == "a.eml: decision"
    assert "  reason: no room" in in_words(told)


def test_a_mail_object_is_a_value() -> None:
    mail = understood("Approve").mail

    assert isinstance(mail, Mail)
    assert hash(mail) == hash(understood("Approve").mail)


def test_the_line_with_the_code_of_a_letter_is_never_the_reason_of_a_denial() -> None:
    """A link in a letter opens a reply whose body ends with it."""
    for words, reason in (
        ("deny ", ""),
        ("deny no room", "no room"),
        ("deny\r\n\r\nThe host is full.", "The host is full."),
    ):
        said = read_command(f"{words}\r\n\r\nTestbed #12, code 12-aglj-ivju\r\n", RULES)
        assert isinstance(said, Command)
        assert said.reason == reason
