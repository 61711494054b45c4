"""What a request and an approval cost the daemon itself: processor time without mail servers and without reading.

    python -m bench.turns [--mails 200] [--rounds 3]

Every mail of `bench.mail_set` is read once, before anything is measured.  Then each round begins with an empty database:
all requests become tickets, their letters are written and given to nobody, an admin approves each by a reply, and the
letters of that are written.  The least of the rounds counts, so that a busy machine disturbs little.  For a count of
instructions: `valgrind --tool=cachegrind --cache-sim=no` with two numbers of mails, and their difference.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.mail_set import requests
from mailbot import journal
from mailbot.adapters.reading.direct import DirectReader
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.model import Letter, MailKey, Person
from mailbot.ports import Fetched, Folder
from mailbot.rules import LetterRules, Rules
from mailbot.turns.deliver import deliver
from mailbot.turns.receive import receive
from parsers.values import ReadingRules, Understanding
from tests.world import ADMINS, World, key_of, kind_of
from tests.writing import SUPPORT, reply

DOMAIN = "testbed.example"
FREE = LetterRules(to_admins_per_hour=10_000, total_per_hour=100_000, total_per_day=100_000)


@dataclass
class Box:
    """A mailbox that gives mails and takes nothing."""

    mails: Sequence[bytes]
    first: int

    def position(self) -> MailKey:
        return MailKey(SUPPORT, "INBOX", 1, 0)

    def fetch(self, *_: object) -> Iterator[Fetched]:
        for number, raw in enumerate(self.mails, self.first):
            yield Fetched(replace(self.position(), uid=number), raw, len(raw))

    def file_away(self, keys: Sequence[MailKey], folder: Folder) -> None:
        """Nothing is moved."""


class Remembered(DirectReader):
    """A reader that has read each mail before it is asked."""

    def __init__(self, rules: ReadingRules, mails: Sequence[bytes]) -> None:
        super().__init__(rules)
        self._known = {raw: super(Remembered, self).read(raw, rules.now) for raw in mails}

    def begin(self, raw: bytes, _now: object) -> Callable[[], Understanding]:
        return lambda: self._known[raw]


def one_round(mails: Sequence[bytes], root: Path) -> dict[str, float]:
    """Milliseconds of the processor a mail, by what was done."""
    people = [
        Person(f"user{n}", f"User {n}", f"user{n}@{DOMAIN}", ssh_keys=(key_of(f"user{n}"),)) for n in range(len(mails))
    ]
    world = World(root, rules=Rules(letters=FREE), people=people, admins=ADMINS[:1])
    took = measured("request", world, mails, first=1)
    letters = [one for one in world.letters if kind_of(one) is Letter.ADMIN_DECISION]
    answers = [reply(one, one.envelope_to, "approve", world.now) for one in letters]
    took |= measured("approval", world, answers, first=len(mails) + 1)
    world.close()
    return took


def measured(what: str, world: World, mails: Sequence[bytes], first: int) -> dict[str, float]:
    context, postman = world.bot.context, world.bot.postman
    reader = Remembered(context.reading(world.now), mails)
    began = time.process_time()
    receive(context, Box(mails, first), reader, most=len(mails))
    received = time.process_time()
    sent = deliver(context, postman)
    delivered = time.process_time()
    if sent < 2 * len(mails) or not isinstance(postman, MemoryPostman):
        raise AssertionError(f"{sent} letters of {len(mails)} mails")
    each = 1000 / len(mails)
    return {f"{what}: turn": (received - began) * each, f"{what}: letters": (delivered - received) * each}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    mails = list(requests(arguments.mails, DOMAIN, SUPPORT))
    found: list[dict[str, float]] = []
    with Path(os.devnull).open("w") as nowhere:
        journal.configure(stream=nowhere)  # lines are made, as by the daemon
        for _ in range(arguments.rounds):
            with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
                found.append(one_round(mails, Path(folder)))
    for what in found[0]:
        print(f"{what:20}{min(one[what] for one in found):8.2f} ms of the processor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
