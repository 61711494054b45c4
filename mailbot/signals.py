"""Signals as something that a thread can wait for."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence


class Signals:
    """Signals as something to wait for, in the main thread.

    They come through a socket that C code writes to (`signal.set_wakeup_fd`).  A lock would not do: the handler in Python runs
    only when the main thread runs, and a signal that comes just before that thread begins to wait would wake nobody.
    """

    def __init__(self, wanted: Sequence[signal.Signals]) -> None:
        self._out, self._in = socket.socketpair()
        self._in.setblocking(False)
        self._before_fd = signal.set_wakeup_fd(self._in.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, lambda *_: None) for number in wanted}

    def wait(self) -> signal.Signals:
        """The next of them."""
        while True:
            number = signal.Signals(self._out.recv(1)[0])
            if number in self._before:
                return number

    def close(self) -> None:
        """Have signals do again what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._before_fd)
        self._in.close()
        self._out.close()


def has_terminal() -> bool:
    """Whether a terminal controls this process; /dev/tty can be opened only then (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
