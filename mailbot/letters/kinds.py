"""What is fixed about a letter: who gets it, when, what its answers may do, and the facts it is written from.

Facts are JSON-able (`model.Facts`).  Shapes used in the tables: *day* is an ISO date (`2027-01-31`),
*moment* an aware ISO date and time (`2026-11-22T21:00:00+00:00`), *[x]* a list.  What belongs to the
ticket itself (number, user, usage, site) is read from the ticket and is no fact.  A missing or unknown
fact is an error when the letter is composed, never a hole in a letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mailbot.model import Purpose


class Audience(StrEnum):
    """Who gets a letter."""

    OWNER = "owner"
    """The ticket's user, at the address that the directory has."""
    ADMIN = "admin"
    """Every admin, each with a letter of their own."""
    SENDER = "sender"
    """Whoever wrote the mail that is answered, where that may be answered at all."""


class Thread(StrEnum):
    """Which conversation a letter continues, by subject and References."""

    ANSWER = "answer"
    """The mail that caused it: its subject, and In-Reply-To it."""
    OWNER = "owner"
    """The mail that opened the ticket."""
    ADMINS = "admins"
    """The admins' own conversation about the ticket; never the owner's Message-IDs."""
    NONE = "none"
    """A conversation of its own."""


@dataclass(frozen=True, slots=True)
class LetterKind:
    """What is fixed about a letter.

    `when` completes "sent when …".  `purpose` is what its token allows; None means that the fact
    `purpose` says it (answers to somebody who may be owner or admin).  `subject` is the pattern of a
    subject of its own ({service}, {number}, {username}, {title}), "" for the subject of its thread.
    `facts` and `optional` map names to shape and meaning.
    """

    audience: Audience
    when: str
    purpose: Purpose | None = Purpose.NONE
    thread: Thread = Thread.OWNER
    subject: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    needs_ticket: bool = True


SUBJECT = {"subject": "str: subject of the mail that is answered"}
SNAPSHOT = {
    "end_date": "day: end date when the letter was decided (else the ticket's)",
    "disk_gib": "int: disk when the letter was decided (else the ticket's)",
}
NOTES = {"notes": "[str]: what the parser remarked, sentences"}
PURPOSE = {"purpose": "str: a `Purpose` value, what the token of this answer allows"}
WHO = {"by": "str: name of the admin (or `the team`)"}
PLAN = {"plan": "[{when: day or moment, what: str}]: what happens when, in order, from the tables that act"}
CALENDAR = {"calendar": "{sequence: int, status: `CONFIRMED` or `CANCELLED`}: attach the end date as an .ics"}
ADMIN_SUBJECT = "[{service} #{number}] VM for {username}"
