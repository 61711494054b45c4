"""Stand-ins for the mail servers, the directory and the clock, for tests and the simulation; held to the same contract suite as the real ones.

Everything can be made to fail on purpose (`Faults`).  `adapters.spool` has the variants that outlive a killed process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from mailbot.errors import DirectoryUnavailable, LetterRefused, MailServerUnavailable
from mailbot.model import Admin, MailKey, OutboundMail, Person
from mailbot.ports import Fetched, Shelf

INBOX: Final = "INBOX"


@dataclass(slots=True)
class _Fault:
    operation: str
    error: Exception
    after: int
    times: int


@dataclass(slots=True)
class Faults:
    """What shall go wrong, and when.  Operations are named like the methods (`fetch` counts each mail)."""

    planned: list[_Fault] = field(default_factory=list)

    def plan(self, operation: str, error: Exception | None = None, *, after: int = 0, times: int = 1) -> None:
        """Let the operation fail `times` times, once it has gone well `after` times."""
        self.planned.append(_Fault(operation, error or MailServerUnavailable("the server went away"), after, times))

    def check(self, operation: str) -> None:
        for fault in self.planned:
            if fault.operation != operation or fault.times == 0:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            raise fault.error


class Shelves(Protocol):
    """Where a stand-in for a mailbox keeps its mails: folders of mails by UID; UIDs are never used again."""

    def uidvalidity(self) -> int: ...
    def uidnext(self) -> int: ...
    def uids(self, folder: str) -> list[int]: ...
    def read(self, folder: str, uid: int) -> bytes | None: ...
    def add(self, folder: str, raw: bytes) -> int: ...
    def move(self, uid: int, source: str, target: str) -> None: ...
    def remove(self, folder: str, uid: int) -> None: ...
    def recreate(self) -> None: ...


class MemoryShelves:
    """`Shelves` in memory."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[int, bytes]] = {}
        self._uidvalidity = 1
        self._next: dict[str, int] = {}

    def uidvalidity(self) -> int:
        return self._uidvalidity

    def uidnext(self) -> int:
        return self._next.get(INBOX, 1)

    def uids(self, folder: str) -> list[int]:
        return sorted(self._folders.get(folder, {}))

    def read(self, folder: str, uid: int) -> bytes | None:
        return self._folders.get(folder, {}).get(uid)

    def add(self, folder: str, raw: bytes) -> int:
        uid = self._next.get(folder, 1)
        self._next[folder] = uid + 1
        self._folders.setdefault(folder, {})[uid] = raw
        return uid

    def move(self, uid: int, source: str, target: str) -> None:
        raw = self._folders.get(source, {}).pop(uid, None)
        if raw is not None:
            self.add(target, raw)

    def remove(self, folder: str, uid: int) -> None:
        self._folders.get(folder, {}).pop(uid, None)

    def recreate(self) -> None:
        mails = self._folders.pop(INBOX, {})
        self._uidvalidity += 1
        self._next[INBOX] = 1
        for uid in sorted(mails):
            self.add(INBOX, mails[uid])


