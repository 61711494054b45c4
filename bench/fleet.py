"""One healthy site alone, beside two that hang or are dead, and as one of 200: from `approve` to the letter, as ratios in one run.

    .venv/bin/python -m bench.fleet [BUILDS]

The real loops, database and decisions; hypervisors are stand-ins: each call takes `CALL_SECONDS`, a hung site's never
comes back.  Figures to keep: at most 1.1 beside sick sites, at most 1.5 among 200.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mailbot import daemon, journal, operator
from mailbot.adapters.clock import MemoryClock, SystemClock
from mailbot.adapters.sites.bounded import BoundedSite, InThread
from mailbot.machines.work import Site
from mailbot.model import Letter, Person
from provisioner.api import Provisioner, SiteHealth, VmFacts, VmSpec
from provisioner.fake import FakeSite
from provisioner.fake_machine import Faults
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import mail

CALL_SECONDS = 0.05
LIMIT_SECONDS = 60.0


class Healthy(FakeSite):
    """A site whose calls take a while."""

    def health(self) -> SiteHealth:
        time.sleep(CALL_SECONDS)
        return super().health()

    def ensure(self, spec: VmSpec) -> VmFacts:
        time.sleep(CALL_SECONDS)
        return super().ensure(spec)


class Hung(FakeSite):
    """A site whose calls never come back."""

    def health(self) -> SiteHealth:
        threading.Event().wait()
        raise AssertionError


class WallClock(MemoryClock):
    """The machine's clock, where a world wants one that it could move."""

    def __init__(self) -> None:
        self._real = SystemClock()
        super().__init__(self._real.now())

    def now(self) -> datetime:
        return self._real.now()

    def elapsed(self) -> float:
        return self._real.elapsed()


def healthy(name: str = "healthy", memory_mib: int = 1 << 30) -> Healthy:
    return Healthy(name, faults=Faults(polls_until_ready=0), memory_mib=memory_mib)


def main(builds: int) -> None:
    logging.disable(logging.CRITICAL)
    journal.configure("json", "error")
    sick = {
        "hung": BoundedSite("hung", InThread(Hung("hung"))),
        "dead": FakeSite("dead", faults=Faults(unreachable=True)),
    }
    many = {f"site{number:03}": healthy(f"site{number:03}", 1 << 20) for number in range(199)}
    measure({"healthy": healthy()}, 2)  # what is loaded by the first build is not measured
    alone = measure({"healthy": healthy()}, builds)
    for words, others in (("beside a hung and a dead site", sick), ("as one of 200 sites", many)):
        took = measure({"healthy": healthy(), **others}, builds)
        print(f"{words}: {took:.2f} s, {took / alone:.2f} times as long as alone ({alone:.2f} s)", flush=True)


def measure(sites: Mapping[str, Provisioner], builds: int) -> float:
    """Median seconds from an approval to its letter, over several builds one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        people = [Person(f"u{n}", f"U {n}", f"u{n}@example.org", ssh_keys=ALICE.ssh_keys) for n in range(builds)]
        world = World(Path(folder), people=people, clock=WallClock())
        came = threading.Condition()

        def notice(_letter: object) -> None:
            with came:
                came.notify_all()

        world.postman._on_sent = notice
        bot = replace(
            world.bot,
            sites={name: Site(site, f"{name}.testbed.example") for name, site in sites.items()},
            poll_seconds=60,
        )
        for person in people:
            world.inbox.deliver(
                mail(person.email, "Persistent Virtual Machine Creation", request_words(person.login), world.now)
            )
        loop = daemon.Loop(bot)
        loop.start()
        try:
            wait(came, lambda: sum(kind_of(one) is Letter.REQUEST_RECEIVED for one in list(world.letters)) == builds)
            wait(came, lambda: "healthy" in {health.site for health, _ in bot.context.store.health()})
            time.sleep(2.0)  # the first looks at all sites are over, or hang
            return statistics.median(_one(world, bot, loop, came, number) for number in range(1, builds + 1))
        finally:
            loop.stop()


def _one(world: World, bot: daemon.Bot, loop: daemon.Loop, came: threading.Condition, number: int) -> float:
    began = time.monotonic()
    operator.approve(bot.context, number, CAROL.login)
    loop.soon()
    wait(came, lambda: sum(kind_of(one) is Letter.VM_READY for one in list(world.letters)) == number)
    return time.monotonic() - began


def wait(came: threading.Condition, there: Callable[[], bool]) -> None:
    with came:
        if not came.wait_for(there, LIMIT_SECONDS):
            raise TimeoutError


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
