"""`export` and `erase`: what is kept about a person."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Annotated, Any

import typer

from mailbot import personal
from mailbot.archive import About
from mailbot.cli.acting import turn_context
from mailbot.cli.deciding import Admin, Yes, confirm
from mailbot.cli.mails import opened
from mailbot.cli.output import as_json, complain, say, visible
from mailbot.cli.site import settings_of
from mailbot.config import Config

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="The person's login.")]
Addresses = Annotated[
    list[str] | None,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="Another address of theirs, besides those in the directory and in their tickets. May be repeated.",
    ),
]


Ids = Annotated[
    list[str] | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="Which person, if several have had the login: an id from the list that is then shown. May be repeated"
        " if the directory has had two ids for the same person.",
    ),
]


def export(context: typer.Context, login: Login, ids: Ids = None, address: Addresses = None) -> None:
    """Write everything that is stored about a person, as JSON.

    This is tickets with their history and the addresses of their machines, letters, messages with their text, and
    what the person decided as an admin.
    """
    settings = settings_of(context)
    with turn_context(settings) as turn:
        about = personal.export(turn, personal.person(turn, login, ids or ()), address or ())
    if not any((about.tickets, about.letters, about.mails, about.deeds)):
        complain(f"Nothing is stored about {visible(login)}.")
        raise typer.Exit(os.EX_DATAERR)
    words = {sha256: _words(settings.config, stored) for sha256, stored in about.words.items()}
    say(as_json({**{one.name: getattr(about, one.name) for one in fields(About)}, "words": words}))


def _words(config: Config, stored: bytes) -> str:
    try:
        return opened(config, stored).decode("utf-8", "backslashreplace")
    except LookupError as error:
        return f"({error})"


def erase(
    context: typer.Context,
    login: Login,
    *,
    as_admin: Admin,
    ids: Ids = None,
    address: Addresses = None,
    yes: Yes = False,
) -> None:
    """Erase what is stored about a person.

    All their tickets must be closed. What happened when, and which admin decided, is kept under a name that means
    nothing. Messages in the mailbox's folders, logs and backups are not touched.
    """
    with turn_context(settings_of(context)) as turn:
        whom = personal.person(turn, login, ids or ())
        named = " ".join([login, *(f"({one})" for one in whom.ids if one)])
        confirm(f"What is stored about {named} will be erased for good.", yes=yes)
        done = personal.erase(turn, whom, as_admin, address or ())
    say(_told(done))


def _told(done: Any) -> str:
    counts = f"{done.tickets} tickets, {done.lines} lines of history, {done.letters} letters, {done.mails} mails"
    return f"Erased: {counts}. Mails in the mailbox's folders, logs and backups are yours to erase."
