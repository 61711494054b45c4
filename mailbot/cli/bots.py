"""The whole bot, for commands that need its servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mailbot import passes, wiring
from mailbot.adapters.reading.process import ReadingProcess
from mailbot.adapters.sites.apart import HostsProcess
from mailbot.cli.acting import start_log
from mailbot.cli.site import Settings
from mailbot.cli.table import load
from mailbot.passes import Tally
from mailbot.wiring import Bot


@contextmanager
def bot(settings: Settings, hosts: HostsProcess | None = None, reading: ReadingProcess | None = None) -> Iterator[Bot]:
    """The bot, its connections closed at the end; hosts are asked and mails read by these processes, if given.  Nothing is connected before it is used."""
    settings.as_service()
    start_log(settings)
    made = wiring.build(settings.config, settings.clock, os.environ.get("NOTIFY_SOCKET"), hosts=hosts, reading=reading)
    try:
        yield made
    finally:
        made.close()


def once(settings: Settings, reading: ReadingProcess | None) -> Tally:
    """Everything that is due now, mails read by that process, if there is one; and the figures of it, where they go to a file."""
    figures = settings.config.metrics.textfile
    with bot(settings, reading=reading) as running:
        tally = passes.once(running)
        if figures is not None:
            load("figures:write_textfile")(figures, running.context.store, running.context.clock.now())
    return tally
