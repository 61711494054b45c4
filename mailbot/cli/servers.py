"""`doctor`: what `check` looks at, then each server, how it is, and how to put right what is not well."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import UTC
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, assert_never

import typer

from mailbot.cli.admins import admins
from mailbot.cli.findings import Finding, fail, ok, report, tried, warn
from mailbot.cli.health import Json, offline
from mailbot.cli.record import on_record
from mailbot.cli.site import Settings, settings_of
from mailbot.config import Config, SiteSection
from mailbot.contexts import ldap_directory, make_zones
from mailbot.errors import ConfigurationError, MailbotError
from mailbot.storage import system_clock
from mailbot.wiring import make_inbox, make_postman, make_reader, make_site
from parsers.values import ReadingRules
from provisioner.api import Kvm, ProvisionerError, SiteHealth

if TYPE_CHECKING:
    from mailbot.adapters.directory.ldap import People


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Check everything, including the servers.

    This adds IMAP, SMTP and, for each site, libvirt, capacity and base image. It says how to fix what is wrong.
    """
    raise typer.Exit(report(online(settings_of(context)), as_json=as_json))


def online(settings: Settings) -> Iterator[Finding]:
    """Everything: what needs no network, then each server, which is asked meanwhile."""
    try:
        config = settings.config
    except ConfigurationError:
        yield from offline(settings)
        return
    settings.as_service()  # before any thread: each looks with the service's eyes
    reader = _begun(lambda: [_reader(settings)])  # first: its start takes longest
    looks: list[Callable[[], Iterable[Finding]]] = [
        *(partial(look, config) for look in (_ldap, _keys_command, _imap, _smtp, _senders, admins, _zones)),
        *(partial(_site, config, section.name) for section in config.hosts),
    ]
    asked = [reader, *(_begun(look) for look in looks)]
    yield from offline(settings)
    yield from on_record(settings)
    for one in asked:
        yield from one.result()


def _begun(look: Callable[[], Iterable[Finding]]) -> Future[list[Finding]]:
    """A look in a thread of its own: servers are asked at once, and one that is silent until its time is over delays no other.

    The thread ends with the program, so that nobody who interrupts us waits for a silent server.
    """
    found: Future[list[Finding]] = Future()

    def run() -> None:
        try:
            found.set_result(list(look()))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            found.set_exception(error)

    threading.Thread(target=run, name="doctor", daemon=True).start()
    return found


def _senders(config: Config) -> Iterable[Finding]:
    """How senders are proven; what that is tried with (name servers, OpenPGP) is imported only where it is used."""
    trust = config.trust
    if not (trust.authserv_id or trust.check_dkim or trust.openpgp_home):
        return ()
    found: Iterator[Finding] = import_module("mailbot.cli.senders").senders(config)
    return found


def _zones(config: Config) -> Iterator[Finding]:
    """Each zone that names are published in: whether its name server answers for it, under our key."""
    zones = make_zones(config)
    for name, why in sorted(zones.look().items() if zones else ()):
        fix = "see `[[zones]]`: server, key, and what the name server allows that key"
        yield (
            fail(f"zone {name}", why, fix) if why else ok(f"zone {name}", "its name server answers and accepts the key")
        )


def _ldap(config: Config) -> Iterator[Finding]:
    """What can be seen on the LDAP server, and what is odd about it."""
    section = config.directory
    if section.kind != "ldap":
        return
    directory = ldap_directory(section, system_clock())

    def admins() -> str:
        return f"admins by {section.admin_group}: {', '.join(one.login for one in directory.admins()) or 'nobody'}"

    what, fix = f"directory {section.host}", "check [directory]; docs/directory.md tells what each setting is for"
    try:
        seen = directory.people()
        yield _people(what, seen, fix)
        for told in seen.oddities():
            yield warn(what, told, "correct the entries on the server")
        if section.admin_group:
            yield tried(what, admins, fix)
    except MailbotError as error:
        yield fail(what, str(error), fix)
    finally:
        directory.close()