class MemoryInbox:
    """`Inbox` without a server.  `deliver`, `expunge` and `recreate` are what the world does to a mailbox."""

    def __init__(
        self, account: str = "support@testbed.example", *, max_bytes: int = 26_214_400, shelves: Shelves | None = None
    ) -> None:
        self.faults = Faults()
        self._account = account
        self._max_bytes = max_bytes
        self._shelves: Shelves = MemoryShelves() if shelves is None else shelves
        self._seen: tuple[int, int] | None = None
        self._awake = threading.Event()

    # the port

    def fetch(self, after: MailKey | None, also: Sequence[MailKey] = ()) -> Iterator[Fetched]:
        self.faults.check("connect")
        uidvalidity, uidnext = self._shelves.uidvalidity(), self._shelves.uidnext()
        floor = after.uid if after is not None and self._key(after.uid) == after else 0
        again = {key.uid for key in also if self._key(key.uid) == key}
        for uid in [uid for uid in self._shelves.uids(INBOX) if uid > floor or uid in again]:
            self.faults.check("fetch")
            if self._shelves.uidvalidity() != uidvalidity:
                return
            raw = self._shelves.read(INBOX, uid)
            if raw is not None:
                yield self._fetched(uid, raw)
        self._seen = (uidvalidity, uidnext)

    def _fetched(self, uid: int, raw: bytes) -> Fetched:
        if len(raw) <= self._max_bytes:
            return Fetched(self._key(uid), raw, len(raw))
        header, separator, _ = raw.partition(b"\r\n\r\n")
        return Fetched(self._key(uid), None, len(raw), (header + separator)[: self._max_bytes])

    def position(self) -> MailKey:
        self.faults.check("position")
        return self._key(0)

    def file_away(self, keys: Sequence[MailKey], shelf: Shelf) -> None:
        for key in keys:
            self.faults.check("file_away")
            if key == self._key(key.uid):
                self._shelves.move(key.uid, INBOX, shelf.value)

    def wait(self, timeout_seconds: float) -> bool:
        self.faults.check("wait")
        deadline = time.monotonic() + timeout_seconds
        while True:
            now = (self._shelves.uidvalidity(), self._shelves.uidnext())
            before, self._seen = self._seen or now, now
            if now > before:
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self._awake.wait(min(left, 0.01)):
                self._awake.clear()
                return False

    def wake(self) -> None:
        """End a `wait` that runs now, or the next one at once."""
        self._awake.set()

    def prepare(self) -> None:
        """Nothing to create."""

    def close(self) -> None:
        """Nothing to end."""

    # the world

    def deliver(self, raw: bytes) -> MailKey:
        """A mail arrives."""
        return self._key(self._shelves.add(INBOX, raw))

    def expunge(self, key: MailKey) -> None:
        """Somebody deletes a mail."""
        self._shelves.remove(INBOX, key.uid)

    def recreate(self) -> None:
        """The server makes the folder anew: another UIDVALIDITY, UIDs from 1."""
        self._shelves.recreate()

    def inbox(self) -> list[bytes]:
        """Mails that lie in the inbox, in order."""
        return self._contents(INBOX)

    def shelf(self, shelf: Shelf) -> list[bytes]:
        """Mails that were filed away, in order."""
        return self._contents(shelf.value)

    def _contents(self, folder: str) -> list[bytes]:
        mails = (self._shelves.read(folder, uid) for uid in self._shelves.uids(folder))
        return [raw for raw in mails if raw is not None]

    def _key(self, uid: int) -> MailKey:
        return MailKey(self._account, INBOX, self._shelves.uidvalidity(), uid)


class MemoryPostman:
    """`Postman` without a server: keeps what it was given.

    `faults.plan("send", …)` fails before a letter is taken, `faults.plan("answer", …)` after: the letter
    is on its way and the answer is lost.  `refuse` is what a server says about one address.
    `on_sent` is called with each letter that was taken, for example to deliver it into a `MemoryInbox`.
    """

    def __init__(self, on_sent: Callable[[OutboundMail], None] | None = None) -> None:
        self.faults = Faults()
        self._on_sent = on_sent
        self._letters: list[OutboundMail] = []
        self._refusals: dict[str, tuple[int, str]] = {}

    def send(self, letter: OutboundMail) -> str:
        self.faults.check("send")
        refusal = self._refusals.get(letter.envelope_to.lower())
        if refusal is not None:
            raise LetterRefused(*refusal)
        number = self._keep(letter)
        if self._on_sent is not None:
            self._on_sent(letter)
        self.faults.check("answer")
        return f"250 2.0.0 Ok: queued as {number:06X}"

    def close(self) -> None:
        """Nothing to end."""

    def refuse(self, address: str, code: int = 550, answer: str = "5.1.1 no such user") -> None:
        """From now on the server answers this to letters for that address."""
        self._refusals[address.lower()] = (code, answer)

    def accept(self, address: str) -> None:
        """Take a refusal back."""
        self._refusals.pop(address.lower(), None)

    @property
    def letters(self) -> list[OutboundMail]:
        """What the server has taken, in order."""
        return list(self._letters)

    def _keep(self, letter: OutboundMail) -> int:
        self._letters.append(letter)
        return len(self._letters)


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


class MemoryClock:
    """`Clock` that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = _aware(start)

    def now(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """May also go back, as real clocks do."""
        self._now = _aware(moment)

    def advance(self, by: timedelta) -> None:
        self._now += by


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("the clock needs a moment with a time zone")
    return moment
