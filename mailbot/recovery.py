"""The bot after a restored backup: numbers go on above all that is known outside, and mails of since are read again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from secrets import token_hex

from mailbot.adoption import Adoption, Handled, adopt
from mailbot.errors import DirectoryUnavailable, MailbotError
from mailbot.lifecycle.recovery import recovered
from mailbot.machines.progress import Sites
from mailbot.model import CLOCK, FINAL, EventKind, HistoryEntry, MailKey, Ticket, Turn
from mailbot.ports import Filed, Folder, Inbox, Reader
from mailbot.turns import brake_numbers
from mailbot.turns.context import PAUSED, TurnContext
from mailbot.turns.filed import message_id
from provisioner.api import ProvisionerError

MARGIN = timedelta(days=2)
"""Mails are looked for from so long before the newest that the database knows: days of servers begin when they like."""
MOST_AHEAD = 100_000
"""A number in a mail that is further ahead was made up: anybody can write one."""
WHY_PAUSED = "db recover: look at what is recovered (mailbot list), then mailbot resume"

_NUMBER = re.compile(rb"(?:<mb\.|\+)([0-9]{1,12})\.[0-9]{1,9}\.[doc]\.", re.IGNORECASE)


class CannotRecover(MailbotError):
    """Something that has to be known is not: the message says what."""

    permanent = True


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found: the number that the next ticket is above, tickets asked and told again, mails to be read again.

    `adopted` are tickets of machines that were built after the backup; `unknown` says which machines or disks came back
    to no ticket, and why.  `nameless` mails in the folder of handled mails have no Message-ID; people look at them.
    """

    above: int
    tickets: int
    mails: int
    nameless: int
    adopted: tuple[Ticket, ...] = ()
    unknown: tuple[str, ...] = ()


def recover(
    context: TurnContext, inbox: Inbox, reader: Reader, sites: Sites, *, account: str, since: date | None = None
) -> Recovery:
    """Bring the bot back after a backup was restored.  May run twice; no daemon may run meanwhile.

    1. Pause: nothing is built, stopped or removed until an admin has looked.
    2. Numbers: above those of machines at the sites, and of letters that handled mails answer.
    3. Machines that were built after the backup come back to a ticket (`adoption`), with the request that it began with.
    4. Every other ticket that is not over: a new nonce, open questions asked again, notice given again.
    5. Other handled mails that the database does not know go back to the inbox and are read as new ones.  Their tokens are of
       letters written before, so that none of them decides anything: people read the answers, requests begin again.

    Raises CannotRecover where a site does not answer or a daemon reads the mailbox, MailServerUnavailable.
    """
    with context.store.mailbox_lock(account) as mine:
        if not mine:
            raise CannotRecover("a daemon reads the mailbox: stop it first (systemctl stop mailbot)")
        newest = context.store.newest()
        first = since or ((newest - MARGIN).date() if newest else date(1970, 1, 1))
        outside = _numbers_at(sites)
        context.store.put_note(PAUSED, WHY_PAUSED)
        filed = list(inbox.filed(Folder.HANDLED, first))
        above = _highest(context, outside, filed)
        context.store.go_on_above(above)
        brake_numbers.go_on(context.store, context.clock.now())
        lost = [one for one in filed if _is_lost(context, one)]
        adoption = _adopted(context, sites, Handled(account, inbox, reader, lost))
        tickets = _again(context, frozenset(one.id for one in adoption.tickets))
        back = [one.uid for one in lost if one.uid not in adoption.mails]
        inbox.bring_back(back, Folder.HANDLED)
        nameless = sum(not message_id(one) for one in filed)
        return Recovery(above, tickets, len(back), nameless, tuple(adoption.tickets), tuple(adoption.unknown))


def _adopted(context: TurnContext, sites: Sites, handled: Handled) -> Adoption:
    try:
        return adopt(context, sites, handled)
    except (ProvisionerError, DirectoryUnavailable) as error:
        raise CannotRecover(f"{error} Try again later.") from error


def _numbers_at(sites: Sites) -> list[int]:
    numbers: list[int] = []
    for name in sorted(sites):
        health = sites[name].provisioner.health()
        if not health.reachable:
            raise CannotRecover(
                f"{name} does not answer: which numbers its machines have is not known; try again later"
            )
        numbers += [int(one) for one in health.references if one.isascii() and one.isdigit()]
    return numbers


def _highest(context: TurnContext, outside: Iterable[int], filed: Sequence[Filed]) -> int:
    known = max([0, *outside, *(ticket.id for ticket in context.store.tickets())])
    written = [int(number) for one in filed for number in _NUMBER.findall(one.header)]
    return max([known, *(number for number in written if number <= known + MOST_AHEAD)])


def _again(context: TurnContext, adopted: frozenset[int]) -> int:
    waiting = [one for one in context.store.tickets() if one.state not in FINAL and one.id not in adopted]
    for ticket in waiting:
        context.store.commit(_turn(context, ticket))
    return len(waiting)


def _turn(context: TurnContext, ticket: Ticket) -> Turn:
    now = context.clock.now()
    step = recovered(ticket, token_hex(16), context.circumstances(now, ticket))
    line = HistoryEntry(ticket.id, now, EventKind.RECOVERED, ticket.state, step.ticket.state, CLOCK, step.summary)
    return Turn(
        now=now,
        ticket=step.ticket,
        expected_revision=ticket.revision,
        effects=step.effects,
        history=(line,),
        cancel_keys=step.cancel,
    )


def _is_lost(context: TurnContext, filed: Filed) -> bool:
    """Whether the database does not know that this mail was handled."""
    found, nowhere = message_id(filed), MailKey("", "", 0, 0)
    return bool(found) and not context.store.handled_before(found, "", nowhere)
