"""`check`: what needs no network, how it is, and how to put right what is not well."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Annotated

import typer

from mailbot.adapters.directory.file import FileDirectory
from mailbot.cli.findings import Finding, Level, fail, ok, report, tried, warn
from mailbot.cli.ownership import owners
from mailbot.cli.site import Settings, settings_of
from mailbot.config import Config, token_keys
from mailbot.errors import ConfigurationError, MailbotError
from mailbot.letters.own_words import problems, replaced
from mailbot.letters.settings import letter_settings
from mailbot.model import FINAL, Letter, TicketState
from mailbot.ports import Store
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
    yield from _database(config)
    yield _trust(config)


def _keys(config: Config) -> Finding:
    def look() -> str:
        count = len(token_keys(config))
        return "one key" if count == 1 else f"{count} keys, the first one signs"

    return tried("token keys", look, "have `mailbot init` make a key file, or give one to the service", os.EX_CONFIG)


def _letters(config: Config) -> Finding:
    """The site's words in the letters; with templates of its own, every letter is written from its samples."""
    mine = replaced(config.smtp.templates)
    try:
        wrong = list(problems(letter_settings(config)))
    except ConfigurationError:
        return ok("letters", "not checked: the token keys are missing")
    if wrong:
        return fail("letters", "; ".join(wrong[:5]), _fix(wrong, config if mine else None), os.EX_CONFIG)
    own = f", {len(mine)} of them the site's own" if mine else ""
    return ok("letters", f"{len(Letter)} templates{own}")


def _fix(wrong: list[str], config: Config | None) -> str:
    """What to do; `config` where it names templates of the site's own."""
    if any(one.startswith("service") for one in wrong):
        return "correct [service]"
    if config is not None:
        return f"correct it in {config.smtp.templates}"
    return "install the program again: templates_email belongs to it"


def _directory(config: Config) -> Finding:
    if config.directory.kind == "ldap":

        def ready() -> str:
            # The context of all turns: only for sites that have such a server.
            import_module("mailbot.contexts").ldap_directory(config.directory, system_clock())
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


def _database(config: Config) -> Iterator[Finding]:
    fix = "mailbot db upgrade"
    try:
        store = open_store(config)
    except MailbotError as error:
        yield fail("database", str(error), fix, os.EX_CONFIG)
        return
    try:
        found = tried("database", partial(_revision, store, config), fix, os.EX_CONFIG)
        yield found
        if found.level is Level.OK:
            yield _homes(store, config)
    finally:
        store.close()


def _revision(store: Store, config: Config) -> str:
    store.check()
    return f"{config.database.url} is at the revision that is needed"


def _homes(store: Store, config: Config) -> Finding:
    """Whether every machine is at a site that the configuration names: nobody else could stop, remove or extend it."""
    there = Counter(one.site for one in store.tickets([state for state in TicketState if state not in FINAL]))
    what = "machines of the configuration"
    del there[None]
    named = {host.name for host in config.hosts}
    lost = ", ".join(f"{site} ({count} of them)" for site, count in there.items() if site not in named)
    if lost:
        fix = "name these sites again, or remove their machines first"
        return fail(what, f"at sites that are not in it: {lost}", fix, os.EX_CONFIG)
    return ok(what, f"all {there.total()} are at sites in it")
