"""`image build` and `image add`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailbot.cli.output import complain, say
from mailbot.cli.site import Settings

if TYPE_CHECKING:
    from provisioner.images import LocalImage

image = typer.Typer(help="Base images of the machines.", no_args_is_help=True)
Sites = Annotated[
    list[str] | None, typer.Option("--site", help="Only for this site; may be repeated. By default for all.")
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(image, name="image")


@image.command()
def build(
    context: typer.Context,
    site: Sites = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build anew also where a built image is kept.")] = False,
) -> None:
    """Build a Debian image from this machine's apt sources and bring it to the sites; needs root."""
    from provisioner.image_recipe import host_recipe  # noqa: PLC0415 - each command imports what it needs
    from provisioner.images import build_image  # noqa: PLC0415

    settings: Settings = context.obj
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
    from provisioner.images import add_image  # noqa: PLC0415

    settings: Settings = context.obj
    with _progress() as progress, tempfile.TemporaryDirectory(prefix="mailbot-image-") as work:
        _register(settings, add_image(file, sha512, label, Path(work), progress), site, progress)


def _register(
    settings: Settings, made: LocalImage, names: list[str] | None, progress: Callable[[str, float | None], None]
) -> None:
    from mailbot.wiring import site_settings  # noqa: PLC0415
    from provisioner.libvirt_driver import LibvirtSite  # noqa: PLC0415

    known = [site.name for site in settings.config.sites]
    if unknown := sorted(set(names or ()) - set(known)):
        raise typer.BadParameter(f"there is no site {', '.join(unknown)}; the configuration names {', '.join(known)}")
    for section in settings.config.sites:
        if names and section.name not in names:
            continue
        driver = LibvirtSite(site_settings(section))
        try:
            volume = driver.register_image(made, progress)
        finally:
            driver.close()
        say(f"{section.name}: {volume}")


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
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress, TimeElapsedColumn  # noqa: PLC0415

    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda step, fraction: bar.update(
            task, description=step, total=None if fraction is None else 1.0, completed=fraction or 0.0
        )
