"""The loops: `once` (everything that is due now) and `run` (for good)."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TypeAlias

from apscheduler.schedulers.background import BackgroundScheduler

from mailbot import journal
from mailbot.errors import MailServerUnavailable
from mailbot.machines.health import forget_those_that_left
from mailbot.machines.work import place, sites_to_visit, visit, work
from mailbot.model import MACHINE_ACTIONS
from mailbot.ports import OutboxState
from mailbot.pulse import Pulse, feed_seconds
from mailbot.sending import Beside, EveryFewMails
from mailbot.signals import Signals, has_terminal
from mailbot.turns import announcements, findings, letter_brake, modes, owners, relocation, sight
from mailbot.turns.deliver import deliver
from mailbot.turns.digest import digest
from mailbot.turns.names import publish
from mailbot.turns.receive import MAILS_AT_ONCE, receive
from mailbot.turns.retention import leave
from mailbot.turns.wake import wake
from mailbot.wiring import Bot
from parsers.translatable import NOTHING, as_one, words_of

IDLE_MINUTES = 9
"""IDLE is begun anew after so long: well under the 29 minutes of RFC 2177, and under many a NAT's limit."""
MACHINE_POLL_SECONDS = 1.0
MACHINE_REST_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 300.0
SHORTEST_WATCH_SECONDS = 0.2
"""Mail is announced no more often than this: a server that answers IDLE at once each time keeps nobody busy."""
LONGEST_FAREWELL_SECONDS = 10.0
"""How long the end waits for a thread that may hang in a call to a hypervisor."""
LONGEST_SILENCE_SECONDS = {"mail": 900.0, "letters": 900.0, "names": 900.0, "machines": 1800.0}
"""How long a loop may work without a sign of life; a mail, a letter and a call to a hypervisor each have shorter limits."""

