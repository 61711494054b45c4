"""The directory of users on an LDAP server.

Logins are compared exactly, addresses without case, whatever the server's own rules are.  People are
remembered for a short time, their absence never: who was added a moment ago is known at once.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Final

from mailbot.adapters.directory.ldap_connection import (
    ConnectionLost,
    Entry,
    Found,
    LdapConnection,
    LdapServer,
    NoAnswer,
    Question,
)
from mailbot.adapters.directory.ldap_people import ADDRESS, ID, LOGIN, LdapLayout, person_of
from mailbot.adapters.directory.spelling import plain
from mailbot.errors import DirectoryUnavailable
from mailbot.model import Admin, Person
from parsers.translatable import Translatable, as_one, say, words_of

MOST_ADMINS: Final = 100
_MOST_IDLE: Final = 2
_PAUSE_SECONDS: Final = 30.0
_EVERYTHING: Final = "(objectClass=*)"
_MEMBERS: Final = ("member", "uniqueMember")
_MEMBER_LOGINS: Final = "memberUid"


@dataclass(frozen=True, slots=True)
class People:
    """What `LdapDirectory.people` found; `unusable` are the DNs of entries without a login or an address; `more` where that is not all."""

    id_attribute: str
    people: tuple[Person, ...]
    unusable: tuple[str, ...]
    more: bool

    def oddities(self) -> Iterator[str]:
        """What the site may want to know, a sentence each."""
        nameless = [person.login for person in self.people if not person.id]
        if nameless:
            more = f" (and {len(nameless) - 1} more)" if nameless[1:] else ""
            yield f"no {self.id_attribute} is seen of {nameless[0]}{more}: people without one are known by their login alone"
        logins = Counter(person.login for person in self.people)
        addresses = Counter(address for person in self.people for address in person.addresses)
        for what, counted in (("login", logins), ("address", addresses)):
            shared = [value for value, count in counted.items() if count > 1]
            if shared:
                yield f"more than one entry has the {what} {shared[0]}{f' (and {len(shared) - 1} more)' if shared[1:] else ''}"


class LdapDirectory:
    """`Directory` on an LDAP server.  Safe from several threads: each question has a connection of its own.

    Connects with the first question and again when the connection was lost.  After a server was silent
    for its whole time, questions fail at once for a while: a queue of mails must not wait for each.
    """

    def __init__(
        self,
        server: LdapServer,
        layout: LdapLayout,
        now: Callable[[], datetime],
        *,
        cache_seconds: float = 60,
        pause_seconds: float = _PAUSE_SECONDS,
        most_remembered: int = 1000,
    ) -> None:
        self._server = server
        self._layout = layout
        self._now = now
        self._cache_seconds = cache_seconds
        self._pause_seconds = pause_seconds
        self._most_remembered = most_remembered
        self._lock = threading.Lock()
        self._idle: list[LdapConnection] = []
        self._known: OrderedDict[tuple[str, str], tuple[float, Person]] = OrderedDict()
        self._group: tuple[float, tuple[Admin, ...]] | None = None
        self._silent: tuple[float, str] | None = None

    def by_login(self, login: str) -> Person | None:
        if not LOGIN.fullmatch(login):
            return None
        return self._remembered("login", login)

    def by_address(self, address: str) -> Person | None:
        if not ADDRESS.fullmatch(address):
            return None
        return self._remembered("address", address.lower())

    def by_id(self, person_id: str) -> Person | None:
        if not self.issued(person_id):
            return None
        return self._remembered("id", person_id)

    def issued(self, person_id: str) -> bool:
        kind, value = self._layout.kind, person_id.removeprefix(self._layout.kind)
        return person_id.startswith(kind) and ID.fullmatch(value) is not None

    def admins(self) -> tuple[Admin, ...]:
        if not self._layout.admin_group:
            return ()
        with self._lock:
            if self._group is not None and self._group[0] > monotonic():
                return self._group[1]
        admins = tuple(Admin(person.login, person.name, person.email, person.language) for person in self._members())
        with self._lock:
            self._group = (monotonic() + self._cache_seconds, admins)
        return admins

    def people(self, most: int = 10_000) -> People:
        """Everybody (the first `most`), read in pages, for `doctor`.  Locks by filter are not looked at.  Raises DirectoryUnavailable."""
        layout = self._layout
        found = self._ask(Question(layout.base, (layout.user_filter,), layout.attributes, most=most, pages=True))
        now = self._now()
        read = [(entry, person_of(entry, layout, now)) for entry in found.entries]
        return People(
            layout.id,
            tuple(person for _, person in read if person is not None),
            tuple(entry.dn for entry, person in read if person is None),
            found.more,
        )

    def close(self) -> None:
        """End every connection that is not in use; never raises.  The directory can be used again after it."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # looking up

    def _remembered(self, kind: str, value: str) -> Person | None:
        key = (kind, value)
        with self._lock:
            until, person = self._known.get(key, (0.0, None))
        if person is not None and until > monotonic():
            return person
        person = {"login": self._login, "address": self._address, "id": self._id}[kind](value)
        with self._lock:
            self._known.pop(key, None)
            if person is not None and self._cache_seconds:
                self._known[key] = (monotonic() + self._cache_seconds, person)
                if len(self._known) > self._most_remembered:
                    self._known.popitem(last=False)
        return person

    def _login(self, login: str) -> Person | None:
        person = self._one(((self._layout.login, login),), f"the login {login}")
        return person if person is not None and plain(person.login) == plain(login) else None

    def _address(self, address: str) -> Person | None:
        asked = tuple((attribute, address) for attribute in self._layout.addresses)
        person = self._one(asked, f"the address {address}")
        return person if person is not None and address in person.addresses else None

    def _id(self, person_id: str) -> Person | None:
        value = person_id.removeprefix(self._layout.kind)
        person = self._one(((self._layout.id, value),), f"the {self._layout.id} {value}")
        return person if person is not None and person.id == person_id else None

    def _one(self, any_of: tuple[tuple[str, str], ...], what: str) -> Person | None:
        """The one person that a search finds.  Raises DirectoryUnavailable where there are two: nobody can say who is meant."""
        layout = self._layout
        found = self._ask(Question(layout.base, (layout.user_filter,), layout.attributes, any_of))
        if found.more or len(found.entries) > 1:
            names = ", ".join(entry.dn for entry in found.entries)
            msg = say("More than one entry has {what}: {names}", what=what, names=names or "…")
            raise DirectoryUnavailable(msg)
        if not found.entries:
            self._see_somebody()
            return None
        return self._person(found.entries[0])

    def _person(self, entry: Entry) -> Person | None:
        layout = self._layout
        person = person_of(entry, layout, self._now())
        if person is None or person.locked or not layout.locked_filter:
            return person
        matches = self._ask(Question(entry.dn, (layout.locked_filter,), ("1.1",), scope="base", most=1))
        return replace(person, locked=bool(matches.entries))

    def _see_somebody(self) -> None:
        """Nobody is refused by a directory that shows nobody at all: a base that is gone looks like an empty one."""
        layout = self._layout
        found = self._ask(Question(layout.base, (layout.user_filter,), ("1.1",), most=1))
        if not found.more and not found.entries:
            msg = say(
                "Nobody can be seen below {base} with {filter}, as {who}.",
                base=layout.base,
                filter=layout.user_filter,
                who=self._who(),
            )
            raise DirectoryUnavailable(msg)

    def _who(self) -> Translatable:
        return Translatable(self._server.bind_dn) if self._server.bind_dn else say("an anonymous reader")

    # the group of admins

    def _members(self) -> list[Person]:
        """The unlocked people of the group: `member` and `uniqueMember` are names of entries, `memberUid` are logins; groups in it are not followed."""
        group = self._layout.admin_group
        asked = Question(group, (_EVERYTHING,), (*_MEMBERS, _MEMBER_LOGINS), scope="base", most=1)
        found = self._ask(asked).entries
        if not found:
            msg = say("The group {group} is not there, or {who} may not read it.", group=group, who=self._who())
            raise DirectoryUnavailable(msg)
        names = [name for attribute in _MEMBERS for name in found[0].of(attribute)]
        logins = [login for login in found[0].of(_MEMBER_LOGINS) if LOGIN.fullmatch(login)]
        if len(names) + len(logins) > MOST_ADMINS:
            msg = say("{group} has {number} members; more than {most} are taken for a mistake.", group=group)
            msg = msg.given(number=len(names) + len(logins), most=MOST_ADMINS)
            raise DirectoryUnavailable(msg)
        people = [*map(self._named, names), *map(self._login, logins)]
        unlocked = (person for person in people if person is not None and not person.locked)
        return list({person.login: person for person in unlocked}.values())

    def _named(self, dn: str) -> Person | None:
        layout = self._layout
        found = self._ask(Question(dn, (layout.user_filter,), layout.attributes, scope="base", most=1))
        return self._person(found.entries[0]) if found.entries else None

    # asking

    def _ask(self, question: Question) -> Found:
        """Ask over an idle connection, or a new one; a connection that was lost while idle is replaced once."""
        self._check_silence()
        deadline = monotonic() + self._server.timeout_seconds
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is not None:
            try:
                return self._over(idle, question, deadline)
            except ConnectionLost:
                pass
        return self._over(
            LdapConnection(self._server, (*self._layout.attributes, *_MEMBERS, _MEMBER_LOGINS)), question, deadline
        )

    def _over(self, connection: LdapConnection, question: Question, deadline: float) -> Found:
        kept = False
        try:
            found = connection.ask(question, deadline)
            kept = self._keep(connection)
        except NoAnswer as error:
            with self._lock:
                self._silent = (monotonic() + self._pause_seconds, words_of(error))
            raise
        finally:
            if not kept:
                connection.close()
        return found

    def _keep(self, connection: LdapConnection) -> bool:
        with self._lock:
            self._silent = None
            if len(self._idle) >= _MOST_IDLE:
                return False
            self._idle.append(connection)
            return True

    def _check_silence(self) -> None:
        with self._lock:
            silent = self._silent
        if silent is not None and silent[0] > monotonic():
            msg = as_one(silent[1], say("It will be asked again in a moment."))
            raise DirectoryUnavailable(msg)
