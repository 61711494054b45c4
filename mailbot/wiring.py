"""The one place where adapters are constructed: from the configuration to a bot that can be run.

What less than a bot needs is apart: the database and the clock in `storage`, what a decision needs in `contexts`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.oauth2 import TokenSettings, TokenSource
from mailbot.adapters.reading.process import ReadingProcess
from mailbot.adapters.reading.reader import ConfinedReader
from mailbot.adapters.sites.apart import DisksApart, HostsProcess, MigrationApart, Role
from mailbot.adapters.sites.bounded import BoundedSite, InThread
from mailbot.adapters.smtp.postman import SmtpPostman, SmtpSettings
from mailbot.adapters.transport import Auth, Secret, Security, secret_from_file
from mailbot.config import (
    LOCAL_URI,
    Config,
    MailboxSection,
    OAuth2Section,
    SiteSection,
    SmtpSection,
)
from mailbot.contexts import make_context, said
from mailbot.machines.work import Site, Sites
from mailbot.ports import Clock, Inbox, Postman, Reader, Store
from mailbot.storage import open_store
from mailbot.turns.context import TurnContext
from parsers.values import ReadingRules
from provisioner.api import Architecture, Firmware, SiteSettings

if TYPE_CHECKING:
    from provisioner.libvirt_driver import LibvirtSite, LiveMigration

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bot:
    """Everything that the loops need.

    `watcher` is a second connection to the mailbox, for IDLE only; None where polling has to do.
    `account` names the mailbox that one daemon at a time reads.
    """

    context: TurnContext
    inbox: Inbox
    reader: Reader
    postman: Postman
    sites: Sites
    account: str
    watcher: Inbox | None = None
    poll_seconds: float = 60.0
    notify_socket: str | None = None
    closers: tuple[Callable[[], None], ...] = field(default=())

    def close(self) -> None:
        """Close every connection; never raises."""
        for connection in (self.inbox, self.watcher, self.postman):
            if connection is not None:
                connection.close()
        for closer in self.closers:
            closer()


def build(
    config: Config,
    clock: Clock,
    notify_socket: str | None = None,
    *,
    store: Store | None = None,
    hosts: HostsProcess | None = None,
    reading: ReadingProcess | None = None,
) -> Bot:
    """The bot that a configuration describes; connects to nothing yet.  Raises ConfigurationError, DatabaseNotReady.

    It uses the `store` of another bot where one is given, has `hosts` asked by that process instead of its own, and mails read
    by the process `reading`, if that is started already.
    """
    store = store or open_store(config)
    store.check()
    context = make_context(config, store, clock)
    reader = make_reader(context.reading(clock.now()), reading)
    mailbox = imap_settings(config)  # one for both connections, so that a refused password is tried by one of them
    return Bot(
        context=context,
        inbox=ImapInbox(mailbox),
        watcher=ImapInbox(mailbox) if config.mailbox.idle else None,
        reader=reader,
        postman=make_postman(config),
        sites=make_sites(config, hosts),
        account=f"{config.mailbox.username}@{config.mailbox.host}",
        poll_seconds=config.mailbox.poll_seconds,
        notify_socket=notify_socket,
        closers=(reader.close, context.directory.close, store.close),
    )


def make_reader(rules: ReadingRules, reading: ReadingProcess | None = None) -> ConfinedReader:
    """What reads strangers' mails, by a process that is started already or by one that is started for the first of them."""
    return ConfinedReader(rules, process=reading)


def make_inbox(config: Config) -> ImapInbox:
    """The shared mailbox; connects to nothing yet."""
    return ImapInbox(imap_settings(config))


def make_postman(config: Config) -> SmtpPostman:
    """The server that takes letters; connects to nothing yet."""
    return SmtpPostman(smtp_settings(config))


def imap_settings(config: Config) -> ImapSettings:
    """How the mailbox is reached."""
    mailbox = config.mailbox
    return ImapSettings(
        host=mailbox.host,
        port=mailbox.port_number,
        security=Security(mailbox.security),
        username=mailbox.username,
        password=_secret(mailbox, config.oauth2),
        auth=_auth(mailbox),
        ca_file=mailbox.ca_file,
        folder=mailbox.folder,
        handled_folder=mailbox.handled_folder,
        quarantine_folder=mailbox.quarantine_folder,
        max_bytes=config.answers.mail_max_mib * 1024 * 1024,
    )


