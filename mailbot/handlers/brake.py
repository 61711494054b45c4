"""The brake: when one tick would stop or remove many machines, nothing destructive happens until an admin says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from mailbot import journal, lifecycle
from mailbot.handlers.office import Office
from mailbot.lifecycle.sayings import BRAKE
from mailbot.model import Letter, Refusal, Step, Ticket, TicketState, TimePassed, Turn

NOTE = "brake"
"""Where the store keeps the brake: a JSON object like `Brake`, absent where none was ever pulled."""

_LIVING = (TicketState.ACTIVE, TicketState.EXPIRED)
_WHAT = {
    TicketState.ACTIVE: "would be stopped",
    TicketState.EXPIRED: "would be removed",
    TicketState.ARCHIVED: "its disk would be deleted",
}


@dataclass(frozen=True, slots=True)
class Brake:
    """The last time the brake was pulled: its number, the tickets it holds, and who let go (empty: nobody yet)."""

    number: int
    tickets: tuple[int, ...]
    released_by: str = ""


def current(office: Office) -> Brake | None:
    """The brake as the store has it."""
    kept = office.store.note(NOTE)
    if kept is None:
        return None
    read = json.loads(kept)
    return Brake(read["number"], tuple(read["tickets"]), read["released_by"])


def braked(office: Office, due: Sequence[Ticket], now: datetime) -> frozenset[int]:
    """The tickets among `due` that must wait for an admin.

    Those that a released brake held may go.  While a brake holds, every further destructive step waits
    too, without a further letter; a new tick with too many pulls it anew.
    """
    destructive = {}
    for ticket in due:
        if ticket.state in _WHAT:
            step = _step(office, ticket, now)
            if step is not None and step.destructive:
                destructive[ticket.id] = ticket
    brake = current(office)
    if brake is not None and brake.released_by:
        for number in brake.tickets:
            destructive.pop(number, None)
    if brake is not None and not brake.released_by and set(brake.tickets) & set(destructive):
        if set(destructive) - set(brake.tickets):
            _pull(office, Brake(brake.number + 1, tuple(sorted({*brake.tickets, *destructive}))), now)
        return frozenset(destructive)
    if len(destructive) <= _limit(office, len(destructive)):
        return frozenset()
    _pull(office, Brake(brake.number + 1 if brake else 1, tuple(sorted(destructive))), now)
    return frozenset(destructive)


def _step(office: Office, ticket: Ticket, now: datetime) -> Step | None:
    try:
        step = lifecycle.decide(ticket, TimePassed(), office.about(now, ticket))
    except Exception as error:  # noqa: BLE001 - the ticket's own turn will report it
        journal.trouble(about=f"looking ahead at ticket #{ticket.id}", error=error)
        return None
    return None if isinstance(step, Refusal) else step


def _limit(office: Office, wanted: int) -> int:
    """How many may go in one tick: the larger of the number and the share; machines are counted only when it matters."""
    lease = office.rules.lease
    if wanted <= lease.brake_machines:
        return lease.brake_machines
    return max(lease.brake_machines, len(office.store.tickets(_LIVING)) * lease.brake_percent // 100)


def _pull(office: Office, brake: Brake, now: datetime) -> None:
    """Remember what is held, and ask every admin once."""
    tickets = [ticket for number in brake.tickets if (ticket := office.store.ticket(number)) is not None]
    entries = [
        {"number": one.id, "username": one.username, "what": _WHAT[one.state], "since": one.end_date.isoformat()}
        for one in tickets
        if one.state in _WHAT
    ]
    lease = office.rules.lease
    letters = office.letter_to_admins(
        Letter.ADMIN_BRAKE,
        f"brake:{brake.number}",
        brake=brake.number,
        tickets=entries,
        why=f"At once at most {lease.brake_machines} machines, or {lease.brake_percent} % of all, may be stopped or removed.",
        commands=[saying.as_fact() for saying in BRAKE],
    )
    # The letters first: a brake that is remembered without them would hold for ever; written twice they have the same key.
    office.store.commit(Turn(now=now, effects=letters))
    office.store.put_note(NOTE, json.dumps(asdict(brake)))
    journal.trouble(
        about="the brake", error=f"{len(entries)} machines would be stopped or removed at once; admins are asked"
    )


def release(office: Office, number: int, by: str) -> str:
    """Let the machines go that this brake holds; gives why not, or an empty text."""
    brake = current(office)
    if brake is None or brake.number != number:
        return "The brake has been pulled again since that letter. Please answer the newest one."
    if brake.released_by:
        return f"{brake.released_by} has released it already."
    office.store.put_note(NOTE, json.dumps(asdict(Brake(brake.number, brake.tickets, by))))
    for ticket_id in brake.tickets:
        office.store.postpone(ticket_id, office.clock.now(), "")
    return ""
