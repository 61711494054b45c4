"""Moves between hosts as the daemon has them: planned in notes of the store, begun when their moment has come.

A plan is no row of the outbox, because a machine's rows are done in order: one that waits for a week would hold up the
stop and the start that come before it.  What is decided of a plan is in `lifecycle.relocation`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot import journal
from mailbot.errors import NoAddress
from mailbot.lifecycle.relocation import MovePlan, PutOff, next_step
from mailbot.model import CLOCK, Action, MoveAsked, MoveBegun, MoveEnded, Refusal, Ticket, TicketState, Turn
from mailbot.ports import Store
from mailbot.turns import modes, sight
from mailbot.turns.addresses import at_host, held_at
from mailbot.turns.context import TurnContext, apply
from mailbot.turns.rooms import left, promised
from parsers.translatable import NOTHING, Translatable, as_one, say

_PREFIX = "move:"
_COUNTED = "moves-begun"
DAY = timedelta(days=1)
CANNOT = say("The other host cannot take it now.")
"""Why a move does not happen, as its owner reads it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan as stored, and whether it has begun."""

    plan: MovePlan
    begun: bool = False


def note_of(ticket_id: int) -> str:
    """Where the store keeps the move of a ticket's machine."""
    return f"{_PREFIX}{ticket_id}"


def written(planned: Planned) -> str:
    """As the store keeps it."""
    plan = planned.plan
    told = {"to": plan.to, "at": plan.at.isoformat(), "since": plan.since.isoformat(), "begun": planned.begun}
    return json.dumps(told)


def planned(store: Store) -> Mapping[int, Planned]:
    """Every move that was announced or has begun, by ticket."""
    return {int(name.removeprefix(_PREFIX)): _read(value) for name, value in store.notes_from(_PREFIX).items()}


def of_ticket(store: Store, ticket_id: int) -> Planned | None:
    """The move of one ticket's machine."""
    kept = store.note(note_of(ticket_id))
    return None if kept is None else _read(kept)


def under_way(store: Store) -> Mapping[int, Planned]:
    """Those that have begun."""
    return {number: one for number, one in planned(store).items() if one.begun}


def _read(value: str) -> Planned:
    kept = json.loads(value)
    plan = MovePlan(kept["to"], datetime.fromisoformat(kept["at"]), datetime.fromisoformat(kept["since"]))
    return Planned(plan, kept["begun"])


def announce(context: TurnContext, ticket_id: int, event: MoveAsked) -> Ticket | Refusal:
    """Announce a move, and remember it in the same transaction."""
    ticket = context.store.ticket(ticket_id)
    if ticket is not None:
        event = replace(event, live=can_run_on(context, ticket, event.to))

    def commit(turn: Turn) -> Ticket | None:
        plan = MovePlan(event.to, event.at, turn.now)
        notes = {note_of(ticket_id): written(Planned(plan))}
        # Its address at the other host is kept for it from here on.
        held = held_at(context, turn.ticket.site if turn.ticket else None, event.to)
        return context.store.commit(replace(turn, notes=notes, addresses=held))

    try:
        return apply(context, ticket_id, event, commit)
    except NoAddress:
        return Refusal(say("The other host has no address left."))


def end(context: TurnContext, ticket_id: int, event: MoveEnded) -> Ticket | Refusal:
    """Call a move off, and forget it in the same transaction."""
    forgotten = {note_of(ticket_id): None}

    def commit(turn: Turn) -> Ticket | None:
        held = held_at(context, turn.ticket.site if turn.ticket else None)
        return context.store.commit(replace(turn, notes=forgotten, addresses=held))

    return apply(context, ticket_id, event, commit)


def begin_due(context: TurnContext, read_at: datetime | None) -> int:
    """Begin the moves whose moment has come; gives how many were looked at.

    1. Each plan whose moment has come, the oldest first; one whose machine is not ACTIVE any more is called off or forgotten.
    2. Wait while the bot is blind or the machine held; announce it again where it is too late or the proof is missing.
    3. Call it off where the other host cannot take the machine now.
    4. Begin, at most as many a day as the brake lets be stopped at once: after a long absence they go on day by day.
    """
    now, looked = context.clock.now(), 0
    for number, one in sorted(planned(context.store).items(), key=lambda found: found[1].plan.at):
        if one.begun or one.plan.at > now:
            _forget_if_over(context, number, one)
            continue
        looked += 1
        try:
            _begin(context, number, one.plan, read_at, now)
        except Exception as error:  # noqa: BLE001 - one plan never stops the others
            journal.trouble(about=f"the move of ticket #{number}", error=error)
    return looked


