"""`image build`, `add`, `list` and `prune`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from mailbot.cli.columns import Column, colours, columns, width
from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import complain, say
from mailbot.cli.site import Settings, settings_of
from mailbot.cli.table import LOOK
from mailbot.config import SiteSection
from mailbot.wiring import make_site
from provisioner.api import ProvisionerError
from provisioner.image_recipe import host_recipe
from provisioner.images import LocalImage, add_image, build_image
from provisioner.libvirt_driver import LibvirtSite

image = typer.Typer(name="image", help="Manage the machines' base images.", no_args_is_help=True, **LOOK)
_LIST = tuple(map(Column, ("site", "image", "disks", "for")))
Sites = Annotated[
    list[str] | None, typer.Option("--site", help="Only for this site; may be repeated. By default for all sites.")
]


@image.command()
def build(
    context: typer.Context,
    site: Sites = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build even if a built image exists.")] = False,
) -> None:
    """Build a Debian image from this machine's apt sources and bring it to the sites; needs root."""
    settings = settings_of(context)
    wanted = settings.config.image
    with _progress() as progress:
        made = build_image(host_recipe(wanted.suite), wanted.cache, progress, rebuild=rebuild)
        _register(settings, made, site, progress)


@image.command()
def add(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A ready cloud image.", exists=True, dir_okay=False)],
    sha512: Annotated[str, typer.Option("--sha512", help="Its published checksum.")],
    label: Annotated[str, typer.Option(help="What it is, such as debian-trixie.")] = "debian-cloud",
    site: Sites = None,
) -> None:
    """Verify a ready image and bring it to the sites."""
    settings = settings_of(context)
    with _progress() as progress, tempfile.TemporaryDirectory(prefix="mailbot-image-") as work:
        _register(settings, add_image(file, sha512, label, Path(work), progress), site, progress)


@image.command("list")
def list_(
    context: typer.Context,
    site: Sites = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, one object per image.")] = False,
) -> None:
    """List the images at each site, how many disks depend on each, and which one new machines get."""
    found: list[tuple[str, str, int, bool]] = []

    def one(section: SiteSection, driver: LibvirtSite) -> None:
        current = driver.health().image
        found.extend(
            (section.name, name, count, name == current) for name, count in sorted(driver.image_uses().items())
        )

    missed = _at_each(settings_of(context), site, one)
    if as_json:
        for name, label, disks, current in found:
            say(to_json({"site": name, "image": label, "disks": disks, "for_new_machines": current}))
    else:
        rows = [(*facts, "new machines" if current else "") for *facts, current in found]
        say(columns(_LIST, rows, room=width(), colour=colours()))
    _end(missed)


@image.command()
def prune(context: typer.Context, site: Sites = None) -> None:
    """Remove images that no disk depends on, except the newest of each label."""

    def one(section: SiteSection, driver: LibvirtSite) -> None:
        gone = driver.prune_images()
        say(f"{section.name}: {', '.join(gone) or 'nothing to remove'}")

    _end(_at_each(settings_of(context), site, one))


def _register(
    settings: Settings, made: LocalImage, names: list[str] | None, progress: Callable[[str, float | None], None]
) -> None:
    def one(section: SiteSection, driver: LibvirtSite) -> None:
        say(f"{section.name}: {driver.register_image(made, progress)}")

    _end(_at_each(settings, names, one))


def _at_each(settings: Settings, names: list[str] | None, do: Callable[[SiteSection, LibvirtSite], None]) -> list[str]:
    """Do something at each host; one that cannot keeps no other from it.  Gives the names of those that could not."""
    known = [site.name for site in settings.config.hosts]
    if unknown := sorted(set(names or ()) - set(known)):
        raise typer.BadParameter(f"there is no site {', '.join(unknown)}; the configuration names {', '.join(known)}")
    missed: list[str] = []
    for section in settings.config.hosts:
        if names and section.name not in names:
            continue
        driver = make_site(section)
        try:
            do(section, driver)
        except ProvisionerError as error:
            complain(f"{section.name}: {error}")
            missed.append(section.name)
        finally:
            driver.close()
    return missed


def _end(missed: list[str]) -> None:
    """End with a code that says so where a site was missed; the same command later does what is left."""
    if missed:
        complain(f"Not done at {', '.join(missed)}: run the same command again when they answer.")
        raise typer.Exit(os.EX_UNAVAILABLE)


@contextmanager
def _progress() -> Iterator[Callable[[str, float | None], None]]:
    """A bar on a terminal, a line for each step elsewhere."""
    if not sys.stderr.isatty():
        told: list[str] = []

        def line(step: str, _fraction: float | None) -> None:
            if told[-1:] != [step]:
                told.append(step)
                complain(step)

        yield line
        return
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda step, fraction: bar.update(
            task, description=step, total=None if fraction is None else 1.0, completed=fraction or 0.0
        )
