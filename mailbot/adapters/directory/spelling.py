"""Logins as people write them: whoever is JDupont writes jdupont, and is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailbot.model import Person


def without_capitals(people: Iterable[Person]) -> Mapping[str, Person]:
    """People by their login in lower case, as far as that is nobody else's."""
    found: dict[str, Person | None] = {}
    for person in people:
        login = person.login.lower()
        found[login] = None if login in found else person
    return {login: person for login, person in found.items() if person is not None}
