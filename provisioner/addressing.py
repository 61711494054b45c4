"""Addresses of machines on a bridge that a host has already: the ranges that they come from, and which one a machine gets.

A libvirt network knows its own addresses; a bridge knows none.  Which are taken is the caller's to remember.  Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
)
from typing import Final, TypeAlias
from uuid import UUID

Address: TypeAlias = IPv4Address | IPv6Address
Interface: TypeAlias = IPv4Interface | IPv6Interface

_LINK_LOCAL: Final = IPv6Network("fe80::/64")


class RangeProblem(ValueError):
    """A range that cannot be used; the message is a clause for a person."""


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses of one family that machines may have, first and last; `gateway` is the router's, with the subnet's length."""

    first: Address
    last: Address
    gateway: Interface

    @property
    def size(self) -> int:
        """How many addresses it holds."""
        return int(self.last) - int(self.first) + 1

    def holds(self, address: str) -> bool:
        """Whether an address is one of these."""
        place = ip_address(address)
        return place.version == self.first.version and int(self.first) <= int(place) <= int(self.last)

    def overlaps(self, other: Range) -> bool:
        """Whether two ranges have an address in common."""
        if self.first.version != other.first.version:
            return False
        return int(self.first) <= int(other.last) and int(other.first) <= int(self.last)

    def is_full(self, taken: Iterable[str]) -> bool:
        """Whether all of its addresses are among the taken ones, of whatever range those are."""
        return sum(self.holds(one) for one in taken) >= self.size

    def free(self, machine_id: UUID, taken: Collection[str]) -> str | None:
        """The first address that is not taken, from a place that the machine's id decides; None where all are.

        Beginning at a different place for each machine keeps an address that was just given back from being given away at once.
        """
        start = machine_id.int % self.size
        for step in range(min(self.size, len(taken) + 1)):
            address = str(self.first + (start + step) % self.size)
            if address not in taken:
                return address
        return None


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge that the host has already, and what machines on it are told: IPv4, and IPv6 where there is a second range.

    `vlan` is the tag of their port, 0 for none.  `routed` says whether their addresses can be reached from the bot.
    """

    name: str
    ranges: tuple[Range, ...]
    name_servers: tuple[str, ...] = ()
    vlan: int = 0
    routed: bool = True

    def chosen(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Of a machine's addresses the one of each range, in the order of the ranges; empty where one is missing."""
        known = tuple(addresses)
        found = [next((one for one in known if each.holds(one)), None) for each in self.ranges]
        return tuple(one for one in found if one) if all(found) else ()

    def interfaces(self, addresses: Iterable[str]) -> tuple[Interface, ...]:
        """A machine's addresses on the bridge with the lengths of their subnets."""
        pairs = zip(self.chosen(addresses), self.ranges, strict=False)
        return tuple(ip_interface(f"{one}/{each.gateway.network.prefixlen}") for one, each in pairs)


def read_range(gateway: str, addresses: str, version: int) -> Range:
    """A range as a person writes it: the router as `192.0.2.1/24`, the machines' as `192.0.2.10-192.0.2.99`.  Raises `RangeProblem`."""
    router = _interface(gateway, version)
    begin, dash, end = addresses.partition("-")
    if not dash:
        raise RangeProblem(f'"{addresses}" is not a range: first and last address with a hyphen between them')
    first, last = _address(begin, version), _address(end, version)
    if int(last) < int(first):
        raise RangeProblem(f"{last} comes before {first}")
    found = Range(first, last, router)
    subnet = router.network
    for one in (first, last):
        if one not in subnet:
            raise RangeProblem(f"{one} is not in the subnet {subnet} of the router")
    if found.holds(str(router.ip)):
        raise RangeProblem(f"the router's own address {router.ip} is in it")
    if version == 4 and subnet.prefixlen < 31 and (subnet.network_address == first or subnet.broadcast_address == last):
        raise RangeProblem(f"the first and the last address of the subnet {subnet} are no machine's")
    return found


def _interface(text: str, version: int) -> Interface:
    try:
        found = ip_interface(text.strip())
    except ValueError:
        found = None
    if found is None or found.version != version or "/" not in text:
        example = "192.0.2.1/24" if version == 4 else "2001:db8::1/64"
        raise RangeProblem(f'"{text}" is not the router with the length of its subnet, such as {example}')
    return found


def _address(text: str, version: int) -> Address:
    try:
        found = ip_address(text.strip())
    except ValueError:
        found = None
    if found is None or found.version != version:
        raise RangeProblem(f'"{text.strip()}" is not an IPv{version} address')
    return found


def link_local(mac: str) -> str:
    """The IPv6 address that a network card gives itself on its link (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes((octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]))
    return str(_LINK_LOCAL[int.from_bytes(identifier, "big")])
