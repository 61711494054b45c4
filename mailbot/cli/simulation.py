"""`simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mailbot.cli import forecast
from mailbot.cli.acting import turn_context
from mailbot.cli.output import say
from mailbot.cli.site import settings_of


def simulate(
    context: typer.Context,
    *,
    ticket: Annotated[
        int | None, typer.Argument(help="The ticket's number; by default the whole fleet.", min=1, show_default=False)
    ] = None,
    until: Annotated[
        str, typer.Option(metavar="DATE", help="The end of the simulation; by default the end of every machine.")
    ] = "",
    down: Annotated[
        list[str] | None, typer.Option(metavar="FROM..TO", help="mailbot is off then; may be repeated.")
    ] = None,
    bounce: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LETTER|SHARE",
            help="The next such letter comes back (7:warning for ticket 7), or a share of all: 2%.",
        ),
    ] = None,
    extend: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATE=UNTIL|SHARE",
            help="The owner asks on a date for another last day (7:2027-03-01=2027-09-30), or this share of warnings is answered: 30%.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="For shares: another number gives another random choice.")] = 0,
    form: Annotated[Literal["table", "json", "svg"], typer.Option("--format", help="The output format.")] = "table",
    out: Annotated[Path | None, typer.Option(help="Write to a file.", show_default=False)] = None,
) -> None:
    """Show what will happen to a ticket or to all machines.

    Shows every letter and every step until a date, by the rules in force and with the events that you add. Nothing is
    changed or sent.
    """
    with turn_context(settings_of(context)) as circumstances:
        picture, tickets = forecast.forecast_of(
            circumstances,
            ticket,
            until,
            forecast.ThrownIn(tuple(down or ()), tuple(bounce or ()), tuple(extend or ()), seed),
        )
    text = forecast.told(forecast.Format(form), picture, tickets, colours=out is None)
    if out is None:
        say(text.rstrip("\n"))
    else:
        out.write_text(text, encoding="utf-8")
