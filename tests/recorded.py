"""Every letter that the conversations of `fixtures/conversations` lead to, with what it was written from."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from mailbot.adapters.database.store import Database
from mailbot.letters.samples import Sample
from mailbot.model import Action, Letter, OutboxItem, Ticket, Turn
from mailbot.rules import LetterRules
from tests.conversation import Player
from tests.world import World
from tests.writing import number_from_one

CONVERSATIONS = sorted((Path(__file__).parents[1] / "fixtures" / "conversations").glob("*.md"))


class RecordingDatabase(Database):
    """The real store, which remembers the letters that it hands out to be written."""

    def __init__(self, url: str, limits: LetterRules, taken: list[tuple[OutboxItem, Ticket | None, datetime]]) -> None:
        super().__init__(url, limits)
        self._taken, self._opened = taken, 0

    def claim(self, actions: Sequence[Action], now: datetime, limit: int, lease_seconds: float) -> list[OutboxItem]:
        items = super().claim(actions, now, limit, lease_seconds)
        self._taken += [
            (one, self.ticket(one.ticket_id) if one.ticket_id else None, now) for one in items if one.effect.letter
        ]
        return items

    def commit(self, turn: Turn) -> Ticket | None:
        """A new ticket's random parts are not random here: they show in host keys and Message-IDs."""
        if turn.ticket is not None and turn.ticket.id == 0:
            self._opened += 1
            known = UUID(int=self._opened)
            turn = replace(turn, ticket=replace(turn.ticket, machine_id=known, nonce=known.hex))
        return super().commit(turn)


@cache
def played(file: Path) -> tuple[Sample, ...]:
    """Play one conversation, once in a process, and give its letters in order; raises AssertionError where it goes otherwise."""
    taken: list[tuple[OutboxItem, Ticket | None, datetime]] = []
    number_from_one()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), database=lambda url, limits: RecordingDatabase(url, limits, taken))
        try:
            Player(world).play(file)
        finally:
            world.close()
    return tuple(Sample(file.stem, item, ticket, now) for item, ticket, now in taken)


def chosen(letters: Sequence[Sample]) -> list[Sample]:
    """Of every letter the first, and each one that has a fact which none before it had."""
    shown: dict[Letter, set[str]] = {}
    kept = []
    for one in letters:
        facts = set(one.item.effect.facts)
        if one.letter not in shown or not facts <= shown[one.letter]:
            shown.setdefault(one.letter, set()).update(facts)
            before = sum((one.letter, one.conversation) == (two.letter, two.conversation) for two in kept)
            kept.append(replace(one, number=before + 1))
    return kept
