"""The daemon: passes for good, each kind of work in a thread of its own."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TypeAlias

from apscheduler.schedulers.background import BackgroundScheduler

from mailbot import journal
from mailbot.machines.work import place, sites_to_visit, visit
from mailbot.passes import Tally, guarded, tick, under_way
from mailbot.pulse import Pulse, feed_seconds
from mailbot.signals import Signals, has_terminal
from mailbot.turns import name_drift
from mailbot.turns.deliver import deliver
from mailbot.turns.names import publish
from mailbot.turns.receive import MAILS_AT_ONCE
from mailbot.wiring import Bot

IDLE_MINUTES = 9
"""IDLE is begun anew after so long: well under the 29 minutes of RFC 2177, and under many a NAT's limit."""
MACHINE_POLL_SECONDS = 1.0
MACHINE_REST_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 300.0
SHORTEST_WATCH_SECONDS = 0.2
"""Mail is announced no more often than this: a server that answers IDLE at once each time keeps nobody busy."""
LONGEST_FAREWELL_SECONDS = 10.0
"""How long the end waits for a thread that may hang in a call to a hypervisor."""
LONGEST_ANSWER_SECONDS = 40.0
"""How long it waits for what a mail server says of the letter under way, which would leave once more, counted from the signal: `TimeoutStopSec` of the units leaves room for closing connections."""
LONGEST_SILENCE_SECONDS = {"mail": 900.0, "letters": 900.0, "names": 900.0, "machines": 1800.0}
"""How long a loop may work without a sign of life; a mail, a letter and a call to a hypervisor each have shorter limits."""

Reload: TypeAlias = Callable[[Bot], Bot | None]
"""Gives the bot that takes another one's place, made from the configuration as it is now; None where that cannot be used."""


def run(bot: Bot, version: str, reload: Reload = lambda _bot: None) -> None:
    """Run until SIGTERM or SIGINT; the step under way is finished first.

    1. The scheduler has one job, the tick: every `poll_seconds`; IDLE only makes the next one come sooner.
    2. Machines are worked on in a thread of their own, so that no mail waits for a hypervisor.
    3. On SIGHUP another bot takes this one's place, as `reload` makes it: between two steps.  (At a terminal that signal
       says that the terminal is gone, and ends the process as it does any other.)
    4. On a signal to end: no new step begins; threads are waited for, a mail server longer than a hypervisor that hangs.  A
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


def send_to_sites(bot: Bot, workers: SiteWorkers) -> Tally:
    """One pass that asks no hypervisor: builds are placed, and the worker of every site with something to do is woken."""
    tally = Tally()
    tally.machines = guarded(tally, "place", lambda: place(bot.context, bot.sites))
    guarded(tally, "sites", lambda: workers.wake(sites_to_visit(bot.context, bot.sites)))
    tally.waiting = bool(guarded(tally, "machines", lambda: under_way(bot)))
    return tally


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
        self._sender = threading.Thread(target=self._send_letters, name="letters", daemon=True)
        self._others = [threading.Thread(target=self._send_to_sites, name="machines", daemon=True)]
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
        for thread in (self._mails, self._sender, *self._others):
            thread.start()

    def stop(self) -> None:
        """End the threads and close the bot's connections; waits for the step under way, also where another bot takes its place."""
        signalled = monotonic()
        self.stopping.set()
        self._scheduler.shutdown(wait=True)
        self._mail.set()
        self._machines.set()
        self._letters.set()
        self._names.set()
        if self.bot.watcher is not None:
            self.bot.watcher.wake()
        self._mails.join()
        began = monotonic()
        for thread in (*self._others, *self._sites.end()):
            thread.join(timeout=max(0.0, began + LONGEST_FAREWELL_SECONDS - monotonic()))
        self._sender.join(timeout=max(0.0, signalled + LONGEST_ANSWER_SECONDS - monotonic()))
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
        paused = guarded(tally, "paused", lambda: int(bool(self.bot.context.paused())))
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
            guarded(tally, "deliver", lambda: deliver(self.bot.context, self.bot.postman, self._may_stop))

    def _publish_names(self) -> None:
        """Names, apart from all else: a name server that hangs delays no letter and no machine."""
        while not self.stopping.is_set():
            self._names.wait(self.bot.poll_seconds)
            self._names.clear()
            self.pulse.beat("names")
            guarded(Tally(), "names", lambda: publish(self.bot.context))
            guarded(Tally(), "comparing names", lambda: name_drift.look(self.bot.context))

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
            if guarded(Tally(), f"visit {name}", lambda: visit(self._bot.context, self._bot.sites, name)):
                self._worked()
