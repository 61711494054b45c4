"""The one place where adapters are constructed (the database and the clock in `storage`): from the configuration to a bot that can be run."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.adapters.directory.file import FileDirectory
from mailbot.adapters.directory.keys_command import KeysByCommand
from mailbot.adapters.directory.ldap import LdapDirectory
from mailbot.adapters.directory.ldap_connection import LdapServer
from mailbot.adapters.directory.ldap_people import LdapLayout
from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.oauth2 import TokenSettings, TokenSource
from mailbot.adapters.reading.reader import ConfinedReader
from mailbot.adapters.sites import BoundedSite
from mailbot.adapters.smtp.postman import SmtpPostman, SmtpSettings
from mailbot.adapters.transport import Auth, Secret, Security, secret_from_file
from mailbot.config import (
    LOCAL_URI,
    Config,
    DirectorySection,
    MailboxSection,
    OAuth2Section,
    SiteSection,
    SmtpSection,
    seal_keys,
    token_keys,
)
from mailbot.errors import ConfigurationError
from mailbot.letters import LetterSettings
from mailbot.machines.work import Site, Sites
from mailbot.model import Admin
from mailbot.ports import Authenticator, Clock, Directory, Inbox, Postman, Reader, Store, Zones
from mailbot.rules import TrustRules
from mailbot.storage import open_store
from mailbot.tokens import TokenKeys
from mailbot.turns.context import TurnContext
from parsers.values import ReadingRules
from provisioner.api import Architecture, Firmware, SiteSettings

if TYPE_CHECKING:
    from provisioner.libvirt_driver import LibvirtSite


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


def build(config: Config, clock: Clock, notify_socket: str | None = None, store: Store | None = None) -> Bot:
    """The bot that a configuration describes; connects to nothing yet.  Raises ConfigurationError, DatabaseNotReady.

    It uses the `store` of another bot where one is given.
    """
    store = store or open_store(config)
    store.check()
    context = make_context(config, store, clock)
    reader = make_reader(context.reading(clock.now()))
    mailbox = imap_settings(config)  # one for both connections, so that a refused password is tried by one of them
    return Bot(
        context=context,
        inbox=ImapInbox(mailbox),
        watcher=ImapInbox(mailbox) if config.mailbox.idle else None,
        reader=reader,
        postman=make_postman(config),
        sites=make_sites(config),
        account=f"{config.mailbox.username}@{config.mailbox.host}",
        poll_seconds=config.mailbox.poll_seconds,
        notify_socket=notify_socket,
        closers=(reader.close, context.directory.close, store.close),
    )


def make_reader(reading: ReadingRules) -> ConfinedReader:
    """What reads strangers' mails; starts nothing yet."""
    return ConfinedReader(reading)


def make_inbox(config: Config) -> ImapInbox:
    """The shared mailbox; connects to nothing yet."""
    return ImapInbox(imap_settings(config))


def make_postman(config: Config) -> SmtpPostman:
    """The server that takes letters; connects to nothing yet."""
    return SmtpPostman(smtp_settings(config))


def letter_settings(config: Config) -> LetterSettings:
    """The site as a sender of letters."""
    return LetterSettings(
        support_address=config.smtp.from_address,
        message_id_domain=config.smtp.message_ids,
        keys=TokenKeys(token_keys(config)),
        rules=config.rules,
        from_name=config.smtp.from_name,
        plus_addresses=config.smtp.plus_addressing,
        expiry_days=config.tokens.expiry_days,
        templates=config.smtp.templates,
    )


def make_context(config: Config, store: Store, clock: Clock) -> TurnContext:
    """The shared part of every turn; enough for the command line's decisions."""
    rules = config.rules
    settings = letter_settings(config)
    return TurnContext(
        store=store,
        directory=make_directory(config.directory, clock),
        clock=clock,
        seal_keys=TokenKeys(seal_keys(config)),
        rules=rules,
        admins=tuple(Admin(admin.login, admin.name, admin.address, admin.language) for admin in config.admins),
        letters=settings,
        own_addresses=frozenset({config.smtp.from_address.lower()}),
        quarantine_folder=config.mailbox.quarantine_folder,
        closures={host.name: host.closures for host in config.hosts},
        shared_pools={host.name: host.shared_pool for host in config.hosts if host.shared_pool},
        zones=make_zones(config),
        bridges={host.name: bridge for host in config.hosts if (bridge := host.on_bridge)},
        authenticator=_authenticator(rules.trust) if rules.trust.looks_itself else None,
    )


