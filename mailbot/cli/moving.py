"""`move` and `drain`: machines go to other hosts of their site, announced like a stop."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from mailbot import fleet
from mailbot.cli.acting import turn_context
from mailbot.cli.columns import moment
from mailbot.cli.deciding import Admin, Number, day
from mailbot.cli.output import say, visible
from mailbot.cli.site import Settings, settings_of


def move(
    context: typer.Context,
    ticket: Number,
    as_admin: Admin,
    *,
    host: Annotated[str, typer.Argument(help="The new host, as shown by `site list`.")] = "",
    on: Annotated[
        date | None, typer.Option(parser=day, metavar="DATE", help="The day of the move.", show_default=False)
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel a move that has not begun.")] = False,
) -> None:
    """Move a machine to another host, with notice.

    Its owner is told now and again on the day before. The machine is off while its disk is copied. Name, disk, host
    keys and login stay the same; the address usually changes. A machine on hold or a day in a closure is refused. If
    the other host cannot take the machine, it is started again where it was, and the admins are told.
    """
    settings = settings_of(context)
    if cancel == bool(host) or (host and on is None):
        raise typer.BadParameter("say either the host and --on DATE, or --cancel")
    with turn_context(settings) as turn:
        if cancel or on is None:
            fleet.cancel_move(turn, ticket, as_admin)
            say(f"The machine of ticket #{ticket} stays where it is.")
            return
        found = turn.store.ticket(ticket)
        hosts = neighbours(settings, (found.site if found else None) or "")
        plan = fleet.move(turn, ticket, host, on, as_admin, neighbours=hosts)
        when = moment(plan.at, turn.rules.service.timezone)
    say(f"The machine of ticket #{ticket} will move to {host} at {when}. Its owner will be told.")


def drain(
    context: typer.Context,
    host: Annotated[str, typer.Argument(help="The host, as shown by `site list`.")],
    *,
    as_admin: Admin = "",
    why: Annotated[str, typer.Option(help="The reason, for anyone who wonders later.", show_default=False)] = "",
    first: Annotated[
        date | None,
        typer.Option(
            "--from",
            parser=day,
            metavar="DATE",
            help="No earlier than this day; by default as soon as notice allows.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would move where and when.")] = False,
) -> None:
    """Move every machine of a host to other hosts.

    Owners get notice, and the host gets no new machines from now on. Each running machine moves to the host of the
    same domain with the most room, no more per day than the brake allows to be stopped at once
    (lease.brake_machines), and not on days of a closure. Stopped machines and kept disks stay until their time is up.
    Run it again to plan what has been added or has failed since.
    """
    settings = settings_of(context)
    hosts = neighbours(settings, host)
    if not hosts:
        raise typer.BadParameter(f"the configuration names no host {host}")
    if not dry_run and not as_admin:
        raise typer.BadParameter("say --as ADMIN, or --dry-run")
    with turn_context(settings) as turn:
        zone = turn.rules.service.timezone
        if dry_run:
            plan = fleet.drained(turn, host, neighbours=hosts, first=first)
        else:
            plan = fleet.drain(turn, host, as_admin, why=why, neighbours=hosts, first=first)
    for one in plan:
        goes = f"to {one.to} at {moment(one.at, zone)}" if one.at else f"stays: {visible(one.why)}"
        say(f"#{one.ticket} {visible(one.machine)}: {goes}")
    moving = sum(one.at is not None for one in plan)
    say(f"{moving} of {len(plan)} {'would move' if dry_run else 'move'}.")


def neighbours(settings: Settings, host: str) -> frozenset[str]:
    """The hosts at which a machine of that host keeps its name: those of the same domain."""
    domains = {one.name: one.dns_domain for one in settings.config.hosts}
    return frozenset(name for name, domain in domains.items() if domain == domains.get(host))
