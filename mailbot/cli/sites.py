"""`site list`, `open`, `cordon`, `down` and `history`."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbot import operator
from mailbot.cli.acting import turn_context
from mailbot.cli.columns import Column, colours, columns, width
from mailbot.cli.deciding import Admin
from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import say, visible
from mailbot.cli.site import Settings, settings_of
from mailbot.cli.table import LOOK
from mailbot.turns import modes
from mailbot.turns.modes import Mode
from provisioner.api import SiteHealth

site = typer.Typer(name="site", help="Show or change what may happen at a site.", no_args_is_help=True, **LOOK)

_LIST = tuple(map(Column, ("site", "mode", "answers", "machines", "free MiB", "free GiB", "problems")))
Name = Annotated[str, typer.Argument(help="The site, or a host of it as `site/host`.", show_default=False)]
Why = Annotated[str, typer.Option(help="The reason, for anyone who wonders later.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@site.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the sites at the last check: mode, capacity, machines and problems."""
    settings = settings_of(context)
    with settings.store() as store:
        seen = {health.site: (health, at) for health, at in store.health()}
        found = [(name, modes.mode_of(store, name), *seen.get(name, (None, None))) for name in _names(settings)]
    if as_json:
        for name, mode, health, at in found:
            say(to_json({"site": name, "mode": mode, "looked_at": at, "health": health}))
        return
    rows = [(name, mode.value, *_room(health)) for name, mode, health, _ in found]
    say(columns(_LIST, rows, room=width(), colour=colours()))


def _room(health: SiteHealth | None) -> tuple[object, ...]:
    if health is None:
        return "not asked yet", "", "", "", ""
    room = (health.machines, health.free_memory_mib, health.free_disk_gib) if health.reachable else ("", "", "")
    return "yes" if health.reachable else "no", *room, " ".join(health.problems)


@site.command("open")
def open_(context: typer.Context, name: Name, as_admin: Admin, why: Why) -> None:
    """Use a site again, after `cordon` or `down`."""
    _change(context, name, Mode.OPEN, as_admin, why)


@site.command()
def cordon(context: typer.Context, name: Name, as_admin: Admin, why: Why) -> None:
    """Give a site no new machines; existing ones stay.

    Requests are accepted as before, and built elsewhere or later. Use `close` to refuse them.
    """
    _change(context, name, Mode.CORDONED, as_admin, why)


@site.command()
def down(context: typer.Context, name: Name, as_admin: Admin, why: Why) -> None:
    """Do not contact a site, as if it did not answer; work there waits."""
    _change(context, name, Mode.DOWN, as_admin, why)


@site.command()
def history(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show who changed a site's mode, when and why."""
    settings = settings_of(context)
    _known(settings, name)
    with settings.store() as store:
        for one in modes.history(store, name):
            words = f"{one.at.isoformat(timespec='minutes')}  {one.mode.value}  {one.who}: {one.why}"
            say(to_json(one) if as_json else visible(words))


def _change(context: typer.Context, name: str, mode: Mode, as_admin: str, why: str) -> None:
    settings = settings_of(context)
    _known(settings, name)
    with turn_context(settings) as turn:
        operator.set_site_mode(turn, name, mode, as_admin, why)
    say(f"The site {name} is {mode.value}.")


def _names(settings: Settings) -> list[str]:
    return [host.name for host in settings.config.hosts]


def _known(settings: Settings, name: str) -> None:
    names = _names(settings)
    if name not in names:
        raise typer.BadParameter(f"there is no site {name}; the configuration names {', '.join(names)}")