def _people(what: str, seen: People, fix: str) -> Finding:
    usable = sum(bool(person.ssh_keys) and not person.locked for person in seen.people)
    count = f"{'more than ' if seen.more else ''}{len(seen.people)} users"
    nobody = f"; {len(seen.unusable)} without login or address count as nobody" if seen.unusable else ""
    said = f"{count}, {usable} of them unlocked and with an SSH key{nobody}"
    return ok(what, said) if seen.people else fail(what, said, fix)


def _keys_command(config: Config) -> Iterator[Finding]:
    """Whether the program is there; what it prints is known once a user asks."""
    if config.directory.keys_program:
        program = config.directory.keys_program[0]
        if os.access(program, os.X_OK):
            yield ok("keys command", f"{program} can be run")
        else:
            said = f"{program} does not exist or must not be run"
            yield fail("keys command", said, "check directory.keys_command", os.EX_CONFIG)


def _reader(settings: Settings) -> Finding:
    """What the child that reads strangers' mails has given up on this machine."""
    reader = make_reader(ReadingRules(settings.clock.now(), UTC))
    try:
        return ok("reader of mails", f"starts; it has given up: {', '.join(reader.layers()) or 'nothing'}")
    except OSError as error:
        return fail("reader of mails", str(error), "check the installation: python3 -m mailbot.adapters.reading.child")
    finally:
        reader.close()


def _imap(config: Config) -> Iterator[Finding]:
    def look() -> str:
        inbox = make_inbox(config)
        try:
            position = inbox.position()
            inbox.prepare()
        finally:
            inbox.close()
        return f"{config.mailbox.host}: logged in, {position.folder} opened, both other folders are there"

    yield tried("mailbox", look, "check [mailbox]: host, port, security, account and password")


def _smtp(config: Config) -> Iterator[Finding]:
    def look() -> str:
        postman = make_postman(config)
        try:
            return f"{config.smtp.host}: {postman.check()}"
        finally:
            postman.close()

    yield tried("smtp", look, "check [smtp]: host, port, security, account and password")


def _site(config: Config, name: str) -> Iterator[Finding]:
    section = next(site for site in config.hosts if site.name == name)
    driver = make_site(section)
    try:
        health = driver.health()
        if not health.reachable:
            yield fail(f"site {name}", " ".join(health.problems), f"virsh -c {section.uri} list --all")
            return
        yield from _of_site(health, section)
        yield kvm_finding(name, driver.kvm())
    except ProvisionerError as error:
        yield fail(f"site {name}, KVM", str(error), f"virsh -c {section.uri} domcapabilities --virttype kvm")
    finally:
        driver.close()


def kvm_finding(site: str, kvm: Kvm) -> Finding:
    """Say what a site's host makes of KVM."""
    what = f"site {site}, KVM"
    match kvm:
        case Kvm.RUNS:
            return ok(what, "guests can use it")
        case Kvm.ABSENT:
            return ok(what, "the host has none: machines are emulated and boot slowly")
        case Kvm.UNWANTED:
            return ok(what, "switched off in the configuration (accelerate = false)")
        case Kvm.USELESS:
            return fail(
                what,
                "the host has a /dev/kvm, but no guest can use it: machines are emulated, and many calls take minutes",
                "let QEMU's user open it (Debian: chgrp kvm /dev/kvm; chmod 660 /dev/kvm), or hide it from libvirtd",
            )
        case _:
            assert_never(kvm)


def _of_site(health: SiteHealth, section: SiteSection) -> Iterator[Finding]:
    what = f"site {health.site}"
    yield ok(what, f"answers; {health.machines} machines, {health.free_memory_mib} MiB of RAM free")
    full = health.free_disk_gib < 1
    room = f"{health.free_disk_gib} GiB free in the pool {section.pool}"
    yield fail(f"{what}, room", room, "make room in the pool or add a site") if full else ok(f"{what}, room", room)
    if health.image is None:
        yield fail(f"{what}, image", "there is no base image", "mailbot image build")
    else:
        yield ok(f"{what}, image", health.image)
    for problem in health.problems:
        look = f"virsh -c {section.uri} net-info {section.network}; virsh -c {section.uri} pool-info {section.pool}"
        yield fail(what, problem, look)
