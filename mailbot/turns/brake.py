"""The brake as the daemon has it: its note in the store, the letter to every admin, and their word that lets go.

Which tickets wait is decided in `lifecycle.brake`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from mailbot import journal
from mailbot.letters.troubles import AdminBrake, Braked
from mailbot.lifecycle.brake import WHAT_COMES, Brake, Fleet
from mailbot.lifecycle.brake import braked as decide_braked
from mailbot.lifecycle.decide import decide
from mailbot.model import LIVING, Refusal, Ticket, TimePassed, Turn
from mailbot.turns.brake_numbers import MACHINES, next_number
from mailbot.turns.context import TurnContext
from parsers.translatable import say, say_many

NOTE = MACHINES
"""Where the store keeps the brake: a JSON object like `Brake`, absent where none was ever pulled."""


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
    """The tickets among `due` that must wait for an admin; the admins are asked where the brake is pulled by them."""
    fleet = Fleet(
        context.store.ticket,
        lambda most: context.store.count(sorted(LIVING), most),
        lambda ticket: _is_destructive(context, ticket, now),
    )
    decided = decide_braked(current(context), due, fleet, context.rules.lease)
    if decided.pulls:
        _pull(context, Brake(next_number(context.store), decided.pulls), now)
    return decided.waiting


def _is_destructive(context: TurnContext, ticket: Ticket, now: datetime) -> bool:
    try:
        step = decide(ticket, TimePassed(), context.circumstances(now, ticket))
    except Exception as error:  # noqa: BLE001 - the ticket's own turn will report it
        journal.trouble(about=f"looking ahead at ticket #{ticket.id}", error=error)
        return False
    return not isinstance(step, Refusal) and step.destructive


def _pull(context: TurnContext, brake: Brake, now: datetime) -> None:
    """Remember what is held, and ask every admin once."""
    tickets = [ticket for number in sorted(brake.tickets) if (ticket := context.store.ticket(number)) is not None]
    entries = [
        Braked(one.id, one.username, WHAT_COMES[one.state], one.end_date) for one in tickets if one.state in WHAT_COMES
    ]
    lease = context.rules.lease
    # What it holds is part of the key: whoever answers has read exactly the list that goes.
    which = hashlib.sha256(json.dumps(sorted(brake.tickets.items())).encode()).hexdigest()[:12]
    letters = context.letter_to_admins(
        AdminBrake(
            brake=brake.number,
            tickets=tuple(entries),
            why=say_many(
                "No more than {number} machine, or {percent} % of all machines, may be stopped or removed at once.",
                "No more than {number} machines, or {percent} % of all machines, may be stopped or removed at once.",
                lease.brake_machines,
                percent=lease.brake_percent,
            ),
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
        return Refusal(say("The brake has stopped machines again since that message. Please reply to the newest one."))
    if brake.released_by and brake.released_by != by:
        return Refusal(say("{who} has already released it.", who=brake.released_by))
    held = tuple(ticket_id for ticket_id in brake.tickets if brake.holds(context.store.ticket(ticket_id)))
    note = json.dumps(asdict(replace(brake, released_by=by)))
    return Turn(now=context.clock.now(), notes={NOTE: note}, wake=held)
