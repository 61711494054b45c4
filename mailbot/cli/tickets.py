"""`list`, `show`, and what an admin decides at the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import complain, say, table, visible
from mailbot.cli.site import Settings
from mailbot.model import Accepted, Facts, HistoryEntry, Ticket, TicketState

if TYPE_CHECKING:
    from mailbot.turns.context import TurnContext

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Number = Annotated[int, typer.Argument(help="The ticket's number.", min=1)]
Admin = Annotated[str, typer.Option("--as", help="The admin who decides: login or address.", show_default=False)]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a date such as 2027-01-31") from None


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("list")(list_)
    for command in (show, approve, deny, retry, hold, unhold, pause, resume):
        app.command()(command)


def list_(
    context: typer.Context,
    state: Annotated[
        list[TicketState] | None, typer.Option(help="Only tickets in this state; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List tickets."""
    settings: Settings = context.obj
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
    settings: Settings = context.obj
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
    from mailbot.turns.sealing import unseal  # noqa: PLC0415 - imported once something is looked at

    with settings.turn_context() as turn_context:
        history = turn_context.store.history(ticket)
        found = next((one.actor.mail for one in history if one.actor.mail.startswith(beginning.lower())), "")
        stored = turn_context.store.raw_mail(found) if found else None
        if stored is None:
            complain(f"Ticket #{ticket} has no mail whose hash begins with {visible(beginning)}.")
            raise typer.Exit(os.EX_DATAERR)
        try:
            raw = unseal(turn_context.letters.keys, stored)
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
    from mailbot.lifecycle import Circumstances  # noqa: PLC0415 - imported once something is looked at
    from mailbot.lifecycle.lease import steps_ahead  # noqa: PLC0415
    from mailbot.lifecycle.notice import plan  # noqa: PLC0415

    if ticket.state not in {TicketState.ACTIVE, TicketState.EXPIRED, TicketState.ARCHIVED}:
        return ()
    config = settings.config
    closed = next((site.closures for site in config.sites if site.name == ticket.site), ())
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


def approve(
    context: typer.Context,
    ticket: Number,
    as_admin: Admin,
    until: Annotated[
        date | None, typer.Option(parser=_day, metavar="DATE", help="Another end date.", show_default=False)
    ] = None,
    disk: Annotated[int | None, typer.Option(help="Another size of the disk, GiB.", show_default=False)] = None,
) -> None:
    """Approve a request or an extension, as by mail."""
    from mailbot import operator  # noqa: PLC0415

    with _settings(context).turn_context() as turn_context:
        _tell(turn_context, operator.approve(turn_context, ticket, as_admin, until, disk))


def deny(
    context: typer.Context,
    ticket: Number,
    reason: Annotated[str, typer.Argument(help="The reason; the requester reads it.")],
    as_admin: Admin,
) -> None:
    """Deny a request or an extension, as by mail."""
    from mailbot import operator  # noqa: PLC0415

    with _settings(context).turn_context() as turn_context:
        _tell(turn_context, operator.deny(turn_context, ticket, as_admin, reason))


def retry(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """Build again after a failure."""
    from mailbot import operator  # noqa: PLC0415

    with _settings(context).turn_context() as turn_context:
        _tell(turn_context, operator.retry(turn_context, ticket, as_admin))


def hold(
    context: typer.Context,
    ticket: Number,
    as_admin: Admin,
    why: Annotated[str, typer.Option(help="The reason, for those who wonder later.", show_default=False)],
) -> None:
    """Exempt a machine from everything destructive."""
    from mailbot import operator  # noqa: PLC0415

    with _settings(context).turn_context() as turn_context:
        _tell(turn_context, operator.hold(turn_context, ticket, as_admin, why))


def unhold(context: typer.Context, ticket: Number, as_admin: Admin) -> None:
    """Let a held machine's lease go on."""
    from mailbot import operator  # noqa: PLC0415

    with _settings(context).turn_context() as turn_context:
        _tell(turn_context, operator.unhold(turn_context, ticket, as_admin))


def pause(
    context: typer.Context,
    as_admin: Admin,
    why: Annotated[str, typer.Option(help="The reason, for those who wonder later.", show_default=False)],
) -> None:
    """Stop acting.

    Mail is received and answered, but no ticket is woken and no machine touched until `resume`.
    """
    from mailbot import operator  # noqa: PLC0415

    with _settings(context).turn_context() as turn_context:
        operator.pause(turn_context, as_admin, why)
    say("The bot is paused.")


def resume(context: typer.Context, as_admin: Admin) -> None:
    """Act again after a pause."""
    from mailbot import operator  # noqa: PLC0415

    with _settings(context).turn_context() as turn_context:
        operator.resume(turn_context, as_admin)
    say("The bot acts again.")


def _settings(context: typer.Context) -> Settings:
    settings: Settings = context.obj
    return settings


def _tell(turn_context: TurnContext, ticket: Ticket) -> None:
    """Say what became of a ticket, in the words of its history."""
    say(f"Ticket #{ticket.id} is {ticket.state.value}. {visible(turn_context.store.history(ticket.id)[-1].summary)}")
