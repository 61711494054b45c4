"""What commands that only look work on: the configuration and the database, each only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import typer

from mailbot.cli.as_service import become_service
from mailbot.cli.output import Named, say
from mailbot.config import Config, as_toml, default_path, load

if TYPE_CHECKING:
    from mailbot.ports import Clock, Store


class Settings:
    """The configuration file that was named, read when it is first needed."""

    def __init__(self, named: Path | None, clock: Clock | None = None) -> None:
        self.named = named
        self._clock = clock

    @cached_property
    def path(self) -> Path:
        """The file that is read."""
        return self.named or default_path()

    @cached_property
    def config(self) -> Config:
        """The configuration.  Raises ConfigurationError."""
        return load(self.path)

    @cached_property
    def clock(self) -> Clock:
        """The clock of every decision: this machine's, unless another was given."""
        return self._clock or _storage().system_clock()

    def as_service(self) -> str:
        """Go on as the service's user where we are root; gives that user's name, or nothing.  Raises ConfigurationError."""
        return self._user

    @cached_property
    def _user(self) -> str:
        return become_service(self.config)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, at the revision that this program needs.  Raises DatabaseNotReady."""
        self.as_service()
        store: Store = _storage().open_store(self.config)
        try:
            store.check()
            yield store
        finally:
            store.close()


def _storage() -> ModuleType:
    """`mailbot.storage`, imported now: SQLAlchemy takes half of a start, and `once` begins something else before."""
    return import_module("mailbot.storage")


def settings_of(context: typer.Context) -> Settings:
    """What the options before the command name."""
    named: Named = context.obj
    return Settings(named.config, named.clock)


def print_config(context: typer.Context) -> None:
    """`--print-config`."""
    say(as_toml(settings_of(context).config).rstrip())
