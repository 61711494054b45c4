"""To the admins about one ticket: what they are asked, and what became of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar

from mailbot.letters.kinds import About, Audience, By, LetterFacts, Snapshot, Thread
from mailbot.model import Letter, Purpose, TicketState
from parsers.frozen import frozen
from parsers.translatable import NOTHING, Translatable, say


@frozen
class Asker:
    """The user who asks."""

    login: str
    name: str
    address: str


@frozen
class Room:
    """What one site last said about its room, in MiB and GiB."""

    site: str
    free_memory_mib: int
    free_disk_gib: int
    machines: int
    as_of: datetime
    problems: tuple[str, ...] = ()


@frozen(kw_only=True)
class Question(Snapshot):
    """What admins read in order to decide."""

    question: Annotated[str, "`request`, `extension` or `restore`"]
    person: Annotated[Asker, "who asks"]
    checks: Annotated[tuple[Translatable, ...], "what policy checked, sentences (`policy.checks`)"]
    sites: Annotated[tuple[Room, ...], "where there is room"] = ()
    lapses_at: Annotated[datetime, "when the question lapses without an answer"]
    asked_end_date: Annotated[date | None, "the later last day asked for (not question `request`)"] = None
    why: Annotated[str, "why more time is asked for, in the owner's words (not question `request`)"] = ""
    extended: Annotated[int, "how often the machine was given more time before (not question `request`)"] = 0


@frozen(kw_only=True)
class AdminDecision(Question):
    """a request (or an extension, or the return of a removed machine) is waiting for a decision"""

    about: ClassVar = About(
        Letter.ADMIN_DECISION,
        say("the question to the admins"),
        Audience.ADMIN,
        Purpose.DECIDE,
        Thread.ADMINS,
        say("decide: {what}"),
    )
    notes: Annotated[tuple[Translatable, ...], "what the parser remarked, sentences"] = ()
    sender: Annotated[str, "address the request came from, where it is not the registered one"] = ""
    evidence: Annotated[Translatable, "how the sender was recognised, one sentence"] = NOTHING


@frozen(kw_only=True)
class AdminReminder(Question):
    """nobody has decided for some days"""

    about: ClassVar = About(
        Letter.ADMIN_REMINDER,
        say("the reminder to the admins"),
        Audience.ADMIN,
        Purpose.DECIDE,
        Thread.ADMINS,
        say("decide: {what} (reminder)"),
    )
    asked_at: Annotated[datetime, "when the question was asked first"]


@frozen(kw_only=True)
class AdminDecided(Snapshot):
    """someone has decided; every admin is told"""

    about: ClassVar = About(
        Letter.ADMIN_DECIDED,
        say("the message about a decision"),
        Audience.ADMIN,
        thread=Thread.ADMINS,
        subject=say("{question} {decision}"),
    )
    decision: Annotated[str, "`approved`, `denied` or `withdrawn`"]
    question: Annotated[str, "`request`, `extension` or `restore`"]
    by: By
    at: Annotated[datetime, "when"]
    actor: Annotated[str, "address of the admin, who reads “you”"] = ""
    reason: Annotated[str, "the words of a denial"] = ""
    changed: Annotated[tuple[Translatable, ...], "what the admin changed"] = ()


@frozen(kw_only=True)
class AdminAlreadyDecided(LetterFacts):
    """an admin answered a question that had already been decided"""

    about: ClassVar = About(
        Letter.ADMIN_ALREADY_DECIDED,
        say("the reply to an answer that came too late"),
        Audience.ADMIN,
        thread=Thread.ADMINS,
        subject=say("already decided"),
    )
    words: Annotated[str, "the admin's answer as read"]
    outcome: Annotated[Translatable, "who decided what, when, a sentence"]
    building: Annotated[bool, "a denial, while the approved machine is being built"] = False


@frozen(kw_only=True)
class AdminLapsed(LetterFacts):
    """a question lapsed without an answer"""

    about: ClassVar = About(
        Letter.ADMIN_LAPSED,
        say("the message to the admins that a request lapsed"),
        Audience.ADMIN,
        thread=Thread.ADMINS,
        subject=say("{question} lapsed"),
    )
    question: Annotated[str, "`request`, `extension` or `restore`"]
    days: Annotated[int, "how many days it waited"]
    gone: Annotated[bool, "the machine was removed meanwhile, or its disk deleted (question `restore`)"] = False


@frozen(kw_only=True)
class AdminUnproven(LetterFacts):
    """a machine's end was postponed for too long because notice could not be proven"""

    about: ClassVar = About(
        Letter.ADMIN_UNPROVEN,
        say("the question about notice that cannot be proven"),
        Audience.ADMIN,
        Purpose.DECIDE,
        Thread.ADMINS,
        say("decide: {what}"),
    )
    state: Annotated[TicketState, "where the machine is: `active`, `expired` or `archived`"]
    days: Annotated[int, "by how many days its steps were put off since its end was agreed"]
    address: Annotated[str, "where its owner is written to"]
    end_date: Annotated[date, "its last day as it is now"]


@frozen(kw_only=True)
class AdminBuildFailed(LetterFacts):
    """a machine could not be built"""

    about: ClassVar = About(
        Letter.ADMIN_BUILD_FAILED,
        say("the message about a failed build"),
        Audience.ADMIN,
        Purpose.DECIDE,
        Thread.ADMINS,
        say("build failed"),
    )
    why: Annotated[str, "the error"]
    attempts: Annotated[int, "how often it was tried"]
    sites: Annotated[tuple[str, ...], "where it was tried"] = ()
