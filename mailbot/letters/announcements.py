"""To the owners of machines, from an admin: what concerns all of them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from mailbot.letters.kinds import About, Audience, LetterFacts, Thread
from mailbot.model import Letter
from parsers.frozen import frozen
from parsers.translatable import say


@frozen(kw_only=True)
class Announcement(LetterFacts):
    """an admin writes to everyone with a machine, or to those at a site"""

    about: ClassVar = About(
        Letter.ANNOUNCEMENT,
        say("an announcement to owners"),
        Audience.OWNER,
        thread=Thread.NONE,
        subject=say("{title}"),
        needs_ticket=False,
    )
    title: Annotated[str, "the subject, in the admin's words"]
    text: Annotated[str, "the admin's words"]
    by: Annotated[str, "the admin, by name"]
