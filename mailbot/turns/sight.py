"""What the bot can see.  While it is blind, nothing happens that cannot be taken back, and nothing lapses.

Somebody's answer may lie in a mailbox that is not read, or wait for a directory that does not answer; and a clock that
jumped says that everything is overdue.  So before a stop, a removal, a deletion or a lapse: the mailbox was read to its
end since the step came due, the directory answers, no mail waits to be tried again, and the clock went as time did.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mailbot.model import Effect, Letter, Ticket, Turn
from mailbot.turns.context import TurnContext

TELL_AFTER = timedelta(hours=1)
"""What the bot cannot do for so long is told to the admins, once, and again when it works."""
JUMP = timedelta(hours=1)
"""A clock that goes wrong by more than this between two looks is not believed."""
BELIEVED_AFTER = timedelta(days=1)
"""A clock that has jumped is believed again when it has gone right for so long: then it was set right."""
_READ = "sight:mailbox"
_REMEMBER_EVERY = timedelta(minutes=1)


class Sense(StrEnum):
    """What the bot needs in order to see; the value is how letters call it."""

    MAILBOX = "the mailbox"
    DIRECTORY = "the directory of users"
    CLOCK = "the clock"


@dataclass
class ClockWatch:
    """Compares the clock on the wall with the time that passed since the first look, in one process."""

    _wall: datetime | None = field(default=None, init=False)
    _elapsed: float = field(default=0.0, init=False)
    _jumped: float | None = field(default=None, init=False)

    def look(self, now: datetime, elapsed: float) -> str:
        """Why the clock cannot be believed; empty where it can.  `elapsed` are seconds of a clock that nobody sets."""
        if self._wall is None:
            self._wall, self._elapsed = now, elapsed
            return ""
        ahead = (now - self._wall) - timedelta(seconds=elapsed - self._elapsed)
        if abs(ahead) <= JUMP:
            self._jumped = None
            return ""
        self._jumped = elapsed if self._jumped is None else self._jumped
        if elapsed - self._jumped >= BELIEVED_AFTER.total_seconds():
            self._wall, self._elapsed, self._jumped = now, elapsed, None
            return ""
        return f"it jumped {'forward' if ahead > timedelta(0) else 'back'} by {abs(ahead)}"


def remember_read(context: TurnContext, now: datetime) -> None:
    """The mailbox was read to its end; written once a minute, for other daemons on the same database."""
    known = context.store.note(_READ)
    if known is None or now - datetime.fromisoformat(known) >= _REMEMBER_EVERY:
        context.store.put_note(_READ, now.isoformat())


def why_blind(context: TurnContext, ticket: Ticket, read_at: datetime | None, now: datetime) -> str:
    """Why nothing irreversible may happen to a due ticket; empty where it may.

    `read_at` is when this daemon last read the mailbox to its end.  What the directory says is asked for each ticket.
    """
    due = min(ticket.due_at or now, now)
    known = context.store.note(_READ)
    reads = [*([read_at] if read_at else []), *([datetime.fromisoformat(known)] if known else [])]
    if not any(read >= due for read in reads):
        return "the mailbox was not read to its end since then"
    if context.store.retrying():
        return "mails wait to be tried again"
    return "the directory of users does not answer" if fails(context, Sense.DIRECTORY) else ""


def _note(sense: Sense) -> str:
    return f"cannot:{sense.name.lower()}"


def fails(context: TurnContext, sense: Sense) -> bool:
    """Whether that sense fails at the moment."""
    return context.store.note(_note(sense)) is not None


def cannot(context: TurnContext, sense: Sense, why: str, now: datetime) -> None:
    """Remember since when a sense fails, and why."""
    if context.store.note(_note(sense)) is None:
        context.store.put_note(_note(sense), json.dumps({"since": now.isoformat(), "why": why, "told": False}))


def can(context: TurnContext, sense: Sense, now: datetime) -> None:
    """It works again; admins hear it where they heard of the failure."""
    kept = context.store.note(_note(sense))
    if kept is None:
        return
    trouble = json.loads(kept)
    letters = _letters(context, sense, trouble, back=True) if trouble["told"] else ()
    context.store.commit(Turn(now=now, effects=letters, notes={_note(sense): None}))


def tell(context: TurnContext, now: datetime) -> None:
    """Tell admins of every sense that has failed for an hour, once."""
    for sense in Sense:
        kept = context.store.note(_note(sense))
        trouble = json.loads(kept) if kept else None
        if trouble is None or trouble["told"] or now - datetime.fromisoformat(trouble["since"]) < TELL_AFTER:
            continue
        told = json.dumps({**trouble, "told": True})
        letters = _letters(context, sense, trouble, back=False)
        context.store.commit(Turn(now=now, effects=letters, notes={_note(sense): told}))


def _letters(context: TurnContext, sense: Sense, trouble: dict[str, str], *, back: bool) -> tuple[Effect, ...]:
    key = f"{sense.name.lower()}:{trouble['since']}:{'back' if back else 'gone'}"
    return context.letter_to_admins(
        Letter.ADMIN_BLIND, key, what=sense.value, since=trouble["since"], why=trouble["why"], back=back
    )


def troubles(context: TurnContext) -> list[tuple[Sense, datetime, str]]:
    """What fails at the moment: since when, and why."""
    kept = [(sense, json.loads(note)) for sense in Sense if (note := context.store.note(_note(sense)))]
    return [(sense, datetime.fromisoformat(trouble["since"]), trouble["why"]) for sense, trouble in kept]
