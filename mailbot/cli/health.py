"""`check`: what needs no network, how it is, and how to put right what is not well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated

import typer

from mailbot.adapters.directory.file import FileDirectory
from mailbot.cli.findings import Finding, fail, ok, report, tried, warn
from mailbot.cli.ownership import owners
from mailbot.cli.record import homes
from mailbot.cli.site import Settings, settings_of
from mailbot.config import Config, token_keys
from mailbot.contexts import ldap_directory, letter_settings
from mailbot.errors import ConfigurationError
from mailbot.letters.trying import problems, replaced
from mailbot.model import Letter
from mailbot.storage import open_store, system_clock

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def check(context: typer.Context, as_json: Json = False) -> None:
    """Check what needs no network.

    This is the configuration, token keys, letters, directory of users and database revision.
    """
    raise typer.Exit(report(offline(settings_of(context)), as_json=as_json))


def offline(settings: Settings) -> Iterator[Finding]:
    """What needs no network; ends after the configuration where that cannot be used."""
    try:
        config = settings.config
    except ConfigurationError as error:
        for problem in error.problems:
            yield fail("configuration", problem, f"edit {settings.path}", os.EX_CONFIG)
        return
    user = settings.as_service()
    whose = f", checked as {user}, who owns the database" if user else ""
    yield ok("configuration", f"{settings.path} is complete{whose}")
    yield from owners(config, settings.path)
    yield _keys(config)
    yield _letters(config)
    yield _directory(config)
    yield _database(config)
    yield from homes(config)
    yield _trust(config)


def _keys(config: Config) -> Finding:
    def look() -> str:
        count = len(token_keys(config))
        return "one key" if count == 1 else f"{count} keys, the first one signs"

    return tried("token keys", look, "have `mailbot init` make a key file, or give one to the service", os.EX_CONFIG)


def _letters(config: Config) -> Finding:
    """Every letter is written from its samples, with the site's own templates where there are any."""
    mine = replaced(config.smtp.templates)
    try:
        wrong = list(problems(letter_settings(config)))
    except ConfigurationError:
        return ok("letters", "not checked: the token keys are missing")
    if wrong:
        fix = (
            f"correct it in {config.smtp.templates}"
            if mine
            else "install the program again: templates_email belongs to it"
        )
        return fail("letters", "; ".join(wrong[:5]), fix, os.EX_CONFIG)
    own = f", {len(mine)} of them the site's own" if mine else ""
    return ok("letters", f"{len(Letter)} templates{own}")


def _directory(config: Config) -> Finding:
    if config.directory.kind == "ldap":

        def ready() -> str:
            ldap_directory(config.directory, system_clock())
            return f"people come from {config.directory.host}, which `mailbot doctor` asks"

        return tried("directory", ready, "apt-get install python3-bonsai", os.EX_CONFIG)
    path = config.directory.path

    def look() -> str:
        people = FileDirectory(path).people()
        usable = sum(bool(person.ssh_keys) and not person.locked for person in people)
        return f"{len(people)} users in {path}, {usable} of them unlocked and with an SSH key"

    return tried("directory", look, "`mailbot examples users.example.toml` shows its form", os.EX_CONFIG)


def _trust(config: Config) -> Finding:
    """What a site without any proof of senders loses; it may be chosen, and should not be forgotten."""
    if config.trust.sees_alignment:
        return ok("trust", "the domain of a sender is proven by DMARC or DKIM")
    lost = (
        "nothing detects a forged sender: a request is trusted by its address alone, a decision by its address and its "
        "token"
    )
    fix = "set trust.check_dkim or trust.authserv_id; docs/how-to/mail-server.md tells which suits"
    return warn("trust", lost, fix)


def _database(config: Config) -> Finding:
    def look() -> str:
        store = open_store(config)
        try:
            store.check()
        finally:
            store.close()
        return f"{config.database.url} is at the revision that is needed"

    return tried("database", look, "mailbot db upgrade", os.EX_CONFIG)
