"""Names in the DNS by dynamic update (RFC 2136), signed by TSIG (RFC 8945).

Each name that is ours carries a TXT record with the id of its machine.  Every update has that record as its prerequisite,
or that the name has no record at all: so an update may run twice, and what anybody else has put there is never touched.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.tsig
import dns.update

from mailbot.adapters.transport import Secret
from mailbot.errors import MailbotError, NameServerUnavailable, NameTaken
from mailbot.ports import Records
from parsers.translatable import say

_OURS: Final = "mailbot="
_AGAIN: Final = 2
"""An update that finds neither our record nor nothing is made once more: another daemon may have made ours in between."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone, forward or reverse: its primary server, and the key that updates are signed with (`secret` gives it in base64)."""

    name: str
    server: str
    key_name: str
    secret: Secret
    algorithm: str = "hmac-sha256"
    port: int = 53
    ttl_seconds: int = 300
    timeout_seconds: float = 5.0


class DynamicZones:
    """`ports.Zones` on name servers; see there for what the methods promise."""

    def __init__(self, zones: tuple[Zone, ...]) -> None:
        self._zones = {dns.name.from_text(one.name): one for one in zones}

    def zone_of(self, fqdn: str) -> str:
        zone = self._zone_of(dns.name.from_text(fqdn))
        return "" if zone is None else zone.name

    def publish(self, fqdn: str, owner: str, addresses: tuple[str, ...]) -> None:
        kinds = [("AAAA" if ":" in address else "A", address) for address in addresses]
        self._put(dns.name.from_text(fqdn), owner, ("A", "AAAA"), kinds)

    def withdraw(self, fqdn: str, owner: str) -> None:
        self._take(dns.name.from_text(fqdn), owner, ("A", "AAAA"))

    def point(self, address: str, fqdn: str, owner: str) -> None:
        self._put(dns.reversename.from_address(address), owner, ("PTR",), [("PTR", f"{fqdn}.")])

    def unpoint(self, address: str, owner: str) -> None:
        self._take(dns.reversename.from_address(address), owner, ("PTR",))

    def records(self, fqdn: str, owner: str) -> Records:
        name = dns.name.from_text(fqdn)
        addresses = self._values(name, "A") | self._values(name, "AAAA")
        return Records(addresses, owned=_mark(owner) in self._values(name, "TXT"))

    def leads_to(self, address: str) -> frozenset[str] | None:
        name = dns.reversename.from_address(address)
        if self._zone_of(name) is None:
            return None
        return frozenset(value.removesuffix(".").lower() for value in self._values(name, "PTR"))

    def look(self) -> dict[str, str]:
        """Whether each zone's server answers for it, by zone: an error, or empty."""
        found: dict[str, str] = {}
        for zone in self._zones.values():
            try:
                answer = _queried(zone, dns.name.from_text(zone.name), "SOA")
                found[zone.name] = "" if answer.answer else f"{zone.server} does not have the zone {zone.name}"
            except NameServerUnavailable as error:
                found[zone.name] = str(error)
        return found

    def _zone_of(self, name: dns.name.Name) -> Zone | None:
        """The zone that a name is in: of those that could be, the longest."""
        fit = [zone for zone in self._zones if name.is_subdomain(zone)]
        return self._zones[max(fit, key=lambda one: len(one.labels))] if fit else None

    def _values(self, name: dns.name.Name, kind: str) -> frozenset[str]:
        """The name's own records of a kind, as text; none where no zone of ours has it.  Raises NameServerUnavailable."""
        zone = self._zone_of(name)
        if zone is None:
            return frozenset()
        answer = _queried(zone, name, kind)
        if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            words = say(
                "The name server {server} does not answer for {zone}: {code}", server=zone.server, zone=zone.name
            )
            raise NameServerUnavailable(words.given(code=dns.rcode.to_text(answer.rcode())))
        own = answer.get_rrset(answer.answer, name, dns.rdataclass.IN, dns.rdatatype.from_text(kind))
        return frozenset(one.to_text() for one in own or ())

    def _put(self, name: dns.name.Name, owner: str, kinds: tuple[str, ...], records: list[tuple[str, str]]) -> None:
        """Have a name hold exactly these records of these kinds.  Raises NameTaken where it is somebody else's."""
        zone = self._zone_of(name)
        if zone is None:
            return
        for _ in range(_AGAIN):
            change = _update(zone)
            change.present(name, "TXT", _mark(owner))
            for kind in kinds:
                change.delete(name, kind)
            _add(change, zone, name, records)
            if _done(zone, change):
                return
            change = _update(zone)
            change.absent(name)
            _add(change, zone, name, [*records, ("TXT", _mark(owner))])
            if _done(zone, change):
                return
        raise NameTaken(
            say(
                "The name {name} has records of someone else; they were not touched.",
                name=name.to_text(omit_final_dot=True),
            )
        )

    def _take(self, name: dns.name.Name, owner: str, kinds: tuple[str, ...]) -> None:
        zone = self._zone_of(name)
        if zone is None:
            return
        change = _update(zone)
        change.present(name, "TXT", _mark(owner))
        for kind in kinds:
            change.delete(name, kind)
        change.delete(name, "TXT", _mark(owner))
        _done(zone, change)  # a name that is not ours, or not there, is left


