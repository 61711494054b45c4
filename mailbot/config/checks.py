"""What must hold between settings: checked at start, all problems at once."""

from __future__ import annotations

import difflib
import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TypeAlias
from urllib.parse import urlsplit

from mailbot.config.directory_checks import of_directory
from mailbot.config.sections import Config, DirectorySection, MailboxSection, SmtpSection
from mailbot.config.site_checks import of_bridges
from mailbot.config.zones import of_zones
from mailbot.rules import Proof, Rules, TrustRules
from provisioner.naming import NameProblem, check_domain, check_label

Problem: TypeAlias = tuple[str, str]
"""Where (`lease.warn_days`) and what is wrong, for a person."""

_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@([a-z0-9.-]+)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_URI = re.compile(r"[a-z][a-z0-9+.-]*://")
LEAST_KEY_LENGTH = 32


def across(config: Config) -> Iterator[Problem]:
    """Everything that no single field can see."""
    yield from of_rules(config.rules)
    yield from _mailbox(config.mailbox)
    yield from _smtp(config.smtp)
    yield from _oauth2(config)
    yield from _database(config)
    yield from _directory(config.directory)
    yield from _admins(config)
    yield from _sites(config)
    yield from of_zones(config)
    yield from _tokens(config)


def of_rules(rules: Rules) -> Iterator[Problem]:
    """What must hold between the site's rules."""
    yield from _service(rules)
    yield from _trust(rules.trust)
    policy, lease = rules.policy, rules.lease
    if policy.disk_gib > policy.max_disk_gib:
        yield "policy.disk_gib", f"{policy.disk_gib} is more than policy.max_disk_gib ({policy.max_disk_gib})"
    if not lease.warn_days:
        yield "lease.warn_days", "must not be empty: nobody would be warned before their machine is stopped"
    if any(first <= second for first, second in pairwise(lease.warn_days)):
        yield "lease.warn_days", f"{_listed(lease.warn_days)} must go down, for example 60, 30, 7, 1"
    elif lease.warn_days and lease.warn_days[0] < lease.notice_days:
        first = lease.warn_days[0]
        yield (
            "lease.notice_days",
            f"{lease.notice_days} is more than the first of lease.warn_days ({first}): no end date could ever be kept",
        )
    if any(first >= second for first, second in pairwise(lease.remind_days)):
        yield "lease.remind_days", f"{_listed(lease.remind_days)} must go up, for example 2, 5"
    elif lease.remind_days and lease.remind_days[-1] >= lease.lapse_days:
        yield "lease.remind_days", f"{lease.remind_days[-1]} is not before lease.lapse_days ({lease.lapse_days})"


def _service(rules: Rules) -> Iterator[Problem]:
    zone = rules.service.timezone
    if not _is_a_zone(zone):
        close = difflib.get_close_matches(zone, zoneinfo.available_timezones(), n=1, cutoff=0.5)
        yield "service.timezone", f'there is no time zone "{zone}"{f" (did you mean {close[0]}?)" if close else ""}'
    if not rules.service.languages:
        yield "service.languages", "must not be empty"
    for language in rules.service.languages:
        if not _LANGUAGE.fullmatch(language):
            yield "service.languages", f'"{language}" is not a language code such as en or fr'
    if not _LANGUAGE.fullmatch(rules.service.language):
        yield "service.language", f'"{rules.service.language}" is not a language code such as en or fr'


def _is_a_zone(name: str) -> bool:
    """Whether it is in the database of time zones; the list of all of them costs a look into six hundred files."""
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return not name.startswith(("posix", "right/"))  # other editions of the same zones, with other seconds


_BY_REPLY = ("approve", "approve_large", "deny", "extend", "release", "restore", "withdraw", "confirm")
_LEAST = (Proof.TOKEN, Proof.REGISTERED)
_CONFIRMABLE = frozenset({"open", "release"})
_SIGNER = re.compile(r"[^\s@]+@[^\s@]+ [0-9A-F]{40}")


