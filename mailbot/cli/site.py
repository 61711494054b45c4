"""What the commands work on: the configuration, and the parts of the bot made from it, each only when asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.cli.as_service import become_service

if TYPE_CHECKING:
    from mailbot.config import Config
    from mailbot.ports import Clock, Store
    from mailbot.turns.context import TurnContext
    from mailbot.wiring import Bot


class Settings:
    """The configuration file that was named, read when it is first needed."""

    def __init__(self, named: Path | None, clock: Clock | None = None) -> None:
        self.named = named
        self._clock = clock

    @cached_property
    def path(self) -> Path:
        """The file that is read."""
        from mailbot.config import default_path  # noqa: PLC0415 - pydantic is slow to import

        return self.named or default_path()

    @cached_property
    def config(self) -> Config:
        """The configuration.  Raises ConfigurationError."""
        from mailbot.config import load  # noqa: PLC0415

        return load(self.path)

    @cached_property
    def clock(self) -> Clock:
        """The clock of every decision: this machine's, unless another was given."""
        from mailbot import wiring  # noqa: PLC0415

        return self._clock or wiring.system_clock()

    def as_service(self) -> str:
        """Go on as the service's user where we are root; gives that user's name, or nothing.  Raises ConfigurationError."""
        return become_service(self.config)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database, at the revision that this program needs.  Raises DatabaseNotReady."""
        from mailbot import wiring  # noqa: PLC0415

        self.as_service()
        self.start_log()
        store = wiring.open_store(self.config)
        try:
            store.check()
            yield store
        finally:
            store.close()

    @contextmanager
    def turn_context(self) -> Iterator[TurnContext]:
        """What a decision at the command line needs."""
        from mailbot import wiring  # noqa: PLC0415

        with self.store() as store:
            yield wiring.make_context(self.config, store, self.clock)

    @contextmanager
    def bot(self) -> Iterator[Bot]:
        """The bot, its connections closed at the end.  Nothing is connected before it is used."""
        from mailbot import wiring  # noqa: PLC0415

        self.as_service()
        self.start_log()
        bot = wiring.build(self.config, self.clock, os.environ.get("NOTIFY_SOCKET"))
        try:
            yield bot
        finally:
            bot.close()

    def start_log(self) -> None:
        """Have log lines written as the configuration says."""
        from mailbot import journal  # noqa: PLC0415

        journal.configure(self.config.log.format, self.config.log.level)
