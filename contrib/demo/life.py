"""The second act of the demonstration: the rest of a machine's life, with time running fast.

Mail servers, hypervisor, database and every decision are as before; only the clock is one that jumps
to whatever is due next.  The daemon is ended first: there must be one clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from contrib.demo.stage import Stage, StageProblem
from mailbot import journal, passes, wiring
from mailbot.config import load
from mailbot.model import TicketState
from mailbot.wiring import Bot

PATIENCE_SECONDS = 900
STEP = timedelta(seconds=6)


class FastClock:
    """Real time, plus what was skipped."""

    def __init__(self) -> None:
        self._skipped = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._skipped

    def elapsed(self) -> float:
        return time.monotonic() + self._skipped.total_seconds()

    def skip_to(self, moment: datetime) -> None:
        self._skipped += max(moment - self.now(), timedelta())


class Life:
    """The bot of a stage under a fast clock, and what its letters say."""

    def __init__(self, stage: Stage, console: Console, next_letter: Callable[[], EmailMessage | None]) -> None:
        self.console = console
        self.clock = FastClock()
        self._log = stage.log.open("a")
        journal.configure("console", "info", self._log)
        self.bot: Bot = wiring.build(load(stage.config), self.clock)
        self._next_letter = next_letter
        self.letters: dict[str, EmailMessage] = {}

    def close(self) -> None:
        self.bot.close()
        self._log.close()

    @property
    def state(self) -> TicketState:
        ticket = self.bot.context.store.ticket(1)
        if ticket is None:
            raise StageProblem("There is no ticket #1.")
        return ticket.state

    def act(self) -> None:
        """The bot does what is due; letters that arrived are told in a line each."""
        passes.once(self.bot)
        while (letter := self._next_letter()) is not None:
            kind, who = str(letter["X-Mailbot-Letter"]), parseaddr(str(letter["To"]))[1].partition("@")[0]
            self.letters[kind] = letter
            line = Text(f"  {self.clock.now():%a %d %b %Y}  {who:5}  {kind:19} ")
            self.console.print(line.append(str(letter["Subject"]), style="green"), no_wrap=True, overflow="ellipsis")

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Let a few real seconds pass at a time, for the hypervisor and the guest, until it is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.console.status(f"waiting: {what}"):
            while not done():
                if time.monotonic() > deadline:
                    raise StageProblem(f"{what}: not in {PATIENCE_SECONDS} s")
                time.sleep(2)
                self.clock.skip_to(self.clock.now() + STEP)
                self.act()

    def forward(self, done: Callable[[], bool], what: str) -> None:
        """Jump from one due moment to the next until it is so."""
        for _ in range(200):
            if done():
                return
            due = self.bot.context.store.next_due()
            if due is None:
                break
            self.clock.skip_to(due + timedelta(seconds=30))
            self.act()
            if self.bot.context.store.outbox_counts():
                time.sleep(1)
        raise StageProblem(f"{what}: it does not come")


def live(
    life: Life, answers: Callable[[EmailMessage, str], None], decides: Callable[[EmailMessage, str], None]
) -> None:
    """Warned, extended by a reply, stopped at the end, removed; the owner reads everything before it happens."""
    console = life.console
    console.print(Rule("Months go by: Alice is warned, and asks for more time"))
    life.forward(lambda: "warning" in life.letters, "the first warning")
    answers(life.letters["warning"], "extend for 2 months")
    life.until(lambda: "admin-decision" in life.letters, "the admin is asked")
    decides(life.letters["admin-decision"], "approve")
    life.until(lambda: "extension-granted" in life.letters, "the extension is granted")
    console.print(Rule("She does not ask again: warnings, the stop, and the days in which she could still come back"))
    life.forward(lambda: life.state is TicketState.EXPIRED, "the end date")
    life.until(lambda: not life.bot.context.store.outbox_counts(), "the guest shuts down")
    console.print(Rule("The machine is removed, its disk kept for a while, and then deleted too"))
    life.forward(lambda: life.state is TicketState.RETIRING or life.state is TicketState.ARCHIVED, "the removal")
    life.until(lambda: life.state is TicketState.ARCHIVED, "domain, address and name go")
    life.forward(lambda: not life.bot.context.store.next_due(), "the disk is deleted")
    life.until(lambda: life.state is TicketState.REMOVED, "the disk is deleted")
    life.act()
    console.print("Nothing is left of the machine; every letter and its proof is in the history: mailbot show 1.")