def smtp_settings(config: Config) -> SmtpSettings:
    """How letters are handed over."""
    smtp = config.smtp
    return SmtpSettings(
        host=smtp.host,
        port=smtp.port_number,
        security=Security(smtp.security),
        username=smtp.username,
        password=_secret(smtp, config.oauth2) if smtp.username else None,
        auth=_auth(smtp) if smtp.username else Auth.NONE,
        ca_file=smtp.ca_file,
        helo=smtp.helo,
    )


def site_settings(site: SiteSection) -> SiteSettings:
    """One site, as the driver wants it."""
    return SiteSettings(
        name=site.name,
        dns_domain=site.dns_domain,
        uri=site.uri or LOCAL_URI,
        pool=site.pool,
        network=site.network,
        image=site.image,
        reserved_memory_mib=site.reserved_memory_mib,
        reserved_disk_gib=site.reserved_disk_gib,
        max_machines=site.max_machines,
        accelerate=site.accelerate,
        filtered=site.filtered,
        isolated=site.isolated,
        bridge=site.on_bridge,
        shared_pool=bool(site.shared_pool),
        migration_uri=site.migration_uri,
        migration_tls=site.migration_tls,
        overlays=site.overlays,
        architecture=Architecture(site.architecture),
        firmware=Firmware(site.firmware),
    )


def make_sites(config: Config, hosts: HostsProcess | None = None) -> dict[str, Site]:
    """Every site with a limit on how long a call may take, asked by that process or by a thread of this one."""
    return {site.name: _here(site) if hosts is None else _apart(site, hosts) for site in config.hosts}


def _here(section: SiteSection) -> Site:
    site = BoundedSite(section.name, InThread(_later(lambda: make_site(section))))
    migration = _later(lambda: make_migration(section)) if section.shared_pool else None
    return Site(site, section.dns_domain, _later(lambda: make_site(section)), migration=migration)


def _later(make: Callable[[], T]) -> T:
    """What speaks with hosts, made when it is first asked for anything: mails are read and letters sent without libvirt."""
    return cast("T", _Later(make))


class _Later:
    """Stands for what is made when it is first asked for anything."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._made = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)


def _apart(section: SiteSection, hosts: HostsProcess) -> Site:
    settings = site_settings(section)
    site = BoundedSite(section.name, hosts.of(Role.SITE, settings))
    migration = MigrationApart(hosts, settings) if section.shared_pool else None
    return Site(site, section.dns_domain, DisksApart(hosts, settings), migration=migration)


def make_site(section: SiteSection) -> LibvirtSite:
    """One site's driver; connects to nothing yet."""
    site: LibvirtSite = _libvirt_driver().LibvirtSite(site_settings(section))
    return site


def make_migration(section: SiteSection) -> LiveMigration:
    """Its part in moves of machines that run."""
    migration: LiveMigration = _libvirt_driver().LiveMigration(site_settings(section))
    return migration


def _libvirt_driver() -> ModuleType:
    """Imported now: commands without machines, and the daemon, need no libvirt."""
    return import_module("provisioner.libvirt_driver")


def _auth(section: MailboxSection | SmtpSection) -> Auth:
    return Auth.OAUTH2 if section.oauth2 or section.oauth2_token_file else Auth.PASSWORD


def _secret(section: MailboxSection | SmtpSection, oauth2: OAuth2Section | None) -> Secret:
    if section.oauth2 and oauth2 is not None:
        return TokenSource(token_settings(oauth2))
    if section.oauth2_token_file is not None:
        return secret_from_file(section.oauth2_token_file)
    password = section.password
    return said(password.get_secret_value() if password is not None else "", section.password_file)


def token_settings(oauth2: OAuth2Section) -> TokenSettings:
    """Where access tokens come from."""
    secret = oauth2.client_secret.get_secret_value() if oauth2.client_secret is not None else ""
    return TokenSettings(
        url=oauth2.token_url,
        client_id=oauth2.client_id,
        client_secret=said(secret, oauth2.client_secret_file) if secret or oauth2.client_secret_file else None,
        scope=oauth2.scope,
        refresh_token_file=oauth2.refresh_token_file,
        ca_file=oauth2.ca_file,
    )
