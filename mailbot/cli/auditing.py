"""`audit verify`: whether the history is as it was written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from mailbot.archive import Chain
from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import complain, say
from mailbot.cli.site import settings_of
from mailbot.cli.table import LOOK
from mailbot.ports import Store

audit = typer.Typer(name="audit", help="Check that the history was not changed.", no_args_is_help=True, **LOOK)


@audit.callback()
def _group() -> None:
    """A group, although it has one command yet."""


@audit.command()
def verify(
    context: typer.Context,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Write each ticket's number of lines and last seal as JSON, to be kept elsewhere."),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="An earlier output of --json: its lines must still exist.", show_default=False
        ),
    ] = None,
) -> None:
    """Check every line of the history against its seal.

    Names the first changed line of each ticket, and then exits with 65. Someone who can write to the database could
    seal a whole history again; a copy made with --json and kept elsewhere reveals that.
    """
    tickets = lines = erased = 0
    broken: list[str] = []
    with settings_of(context).store() as store:
        for chain in store.archive.chains():
            tickets, lines, erased = tickets + 1, lines + chain.lines, erased + chain.erased
            if chain.broken:
                broken.append(f"ticket #{chain.ticket}: {chain.broken}")
            if as_json:
                say(to_json(chain))
        broken += [] if against is None else _since(store, against)
    for one in broken:
        complain(one)
    if not as_json and not broken:
        say(f"{lines} lines of {tickets} tickets are unchanged{f', {erased} of them erased' if erased else ''}.")
    if broken:
        raise typer.Exit(os.EX_DATAERR)


def _since(store: Store, file: Path) -> list[str]:
    """What was in the history when the file was written, and is not there now.

    A ticket that has left as a whole is not told: the rules of retention take away what is old.
    """
    told = []
    for text in file.read_text(encoding="utf-8").splitlines():
        then = Chain(**json.loads(text))
        seals = store.archive.seals(then.ticket)
        if seals and seals[then.lines - 1 : then.lines] != [then.seal]:
            told.append(f"ticket #{then.ticket}: line {then.lines} is not the one that {file} knows")
    return told
