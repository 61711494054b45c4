"""What else a decision asks of its surroundings: the time, the directory of users, the zones of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mailbot.model import Admin, Person


class Clock(Protocol):
    """The only source of time; read once per turn."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""

    def elapsed(self) -> float:
        """Seconds of a clock that nobody sets, from whatever beginning: tells a jump of the other one from time that passed."""

    def start(self) -> str:
        """Names the beginning of `elapsed`: the same for every process until the machine is started again."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a zone has of a name: its addresses of both families, and whether it is the machine's that was asked for."""

    addresses: frozenset[str]
    owned: bool


class Zones(Protocol):
    """The DNS zones in which machines have their names, forward and reverse.

    All methods may run twice.  Those that change something do nothing where no zone of ours has the name, and raise
    NameServerUnavailable; none touches a name with records that are not the same machine's (`owner`).
    """

    def zone_of(self, fqdn: str) -> str:
        """The zone that a name is in; empty where it is in none of them.  Asks nobody."""

    def publish(self, fqdn: str, owner: str, addresses: tuple[str, ...]) -> None:
        """Have the name stand for exactly these addresses.  Raises NameTaken."""

    def withdraw(self, fqdn: str, owner: str) -> None:
        """Take the name away."""

    def point(self, address: str, fqdn: str, owner: str) -> None:
        """Have an address lead back to the name.  Raises NameTaken."""

    def unpoint(self, address: str, owner: str) -> None:
        """Have it lead nowhere."""

    def records(self, fqdn: str, owner: str) -> Records:
        """What the zone of a name has of it; nothing, and not owned, where it is in none of ours.  Raises NameServerUnavailable."""

    def leads_to(self, address: str) -> frozenset[str] | None:
        """The names that an address leads back to; None where no zone of ours has it.  Raises NameServerUnavailable."""

    def look(self) -> Mapping[str, str]:
        """Ask each zone's server for it, signed; by zone why it does not answer, or empty where it does."""


class Directory(Protocol):
    """Who is who.  Every question raises DirectoryUnavailable where it cannot be answered; an answer may be as old as the site allows.

    Safe from several threads.
    """

    def by_login(self, login: str) -> Person | None:
        """The person with exactly that login, or the only one who has it but for capitals; None for nobody."""

    def by_address(self, address: str) -> Person | None:
        """The person with that address or alias (ASCII letters without case); None for nobody."""

    def by_id(self, person_id: str) -> Person | None:
        """The person with exactly that `Person.id`, whatever their login is now; None for nobody.

        Only an id that is `issued` here finds anybody.
        """

    def issued(self, person_id: str) -> bool:
        """Whether an id is of this directory's kind: one of another kind (of the file before the server) says nothing here."""

    def admins(self) -> tuple[Admin, ...]:
        """The unlocked members of the site's group of admins; empty where the directory has none."""

    def close(self) -> None:
        """End connections; never raises.  The directory can be used again after it."""
