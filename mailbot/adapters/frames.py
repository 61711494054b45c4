"""Length-prefixed messages over the pair of pipes to a child of ours."""

from __future__ import annotations

import os
import struct
from collections import deque
from contextlib import suppress
from select import select
from time import monotonic

_LENGTH = struct.Struct(">Q")
_PIECE = 1024 * 1024
LONGEST = 64 * 1024 * 1024
"""No message is longer, bytes: a child that was taken over cannot fill the daemon's memory."""


class Channel:
    """The daemon's end: messages go out and come in at once, so that neither side waits while the other one writes.

    Both descriptors must not block.  After an error the channel is of no use any more.
    """

    def __init__(self, outgoing: int, incoming: int) -> None:
        self._outgoing, self._incoming = outgoing, incoming
        self._unsent: deque[memoryview] = deque()
        self._arrived = bytearray()

    def put(self, *parts: bytes) -> None:
        """Send a message that consists of these parts, as far as the other side takes it now; the rest leaves while `get` waits.

        Raises OSError.
        """
        self._unsent.append(memoryview(_LENGTH.pack(sum(map(len, parts)))))
        self._unsent.extend(memoryview(part) for part in parts)  # not joined: that would copy a large mail
        self._write()

    def get(self, deadline: float) -> bytes:
        """The next message.  Raises TimeoutError at `deadline` (monotonic), EOFError where the other side is gone or talks nonsense, OSError."""
        while (message := self._message()) is None:
            readable, writable, _ = select(
                [self._incoming], [self._outgoing] if self._unsent else [], [], max(0.0, deadline - monotonic())
            )
            if not readable and not writable:
                raise TimeoutError
            if readable:  # first: what a child said before it went is heard
                self._arrived += _some(self._incoming, _PIECE)
            else:
                self._write()
        return message

    def _message(self) -> bytes | None:
        if len(self._arrived) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._arrived)
        if length > LONGEST:
            raise EOFError
        end = _LENGTH.size + length
        if len(self._arrived) < end:
            return None
        message = bytes(memoryview(self._arrived)[_LENGTH.size : end])
        del self._arrived[:end]
        return message

    def _write(self) -> None:
        with suppress(BlockingIOError):
            while self._unsent:
                sent = os.write(self._outgoing, self._unsent[0][:_PIECE])
                self._unsent[0] = self._unsent[0][sent:]
                if not self._unsent[0]:
                    self._unsent.popleft()


def write(handle: int, data: bytes) -> None:
    """Write one message, for the side that may wait for ever."""
    for part in (_LENGTH.pack(len(data)), data):
        sent = 0
        while sent < len(part):
            sent += os.write(handle, memoryview(part)[sent : sent + _PIECE])


def read(handle: int) -> bytes:
    """Read one message, for the side that may wait for ever.  Raises EOFError."""
    (length,) = _LENGTH.unpack(_all(handle, _LENGTH.size))
    return _all(handle, length)


def _all(handle: int, length: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < length:
        pieces += _some(handle, length - len(pieces))
    return bytes(pieces)


def _some(handle: int, length: int) -> bytes:
    piece = os.read(handle, min(length, _PIECE))
    if not piece:
        raise EOFError
    return piece
