"""History as a chain: each line carries a seal over the line before it and over itself, so that a changed line shows.  Pure.

A seal is a SHA-256 over what happened when and in what capacity, as it stands, and over two commitments: to who it was, and
to what was said.  A commitment is a hash with a salt of its own.  Whose personal data is erased loses words and salt; the
hash stays in their place, and so every seal after it still holds, while nobody can find the words again by guessing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

from mailbot.adapters.database.columns import storable
from mailbot.adapters.database.engine import as_json
from mailbot.model import HistoryEntry
from mailbot.model.tickets import Facts

SALT_BYTES = 16
FIRST = ""
"""The seal before a ticket's first line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is stored.  Of each commitment there is the salt, or, once what it is about was erased, the hash."""

    ticket_id: int
    at: datetime
    event: str
    before: str | None
    after: str
    role: str
    who: str
    mail: str
    message_id: str
    evidence: Facts
    summary: str
    facts: Facts
    who_salt: str | None
    who_hash: str | None
    words_salt: str | None
    words_hash: str | None

    @property
    def erased(self) -> bool:
        return self.words_salt is None

    def of_who(self) -> str:
        """The commitment to who it was; as it is stored where that was erased."""
        return self.who_hash or "" if self.who_salt is None else _digest(self.who_salt, self.who)

    def of_words(self) -> str:
        """The commitment to what was said; as it is stored where that was erased."""
        if self.words_salt is None:
            return self.words_hash or ""
        return _digest(self.words_salt, self.mail, self.message_id, self.evidence, self.summary, self.facts)

    def seal(self, previous: str) -> str:
        """The line's seal after the `previous` one."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        what = (self.ticket_id, at, self.event, self.before, self.after, self.role)
        return _digest(previous, *what, self.of_who(), self.of_words())

    def left_over(self) -> bool:
        """Whether words stand in a line that should have none: what no seal covers must say nothing."""
        said = (self.mail, self.message_id, self.evidence, self.summary, self.facts)
        return self.erased and any(said)


def line_of(entry: HistoryEntry, ticket_id: int) -> Line:
    """A new line, with fresh salts, of values as the database will give them back."""
    actor = entry.actor
    return Line(
        ticket_id=ticket_id,
        at=entry.at,
        event=entry.event.value,
        before=None if entry.before is None else entry.before.value,
        after=entry.after.value,
        role=actor.role.value,
        who=storable(actor.who),
        mail=storable(actor.mail),
        message_id=storable(actor.message_id),
        evidence=_as_read(actor.evidence),
        summary=storable(entry.summary),
        facts=_as_read(entry.facts),
        who_salt=token_hex(SALT_BYTES),
        who_hash=None,
        words_salt=token_hex(SALT_BYTES),
        words_hash=None,
    )


def _as_read(facts: Facts) -> Mapping[str, object]:
    read: Mapping[str, object] = json.loads(as_json(dict(facts)))
    return read


def _digest(*parts: object) -> str:
    text = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
