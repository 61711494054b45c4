"""The numbers of the letters that speak of no ticket (both brakes, and what sites and tickets disagree on): one series, so that
an answer can only mean one of them."""

from __future__ import annotations

import json
from datetime import datetime

from mailbot.ports import Store

MACHINES = "brake"
"""The store's note of the brake on machines (`turns.brake`)."""
LETTERS = "letter-brake"
"""The store's note of the brake on letters (`turns.letter_brake`)."""

FINDINGS = "findings"
"""The store's note of the letters about what disagrees (`turns.findings`)."""

ABOVE = "brakes-above"
"""The store's note of a number that all further ones are above: letters of before a restored backup let nothing go."""


def go_on(store: Store, now: datetime) -> None:
    """Have further numbers lie above all that were ever given: above the minutes since 1970, which no series reaches by counting."""
    store.put_note(ABOVE, json.dumps({"number": int(now.timestamp()) // 60}))


def next_number(store: Store) -> int:
    """The number of the next brake of either kind."""
    notes = (store.note(name) for name in (MACHINES, LETTERS, FINDINGS, ABOVE))
    return 1 + max((int(json.loads(note)["number"]) for note in notes if note is not None), default=0)