def _trust(trust: TrustRules) -> Iterator[Problem]:
    """The risk table may ask for more than the least, never for less, and only for what can be seen here."""
    for name in ("open", *_BY_REPLY):
        needed: tuple[Proof, ...] = getattr(trust, name)
        lacking = [proof.value for proof in _LEAST if name in _BY_REPLY and proof not in needed]
        if lacking:
            yield f"trust.{name}", f"must have {' and '.join(lacking)}: without, anybody could write it"
        if Proof.CONFIRMED in needed and name not in _CONFIRMABLE:
            yield f"trust.{name}", "cannot ask for confirmed: only open and release are asked back"
        if Proof.SIGNED in needed and (trust.openpgp_home is None or not trust.openpgp_signers):
            yield f"trust.{name}", "asks for signed, so trust.openpgp_home and trust.openpgp_signers are needed"
    for number, signer in enumerate(trust.openpgp_signers, start=1):
        if not _SIGNER.fullmatch(signer):
            yield f"trust.openpgp_signers[{number}]", f'"{signer}" is not an address and a fingerprint of 40 hex digits'
    if trust.relays and not trust.authserv_id:
        yield "trust.authserv_id", "is missing: trust.relays says where to read results, but not whose"
    if trust.arc_sealers and not trust.sees_alignment:
        yield (
            "trust.arc_sealers",
            "does nothing alone: set trust.authserv_id or trust.check_dkim, so that senders are proven at all",
        )


def _mailbox(mailbox: MailboxSection) -> Iterator[Problem]:
    yield from _protected("mailbox", mailbox)
    ways = _ways_to_log_in(mailbox)
    if not ways:
        yield "mailbox.password", "is missing: give password, password_file, oauth2 or oauth2_token_file"
    if len(ways) > 1:
        yield f"mailbox.{ways[1]}", f"cannot be given together with {ways[0]}"
    folders = {"folder": mailbox.folder, "handled_folder": mailbox.handled_folder}
    for name, folder in folders.items():
        if folder == mailbox.quarantine_folder:
            yield "mailbox.quarantine_folder", f'"{folder}" is mailbox.{name} already'
    if mailbox.folder == mailbox.handled_folder:
        yield "mailbox.handled_folder", f'"{mailbox.folder}" is mailbox.folder already'


def _smtp(smtp: SmtpSection) -> Iterator[Problem]:
    yield from _protected("smtp", smtp)
    yield from _address("smtp.from_address", smtp.from_address)
    if smtp.message_id_domain:
        yield from _named("smtp.message_id_domain", smtp.message_id_domain.lower(), check_domain)
    if smtp.message_id_domain.lower() == smtp.from_address.rpartition("@")[2].lower():
        # Their Message-IDs would look like ours, and what looks like our own mail is never acted upon.
        yield "smtp.message_id_domain", f'"{smtp.message_id_domain}" is the domain of people: use one of the bot\'s own'
    ways = _ways_to_log_in(smtp)
    if smtp.username and not ways:
        yield "smtp.password", "is missing: with a username, give password, password_file, oauth2 or oauth2_token_file"
    if ways and not smtp.username:
        yield "smtp.username", f"is missing: {ways[0]} is given"
    if len(ways) > 1:
        yield f"smtp.{ways[1]}", f"cannot be given together with {ways[0]}"


def _directory(directory: DirectorySection) -> Iterator[Problem]:
    yield from of_directory(directory)
    if directory.kind == "ldap" and directory.host:
        yield from _protected("directory", directory)


def _protected(section: str, server: MailboxSection | SmtpSection | DirectorySection) -> Iterator[Problem]:
    if server.security == "plain" and not is_loopback(server.host):
        yield (
            f"{section}.security",
            f'"plain" is possible only to this machine (localhost), not to {server.host}: use tls or starttls',
        )


