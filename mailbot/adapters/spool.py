"""The stand-ins of `adapters` over a directory on disk: a process that is killed and started again sees the same world.

    <root>/mail/INBOX/000001.eml, …          the inbox; `handled/` and `quarantine/` beside it
    <root>/mail/state.json                   UIDVALIDITY and the next UID of each folder
    <root>/letters.jsonl                     what the SMTP server has taken, one JSON object a line
    <root>/now                               the clock, ISO 8601

Every change is whole or not there when its process is killed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailbot.adapters.imap.memory import INBOX, MemoryInbox
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.model import OutboundMail


class SpoolFolders:
    """`Folders` in files.  Every change is one rename under a lock that the kernel releases when its holder is killed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def uidvalidity(self) -> int:
        return int(self._state()["uidvalidity"])

    def uidnext(self) -> int:
        return int(self._state()["next"].get(INBOX, 1))

    def uids(self, folder: str) -> list[int]:
        return sorted(int(path.stem) for path in (self._root / folder).glob("*.eml"))

    def read(self, folder: str, uid: int) -> bytes | None:
        try:
            return self._path(folder, uid).read_bytes()
        except FileNotFoundError:
            return None

    def add(self, folder: str, raw: bytes) -> int:
        with self._changing() as state:
            uid = self._take_uid(state, folder)
            _write(self._path(folder, uid), raw)
        return uid

    def move(self, uid: int, source: str, target: str) -> None:
        with self._changing() as state:
            if self._path(source, uid).exists():
                new = self._path(target, self._take_uid(state, target))
                new.parent.mkdir(exist_ok=True)
                self._path(source, uid).rename(new)

    def remove(self, folder: str, uid: int) -> None:
        self._path(folder, uid).unlink(missing_ok=True)

    def recreate(self) -> None:
        with self._changing() as state:
            state["uidvalidity"] += 1
            uids = self.uids(INBOX)
            for new, old in enumerate(uids, start=1):
                self._path(INBOX, old).rename(self._path(INBOX, new))
            state["next"][INBOX] = len(uids) + 1
            self._put_state(state)

    def _path(self, folder: str, uid: int) -> Path:
        return self._root / folder / f"{uid:06d}.eml"

    def _state(self) -> dict[str, Any]:
        with suppress(FileNotFoundError):
            state: dict[str, Any] = json.loads((self._root / "state.json").read_text(encoding="utf-8"))
            return state
        return {"uidvalidity": 1, "next": {}}

    def _put_state(self, state: dict[str, Any]) -> None:
        _write(self._root / "state.json", json.dumps(state).encode())

    def _take_uid(self, state: dict[str, Any], folder: str) -> int:
        uid: int = state["next"].get(folder, 1)
        state["next"][folder] = uid + 1
        # Before the mail: a UID that was lost in a crash is a gap, a UID used twice would be another mail.
        self._put_state(state)
        return uid

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with (self._root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._state()


class SpoolInbox(MemoryInbox):
    """`Inbox` over a directory; several processes may use it at once (one reads, others deliver)."""

    def __init__(self, root: Path, account: str = "support@testbed.example", *, max_bytes: int = 26_214_400) -> None:
        super().__init__(account, max_bytes=max_bytes, folders=SpoolFolders(root / "mail"))


class SpoolPostman(MemoryPostman):
    """`Postman` that appends to a file; a letter is there once its line is whole."""

    def __init__(self, root: Path, on_sent: Callable[[OutboundMail], None] | None = None) -> None:
        super().__init__(on_sent)
        root.mkdir(parents=True, exist_ok=True)
        self._path = root / "letters.jsonl"

    @property
    def letters(self) -> list[OutboundMail]:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        # After the last newline stands nothing, or a letter that was cut off by a kill: not taken.
        return [_letter(json.loads(line)) for line in lines[:-1] if line]

    def _keep(self, letter: OutboundMail) -> int:
        line = json.dumps(
            {
                "from": letter.envelope_from,
                "to": letter.envelope_to,
                "message_id": letter.message_id,
                "data": base64.b64encode(letter.data).decode("ascii"),
            }
        )
        with self._path.open("ab", buffering=0) as file:
            file.write(line.encode() + b"\n")
        return self._path.stat().st_size


class SpoolClock:
    """`Clock` that reads its time from a file, so that a test can move the time of another process."""

    def __init__(self, root: Path, start: datetime | None = None) -> None:
        self._path = root / "now"
        root.mkdir(parents=True, exist_ok=True)
        if start is not None:
            self.set(start)

    def now(self) -> datetime:
        return datetime.fromisoformat(self._path.read_text(encoding="ascii")).astimezone(UTC)

    def elapsed(self) -> float:
        return self.now().timestamp()

    def start(self) -> str:
        return "spool"

    def set(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError("the clock needs a moment with a time zone")
        _write(self._path, moment.isoformat().encode("ascii"))


def _letter(record: dict[str, str]) -> OutboundMail:
    return OutboundMail(record["from"], record["to"], record["message_id"], base64.b64decode(record["data"]))


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, for readers and after a kill (not after a power failure: no fsync, these are stand-ins)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{os.getpid()}"
    temporary.write_bytes(content)
    temporary.replace(path)
