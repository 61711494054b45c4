"""`docs`: a page for a site's users and a card for its admins (`mailbot.pages`)."""

from __future__ import annotations

from typing import Annotated

import typer

from mailbot.cli.output import say
from mailbot.cli.site import settings_of
from mailbot.cli.table import LOOK
from mailbot.letters.languages import languages
from mailbot.pages import Page, as_html, as_markdown, for_admins, for_users
from mailbot.rules import ENGLISH
from parsers.reply.grammar import read_in

docs = typer.Typer(help="Write pages for users and admins from the configuration.", no_args_is_help=True, **LOOK)
Html = Annotated[bool, typer.Option("--html", help="One self-contained HTML page instead of Markdown.")]


@docs.command()
def users(
    context: typer.Context,
    html: Html = False,
    in_language: Annotated[
        str, typer.Option("--language", metavar="CODE", help="A language that letters can be in, such as fr.")
    ] = ENGLISH,
) -> None:
    """Write the page for users: how to request a machine, what happens then, and the possible replies."""
    if in_language not in languages():
        raise typer.BadParameter(f"there is no {in_language}; there are {', '.join(languages())}")
    settings = settings_of(context)
    if in_language not in read_in(settings.config.rules.service.languages):
        raise typer.BadParameter(f"commands in {in_language} are not read here; add it to service.languages")
    _say(for_users(settings.config, settings.clock.now(), in_language), html=html)


@docs.command()
def admins(context: typer.Context, html: Html = False) -> None:
    """Write the card for admins: what they are asked, the possible replies, and what happens without one."""
    settings = settings_of(context)
    _say(for_admins(settings.config, settings.clock.now()), html=html)


def _say(page: Page, *, html: bool) -> None:
    say(as_html(page) if html else as_markdown(page))
