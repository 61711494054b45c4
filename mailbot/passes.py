"""One pass over all that is due: mail, tickets, letters and machines; `once` makes passes until nothing is due any more."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mailbot import journal
from mailbot.errors import MailServerUnavailable
from mailbot.machines.health import forget_those_that_left
from mailbot.machines.work import work
from mailbot.model import MACHINE_ACTIONS
from mailbot.ports import OutboxState
from mailbot.sending import BetweenMails, EveryFewMails
from mailbot.turns import announcements, findings, letter_brake, modes, name_drift, owners, relocation, sight
from mailbot.turns.context import TurnContext
from mailbot.turns.deliver import a_batch, deliver
from mailbot.turns.digest import digest
from mailbot.turns.names import publish
from mailbot.turns.receive import MAILS_AT_ONCE, receive
from mailbot.turns.retention import leave
from mailbot.turns.wake import wake
from mailbot.wiring import Bot
from parsers.translatable import NOTHING, as_one, words_of


@dataclass
class Tally:
    """What one pass did, and what stood in its way."""

    mails: int = 0
    tickets: int = 0
    letters: int = 0
    machines: int = 0
    read: bool = False
    """The mailbox was read to its end."""
    more: bool = False
    """More mail waits than one pass takes."""
    waiting: bool = False
    """A machine is being worked on and wants to be looked at again soon."""
    troubles: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.mails + self.tickets + self.letters + self.machines


def tick(bot: Bot, *, letters: bool = True, progress: Callable[[], None] = lambda: None) -> Tally:
    """One tick: new mail, tickets whose time has come, the letter of the week, what an admin announces, letters whose time has come.

    With `letters` false they are left to a worker of their own, which is told of the `progress` every few mails.  Otherwise
    they leave between mails (`BetweenMails`).

    Each of them is tried whatever became of the others: a mailbox that is away delays no letter.
    """
    started = datetime.now(UTC)
    tally = Tally()
    with closing(BetweenMails(lambda: _delivering(bot, tally))) as between:
        if letters:
            context = replace(bot.context, meanwhile=between.go_on)
            _read_and_act(bot, context, tally, between.mail_was_handled)
            between.finish()
            tally.letters += guarded(tally, "deliver", lambda: deliver(bot.context, bot.postman))
            guarded(tally, "names", lambda: publish(bot.context))
            guarded(tally, "comparing names", lambda: name_drift.look(bot.context))
        else:
            _read_and_act(bot, bot.context, tally, EveryFewMails(progress))
    if tally.done:
        took = datetime.now(UTC) - started
        journal.tick(mails=tally.mails, tickets=tally.tickets, letters=tally.letters, machines=0, took=took)
    return tally


def _read_and_act(bot: Bot, context: TurnContext, tally: Tally, progress: Callable[[], None]) -> None:
    """New mail, and all that is due but letters and names."""
    before = context.clock.now()
    tally.mails = guarded(tally, "receive", lambda: _receive(bot, context, tally, progress))
    read_at = before if tally.read else None
    unread = NOTHING if tally.read or tally.more else as_one(*tally.troubles)
    reading = sight.Reading(read_at, unread, tally.more)
    guarded(tally, "look", lambda: _observed(bot, reading))
    tally.tickets = guarded(tally, "wake", lambda: _wake(bot, read_at))
    guarded(tally, "moves", lambda: _begin_moves(bot, read_at))
    guarded(tally, "digest", lambda: digest(bot.context))
    guarded(tally, "announcement", lambda: announcements.go_on(bot.context))
    guarded(tally, "letter brake", lambda: letter_brake.tell(bot.context))
    guarded(tally, "findings", lambda: findings.tell(bot.context))
    guarded(tally, "retention", lambda: leave(bot.context))


def _wake(bot: Bot, read_at: datetime | None) -> int:
    """Tickets whose time has come; by a clock that jumped none has, and what it set would have to be taken back."""
    context = bot.context
    if context.paused() or sight.fails(context, sight.Sense.CLOCK):
        return 0
    owners.look(context)
    return wake(context, read_at)


def _begin_moves(bot: Bot, read_at: datetime | None) -> int:
    """Moves between hosts whose moment has come; apart from the tickets, so that neither stops the other."""
    context = bot.context
    if context.paused() or sight.fails(context, sight.Sense.CLOCK):
        return 0
    return relocation.begin_due(context, read_at)


def _delivering(bot: Bot, tally: Tally) -> Generator[Callable[[], bool], None, None]:
    """A batch of letters between mails; whatever is raised ends the letters, and no mail."""
    try:
        accepted, _ = yield from a_batch(bot.context, bot.postman)
        tally.letters += accepted
    except Exception as error:  # noqa: BLE001 - see `guarded`
        _went_wrong(tally, "deliver", error)


def _receive(bot: Bot, context: TurnContext, tally: Tally, progress: Callable[[], None]) -> int:
    """One daemon at a time reads a mailbox; where another one does, this one goes without."""
    with context.store.mailbox_lock(bot.account) as mine:
        count = receive(context, bot.inbox, bot.reader, progress=progress) if mine else 0
    tally.more = count >= MAILS_AT_ONCE
    tally.read = mine and not tally.more
    return count


def _observed(bot: Bot, reading: sight.Reading) -> int:
    """What the bot can see: remembered, and told to the admins where it fails for long."""
    asked = bot.sites.keys() - modes.taken_down(bot.context.store)
    sight.observe(bot.context, reading, asked, bot.context.clock.now())
    forget_those_that_left(bot.context, bot.sites.keys())
    return 0


def guarded(tally: Tally, doing: str, turn: Callable[[], int]) -> int:
    """Take one step of a pass; what goes wrong in it is noted in the tally, and ends no other step."""
    try:
        done = turn()
        if doing == "receive" and (tally.read or done):
            journal.connection_works(server="imap")
        return done
    except MailServerUnavailable as error:
        journal.connection_lost(server="imap", why=str(error))
        tally.troubles.append(words_of(error))
    except Exception as error:  # noqa: BLE001 - the loop goes on; the next tick tries again
        _went_wrong(tally, doing, error)
    return 0


def _went_wrong(tally: Tally, doing: str, error: Exception) -> None:
    journal.tick_failed(doing=doing, error=error)
    tally.troubles.append(f"{doing}: {error}")


def machines(bot: Bot) -> Tally:
    """One pass over the machines."""
    tally = Tally()
    tally.machines = guarded(tally, "machines", lambda: work(bot.context, bot.sites))
    tally.waiting = bool(guarded(tally, "machines", lambda: under_way(bot)))
    return tally


def under_way(bot: Bot) -> int:
    """How many machine rows wait: a guest that boots, a site that is tried again."""
    counts = bot.context.store.outbox_counts()
    return sum(one.rows for one in counts if one.action in MACHINE_ACTIONS and one.state is OutboxState.WAITING)


def once(bot: Bot) -> Tally:
    """Do everything that is due now, until nothing is; what has to wait is left for the next time.

    Machines have their turn when the mailbox is read to its end and the process that reads has ended: what speaks with
    hosts then takes its room, instead of room beside it.
    """
    total = Tally()
    while True:
        mail, work_done = tick(bot), Tally()
        if not mail.more or mail.troubles:
            bot.reader.close()
            work_done = machines(bot)
        for tally in (mail, work_done):
            total.mails += tally.mails
            total.tickets += tally.tickets
            total.letters += tally.letters
            total.machines += tally.machines
            total.troubles += tally.troubles
        if mail.done + work_done.done == 0 or mail.troubles or work_done.troubles:
            return total
