"""Devices that are overwritten with zeros before they are deleted, piece by piece.

The next volume at the same place, another owner's, would show what is left there.  How far it has come stands in the
device's own first bytes, so any process goes on from there, and no call takes longer than a few pieces.
"""

from __future__ import annotations

import re
from contextlib import suppress
from time import monotonic
from typing import Any, Final

import libvirt

PIECE: Final = 64 << 20
SECONDS: Final = 10.0
"""After so long a call ends, and is to be made again."""
_HEAD: Final = 512
_DONE_UNTIL: Final = re.compile(rb"mailbot: overwritten up to (\d{1,20})\n")


def overwrite(conn: libvirt.virConnect, volume: libvirt.virStorageVol) -> bool:
    """Overwrite the next pieces; gives whether nothing is left of what was on it.

    The zeros are made at the host: a hole in a sparse stream is written as such to a device (virStorageVolUpload).
    """
    size, until = volume.info()[1], monotonic() + SECONDS
    at = _done_until(conn, volume)
    while at < size:
        _zeros(conn, volume, at, min(PIECE, size - at))
        at = min(size, at + PIECE)
        if at < size:
            _write(conn, volume, f"mailbot: overwritten up to {at}\n".encode().ljust(_HEAD, b"\0"))
            if monotonic() >= until:
                return False
    _write(conn, volume, bytes(_HEAD))
    return True


def _done_until(conn: libvirt.virConnect, volume: libvirt.virStorageVol) -> int:
    """From where on it still shows what it held; the first piece is overwritten first, and then keeps the note."""
    stream: Any = conn.newStream(0)
    volume.download(stream, 0, _HEAD, 0)
    head = b""
    while len(head) < _HEAD and (chunk := stream.recv(_HEAD - len(head))):
        head += chunk
    stream.finish()
    noted = _DONE_UNTIL.match(head)
    return int(noted.group(1)) if noted else 0


def _zeros(conn: libvirt.virConnect, volume: libvirt.virStorageVol, at: int, length: int) -> None:
    stream: Any = conn.newStream(0)
    try:
        volume.upload(stream, at, length, libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM)
        stream.sendHole(length)
        stream.finish()
    except BaseException:
        _abort(stream)
        raise


def _write(conn: libvirt.virConnect, volume: libvirt.virStorageVol, head: bytes) -> None:
    stream: Any = conn.newStream(0)
    try:
        volume.upload(stream, 0, len(head), 0)
        stream.send(head)
        stream.finish()
    except BaseException:
        _abort(stream)
        raise


def _abort(stream: Any) -> None:
    with suppress(libvirt.libvirtError):
        stream.abort()
