"""The daemon's side of reading: every mail goes to the child, and what comes back is data."""

from __future__ import annotations

import contextlib
import hashlib
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Self

from mailbot.adapters import frames
from mailbot.adapters.reading.process import MAILS, PROCESSOR_SECONDS, ReadingProcess
from mailbot.adapters.reading.wire import DIED, SHARE_IS_READ, STAMP, UNDERSTOOD, WireError, loads
from parsers.translatable import Translatable, say
from parsers.values import Kind, ReadingRules, Understanding, Unreadable

TRIES = 2
"""A mail that ended its reader once may have met a machine that was short of memory; twice, and it is left unread."""
_SENT_ON_TIME = frozenset({-signal.SIGPROF, -signal.SIGXCPU})
"""How a child has ended that took more processor time than it may (`confinement.bound_time`, setrlimit(2))."""
_TOO_MUCH = say("Reading it needed too much memory, or ended the reader.")


@dataclass(eq=False)
class _Reading:
    """A mail that is being read, and what came of it."""

    raw: bytes
    now: datetime
    answer: Understanding | None = None
    deaths: int = 0

    def give_up(self, why: Translatable) -> None:
        unreadable = Unreadable(hashlib.sha256(self.raw).hexdigest(), len(self.raw), why)
        self.answer = Understanding(None, unreadable, Kind.UNREADABLE, why)

    def died(self, why: Translatable) -> None:
        self.deaths += 1
        if self.deaths >= TRIES:
            self.give_up(why)


class ConfinedReader:
    """Reads and understands raw mails in one child, started for the first mail and used for all that follow.

    `processor_seconds` bound the processor time of one mail; `patience_seconds` is the last resort on the wall clock, for a
    machine that is too busy to give the child any.  Not thread-safe: one reader a thread.  `close` ends it.

    Mails may be sent ahead: the child reads them one after the other and answers in that order.  Where it ends, the mail
    that it had not yet answered first is the one that it read.
    """

    def __init__(
        self,
        rules: ReadingRules,
        *,
        processor_seconds: float = PROCESSOR_SECONDS,
        patience_seconds: float = 60.0,
        mails_per_reader: int = MAILS,
        process: ReadingProcess | None = None,
    ) -> None:
        self._rules = rules
        self._processor_seconds = processor_seconds
        self._patience_seconds = patience_seconds
        self._mails_per_reader = mails_per_reader
        self._process = process
        self._sent: deque[_Reading] = deque()
        """What the child has and did not answer, in the order in which it reads."""
        self._answered = 0
        """How many mails this child has answered."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """The process id of the living child, None where there is none."""
        return self._process.pid if self._process is not None and self._process.is_alive() else None

    def layers(self) -> tuple[str, ...]:
        """What the child has given up on this machine (`confinement.Layer`); starts it where there is none.  Raises OSError."""
        self._ready()
        return (self._process and self._process.layers) or ()

    def read(self, raw: bytes, now: datetime) -> Understanding:
        """What a mail says at the moment `now` (aware).  Never raises for what the bytes contain; OSError where no child starts."""
        return self.begin(raw, now)()

    def begin(self, raw: bytes, now: datetime) -> Callable[[], Understanding]:
        """Send a mail ahead; see `ports.Reader.begin`."""
        reading = _Reading(raw, now)
        with contextlib.suppress(OSError):  # whoever asks for the answer tries again, and hears of it
            self._send(reading)
        return partial(self._answer, reading)

    def close(self) -> None:
        """End the child, if there is one; may run twice."""
        process, self._process = self._process, None
        self._sent.clear()
        if process is not None:
            process.close()

    def _answer(self, reading: _Reading) -> Understanding:
        while reading.answer is None:
            if reading not in self._sent:
                self._send(reading)
            self._take_one()
        return reading.answer

    def _send(self, reading: _Reading) -> None:
        """Raises OSError where no child starts."""
        channel = self._ready()
        self._sent.append(reading)
        # A child that is gone is noticed when its answer is waited for.
        with contextlib.suppress(OSError):
            channel.put(STAMP.pack(reading.now.timestamp()), reading.raw)

    def _take_one(self) -> None:
        """Wait for the next answer; where there is none, the mail is to blame, and the ones behind it are sent again."""
        channel, reading = self._ready(), self._sent[0]
        try:
            self._note(reading, channel.get(monotonic() + self._patience_seconds))
        except TimeoutError:
            reading.give_up(
                say("Reading it took longer than {seconds} seconds.", seconds=f"{self._patience_seconds:g}")
            )
            self._send_again()
        except (OSError, EOFError, WireError):
            self._blame(reading)
            self._send_again()
        else:
            self._answered += 1
            self._sent.popleft()

    def _note(self, reading: _Reading, message: bytes) -> None:
        kind, told = message[:1], message[1:]
        if kind == UNDERSTOOD:
            reading.answer = loads(told, Understanding)
        elif kind == DIED:
            reading.died(_TOO_MUCH)
        else:
            raise WireError

    def _blame(self, reading: _Reading) -> None:
        """This mail was being read when the child ended, or answered nonsense; none is to blame where the share was read."""
        status = self._process.status() if self._process is not None else None
        if status in _SENT_ON_TIME:
            reading.give_up(
                say(
                    "Reading it took more than {seconds} seconds of processor time.",
                    seconds=f"{self._processor_seconds:g}",
                )
            )
        elif (status, self._answered) != (SHARE_IS_READ, self._mails_per_reader):
            reading.died(_TOO_MUCH)

    def _send_again(self) -> None:
        """End the child, and give what it did not get to read to the next one."""
        unread = [reading for reading in self._sent if reading.answer is None]
        self.close()
        for reading in unread:
            self._send(reading)

    def _ready(self) -> frames.Channel:
        """The way to the child, which is started where there is none.  Raises OSError."""
        if self._process is None or (not self._sent and not self._process.is_alive()):
            self.close()
            self._process = ReadingProcess(self._mails_per_reader, self._processor_seconds)
        if self._process.layers is None:
            self._answered = 0
            try:
                self._process.tell(self._rules)
            except (OSError, EOFError) as error:
                self.close()
                raise OSError("the reader of mails does not start") from error
        return self._process.channel
