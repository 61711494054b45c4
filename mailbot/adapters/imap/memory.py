"""A mailbox in memory, held to the same contract suite as the real one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.policy import default
from typing import Final, Protocol

from mailbot.adapters.faults import Faults
from mailbot.model import MailKey
from mailbot.ports import Fetched, Filed, Folder

INBOX: Final = "INBOX"


def written_at(raw: bytes) -> datetime | None:
    """The moment that a mail's Date header names; None where it has none that can be used."""
    written = message_from_bytes(raw, policy=default)["Date"]
    moment = written.datetime if written is not None else None
    try:
        return moment.astimezone(UTC) if moment is not None else None
    except OverflowError:  # at the edges of the calendar
        return None


class Folders(Protocol):
    """Where a stand-in for a mailbox keeps its mails: folders of mails by UID; UIDs are never used again."""

    def uidvalidity(self) -> int: ...
    def uidnext(self) -> int: ...
    def uids(self, folder: str) -> list[int]: ...
    def read(self, folder: str, uid: int) -> bytes | None: ...
    def add(self, folder: str, raw: bytes) -> int: ...
    def move(self, uid: int, source: str, target: str) -> None: ...
    def remove(self, folder: str, uid: int) -> None: ...
    def recreate(self) -> None: ...


class MemoryFolders:
    """`Folders` in memory."""

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
        self, account: str = "support@testbed.example", *, max_bytes: int = 26_214_400, folders: Folders | None = None
    ) -> None:
        self.faults = Faults()
        self.refused: dict[int, str] = {}
        """UIDs of mails that the server has and does not give, with what it says."""
        self._came: dict[bytes, datetime] = {}
        self._account = account
        self._max_bytes = max_bytes
        self._folders: Folders = MemoryFolders() if folders is None else folders
        self._seen: tuple[int, int] | None = None
        self._awake = threading.Event()

    # the port

    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        self.faults.check("connect")
        uidvalidity, uidnext = self._folders.uidvalidity(), self._folders.uidnext()
        floor = after.uid if after is not None and self._key(after.uid) == after else 0
        again = {key.uid for key in also if self._key(key.uid) == key}
        for uid in [uid for uid in self._folders.uids(INBOX) if uid > floor or uid in again]:
            self.faults.check("fetch")
            if self._folders.uidvalidity() != uidvalidity:
                return
            raw = self._folders.read(INBOX, uid)
            if raw is not None and (since is None or floor or uid in again or self._since(raw, since)):
                yield self._fetched(uid, raw)
        self._seen = (uidvalidity, uidnext)

    def _fetched(self, uid: int, raw: bytes) -> Fetched:
        arrived = self._arrived(raw)
        if uid in self.refused:
            return Fetched(self._key(uid), None, len(raw), b"\r\n", self.refused[uid], arrived)
        if len(raw) <= self._max_bytes:
            return Fetched(self._key(uid), raw, len(raw), arrived=arrived)
        header, separator, _ = raw.partition(b"\r\n\r\n")
        return Fetched(self._key(uid), None, len(raw), (header + separator)[: self._max_bytes], arrived=arrived)

    def _arrived(self, raw: bytes) -> datetime | None:
        """When it came: as told at its delivery, else as its Date header says."""
        return self._came.get(raw) or written_at(raw)

    def _since(self, raw: bytes, day: date) -> bool:
        moment = self._arrived(raw)
        return moment is None or moment.date() >= day

    def position(self) -> MailKey:
        self.faults.check("position")
        return self._key(0)

    def file_away(self, keys: Sequence[MailKey], folder: Folder) -> None:
        for key in keys:
            self.faults.check("file_away")
            if key == self._key(key.uid):
                self._folders.move(key.uid, INBOX, folder.value)

    def filed(self, folder: Folder, since: date | None = None) -> Iterator[Filed]:
        self.faults.check("filed")
        for uid in self._folders.uids(folder.value):
            raw = self._folders.read(folder.value, uid) or b""
            if since is None or self._since(raw, since):
                yield Filed(uid, raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")

    def filed_mail(self, uid: int, folder: Folder) -> bytes | None:
        self.faults.check("filed_mail")
        raw = self._folders.read(folder.value, uid)
        return raw if raw is not None and len(raw) <= self._max_bytes else None

    def bring_back(self, uids: Sequence[int], folder: Folder) -> None:
        for uid in uids:
            self.faults.check("bring_back")
            self._folders.move(uid, folder.value, INBOX)

    def wait(self, timeout_seconds: float) -> bool:
        self.faults.check("wait")
        deadline = time.monotonic() + timeout_seconds
        while True:
            now = (self._folders.uidvalidity(), self._folders.uidnext())
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

    def deliver(self, raw: bytes, arrived: datetime | None = None) -> MailKey:
        """A mail arrives, at the moment that its Date header names, or at another one."""
        if arrived is not None:
            self._came[raw] = arrived
        return self._key(self._folders.add(INBOX, raw))

    def expunge(self, key: MailKey) -> None:
        """Somebody deletes a mail."""
        self._folders.remove(INBOX, key.uid)

    def recreate(self) -> None:
        """The server makes the folder anew: another UIDVALIDITY, UIDs from 1."""
        self._folders.recreate()

    def inbox(self) -> list[bytes]:
        """Mails that lie in the inbox, in order."""
        return self._contents(INBOX)

    def folder(self, folder: Folder) -> list[bytes]:
        """Mails that were filed away, in order."""
        return self._contents(folder.value)

    def _contents(self, folder: str) -> list[bytes]:
        mails = (self._folders.read(folder, uid) for uid in self._folders.uids(folder))
        return [raw for raw in mails if raw is not None]

    def _key(self, uid: int) -> MailKey:
        return MailKey(self._account, INBOX, self._folders.uidvalidity(), uid)
