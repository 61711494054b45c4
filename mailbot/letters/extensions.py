"""To the owner about a later last day: asked for, granted, denied, or never decided."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, TypeAlias

from mailbot.letters.kinds import About, Audience, By, Calendar, LetterFacts, Plan, Snapshot
from mailbot.model import Letter, Purpose
from parsers.frozen import frozen
from parsers.translatable import Translatable, say

AskedAbout: TypeAlias = Annotated[str, "`extension`, or `restore` for a removed machine"]


@frozen(kw_only=True)
class ExtensionReceived(Snapshot):
    """the owner asked for more time or for a removed machine, and an admin has to decide"""

    about: ClassVar = About(
        Letter.EXTENSION_RECEIVED,
        say("the receipt for a request for more time"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("{what}"),
    )
    question: AskedAbout = "extension"
    asked_end_date: Annotated[date, "the day asked for"]
    lapses_at: Annotated[datetime, "when the question lapses without a decision"]
    why: Annotated[str, "the reason that the owner gave, as read"] = ""
    plan: Annotated[Plan, "what happens meanwhile, where the question does not stop the clock"] = ()


@frozen(kw_only=True)
class ExtensionGranted(LetterFacts):
    """more time was granted, by an admin or by the rules"""

    about: ClassVar = About(
        Letter.EXTENSION_GRANTED,
        say("the message that more time was granted"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("extended until {short_day}"),
    )
    until: Annotated[date, "the new last day"]
    old_end_date: Annotated[date | None, "the one before"] = None
    by: By = ""
    plan: Plan
    calendar: Calendar = None
    changed: Annotated[tuple[Translatable, ...], "what the admin changed, sentences"] = ()
    started: Annotated[bool, "the machine had been stopped and is started again"] = False


@frozen(kw_only=True)
class ExtensionDenied(Snapshot):
    """an admin refused more time or the return of a removed machine"""

    about: ClassVar = About(
        Letter.EXTENSION_DENIED,
        say("the message that more time was refused"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("{what}"),
    )
    question: AskedAbout = "extension"
    by: By
    reason: Annotated[str, "the admin's words"]
    plan: Plan


@frozen(kw_only=True)
class ExtensionLapsed(Snapshot):
    """no admin decided in time about more time or the return of a removed machine"""

    about: ClassVar = About(
        Letter.EXTENSION_LAPSED,
        say("the message that a request for more time lapsed"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("{what}"),
    )
    question: AskedAbout = "extension"
    days: Annotated[int, "how many days the question waited"]
    plan: Plan
