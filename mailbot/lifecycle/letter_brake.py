"""The brake on letters: how many may go to one person, for one cause and in all, whatever made them.  Pure.

The store counts, in the transaction that writes the letters (`adapters.database.limits`); what is over a limit is held.
What becomes of held letters, and who is told, is `turns.letter_brake`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mailbot.model import Letter, Weight
from mailbot.rules import LetterRules
from parsers.translatable import NOTHING, Translatable, say_many

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


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
    match letter.weight:
        case Weight.NOTICE:
            return NOTHING
        case Weight.OUTCOME:
            return _over_all(written, limits)
        case Weight.QUESTION | Weight.INFORMATION:
            return _over_one(written, limits, to_admins=to_admins) or _over_all(written, limits)


def _of_one_cause(limits: LetterRules) -> Translatable:
    return say_many(
        "more than {number} message to one recipient for one cause in 24 hours",
        "more than {number} messages to one recipient for one cause in 24 hours",
        limits.per_cause_and_day,
    )


def _of_the_admins(limits: LetterRules) -> Translatable:
    return say_many(
        "more than {number} message to the admins in an hour",
        "more than {number} messages to the admins in an hour",
        limits.to_admins_per_hour,
    )


def _of_one_person(limits: LetterRules) -> Translatable:
    return say_many(
        "more than {number} message to one person in 24 hours",
        "more than {number} messages to one person in 24 hours",
        limits.per_person_and_day,
    )


def _of_an_hour(limits: LetterRules) -> Translatable:
    return say_many(
        "more than {number} message in an hour", "more than {number} messages in an hour", limits.total_per_hour
    )


def _of_a_day(limits: LetterRules) -> Translatable:
    return say_many(
        "more than {number} message in 24 hours", "more than {number} messages in 24 hours", limits.total_per_day
    )


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
