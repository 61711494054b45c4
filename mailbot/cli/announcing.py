"""`announce`: an admin's words to the owners of machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mailbot import announcing, operator
from mailbot.cli.acting import turn_context
from mailbot.cli.deciding import Admin, Yes, confirm
from mailbot.cli.output import say, visible
from mailbot.cli.site import settings_of
from mailbot.turns import announcements


def announce(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="The subject of the message.")],
    file: Annotated[Path, typer.Argument(help="The file with the text; - for standard input.", metavar="FILE")],
    *,
    as_admin: Admin,
    site: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only to owners with a machine at this site. May be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the message and who would get it, and send nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Write to the owners of all machines, or of those at a site.

    Everyone whose machine is running, stopped or being built gets the message once, from the daemon, within the
    limits on letters: above a limit, the rest is held back and the admins are told. Paragraphs are kept. A line that
    would be a command in a reply is refused.
    """
    settings = settings_of(context)
    known = {one.name for one in settings.config.hosts}
    if unknown := sorted(set(site or ()) - known):
        raise typer.BadParameter(f"there is no site {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    text = _text(file)
    sites = tuple(sorted(set(site or ())))
    with turn_context(settings) as turn:
        if wrong := announcing.problem(turn, subject, text):
            raise operator.Refused(wrong)
        owners = list(announcements.readers(turn.store, sites))
        if dry_run:
            for ticket in owners:
                say(f"#{ticket.id}  {visible(ticket.login)}  {visible(ticket.email)}")
            say(f"\nSubject: [{settings.config.service.name}] {visible(subject)}\n\n{visible_lines(text)}\n")
            say(_how_many(len(owners), "would get it"))
            return
        if not owners:
            raise operator.Refused("nobody has a machine there")
        confirm(_how_many(len(owners), "will get it"), yes=yes)
        announcing.announce(turn, subject, text, as_admin, sites)
    say(_how_many(len(owners), "will get it from the daemon shortly"))


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from None


def visible_lines(text: str) -> str:
    """The text line by line, harmless on a terminal."""
    return "\n".join(visible(line) for line in text.strip().splitlines())


def _how_many(number: int, what: str) -> str:
    return f"1 letter {what.replace('are', 'is', 1)}." if number == 1 else f"{number} letters {what}."
