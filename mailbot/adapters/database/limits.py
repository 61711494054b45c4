"""The brake on letters in the database: counting by index in the transaction that writes them, holding, and letting go.

Counting takes as long as there are letters in an hour and a day, so SQLite is asked only for those since it was counted
last (`Tally`), as long as these cannot reach a limit.

Each letter that counts has `counted`, whose it is (one address, or all admins together), and `cause`, the sender of the mail
that made it.  What is held has neither until it is let go: it uses up nobody's share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, case, func, select, text, update

from mailbot.adapters.database import quick
from mailbot.adapters.database.tables import CAUSED, COUNTED, HELD, OUTBOX
from mailbot.lifecycle.letter_brake import DAY, HOUR, Written, why_held
from mailbot.model import Effect, EventKind, HeldLetter, HistoryEntry, Role, Ticket, Turn, Weight
from mailbot.model.tickets import CLOCK
from mailbot.ports import OutboxState
from mailbot.rules import LetterRules

ADMINS = "the admins"
"""Whose the letters to admins are: a letter to all of them counts once."""

_O = OUTBOX.c


def _number(*these: Any) -> Select[*tuple[Any, ...]]:
    """How many rows fulfil the conditions; what is counted is what the limits let through, so there are never many."""
    return select(func.count()).select_from(OUTBOX).where(*these)


def _to_reader(number: int) -> Iterator[Select[*tuple[Any, ...]]]:
    """Three counts of the letters to one reader, who is the parameter with that number; of the admins' the first is `_all` too."""
    reader = _O.counted == bindparam(f"reader_{number}")
    since_day = _O.created_at > bindparam("since_day")
    yield _number(text(COUNTED), reader, _O.created_at > bindparam(f"since_{number}"))
    yield _number(text(CAUSED), _O.cause == bindparam("cause"), reader, since_day)
    # Asked of the ticket's few rows: as conditions the two would have SQLite look at all letters to the reader.
    of_ticket = select(func.count(case((and_(reader, since_day), 1))))
    yield of_ticket.where(_O.ticket_id.is_not(None), _O.ticket_id == bindparam("of_ticket"))


def _all() -> Iterator[Select[*tuple[Any, ...]]]:
    """What the letters of an hour and a day are, and the admins' of an hour."""
    in_hour = _O.created_at > bindparam("since_hour")
    yield _number(text(COUNTED), in_hour)
    yield _number(text(COUNTED), _O.created_at > bindparam("since_day"))
    yield _number(text(COUNTED), _O.counted == ADMINS, in_hour)


def _new() -> Iterator[Select[*tuple[Any, ...]]]:
    """The same of those that were written after a row; by the number of the row, since there are few."""
    after = _O.id > bindparam("after")
    yield select(func.count(_O.counted)).where(after)
    yield select(func.count(_O.counted)).where(after)
    yield select(func.count(case((_O.counted == ADMINS, 1)))).where(after)


@cache
def _counts(readers: int, *, new: bool) -> Select[*tuple[Any, ...]]:
    """Everything that the limits of so many readers need, in one statement (a turn writes to one or two), and the newest row."""
    in_all = _new() if new else _all()
    each = (count for number in range(readers) for count in _to_reader(number))
    newest = select(func.max(_O.id)).where(_O.id >= bindparam("after"))
    return select(*(count.scalar_subquery() for count in (newest, *in_all, *each)))


_COUNTED_ANEW = timedelta(minutes=10)


class Counts(NamedTuple):
    """How many letters there are, of those that count: in an hour, in a day, and to the admins in an hour."""

    hour: int = 0
    day: int = 0
    admins: int = 0

    def with_more(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.hour + other.hour, self.day + other.day, self.admins + other.admins)

    def allow(self, more: int, limits: LetterRules) -> bool:
        """Whether so many more letters pass no limit."""
        return (
            self.hour + more < limits.total_per_hour
            and self.day + more < limits.total_per_day
            and self.admins + more < limits.to_admins_per_hour
        )


