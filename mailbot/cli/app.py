"""The typer application: what every command has in common, and how errors end."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailbot.cli.misuse import misused
from mailbot.cli.output import Named, complain, say
from mailbot.cli.table import LOOK, Table, load

if TYPE_CHECKING:
    from mailbot.ports import Clock

app = typer.Typer(
    cls=Table,
    name="mailbot",
    help="Turns an approved email into a Debian virtual machine and removes the machine when its time is over, never without warning.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    **LOOK,
)

_CLICK_ERROR = typer.BadParameter.__mro__[2]
"""ClickException, from wherever typer keeps its Click."""

CODES: Mapping[str, int] = {
    "mailbot.errors.ConfigurationError": os.EX_CONFIG,
    "mailbot.errors.DatabaseNotReady": os.EX_CONFIG,
    "mailbot.errors.Conflict": os.EX_TEMPFAIL,
    "mailbot.errors.MailServerUnavailable": os.EX_UNAVAILABLE,
    "mailbot.errors.DirectoryUnavailable": os.EX_UNAVAILABLE,
    "mailbot.errors.LetterRefused": os.EX_UNAVAILABLE,
    "mailbot.errors.MailbotError": os.EX_DATAERR,
    "provisioner.api.ProvisionerError": os.EX_UNAVAILABLE,
    "provisioner.image_recipe.RecipeProblem": os.EX_UNAVAILABLE,
    "provisioner.images.ImageProblem": os.EX_UNAVAILABLE,
    "sqlalchemy.exc.SQLAlchemyError": os.EX_UNAVAILABLE,
    "builtins.OSError": os.EX_IOERR,
}
"""Exit codes by the name of an error's class, or of the nearest class above it: no library is imported to tell its errors."""


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
        bool, typer.Option("--print-config", help="Show the configuration in force, with secrets masked, and exit.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Options that come before the command."""
    context.obj = Named(config, context.obj)
    if version:
        say(f"mailbot {import_module('importlib.metadata').version('mailbot')}")
        raise typer.Exit
    if print_config:
        load("site:print_config")(context)
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.BadParameter("a command is needed; `mailbot --help` lists them")


def run_app(words: Sequence[str], clock: Clock | None = None) -> int:
    """Run one command and give its exit code; errors are told in words on standard error."""
    try:
        code = app(args=_config_first(words), prog_name="mailbot", standalone_mode=False, obj=clock)
    except Exception as error:  # noqa: BLE001 - the last place where an error can be told
        return _told(error)
    except SystemExit as end:  # Click's own end, where nobody reads what we write any more (EPIPE): that is no failure
        return os.EX_OK if end.code == 1 else os.EX_SOFTWARE
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
        message = misused(error)
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
    code = _code(error)
    if code is not None:
        complain(str(error))
        return code
    complain("This is a bug in mailbot; please report it:")
    complain("".join(traceback.format_exception(error)).rstrip())
    return os.EX_SOFTWARE


def _code(error: Exception) -> int | None:
    """The exit code of an error that is known; a database that is away comes back, and systemd starts us again."""
    for kind in type(error).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in CODES:
            return CODES[name] if getattr(error, "permanent", True) or CODES[name] != os.EX_CONFIG else os.EX_TEMPFAIL
    return None
