"""The brake on letters: how many may go to one person, for one cause and in all, whatever made them.  Pure.

The store counts, in the transaction that writes the letters (`adapters.database.limits`); what is over a limit is held.
What becomes of held letters, and who is told, is `turns.letter_brake`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import assert_never

from mailbot.model import Letter
from mailbot.rules import LetterRules
from parsers.translatable import NOTHING, Translatable, say

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Weight(StrEnum):
    """What it would cost not to send a letter, and so what the brake may do with it."""

    NOTICE = "notice"
    """Proves that somebody was told, or says that the bot itself is in trouble: never held and never counted."""
    OUTCOME = "outcome"
    """Tells what cannot be learned otherwise; once for each decision, build or announcement.  Held by the totals only, never lost."""
    QUESTION = "question"
    """An admin decides by answering it: held, never lost."""
    INFORMATION = "information"
    """Everything else: dropped over a limit."""


def weight(letter: Letter) -> Weight:
    """The weight of a letter; a new letter is a type error here until somebody has weighed it."""
    match letter:
        case (
            Letter.WARNING | Letter.VM_MOVE | Letter.DATE_MOVED | Letter.END_EARLIER | Letter.VM_STOPPED | Letter.GRACE_HALF | Letter.REMOVAL_NEAR
            | Letter.VM_ARCHIVED | Letter.VM_REMOVED
            | Letter.ADMIN_BRAKE | Letter.ADMIN_BRAKE_STAYS | Letter.ADMIN_BLIND | Letter.ADMIN_DIGEST | Letter.ADMIN_LETTERS_HELD
        ):  # fmt: skip
            return Weight.NOTICE
        case (
            Letter.REQUEST_APPROVED | Letter.REQUEST_DENIED | Letter.REQUEST_LAPSED | Letter.VM_READY
            | Letter.EXTENSION_GRANTED | Letter.EXTENSION_DENIED | Letter.EXTENSION_LAPSED | Letter.VM_RELEASED
            | Letter.VM_ENDED | Letter.VM_SWITCHED_OFF | Letter.VM_REBUILT | Letter.VM_YOURS | Letter.VM_PASSED_ON
            | Letter.ANNOUNCEMENT
            | Letter.VM_MOVED | Letter.VM_STAYS
        ):  # fmt: skip
            return Weight.OUTCOME
        case (
            Letter.ADMIN_DECISION
            | Letter.ADMIN_REMINDER
            | Letter.ADMIN_BUILD_FAILED
            | Letter.ADMIN_FINDINGS
            | Letter.ADMIN_UNPROVEN
        ):
            return Weight.QUESTION
        case (
            Letter.REQUEST_PROBLEMS | Letter.UNKNOWN_SENDER | Letter.CONFIRM_REQUEST | Letter.REQUEST_RECEIVED
            | Letter.REQUEST_WITHDRAWN | Letter.EXTENSION_RECEIVED | Letter.RELEASE_CONFIRM | Letter.VM_KEPT
            | Letter.REINSTALL_CONFIRM
            | Letter.VM_RESTORED | Letter.UNCLEAR_REPLY | Letter.COMMAND_REFUSED | Letter.HELP | Letter.STATUS
            | Letter.CONSOLE | Letter.ROOT_KEYS
            | Letter.ADMIN_DECIDED | Letter.ADMIN_ALREADY_DECIDED | Letter.ADMIN_LAPSED | Letter.ADMIN_MACHINE_TROUBLE
            | Letter.ADMIN_MAIL_TROUBLE | Letter.ADMIN_TICKET_TROUBLE | Letter.ADMIN_NOTICE_BOUNCED
            | Letter.ADMIN_UNDELIVERED | Letter.ADMIN_OWNER | Letter.ADMIN_FINDING_ANSWERED
        ):  # fmt: skip
            return Weight.INFORMATION
        case _:
            assert_never(letter)


@dataclass(frozen=True, slots=True)
class Written:
    """How many letters were written before this one: to its reader, to that reader for the same cause, and in all.

    The reader of a letter to the admins is all of them together; they are counted by the hour, users by the day.
    `cause` is the larger of two: for the sender of the mail that made it, and for its ticket, in a day.
    """

    reader: int
    cause: int
    in_hour: int
    in_day: int


def why_held(letter: Letter, written: Written, limits: LetterRules, *, to_admins: bool) -> Translatable:
    """Which limit a letter would pass, as words for admins; empty where it may go."""
    match weight(letter):
        case Weight.NOTICE:
            return NOTHING
        case Weight.OUTCOME:
            return _over_all(written, limits)
        case Weight.QUESTION | Weight.INFORMATION:
            return _over_one(written, limits, to_admins=to_admins) or _over_all(written, limits)


def _of_one_cause(limits: LetterRules) -> Translatable:
    return say("more than {most} messages to one recipient for one cause in 24 hours", most=limits.per_cause_and_day)


def _of_the_admins(limits: LetterRules) -> Translatable:
    return say("more than {most} messages to the admins in an hour", most=limits.to_admins_per_hour)


def _of_one_person(limits: LetterRules) -> Translatable:
    return say("more than {most} messages to one person in 24 hours", most=limits.per_person_and_day)


def _of_an_hour(limits: LetterRules) -> Translatable:
    return say("more than {most} messages in an hour", most=limits.total_per_hour)


def _of_a_day(limits: LetterRules) -> Translatable:
    return say("more than {most} messages in 24 hours", most=limits.total_per_day)


def _over_one(written: Written, limits: LetterRules, *, to_admins: bool) -> Translatable:
    if written.cause >= limits.per_cause_and_day:
        return _of_one_cause(limits)
    if to_admins:
        return _of_the_admins(limits) if written.reader >= limits.to_admins_per_hour else NOTHING
    return _of_one_person(limits) if written.reader >= limits.per_person_and_day else NOTHING


def _over_all(written: Written, limits: LetterRules) -> Translatable:
    if written.in_hour >= limits.total_per_hour:
        return _of_an_hour(limits)
    return _of_a_day(limits) if written.in_day >= limits.total_per_day else NOTHING
