"""`backup`: one file from which the bot can be brought back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailbot.adapters.database.backup import CannotBackUp, back_up
from mailbot.adapters.database.place import sqlite_file
from mailbot.cli.output import say
from mailbot.cli.site import settings_of
from mailbot.config import seal_keys, token_keys


def backup(context: typer.Context, file: Annotated[Path, typer.Argument(help="The archive (tar) to write.")]) -> None:
    """Write the database and the keys into one file.

    mailbot may keep running. The file contains everything that people wrote, and keys to act in their names: protect
    it like a password. It does not contain the configuration and its passwords. docs/how-to/upgrade.md explains how
    to restore it.
    """
    settings = settings_of(context)
    settings.as_service()
    config = settings.config
    database = sqlite_file(config.database.url.get_secret_value())
    if database is None:
        raise CannotBackUp(
            "the database is PostgreSQL: its own tools back it up (pg_dump); keep the key files beside it"
        )
    keys = {"tokens.keys": token_keys(config)}
    if config.tokens.seal_key_file is not None:
        keys[config.tokens.seal_key_file.name] = seal_keys(config)
    back_up(database, {name: b"".join(key + b"\n" for key in lines) for name, lines in keys.items()}, file)
    say(f"{file}: the database {database} and the keys, {file.stat().st_size // 1024} KiB.")
