"""The daemon's side of reading: every mail goes to the child, and what comes back is data."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import subprocess
import sys
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import Self

from mailbot.adapters.reading import frames
from mailbot.adapters.reading.child import DIED, STAMP, TOO_LONG, UNDERSTOOD
from mailbot.adapters.reading.wire import WireError, loads
from parsers.values import Kind, ReadingRules, Understanding, Unreadable

_START_SECONDS = 60.0
TRIES = 2
"""A mail that ended its reader once may have met a machine that was short of memory; twice, and it is left unread."""


class ConfinedReader:
    """Reads and understands raw mails in one child, started for the first mail and used for all that follow.

    `processor_seconds` bound the processor time of one mail; `patience_seconds` is the last resort on the wall clock, for a
    machine that is too busy to give the child any.  Not thread-safe: one reader a thread.  `close` ends it.
    """

    def __init__(
        self,
        rules: ReadingRules,
        *,
        processor_seconds: float = 1.8,
        patience_seconds: float = 60.0,
        mails_per_reader: int = 200,
    ) -> None:
        self._rules = rules
        self._processor_seconds = processor_seconds
        self._patience_seconds = patience_seconds
        self._mails_per_reader = mails_per_reader
        self._child: subprocess.Popen[bytes] | None = None
        self._layers: tuple[str, ...] = ()

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

    def layers(self) -> tuple[str, ...]:
        """What the child has given up on this machine (`confinement.Layer`); starts it where there is none.  Raises OSError."""
        self._ready()
        return self._layers

    def read(self, raw: bytes, now: datetime) -> Understanding:
        """What a mail says at the moment `now` (aware).  Never raises for what the bytes contain; OSError where no child starts."""
        why = ""
        for _ in range(TRIES):
            answer = self._asked(raw, now)
            if isinstance(answer, Understanding):
                return answer
            why, final = answer
            if final:
                break
        unreadable = Unreadable(hashlib.sha256(raw).hexdigest(), len(raw), why)
        return Understanding(None, unreadable, Kind.UNREADABLE, why)

    def close(self) -> None:
        """End the child, if there is one; may run twice."""
        child, self._child = self._child, None
        if child is None:
            return
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        child.kill()
        child.wait()

    def _asked(self, raw: bytes, now: datetime) -> Understanding | tuple[str, bool]:
        """The answer; or why there is none, and whether asking again is of no use."""
        child = self._ready()
        deadline = monotonic() + self._patience_seconds
        try:
            frames.send(_handle(child.stdin), STAMP.pack(now.timestamp()) + raw, deadline)
            answer = frames.receive(_handle(child.stdout), deadline)
            return self._understanding(answer)
        except TimeoutError:
            self.close()
            return f"Reading it took longer than {self._patience_seconds:g} seconds.", True
        except (OSError, EOFError, WireError):
            self.close()
            return "Reading it ended the reader.", False

    def _understanding(self, answer: bytes) -> Understanding | tuple[str, bool]:
        kind, told = answer[:1], answer[1:]
        if kind == UNDERSTOOD:
            return loads(told, Understanding)
        if kind == TOO_LONG:
            return f"Reading it took more than {self._processor_seconds:g} seconds of processor time.", True
        if kind == DIED:
            return "Reading it needed too much memory, or ended the reader.", False
        raise WireError

    def _ready(self) -> subprocess.Popen[bytes]:
        """The child, started where there is none: with nothing of our environment, and no descriptor but its two pipes."""
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no words of a mail
                [
                    *(sys.executable, "-m", "mailbot.adapters.reading.child"),
                    *(str(self._mails_per_reader), str(self._processor_seconds)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                bufsize=0,
            )
            os.set_blocking(_handle(self._child.stdin), False)
            deadline = monotonic() + _START_SECONDS
            try:
                frames.send(_handle(self._child.stdin), pickle.dumps(self._rules), deadline)
                self._layers = tuple(frames.receive(_handle(self._child.stdout), deadline).decode().split("\n"))
            except (TimeoutError, EOFError) as error:
                self.close()
                raise OSError("the reader of mails does not start") from error
        return self._child


def _handle(stream: object) -> int:
    number: int = stream.fileno()  # type: ignore[attr-defined]  # both pipes were asked for
    return number
