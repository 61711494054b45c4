"""An admin's announcement: who gets it, what is refused, and what of it is held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot import announcing, operator
from mailbot.model import EventKind, Letter, Role
from mailbot.turns import announcements
from tests.world import ALICE, BOB, CAROL, World, kind_of, request_words


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    for who in (ALICE, BOB):
        made.writes(who.email, request_words(who.login))
    operator.approve(made.bot.context, 1, "carol")
    made.once()
    made.later(minutes=1)
    yield made
    made.close()


def got_it(world: World) -> list[str]:
    return [one.envelope_to for one in world.letters if kind_of(one) is Letter.ANNOUNCEMENT]


def test_only_who_has_a_machine_gets_it_and_once(world: World) -> None:
    announcing.announce(world.bot.context, "Maintenance", "On Tuesday.", "carol")
    for _ in range(3):
        world.later(minutes=1)
    assert got_it(world) == [ALICE.email], "bob's request waits for an admin"


def test_only_the_owners_at_a_site_get_what_is_for_that_site(world: World) -> None:
    assert world.ticket(1).site == "north"
    announcing.announce(world.bot.context, "At south", "On Tuesday.", "carol", ("south",))
    world.later(minutes=1)
    assert got_it(world) == []
    announcing.announce(world.bot.context, "At north", "On Tuesday.", "carol", ("north",))
    world.later(minutes=1)
    assert got_it(world) == [ALICE.email]


def test_it_goes_to_the_address_of_the_directory(world: World) -> None:
    world.directory.put(replace(ALICE, email="alice@new.example.org"))
    announcing.announce(world.bot.context, "Maintenance", "On Tuesday.", "carol")
    world.later(minutes=1)
    assert got_it(world) == ["alice@new.example.org"]


def test_the_history_says_who_announced_what(world: World) -> None:
    announcing.announce(world.bot.context, "Maintenance", "On Tuesday.", "carol")
    world.later(minutes=1)
    line = world.bot.context.store.history(1)[-1]
    assert (line.event, line.actor.role, line.actor.who) == (EventKind.ANNOUNCED, Role.OPERATOR, CAROL.address)
    assert line.summary.endswith(": Maintenance")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Maintenance", "Dear all,\n\nrelease\n\nBest, Carol"),
        ("Maintenance", "username: alice"),
        ("approve", "On Tuesday."),
        ("", "On Tuesday."),
        ("Maintenance", " \n "),
        ("Maintenance", "a\n" * 51),
        ("Maintenance", "a" * 5_001),
    ],
)
def test_what_would_act_when_it_comes_back_and_what_is_too_long_is_refused(
    world: World, subject: str, text: str
) -> None:
    with pytest.raises(operator.Refused):
        announcing.announce(world.bot.context, subject, text, "carol")
    assert announcements.current(world.bot.context.store) is None


def test_one_at_a_time_and_only_by_an_admin(world: World) -> None:
    announcing.announce(world.bot.context, "Maintenance", "On Tuesday.", "carol")
    with pytest.raises(operator.Refused, match="still being sent"):
        announcing.announce(world.bot.context, "Another", "On Friday.", "carol")
    world.later(minutes=1)
    with pytest.raises(operator.Refused, match="not an admin"):
        announcing.announce(world.bot.context, "Another", "On Friday.", "mallory")
    announcing.announce(world.bot.context, "Another", "On Friday.", "carol")
