"""`once`: without what the daemon needs to go on for good."""

from __future__ import annotations

import os

import typer

from mailbot.adapters.reading.process import ReadingProcess
from mailbot.cli.output import complain, say
from mailbot.cli.site import settings_of
from mailbot.cli.table import load


def once(context: typer.Context) -> None:
    """Do everything that is due now.

    Exits when nothing is due any more, with exit code 75 if something has to be tried again.
    """
    settings = settings_of(context)
    settings.as_service()
    # What reads mails takes as long to load as all the rest does: both at the same time.
    reading = _begun()
    try:
        tally = load("bots:once")(settings, reading)
    finally:
        if reading is not None:
            reading.close()
    say(f"mails {tally.mails}, tickets {tally.tickets}, letters {tally.letters}, machines {tally.machines}")
    for trouble in tally.troubles:
        complain(trouble)
    if tally.troubles:
        raise typer.Exit(os.EX_TEMPFAIL)


def _begun() -> ReadingProcess | None:
    """None where no process can be had now: that is told where a mail is to be read, and letters leave all the same."""
    try:
        return ReadingProcess()
    except OSError:
        return None
