"""A directory in memory, held to the same contract suite as the real ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mailbot.adapters.directory.spelling import plain, without_capitals
from mailbot.errors import DirectoryUnavailable
from mailbot.model import Admin, Person
from parsers.translatable import say

KIND: Final = "memory:"


class MemoryDirectory:
    """`Directory` of the people given; `down` makes it unavailable.  The id is the login where none is given."""

    def __init__(self, people: Iterable[Person] = ()) -> None:
        self.down = False
        self.group: tuple[Admin, ...] = ()
        """The members of the group of admins."""
        self._people: dict[str, Person] = {}
        for person in people:
            self.put(person)

    def by_login(self, login: str) -> Person | None:
        self._ask()
        return self._people.get(login) or without_capitals(self._people.values()).get(plain(login))

    def by_address(self, address: str) -> Person | None:
        self._ask()
        # Not str.lower for every letter: the Kelvin sign would become a k.
        wanted = address.lower() if address.isascii() else address
        return next((person for person in self._people.values() if wanted in person.addresses), None)

    def by_id(self, person_id: str) -> Person | None:
        self._ask()
        return next((person for person in self._people.values() if person.id == person_id), None)

    def issued(self, person_id: str) -> bool:
        return person_id.startswith(KIND)

    def admins(self) -> tuple[Admin, ...]:
        self._ask()
        return self.group

    def close(self) -> None:
        """Nothing is open."""

    def put(self, person: Person) -> None:
        """Somebody is new, or has changed."""
        self._people[person.login] = replace(person, id=person.id or f"{KIND}{person.login}")

    def remove(self, login: str) -> None:
        """Somebody has left."""
        self._people.pop(login, None)

    def _ask(self) -> None:
        if self.down:
            raise DirectoryUnavailable(say("The directory does not answer."))
