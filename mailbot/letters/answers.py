"""To whoever wrote: their words were unclear or refused, or they asked how things stand."""

from __future__ import annotations

from typing import Annotated, ClassVar

from mailbot.letters.kinds import About, Ahead, Answer, Audience, Thread
from mailbot.model import Letter, Purpose
from parsers.frozen import frozen
from parsers.translatable import NOTHING, Translatable, say


@frozen(kw_only=True)
class Reply(Answer):
    """An answer to a reply: its token allows what that of the answered letter did."""

    purpose: Annotated[Purpose, "what the token of this answer allows"]


@frozen(kw_only=True)
class UnclearReply(Reply):
    """a reply is not clearly one known command; nothing was changed"""

    about: ClassVar = About(
        Letter.UNCLEAR_REPLY, say("the reply to an unclear message"), Audience.SENDER, None, Thread.ANSWER
    )
    words: Annotated[str, "the words as read"]
    why: Annotated[Translatable, "why they are unclear"]


@frozen(kw_only=True)
class CommandRefused(Reply):
    """a command is clear but not possible now, or not allowed; nothing was changed"""

    about: ClassVar = About(
        Letter.COMMAND_REFUSED, say("the reply to a command that was refused"), Audience.SENDER, None, Thread.ANSWER
    )
    words: Annotated[str, "the command as read"]
    why: Annotated[Translatable, "why not, a sentence"]


@frozen(kw_only=True)
class Help(Reply):
    """someone replied with the word help"""

    about: ClassVar = About(Letter.HELP, say("the list of possible replies"), Audience.SENDER, None, Thread.ANSWER)


@frozen(kw_only=True)
class Status(Reply):
    """someone replied with the word status"""

    about: ClassVar = About(Letter.STATUS, say("the current status"), Audience.SENDER, None, Thread.ANSWER)
    state: Annotated[Translatable, "how things stand, a sentence"]
    dates: Annotated[tuple[Ahead, ...], "what will happen when"] = ()
    fqdn: Annotated[str, "full host name"] = ""
    address: Annotated[str, "IPv4 address"] = ""
    further: Annotated[tuple[str, ...], "its IPv6 address, on a bridge that has them"] = ()
    machine: Annotated[Translatable, "what the hypervisor says of the machine now"] = NOTHING


@frozen(kw_only=True)
class Console(Reply):
    """someone replied with the word console"""

    about: ClassVar = About(Letter.CONSOLE, say("the lines of the console"), Audience.SENDER, None, Thread.ANSWER)
    lines: Annotated[tuple[str, ...], "the last lines of the console, as the machine wrote them"] = ()
    why: Annotated[Translatable, "why there are none, a sentence"] = NOTHING


@frozen(kw_only=True)
class RootKeys(Reply):
    """someone replied with the word rekey"""

    about: ClassVar = About(Letter.ROOT_KEYS, say("the message about SSH keys"), Audience.SENDER, None, Thread.ANSWER)
    fqdn: Annotated[str, "full host name"] = ""
    keys: Annotated[tuple[str, ...], "fingerprints of all keys that may log in as root now"] = ()
    why: Annotated[Translatable, "why nothing was done, a sentence"] = NOTHING
