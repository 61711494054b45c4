"""Length-prefixed messages over a pair of pipes."""

from __future__ import annotations

import os
import struct
from select import select
from time import monotonic

_LENGTH = struct.Struct(">Q")
_PIECE = 1024 * 1024
LONGEST = 64 * 1024 * 1024
"""No message is longer, bytes: a child that was taken over cannot fill the daemon's memory."""


def send(handle: int, data: bytes, deadline: float) -> None:
    """Write one message to a descriptor that does not block.  Raises TimeoutError at `deadline` (monotonic), OSError."""
    for part in (_LENGTH.pack(len(data)), data):  # apart: joining would copy a large mail
        sent = 0
        while sent < len(part):
            _, writable, _ = select([], [handle], [], max(0.0, deadline - monotonic()))
            if not writable:
                raise TimeoutError
            sent += os.write(handle, memoryview(part)[sent : sent + _PIECE])


def receive(handle: int, deadline: float) -> bytes:
    """Read one message.  Raises TimeoutError at `deadline` (monotonic), EOFError where the other side is gone or talks nonsense."""
    (length,) = _LENGTH.unpack(_exactly(handle, _LENGTH.size, deadline))
    if length > LONGEST:
        raise EOFError
    return _exactly(handle, length, deadline)


def _exactly(handle: int, length: int, deadline: float) -> bytes:
    pieces = bytearray()
    while len(pieces) < length:
        readable, _, _ = select([handle], [], [], max(0.0, deadline - monotonic()))
        if not readable:
            raise TimeoutError
        pieces += _some(handle, length - len(pieces))
    return bytes(pieces)


def write(handle: int, data: bytes) -> None:
    """The same as `send` for the side that may wait for ever."""
    for part in (_LENGTH.pack(len(data)), data):
        sent = 0
        while sent < len(part):
            sent += os.write(handle, memoryview(part)[sent : sent + _PIECE])


def read(handle: int) -> bytes:
    """The same as `receive` for the side that may wait for ever; never reads beyond the message.  Raises EOFError."""
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
