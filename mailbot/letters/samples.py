"""Sample letters: outbox rows as the conversations of `fixtures/conversations` left them, to try templates on.

They lie in `templates_email/samples/<letter>.json` and are written by a test that plays the conversations; every fact
that a letter can have is in one of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from mailbot.letters.stored import from_json, to_json
from mailbot.model import Action, Effect, Letter, OutboxItem, Ticket


@dataclass(frozen=True, slots=True)
class Sample:
    """One letter as it was about to be written: its row, its ticket at that moment, and the moment (aware UTC)."""

    conversation: str
    item: OutboxItem
    ticket: Ticket | None
    now: datetime
    number: int = 1
    """Which of the conversation's letters of this kind it is."""

    def spoken(self, language: str) -> Sample:
        """The same letter in a language."""
        return replace(self, item=replace(self.item, effect=replace(self.item.effect, language=language)))

    @property
    def letter(self) -> Letter:
        letter = self.item.effect.letter
        if letter is None:
            raise ValueError("a sample is a letter")
        return letter

    @property
    def name(self) -> str:
        number = f"-{self.number}" if self.number > 1 else ""
        return f"{self.letter.value}.{self.conversation}{number}"


@cache
def samples(letters: tuple[Letter, ...] = tuple(Letter)) -> tuple[Sample, ...]:
    """Every sample of these letters that is shipped."""
    folder = files("templates_email") / "samples"
    stored = (json.loads((folder / f"{letter.value}.json").read_text(encoding="utf-8")) for letter in letters)
    return tuple(_read(one) for several in stored for one in several)


def as_json(sample: Sample) -> dict[str, Any]:
    """What `samples` reads."""
    item, effect, ticket = sample.item, sample.item.effect, sample.ticket
    if ticket is not None:  # what is random, or what no letter tells
        ticket = replace(ticket, revision=1, machine_id=None, nonce="", person_id="", warned_by=None, reminded_at=None)
    return {
        "conversation": sample.conversation,
        "number": sample.number,
        "letter": sample.letter.value,
        "now": sample.now.isoformat(),
        "created_at": item.created_at.isoformat(),
        "version": item.version,
        "key": effect.key,
        "to": effect.to,
        "to_name": effect.to_name,
        "answers": item.answers,
        "facts": dict(effect.facts),
        "ticket": to_json(ticket) if ticket else None,
    }


def _read(stored: Mapping[str, Any]) -> Sample:
    ticket = from_json(Ticket, stored["ticket"]) if stored["ticket"] else None
    letter = Letter(stored["letter"])
    effect = Effect(Action.LETTER, stored["key"], letter, stored["to"], stored["to_name"], stored["facts"])
    created_at = datetime.fromisoformat(stored["created_at"])
    item = OutboxItem(1, ticket.id if ticket else None, stored["version"], effect, 1, created_at, stored["answers"])
    return Sample(stored["conversation"], item, ticket, datetime.fromisoformat(stored["now"]), stored["number"])
