"""A libvirt network as it says of itself: ranges, reservations, names; and which address is free.

The network is the only truth about addresses: nothing of this is kept anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from uuid import UUID

from lxml import etree


@dataclass(frozen=True, slots=True)
class Reservation:
    """One `<host>` of the DHCP section."""

    mac: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class DnsEntry:
    """One `<host>` of the DNS section."""

    address: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetworkView:
    """What one network's XML says (formatnetwork: `ip/dhcp`, `dns` and `forward`).  IPv4 only.

    `forward` is the forward mode, empty for a network that leads nowhere.  `bridged` says whether its guests
    hang on a Linux bridge, where libvirt can filter and isolate them.
    """

    ranges: tuple[tuple[IPv4Address, IPv4Address], ...]
    own_addresses: frozenset[str]
    reservations: tuple[Reservation, ...]
    dns: tuple[DnsEntry, ...]
    forward: str = ""
    bridged: bool = True

    def of_mac(self, mac: str) -> Reservation | None:
        """Give the reservation of a MAC address."""
        return next((one for one in self.reservations if one.mac == mac.lower()), None)

    def dns_of(self, name: str) -> DnsEntry | None:
        """Give the address record of a name."""
        return next((one for one in self.dns if name in one.names), None)

    @property
    def size(self) -> int:
        """How many addresses the ranges hold."""
        return sum(int(last) - int(first) + 1 for first, last in self.ranges)

    def in_range(self, address: str) -> bool:
        """Say whether an address lies in one of the ranges."""
        place = IPv4Address(address) if address and ":" not in address else None
        return place is not None and any(first <= place <= last for first, last in self.ranges)

    def taken(self) -> set[str]:
        """Give all addresses that the XML knows to be in use."""
        known = {one.address for one in self.reservations} | {one.address for one in self.dns}
        return known | set(self.own_addresses)

    def free_address(self, uuid: UUID, leased: frozenset[str] = frozenset()) -> str | None:
        """Choose an address for a machine: the first free one from a place that its UUID decides.

        `leased` are addresses that other guests hold without a reservation.  Beginning at a different
        place for each machine keeps an address that was just given back from being given away at once.
        """
        taken = self.taken() | leased
        total = self.size
        if not total:
            return None
        start = uuid.int % total
        for step in range(total):
            address = str(self._nth((start + step) % total))
            if address not in taken:
                return address
        return None

    def _nth(self, number: int) -> IPv4Address:
        for first, last in self.ranges:
            length = int(last) - int(first) + 1
            if number < length:
                return first + number
            number -= length
        raise IndexError(number)


def read_network(text: str) -> NetworkView:
    """Read a network's XML (virNetworkGetXMLDesc)."""
    root = etree.fromstring(text.encode("utf-8"), etree.XMLParser(resolve_entities=False, no_network=True))
    ranges = tuple(
        (IPv4Address(one.get("start", "")), IPv4Address(one.get("end", "")))
        for one in root.iterfind("ip/dhcp/range")
        if ":" not in one.get("start", "")
    )
    reservations = tuple(
        Reservation(one.get("mac", "").lower(), one.get("name", ""), one.get("ip", ""))
        for one in root.iterfind("ip/dhcp/host")
    )
    dns = tuple(
        DnsEntry(one.get("ip", ""), tuple(name.text or "" for name in one.iterfind("hostname")))
        for one in root.iterfind("dns/host")
    )
    own = frozenset(one.get("address", "") for one in root.iterfind("ip"))
    forward = root.find("forward")
    mode = "" if forward is None else forward.get("mode", "nat")
    return NetworkView(ranges, own, reservations, dns, mode, _bridged(root, mode))


def _bridged(root: etree._Element, mode: str) -> bool:
    """Say whether guests hang on a Linux bridge: libvirt's own, or one that exists; not macvtap, Open vSwitch, SR-IOV."""
    if mode in ("", "nat", "route", "open"):
        return True
    switched = any(one.get("type") == "openvswitch" for one in root.iterfind("virtualport"))
    return mode == "bridge" and root.find("bridge") is not None and not switched
