"""`reconcile`: what sites and tickets disagree on, and an admin's answer to that."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from mailbot import operator
from mailbot.cli.acting import turn_context
from mailbot.cli.output import as_json as to_json
from mailbot.cli.output import complain, say, visible
from mailbot.cli.site import settings_of
from mailbot.config import SiteSection
from mailbot.errors import NameServerUnavailable
from mailbot.machines.reconcile import compared
from mailbot.machines.work import Site as HostSite
from mailbot.turns import name_drift
from mailbot.turns.context import TurnContext
from mailbot.turns.drift import Finding
from mailbot.wiring import make_site
from provisioner.api import ProvisionerError

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Answer = Annotated[
    str,
    typer.Option(help="Answer a finding: `rebuild`, `adopt` or `forget`, and the machine's name.", show_default=False),
]
As = Annotated[str, typer.Option("--as", help="The admin who answers: login or address.", show_default=False)]


def reconcile(context: typer.Context, as_json: Json = False, answer: Answer = "", as_admin: As = "") -> None:
    """Compare the sites with the tickets.

    Lists machines that are missing, unknown, or on or off when they should not be, and anything else that does not
    match, also machines' names in your zones; changes nothing. Exits with 65 if anything does not match, and with 69 if
    a site or a name server does not answer.

    --answer does what an admin's reply to a finding would do; the daemon must have seen it twice.
    """
    settings = settings_of(context)
    if answer and not as_admin:
        raise typer.BadParameter("say --as ADMIN, whose answer it is")
    if answer:
        with turn_context(settings) as turn:
            say(visible(operator.answer_finding(turn, answer, as_admin)))
        return
    code = os.EX_OK
    with turn_context(settings) as turn:
        for section in settings.config.hosts:
            findings, whole = _looked_at(turn, section)
            code = code or (os.EX_DATAERR if findings else os.EX_OK)
            code = code if whole else os.EX_UNAVAILABLE
            for one in findings:
                told = {"site": section.name, **asdict(one)}
                say(to_json(told) if as_json else f"{section.name}: {visible(one.said)}")
            if whole and not findings and not as_json:
                say(f"{section.name}: everything matches the tickets")
    if code:
        raise typer.Exit(code)


def _looked_at(turn: TurnContext, section: SiteSection) -> tuple[list[Finding], bool]:
    """What disagrees at a site and in the zones of its machines' names, and whether both could be asked."""
    driver, found, whole = make_site(section), list[Finding](), True
    host = HostSite(driver, section.dns_domain)
    looks: tuple[Callable[[], tuple[Finding, ...]], ...] = (
        lambda: compared(turn, section.name, host),
        lambda: name_drift.compared(turn, section.name),
    )
    for look in looks:
        try:
            found += look()
        except (ProvisionerError, NameServerUnavailable) as error:
            complain(f"{section.name}: {error}")
            whole = False
    driver.close()
    return found, whole
