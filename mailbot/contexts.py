"""The part of the wiring that every decision needs: the context of turns, with the directory and the zones.

Apart from `wiring`, so that `mailbot approve` loads neither mail servers nor hypervisors.
"""

from __future__ import annotations

import importlib.util
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.adapters.directory.file import FileDirectory
from mailbot.config import Config, DirectorySection, seal_keys
from mailbot.errors import ConfigurationError
from mailbot.letters.settings import letter_settings
from mailbot.model import Admin
from mailbot.ports import Authenticator, Clock, Directory, Store, Zones
from mailbot.rules import TrustRules
from mailbot.tokens import TokenKeys
from mailbot.turns.context import TurnContext

if TYPE_CHECKING:
    from mailbot.adapters.directory.ldap import LdapDirectory
    from mailbot.adapters.transport import Secret


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
        receiving=frozenset(host.name for host in config.hosts if host.migration_uri),
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
                secret=said(one.key.get_secret_value() if one.key is not None else "", one.key_file),
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
    by_command: Directory = import_module("mailbot.adapters.directory.keys_command").KeysByCommand(
        people,
        section.keys_program,
        timeout_seconds=section.timeout_seconds,
        cache_seconds=section.cache_seconds,
    )
    return by_command


def ldap_directory(section: DirectorySection, clock: Clock) -> LdapDirectory:
    """The server of `[directory]`, without `keys_command`.  Raises ConfigurationError where bonsai is not installed."""
    if importlib.util.find_spec("bonsai") is None:
        problem = 'directory.kind: "ldap" needs the library bonsai: apt-get install python3-bonsai'
        raise ConfigurationError((problem,))
    # With TLS these are twenty modules, which few sites need.
    module, connection = (import_module(f"mailbot.adapters.directory.{one}") for one in ("ldap", "ldap_connection"))
    password = section.password.get_secret_value() if section.password is not None else ""
    server = module.LdapServer(
        host=section.host,
        port=section.port_number,
        security=connection.Security(section.security),
        bind_dn=section.bind_dn,
        password=said(password, section.password_file) if section.bind_dn else None,
        ca_file=section.ca_file,
        timeout_seconds=section.timeout_seconds,
    )
    layout = module.LdapLayout(
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
    people: LdapDirectory = module.LdapDirectory(server, layout, clock.now, cache_seconds=section.cache_seconds)
    return people


def said(secret: str, file: Path | None) -> Secret:
    """A secret that stands in the configuration, or in a file."""
    if file is None:
        return lambda: secret
    found: Secret = import_module("mailbot.adapters.transport").secret_from_file(file)
    return found