def _authenticator(rules: TrustRules) -> Authenticator:
    """Our own look at signatures; DNS and DKIM, three megabytes of memory, are loaded where the site wants that."""
    made: Authenticator = import_module("mailbot.adapters.senders.authentication").MailAuthenticator(rules)
    return made


def make_zones(config: Config) -> Zones | None:
    """Where names are published; the library for it is loaded where a site wants that."""
    if not config.zones:
        return None
    module = import_module("mailbot.adapters.zones.dynamic")
    zones: Zones = module.DynamicZones(
        tuple(
            module.Zone(
                name=one.name,
                server=one.server,
                port=one.port,
                key_name=one.key_name,
                secret=_said(one.key.get_secret_value() if one.key is not None else "", one.key_file),
                algorithm=one.algorithm,
                ttl_seconds=one.ttl_seconds,
                timeout_seconds=one.timeout_seconds,
            )
            for one in config.zones
        )
    )
    return zones


def make_directory(section: DirectorySection, clock: Clock) -> Directory:
    """Who the users are; connects to nothing yet.  Raises ConfigurationError."""
    people: Directory = FileDirectory(section.path) if section.kind == "file" else ldap_directory(section, clock)
    if not section.keys_program:
        return people
    return KeysByCommand(
        people,
        section.keys_program,
        timeout_seconds=section.timeout_seconds,
        cache_seconds=section.cache_seconds,
    )


def ldap_directory(section: DirectorySection, clock: Clock) -> LdapDirectory:
    """The server of `[directory]`, without `keys_command`.  Raises ConfigurationError where bonsai is not installed."""
    if importlib.util.find_spec("bonsai") is None:
        problem = 'directory.kind: "ldap" needs the library bonsai: apt-get install python3-bonsai'
        raise ConfigurationError((problem,))
    server = LdapServer(
        host=section.host,
        port=section.port_number,
        security=Security(section.security),
        bind_dn=section.bind_dn,
        password=_secret(section) if section.bind_dn else None,
        ca_file=section.ca_file,
        timeout_seconds=section.timeout_seconds,
    )
    layout = LdapLayout(
        base=section.base,
        user_filter=section.user_filter,
        login=section.login_attribute,
        id=section.id_attribute,
        name=section.name_attribute,
        mail=section.mail_attribute,
        aliases=section.alias_attributes,
        keys=section.key_attribute,
        locked=section.locked_attributes,
        locked_filter=section.locked_filter,
        language=section.language_attribute,
        admin_group=section.admin_group,
    )
    return LdapDirectory(server, layout, clock.now, cache_seconds=section.cache_seconds)


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
        overlays=site.overlays,
        architecture=Architecture(site.architecture),
        firmware=Firmware(site.firmware),
    )


def make_sites(config: Config) -> dict[str, Site]:
    """Every site, each with its own worker and a limit on how long a call may take."""
    return {site.name: Site(BoundedSite(make_site(site)), site.dns_domain, make_site(site)) for site in config.hosts}


def make_site(section: SiteSection) -> LibvirtSite:
    """One site's driver; connects to nothing yet."""
    # Only here, so that commands without machines need no libvirt.
    from provisioner.libvirt_driver import LibvirtSite  # noqa: PLC0415

    return LibvirtSite(site_settings(section))


def _auth(section: MailboxSection | SmtpSection) -> Auth:
    return Auth.OAUTH2 if section.oauth2 or section.oauth2_token_file else Auth.PASSWORD


def _secret(section: MailboxSection | SmtpSection | DirectorySection, oauth2: OAuth2Section | None = None) -> Secret:
    if not isinstance(section, DirectorySection):
        if section.oauth2 and oauth2 is not None:
            return TokenSource(token_settings(oauth2))
        if section.oauth2_token_file is not None:
            return secret_from_file(section.oauth2_token_file)
    password = section.password
    return _said(password.get_secret_value() if password is not None else "", section.password_file)


def _said(secret: str, file: Path | None) -> Secret:
    """A secret that stands in the configuration, or in a file."""
    return secret_from_file(file) if file is not None else lambda: secret


def token_settings(oauth2: OAuth2Section) -> TokenSettings:
    """Where access tokens come from."""
    secret = oauth2.client_secret.get_secret_value() if oauth2.client_secret is not None else ""
    return TokenSettings(
        url=oauth2.token_url,
        client_id=oauth2.client_id,
        client_secret=_said(secret, oauth2.client_secret_file) if secret or oauth2.client_secret_file else None,
        scope=oauth2.scope,
        refresh_token_file=oauth2.refresh_token_file,
        ca_file=oauth2.ca_file,
    )
