"""An admin's answer to the letter of a brake: which brake it lets go, and what it reads where nothing is let go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mailbot.errors import SenderUncertain
from mailbot.lifecycle.brake import Brake
from mailbot.model import Letter, Turn, Verdict
from mailbot.rules import Rules, TrustRules
from mailbot.trust.table import Checked
from mailbot.turns import brake, letter_brake
from mailbot.turns.brake_numbers import LETTERS, MACHINES
from mailbot.turns.brake_replies import BrakeReply
from mailbot.turns.evidence import nothing
from mailbot.turns.judgement import Judgement
from mailbot.turns.letter_brake import LetterBrake
from parsers.mail.message import read
from parsers.reply.commands import read_command
from parsers.values import Command, Mail, Unclear
from tests.world import CAROL, DAVE, World
from tests.writing import mail

OF_MACHINES, OF_LETTERS = 3, 4


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Both brakes are pulled: the one of machines is number 3, that of letters number 4."""
    world = World(tmp_path)
    notes = world.bot.context.store.put_note
    notes(MACHINES, json.dumps(asdict(Brake(OF_MACHINES, {}))))
    notes(LETTERS, json.dumps(asdict(LetterBrake(OF_LETTERS, world.now.isoformat(), 0))))
    yield world
    world.close()


def answers(
    world: World, words: str, number: int = OF_MACHINES, *, checked: Checked | None = None, rules: Rules | None = None
) -> Judgement:
    context = world.bot.context if rules is None else replace(world.bot.context, rules=rules)
    reading = context.reading(world.now)
    found = read(mail(CAROL.address, "Re: held", words, world.now), reading)
    assert isinstance(found, Mail)
    said = read_command(words, reading)
    assert isinstance(said, Command | Unclear)
    return BrakeReply(context, found, CAROL, number, world.now).judged(said, (lambda: checked) if checked else nothing)


def facts(judgement: Judgement) -> dict[str, object]:
    """What the answer says, of which there is one."""
    assert judgement.turn is not None
    (letter,) = judgement.turn.effects
    assert (letter.letter, letter.to) == (Letter.ADMIN_BRAKE_STAYS, CAROL.address)
    return dict(letter.facts)


@pytest.mark.parametrize(("number", "note"), [(OF_MACHINES, MACHINES), (OF_LETTERS, LETTERS)])
def test_the_word_lets_go_the_brake_of_its_number_and_no_other(world: World, number: int, note: str) -> None:
    judgement = answers(world, "proceed", number)
    assert judgement.verdict is Verdict.HANDLED
    assert judgement.turn is not None
    assert list(judgement.turn.notes) == [note]
    assert json.loads(judgement.turn.notes[note] or "")["released_by"] == CAROL.address
    assert judgement.turn.effects == ()


@pytest.mark.parametrize("words", ["approve", "perhaps tomorrow"])
@pytest.mark.parametrize(("number", "held"), [(OF_MACHINES, "machines"), (OF_LETTERS, "messages")])
def test_another_word_is_answered_with_what_is_held_still(world: World, words: str, number: int, held: str) -> None:
    judgement = answers(world, words, number)
    assert judgement.turn is not None
    assert judgement.turn.notes.keys().isdisjoint({MACHINES, LETTERS})
    told = facts(judgement)
    assert (told["held"], told["brake"], told["words"]) == (held, number, words)


@pytest.mark.parametrize("number", [1, 2, 9])
def test_the_letter_of_a_brake_that_was_pulled_again_lets_nothing_go(world: World, number: int) -> None:
    told = facts(answers(world, "proceed", number))
    assert (told.get("held"), told.get("brake")) == (None, None)


def test_what_a_colleague_has_let_go_is_held_no_more(world: World) -> None:
    context = world.bot.context
    of_machines = brake.release(context, OF_MACHINES, DAVE.address)
    of_letters = letter_brake.release(context, OF_LETTERS, DAVE.address)
    assert isinstance(of_machines, Turn)
    assert isinstance(of_letters, Turn)
    context.store.commit(of_machines)
    context.store.commit(of_letters)
    for number in (OF_MACHINES, OF_LETTERS):
        told = facts(answers(world, "proceed", number))
        assert (told.get("held"), told.get("brake")) == (None, None)


def test_without_any_brake_there_is_nothing_to_let_go(world: World) -> None:
    for note in (MACHINES, LETTERS):
        world.bot.context.store.put_note(note, None)
    assert facts(answers(world, "proceed")).get("held") is None


def test_what_the_site_wants_proven_is_wanted_of_this_word_too(world: World) -> None:
    strict = replace(world.rules, trust=TrustRules(check_dkim=True))
    told = facts(answers(world, "proceed", rules=strict))
    assert told["held"] == "machines"
    with pytest.raises(SenderUncertain):
        answers(world, "proceed", rules=strict, checked=Checked(unsure="name servers did not answer"))


def test_the_same_words_are_answered_once(world: World) -> None:
    first = answers(world, "approve")
    assert first.turn is not None
    world.bot.context.store.commit(first.turn)
    again = answers(world, "approve")
    assert again.turn is None or again.turn.effects == ()
