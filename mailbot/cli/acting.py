"""What commands that act work on: the bot, or as much of it as a decision needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mailbot import journal, wiring
from mailbot.cli.site import Settings
from mailbot.turns.context import TurnContext
from mailbot.wiring import Bot


@contextmanager
def turn_context(settings: Settings) -> Iterator[TurnContext]:
    """What a decision at the command line needs."""
    start_log(settings)
    with settings.store() as store:
        yield wiring.make_context(settings.config, store, settings.clock)


@contextmanager
def bot(settings: Settings) -> Iterator[Bot]:
    """The bot, its connections closed at the end.  Nothing is connected before it is used."""
    settings.as_service()
    start_log(settings)
    made = wiring.build(settings.config, settings.clock, os.environ.get("NOTIFY_SOCKET"))
    try:
        yield made
    finally:
        made.close()


def start_log(settings: Settings) -> None:
    """Have log lines written as the configuration says."""
    journal.configure(settings.config.log.format, settings.config.log.level)
