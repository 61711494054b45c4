"""`run`."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing, nullcontext
from importlib.metadata import version

import typer

from mailbot import daemon, journal
from mailbot.adapters.sites.apart import HostsProcess
from mailbot.cli.bots import bot
from mailbot.cli.reloading import Reloading
from mailbot.cli.site import settings_of
from mailbot.cli.table import load
from mailbot.ports import Store


def run(context: typer.Context) -> None:
    """Run the daemon.

    Reads mail, sends letters, and builds and removes machines, until SIGTERM or SIGINT; it finishes the current step
    first. SIGHUP makes it read its configuration again.
    """
    settings = settings_of(context)
    config = settings.config
    with closing(HostsProcess()) as hosts, bot(settings, hosts) as running:
        journal.config_loaded(file=str(settings.path), sites=len(config.sites), admins=len(config.admins))
        if not config.trust.sees_alignment:
            journal.senders_unproven()
        with _figures(config.metrics.address, config.metrics.port, running.context.store):
            daemon.run(running, version("mailbot"), Reloading(settings, hosts))


def _figures(address: str, port: int, store: Store) -> AbstractContextManager[object]:
    """The figures are served while inside, where there is a port for them."""
    served: AbstractContextManager[object] = load("figures:served")(address, port, store) if port else nullcontext()
    return served
