"""Which header makes a machine of whoever wrote a mail, and which says no more than that a relay had it in hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from parsers import read, understand
from parsers.values import AutomaticKind, Command, Kind, ReadingRules, Understanding

RULES = ReadingRules(
    now=datetime(2026, 11, 26, 9, tzinfo=UTC),
    timezone=UTC,
    own_addresses=frozenset({"support@testbed.example"}),
    own_message_id_domain="mailbot.testbed.example",
)
TEMPLATE = "username: alice\nexpiration date: 31/03/2027\nintended usage: A web server for our results.\n"
FORM = "Persistent Virtual Machine Creation"
ANSWER = "Re: [Testbed #12] VM for alice"
BEGUN = "Thanks, I have got your mail and will look at it.\n"


def understood(header: str, text: str = "Approve\n", subject: str = ANSWER) -> Understanding:
    lines = header.replace(" / ", "\n")
    raw = (
        f"{lines}\nFrom: Carol Admin <carol@testbed.example>\nTo: support@testbed.example\nSubject: {subject}\n"
        f"Message-ID: <a1@testbed.example>\nIn-Reply-To: <mb.12@mailbot.testbed.example>\n\n{text}"
    )
    return understand(read(raw.encode(), RULES), RULES)


OF_ANSWERERS = (
    "Auto-Submitted: auto-replied",
    "Auto-Submitted: auto-generated",
    "Precedence: auto_reply",
    "X-Autoreply: yes",
    "X-Auto-Response: 1",
    "X-Away: until Monday",
    "X-OOF: yes",
    "X-Holiday: yes",
    "X-Delivered-By-The-Graces-Of: vacation",
    "X-Mailer: vacation 1.2.7",
    "Return-Path: <>",
    "X-Loop: carol@home.example",
    "X-Loop: yes",
    "Sender: carol-desk@testbed.example / X-Loop: carol@home.example",
)
OF_RELAYS = (
    "Precedence: bulk",
    "Precedence: list",
    "Precedence: junk",
    "Precedence: first-class",
    "Auto-Submitted: no",
    "X-Auto-Response-Suppress: All",
    "X-Auto-Response-Suppress: DR, OOF, AutoReply",
    "List-Id: Admins <admins.testbed.example> / Precedence: list",
    "List-Post: <mailto:admins@testbed.example> / X-Loop: admins@testbed.example / Precedence: bulk",
    "Mailing-List: list admins@testbed.example; contact admins-help@testbed.example / X-Loop: admins",
    "Sender: owner-admins@testbed.example / Precedence: bulk / X-Loop: owner-majordomo@testbed.example",
    "X-Loop: support@testbed.example",
    "Delivered-To: helpdesk@testbed.example / X-Loop: helpdesk@testbed.example",
    "Return-Path: <carol@testbed.example>",
    "X-MS-Exchange-Inbox-Rules-Loop: support@testbed.example",
    "Importance: low",
)


@pytest.mark.parametrize("header", OF_ANSWERERS)
def test_what_only_an_answering_machine_writes_is_believed_whatever_the_words_are(header: str) -> None:
    for text, subject in (("Approve\n", ANSWER), (BEGUN, ANSWER), (TEMPLATE, FORM)):
        assert understood(header, text, subject).kind is Kind.AUTOMATIC


@pytest.mark.parametrize("header", OF_RELAYS)
def test_what_a_relay_writes_on_a_persons_mail_too_proves_nothing(header: str) -> None:
    assert understood(header).kind is Kind.DECISION
    assert understood(header, BEGUN).kind is Kind.UNCLEAR
    assert understood(header, TEMPLATE, FORM).kind is Kind.REQUEST


@pytest.mark.parametrize("header", ["Precedence: bulk", "X-Auto-Response-Suppress: OOF"])
def test_a_relays_mark_beside_words_of_absence_is_a_machine_but_not_beside_a_command(header: str) -> None:
    absent = "I will answer when I get back on Monday.\n"
    assert understood(header, absent).kind is Kind.AUTOMATIC
    assert understood(header, f"Approve\n\n{absent}").kind is not Kind.AUTOMATIC


def test_a_report_with_an_empty_return_path_is_a_report() -> None:
    raw = (
        b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nTo: support@testbed.example\nSubject: failure notice\n"
        b"X-Loop: MAILER-DAEMON@mx.example.org\n\nYour message could not be delivered:\n<bob@example.org>: user unknown\n"
    )
    mail = understand(read(raw, RULES), RULES).mail

    assert mail is not None
    assert mail.automatic is not None
    assert mail.automatic.kind is AutomaticKind.BOUNCE


def test_who_answers_a_note_of_absence_has_its_subject_and_is_a_person() -> None:
    assert understood("X-A: b", subject="Re: Automatic reply: [Testbed #12] VM for alice").kind is Kind.DECISION
    assert understood("X-A: b", BEGUN, "Re: Automatic reply: [Testbed #12]").kind is Kind.AUTOMATIC
    assert understood("X-A: b", subject="Automatic reply: [Testbed #12] VM for alice").kind is Kind.AUTOMATIC


def answered(below: str) -> Understanding:
    return understood(
        "X-Mailer: Claws Mail 4.1.1", f"On Thu, 26 Nov 2026 Testbed wrote:\n\n> Please decide.\n> approve\n\n{below}"
    )


@pytest.mark.parametrize(
    ("typed", "reason"), [("approve", ""), ("deny there is no room before March", "there is no room before March")]
)
def test_what_is_typed_below_the_signature_that_a_client_put_there_is_read(typed: str, reason: str) -> None:
    meaning = answered(f"-- \nCarol Admin\nroom 12\n\n{typed}\n").meaning

    assert isinstance(meaning, Command)
    assert (meaning.line, meaning.reason) == (typed, reason)


@pytest.mark.parametrize(
    "below",
    [
        "-- \napprove\n",
        "-- \nCarol Admin\napprove of nothing\n",
        "-- \nCarol Admin\napprove\nonly until March\n",
        "Not today.\n\n-- \nCarol Admin\napprove\n",
    ],
)
def test_other_words_in_a_signature_are_none(below: str) -> None:
    assert answered(below).kind is Kind.UNCLEAR


def test_a_signature_of_a_mail_that_answers_nothing_is_not_read() -> None:
    text = "-- \nCarol Admin\napprove\n"
    assert understood("X-A: b", text, "VM").kind is Kind.UNCLEAR
