"""The typer application: what every command has in common, and how errors end."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from mailbot.cli import commands, database, examples, images, simulation, tickets
from mailbot.cli.output import complain, say
from mailbot.cli.site import Settings
from mailbot.errors import (
    ConfigurationError,
    Conflict,
    DatabaseNotReady,
    DirectoryUnavailable,
    LetterRefused,
    MailbotError,
    MailServerUnavailable,
)
from mailbot.ports import Clock

app = typer.Typer(
    name="mailbot",
    help="Turns an approved e-mail into a Debian virtual machine, and takes it away again, never without warning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_CLICK_ERROR = typer.BadParameter.__mro__[2]
"""ClickException, from wherever typer keeps its Click."""

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (ConfigurationError, os.EX_CONFIG),
    (DatabaseNotReady, os.EX_CONFIG),
    (Conflict, os.EX_TEMPFAIL),
    (MailServerUnavailable, os.EX_UNAVAILABLE),
    (DirectoryUnavailable, os.EX_UNAVAILABLE),
    (LetterRefused, os.EX_UNAVAILABLE),
    (MailbotError, os.EX_DATAERR),
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="The configuration file; by default $MAILBOT_CONFIG, else /etc/mailbot/config.toml.",
            show_default=False,
        ),
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Show the configuration in force, secrets masked, and end.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    """Options that come before the command."""
    context.obj = Settings(config, context.obj)
    if version:
        say(f"mailbot {installed_version('mailbot')}")
        raise typer.Exit
    if print_config:
        from mailbot.config import as_toml  # noqa: PLC0415 - pydantic is slow to import

        say(as_toml(context.obj.config).rstrip())
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.BadParameter("a command is needed; `mailbot --help` lists them")


commands.register(app)
tickets.register(app)
database.register(app)
images.register(app)
examples.register(app)
simulation.register(app)


def run_app(words: Sequence[str], clock: Clock | None = None) -> int:
    """Run one command and give its exit code; errors are told in words on standard error."""
    try:
        code = app(args=_config_first(words), prog_name="mailbot", standalone_mode=False, obj=clock)
    except Exception as error:  # noqa: BLE001 - the last place where an error can be told
        return _told(error)
    except KeyboardInterrupt:
        return 130
    return code if isinstance(code, int) else os.EX_OK


def _config_first(words: Sequence[str]) -> list[str]:
    """`-c FILE` is understood after the command as well."""
    first: list[str] = []
    rest: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            rest += [word, *waiting]
            break
        if word in {"-c", "--config"} and waiting:
            first += [word, waiting.pop(0)]
        elif word.startswith("--config="):
            first.append(word)
        else:
            rest.append(word)
    return first + rest


def _told(error: Exception) -> int:
    """Tell an error and give the exit code that it ends with."""
    if isinstance(error, _CLICK_ERROR):
        context = getattr(error, "ctx", None)
        path = getattr(context, "command_path", "mailbot")
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        shown = message.startswith("Usage:")  # nothing was asked for: the help itself is the message
        complain(message if shown else f"{path}: {message}\nTry: {path} --help")
        return os.EX_USAGE
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        complain("Nothing was done.")
        return 130
    if isinstance(error, BrokenPipeError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - nobody reads any more
        return os.EX_OK
    if isinstance(error, DatabaseNotReady) and not error.permanent:
        complain(str(error))
        return os.EX_TEMPFAIL  # a server that is away comes back; systemd starts us again
    for kind, code in (*_CODES, *_edge_codes()):
        if isinstance(error, kind):
            complain(str(error))
            return code
    complain("mailbot has a fault; please report this:")
    complain("".join(traceback.format_exception(error)).rstrip())
    return os.EX_SOFTWARE


def _edge_codes() -> tuple[tuple[type[Exception], int], ...]:
    """Errors of libraries that are only imported where they were used."""
    from provisioner.api import ProvisionerError  # noqa: PLC0415
    from provisioner.image_recipe import RecipeProblem  # noqa: PLC0415
    from provisioner.images import ImageProblem  # noqa: PLC0415

    codes: list[tuple[type[Exception], int]] = [
        (ProvisionerError, os.EX_UNAVAILABLE),
        (RecipeProblem, os.EX_UNAVAILABLE),
        (ImageProblem, os.EX_UNAVAILABLE),
    ]
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        codes.append((SQLAlchemyError, os.EX_UNAVAILABLE))
    codes.append((OSError, os.EX_IOERR))
    return tuple(codes)
