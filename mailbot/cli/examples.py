"""`examples`: the files that come with the program, for a site to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from mailbot.cli.output import complain, say
from mailbot.errors import MailbotError


class NoExample(MailbotError):
    """There is no example of that name, or a file is in its place already."""

    permanent = True


def examples(
    name: Annotated[str, typer.Argument(help="Write this file to standard output.", show_default=False)] = "",
    into: Annotated[
        Path | None, typer.Option(help="Write this file, or all, to this folder.", show_default=False)
    ] = None,
) -> None:
    """List the files that come with the program, or print them.

    These are the configuration with every setting, a directory of users, and the systemd units. No file is overwritten.
    """
    known = names()
    if name and name not in known:
        raise NoExample(f"there is no example {name}; there are {', '.join(known)}")
    if into is not None:
        for one in (name,) if name else known:
            _put(into / one)
    elif name:
        say(text_of(name).rstrip("\n"))
    else:
        say("\n".join(known))


def names() -> tuple[str, ...]:
    """All examples, in the order of their names."""
    inside = files("mailbot.examples").iterdir()
    return tuple(sorted(one.name for one in inside if one.is_file() and not one.name.endswith((".py", ".pyc"))))


def text_of(name: str) -> str:
    """What an example says."""
    return files("mailbot.examples").joinpath(name).read_text(encoding="utf-8")


def _put(path: Path) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text_of(path.name))
    except FileExistsError:
        raise NoExample(f"{path} exists already and is left as it is") from None
    complain(f"written {path}")
