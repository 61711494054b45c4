"""To whoever asks for a machine: from the request to the letter to log in with."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from mailbot.letters.kinds import About, Answer, Audience, By, Calendar, LetterFacts, Snapshot, Thread
from mailbot.model import Letter, Purpose
from parsers.frozen import frozen
from parsers.translatable import Translatable, say


class Begun(StrEnum):
    """What had been granted, and may have been begun at a site, when a request ends without a machine."""

    NOTHING = "nothing"
    BUILD = "build"
    RESTORE = "restore"
    """A removed machine was to come back around its kept disk."""


@frozen
class ToCorrect:
    """One problem of a request: its field, its line in the mail, what was read and what would be accepted."""

    field: Translatable
    found: Translatable
    allowed: Translatable
    line: int | None = None


@frozen
class Filled:
    """The template's fields as understood, "" for what has to be written (again).

    `disk` is None where the usage says all of it.
    """

    username: str = ""
    intended_usage: str = ""
    expiration_date: str = ""
    disk: str | None = None


@frozen(kw_only=True)
class RequestProblems(Answer):
    """a request needs corrections: every problem at once, and the template filled in"""

    about: ClassVar = About(
        Letter.REQUEST_PROBLEMS,
        say("the message about what a request lacks"),
        Audience.SENDER,
        thread=Thread.ANSWER,
        needs_ticket=False,
    )
    problems: Annotated[tuple[ToCorrect, ...], "everything that is wrong"]
    fields: Annotated[Filled, "the request, to be sent again"]
    notes: Annotated[tuple[Translatable, ...], "what the parser remarked, sentences"] = ()


@frozen(kw_only=True)
class UnknownSender(LetterFacts):
    """a request or command came from an address that is not registered (at most one per day)"""

    about: ClassVar = About(
        Letter.UNKNOWN_SENDER,
        say("the reply to an unknown sender"),
        Audience.SENDER,
        thread=Thread.ANSWER,
        needs_ticket=False,
    )


@frozen(kw_only=True)
class ConfirmRequest(Snapshot):
    """a request in the owner's name comes from a sender who is not proven"""

    about: ClassVar = About(
        Letter.CONFIRM_REQUEST,
        say("the question whether a request is genuine"),
        Audience.OWNER,
        Purpose.CONFIRM,
        thread=Thread.NONE,
        subject=say("please confirm that you requested it"),
    )
    lapses_at: Annotated[datetime, "when the request is forgotten without an answer"]
    claimed_from: Annotated[str, "address that the mail claimed to come from"]


@frozen(kw_only=True)
class RequestReceived(Snapshot):
    """a request is complete and waits for an admin"""

    about: ClassVar = About(Letter.REQUEST_RECEIVED, say("the receipt for a request"), Audience.OWNER, Purpose.OWN)
    lapses_at: Annotated[datetime, "when the request lapses without a decision"]
    notes: Annotated[tuple[Translatable, ...], "what the parser remarked, sentences"] = ()


@frozen(kw_only=True)
class RequestApproved(Snapshot):
    """an admin approved the request; the machine is being built"""

    about: ClassVar = About(
        Letter.REQUEST_APPROVED, say("the message that a request was approved"), Audience.OWNER, Purpose.OWN
    )
    by: By
    changed: Annotated[tuple[Translatable, ...], "what the admin changed, sentences"] = ()


@frozen(kw_only=True)
class RequestDenied(LetterFacts):
    """an admin denied the request, or gave up an approved machine before it was built"""

    about: ClassVar = About(Letter.REQUEST_DENIED, say("the message that a request was refused"), Audience.OWNER)
    by: By
    reason: Annotated[str, "the admin's words"]
    begun: Annotated[Begun, "what had been granted and begun"] = Begun.NOTHING


@frozen(kw_only=True)
class RequestLapsed(LetterFacts):
    """no admin decided in time"""

    about: ClassVar = About(Letter.REQUEST_LAPSED, say("the message that a request lapsed"), Audience.OWNER)
    days: Annotated[int, "how many days the request waited"]


@frozen(kw_only=True)
class RequestWithdrawn(LetterFacts):
    """the owner withdrew the request"""

    about: ClassVar = About(Letter.REQUEST_WITHDRAWN, say("the message that a request was withdrawn"), Audience.OWNER)
    begun: Annotated[Begun, "what had been granted and begun"] = Begun.NOTHING


@frozen(kw_only=True)
class VmReady(Snapshot):
    """the machine answers and has shown its host keys"""

    about: ClassVar = About(Letter.VM_READY, say("the message that the machine is ready"), Audience.OWNER, Purpose.OWN)
    fqdn: Annotated[str, "full host name"]
    address: Annotated[str, "IPv4 address"]
    further: Annotated[tuple[str, ...], "its IPv6 address, on a bridge that has them"] = ()
    host_keys: Annotated[tuple[str, ...], "public key lines `ssh-ed25519 AAAA…`"]
    host_key_fingerprints: Annotated[tuple[str, ...], "`SHA256:…`, same order"]
    stop_at: Annotated[datetime | None, "when the machine will be stopped without an extension"] = None
    first_warning_on: Annotated[date | None, "when the first warning will be sent"] = None
    calendar: Calendar = None
    restored: Annotated[bool, "built again from the kept disk"] = False
    reinstalled: Annotated[bool, "installed again on a fresh disk, within its lease"] = False
