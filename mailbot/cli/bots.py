"""The whole bot, for commands that need its servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mailbot import wiring
from mailbot.adapters.sites.apart import HostsProcess
from mailbot.cli.acting import start_log
from mailbot.cli.site import Settings
from mailbot.wiring import Bot


@contextmanager
def bot(settings: Settings, hosts: HostsProcess | None = None) -> Iterator[Bot]:
    """The bot, its connections closed at the end; hosts are asked by that process where there is one.  Nothing is connected before it is used."""
    settings.as_service()
    start_log(settings)
    made = wiring.build(settings.config, settings.clock, os.environ.get("NOTIFY_SOCKET"), hosts=hosts)
    try:
        yield made
    finally:
        made.close()