@dataclass
class Tally:
    """What was counted last, up to a row: with what was written since, there are at most so many.

    It is one process's memory, used by whoever holds SQLite's write lock, under which rows have rising numbers.
    """

    at: datetime | None = None
    row: int = 0
    counts: Counts = field(default_factory=Counts)

    def holds(self, now: datetime) -> bool:
        """False before the first count, by a clock that went back, and when it is old: letters leave the hour and the day.

        False also without a letter in the day: the newest row may then be an old one, which retention deletes, and its number is used again.
        """
        return self.at is not None and self.at <= now < self.at + _COUNTED_ANEW and self.counts.day > 0


READERS_AT_ONCE = 8
"""A statement has no more parts than databases take (SQLite: 2,000 columns; PostgreSQL: 1,664), and there are few statements to remember."""
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


def _is_limited(effect: Effect) -> bool:
    return effect.letter is not None and effect.letter.weight is not Weight.NOTICE


def _is_to_admins(effect: Effect) -> bool:
    return effect.letter is not None and effect.letter.value.startswith("admin-")


def _reader(effect: Effect) -> str:
    """Whose a letter is."""
    return ADMINS if _is_to_admins(effect) else effect.to.lower()


@dataclass
class Brake:
    """The brake over the letters of one turn: which of them are held, and why."""

    connection: Connection
    turn: Turn
    ticket: Ticket | None
    limits: LetterRules
    tally: Tally
    _read: dict[str, tuple[int, int]] = field(default_factory=dict, init=False)
    _in_all: tuple[int, int] = field(default=(0, 0), init=False)
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
        if effect.letter is None or not _is_limited(effect):
            return free
        to_admins = _is_to_admins(effect)
        if to_admins and effect.letter.value in self._once:  # the copy for another admin
            why = self._once[effect.letter.value]
            return free | {"state": OutboxState.HELD, "error": why} if why else free
        reader = _reader(effect)
        why = why_held(effect.letter, self._written(reader), self.limits, to_admins=to_admins)
        if to_admins:
            self._once[effect.letter.value] = why
        if why:
            return free | {"state": OutboxState.HELD, "error": why}
        self._here[reader] += 1
        return free | {"counted": reader, "cause": self.cause}

    def _written(self, reader: str) -> Written:
        """What was written before, and by this turn."""
        if reader not in self._read:
            self._count()
        (to_reader, of_cause), (hour, day) = self._read[reader], self._in_all
        here, everyone = self._here[reader], self._here.total()
        return Written(to_reader + here, of_cause + here, hour + everyone, day + everyone)

    def _count(self) -> None:
        """Read what was written before to each reader of the turn whom the limits are about."""
        readers = sorted({_reader(one) for one in self.turn.effects if _is_limited(one)})
        for first in range(0, len(readers), READERS_AT_ONCE):
            self._count_some(readers[first : first + READERS_AT_ONCE])

    def _count_some(self, readers: Sequence[str]) -> None:
        tally, now = self.tally, self.turn.now
        wanted: dict[str, Any] = {"since_hour": now - HOUR, "since_day": now - DAY, "cause": self.cause}
        wanted |= {"of_ticket": self.ticket.id if self.ticket else None, "after": tally.row}
        for number, reader in enumerate(readers):
            # Those to the admins are counted with all others: here none of them is looked at.
            wanted |= {f"reader_{number}": reader, f"since_{number}": now if reader == ADMINS else now - DAY}
        known = tally.counts if tally.holds(now) and self.connection.dialect.name == "sqlite" else None
        newest, found, each = self._asked(wanted, len(readers), new=known is not None)
        if known is not None:
            found = known.with_more(found)
            if not found.allow(len(self.turn.effects), self.limits):
                known = None
                newest, found, each = self._asked(wanted, len(readers), new=False)
        tally.at, tally.row, tally.counts = tally.at if known else now, newest, found
        self._in_all = (found.hour, found.day)
        for number, reader in enumerate(readers):
            to_reader, of_cause, of_ticket = each[3 * number : 3 * number + 3]
            self._read[reader] = (found.admins if reader == ADMINS else to_reader, max(of_cause, of_ticket))

    def _asked(self, wanted: dict[str, Any], readers: int, *, new: bool) -> tuple[int, Counts, list[int]]:
        """The newest row, what there is in all (or only what is `new`), and three counts for each reader."""
        ((newest, hour, day, admins, *each),), _ = quick.run(self.connection, _counts(readers, new=new), wanted)
        return newest or wanted["after"], Counts(hour, day, admins), each


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
