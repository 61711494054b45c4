"""Every command: its name, the function that it calls, and the line that `mailbot --help` shows.

A function's module is imported when its command is called, or its own help is asked for: what `list` needs is loaded by
`list`, and `--help` loads nothing.  A module may therefore import whatever its commands need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup

from mailbot.cli.importing import imported

LOOK: Mapping[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}
"""How every application and every command of ours is made."""


@dataclass(frozen=True, slots=True)
class Row:
    """One command; `calls` is `module:function` in this package, or `module:app` for a group of commands."""

    name: str
    calls: str
    help: str


ROWS = (
    Row("run", "running:run", "Run the daemon."),
    Row("once", "once:once", "Do everything that is due now."),
    Row("explain", "commands:explain", "Show how messages are understood."),
    Row("init", "commands:init", "Write a first configuration."),
    Row("check", "health:check", "Check what needs no network."),
    Row("doctor", "servers:doctor", "Check everything, including the servers."),
    Row("list", "looking:list_", "List tickets."),
    Row("show", "looking:show", "Show a ticket and its history."),
    Row("queue", "looking:queue", "List letters and work on machines that are waiting."),
    Row("approve", "deciding:approve", "Approve a request or an extension, as by mail."),
    Row("deny", "deciding:deny", "Deny a request or an extension, as by mail."),
    Row("retry", "deciding:retry", "Build again after a failure."),
    Row("hold", "deciding:hold", "Keep a machine from being stopped, removed or deleted."),
    Row("unhold", "deciding:unhold", "End the hold on a machine."),
    Row("end", "deciding:end", "Remove a machine now, whatever its end date."),
    Row("extend", "deciding:extend", "Give a machine a later last day without a request."),
    Row("shorten", "deciding:shorten", "Give a machine an earlier last day, with notice."),
    Row("stop", "deciding:stop", "Switch a machine off within its lease."),
    Row("start", "deciding:start", "Switch a machine on within its lease."),
    Row("change-owner", "deciding:change_owner", "Give a machine to another person."),
    Row("restore", "deciding:restore", "Bring a removed machine back with its kept disk."),
    Row("withdraw", "deciding:withdraw", "Withdraw a request for a machine or for an extension."),
    Row("resend", "deciding:resend", "Send a letter again."),
    Row("announce", "announcing:announce", "Write to the owners of all machines, or of those at a site."),
    Row("requeue", "requeueing:requeue", "Try again what is waiting, was given up, or is in quarantine."),
    Row("release-brake", "deciding:release_brake", "Release the machines that the brake holds back."),
    Row("move", "moving:move", "Move a machine to another host, with notice."),
    Row("drain", "moving:drain", "Move every machine of a host to other hosts."),
    Row("close", "deciding:close", "Accept no new requests."),
    Row("open", "deciding:open_", "Accept new requests again, after `close`."),
    Row("pause", "deciding:pause", "Stop acting until `resume`."),
    Row("resume", "deciding:resume", "Act again after a pause."),
    Row("report", "report:report", "Write one page that shows the state of everything."),
    Row("simulate", "simulation:simulate", "Show what will happen to a ticket or to all machines."),
    Row("export", "personal:export", "Write everything that is stored about a person, as JSON."),
    Row("erase", "personal:erase", "Erase what is stored about a person."),
    Row("audit", "auditing:audit", "Check that the history was not changed."),
    Row("backup", "saving:backup", "Write the database and the keys into one file."),
    Row("db", "database:db", "Manage the database's schema."),
    Row("reconcile", "reconciling:reconcile", "Compare the sites with the tickets."),
    Row("site", "sites:site", "Show or change what may happen at a site."),
    Row("image", "images:image", "Manage the machines' base images."),
    Row("docs", "pages:docs", "Write pages for users and admins from the configuration."),
    Row("examples", "examples:examples", "List the files that come with the program, or print them."),
)


class Commands(Mapping[str, Any]):
    """The table as the commands themselves, each made when it is looked up."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self._rows = {row.name: row for row in rows}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(self._rows[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def load(calls: str) -> Any:
    """`module:name` of this package, imported now."""
    module, _, name = calls.partition(":")
    return getattr(imported(module), name)


def _made(row: Row) -> Any:
    found = load(row.calls)
    if isinstance(found, typer.Typer):
        return _plain(typer.main.get_command(found))
    alone = typer.Typer(**LOOK)
    alone.command(row.name)(found)
    return _plain(typer.main.get_command(alone))


_TYPES = {"int": "NUMBER", "int range": "NUMBER", "str": "TEXT", "path": "FILE", "file": "FILE", "directory": "FOLDER"}
"""What help calls a value, by typer's name of its type."""


def _plain(command: Any) -> Any:
    """The same command, whose help has no types of Python: `--disk NUMBER`, not `--disk <int>`."""
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            parameter.metavar = parameter.metavar or parameter.name.upper() + "..." * (parameter.nargs == -1)
        elif not parameter.is_flag:
            parameter.metavar = parameter.metavar or _value(parameter.type)
    for inner in getattr(command, "commands", {}).values():
        _plain(inner)
    return command


def _value(kind: Any) -> str | None:
    return "|".join(kind.choices) if hasattr(kind, "choices") else _TYPES.get(kind.name)


class Table(TyperGroup):
    """The group of all commands; knows their names and first lines without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = {}
        _plain(self)
        self.commands = Commands(ROWS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Click passes it by position
        """The list of `--help`, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.help) for row in ROWS])
