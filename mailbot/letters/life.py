"""To the owner about a machine's later life: warned, stopped, removed, given back, restored."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar

from mailbot.letters.kinds import About, Audience, Calendar, LetterFacts, Plan, Snapshot, Thread
from mailbot.model import Letter, Purpose
from parsers.frozen import frozen
from parsers.translatable import NOTHING, Translatable, say


@frozen(kw_only=True)
class EndWarning(Snapshot):
    """the last day is near (60, 30, 7 and 1 days before it, or in proportion)"""

    about: ClassVar = About(
        Letter.WARNING,
        say("the warning before the end date"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("will be stopped on {short_day} ({days})"),
    )
    days_left: Annotated[int, "whole days until the machine will be stopped"]
    plan: Plan
    calendar: Calendar = None
    last: Annotated[bool, "no further warning comes before the stop"] = False
    late: Annotated[Translatable, "why this warning comes later than planned, a sentence"] = NOTHING


@frozen(kw_only=True)
class VmStopped(Snapshot):
    """the machine was stopped at its last day"""

    about: ClassVar = About(
        Letter.VM_STOPPED,
        say("the message that the machine was stopped"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("was stopped"),
    )
    stopped_at: Annotated[datetime, "when"]
    plan: Plan


@frozen(kw_only=True)
class GraceHalf(Snapshot):
    """half of the time between stop and removal has passed"""

    about: ClassVar = About(
        Letter.GRACE_HALF,
        say("the message about the removal"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("will be removed in {days}"),
    )
    days_left: Annotated[int, "whole days until the removal"]
    plan: Plan


@frozen(kw_only=True)
class RemovalNear(Snapshot):
    """the removal is about to happen"""

    about: ClassVar = About(
        Letter.REMOVAL_NEAR,
        say("the last message before the removal"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("final warning: will be removed in {days}"),
    )
    days_left: Annotated[int, "whole days until the removal"]
    plan: Plan


@frozen(kw_only=True)
class VmArchived(Snapshot):
    """the machine was removed; its disk is kept for a while"""

    about: ClassVar = About(
        Letter.VM_ARCHIVED,
        say("the message about the kept disk"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("was removed; its disk is kept"),
    )
    keep_until: Annotated[datetime, "when the disk will be deleted"]
    plan: Plan
    calendar: Calendar = None
    released: Annotated[bool, "the owner gave it back, it did not run out"] = False


@frozen(kw_only=True)
class VmRemoved(Snapshot):
    """the machine and its disk have been deleted for good"""

    about: ClassVar = About(
        Letter.VM_REMOVED, say("the message that the disk was deleted"), Audience.OWNER, subject=say("has been deleted")
    )
    released: Annotated[bool, "the owner gave it back, it did not run out"] = False
    disk_gone: Annotated[bool, "when the machine was removed, there was no disk to keep"] = False


@frozen(kw_only=True)
class DateMoved(LetterFacts):
    """the last day was postponed because no mail server had accepted a warning in time"""

    about: ClassVar = About(
        Letter.DATE_MOVED,
        say("the message about the moved end date"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("runs until {short_day}"),
    )
    old_end_date: Annotated[date, "the last day before"]
    end_date: Annotated[date, "the new one"]
    plan: Plan
    calendar: Calendar = None
    why: Annotated[Translatable, "what went wrong with the notice, a sentence"] = NOTHING


@frozen(kw_only=True)
class EndEarlier(LetterFacts):
    """an admin set an earlier last day; the notice begins with this letter"""

    about: ClassVar = About(
        Letter.END_EARLIER,
        say("the message about the earlier end date"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("ends earlier, on {short_day}"),
    )
    old_end_date: Annotated[date, "the last day before"]
    end_date: Annotated[date, "the new one"]
    by: Annotated[str, "who set it, by name"]
    reason: Annotated[str, "why, in that admin's words"]
    plan: Plan
    calendar: Calendar = None


@frozen(kw_only=True)
class ReleaseConfirm(Snapshot):
    """the owner wants to give the machine back and must confirm it"""

    about: ClassVar = About(
        Letter.RELEASE_CONFIRM,
        say("the question whether the machine is to be given back"),
        Audience.OWNER,
        Purpose.CONFIRM,
        subject=say("please confirm that you want to give it back"),
    )
    plan: Plan
    lapses_at: Annotated[datetime | None, "when the question is forgotten without an answer"] = None


@frozen(kw_only=True)
class ReinstallConfirm(Snapshot):
    """the owner wants to reinstall the machine on a new disk and must confirm it"""

    about: ClassVar = About(
        Letter.REINSTALL_CONFIRM,
        say("the question whether the machine is to be reinstalled"),
        Audience.OWNER,
        Purpose.CONFIRM,
        subject=say("please confirm that its disk may be deleted"),
    )
    lapses_at: Annotated[datetime, "when the question is forgotten without an answer"]


@frozen(kw_only=True)
class VmReleased(Snapshot):
    """the owner confirmed that the machine may be removed"""

    about: ClassVar = About(
        Letter.VM_RELEASED,
        say("the message that the machine was given back"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("has been given back"),
    )
    plan: Plan


@frozen(kw_only=True)
class VmEnded(Snapshot):
    """an admin removes the machine before its last day"""

    about: ClassVar = About(
        Letter.VM_ENDED,
        say("the message that an admin is removing the machine"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("is being removed by an admin"),
    )
    by: Annotated[str, "who took it away, by name"]
    reason: Annotated[str, "why, in that admin's words"]
    plan: Plan
    disk_gone: Annotated[bool, "the machine and its disk are no longer at their site"] = False


@frozen(kw_only=True)
class VmSwitchedOff(Snapshot):
    """an admin switched the machine off within its lease"""

    about: ClassVar = About(
        Letter.VM_SWITCHED_OFF,
        say("the message that an admin is switching the machine off"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("is switched off"),
    )
    by: Annotated[str, "who switched it off, by name"]
    reason: Annotated[str, "why, in that admin's words"]


@frozen(kw_only=True)
class VmYours(Snapshot):
    """an admin gave the machine to another person: to the new owner, once their keys are installed or cannot be"""

    about: ClassVar = About(
        Letter.VM_YOURS,
        say("the message to the new owner"),
        Audience.OWNER,
        Purpose.OWN,
        Thread.NONE,
        subject=say("is yours now"),
    )
    former: Annotated[str, "who had it before, by name"]
    by: Annotated[str, "who gave it, by name"]
    reason: Annotated[str, "why, in that admin's words"]
    plan: Plan
    calendar: Calendar = None
    fqdn: Annotated[str, "full host name"] = ""
    keys: Annotated[tuple[str, ...], "fingerprints of the keys that may log in as root now, no others"] = ()
    why: Annotated[Translatable, "why the keys are still those of before, a sentence"] = NOTHING


@frozen(kw_only=True)
class VmPassedOn(Snapshot):
    """an admin gave the machine to another person: to the previous owner"""

    about: ClassVar = About(
        Letter.VM_PASSED_ON,
        say("the message to the previous owner"),
        Audience.OWNER,
        subject=say("now belongs to someone else"),
    )
    owner: Annotated[str, "whose it is now, by name"]
    by: Annotated[str, "who gave it, by name"]
    reason: Annotated[str, "why, in that admin's words"]
    former_id: Annotated[str, "the directory's id of the reader"] = ""
    former_login: Annotated[str, "the login of the reader"] = ""
    calendar: Calendar = None


@frozen(kw_only=True)
class VmKept(Snapshot):
    """the owner cancelled a release"""

    about: ClassVar = About(
        Letter.VM_KEPT,
        say("the message that the owner keeps the machine"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("you keep it"),
    )
    plan: Plan


@frozen(kw_only=True)
class VmRebuilt(Snapshot):
    """a machine that disappeared from its site is being built again"""

    about: ClassVar = About(
        Letter.VM_REBUILT,
        say("the message that the machine disappeared"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("disappeared and is being built again"),
    )
    disk_lost: Annotated[bool, "its disk is gone too, with everything on it"]


@frozen(kw_only=True)
class VmRestored(Snapshot):
    """a removed machine is being built again with its kept disk"""

    about: ClassVar = About(
        Letter.VM_RESTORED,
        say("the message that the machine is being built again"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("is being built again"),
    )
    by: Annotated[str, "name of the admin who decided so, where one did"] = ""
    changed: Annotated[tuple[Translatable, ...], "what the admin changed, sentences"] = ()
