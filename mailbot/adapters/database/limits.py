"""The brake on letters in the database: counting by index in the transaction that writes them, holding, and letting go.

Each letter that counts has `counted`, whose it is (one address, or all admins together), and `cause`, the sender of the mail
that made it.  What is held has neither until it is let go: it uses up nobody's share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, text, update

from mailbot.adapters.database.tables import CAUSED, COUNTED, HELD, OUTBOX
from mailbot.lifecycle.letter_brake import DAY, HOUR, Weight, Written, weight, why_held
from mailbot.model import Effect, EventKind, HeldLetter, HistoryEntry, Role, Ticket, Turn
from mailbot.model.tickets import CLOCK
from mailbot.ports import OutboxState
from mailbot.rules import LetterRules

ADMINS = "the admins"
"""Whose the letters to admins are: a letter to all of them counts once."""

_O = OUTBOX.c


def _number(*these: Any) -> Select[*tuple[Any, ...]]:
    """How many rows fulfil the conditions; what is counted is what the limits let through, so there are never many."""
    return select(func.count()).select_from(OUTBOX).where(*these)


_IN_ALL = select(
    *(
        _number(text(COUNTED), _O.created_at > bindparam(since)).scalar_subquery()
        for since in ("since_hour", "since_day")
    )
)
_TO_READER = select(
    _number(text(COUNTED), _O.counted == bindparam("reader"), _O.created_at > bindparam("since")).scalar_subquery(),
    _number(
        *(text(CAUSED), _O.cause == bindparam("cause"), _O.counted == bindparam("reader")),
        _O.created_at > bindparam("since_day"),
    ).scalar_subquery(),
    _number(
        *(_O.ticket_id.is_not(None), _O.ticket_id == bindparam("of_ticket"), _O.counted == bindparam("reader")),
        _O.created_at > bindparam("since_day"),
    ).scalar_subquery(),
)
_HELD = (
    select(_O.id, _O.ticket_id, _O.letter, _O.to_address, _O.error)
    .where(text(HELD))
    .order_by(_O.id)
    .limit(bindparam("most"))
)
_END_HOLDING = (
    update(OUTBOX)
    .where(_O.id == bindparam("row"), text(HELD))
    .values(state=bindparam("new_state"), settled_at=bindparam("ended_at"))
)


@dataclass
class Brake:
    """The brake over the letters of one turn: which of them are held, and why."""

    connection: Connection
    turn: Turn
    ticket: Ticket | None
    limits: LetterRules
    _read: dict[str, tuple[int, int]] = field(default_factory=dict, init=False)
    _in_all: tuple[int, int] | None = field(default=None, init=False)
    _here: Counter[str] = field(default_factory=Counter, init=False)
    """Letters of this turn that may go, by whose they are."""
    _once: dict[str, str] = field(default_factory=dict, init=False)
    """What was said of a letter to the admins; it is the same for each of them."""

    @property
    def cause(self) -> str | None:
        """The sender whose mail makes these letters; what an admin decides has no limit of its own."""
        decided = any(line.actor.role in {Role.ADMIN, Role.OPERATOR} for line in self.turn.history)
        return self.turn.mail.sender.lower() or None if self.turn.mail is not None and not decided else None

    def columns(self, effect: Effect) -> dict[str, Any]:
        """What the row of an effect needs for the brake: `counted`, `cause`, and `state` and `error` where it is held."""
        free = {"counted": None, "cause": None, "state": OutboxState.WAITING, "error": ""}
        if effect.letter is None or weight(effect.letter) is Weight.NOTICE:
            return free
        to_admins = effect.letter.value.startswith("admin-")
        if to_admins and effect.letter.value in self._once:  # the copy for another admin
            why = self._once[effect.letter.value]
            return free | {"state": OutboxState.HELD, "error": why} if why else free
        reader = ADMINS if to_admins else effect.to.lower()
        why = why_held(effect.letter, self._written(reader, to_admins=to_admins), self.limits, to_admins=to_admins)
        if to_admins:
            self._once[effect.letter.value] = why
        if why:
            return free | {"state": OutboxState.HELD, "error": why}
        self._here[reader] += 1
        return free | {"counted": reader, "cause": self.cause}

    def _written(self, reader: str, *, to_admins: bool) -> Written:
        """What was written before, and by this turn."""
        moments = {"since_hour": self.turn.now - HOUR, "since_day": self.turn.now - DAY}
        if self._in_all is None:
            row = self.connection.execute(_IN_ALL, moments).one()
            self._in_all = (row[0], row[1])
        if reader not in self._read:
            wanted = {
                "reader": reader,
                "cause": self.cause,
                "of_ticket": self.ticket.id if self.ticket else None,
                "since": moments["since_hour" if to_admins else "since_day"],
                "since_day": moments["since_day"],
            }
            read = self.connection.execute(_TO_READER, wanted).one()
            self._read[reader] = (read[0], max(read[1], read[2]))
        (to_reader, of_cause), (hour, day) = self._read[reader], self._in_all
        here, everyone = self._here[reader], self._here.total()
        return Written(to_reader + here, of_cause + here, hour + everyone, day + everyone)


def told_in_history(rows: Sequence[dict[str, Any]], turn: Turn, ticket: Ticket) -> Iterator[HistoryEntry]:
    """The line that says which letters of a turn were held, and why."""
    held = {row["letter"].value: row["error"] for row in rows if row["state"] is OutboxState.HELD}
    if held:
        why = next(iter(held.values()))
        summary = f"held by the brake on letters ({why}): {', '.join(held)}"
        kind = EventKind.LETTERS_HELD
        yield HistoryEntry(
            ticket.id, turn.now, kind, ticket.state, ticket.state, CLOCK, summary, {"letters": list(held), "why": why}
        )


def held(connection: Connection, most: int) -> list[HeldLetter]:
    """Letters that the brake holds, oldest first."""
    rows = connection.execute(_HELD, {"most": most})
    return [HeldLetter(row.id, row.ticket_id, row.letter, row.to_address, row.error) for row in rows]


def end_holding(connection: Connection, rows: Sequence[int], state: OutboxState, now: datetime) -> None:
    """Let held letters go (WAITING), or drop them (CANCELLED); those that are not held any more are left as they are."""
    ended = now if state is OutboxState.CANCELLED else None
    if rows:
        values = [{"row": row, "new_state": state, "ended_at": ended} for row in rows]
        connection.execute(_END_HOLDING, values)
