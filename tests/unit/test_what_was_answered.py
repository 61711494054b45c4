"""Words that were answered before, and tokens that others have: which addresses are others'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.model import Letter
from tests.world import ALICE, BOB, World, kind_of, request_words
from tests.writing import SUPPORT, reply


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.writes(ALICE.email, request_words())
    yield made
    made.close()


def answers(world: World, words: str, **headers: str) -> list[Letter]:
    """What comes of an answer to the receipt."""
    before = len(world.letters)
    world.arrives(reply(world.last(Letter.REQUEST_RECEIVED), ALICE.email, words, world.now, **headers))
    return [kind_of(one) for one in world.letters[before:]]


@pytest.mark.parametrize(
    ("copy", "others"),
    [
        (BOB.email, True),
        (f"{SUPPORT}, {BOB.email}", True),
        (SUPPORT, False),
        (SUPPORT.upper(), False),
        (SUPPORT.replace("@", "+anything@"), False),
        (SUPPORT.replace("@", ".x@"), True),
        (SUPPORT.replace("testbed", "evil"), True),
        (ALICE.email, False),
    ],
)
def test_a_token_is_known_to_whoever_else_the_mail_went_to(world: World, copy: str, others: bool) -> None:
    assert answers(world, "help", Cc=copy) == [Letter.HELP]
    after = answers(world, "withdraw")
    assert (after == [Letter.COMMAND_REFUSED]) is others


def test_the_same_unclear_words_are_answered_once_and_other_words_again(world: World) -> None:
    assert answers(world, "Thank you very much for all this.") == [Letter.UNCLEAR_REPLY]
    assert answers(world, "Thank you   very much for ALL this.") == []
    assert answers(world, "What is this about?") == [Letter.UNCLEAR_REPLY]
    assert answers(world, "Thank you very much for all this.") == [Letter.UNCLEAR_REPLY]
