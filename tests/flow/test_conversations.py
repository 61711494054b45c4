"""Every file of `fixtures/conversations` is played against the real core and database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversation import Player
from tests.world import World

CONVERSATIONS = sorted((Path(__file__).parents[2] / "fixtures" / "conversations").glob("*.md"))


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
def test_the_conversation_goes_as_written(file: Path, tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        Player(world).play(file)
    finally:
        world.close()


def test_there_are_conversations() -> None:
    assert len(CONVERSATIONS) > 40
