"""Logins as people write them: whoever is JDupont writes jdupont, and is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailbot.model import Person


def plain(login: str) -> str:
    """A login without its capitals.  Not str.lower for every letter: the Kelvin sign would become a k."""
    return login.lower() if login.isascii() else login


def without_capitals(people: Iterable[Person]) -> Mapping[str, Person]:
    """People by their login in lower case, as far as that is nobody else's."""
    found: dict[str, Person | None] = {}
    for person in people:
        login = plain(person.login)
        found[login] = None if login in found else person
    return {login: person for login, person in found.items() if person is not None}
