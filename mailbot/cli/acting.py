"""What commands that decide work on: the context of turns, without mail servers and hypervisors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailbot import contexts, journal
from mailbot.cli.site import Settings
from mailbot.turns.context import TurnContext


@contextmanager
def turn_context(settings: Settings) -> Iterator[TurnContext]:
    """What a decision at the command line needs."""
    start_log(settings)
    with settings.store() as store:
        yield contexts.make_context(settings.config, store, settings.clock)


def start_log(settings: Settings) -> None:
    """Have log lines written as the configuration says."""
    journal.configure(settings.config.log.format, settings.config.log.level)
