"""`once`: without what the daemon needs to go on for good."""

from __future__ import annotations

import os

import typer

from mailbot import passes
from mailbot.cli.bots import bot
from mailbot.cli.output import complain, say
from mailbot.cli.site import settings_of
from mailbot.cli.table import load


def once(context: typer.Context) -> None:
    """Do everything that is due now.

    Exits when nothing is due any more, with exit code 75 if something has to be tried again.
    """
    settings = settings_of(context)
    config = settings.config
    with bot(settings) as running:
        tally = passes.once(running)
        if config.metrics.textfile is not None:
            write = load("figures:write_textfile")
            write(config.metrics.textfile, running.context.store, running.context.clock.now())
    say(f"mails {tally.mails}, tickets {tally.tickets}, letters {tally.letters}, machines {tally.machines}")
    for trouble in tally.troubles:
        complain(trouble)
    if tally.troubles:
        raise typer.Exit(os.EX_TEMPFAIL)
