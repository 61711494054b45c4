"""Members of the directory's group decide like the admins of the configuration, as long as they are members."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.model import Admin, Letter, TicketState
from tests.world import ALICE, CAROL, World, request_words

GRACE = Admin("grace", "Grace Group", "grace@testbed.example")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, admins=(CAROL,))
    world.directory.group = (GRACE, Admin("carol", "Carol Again", "CAROL@testbed.example"))
    yield world
    world.close()


def test_a_member_is_asked_and_may_decide(world: World) -> None:
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, to=GRACE.address), "approve")
    assert world.ticket().state in {TicketState.APPROVED, TicketState.ACTIVE}
    assert world.last(Letter.ADMIN_DECIDED, to=CAROL.address)


def test_who_is_in_the_configuration_and_in_the_group_is_asked_once(world: World) -> None:
    world.writes(ALICE.email, request_words())
    assert sorted(letter.envelope_to for letter in world.letters if "testbed.example" in letter.envelope_to) == [
        CAROL.address,
        GRACE.address,
    ]


def test_who_has_left_the_group_decides_nothing_any_more(world: World) -> None:
    world.writes(ALICE.email, request_words())
    world.directory.group = ()
    world.answers(world.last(Letter.ADMIN_DECISION, to=GRACE.address), "approve")
    assert world.ticket().state is TicketState.PENDING


def test_a_members_answer_waits_while_the_directory_is_down(world: World) -> None:
    world.writes(ALICE.email, request_words())
    question = world.last(Letter.ADMIN_DECISION, to=GRACE.address)
    world.directory.down = True
    world.answers(question, "approve")
    assert world.ticket().state is TicketState.PENDING
    world.directory.down = False
    world.later(minutes=30)
    assert world.ticket().state is not TicketState.PENDING


def test_letters_still_reach_the_admins_of_the_configuration_while_the_directory_is_down(world: World) -> None:
    world.writes(ALICE.email, request_words())
    before = len(world.letters)
    world.directory.down = True
    world.later(days=3)
    assert {letter.envelope_to for letter in world.letters[before:]} == {CAROL.address}


def test_a_member_may_act_at_the_command_line(world: World) -> None:
    world.writes(ALICE.email, request_words())
    assert operator.approve(world.bot.context, 1, "grace").state is TicketState.APPROVED
