"""One made-up life, told by every letter: what the golden files are written from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from mailbot.letters import KINDS, Audience, LetterSettings
from mailbot.model import Action, Effect, Letter, OutboxItem, Ticket, TicketState
from mailbot.rules import Rules
from mailbot.tokens import TokenKeys
from mailbot.turns.sight import MEANWHILE, Sense

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SETTINGS = LetterSettings(
    support_address="support@testbed.example",
    message_id_domain="mailbot.testbed.example",
    keys=TokenKeys((b"a key for golden files only, 1234",)),
    rules=Rules(),
    from_name="Testbed support",
    plus_addresses=True,
)
TICKET = Ticket(
    id=12,
    state=TicketState.PENDING,
    username="alice",
    name="Alice Example",
    email="alice@example.org",
    intended_usage=(
        "A small web server that collects the results of our measurement campaign.\n"
        "It runs day and night, because probes report at any hour.\n"
        "\n"
        "I need 20 GB because the raw traces of one month take about 12 GB."
    ),
    end_date=date(2027, 3, 31),
    disk_gib=20,
    disk_reason="the raw traces of one month take about 12 GB",
    thread="<20261124101500.1234@example.org>",
    subject="Persistent Virtual Machine Creation",
    opened_at=datetime(2026, 11, 24, 9, 15, tzinfo=UTC),
    changed_at=datetime(2026, 11, 24, 9, 15, tzinfo=UTC),
)
ADMIN = ("bob@testbed.example", "Bob Admin")
QUESTION: dict[str, Any] = {
    "question": "request",
    "person": {"login": "alice", "name": "Alice Example", "address": "alice@example.org"},
    "checks": [
        "alice is an active account and has no other machine.",
        "The end date is at most 2 years ahead.",
        "More disk than usual is asked for: 20 GiB instead of 8 GiB (limit 100 GiB).",
    ],
    "sites": [
        {
            "site": "north",
            "free_memory_mib": 24576,
            "free_disk_gib": 410,
            "machines": 3,
            "as_of": "2026-11-24T09:29:00+00:00",
            "problems": [],
        },
        {
            "site": "south",
            "free_memory_mib": 0,
            "free_disk_gib": 0,
            "machines": 0,
            "as_of": "2026-11-24T09:29:00+00:00",
            "problems": ["The host does not answer."],
        },
    ],
    "lapses_at": "2026-12-08T09:15:00+00:00",
}
READY: dict[str, Any] = {
    "fqdn": "alice-vm.north.testbed.example",
    "address": "192.0.2.17",
    "host_keys": [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample00",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBExampleExample0=",
    ],
    "host_key_fingerprints": [
        "SHA256:2uVNhGXnExampleExampleExampleExampleExample (ED25519)",
        "SHA256:9kZLxExampleExampleExampleExampleExampleAbc (ECDSA)",
    ],
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A letter with facts; `variant` tells several of one letter apart."""

    letter: Letter
    facts: dict[str, Any]
    variant: str = ""
    ticket: Ticket | None = TICKET
    to: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        return f"{self.letter.value}.{self.variant}" if self.variant else self.letter.value

    @property
    def item(self) -> OutboxItem:
        owner = ("alice@example.org", "Alice Example")
        to, to_name = self.to or (ADMIN if KINDS[self.letter].audience is Audience.ADMIN else owner)
        effect = Effect(Action.LETTER, f"{self.letter.value}:1", self.letter, to, to_name, self.facts)
        ticket_id = self.ticket.id if self.ticket else None
        return OutboxItem(7, ticket_id, 1 if self.ticket else 0, effect, 1, NOW, "<reply-5678@example.org>")


