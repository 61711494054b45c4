"""The numbers of both brakes, that on machines and that on letters: one series, so that an answer can only mean one of them."""

from __future__ import annotations

import json

from mailbot.ports import Store

MACHINES = "brake"
"""The store's note of the brake on machines (`turns.brake`)."""
LETTERS = "letter-brake"
"""The store's note of the brake on letters (`turns.letter_brake`)."""


def next_number(store: Store) -> int:
    """The number of the next brake of either kind."""
    notes = (store.note(name) for name in (MACHINES, LETTERS))
    return 1 + max((int(json.loads(note)["number"]) for note in notes if note is not None), default=0)
