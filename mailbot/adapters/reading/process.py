"""The child that reads mails, as the daemon has it: started, told its rules, spoken to, ended.

Apart from the reader, so that it can be started before what the rules are made of is loaded: both take a third of a second.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import subprocess
from time import monotonic
from typing import IO, TYPE_CHECKING

from mailbot.adapters import frames
from mailbot.adapters.pipes import child, opened

if TYPE_CHECKING:
    from parsers.values import ReadingRules

MAILS = 5000
"""So many mails are read by one child."""
PROCESSOR_SECONDS = 1.8
"""So much of the processor may one mail take."""
_START_SECONDS = 60.0
_END_SECONDS = 1.0
"""How long a child that closed its pipe may take to be gone."""
_PIPE_BYTES = 1024 * 1024
"""What a pipe holds where the kernel allows it: so much is there for the child to go on with while the daemon commits."""


class ReadingProcess:
    """One child, started at once: with nothing of our environment, and no descriptor but its two pipes.  Raises OSError."""

    def __init__(self, mails: int = MAILS, processor_seconds: float = PROCESSOR_SECONDS) -> None:
        self.layers: tuple[str, ...] | None = None
        """What it has given up (`confinement.Layer`); None where it has not been told its rules."""
        words = str(mails), str(processor_seconds)
        self._child = child("mailbot.adapters.reading.child", *words, environment={})
        self.channel = frames.Channel(_descriptor(opened(self._child.stdin)), _descriptor(opened(self._child.stdout)))

    @property
    def pid(self) -> int:
        return self._child.pid

    def is_alive(self) -> bool:
        return self._child.poll() is None

    def tell(self, rules: ReadingRules) -> None:
        """Give it its rules, and wait until it has given up what it can: mails may be sent afterwards.  Raises OSError, EOFError."""
        self.channel.put(pickle.dumps(rules))
        self.layers = tuple(self.channel.get(monotonic() + _START_SECONDS).decode().split("\n"))

    def status(self) -> int | None:
        """How it ended, where it closed its pipe; None where it goes on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._child.wait(_END_SECONDS)
        return None

    def close(self) -> None:
        """End it; may run twice."""
        for stream in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(OSError):
                opened(stream).close()
        self._child.kill()
        self._child.wait()


def _descriptor(stream: IO[bytes]) -> int:
    """The descriptor of a pipe to or from the child: it never blocks, and holds as much as the kernel allows."""
    number = stream.fileno()
    os.set_blocking(number, False)
    with contextlib.suppress(OSError):  # fcntl(2), F_SETPIPE_SZ: too many pipes of this user are large already
        fcntl.fcntl(number, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return number
