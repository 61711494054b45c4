"""The sections of zones; see `sections`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from mailbot.config.fields import Port, Text, example, optional
from mailbot.config.secret import Secret
from mailbot.limits import Ge, Le
from parsers.frozen import frozen
from provisioner.naming import NameProblem, check_domain

if TYPE_CHECKING:
    from mailbot.config.sections import Config


@frozen
class ZoneSection:
    """A DNS zone in which mailbot publishes the machines' names, by signed updates (RFC 2136, TSIG). One `[[zones]]`
    each, also for reverse zones such as `2.0.192.in-addr.arpa`; without any, only libvirt resolves the names."""

    name: Text = example("main.testbed.example")
    """The zone: a site's `dns_domain` or a parent domain."""
    server: Text = example("192.0.2.53")
    """Its primary name server."""
    key_name: Text = example("mailbot")
    """The name of the key that updates are signed with."""
    port: Port = 53
    """The server's TCP port."""
    key: Secret | None = optional("better in a credential or in key_file")
    """The key in base64, as `tsig-keygen` writes it. One of `key` and `key_file` is needed."""
    key_file: Path | None = optional("/etc/mailbot/zone.key")
    """A file with the key in its first line, read again for each update."""
    algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"] = "hmac-sha256"
    """The key's algorithm."""
    ttl_seconds: Annotated[int, Ge(1), Le(86400)] = 300
    """How long others may cache an answer."""
    timeout_seconds: Annotated[int, Ge(1), Le(60)] = 5
    """How long one update may take; after that, it is tried again later."""


def of_zones(config: Config) -> Iterator[tuple[str, str]]:
    """What is wrong with zones: where, and in words."""
    seen: set[str] = set()
    for number, zone in enumerate(config.zones, start=1):
        place = f"zones[{number}]"
        try:
            check_domain(zone.name)
        except NameProblem as problem:
            yield f"{place}.name", f'"{zone.name}" cannot be used. {problem}'
        if zone.name in seen:
            yield f"{place}.name", f'"{zone.name}" is given twice'
        seen.add(zone.name)
        if zone.key is None and zone.key_file is None:
            yield f"{place}.key_file", "is missing: give key_file or key"
        if zone.key is not None and zone.key_file is not None:
            yield f"{place}.key_file", "cannot be given together with key"
        if zone.key is not None and not _is_base64(zone.key.get_secret_value()):
            yield f"{place}.key", "is not base64, as `tsig-keygen` writes it"
    names = [zone.name for zone in config.zones]
    for number, site in enumerate(config.sites, start=1):
        domain = site.dns_domain
        if names and not any(domain == name or domain.endswith(f".{name}") for name in names):
            yield f"sites[{number}].dns_domain", f"is in none of the zones ({', '.join(names)})"


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except binascii.Error:
        return False
