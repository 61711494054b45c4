"""Whether a claimed row is still ours: asked of the database only where it was not asked of late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.database.store import Database
from mailbot.model import Action, Effect, Letter, OutboxItem, Turn
from mailbot.turns.leases import LEASE_SECONDS, RENEW_SECONDS, Leases
from tests.world import World


class Asked(Database):
    """Counts how often leases were renewed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.times = 0

    def renew(self, items: Sequence[OutboxItem], now: datetime, lease_seconds: float) -> frozenset[int]:
        self.times += 1
        return super().renew(items, now, lease_seconds)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, database=Asked)
    yield made
    made.close()


def claimed(world: World) -> list[OutboxItem]:
    effects = tuple(
        Effect(Action.LETTER, f"x:{number}", Letter.ADMIN_MAIL_TROUBLE, "a@x.example", "A", {"why": "w", "folder": "f"})
        for number in range(2)
    )
    world.bot.context.store.commit(Turn(now=world.now, effects=effects))
    return world.bot.context.store.claim((Action.LETTER,), world.now, 10, LEASE_SECONDS)


def passes(world: World, seconds: float) -> None:
    world.clock.advance(timedelta(seconds=seconds))


def asked(world: World) -> int:
    store = world.bot.context.store
    assert isinstance(store, Asked)
    return store.times


def test_a_row_that_was_just_claimed_or_renewed_is_ours_without_asking(world: World) -> None:
    one, two = claimed(world)
    with Leases(world.bot.context, [one, two]) as leases:
        passes(world, RENEW_SECONDS)
        assert leases.holds(one)
        assert asked(world) == 0
        passes(world, 0.001)
        assert leases.holds(two)
        assert asked(world) == 1
        passes(world, RENEW_SECONDS - 1)
        assert leases.holds(one)
        assert asked(world) == 1


def test_a_row_that_another_daemon_has_taken_meanwhile_is_not_ours(world: World) -> None:
    one, two = claimed(world)
    with Leases(world.bot.context, [one, two]) as leases:
        passes(world, LEASE_SECONDS)
        (taken,) = world.bot.context.store.claim((Action.LETTER,), world.now, 1, LEASE_SECONDS)
        assert taken.id == one.id
        assert not leases.holds(one)
        assert leases.holds(two)


def test_a_renewed_lease_lasts_a_minute_from_then(world: World) -> None:
    items = claimed(world)
    with Leases(world.bot.context, items) as leases:
        passes(world, LEASE_SECONDS - 1)
        leases.renew()
        passes(world, LEASE_SECONDS - 1)
        assert world.bot.context.store.claim((Action.LETTER,), world.now, 10, LEASE_SECONDS) == []
        passes(world, 1)
        assert len(world.bot.context.store.claim((Action.LETTER,), world.now, 10, LEASE_SECONDS)) == 2


def test_without_rows_there_is_nothing_to_keep(world: World) -> None:
    with Leases(world.bot.context, []):
        pass
    assert asked(world) == 0
