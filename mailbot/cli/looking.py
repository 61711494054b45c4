"""`list`, `show` and `queue`: what there is, from the database alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any

import typer

from mailbot.cli import sheet
from mailbot.cli.columns import Cell, Column, Look, colours, columns, moment, width
from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import complain, say, visible
from mailbot.cli.site import Settings, settings_of
from mailbot.cli.table import load
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.outlook import Outlook, outlook
from mailbot.model import FINAL, Ticket, TicketState
from mailbot.ports import Queued, Store, Wanted
from provisioner.naming import host_part

Json = Annotated[bool, typer.Option("--json", help="Write JSON, one object per line.")]
Which = Annotated[str, typer.Argument(metavar="TICKET", help="Its number, its user's login, or its machine's name.")]

_STATE_LOOKS: Mapping[TicketState, Look] = {
    TicketState.ACTIVE: Look.GOOD,
    TicketState.FAILED: Look.BAD,
    TicketState.EXPIRED: Look.WARNING,
    TicketState.PENDING: Look.WARNING,
}
_LIST = (
    Column("ticket"), Column("state"), Column("user"), Column("ends on", 1), Column("waits for", 2), Column("next", 4),
    Column("at", 3), Column("site", 6), Column("disk", 7), Column("held", 5),
)  # fmt: skip
_QUEUE = (
    Column("row"), Column("ticket"), Column("what"), Column("to", 3), Column("since", 5), Column("tries", 2),
    Column("next try", 1), Column("last error", 4),
)  # fmt: skip


def list_(
    context: typer.Context,
    *,
    state: Annotated[
        list[TicketState] | None,
        typer.Option(metavar="STATE", help=f"Only tickets in this state: {', '.join(TicketState)}. May be repeated."),
    ] = None,
    user: Annotated[str, typer.Option(metavar="LOGIN", help="Only tickets of this user.")] = "",
    site: Annotated[str, typer.Option(metavar="NAME", help="Only machines at this site.")] = "",
    held: Annotated[bool, typer.Option("--held", help="Only machines on hold.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Also closed tickets.")] = False,
    after: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Only tickets above this number.")] = 0,
    limit: Annotated[int, typer.Option(metavar="COUNT", min=1, help="Show at most this many.")] = 100,
    as_json: Json = False,
) -> None:
    """List tickets.

    Shows open tickets, who each is waiting for and what comes next, in the site's time zone.
    """
    settings = settings_of(context)
    living = () if all_ else tuple(one for one in TicketState if one not in FINAL)
    wanted = Wanted(tuple(state or ()) or living, user, site, held)
    with settings.store() as store:
        tickets, paused = store.overview.tickets(wanted, after, limit + 1), store.note("paused")
    if paused:
        complain(f"mailbot was paused by {visible(paused)}")
    more, tickets = len(tickets) > limit, tickets[:limit]
    looks = [_outlook(settings, ticket) for ticket in tickets]
    if as_json:
        for ticket, look in zip(tickets, looks, strict=True):
            say(to_json({**_fields(ticket), "outlook": look}))
    elif tickets:
        zone = settings.config.service.timezone
        rows = [_row(ticket, look, zone) for ticket, look in zip(tickets, looks, strict=True)]
        say(columns(_LIST, rows, room=width(), colour=colours()))
    else:
        say("There are no tickets.")
    if more:
        complain(f"There are more: --after {tickets[-1].id}")


def _fields(ticket: Ticket) -> dict[str, Any]:
    return {field.name: getattr(ticket, field.name) for field in fields(ticket) if field.repr}


def _row(ticket: Ticket, look: Outlook, zone: str) -> Sequence[object]:
    return (
        f"#{ticket.id}",
        Cell(ticket.state.value, _STATE_LOOKS.get(ticket.state, Look.PLAIN)),
        ticket.username,
        ticket.end_date,
        ": ".join(filter(None, (look.party.value, look.waits))),
        look.next,
        moment(look.at, zone),
        ticket.site,
        f"{ticket.disk_gib} GiB",
        Cell(ticket.held, Look.WARNING),
    )


def _outlook(settings: Settings, ticket: Ticket) -> Outlook:
    return outlook(ticket, circumstances(settings, ticket))


def circumstances(settings: Settings, ticket: Ticket) -> Circumstances:
    """What dates depend on besides the ticket: the moment, the rules in force, the closures of its site."""
    config = settings.config
    closed = next((site.closures for site in config.hosts if site.name == ticket.site), ())
    return Circumstances(settings.clock.now(), config.rules, (), closed=closed)


def found(store: Store, which: str) -> Ticket:
    """The ticket that is meant: by number, login, or the name of its machine; the newest where a user has had several.

    Ends the command where there is none.
    """
    ticket, first = None, which.partition(".")[0]
    login = first.removesuffix("-vm") if first.endswith("-vm") else host_part(which)
    if which.removeprefix("#").isdecimal():
        ticket = store.ticket(int(which.removeprefix("#")))
    elif login:
        ticket = store.open_ticket_of(login) or next(iter(reversed(_all_of(store, login))), None)
    if ticket is None:
        complain(f"There is no ticket {f'#{which}' if which.isdecimal() else visible(which)}.")
        raise typer.Exit(os.EX_DATAERR)
    return ticket


def _all_of(store: Store, login: str) -> list[Ticket]:
    return store.overview.tickets(Wanted(username=login), 0, 10_000)


def show(
    context: typer.Context,
    ticket: Which,
    as_json: Json = False,
    mail: Annotated[
        str,
        typer.Option(
            metavar="HASH", help="Write one message of its history as it arrived; HASH is the beginning of its hash."
        ),
    ] = "",
) -> None:
    """Show a ticket and its history.

    Shows what was requested, what is in progress, every change with its evidence, and the proof that each letter was
    accepted.
    """
    settings = settings_of(context)
    if mail:
        _show_mail(settings, ticket, mail)
        return
    with settings.store() as store:
        one = found(store, ticket)
        told = sheet.Sheet(
            ticket=one,
            outlook=_outlook(settings, one),
            waiting=store.overview.queue(one.id),
            given_up=store.overview.given_up(one.id),
            trouble=store.overview.trouble(one.id),
            history=store.history(one.id),
            letters=store.accepted(one.id),
            addresses=store.addresses(one.id),
        )
    if as_json:
        say(to_json({**told.as_dict(), "ticket": _fields(one)}))
    else:
        say("\n".join(sheet.lines(told, circumstances(settings, one), room=width(), colour=colours())))


def _show_mail(settings: Settings, which: str, beginning: str) -> None:
    """The bytes of a mail that changed the ticket; they are stored encrypted."""
    with settings.store() as store:
        ticket = found(store, which)
        history = store.history(ticket.id)
        mail = next((one.actor.mail for one in history if one.actor.mail.startswith(beginning.lower())), "")
        stored = store.raw_mail(mail) if mail else None
    if stored is None:
        complain(f"Ticket #{ticket.id} has no message whose hash begins with {visible(beginning)}.")
        raise typer.Exit(os.EX_DATAERR)
    try:
        raw = load("mails:opened")(settings.config, stored)
    except LookupError as error:
        complain(f"That cannot be shown: {error}.")
        raise typer.Exit(os.EX_CONFIG) from None
    sys.stdout.buffer.write(raw)


def queue(
    context: typer.Context,
    ticket: Annotated[str, typer.Option(metavar="TICKET", help="Only for this ticket, given as in `show`.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Show what was given up, latest first.")] = False,
    limit: Annotated[int, typer.Option(metavar="COUNT", min=1, help="Show at most this many.")] = 100,
    as_json: Json = False,
) -> None:
    """List letters and work on machines that are waiting.

    What will be tried next comes first, with the number of attempts and the last error.
    """
    settings = settings_of(context)
    with settings.store() as store:
        number = found(store, ticket).id if ticket else None
        ask = store.overview.given_up if failed else store.overview.queue
        rows = ask(number, limit + 1)
    if as_json:
        for row in rows[:limit]:
            say(to_json(row))
    elif rows:
        zone = settings.config.service.timezone
        told = [_queued(row, settings.clock.now(), zone) for row in rows[:limit]]
        say(columns(_QUEUE, told, room=width(), colour=colours()))
    else:
        say("Nothing was given up." if failed else "The queue is empty.")
    if len(rows) > limit:
        complain(f"There are more: --limit {2 * limit}")


def _queued(row: Queued, now: datetime, zone: str) -> Sequence[object]:
    tried = "now" if row.next_attempt_at <= now else moment(row.next_attempt_at, zone)
    return (
        row.id,
        f"#{row.ticket_id}" if row.ticket_id else "-",
        row.letter or row.action,
        row.to,
        moment(row.created_at, zone),
        row.attempts,
        f"given up {moment(row.settled_at, zone)}" if row.settled_at else tried,
        Cell(row.error, Look.WARNING),
    )
