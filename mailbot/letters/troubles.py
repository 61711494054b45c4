"""To the admins about what goes wrong or wants a look, and about the week."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from mailbot.letters.kinds import About, Answer, Audience, LetterFacts, Snapshot, Thread
from mailbot.model import Action, Letter, OwnerState, Purpose
from parsers.frozen import frozen
from parsers.translatable import NOTHING, Translatable, say


@frozen(kw_only=True)
class AdminMachineTrouble(LetterFacts):
    """stopping, starting, reinstalling, moving or removing a machine failed"""

    about: ClassVar = About(
        Letter.ADMIN_MACHINE_TROUBLE,
        say("the message about trouble with a machine"),
        Audience.ADMIN,
        thread=Thread.ADMINS,
        subject=say("{work} failed"),
    )
    effect: Annotated[
        Action,
        "`stop`, `switch-off`, `start`, `restart`, `reinstall`, `move`, `arrive`, `retire`, `delete-disk`, `name`",
    ]
    why: Annotated[str, "the error"]


WORK: Mapping[Action, Translatable] = {
    Action.BUILD: say("building the machine"),
    Action.STOP: say("stopping the machine"),
    Action.START: say("starting the machine"),
    Action.RESTART: say("restarting the machine"),
    Action.SWITCH_OFF: say("switching the machine off"),
    Action.CONSOLE: say("reading the console of the machine"),
    Action.REKEY: say("installing the owner's SSH keys"),
    Action.REINSTALL: say("reinstalling the machine"),
    Action.MOVE: say("moving the machine"),
    Action.ARRIVE: say("moving the machine"),
    Action.RETIRE: say("removing the machine"),
    Action.DELETE_DISK: say("deleting the kept disk"),
    Action.REPORT: say("asking how the machine is"),
    Action.NAME: say("publishing the machine's name"),
}
"""How letters call what the outbox has done."""


@frozen(kw_only=True)
class AdminMailTrouble(LetterFacts):
    """a message could not be read or handled and is in quarantine"""

    about: ClassVar = About(
        Letter.ADMIN_MAIL_TROUBLE,
        say("the message about a message that could not be handled"),
        Audience.ADMIN,
        thread=Thread.NONE,
        subject=say("A message could not be handled"),
        needs_ticket=False,
    )
    why: Annotated[str, "why"]
    folder: Annotated[str, "where the mail lies now"]
    sender: Annotated[str, "who wrote it, where that can be said"] = ""
    subject: Annotated[str, "its subject"] = ""
    message_id: Annotated[str, "its Message-ID"] = ""


@frozen(kw_only=True)
class AdminTicketTrouble(LetterFacts):
    """a ticket's turn raised an error and was put off"""

    about: ClassVar = About(
        Letter.ADMIN_TICKET_TROUBLE,
        say("the message about trouble with a ticket"),
        Audience.ADMIN,
        thread=Thread.ADMINS,
        subject=say("could not be processed"),
    )
    state: Annotated[Translatable, "how things stand, a sentence"] = NOTHING
    error: Annotated[str, "the error"]
    again_at: Annotated[datetime | None, "when it will be tried again"] = None


@frozen(kw_only=True)
class AdminBlind(LetterFacts):
    """something that mailbot needs (mailbox, directory, clock, mail server, site) has failed for an hour, or works again"""

    about: ClassVar = About(
        Letter.ADMIN_BLIND,
        say("the message about something that does not work"),
        Audience.ADMIN,
        thread=Thread.NONE,
        subject=say("{What} {works}"),
        needs_ticket=False,
    )
    what: Annotated[Translatable, "what failed"]
    since: Annotated[datetime, "since when"]
    why: Annotated[Translatable, "the error"]
    back: Annotated[bool, "it works again"]
    meanwhile: Annotated[Translatable, "what holds until it works again"] = NOTHING


@frozen(kw_only=True)
class AdminNoticeBounced(LetterFacts):
    """a letter that must reach an owner came back"""

    about: ClassVar = About(
        Letter.ADMIN_NOTICE_BOUNCED,
        say("the message about a message that came back"),
        Audience.ADMIN,
        thread=Thread.ADMINS,
        subject=say("a message to its owner came back"),
    )
    address: Annotated[str, "where the letter went"]
    what: Annotated[Translatable, "what the letter was about, e.g. `the warning before the end date`"]
    answer: Annotated[str, "what the mail system said"] = ""
    second: Annotated[str, "further address that it is now sent to"] = ""
    effect: Annotated[Translatable, "what that means for the dates, a sentence"] = NOTHING


@frozen(kw_only=True)
class AdminOwner(Snapshot):
    """the directory has changed a machine's owner: another login, locked, gone, or back to normal"""

    about: ClassVar = About(
        Letter.ADMIN_OWNER,
        say("the message about the owner's account"),
        Audience.ADMIN,
        thread=Thread.ADMINS,
        subject=say("{what}"),
    )
    owner: Annotated[OwnerState, "how the directory has the owner now"]
    before: Annotated[OwnerState, "how it had them before"]
    login: Annotated[str, "the owner's login"]
    renamed_from: Annotated[str, "the login before, where it is another now"] = ""


@frozen(kw_only=True)
class AdminUndelivered(LetterFacts):
    """a letter could not be sent and was given up"""

    about: ClassVar = About(
        Letter.ADMIN_UNDELIVERED,
        say("the message about a message that was not delivered"),
        Audience.ADMIN,
        thread=Thread.NONE,
        subject=say("A message could not be delivered"),
        needs_ticket=False,
    )
    address: Annotated[str, "where it was to go"]
    what: Annotated[Translatable, "which letter, e.g. `the receipt for a request`"]
    why: Annotated[str, "what the mail server said, or how long it was tried"]


