"""A directory in memory, held to the same contract suite as the real ones."""

from __future__ import annotations

from collections.abc import Iterable

from mailbot.errors import DirectoryUnavailable
from mailbot.model import Admin, Person


class MemoryDirectory:
    """`Directory` of the people given; `down` makes it unavailable."""

    def __init__(self, people: Iterable[Person] = ()) -> None:
        self.down = False
        self.group: tuple[Admin, ...] = ()
        """The members of the group of admins."""
        self._people = {person.login: person for person in people}

    def by_login(self, login: str) -> Person | None:
        self._ask()
        return self._people.get(login)

    def by_address(self, address: str) -> Person | None:
        self._ask()
        # Not str.lower for every letter: the Kelvin sign would become a k.
        wanted = address.lower() if address.isascii() else address
        return next((person for person in self._people.values() if wanted in person.addresses), None)

    def admins(self) -> tuple[Admin, ...]:
        self._ask()
        return self.group

    def close(self) -> None:
        """Nothing is open."""

    def put(self, person: Person) -> None:
        """Somebody is new, or has changed."""
        self._people[person.login] = person

    def remove(self, login: str) -> None:
        """Somebody has left."""
        self._people.pop(login, None)

    def _ask(self) -> None:
        if self.down:
            raise DirectoryUnavailable("the directory does not answer")