def _begin(context: TurnContext, number: int, plan: MovePlan, read_at: datetime | None, now: datetime) -> None:
    ticket = context.store.ticket(number)
    if ticket is None or ticket.state is not TicketState.ACTIVE:
        _forget(context, number, ticket)
        return
    circumstances = context.circumstances(now, ticket)
    blind = sight.why_blind(context, replace(ticket, due_at=plan.at), read_at, now)
    step = next_step(ticket, plan, replace(circumstances, blind=blind))
    if step is None:
        return
    if isinstance(step, PutOff):
        again = announce(context, number, MoveAsked(CLOCK, plan.to, step.at, step.why))
        if isinstance(again, Refusal):
            end(context, number, MoveEnded(again.why, again.why, by=CLOCK))
    elif why := cannot_take(context, ticket, plan.to):
        end(context, number, MoveEnded(say("{site}: {why}", site=plan.to, why=why), CANNOT))
    elif (counted := _one_more_today(context, now)) is not None:
        notes = {note_of(number): written(Planned(plan, begun=True)), _COUNTED: counted}
        apply(context, number, MoveBegun(plan.to), lambda turn: context.store.commit(replace(turn, notes=notes)))


def _forget_if_over(context: TurnContext, number: int, one: Planned) -> None:
    """A machine that was stopped, given back or removed meanwhile moves nowhere."""
    ticket = context.store.ticket(number)
    if ticket is None or ticket.state is not TicketState.ACTIVE:
        if one.begun and any(row.action in {Action.MOVE, Action.ARRIVE} for row in context.store.waiting(number)):
            return  # its worker finds out
        _forget(context, number, ticket)


def _forget(context: TurnContext, number: int, ticket: Ticket | None) -> None:
    """No move any more, and no address at the other host."""
    held = held_at(context, ticket.site) if ticket else None
    about = ticket.id if ticket else None
    notes = {note_of(number): None}
    context.store.commit(Turn(context.clock.now(), about_ticket=about, notes=notes, addresses=held))


def destinations(store: Store) -> Mapping[int, str]:
    """By ticket, to which host its machine is to move, or is moving."""
    return {number: one.plan.to for number, one in planned(store).items()}


def can_run_on(context: TurnContext, ticket: Ticket, to: str) -> bool:
    """Whether the machine need not be off for it, as far as can be told: one pool, the same addresses, and a host that receives."""
    here = ticket.site or ""
    addresses = at_host(context, ticket, here)
    stays = bool(addresses) and addresses == at_host(context, ticket, to)
    return stays and to in context.receiving and context.has_one_pool(here, to)


def cannot_take(context: TurnContext, ticket: Ticket, site: str) -> Translatable:
    """Why a host does not take a ticket's machine now, by what is stored of it and promised there; "" where it does."""
    refused = modes.refusals(context.store).get(site)
    if refused:
        return refused
    seen = {health.site: health for health, _at in context.store.health()}.get(site)
    if seen is None or not seen.reachable:
        return say("it does not answer") if seen is None or not seen.problems else as_one(*seen.problems)
    if seen.problems:
        return as_one(*seen.problems)
    room = left(context, seen, promised(context, destinations(context.store)), but=ticket.id)
    if room.free_memory_mib < context.rules.policy.memory_mib:
        return say("it has not enough memory left")
    alone = not context.has_one_pool(ticket.site or "", site)
    return say("it has not enough disk left") if alone and room.free_disk_gib < ticket.disk_gib else NOTHING


def _one_more_today(context: TurnContext, now: datetime) -> str | None:
    """The note that counts one more move of today; None where as many have begun as the brake lets be stopped at once."""
    day, _, seen = (context.store.note(_COUNTED) or "").partition(" ")
    number = (int(seen) if day == now.date().isoformat() else 0) + 1
    most = max(1, context.rules.lease.brake_machines)
    return f"{now.date().isoformat()} {number}" if number <= most else None