def is_loopback(host: str) -> bool:
    """True for `localhost`, 127.0.0.0/8 and ::1; other names are not resolved, since the answer could change."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _ways_to_log_in(server: MailboxSection | SmtpSection) -> list[str]:
    names = ("password", "password_file", "oauth2", "oauth2_token_file")
    return [name for name in names if getattr(server, name)]


def _oauth2(config: Config) -> Iterator[Problem]:
    """An endpoint that gets secrets must be protected, and must be known where somebody logs in by it."""
    oauth2 = config.oauth2
    users = [name for name, server in (("mailbox", config.mailbox), ("smtp", config.smtp)) if server.oauth2]
    for key in ("token_url", "client_id"):
        if users and not getattr(oauth2, key):
            yield f"oauth2.{key}", f"is missing: {users[0]}.oauth2 asks for tokens"
    url = urlsplit(oauth2.token_url)
    if oauth2.token_url and url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname or "")):
        yield "oauth2.token_url", f'"{oauth2.token_url}" does not begin with https://'
    if oauth2.client_secret is not None and oauth2.client_secret_file is not None:
        yield "oauth2.client_secret_file", "cannot be given together with client_secret"
    if users and not (oauth2.client_secret or oauth2.client_secret_file or oauth2.refresh_token_file):
        yield "oauth2.client_secret_file", "is missing: give it, client_secret or refresh_token_file"


def _database(config: Config) -> Iterator[Problem]:
    url = config.database.url.get_secret_value()
    if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        yield "database.url", "is neither sqlite:////absolute/file nor postgresql://user:password@host/name"


def _admins(config: Config) -> Iterator[Problem]:
    if not config.admins:
        yield "admins", "is missing: at least one [[admins]] must be able to decide"
    for number, admin in enumerate(config.admins, start=1):
        yield from _address(f"admins[{number}].address", admin.address)
        if admin.address.lower() == config.smtp.from_address.lower():
            yield f"admins[{number}].address", "is smtp.from_address: the bot would be asking itself"
    yield from _doubles("admins", "login", [admin.login for admin in config.admins])
    yield from _doubles("admins", "address", [admin.address.lower() for admin in config.admins])


def _sites(config: Config) -> Iterator[Problem]:
    if not config.sites:
        yield "sites", "is missing: at least one [[sites]] is needed to build machines on"
    for number, site in enumerate(config.sites, start=1):
        yield from _named(f"sites[{number}].name", site.name, check_label)
        yield from _named(f"sites[{number}].dns_domain", site.dns_domain, check_domain)
        if site.uri is not None:
            yield from _uri(f"sites[{number}].uri", site.uri)
        for host_number, host in enumerate(site.hosts, start=1):
            yield from _named(f"sites[{number}].hosts[{host_number}].name", host.name, check_label)
            yield from _uri(f"sites[{number}].hosts[{host_number}].uri", host.uri)
        yield from _doubles(f"sites[{number}].hosts", "name", [host.name for host in site.hosts])
        try:
            _ = site.closures
        except ValueError as error:
            yield f"sites[{number}].closed", f"{error}: a period is written like 2026-12-20/2027-01-04"
    yield from _doubles("sites", "name", [site.name for site in config.sites])
    yield from of_bridges(config)


def _uri(place: str, uri: str) -> Iterator[Problem]:
    if not _URI.match(uri):
        yield place, f'"{uri}" is not a libvirt URI such as qemu:///system'


def _tokens(config: Config) -> Iterator[Problem]:
    tokens = config.tokens
    if not tokens.keys and tokens.key_file is None:
        yield "tokens.key_file", "is missing: give key_file or keys; `mailbot init` makes such a file"
    if tokens.expiry_days < config.lease.lapse_days:
        days = f"{tokens.expiry_days} is less than lease.lapse_days ({config.lease.lapse_days})"
        yield "tokens.expiry_days", f"{days}: a question would still be open that nobody can answer"
    if tokens.keys and tokens.key_file is not None:
        yield "tokens.key_file", "cannot be given together with keys"
    for number, key in enumerate(tokens.keys, start=1):
        if len(key.get_secret_value()) < LEAST_KEY_LENGTH:
            yield f"tokens.keys[{number}]", f"is too short: at least {LEAST_KEY_LENGTH} characters"


def _address(place: str, address: str) -> Iterator[Problem]:
    found = _ADDRESS.fullmatch(address)
    if not found:
        yield place, f'"{address}" is not a mail address such as support@example.org'
        return
    yield from _named(place, found[1].lower(), check_domain)


def _named(place: str, name: str, check: Callable[[str], str]) -> Iterator[Problem]:
    try:
        check(name)
    except NameProblem as problem:
        yield place, f'"{name}" cannot be used. {problem}'


def _doubles(section: str, key: str, values: list[str]) -> Iterator[Problem]:
    for number, value in enumerate(values, start=1):
        if value in values[: number - 1]:
            yield f"{section}[{number}].{key}", f'"{value}" is given twice'


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
