"""`list` and `show`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import complain, say, table, visible
from mailbot.cli.site import Settings, settings_of
from mailbot.cli.table import load
from mailbot.lifecycle import Circumstances
from mailbot.lifecycle.lease import steps_ahead
from mailbot.lifecycle.notice import plan
from mailbot.model import Accepted, Facts, HistoryEntry, Ticket, TicketState

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Number = Annotated[int, typer.Argument(help="The ticket's number.", min=1)]


def list_(
    context: typer.Context,
    state: Annotated[
        list[TicketState] | None, typer.Option(help="Only tickets in this state; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List tickets."""
    settings = settings_of(context)
    with settings.store() as store:
        tickets, paused = store.tickets(tuple(state or ())), store.note("paused")
    if paused:
        complain(f"The bot is paused by {visible(paused)}")
    if as_json:
        say(to_json(tickets))
    elif tickets:
        rows = [
            (f"#{t.id}", t.state.value, t.username, t.end_date, f"{t.disk_gib} GiB", t.site or "-", t.due_at or "-")
            for t in tickets
        ]
        say(table(("ticket", "state", "user", "ends on", "disk", "site", "due at"), rows))
    else:
        say("There are no tickets.")


def show(
    context: typer.Context,
    ticket: Number,
    as_json: Json = False,
    mail: Annotated[
        str, typer.Option(help="Write one mail of its history as it came, by the beginning of its hash.")
    ] = "",
) -> None:
    """Show a ticket and its history.

    What was asked, every change with its evidence, and the proof that each letter was accepted.
    """
    settings = settings_of(context)
    if mail:
        _show_mail(settings, ticket, mail)
        return
    with settings.store() as store:
        found = store.ticket(ticket)
        if found is None:
            complain(f"There is no ticket #{ticket}.")
            raise typer.Exit(os.EX_DATAERR)
        history, letters = store.history(ticket), store.accepted(ticket)
    if as_json:
        say(to_json({"ticket": found, "history": history, "letters": letters}))
    else:
        say("\n".join((*_facts(found), *_ahead(settings, found), "", *_history(history), "", *_letters(letters))))


def _show_mail(settings: Settings, ticket: int, beginning: str) -> None:
    """The bytes of a mail that changed the ticket; they are stored encrypted."""
    with settings.store() as store:
        history = store.history(ticket)
        found = next((one.actor.mail for one in history if one.actor.mail.startswith(beginning.lower())), "")
        stored = store.raw_mail(found) if found else None
        if stored is None:
            complain(f"Ticket #{ticket} has no mail whose hash begins with {visible(beginning)}.")
            raise typer.Exit(os.EX_DATAERR)
        try:
            raw = load("mails:opened")(settings.config, stored)
        except LookupError as error:
            complain(f"That cannot be shown: {error}.")
            raise typer.Exit(os.EX_CONFIG) from None
    sys.stdout.buffer.write(raw)


def _facts(ticket: Ticket) -> Sequence[str]:
    rows: list[tuple[str, Any]] = [
        ("state", ticket.state.value),
        ("user", f"{ticket.username} ({ticket.name}, {ticket.email})"),
        ("ends on", ticket.end_date),
        ("disk", f"{ticket.disk_gib} GiB{f' ({ticket.disk_reason})' if ticket.disk_reason else ''}"),
        ("site", ticket.site),
        ("due at", ticket.due_at),
        ("asked until", ticket.asked_end_date),
        ("lease since", ticket.lease_from),
        ("announced", f"{ticket.stage} times" if ticket.stage else None),
        ("stopped at", ticket.ended_at),
        ("removal at", ticket.remove_at),
        ("release asked", ticket.release_asked_at),
        ("disk kept until", ticket.keep_until),
        ("held", ticket.held),
        ("opened at", ticket.opened_at),
    ]
    told = [f"  {name:<16}{visible(value)}" for name, value in rows if value not in (None, "")]
    usage = [f"  | {visible(line)}" for line in ticket.intended_usage.splitlines()]
    return (f"Ticket #{ticket.id}: {visible(ticket.subject)}", *told, "  intended usage", *usage)


def _ahead(settings: Settings, ticket: Ticket) -> Sequence[str]:
    """The dates of the lease by the rules in force: warnings, stop, removal, deletion."""
    if ticket.state not in {TicketState.ACTIVE, TicketState.EXPIRED, TicketState.ARCHIVED}:
        return ()
    config = settings.config
    closed = next((site.closures for site in config.hosts if site.name == ticket.site), ())
    about = Circumstances(settings.clock.now(), config.rules, (), closed=closed)
    lines = ["", "What happens when"]
    if ticket.asked_end_date:
        lines.append("  the clock stands still while the extension waits for an admin; without it:")
    if ticket.held:
        lines.append("  nothing of this while it is held:")
    if ticket.state is TicketState.ACTIVE:
        warnings = plan(ticket, config.rules).warnings[ticket.stage :]
        lines += [f"  {at:%Y-%m-%d %H:%M}Z  A warning is sent." for at in warnings]
    steps = steps_ahead(ticket, about)
    return (*lines, *(f"  {datetime.fromisoformat(one['when']):%Y-%m-%d %H:%M}Z  {one['what']}" for one in steps))


def _history(history: Sequence[HistoryEntry]) -> Sequence[str]:
    lines = ["History"]
    for entry in history:
        moved = f"{entry.before or 'new'} -> {entry.after}"
        lines.append(f"  {entry.at:%Y-%m-%d %H:%M:%S}Z  {moved}  {entry.event} by {visible(entry.actor.who)}")
        lines.append(f"    {visible(entry.summary)}")
        if entry.actor.mail:
            lines.append(f"    mail {entry.actor.mail[:12]}, evidence: {_evidence(entry.actor.evidence)}")
        elif entry.actor.evidence:
            lines.append(f"    evidence: {_evidence(entry.actor.evidence)}")
    return lines


def _evidence(facts: Facts) -> str:
    """What a mail proved, what its command needed, and what was found: on one line."""
    if "proofs" not in facts:
        return visible(to_json(facts))
    told = [f"{', '.join(facts['proofs']) or 'nothing'} for {facts['sender']}"]
    if "needed" in facts:
        told.append(f"{facts['verdict']}: {facts['risk'].replace('_', ' ')} needs {', '.join(facts['needed'])}")
    told += [f"{name}: {found}" for name, found in facts.get("found", {}).items()]
    return visible("; ".join(told))


def _letters(letters: Sequence[Accepted]) -> Sequence[str]:
    lines = ["Letters that were accepted"]
    for letter in letters:
        lines.append(f"  {letter.accepted_at:%Y-%m-%d %H:%M:%S}Z  {letter.letter} to {visible(letter.to)}")
        lines.append(f"    {visible(letter.answer)}")
        if letter.bounced_at:
            kind = {True: "for good", False: "for now", None: "without saying whether for good"}[
                letter.bounce_permanent
            ]
            lines.append(f"    came back at {letter.bounced_at:%Y-%m-%d %H:%M:%S}Z, {kind}")
    return lines if len(letters) else (*lines, "  none")
