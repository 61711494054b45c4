"""Why an owner wants more time: what admins read of it, and that it stays words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.model import EventKind, Letter
from mailbot.rules import PolicyRules, Rules
from parsers.reply.commands import read_command
from parsers.values import Command, ReadingRules
from tests.world import ALICE, CAROL, World, request_words
from tests.writing import words_of

READING = ReadingRules(now=datetime(2027, 3, 1, tzinfo=UTC), timezone=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with_machine = World(tmp_path, rules=Rules(policy=PolicyRules(auto_extend_days=100)))
    with_machine.writes(ALICE.email, request_words(until="2027-03-31"))
    with_machine.answers(with_machine.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    with_machine.later(minutes=1)
    yield with_machine
    with_machine.close()


def asked_for(world: World, words: str, letter: Letter = Letter.VM_READY) -> str:
    """What carol is asked when alice answers a letter with these words."""
    world.answers(world.last(letter), words)
    return words_of(world.last(Letter.ADMIN_DECISION, CAROL.address))


def test_markup_and_commands_in_a_reason_stay_words(world: World) -> None:
    text = asked_for(
        world, "extend until 2027-12-31\n\nBecause {{ 7 * 7 }} <b>runs</b> {% include 'x' %}\napprove all of it"
    )
    assert "{{ 7 * 7 }} <b>runs</b> {% include 'x' %} approve all of it" in " ".join(text.split())
    assert not [line for line in text.splitlines() if isinstance(read_command(line, READING), Command)]


def test_a_reason_has_an_end(world: World) -> None:
    text = asked_for(world, f"extend until 2027-12-31\n\nBecause {'run ' * 2_000}")
    assert (
        900
        < len(" ".join(text.split()).partition("Reason, in the owner's words")[2].partition("run Intended")[0])
        < 1_100
    )


def test_the_reason_of_an_earlier_question_is_not_shown_for_a_new_one(world: World) -> None:
    asked_for(world, "extend until 2027-12-31\n\nBecause of the reviewers.")
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "deny: no room")
    text = asked_for(world, "extend until 2027-11-30")
    assert "No reason was given." in text
    assert "reviewers" not in text
    world.later(days=4)
    assert "No reason was given." in words_of(world.last(Letter.ADMIN_REMINDER, CAROL.address))


def test_every_extension_counts_whoever_granted_it(world: World) -> None:
    assert "extended" not in asked_for(world, "extend until 2027-12-31")
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "deny: later")
    world.clock.set(datetime(2027, 3, 24, 22, tzinfo=UTC))
    world.once()
    world.answers(world.last(Letter.WARNING), "extend for 2 months")
    assert world.ticket().end_date.isoformat() == "2027-05-31", "granted by the rules, without an admin"
    assert "extensions so far: 1" in asked_for(world, "extend until 2027-12-31", Letter.EXTENSION_GRANTED)
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    assert "extensions so far: 2" in asked_for(world, "extend until 2028-01-31", Letter.EXTENSION_GRANTED)


def test_the_history_has_the_reason(world: World) -> None:
    asked_for(world, "extend until 2027-12-31 because the reviewers asked for more")
    lines = world.bot.context.store.history(1)
    assert [one.facts["reason"] for one in lines if one.event is EventKind.EXTENSION_ASKED] == [
        "the reviewers asked for more"
    ]
