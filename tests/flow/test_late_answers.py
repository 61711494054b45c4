"""An admin answers a question that is not open any more: they read what became of that very question, and of no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.model import Letter, OutboundMail, TicketState
from tests.world import ALICE, CAROL, DAVE, World, request_words
from tests.writing import words_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A machine until the end of a year, whose request was approved a few minutes ago."""
    world = World(tmp_path)
    world.writes(ALICE.email, request_words(until="2027-12-31"))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    for _ in range(3):
        world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    yield world
    world.close()


def asked(world: World) -> OutboundMail:
    """The owner asks for more time; the question to carol."""
    world.answers(world.last(Letter.VM_READY), "extend until 2028-10-31")
    return world.last(Letter.ADMIN_DECISION, CAROL.address)


def squeezed(letter: OutboundMail) -> str:
    return " ".join(words_of(letter).split())


def test_an_extension_that_lapsed_is_said_to_have_lapsed(world: World) -> None:
    question = asked(world)
    for _ in range(16):
        world.later(days=1)
    assert world.ticket().asked_end_date is None
    world.answers(question, "approve")
    told = squeezed(world.last(Letter.COMMAND_REFUSED, CAROL.address))
    assert "nobody decided in time, so it lapsed, and the last day is as before" in told
    assert str(world.ticket().end_date) == "2027-12-31"


def test_an_extension_of_a_machine_that_was_given_back_is_closed_by_that(world: World) -> None:
    question = asked(world)
    world.answers(world.last(Letter.EXTENSION_RECEIVED), "release")
    world.answers(world.last(Letter.RELEASE_CONFIRM), "confirm")
    world.answers(question, "approve")
    told = squeezed(world.last(Letter.ADMIN_ALREADY_DECIDED, CAROL.address))
    assert f"because the machine was given back by {ALICE.email}" in told


def test_an_extension_that_a_colleague_denied_on_the_day_of_the_approval_was_denied(world: World) -> None:
    question = asked(world)
    world.answers(world.last(Letter.ADMIN_DECISION, DAVE.address), "deny the campaign is over")
    world.answers(question, "approve")
    told = squeezed(world.last(Letter.ADMIN_ALREADY_DECIDED, CAROL.address))
    assert f"The request was denied by {DAVE.address}" in told
