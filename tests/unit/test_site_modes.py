"""What an admin decides about a site stays until it is decided otherwise, and is remembered for a while."""

from __future__ import annotations

from datetime import timedelta

from mailbot.turns.modes import Change, Mode, change, history, mode_of, refusals, taken_down
from tests.world import START, World


def test_the_last_word_about_a_site_counts(world: World) -> None:
    store = world.bot.context.store
    assert (mode_of(store, "north"), history(store, "north"), refusals(store)) == (Mode.OPEN, (), {})
    change(store, "north", Change(Mode.CORDONED, START, "carol", "new disks"))
    change(store, "south", Change(Mode.DOWN, START, "carol", "no power"))
    assert (mode_of(store, "north"), mode_of(store, "south")) == (Mode.CORDONED, Mode.DOWN)
    assert taken_down(store) == {"south"}
    assert refusals(store) == {
        "north": "The site north is cordoned (carol: new disks).",
        "south": "The site south is down (carol: no power).",
    }
    change(store, "south", Change(Mode.OPEN, START, "carol", "power is back"))
    assert (mode_of(store, "south"), taken_down(store), set(refusals(store))) == (Mode.OPEN, frozenset(), {"north"})


def test_fifty_changes_of_a_site_are_remembered(world: World) -> None:
    store = world.bot.context.store
    for number in range(51):
        change(store, "north", Change(Mode.CORDONED, START + timedelta(hours=number), "carol", str(number)))
    assert [one.why for one in history(store, "north")] == [str(number) for number in range(1, 51)]
