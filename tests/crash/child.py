"""The process that is killed: a bot over a world on disk that counts its steps and ends itself at a given one.

`python -m tests.crash.child` imports everything once, then forks one child for every job on its stdin
(one JSON object a line) and answers with how that child ended (one JSON object a line).
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from mailbot import fleet, operator, passes, personal, sending
from mailbot.adapters.database.store import Database
from mailbot.adapters.directory.memory import MemoryDirectory
from mailbot.adapters.reading.direct import DirectReader
from mailbot.adapters.spool import SpoolClock, SpoolInbox, SpoolPostman
from mailbot.letters.settings import LetterSettings
from mailbot.machines.work import Site
from mailbot.model import Letter, MailKey
from mailbot.ports import Fetched
from mailbot.rules import Rules
from mailbot.tokens import TokenKeys
from mailbot.turns.context import TurnContext
from mailbot.turns.modes import Mode
from mailbot.wiring import Bot
from provisioner.fake import FakeSite
from provisioner.fake_machine import FakeMachine, FakeStep, Faults
from tests.world import ADMINS, ALICE, CAROL, PEOPLE, START, empty_database, kind_of, request_words
from tests.writing import SUPPORT, mail, reply

SITES = ("north", "south")
WRITES = frozenset({"commit", "settle", "settle_with", "claim", "mark_moved", "postpone", "put_health", "put_note"})
_CALLS = frozenset({"position", "file_away", "send"})


@dataclass
class Steps:
    """Counts steps; at `kill_at` the process is gone, like after a power failure."""

    kill_at: int = 0
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Counted:
    """A port whose calls that change something are steps.

    A step ends right after its call: to be killed before the next call is the same, since nothing in
    between outlives the process.
    """

    def __init__(self, real: Any, steps: Steps, counted: frozenset[str]) -> None:
        self._real, self._steps, self._counted = real, steps, counted

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name == "archive":
            return Counted(found, self._steps, frozenset({"erase"}))
        return self._wrapped(found) if name in self._counted else found

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            self._steps.step()
            return result

        return counted


class CountedInbox(Counted):
    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        for fetched in self._real.fetch(after, also, since):
            yield fetched
            self._steps.step()


class CountedSite(FakeSite):
    """A site at which every change of the hypervisor is a step."""

    def __init__(self, name: str, path: Path, steps: Steps, faults: Faults) -> None:
        super().__init__(name, path, faults)
        self._counter = steps

    def change(self, step: FakeStep, machine_id: UUID, machine: FakeMachine, **changes: Any) -> None:
        super().change(step, machine_id, machine, **changes)
        self._counter.step()


def make_bot(root: Path, steps: Steps, foreign_at: Sequence[str] = ()) -> Bot:
    """The bot over the world in `root`; at the sites `foreign_at` somebody else has an `alice-vm`."""
    rules = Rules()
    context = TurnContext(
        store=Counted(Database(f"sqlite:///{root / 'mailbot.sqlite'}"), steps, WRITES),
        directory=MemoryDirectory(PEOPLE),
        clock=SpoolClock(root),
        rules=rules,
        admins=ADMINS,
        letters=LetterSettings(
            support_address=SUPPORT,
            message_id_domain="mailbot.testbed.example",
            keys=TokenKeys((b"a key for tests only, 32 bytes..",)),
            rules=rules,
            from_name="Testbed support",
        ),
        own_addresses=frozenset({SUPPORT}),
    )
    sites = {}
    for name in SITES:
        faults = Faults(foreign=frozenset({"alice-vm"}) if name in foreign_at else frozenset())
        site = CountedSite(name, root / f"{name}.json", steps, faults)
        sites[name] = Site(site, f"{name}.testbed.example", site, piece_bytes=100)
    reader = DirectReader(context.reading(START))
    return Bot(
        context,
        CountedInbox(SpoolInbox(root, SUPPORT), steps, _CALLS),
        reader,
        Counted(SpoolPostman(root), steps, _CALLS),
        sites,
        SUPPORT,
        closers=(reader.close, context.store.close),
    )


def _at_north(mode: Mode, context: TurnContext) -> None:
    operator.set_site_mode(context, "north", mode, "carol", "It goes.")


DEEDS: dict[str, Callable[[TurnContext], object]] = {
    "end": lambda context: operator.end(context, 1, "carol", "It attacked another network."),
    "extend": lambda context: operator.extend(context, 1, "carol", date(2027, 3, 31)),
    "shorten": lambda context: operator.shorten(context, 1, "carol", date(2026, 12, 31), "The site closes."),
    "stop": lambda context: operator.stop(context, 1, "carol", "We move the cables."),
    "start": lambda context: operator.start(context, 1, "carol"),
    "move": lambda context: fleet.move(context, 1, "south", date(2026, 12, 7), "carol", neighbours=SITES),
    "change owner": lambda context: operator.change_owner(context, 1, "carol", "bob", "Alice has left."),
    "hold": lambda context: operator.hold(context, 1, "carol", "A demonstration."),
    "resend": lambda context: operator.resend(context, _row_of(context, Letter.VM_READY), "carol"),
    "approve": lambda context: operator.approve(context, 1, "carol", date(2027, 1, 31)),
    "deny": lambda context: operator.deny(context, 1, "carol", "There is no room left."),
    "withdraw": lambda context: operator.withdraw(context, 1, "carol"),
    "retry": lambda context: operator.retry(context, 1, "carol"),
    "restore": lambda context: operator.restore(context, 1, "carol"),
    "unhold": lambda context: operator.unhold(context, 1, "carol"),
    "cancel move": lambda context: fleet.cancel_move(context, 1, "carol"),
    "requeue": lambda context: operator.requeue_ticket(context, 1, "carol"),
    "erase": lambda context: personal.erase(context, personal.person(context, "alice"), "carol"),
    "release brake": lambda context: operator.release_brake(context, "carol"),
    "close": lambda context: operator.close(context, "carol", "We move the cables."),
    "reopen": lambda context: operator.reopen(context, "carol"),
    "pause": lambda context: operator.pause(context, "carol", "We move the cables."),
    "resume": lambda context: operator.resume(context, "carol"),
    "drain": lambda context: fleet.drain(context, "north", "carol", why="It goes.", neighbours=SITES),
    **{mode.value: partial(_at_north, mode) for mode in Mode},
}
"""What an admin does at the command line."""


def _row_of(context: TurnContext, letter: Letter) -> int:
    items = ((row, context.store.overview.row(row)) for row in count(1))
    return next(row for row, item in items if item is not None and item.effect.letter is letter)


def run_once(root: Path, kill_at: int, foreign_at: Sequence[str], deed: str = "") -> int:
    """Do all that is due, after an admin's deed if one is named; give how many steps that were."""
    steps = Steps(kill_at)
    steps.step()
    bot = make_bot(root, steps, foreign_at)
    if deed:
        DEEDS[deed](bot.context)
    sending.MAILS_BETWEEN = 1  # letters leave between few mails, too
    tally = passes.once(bot)
    bot.close()
    assert not tally.troubles, tally.troubles
    return steps.count


