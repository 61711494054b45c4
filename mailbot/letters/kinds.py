"""What is fixed about a letter, and the base of the values that letters are written from.

Each letter is one frozen dataclass in the module of its theme: its fields are the facts, `about` says who gets it and
what its answers may do, its docstring completes "sent when …".  Whoever decides that a letter is sent makes the value,
so that mypy finds a missing fact; the template sees exactly its fields.  What belongs to the ticket itself (number,
user, usage, site) is read from the ticket and is no fact.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, TypeAlias

from mailbot.letters.stored import to_json
from mailbot.model import Facts, Letter, Purpose
from parsers.frozen import frozen
from parsers.translatable import Translatable


class Audience(StrEnum):
    """Who gets a letter."""

    OWNER = "owner"
    """The ticket's user, at the address that the directory has."""
    ADMIN = "admin"
    """Every admin, each with a letter of their own."""
    SENDER = "sender"
    """The sender of the mail that is answered, where that may be answered at all."""


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


@frozen
class About:
    """What is fixed about a letter.

    `called` is what other letters call it.  `purpose` is what its token allows; None means that the fact `purpose` says it (answers to somebody who may be
    owner or admin).  `subject` says the act, in a subject of its own behind service, ticket and machine; None for the
    subject of its thread.
    """

    letter: Letter
    called: Translatable
    audience: Audience
    purpose: Purpose | None = Purpose.NONE
    thread: Thread = Thread.OWNER
    subject: Translatable | None = None
    needs_ticket: bool = True


@frozen(kw_only=True)
class LetterFacts:
    """The facts of one letter; a subclass per letter."""

    about: ClassVar[About]

    def stored(self) -> Facts:
        """The facts as the outbox keeps them: JSON, without those that are not given."""
        return to_json(self)


# --- facts that several letters have


@frozen
class Ahead:
    """One thing that will happen, and when."""

    when: datetime
    what: Translatable


Plan: TypeAlias = Annotated[tuple[Ahead, ...], "what will happen when, in order, from the tables that act"]
EndDate: TypeAlias = Annotated[date | None, "last day when the letter was decided (else the ticket's)"]
DiskGib: TypeAlias = Annotated[int | None, "disk when the letter was decided (else the ticket's)"]
By: TypeAlias = Annotated[str, "name of the admin (or “the rules of the site”)"]


@frozen
class CalendarEntry:
    """The last day as an .ics attachment: `sequence` rises with every change, `status` is CONFIRMED or CANCELLED (RFC 5545)."""

    sequence: int
    status: str


Calendar: TypeAlias = Annotated[CalendarEntry | None, "the last day as an .ics attachment"]


@frozen(kw_only=True)
class Snapshot(LetterFacts):
    """Last day and disk as they were when the letter was decided, so that a late letter still tells the truth."""

    end_date: EndDate = None
    disk_gib: DiskGib = None


@frozen(kw_only=True)
class Answer(LetterFacts):
    """An answer to a mail of somebody."""

    subject: Annotated[str, "subject of the mail that is answered"] = ""