def _mark(owner: str) -> str:
    return f'"{_OURS}{owner}"'


def _add(change: dns.update.UpdateMessage, zone: Zone, name: dns.name.Name, records: list[tuple[str, str]]) -> None:
    for kind, value in records:
        change.add(name, zone.ttl_seconds, kind, value)


def _key(zone: Zone) -> dns.tsig.Key:
    """The key as it is now.  Raises NameServerUnavailable where there is none."""
    try:
        return dns.tsig.Key(zone.key_name, zone.secret(), zone.algorithm)
    except (MailbotError, ValueError) as error:  # binascii's error is a ValueError
        words = say(
            "The key {key} of the zone {zone} cannot be used: {error}",
            key=zone.key_name,
            zone=zone.name,
            error=str(error),
        )
        raise NameServerUnavailable(words) from error


def _update(zone: Zone) -> dns.update.UpdateMessage:
    return dns.update.UpdateMessage(zone.name, keyring=_key(zone))


_NOT_SO: Final = frozenset({dns.rcode.NXDOMAIN, dns.rcode.NXRRSET, dns.rcode.YXDOMAIN, dns.rcode.YXRRSET})
"""What a server says of an update whose prerequisite does not hold (RFC 2136, section 3.2)."""


def _done(zone: Zone, change: dns.update.UpdateMessage) -> bool:
    """Send an update; False where its prerequisite did not hold.  Raises NameServerUnavailable for anything else."""
    code = _asked(zone, change).rcode()
    if code == dns.rcode.NOERROR:
        return True
    if code in _NOT_SO:
        return False
    words = say("The name server {server} refuses changes of {zone}: {code}", server=zone.server, zone=zone.name)
    words = words.given(code=dns.rcode.to_text(code))
    raise NameServerUnavailable(words)


def _queried(zone: Zone, name: dns.name.Name, kind: str) -> dns.message.Message:
    """The zone's server about a name; signed, since some answer differently to those whom they know.  Raises NameServerUnavailable."""
    query = dns.message.make_query(name, kind)
    query.use_tsig(_key(zone))
    return _asked(zone, query)


def _asked(zone: Zone, message: dns.message.Message) -> dns.message.Message:
    """Ask by TCP, which an update does not fall out of, and which a forger cannot answer."""
    try:
        *_, place = socket.getaddrinfo(zone.server, zone.port, type=socket.SOCK_STREAM)[0]
        return dns.query.tcp(message, str(place[0]), timeout=zone.timeout_seconds, port=zone.port)
    except (OSError, dns.exception.DNSException) as error:
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        words = say(
            "The name server {server} of the zone {zone} does not answer ({why}).", server=zone.server, zone=zone.name
        )
        words = words.given(why=why)
        raise NameServerUnavailable(words) from error
