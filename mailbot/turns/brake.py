"""The brake: when one tick would stop or remove many machines, nothing destructive happens until an admin says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from mailbot import journal, lifecycle
from mailbot.letters.troubles import AdminBrake, Braked
from mailbot.model import LIVING, Refusal, Step, Ticket, TicketState, TimePassed, Turn
from mailbot.turns.brake_numbers import MACHINES, next_number
from mailbot.turns.context import TurnContext

NOTE = MACHINES
"""Where the store keeps the brake: a JSON object like `Brake`, absent where none was ever pulled."""

_WHAT = {
    TicketState.ACTIVE: "would be stopped",
    TicketState.EXPIRED: "would be removed",
    TicketState.ARCHIVED: "its disk would be deleted",
}


@dataclass(frozen=True, slots=True)
class Brake:
    """The last time the brake was pulled: its number, the tickets it holds, and who let go (empty: nobody yet).

    Each ticket stands with its `version`: what an admin lets go is the step that was asked about, not the
    removal after the stop, nor the next end of a lease that was extended meanwhile.
    """

    number: int
    tickets: Mapping[int, int]
    released_by: str = ""

    def holds(self, ticket: Ticket | None) -> bool:
        """Whether the ticket still is as it was when the brake was pulled."""
        return ticket is not None and self.tickets.get(ticket.id) == ticket.version


def current(context: TurnContext) -> Brake | None:
    """The brake as the store has it."""
    kept = context.store.note(NOTE)
    if kept is None:
        return None
    read = json.loads(kept)
    return Brake(
        read["number"], {int(number): version for number, version in read["tickets"].items()}, read["released_by"]
    )


def braked(context: TurnContext, due: Sequence[Ticket], now: datetime) -> frozenset[int]:
    """The tickets among `due` that must wait for an admin.

    Those that a released brake held may go.  While a brake holds, every further destructive step waits
    too, without a further letter, unless they are too many by themselves: then it is pulled anew, for all.
    """
    destructive = {
        ticket.id: ticket for ticket in due if ticket.state in _WHAT and _is_destructive(context, ticket, now)
    }
    if not destructive:
        return frozenset()
    brake = current(context)
    if brake is not None and brake.released_by:
        destructive = {number: ticket for number, ticket in destructive.items() if not brake.holds(ticket)}
    held = _still_held(context, brake)
    more = {number: ticket for number, ticket in destructive.items() if number not in held}
    if _too_many(context, len(more)):
        together = {number: ticket.version for number, ticket in {**held, **more}.items()}
        _pull(context, Brake(next_number(context.store), together), now)
        return frozenset(destructive)
    return frozenset(destructive) if held else frozenset()


def _still_held(context: TurnContext, brake: Brake | None) -> dict[int, Ticket]:
    """The tickets for which a brake that nobody has released still is in the way."""
    if brake is None or brake.released_by:
        return {}
    tickets = (context.store.ticket(number) for number in brake.tickets)
    return {ticket.id: ticket for ticket in tickets if ticket is not None and not ticket.held and brake.holds(ticket)}


def _is_destructive(context: TurnContext, ticket: Ticket, now: datetime) -> bool:
    step = _step(context, ticket, now)
    return step is not None and step.destructive


def _step(context: TurnContext, ticket: Ticket, now: datetime) -> Step | None:
    try:
        step = lifecycle.decide(ticket, TimePassed(), context.circumstances(now, ticket))
    except Exception as error:  # noqa: BLE001 - the ticket's own turn will report it
        journal.trouble(about=f"looking ahead at ticket #{ticket.id}", error=error)
        return None
    return None if isinstance(step, Refusal) else step


def _too_many(context: TurnContext, wanted: int) -> bool:
    """Whether that is more than may go in one tick: more than the number, and more than the share of all machines.

    Machines are counted only when it matters, and only as far as it matters: the cost follows `wanted`, not the fleet.
    """
    lease = context.rules.lease
    if wanted <= lease.brake_machines:
        return False
    if lease.brake_percent == 0:
        return True
    enough = -(-wanted * 100 // lease.brake_percent)
    return context.store.count(sorted(LIVING), enough) < enough


def _pull(context: TurnContext, brake: Brake, now: datetime) -> None:
    """Remember what is held, and ask every admin once."""
    tickets = [ticket for number in sorted(brake.tickets) if (ticket := context.store.ticket(number)) is not None]
    entries = [Braked(one.id, one.username, _WHAT[one.state], one.end_date) for one in tickets if one.state in _WHAT]
    lease = context.rules.lease
    # What it holds is part of the key: whoever answers has read exactly the list that goes.
    which = hashlib.sha256(json.dumps(sorted(brake.tickets.items())).encode()).hexdigest()[:12]
    letters = context.letter_to_admins(
        AdminBrake(
            brake=brake.number,
            tickets=tuple(entries),
            why=f"At once at most {lease.brake_machines} machines, or {lease.brake_percent} % of all, may be stopped or removed.",
        ),
        f"brake:{brake.number}:{which}",
    )
    context.store.commit(Turn(now=now, effects=letters, notes={NOTE: json.dumps(asdict(brake))}))
    journal.trouble(
        about="the brake", error=f"{len(entries)} machines would be stopped or removed at once; admins are asked"
    )


def release(context: TurnContext, number: int, by: str) -> Turn | Refusal:
    """The turn that lets the machines go which this brake holds, or why not.  May run twice."""
    brake = current(context)
    if brake is None or brake.number != number:
        return Refusal("The brake has been pulled again since that letter. Please answer the newest one.")
    if brake.released_by and brake.released_by != by:
        return Refusal(f"{brake.released_by} has released it already.")
    held = tuple(ticket_id for ticket_id in brake.tickets if brake.holds(context.store.ticket(ticket_id)))
    note = json.dumps(asdict(replace(brake, released_by=by)))
    return Turn(now=context.clock.now(), notes={NOTE: note}, wake=held)
