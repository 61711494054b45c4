"""Streams to and from volumes: finished where all went well, aborted where anything did not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import libvirt


@contextmanager
def stream(conn: libvirt.virConnect) -> Iterator[Any]:
    """A stream for one upload or download (virStreamNew, virStreamFinish, virStreamAbort)."""
    made: Any = conn.newStream(0)
    try:
        yield made
        made.finish()
    except BaseException:
        with suppress(libvirt.libvirtError):
            made.abort()
        raise
