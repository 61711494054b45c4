"""Reading mails where hostile ones can only hurt a child process (threat 19).

Ordinary mail is read in this process: a linear scan (`parsers.mail.limits`) has seen that it cannot cost
much.  Anything unlike what people send goes to a child with a limit on its memory and a clock beside
it; a child that exceeds them is killed, and the mail is `Unreadable`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import pickle
import resource
import struct
import subprocess
import sys
from datetime import datetime
from select import select
from time import monotonic
from types import TracebackType
from typing import IO, Self

from parsers.mail.limits import measure, refusal, suspicious
from parsers.mail.message import read
from parsers.values import Address, Automatic, AutomaticKind, Mail, ReadingRules, Unreadable

_LENGTH = struct.Struct(">Q")
_MAX_ANSWER_BYTES = 64 * 1024 * 1024


class ConfinedReader:
    """Reads raw mails; owns at most one child, started for the first suspicious mail and used again.

    The child is stateless between mails and is replaced after `mails_per_child` of them, after any
    failure, and when its time is over.  Not thread-safe: one reader per thread.  `close` ends it.
    """

    def __init__(
        self,
        rules: ReadingRules,
        *,
        timeout_seconds: float = 1.5,
        memory_bytes: int = 200 * 1024 * 1024,
        mails_per_child: int = 100,
    ) -> None:
        self._rules = rules
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._mails_per_child = mails_per_child
        self._child: subprocess.Popen[bytes] | None = None
        self._read_by_child = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """The process id of the living child, None where there is none."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def read(self, raw: bytes) -> Mail | Unreadable:
        """Read one mail, in this process or in the child.  Never raises for what the bytes contain."""
        shape = measure(raw)
        if refusal(shape) is not None or not suspicious(shape):
            return read(raw, self._rules)
        return self._read_in_child(raw)

    def close(self) -> None:
        """End the child, if there is one; may run twice."""
        child, self._child, self._read_by_child = self._child, None, 0
        if child is None:
            return
        child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        child.wait()

    def _read_in_child(self, raw: bytes) -> Mail | Unreadable:
        deadline = monotonic() + self._timeout_seconds
        try:
            child = self._ready_child(deadline)
            _send(child.stdin, raw, deadline)
            answer = _receive(child.stdout, deadline)
        except TimeoutError:
            return self._given_up(raw, f"Reading it took longer than {self._timeout_seconds:g} seconds.")
        except (OSError, EOFError):
            return self._given_up(
                raw, f"Reading it needed more than {self._memory_bytes // 2**20} MiB of memory, or ended the reader."
            )
        self._read_by_child += 1
        if self._read_by_child >= self._mails_per_child:
            self.close()
        return from_json(answer)

    def _given_up(self, raw: bytes, why: str) -> Unreadable:
        self.close()
        return Unreadable(hashlib.sha256(raw).hexdigest(), len(raw), why)

    def _ready_child(self, deadline: float) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(  # noqa: S603  our own interpreter and module, no words of a mail
                [sys.executable, "-m", "mailbot.adapters.reading", str(self._memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            _send(self._child.stdin, pickle.dumps(self._rules), deadline)
        return self._child


def _send(stream: IO[bytes] | None, data: bytes, deadline: float) -> None:
    """Write one length-prefixed message.  Raises TimeoutError, OSError where the child is gone."""
    assert stream is not None  # noqa: S101  both pipes were asked for
    os.set_blocking(stream.fileno(), False)
    for view in (memoryview(_LENGTH.pack(len(data))), memoryview(data)):  # apart: joining would copy a large mail
        _send_all(stream, view, deadline)


def _send_all(stream: IO[bytes], view: memoryview, deadline: float) -> None:
    while view:
        _, writable, _ = select([], [stream], [], max(0.0, deadline - monotonic()))
        if not writable:
            raise TimeoutError
        view = view[os.write(stream.fileno(), view[: 1024 * 1024]) :]


def _receive(stream: IO[bytes] | None, deadline: float) -> bytes:
    """Read one length-prefixed message.  Raises TimeoutError, EOFError where the child died."""
    assert stream is not None  # noqa: S101
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size, deadline))
    if length > _MAX_ANSWER_BYTES:
        raise EOFError
    return _exactly(stream, length, deadline)


def _exactly(stream: IO[bytes], length: int, deadline: float) -> bytes:
    pieces = bytearray()
    while len(pieces) < length:
        readable, _, _ = select([stream], [], [], max(0.0, deadline - monotonic()))
        if not readable:
            raise TimeoutError
        piece = os.read(stream.fileno(), length - len(pieces))
        if not piece:
            raise EOFError
        pieces += piece
    return bytes(pieces)


def to_json(mail: Mail | Unreadable) -> bytes:
    """A read mail as JSON: what comes out of the child is data, never code."""

    def plain(value: object) -> object:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    told = {"is": type(mail).__name__} | dataclasses.asdict(mail)
    return json.dumps(told, default=plain).encode("utf-8", "replace")


def from_json(answer: bytes) -> Mail | Unreadable:
    """The reverse of `to_json`."""
    told = json.loads(answer)
    if told.pop("is") == "Unreadable":
        return Unreadable(**told)
    told["sender"] = Address(**told["sender"])
    told["sent_at"] = datetime.fromisoformat(told["sent_at"]) if told["sent_at"] else None
    if told["automatic"]:
        automatic = told["automatic"]
        automatic["kind"] = AutomaticKind(automatic["kind"])
        automatic["failed_recipients"] = tuple(automatic["failed_recipients"])
        told["automatic"] = Automatic(**automatic)
    lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
    return Mail(**(told | lists))


def _serve(memory_bytes: int) -> None:
    """The child: limit itself, then read mails from stdin and answer on stdout until stdin ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    rules = pickle.loads(_next(source))  # noqa: S301  written by our parent process
    while True:
        raw = _next(source)
        if not raw:
            return
        answer = to_json(read(raw, rules))
        del raw
        sink.write(_LENGTH.pack(len(answer)) + answer)
        sink.flush()


def _next(source: IO[bytes]) -> bytes:
    head = source.read(_LENGTH.size)
    return source.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