def _child(job: dict[str, Any], answer: int) -> None:
    code = 1
    try:
        clock = SpoolClock(Path(job["root"]))
        clock.set(clock.now() + timedelta(minutes=job["minutes"]))
        steps = run_once(Path(job["root"]), job["kill_at"], job["foreign_at"], job["deed"])
        os.write(answer, json.dumps({"steps": steps}).encode())
        code = 0
    finally:
        os._exit(code)


def begin(root: Path) -> None:
    """A world in which nothing has happened."""
    root.mkdir()
    (root / "mailbot.sqlite").write_bytes(empty_database())
    SpoolClock(root, START)


def happens(root: Path, part: int, answer: str, then: str = "") -> None:
    """What people do before the bot runs for the n-th time: the request, an admin's answer, then what the owner says to it."""
    inbox = SpoolInbox(root, SUPPORT)
    if part == 0:
        words = request_words()
        inbox.deliver(
            mail(ALICE.email, "Persistent Virtual Machine Creation", words, START, Message_ID="<1@example.org>")
        )
    if part == 1:
        question = next(
            letter
            for letter in SpoolPostman(root).letters
            if kind_of(letter) is Letter.ADMIN_DECISION and letter.envelope_to == CAROL.address
        )
        inbox.deliver(reply(question, CAROL.address, answer, START, Message_ID="<2@testbed.example>"))
    if part == 2 and then:
        yes = next(one for one in SpoolPostman(root).letters if kind_of(one) is Letter.REQUEST_APPROVED)
        inbox.deliver(reply(yes, ALICE.email, then, START, Message_ID="<3@example.org>"))


def _warm_up() -> None:
    """Play a route once, so that no child has to compile templates and patterns again."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "world"
        begin(root)
        for part in range(3):
            happens(root, part, "approve")
            run_once(root, 0, ())
            SpoolClock(root).set(START + timedelta(minutes=part + 1))


def _serve() -> None:
    # The log is not what is tested here, and stdout carries the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _warm_up()
    gc.freeze()  # what is there now stays shared with the children
    for line in sys.stdin:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            _child(json.loads(line), write)
        os.close(write)
        with os.fdopen(read) as told:
            said = told.read()
        _, status = os.waitpid(child, 0)
        ended = {"killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, "status": status}
        answers.write(json.dumps(ended | json.loads(said or "{}")) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
