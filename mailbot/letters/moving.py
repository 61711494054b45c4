"""To the owner about a machine that moves to another host."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar

from mailbot.letters.kinds import About, Audience, Snapshot
from mailbot.model import Letter, Purpose
from parsers.frozen import frozen
from parsers.translatable import NOTHING, Translatable, say


@frozen(kw_only=True)
class VmMove(Snapshot):
    """the machine will move to another host, and be off meanwhile if it cannot run on"""

    about: ClassVar = About(
        Letter.VM_MOVE,
        say("the announcement of a move"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("{what} on {short_day}"),
    )
    at: Annotated[datetime, "when it is shut down, or moves while it runs"]
    on: Annotated[date, "the day of that, where the site is"]
    reminder: Annotated[bool, "announced before: the day comes near"] = False
    why: Annotated[Translatable, "why another day than announced before, a sentence"] = NOTHING
    live: Annotated[bool, "it can probably run on meanwhile"] = False


@frozen(kw_only=True)
class VmMoved(Snapshot):
    """the machine has moved to another host and answers there, or is off as before"""

    about: ClassVar = About(
        Letter.VM_MOVED,
        say("the message that the machine has moved"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("has moved: {what}"),
    )
    fqdn: Annotated[str, "full host name, as before"]
    address: Annotated[str, "IPv4 address, usually another one"]
    further: Annotated[tuple[str, ...], "its IPv6 address, on a bridge that has them"] = ()
    host_key_fingerprints: Annotated[tuple[str, ...], "`SHA256:…`, as before; none where they are not known"] = ()
    off: Annotated[bool, "it was switched off before, and is so still"] = False
    live: Annotated[bool, "it ran all the time, and has the address that it had"] = False


@frozen(kw_only=True)
class VmStays(Snapshot):
    """an announced move will not happen, or has failed"""

    about: ClassVar = About(
        Letter.VM_STAYS,
        say("the message that the machine does not move"),
        Audience.OWNER,
        Purpose.OWN,
        subject=say("stays where it is"),
    )
    why: Annotated[Translatable, "why, a sentence"]
    was_off: Annotated[bool, "the move had begun, and the machine was shut down for it"] = False
