"""The letters of a machine's later life: warned, stopped, kept, restored, removed; extended or given back."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.letters.kinds import (
    ADMIN_SUBJECT,
    CALENDAR,
    PLAN,
    SNAPSHOT,
    WHO,
    Audience,
    LetterKind,
    Thread,
)
from mailbot.model import Letter, Purpose

# The subject says what is at stake, because these letters arrive months after the request; it stays the same
# as long as the end date does, so that the warnings of one date form one thread.
_ENDS = "[{service} #{number}] {vm} ends on {end_date}"
_AFTER = "[{service} #{number}] {vm} has ended"

LIFE_LETTERS: Mapping[Letter, LetterKind] = {
    Letter.WARNING: LetterKind(
        Audience.OWNER,
        "the end date comes near (60, 30, 7 and 1 days before it, or in proportion)",
        Purpose.OWN,
        subject=_ENDS,
        facts={"days_left": "int: whole days until the machine is stopped", **PLAN},
        optional={
            **SNAPSHOT,
            **CALENDAR,
            "last": "bool: no further warning comes before the stop",
            "late": "str: why this warning comes later than planned, a sentence",
        },
    ),
    Letter.VM_STOPPED: LetterKind(
        Audience.OWNER,
        "the machine was stopped at its end date",
        Purpose.OWN,
        subject=_AFTER,
        facts={"stopped_at": "moment: when", **PLAN},
        optional=SNAPSHOT,
    ),
    Letter.GRACE_HALF: LetterKind(
        Audience.OWNER,
        "half of the time between stop and removal is over",
        Purpose.OWN,
        subject=_AFTER,
        facts={"days_left": "int: whole days until the removal", **PLAN},
        optional=SNAPSHOT,
    ),
    Letter.REMOVAL_NEAR: LetterKind(
        Audience.OWNER,
        "the removal is about to happen",
        Purpose.OWN,
        subject=_AFTER,
        facts={"days_left": "int: whole days until the removal", **PLAN},
        optional=SNAPSHOT,
    ),
    Letter.VM_ARCHIVED: LetterKind(
        Audience.OWNER,
        "the machine was removed; its disk is kept for a while",
        Purpose.OWN,
        subject=_AFTER,
        facts={"keep_until": "moment: when the disk is deleted", **PLAN},
        optional={**SNAPSHOT, **CALENDAR, "released": "bool: the owner gave it back, it did not run out"},
    ),
    Letter.VM_REMOVED: LetterKind(
        Audience.OWNER,
        "machine and disk are gone for good",
        subject=_AFTER,
        optional={**SNAPSHOT, **CALENDAR, "released": "bool: the owner gave it back, it did not run out"},
    ),
    Letter.DATE_MOVED: LetterKind(
        Audience.OWNER,
        "the end date was put off, because no server had accepted a warning in time",
        Purpose.OWN,
        subject=_ENDS,
        facts={"old_end_date": "day", "end_date": "day: the new one", **PLAN},
        optional={**CALENDAR, "why": "str: what went wrong with the notice, a sentence", "disk_gib": "int"},
    ),
}

EXTENSION_LETTERS: Mapping[Letter, LetterKind] = {
    Letter.EXTENSION_RECEIVED: LetterKind(
        Audience.OWNER,
        "the owner asked for a later end date and an admin has to decide",
        Purpose.OWN,
        subject=_ENDS,
        facts={
            "asked_end_date": "day: the date asked for",
            "lapses_at": "moment: when the question lapses without a decision",
        },
        optional=SNAPSHOT,
    ),
    Letter.EXTENSION_GRANTED: LetterKind(
        Audience.OWNER,
        "a later end date was granted, by an admin or by the rules",
        Purpose.OWN,
        subject=_ENDS,
        facts={"until": "day: the new end date", **PLAN},
        optional={
            **WHO,
            **CALENDAR,
            "changed": "[str]: what the admin changed, sentences",
            "started": "bool: the machine had been stopped and is started again",
            "old_end_date": "day",
        },
    ),
    Letter.EXTENSION_DENIED: LetterKind(
        Audience.OWNER,
        "an admin refused a later end date",
        Purpose.OWN,
        subject=_ENDS,
        facts={**WHO, "reason": "str: the admin's words", **PLAN},
        optional=SNAPSHOT,
    ),
    Letter.EXTENSION_LAPSED: LetterKind(
        Audience.OWNER,
        "no admin decided about a later end date in time",
        Purpose.OWN,
        subject=_ENDS,
        facts={"days": "int: how many days the question waited", **PLAN},
        optional=SNAPSHOT,
    ),
    Letter.RELEASE_CONFIRM: LetterKind(
        Audience.OWNER,
        "the owner wants to give the machine back and has to confirm it",
        Purpose.CONFIRM,
        subject=_ENDS,
        facts={**PLAN},
        optional={"lapses_at": "moment: when the question is forgotten without an answer", **SNAPSHOT},
    ),
    Letter.VM_RELEASED: LetterKind(
        Audience.OWNER,
        "the owner confirmed that the machine may go",
        Purpose.OWN,
        subject=_AFTER,
        facts={**PLAN},
        optional=SNAPSHOT,
    ),
    Letter.VM_KEPT: LetterKind(
        Audience.OWNER,
        "the owner took a release back",
        Purpose.OWN,
        subject=_ENDS,
        facts={**PLAN},
        optional=SNAPSHOT,
    ),
    Letter.VM_RESTORED: LetterKind(
        Audience.OWNER,
        "a removed machine is being built again from its kept disk",
        Purpose.OWN,
        subject=_AFTER,
        optional={**SNAPSHOT, **WHO},
    ),
}

WATCH_LETTERS: Mapping[Letter, LetterKind] = {
    Letter.ADMIN_NOTICE_BOUNCED: LetterKind(
        Audience.ADMIN,
        "a letter to an owner that had to arrive came back",
        thread=Thread.ADMINS,
        subject=ADMIN_SUBJECT,
        facts={
            "address": "str: where the letter went",
            "what": "str: what the letter was about, e.g. `the warning of 30 days`",
        },
        optional={
            "answer": "str: what the mail system said",
            "second": "str: further address that it is now sent to",
            "effect": "str: what that means for the dates, a sentence",
        },
    ),
    Letter.ADMIN_UNDELIVERED: LetterKind(
        Audience.ADMIN,
        "a letter could not be sent and was given up",
        thread=Thread.NONE,
        subject="[{service}] A letter could not be delivered",
        facts={
            "address": "str: where it was to go",
            "what": "str: which letter, its `Letter` value",
            "why": "str: what the mail server said, or how long it was tried",
        },
        needs_ticket=False,
    ),
    Letter.ADMIN_BRAKE: LetterKind(
        Audience.ADMIN,
        "more machines than the brake allows would be stopped or removed at once",
        Purpose.DECIDE,
        thread=Thread.NONE,
        subject="[{service}] The brake holds {count}: please look",
        facts={
            "brake": "int: number of this brake; its token is bound to ticket 0 and this version",
            "tickets": "[{number: int, username: str, what: str, since: day or moment}]",
            "why": "str: which limit was passed, a sentence",
        },
        needs_ticket=False,
    ),
    Letter.ADMIN_LETTERS_HELD: LetterKind(
        Audience.ADMIN,
        "letters would pass a limit and are held",
        Purpose.DECIDE,
        thread=Thread.NONE,
        subject="[{service}] Letters are held back: please look",
        facts={
            "brake": "int: number of this brake; its token is bound to ticket 0 and this version",
            "why": "[str]: which limits would be passed, each a phrase",
            "questions": "[{number: int, username: str}]: tickets with a question that waits",
            "more": "int: how many further tickets",
            "dropped": "[{letter: str, number: int}]: letters that needed no decision and are not sent",
        },
        needs_ticket=False,
    ),
    Letter.ADMIN_DIGEST: LetterKind(
        Audience.ADMIN,
        "a week is over",
        thread=Thread.NONE,
        subject="[{service}] The week in machines",
        facts={
            "since": "day or moment",
            "until": "day or moment",
            "sections": "[{title: str, lines: [str]}]: waiting, failed, expiring, held, over the brake, odd; empty ones too",
        },
        needs_ticket=False,
    ),
}
