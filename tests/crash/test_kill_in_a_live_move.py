"""The daemon dies after any write of its own or any step of libvirt while a machine moves running: it runs at one host, always.

`tests.live_moves.HostOfOnePool` refuses the step after which both hosts run it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mailbot import fleet, operator
from mailbot.machines.work import look_at_sites
from mailbot.model import EventKind, Letter, TicketState
from provisioner.fake_machine import FakeMachine, FakeStep
from tests.crash.child import WRITES, Counted
from tests.flow.test_moves import DAY, until
from tests.live_moves import FIRST, SECOND, HostOfOnePool, machine, started_again, with_one_pool
from tests.world import ALICE, CAROL, World, kind_of, request_words


class Killed(BaseException):
    """The process is gone: nobody catches it."""


@dataclass
class Steps:
    """Counts what outlives the process, and ends it after one of them."""

    kill_at: int = 0
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.kill_at:
            raise Killed


class CountedHost(HostOfOnePool):
    """A host each of whose changes is a step."""

    counter = Steps()

    def change(self, step: FakeStep, machine_id: UUID, machine: FakeMachine, **changes: Any) -> None:
        super().change(step, machine_id, machine, **changes)
        self.counter.step()


def world_before(root: Path) -> World:
    """The moment has come at which the move begins."""
    root.mkdir()
    world = with_one_pool(World(root, sites=(FIRST, SECOND)), host=CountedHost)
    world.writes(ALICE.email, request_words())
    operator.approve(world.bot.context, 1, CAROL.login)
    world.once()
    world.later(minutes=1)
    look_at_sites(world.bot.context, world.bot.sites)
    plan = fleet.move(world.bot.context, 1, SECOND, DAY, CAROL.login, neighbours={FIRST, SECOND})
    until(world, plan.at - (plan.at - plan.since) / 500)
    world.clock.set(plan.at)
    return world


def counted(world: World, steps: Steps) -> None:
    started_again(world, at_once=True)
    for site in world.sites.values():
        assert isinstance(site, CountedHost)
        site.counter = steps
    store: Any = Counted(world.bot.context.store, steps, WRITES)
    world.bot = replace(world.bot, context=replace(world.bot.context, store=store))


def works_on(world: World) -> None:
    for _ in range(6):
        world.later(seconds=2)


def end_of(world: World) -> dict[str, Any]:
    for _ in range(30):
        world.later(minutes=1)
    there, here = machine(world, SECOND), machine(world, FIRST)
    assert there is not None
    return {
        "state": world.ticket().state,
        "site": world.ticket().site,
        "there": (there.running, there.halted, there.defined, there.disk),
        "here": (here.running, here.defined) if here else (False, False),
        "letters": Counter(kind_of(one) for one in world.letters),
        "moved": [line.event for line in world.bot.context.store.history(1)][-3:],
        "notes": [*world.bot.context.store.notes_from("live:"), *world.bot.context.store.notes_from("move:")],
    }


def calm_end(root: Path) -> tuple[dict[str, Any], int]:
    world, steps = world_before(root), Steps()
    try:
        counted(world, steps)
        works_on(world)
        made = steps.count
        return end_of(world), made
    finally:
        world.close()


@pytest.mark.long
def test_killed_at_any_step_it_runs_at_one_host_and_its_owner_hears_so_once(tmp_path: Path) -> None:
    expected, made = calm_end(tmp_path / "calm")
    assert (expected["state"], expected["site"], expected["there"]) == (
        TicketState.ACTIVE,
        SECOND,
        (True, False, True, True),
    )
    assert expected["letters"][Letter.VM_MOVED] == 1
    assert expected["moved"] == [EventKind.MOVE_BEGUN, EventKind.RELOCATED, EventKind.ARRIVED]
    assert made > 15
    for kill_at in range(1, made + 1):
        world, steps = world_before(tmp_path / f"{kill_at}"), Steps(kill_at)
        counted(world, steps)
        with pytest.raises(Killed):
            works_on(world)
        steps.kill_at = 0
        started_again(world)
        world.later(minutes=31)  # what was claimed is free again
        assert end_of(world) == expected, f"killed at step {kill_at} of {made}"
        world.close()
