"""The later life of the same machine: what the golden letters of warnings, ends, extensions and the admins' week are written from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from letter_samples import ACTIVE, Sample

from mailbot.model import Letter, TicketState

PLAN: list[dict[str, str]] = [
    {"when": "2027-03-30", "what": "the last warning is sent"},
    {"when": "2027-03-31T22:00:00+00:00", "what": "the machine is shut down; nothing is deleted"},
    {"when": "2027-04-07T22:00:00+00:00", "what": "half of the waiting time is over; you get a letter"},
    {"when": "2027-04-14T22:00:00+00:00", "what": "the machine is removed; its disk is kept"},
    {"when": "2027-05-14T22:00:00+00:00", "what": "the disk is deleted for good"},
]
STOPPED = replace(ACTIVE, state=TicketState.EXPIRED)
KEPT = replace(ACTIVE, state=TicketState.ARCHIVED)
CALENDAR: dict[str, Any] = {"sequence": 1, "status": "CONFIRMED"}
CANCELLED: dict[str, Any] = {"sequence": 2, "status": "CANCELLED"}


def _sample(letter: Letter, variant: str = "", ticket: Any = ACTIVE, **facts: Any) -> Sample:
    return Sample(letter, facts, variant, ticket=ticket)


def _with_plan(letter: Letter, variant: str = "", ticket: Any = ACTIVE, skip: int = 0, **facts: Any) -> Sample:
    return _sample(letter, variant, ticket, **{"plan": PLAN[skip:], **facts})


LIFE: tuple[Sample, ...] = (
    _with_plan(Letter.WARNING, "60", days_left=60, calendar={"sequence": 0, "status": "CONFIRMED"}),
    _with_plan(Letter.WARNING, "30", days_left=30),
    _with_plan(
        Letter.WARNING,
        "7-late",
        days_left=7,
        late="Our mail was down for two days, so it comes later than planned; all dates below hold.",
    ),
    _with_plan(Letter.WARNING, "1", days_left=1, last=True, skip=1),
    _with_plan(Letter.WARNING, "last", days_left=3, last=True, skip=1),
    _with_plan(Letter.VM_STOPPED, "", STOPPED, 2, stopped_at="2027-03-31T22:04:00+00:00"),
    _with_plan(Letter.GRACE_HALF, "", STOPPED, 3, days_left=7),
    _with_plan(Letter.REMOVAL_NEAR, "", STOPPED, 3, days_left=1),
    _with_plan(Letter.REMOVAL_NEAR, "two", STOPPED, 3, days_left=2),
    _with_plan(
        Letter.VM_ARCHIVED,
        "",
        KEPT,
        4,
        keep_until="2027-05-14T22:00:00+00:00",
    ),
    _with_plan(
        Letter.VM_ARCHIVED,
        "released",
        KEPT,
        4,
        keep_until="2027-05-14T22:00:00+00:00",
        released=True,
        calendar=CANCELLED,
    ),
    _sample(Letter.VM_REMOVED, "", replace(ACTIVE, state=TicketState.REMOVED), calendar=CANCELLED),
    _sample(Letter.VM_REMOVED, "released", replace(ACTIVE, state=TicketState.REMOVED), released=True),
    _with_plan(
        Letter.DATE_MOVED,
        "",
        old_end_date="2027-03-31",
        end_date="2027-04-08",
        plan=[{"when": "2027-04-08T22:00:00+00:00", "what": "the machine is shut down; nothing is deleted"}],
        why="our mail server could not deliver for nine days.",
        calendar=CALENDAR,
        disk_gib=20,
    ),
    _sample(
        Letter.EXTENSION_RECEIVED,
        asked_end_date="2027-09-30",
        lapses_at="2027-03-20T09:00:00+00:00",
    ),
    _with_plan(
        Letter.EXTENSION_GRANTED,
        until="2027-08-31",
        by="Bob Admin",
        old_end_date="2027-03-31",
        changed=["The end date is Tuesday 31 August 2027, not Thursday 30 September 2027."],
        plan=[{"when": "2027-08-31T22:00:00+00:00", "what": "the machine is shut down; nothing is deleted"}],
        calendar=CALENDAR,
    ),
    _with_plan(
        Letter.EXTENSION_GRANTED,
        "automatic",
        STOPPED,
        until="2027-04-30",
        started=True,
        plan=[{"when": "2027-04-30T22:00:00+00:00", "what": "the machine is shut down; nothing is deleted"}],
    ),
    _with_plan(
        Letter.EXTENSION_DENIED, by="Bob Admin", reason="The host is needed for the summer school, from April on."
    ),
    _with_plan(Letter.EXTENSION_LAPSED, days=14),
    _with_plan(
        Letter.RELEASE_CONFIRM,
        skip=3,
        lapses_at="2027-01-17T09:00:00+00:00",
    ),
    _with_plan(
        Letter.VM_RELEASED,
        skip=3,
    ),
    _with_plan(Letter.VM_KEPT),
    _sample(Letter.VM_RESTORED, "", replace(ACTIVE, state=TicketState.APPROVED), by="Bob Admin"),
    _sample(
        Letter.ADMIN_NOTICE_BOUNCED,
        address="alice@example.org",
        what="the warning of 30 days",
        answer="550 5.1.1 <alice@example.org>: user unknown",
    ),
    _sample(
        Letter.ADMIN_NOTICE_BOUNCED,
        "second",
        address="alice@example.org",
        what="the warning of 30 days",
        second="a.example@example.org",
        effect="The last day has moved to Thursday 8 April 2027, so that the notice is complete.",
    ),
    _sample(
        Letter.ADMIN_UNDELIVERED,
        address="alice@example.org",
        what="request-denied",
        why="the mail server answered 550 5.1.1 user unknown",
    ),
    Sample(
        Letter.ADMIN_UNDELIVERED,
        {
            "address": "carol@example.org",
            "what": "request-problems",
            "why": "not delivered in 5 days: connection refused",
        },
        "stranger",
        ticket=None,
    ),
    Sample(
        Letter.ADMIN_BRAKE,
        {
            "brake": 3,
            "tickets": [
                {
                    "number": 12,
                    "username": "alice",
                    "what": "to be stopped",
                    "since": "2027-03-31T22:00:00+00:00",
                },
                {"number": 15, "username": "dave", "what": "to be removed", "since": "2027-03-31"},
            ],
            "why": "at most 1 machine may be stopped or removed in one tick.",
        },
        ticket=None,
    ),
    Sample(
        Letter.ADMIN_LETTERS_HELD,
        {
            "brake": 5,
            "why": ["more than 30 letters to the admins in an hour"],
            "questions": [{"number": 12, "username": "alice"}, {"number": 15, "username": "dave"}],
            "more": 68,
            "dropped": [{"letter": "admin-decided", "number": 2}, {"letter": "request-received", "number": 1}],
        },
        ticket=None,
    ),
    Sample(
        Letter.ADMIN_LETTERS_HELD,
        {
            "brake": 6,
            "why": ["more than 12 letters to one reader in 24 hours from one cause"],
            "questions": [],
            "more": 0,
            "dropped": [{"letter": "vm-kept", "number": 25}],
        },
        "dropped-only",
        ticket=None,
    ),
    Sample(
        Letter.ADMIN_BRAKE,
        {
            "brake": 4,
            "tickets": [
                {"number": n, "username": f"user{n}", "what": "to be stopped", "since": "2027-03-31"}
                for n in range(1, 61)
            ],
            "why": "at most 20 % of all machines may be stopped or removed in one tick.",
        },
        "many",
        ticket=None,
    ),
    Sample(
        Letter.ADMIN_DIGEST,
        {
            "since": "2027-03-22",
            "until": "2027-03-28",
            "sections": [
                {"title": "waiting", "lines": ["#14, dave: the request waits since Tuesday 23 March 2027."]},
                {"title": "failed", "lines": []},
                {
                    "title": "expiring",
                    "lines": [
                        "#12, alice: last day Wednesday 31 March 2027, no answer yet.",
                        "#9, carol: last day Friday 2 April 2027, an extension waits.",
                    ],
                },
                {"title": "held", "lines": []},
                {"title": "odd", "lines": ["A volume at the site north belongs to no ticket."]},
            ],
        },
        ticket=None,
    ),
    Sample(
        Letter.ADMIN_DIGEST,
        {"since": "2027-03-22", "until": "2027-03-28", "sections": [{"title": "waiting", "lines": []}]},
        "quiet",
        ticket=None,
    ),
)
