"""`explain` and `init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mailbot.cli import asking, setup
from mailbot.cli.explaining import explain_files
from mailbot.cli.site import settings_of


def explain(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(help="Files with one message each (RFC 5322); - for standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, one object per message.")] = False,
    now: Annotated[
        str, typer.Option(help="The moment that relative dates count from, in ISO format; by default now.")
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Take limits and languages from this file.", show_default=False),
    ] = None,
) -> None:
    """Show how messages are understood.

    Needs no database and no network. It shows what a message says, not whether the sender may say it.
    """
    settings = settings_of(context)
    file = config or settings.named
    raise typer.Exit(explain_files(files, as_json=as_json, now=now or None, config=file, clock=settings.clock))


def init(
    context: typer.Context,
    *,
    address: Annotated[str, typer.Option(help="The address of the shared mailbox.")] = "",
    imap: Annotated[str, typer.Option(help="The IMAP server; by default found by the address.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the mailbox's password in its first line.", show_default=False)
    ] = None,
    admin: Annotated[str, typer.Option(help="The address of the admin who decides.")] = "",
    domain: Annotated[str, typer.Option(help="Machines are called <username>-vm.<domain>.")] = "",
    username: Annotated[str, typer.Option(help="The mailbox's account; by default its address.")] = "",
    smtp: Annotated[str, typer.Option(help="The server that sends letters; by default as --imap, or found.")] = "",
    check_dkim: Annotated[
        bool | None,
        typer.Option(
            "--check-dkim/--no-check-dkim", help="Whether senders must be proven by DKIM.", show_default=False
        ),
    ] = None,
    authserv_id: Annotated[
        str, typer.Option(help="The name that your own mail server uses in Authentication-Results.")
    ] = "",
    libvirt: Annotated[str, typer.Option(help="The hypervisor.")] = "qemu:///system",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing configuration.")] = False,
) -> None:
    """Write a first configuration.

    Asks for what no option says, finds the servers by the mailbox's address, tries them, and writes each secret to a
    separate file.
    """
    path = settings_of(context).path
    setup.refuse_to_write_over(path, force=force)
    answers = setup.Answers(
        address=address,
        imap=setup.Server(imap) if imap else None,
        smtp=setup.Server(smtp or imap) if smtp or imap else None,
        username=username,
        password_file=password_file,
        admin=admin,
        domain=domain,
        libvirt=libvirt,
        check_dkim=check_dkim,
        authserv_id=authserv_id,
    )
    setup.write(asking.Asking().complete(answers), path, force=force)
