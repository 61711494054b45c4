"""Pipes to and from children."""

from __future__ import annotations

from typing import IO


def opened(stream: IO[bytes] | None) -> IO[bytes]:
    """One end of a pipe that was asked for when the child was started; `Popen` types it as one that may be missing."""
    if stream is None:
        raise ValueError("no pipe was asked for")
    return stream
