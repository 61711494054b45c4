"""Devices that are overwritten with zeros before they are deleted, piece by piece.

The next volume at the same place, another owner's, would show what is left there.  How far it has come stands in the
device's own first bytes, so any process goes on from there, and no call takes longer than a few pieces.
"""

from __future__ import annotations

import re
from time import monotonic
from typing import Final

import libvirt

from provisioner.libvirt_driver.streams import stream

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
    head = b""
    with stream(conn) as incoming:
        volume.download(incoming, 0, _HEAD, 0)
        while len(head) < _HEAD and (chunk := incoming.recv(_HEAD - len(head))):
            head += chunk
    noted = _DONE_UNTIL.match(head)
    return int(noted.group(1)) if noted else 0


def _zeros(conn: libvirt.virConnect, volume: libvirt.virStorageVol, at: int, length: int) -> None:
    with stream(conn) as outgoing:
        volume.upload(outgoing, at, length, libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM)
        outgoing.sendHole(length)


def _write(conn: libvirt.virConnect, volume: libvirt.virStorageVol, head: bytes) -> None:
    with stream(conn) as outgoing:
        volume.upload(outgoing, 0, len(head), 0)
        outgoing.send(head)
