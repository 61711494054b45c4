"""The limit on automatic answers is for robots: it never leaves an admin without one."""

from __future__ import annotations

from pathlib import Path

from mailbot.model import Letter
from tests.world import ALICE, CAROL, World, request_words


def test_an_admin_who_decided_much_still_gets_an_answer_to_unclear_words(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        for _ in range(world.rules.answers.per_address_and_day + 1):
            world.writes(ALICE.email, request_words())
            world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "deny not this time")
        world.writes(ALICE.email, request_words())
        world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "hm, what do you think?")
        assert world.last(Letter.UNCLEAR_REPLY).envelope_to == CAROL.address
    finally:
        world.close()
