"""`run`, `once`, `explain`, `init`, `check` and `doctor`."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from mailbot.cli.output import complain, say
from mailbot.cli.site import Settings

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (run, once, explain, init, check, doctor):
        app.command()(command)


def run(context: typer.Context) -> None:
    """Run for good.

    Reads mail, sends letters, builds and removes machines, until SIGTERM or SIGINT; the step at hand is finished first. SIGHUP
    has it read its configuration again.
    """
    from mailbot import daemon, journal, metrics  # noqa: PLC0415 - each command imports what it needs
    from mailbot.cli.reloading import Reloading  # noqa: PLC0415

    settings: Settings = context.obj
    config = settings.config
    with settings.bot() as bot:
        journal.config_loaded(file=str(settings.path), sites=len(config.sites), admins=len(config.admins))
        with metrics.served(config.metrics.address, config.metrics.port, bot.context.store):
            daemon.run(bot, version("mailbot"), Reloading(settings))


def once(context: typer.Context) -> None:
    """Do everything that is due now.

    Ends when nothing is due any more; exit code 75 where something has to be tried again.
    """
    from mailbot import daemon  # noqa: PLC0415

    settings: Settings = context.obj
    with settings.bot() as bot:
        tally = daemon.once(bot)
    say(f"mails {tally.mails}, tickets {tally.tickets}, letters {tally.letters}, machines {tally.machines}")
    for trouble in tally.troubles:
        complain(trouble)
    if tally.troubles:
        raise typer.Exit(os.EX_TEMPFAIL)


def explain(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(help="Mails as files (RFC 5322); - for standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a mail.")] = False,
    now: Annotated[
        str, typer.Option(help="The moment from which relative dates count, in ISO form; by default the clock.")
    ] = "",
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Take limits and languages from it.", show_default=False)
    ] = None,
) -> None:
    """Say what mails are understood to be.

    Needs no database and no network. It reads words, not authority.
    """
    from mailbot.cli.explaining import explain_files  # noqa: PLC0415

    settings: Settings = context.obj
    file = config or settings.named
    raise typer.Exit(explain_files(files, as_json=as_json, now=now or None, config=file, clock=settings.clock))


def init(
    context: typer.Context,
    *,
    imap: Annotated[str, typer.Option(help="The IMAP server.")] = "",
    address: Annotated[str, typer.Option(help="The address of the shared mailbox.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the mailbox's password in its first line.", show_default=False)
    ] = None,
    admin: Annotated[str, typer.Option(help="The address of the admin who decides.")] = "",
    domain: Annotated[str, typer.Option(help="Machines are called <username>-vm.<domain>.")] = "",
    username: Annotated[str, typer.Option(help="The mailbox's account; by default its address.")] = "",
    smtp: Annotated[str, typer.Option(help="The server that takes letters; by default the IMAP server.")] = "",
    libvirt: Annotated[str, typer.Option(help="The hypervisor.")] = "qemu:///system",
    force: Annotated[bool, typer.Option("--force", help="Write over an existing configuration.")] = False,
) -> None:
    """Write a first configuration.

    Asks for the five things one must know, where no option says them, and puts secrets into files of their own.
    """
    from mailbot.cli import setup  # noqa: PLC0415

    settings: Settings = context.obj
    answers = setup.Answers(imap, address, password_file, admin, domain, username, smtp, libvirt)
    setup.write(setup.complete(answers), settings.path, force=force)


def check(context: typer.Context, as_json: Json = False) -> None:
    """Check what needs no network.

    That is: configuration, token keys, letters, directory of users, database revision.
    """
    from mailbot.cli import health  # noqa: PLC0415

    raise typer.Exit(health.report(health.offline(context.obj), as_json=as_json))


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Check everything, also the servers.

    Adds IMAP, SMTP, and for each site libvirt, room and base image; says how to mend what is wrong.
    """
    from mailbot.cli import health  # noqa: PLC0415

    raise typer.Exit(health.report(health.online(context.obj), as_json=as_json))
