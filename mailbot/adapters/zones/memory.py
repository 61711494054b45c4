"""Zones in memory: the stand-in of `dynamic`, held to the same contract."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailbot.errors import NameServerUnavailable, NameTaken
from mailbot.ports import Records
from parsers.translatable import say


@dataclass
class MemoryZones:
    """Records by name, each with the machine that it belongs to ("" for somebody else's); with `away` set no server answers."""

    zones: tuple[str, ...] = ("testbed.example",)
    names: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    pointers: dict[str, tuple[str, str]] = field(default_factory=dict)
    away: str = ""
    asked: int = 0

    def zone_of(self, fqdn: str) -> str:
        return next((zone for zone in self.zones if fqdn == zone or fqdn.endswith(f".{zone}")), "")

    def publish(self, fqdn: str, owner: str, addresses: tuple[str, ...]) -> None:
        self._ask()
        if self.zone_of(fqdn):
            _refuse_foreign(fqdn, owner, self.names.get(fqdn))
            self.names[fqdn] = (owner, addresses)

    def withdraw(self, fqdn: str, owner: str) -> None:
        self._ask()
        if self.names.get(fqdn, ("", ()))[0] == owner:
            del self.names[fqdn]

    def point(self, address: str, fqdn: str, owner: str) -> None:
        self._ask()
        _refuse_foreign(address, owner, self.pointers.get(address))
        self.pointers[address] = (owner, fqdn)

    def unpoint(self, address: str, owner: str) -> None:
        self._ask()
        if self.pointers.get(address, ("", ""))[0] == owner:
            del self.pointers[address]

    def records(self, fqdn: str, owner: str) -> Records:
        self._ask()
        whose, addresses = self.names.get(fqdn, ("", ()))
        return Records(frozenset(addresses), owned=whose == owner)

    def leads_to(self, address: str) -> frozenset[str] | None:
        self._ask()
        return frozenset({self.pointers[address][1]} if address in self.pointers else ())

    def look(self) -> dict[str, str]:
        return dict.fromkeys(self.zones, self.away)

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise NameServerUnavailable(self.away)


def _refuse_foreign(name: str, owner: str, there: tuple[str, object] | None) -> None:
    if there is not None and there[0] != owner:
        raise NameTaken(say("The name {name} has records of someone else; they were not touched.", name=name))
