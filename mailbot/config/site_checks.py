"""What must hold within a site and between sites, of bridges and their addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

from mailbot.config.sites import SiteSection
from provisioner.addressing import Range, RangeProblem, read_range

if TYPE_CHECKING:
    from mailbot.config.sections import Config

Problem: TypeAlias = tuple[str, str]

_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
"""A network interface has at most 15 characters (IFNAMSIZ in linux/if.h)."""
_RECEIVES = re.compile(r"(?:tcp|rdma)://[\w.:\[\]-]{1,255}")
_OF_BRIDGES = ("vlan", "ipv4", "ipv4_range", "ipv6", "ipv6_range", "name_servers")


def of_bridges(config: Config) -> Iterator[Problem]:
    """What is wrong with hosts whose machines hang on a bridge; each is shown where it was written."""
    ranges: list[tuple[str, str, Range]] = []
    for number, site in enumerate(config.sites, start=1):
        for place, host in _hosts(f"sites[{number}]", site):
            yield from _receiving(place, host)
            if not host.bridge:
                yield from _without_bridge(place, host)
                continue
            wrong = tuple(_of_bridge(place, host))
            yield from wrong
            if not wrong and host.on_bridge is not None:
                ranges += [(f"{place}.ipv{one.first.version}_range", site.name, one) for one in host.on_bridge.ranges]
    yield from _overlaps(ranges)


def _hosts(place: str, site: SiteSection) -> Iterator[tuple[str, SiteSection]]:
    """Every host, complete, with the place of its settings."""
    complete = site.each_host
    own = len(complete) - len(site.hosts)
    for one in complete[:own]:
        yield place, one
    for number, one in enumerate(complete[own:], start=1):
        yield f"{place}.hosts[{number}]", one


def _receiving(place: str, host: SiteSection) -> Iterator[Problem]:
    if not host.migration_uri:
        return
    where = f"{place}.migration_uri"
    if not _RECEIVES.fullmatch(host.migration_uri):
        yield where, f'"{host.migration_uri}" is not an address like tcp://10.0.0.2 or tcp://host2.example.org:49152'
    if not host.shared_pool:
        yield where, "needs shared_pool: a machine can run on only where its disk is at both hosts"
    if not host.bridge:
        yield where, "needs a bridge: a machine that runs on keeps its address"


def _without_bridge(place: str, host: SiteSection) -> Iterator[Problem]:
    # A further host may be in a libvirt network of its own while its site has a bridge: then it has these from the site.
    said = [name for name in _OF_BRIDGES if getattr(host, name)] if ".hosts" not in place else []
    if said and not host.hosts:
        yield f"{place}.bridge", f"is missing: {said[0]} is for machines on a bridge"


def _of_bridge(place: str, host: SiteSection) -> Iterator[Problem]:
    if not _INTERFACE.fullmatch(host.bridge):
        yield f"{place}.bridge", f'"{host.bridge}" is no name of a network interface'
    if not host.ipv4 or not host.ipv4_range:
        missing = "ipv4_range" if host.ipv4 else "ipv4"
        yield f"{place}.{missing}", f"is missing: machines on the bridge {host.bridge} need addresses"
    else:
        yield from _range(f"{place}.ipv4", host.ipv4, host.ipv4_range, 4)
    if bool(host.ipv6) != bool(host.ipv6_range):
        missing = "ipv6_range" if host.ipv6 else "ipv6"
        yield f"{place}.{missing}", "is missing: ipv6 and ipv6_range belong together"
    elif host.ipv6:
        yield from _range(f"{place}.ipv6", host.ipv6, host.ipv6_range, 6)
    for number, server in enumerate(host.name_servers, start=1):
        try:
            ipaddress.ip_address(server)
        except ValueError:
            yield f"{place}.name_servers[{number}]", f'"{server}" is not an IP address'


def _range(place: str, router: str, addresses: str, version: int) -> Iterator[Problem]:
    try:
        found = read_range(router, addresses, version)
    except RangeProblem as problem:
        yield f"{place}_range", f"{problem}"
        return
    if found.first.is_multicast or found.first.is_loopback:
        yield f"{place}_range", f"{found.first} is no address that a machine could have"


def _overlaps(ranges: list[tuple[str, str, Range]]) -> Iterator[Problem]:
    """Hosts of one site may share a range, all of it; any other address is one host's or one site's."""
    told: set[str] = set()
    for (place, site, one), (other_place, other_site, other) in combinations(ranges, 2):
        shared = site == other_site and one == other
        if not shared and one.overlaps(other) and other_place not in told:
            told.add(other_place)
            yield other_place, f"{other.first}-{other.last} has addresses that {place} has too"