Reload: TypeAlias = Callable[[Bot], Bot | None]
"""Gives the bot that takes another one's place, made from the configuration as it is now; None where that cannot be used."""


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

    With `letters` false they are left to a worker of their own, which is told of the `progress` every few mails: no mail
    waits for a slow mail server.  Otherwise, too, letters begin to leave while many mails are still being read.

    Each of them is tried whatever became of the others: a mailbox that is away delays no letter.
    """
    started = datetime.now(UTC)
    tally = Tally()
    before = bot.context.clock.now()
    beside = Beside(lambda: _deliver(bot, tally))
    told = EveryFewMails(beside.more if letters else progress)
    tally.mails = _guarded(tally, "receive", lambda: _receive(bot, tally, told))
    beside.end()
    read_at = before if tally.read else None
    unread = NOTHING if tally.read or tally.more else as_one(*tally.troubles)
    reading = sight.Reading(read_at, unread, tally.more)
    _guarded(tally, "look", lambda: _observed(bot, reading))
    tally.tickets = _guarded(tally, "wake", lambda: _wake(bot, read_at))
    _guarded(tally, "moves", lambda: _begin_moves(bot, read_at))
    _guarded(tally, "digest", lambda: digest(bot.context))
    _guarded(tally, "announcement", lambda: announcements.go_on(bot.context))
    _guarded(tally, "letter brake", lambda: letter_brake.tell(bot.context))
    _guarded(tally, "findings", lambda: findings.tell(bot.context))
    _guarded(tally, "retention", lambda: leave(bot.context))
    if letters:
        _deliver(bot, tally)
        _guarded(tally, "names", lambda: publish(bot.context))
    if tally.done:
        took = datetime.now(UTC) - started
        journal.tick(mails=tally.mails, tickets=tally.tickets, letters=tally.letters, machines=0, took=took)
    return tally


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


def _deliver(bot: Bot, tally: Tally) -> None:
    tally.letters += _guarded(tally, "deliver", lambda: deliver(bot.context, bot.postman))


def _receive(bot: Bot, tally: Tally, progress: Callable[[], None]) -> int:
    """One daemon at a time reads a mailbox; where another one does, this one goes without."""
    with bot.context.store.mailbox_lock(bot.account) as mine:
        count = receive(bot.context, bot.inbox, bot.reader, progress=progress) if mine else 0
    tally.more = count >= MAILS_AT_ONCE
    tally.read = mine and not tally.more
    return count


def _observed(bot: Bot, reading: sight.Reading) -> int:
    """What the bot can see: remembered, and told to the admins where it fails for long."""
    asked = bot.sites.keys() - modes.taken_down(bot.context.store)
    sight.observe(bot.context, reading, asked, bot.context.clock.now())
    forget_those_that_left(bot.context, bot.sites.keys())
    return 0


def _guarded(tally: Tally, doing: str, turn: Callable[[], int]) -> int:
    try:
        done = turn()
        if doing == "receive" and (tally.read or done):
            journal.connection_works(server="imap")
        return done
    except MailServerUnavailable as error:
        journal.connection_lost(server="imap", why=str(error))
        tally.troubles.append(words_of(error))
    except Exception as error:  # noqa: BLE001 - the loop goes on; the next tick tries again
        journal.tick_failed(doing=doing, error=error)
        tally.troubles.append(f"{doing}: {error}")
    return 0


def machines(bot: Bot) -> Tally:
    """One pass over the machines."""
    tally = Tally()
    tally.machines = _guarded(tally, "machines", lambda: work(bot.context, bot.sites))
    tally.waiting = bool(_guarded(tally, "machines", lambda: _under_way(bot)))
    return tally


def send_to_sites(bot: Bot, workers: SiteWorkers) -> Tally:
    """One pass that asks no hypervisor: builds are placed, and the worker of every site with something to do is woken."""
    tally = Tally()
    tally.machines = _guarded(tally, "place", lambda: 0 if bot.context.paused() else place(bot.context, bot.sites))
    _guarded(tally, "sites", lambda: workers.wake(sites_to_visit(bot.context, bot.sites)))
    tally.waiting = bool(_guarded(tally, "machines", lambda: _under_way(bot)))
    return tally


def _under_way(bot: Bot) -> int:
    """How many machine rows wait: a guest that boots, a site that is tried again."""
    counts = bot.context.store.outbox_counts()
    return sum(one.rows for one in counts if one.action in MACHINE_ACTIONS and one.state is OutboxState.WAITING)


def once(bot: Bot) -> Tally:
    """Do everything that is due now, until nothing is; what has to wait is left for the next time."""
    total = Tally()
    while True:
        mail, work_done = tick(bot), machines(bot)
        for tally in (mail, work_done):
            total.mails += tally.mails
            total.tickets += tally.tickets
            total.letters += tally.letters
            total.machines += tally.machines
            total.troubles += tally.troubles
        if mail.done + work_done.done == 0 or mail.troubles or work_done.troubles:
            return total


def run(bot: Bot, version: str, reload: Reload = lambda _bot: None) -> None:
    """Run until SIGTERM or SIGINT; the step under way is finished first.

    1. The scheduler has one job, the tick: every `poll_seconds`; IDLE only makes the next one come sooner.
    2. Machines are worked on in a thread of their own, so that no mail waits for a hypervisor.
    3. On SIGHUP another bot takes this one's place, as `reload` makes it: between two steps.  (At a terminal that signal
       says that the terminal is gone, and ends the process as it does any other.)
    4. On a signal to end: no new step begins; threads are waited for, but not a hypervisor that hangs.  A
       second signal ends the process at once, which costs nothing but time: what was begun is gone on with.
    """
    signals = Signals((signal.SIGTERM, signal.SIGINT, *(() if has_terminal() else (signal.SIGHUP,))))
    allowed = {loop: bot.poll_seconds + most for loop, most in LONGEST_SILENCE_SECONDS.items()}
    pulse = Pulse(bot.notify_socket, allowed, feed_seconds=feed_seconds(os.environ))
    ended = threading.Event()
    threading.Thread(target=pulse.keep, args=(ended,), name="pulse", daemon=True).start()
    loop = Loop(bot, pulse)
    loop.start()
    journal.daemon_started(version=version, pid=os.getpid())
    pulse.tell("READY=1")
    while (number := signals.wait()) == signal.SIGHUP:
        pulse.tell("RELOADING=1")
        loop = _changed(loop, reload)
        pulse.tell("READY=1")
    signals.close()
    journal.daemon_stopping(why=signal.Signals(number).name)
    pulse.tell("STOPPING=1")
    loop.stop()
    ended.set()
    journal.daemon_stopped()


def _changed(loop: Loop, reload: Reload) -> Loop:
    """The loop that goes on: that of the new bot, or the same one where there is none."""
    bot = reload(loop.bot)
    if bot is None:
        return loop
    loop.stop()
    after = Loop(bot, loop.pulse)
    after.start()
    return after


class Loop:
    """The threads of `run` and what they tell each other.

    Each works while its event is set, and clears it *before* it looks at what there is: what comes in
    while it works makes it look once more, so that no wake-up is lost.
    """

    def __init__(self, bot: Bot, pulse: Pulse | None = None) -> None:
        self.pulse = pulse or Pulse()
        self.bot = bot
        self.stopping = threading.Event()
        self._mail = threading.Event()
        """Something may lie in the mailbox or the outbox."""
        self._machines = threading.Event()
        """Something may be to be done to a machine."""
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._mails = threading.Thread(target=self._handle_mail, name="mail", daemon=True)
        self._letters = threading.Event()
        """Something may lie in the outbox."""
        self._others = [
            threading.Thread(target=self._send_to_sites, name="machines", daemon=True),
            threading.Thread(target=self._send_letters, name="letters", daemon=True),
        ]
        self._names = threading.Event()
        """A machine's name may be to be published."""
        if bot.context.zones is not None:
            self._others.append(threading.Thread(target=self._publish_names, name="names", daemon=True))
        self._sites = SiteWorkers(bot, self.stopping, self._worked)
        if bot.watcher is not None:
            self._others.append(threading.Thread(target=self._watch, name="watch", daemon=True))

    def start(self) -> None:
        """Begin; gives back at once."""
        self._scheduler.add_job(
            self.soon,
            "interval",
            seconds=self.bot.poll_seconds,
            next_run_time=datetime.now(UTC),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        self._scheduler.start()
        for thread in (self._mails, *self._others):
            thread.start()

    def stop(self) -> None:
        """End the threads and close the bot's connections; waits for the step under way."""
        self.stopping.set()
        self._scheduler.shutdown(wait=True)
        self._mail.set()
        self._machines.set()
        self._letters.set()
        self._names.set()
        if self.bot.watcher is not None:
            self.bot.watcher.wake()
        self._mails.join()
        end = monotonic() + LONGEST_FAREWELL_SECONDS
        for thread in (*self._others, *self._sites.end()):
            thread.join(timeout=max(0.0, end - monotonic()))
        self.bot.close()

    def soon(self) -> None:
        """Have a tick come at once, or once more after the one that runs."""
        self._mail.set()

    def _handle_mail(self) -> None:
        while True:
            # The scheduler goes by the clock on the wall; when that is set back, polling must not stop for as long.
            self._mail.wait(self.bot.poll_seconds + 1)
            if self.stopping.is_set():
                return
            self._mail.clear()
            self.pulse.beat("mail")
            tally = tick(self.bot, letters=False, progress=self._goes_on)
            if tally.mails >= MAILS_AT_ONCE:
                self.soon()  # there are more
            self._letters.set()
            self._machines.set()
            self.pulse.beat("mail")
            self.pulse.status(self._doing(tally))

    def _goes_on(self) -> None:
        """Told every few mails: a long tick is no silence, and holds up no letter."""
        self.pulse.beat("mail")
        self._letters.set()

    def _doing(self, tally: Tally) -> str:
        """What a tick came to, for `systemctl status`."""
        paused = _guarded(tally, "paused", lambda: int(bool(self.bot.context.paused())))
        at = f"{self.bot.context.clock.now():%Y-%m-%d %H:%M:%S} UTC"
        if tally.troubles:
            return f"since {at}: {tally.troubles[-1]}"
        return (
            "paused: mail is read, nothing else happens; `mailbot resume` goes on"
            if paused
            else f"mailbox read {at}, all is well"
        )

    def _may_stop(self) -> bool:
        """Asked between two letters."""
        self.pulse.beat("letters")
        return self.stopping.is_set()

    def _send_letters(self) -> None:
        """Letters, apart from the mail: a mail server that takes minutes a letter delays no mail and no end."""
        while not self.stopping.is_set():
            self._letters.wait(self.bot.poll_seconds)
            self._letters.clear()
            self.pulse.beat("letters")
            tally = Tally()
            _guarded(tally, "deliver", lambda: deliver(self.bot.context, self.bot.postman, self._may_stop))

    def _publish_names(self) -> None:
        """Names, apart from all else: a name server that hangs delays no letter and no machine."""
        while not self.stopping.is_set():
            self._names.wait(self.bot.poll_seconds)
            self._names.clear()
            self.pulse.beat("names")
            _guarded(Tally(), "names", lambda: publish(self.bot.context))

    def _watch(self) -> None:
        """IDLE on a connection of its own; it only makes the next tick come sooner."""
        watcher, pause = self.bot.watcher, 1.0
        while watcher is not None and not self.stopping.is_set():
            try:
                began = monotonic()
                if watcher.wait(timedelta(minutes=IDLE_MINUTES).total_seconds()):
                    self.soon()
                    self.stopping.wait(SHORTEST_WATCH_SECONDS - (monotonic() - began))
                elif monotonic() - began < 1.0 and not self.stopping.is_set():
                    return  # the server has no IDLE: polling has to do
                pause = 1.0
            except Exception as error:  # noqa: BLE001 - whatever it was, mail is still polled, and IDLE tried again
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                journal.connection_lost(server="IDLE", why=str(error), retry_seconds=wait)
                self.stopping.wait(wait)
                self.soon()  # mail may have come while nobody watched

    def _send_to_sites(self) -> None:
        while not self.stopping.is_set():
            self._machines.clear()
            self.pulse.beat("machines")
            tally = send_to_sites(self.bot, self._sites)
            self._machines.wait(MACHINE_POLL_SECONDS if tally.waiting else MACHINE_REST_SECONDS)

    def _worked(self) -> None:
        """A machine was taken a step further: letters and tickets may follow."""
        self.soon()
        self._letters.set()
        self._names.set()


class SiteWorkers:
    """One thread a site, made when there is something to do there first: a host that hangs holds up nobody else's machines."""

    def __init__(self, bot: Bot, stopping: threading.Event, worked: Callable[[], None]) -> None:
        self._bot = bot
        self._stopping = stopping
        self._worked = worked
        self._wanted: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []

    def wake(self, names: Iterable[str]) -> int:
        """Have these sites visited, once more where one is being visited now; gives how many."""
        count = 0
        for count, name in enumerate(names, start=1):  # noqa: B007 - how many there were
            if name not in self._wanted:
                self._wanted[name] = threading.Event()
                self._threads.append(threading.Thread(target=self._work, args=(name,), name=f"at-{name}", daemon=True))
                self._threads[-1].start()
            self._wanted[name].set()
        return count

    def end(self) -> list[threading.Thread]:
        """Wake all workers, so that they see the end; gives their threads, of which one may hang in a call."""
        for wanted in self._wanted.values():
            wanted.set()
        return self._threads

    def _work(self, name: str) -> None:
        while True:
            self._wanted[name].wait()
            if self._stopping.is_set():
                return
            self._wanted[name].clear()
            if _guarded(Tally(), f"visit {name}", lambda: visit(self._bot.context, self._bot.sites, name)):
                self._worked()