@frozen
class Braked:
    """One machine that the brake holds: what would be done to it, and since when that is due."""

    number: int
    username: str
    what: Translatable
    since: date | datetime


@frozen(kw_only=True)
class AdminBrake(LetterFacts):
    """more machines than the brake allows would be stopped or removed at once"""

    about: ClassVar = About(
        Letter.ADMIN_BRAKE,
        say("the question about machines that are held back"),
        Audience.ADMIN,
        Purpose.DECIDE,
        Thread.NONE,
        say("{count} held back from stop or removal: please check"),
        needs_ticket=False,
    )
    brake: Annotated[int, "number of this brake; its token is bound to ticket 0 and this version"]
    tickets: Annotated[tuple[Braked, ...], "what waits"]
    why: Annotated[Translatable, "which limit was passed, a sentence"]


@frozen
class Section:
    """A part of the week's letter; without lines there is nothing to report."""

    title: Translatable
    lines: tuple[Translatable, ...] = ()


@frozen(kw_only=True)
class AdminDigest(LetterFacts):
    """at the end of each week"""

    about: ClassVar = About(
        Letter.ADMIN_DIGEST,
        say("the weekly summary"),
        Audience.ADMIN,
        thread=Thread.NONE,
        subject=say("Weekly summary"),
        needs_ticket=False,
    )
    since: Annotated[date | datetime, "from when"]
    until: Annotated[date | datetime, "until when"]
    sections: Annotated[
        tuple[Section, ...], "waiting, failed, expiring, on hold, held by the brake, unusual; empty ones too"
    ]


@frozen
class Waiting:
    """A ticket with a question that waits."""

    number: int
    username: str


@frozen
class Dropped:
    """Letters of one kind that needed no decision and are not sent."""

    letter: Translatable
    number: int


@frozen(kw_only=True)
class AdminLettersHeld(LetterFacts):
    """letters would exceed a limit and are held back"""

    about: ClassVar = About(
        Letter.ADMIN_LETTERS_HELD,
        say("the question about messages that are held back"),
        Audience.ADMIN,
        Purpose.DECIDE,
        Thread.NONE,
        say("Messages are held back: please check"),
        needs_ticket=False,
    )
    brake: Annotated[int, "number of this brake; its token is bound to ticket 0 and this version"]
    why: Annotated[tuple[Translatable, ...], "which limits would be passed, each a phrase"]
    questions: Annotated[tuple[Waiting, ...], "tickets with a question that waits"] = ()
    waiting: Annotated[int, "how many tickets wait in all"] = 0
    announced: Annotated[int, "how many letters of an announcement wait"] = 0
    dropped: Annotated[tuple[Dropped, ...], "letters that needed no decision and are not sent"] = ()


class Held(StrEnum):
    """What a brake holds; the value is how letters call it."""

    MACHINES = "machines"
    LETTERS = "messages"


@frozen(kw_only=True)
class AdminBrakeStays(Answer):
    """an admin's answer to the letter about what is held back does not release it"""

    about: ClassVar = About(
        Letter.ADMIN_BRAKE_STAYS,
        say("the reply about what is held back"),
        Audience.SENDER,
        Purpose.DECIDE,
        Thread.ANSWER,
        needs_ticket=False,
    )
    words: Annotated[str, "the words as read"]
    why: Annotated[Translatable, "why nothing was let go, in sentences"]
    held: Annotated[Held | None, "what the brake still holds; none where it was released or pulled again"] = None
    brake: Annotated[int | None, "number of the brake that an answer lets go; none where it holds nothing"] = None


@frozen
class Listed:
    """One disagreement of a site with its tickets: a sentence, and what can be answered: `Verb` values, and whole lines.

    `site` is "" for a line about how many more there are.
    """

    site: str
    said: Translatable
    machine: str = ""
    answers: tuple[str, ...] = ()
    lines: tuple[Translatable, ...] = ()
    known: bool = True
    """A ticket knows it."""


@frozen(kw_only=True)
class AdminFindings(LetterFacts):
    """sites do not match their tickets, and the admins have not been told yet"""

    about: ClassVar = About(
        Letter.ADMIN_FINDINGS,
        say("the question about sites that do not match their tickets"),
        Audience.ADMIN,
        Purpose.DECIDE,
        Thread.NONE,
        say("Sites and tickets disagree: please check"),
        needs_ticket=False,
    )
    letter: Annotated[int, "number of this letter; its token is bound to ticket 0 and this version"]
    findings: Annotated[tuple[Listed, ...], "what is not as the tickets say"]


@frozen(kw_only=True)
class AdminFindingAnswered(Answer):
    """an admin answered the letter about sites that do not match their tickets"""

    about: ClassVar = About(
        Letter.ADMIN_FINDING_ANSWERED,
        say("the reply about sites that do not match their tickets"),
        Audience.SENDER,
        Purpose.DECIDE,
        Thread.ANSWER,
        needs_ticket=False,
    )
    words: Annotated[str, "the words as read"]
    done: Annotated[bool, "something was done"]
    said: Annotated[Translatable, "what was done, or why nothing was, in sentences"]
    letter: Annotated[int | None, "number of the letter that was answered; none where nothing of it is open"] = None
    findings: Annotated[tuple[Listed, ...], "what of that letter is still open"] = ()