ACTIVE = replace(TICKET, state=TicketState.ACTIVE, site="north", version=2)
SAMPLES: tuple[Sample, ...] = (
    Sample(
        Letter.REQUEST_PROBLEMS,
        {
            "problems": [
                {
                    "field": "username",
                    "line": 1,
                    "found": "alcie",
                    "allowed": "your own login; the login that belongs to your address is alice",
                },
                {
                    "field": "expiration date",
                    "line": 7,
                    "found": "03/04/2027",
                    "allowed": "a date that can be read in one way only, for example 2027-04-03 or 3 April 2027",
                },
            ],
            "fields": {
                "username": "alcie",
                "intended_usage": TICKET.intended_usage,
                "expiration_date": "03/04/2027",
            },
            "notes": ["The text was in the HTML part only."],
            "subject": "Persistent Virtual Machine Creation",
        },
        ticket=None,
    ),
    Sample(
        Letter.REQUEST_PROBLEMS,
        {
            "problems": [
                {
                    "field": "expiration date",
                    "line": None,
                    "found": "",
                    "allowed": "a day in the future, for example 2027-04-03",
                }
            ],
            "fields": {
                "username": "alice",
                "intended_usage": "approve\nrelease\nA build server.",
                "expiration_date": "",
            },
        },
        "one",
        ticket=None,
    ),
    Sample(Letter.UNKNOWN_SENDER, {"subject": "VM?"}, ticket=None, to=("somebody@elsewhere.example", "")),
    Sample(
        Letter.CONFIRM_REQUEST,
        {
            "lapses_at": "2026-12-01T09:15:00+00:00",
            "claimed_from": "alice@elsewhere.example",
        },
    ),
    Sample(
        Letter.REQUEST_RECEIVED,
        {
            "lapses_at": "2026-12-08T09:15:00+00:00",
            "notes": ["“end of March 2027” was read as Wednesday 31 March 2027."],
        },
    ),
    Sample(
        Letter.REQUEST_APPROVED,
        {
            "by": "Bob Admin",
            "end_date": "2027-01-31",
            "disk_gib": 20,
            "changed": ["The end date is Sunday 31 January 2027, not Wednesday 31 March 2027."],
        },
    ),
    Sample(
        Letter.REQUEST_DENIED,
        {"by": "Bob Admin", "reason": "Please use the shared web server for this; it has room for your traces."},
    ),
    Sample(Letter.REQUEST_LAPSED, {"days": 14}),
    Sample(Letter.REQUEST_WITHDRAWN, {}),
    Sample(Letter.VM_READY, READY, ticket=ACTIVE),
    Sample(
        Letter.VM_READY,
        {
            **READY,
            "first_warning_on": "2027-01-30",
            "stop_at": "2027-03-31T22:00:00+00:00",
            "calendar": {"sequence": 0, "status": "CONFIRMED"},
        },
        "calendar",
        ticket=ACTIVE,
    ),
    Sample(Letter.VM_READY, {**READY, "restored": True}, "restored", ticket=ACTIVE),
    Sample(Letter.ADMIN_DECISION, {**QUESTION, "notes": ["“end of March 2027” was read as Wednesday 31 March 2027."]}),
    Sample(
        Letter.ADMIN_DECISION,
        {
            **QUESTION,
            "sites": [],
            "sender": "a.example@elsewhere.example",
            "evidence": "The registered address confirmed the request.",
        },
        "confirmed",
    ),
    Sample(
        Letter.ADMIN_DECISION,
        {**QUESTION, "question": "extension", "asked_end_date": "2027-09-30", "checks": QUESTION["checks"][1:2]},
        "extension",
        ticket=ACTIVE,
    ),
    Sample(Letter.ADMIN_REMINDER, {**QUESTION, "asked_at": "2026-11-22T09:15:00+00:00"}),
    Sample(
        Letter.ADMIN_REMINDER,
        {
            **QUESTION,
            "question": "extension",
            "asked_end_date": "2027-09-30",
            "asked_at": "2026-11-22T09:15:00+00:00",
            "sender": "a.example@elsewhere.example",
            "evidence": "The registered address confirmed it.",
        },
        "extension",
        ticket=ACTIVE,
    ),
    Sample(
        Letter.ADMIN_DECIDED,
        {
            "decision": "approved",
            "question": "request",
            "by": "Carol Admin",
            "at": "2026-11-24T09:28:00+00:00",
            "changed": ["The disk has 10 GiB, not 20 GiB."],
            "disk_gib": 10,
        },
    ),
    Sample(
        Letter.ADMIN_DECIDED,
        {
            "decision": "denied",
            "question": "request",
            "by": "Carol Admin",
            "at": "2026-11-24T09:28:00+00:00",
            "reason": "Please use the shared web server.",
        },
        "denied",
    ),
    Sample(
        Letter.ADMIN_DECIDED,
        {"decision": "withdrawn", "question": "request", "by": "Alice Example", "at": "2026-11-24T09:28:00+00:00"},
        "withdrawn",
    ),
    Sample(
        Letter.ADMIN_ALREADY_DECIDED,
        {
            "words": "deny no room",
            "outcome": "The request was approved by Carol Admin, on Tuesday 24 November 2026, 10:28 (Europe/Paris).",
        },
    ),
    Sample(Letter.ADMIN_LAPSED, {"question": "request", "days": 14}),
    Sample(Letter.ADMIN_LAPSED, {"question": "extension", "days": 14}, "extension", ticket=ACTIVE),
    Sample(
        Letter.ADMIN_BUILD_FAILED,
        {"why": "The pool of the site north is full: 3 GiB free, 20 GiB needed.", "attempts": 4, "sites": ["north"]},
        ticket=replace(TICKET, state=TicketState.FAILED),
    ),
    Sample(
        Letter.ADMIN_MACHINE_TROUBLE,
        {
            "effect": "stop",
            "why": "The host does not answer: connection timed out.",
            "again_at": "2026-11-24T10:30:00+00:00",
        },
        ticket=ACTIVE,
    ),
    Sample(
        Letter.ADMIN_MAIL_TROUBLE,
        {
            "why": "It has two From headers, so nobody can say who wrote it.",
            "folder": "Quarantine",
            "sender": "somebody@elsewhere.example",
            "subject": "approve",
            "message_id": "<odd-1@elsewhere.example>",
            "received_at": "2026-11-24T09:12:00+00:00",
        },
        ticket=None,
    ),
    Sample(
        Letter.ADMIN_TICKET_TROUBLE,
        {"error": "ValueError: month must be in 1..12", "again_at": "2026-11-24T10:30:00+00:00"},
    ),
    Sample(
        Letter.ADMIN_BLIND,
        {
            "what": "the mailbox",
            "since": "2026-11-24T08:30:00+00:00",
            "why": "imap.example.org refuses the password.",
            "back": False,
            "meanwhile": MEANWHILE[Sense.MAILBOX],
        },
        ticket=None,
    ),
    Sample(
        Letter.ADMIN_BLIND,
        {
            "what": "the directory of users",
            "since": "2026-11-24T08:30:00+00:00",
            "why": "ldap.example.org does not answer.",
            "back": True,
            "meanwhile": MEANWHILE[Sense.DIRECTORY],
        },
        "back",
        ticket=None,
    ),
    Sample(
        Letter.UNCLEAR_REPLY,
        {
            "words": "approve? Not sure yet, let us talk on Monday.",
            "why": "there is more than a command in the first line.",
            "purpose": "decide",
            "subject": "Re: [Testbed #12] VM for alice",
        },
        to=ADMIN,
    ),
    Sample(
        Letter.COMMAND_REFUSED,
        {
            "words": "withdraw",
            "why": "“withdraw” cannot be done now: the request was approved; the machine is being built.",
            "purpose": "own",
            "subject": "Re: Persistent Virtual Machine Creation",
        },
    ),
    Sample(Letter.HELP, {"purpose": "own", "subject": "Re: Persistent Virtual Machine Creation"}),
    Sample(
        Letter.STATUS,
        {
            "state": "The machine runs.",
            "purpose": "own",
            "dates": [
                {"when": "2027-01-30", "what": "first warning"},
                {"when": "2027-03-31T22:00:00+00:00", "what": "the machine is stopped"},
                {"when": "2027-04-14T22:00:00+00:00", "what": "the machine is removed, its disk is kept"},
            ],
            "fqdn": READY["fqdn"],
            "address": READY["address"],
            "machine": "running, its SSH port answers",
        },
        ticket=ACTIVE,
    ),
)
