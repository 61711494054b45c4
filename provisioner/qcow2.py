"""The head of a qcow2 file: on which file it is an overlay, and the same on another one.

QEMU's docs/interop/qcow2.txt: the name of the backing file lies in the first cluster, its offset and length in the header
(big endian, at bytes 8 and 16); header extensions come before it, and nothing that counts after it.
"""

from __future__ import annotations

import struct
from typing import Final

_MAGIC: Final = b"QFI\xfb"
_FIXED: Final = struct.Struct(">4sIQI I")
"""Magic, version, offset and length of the backing file's name, and how many bits of an offset are within a cluster."""
HEAD: Final = 1 << 16
"""So many bytes hold the header and the name: QEMU's usual cluster."""


class NoOverlay(ValueError):
    """These bytes do not begin a qcow2 file that is an overlay."""


def backing_file(head: bytes) -> str:
    """The name of the file that it is an overlay on.  Raises NoOverlay."""
    offset, length, _cluster = _read(head)
    return head[offset : offset + length].decode()


def on(head: bytes, backing: str) -> bytes:
    """The same head on another backing file.  Raises NoOverlay where it is no overlay, or the name has no room."""
    offset, length, cluster = _read(head)
    name = backing.encode()
    if offset + len(name) > min(cluster, len(head)) or len(name) > 1023:
        raise NoOverlay(f"the name {backing} has no room in the header")
    changed = bytearray(head)
    changed[16:20] = struct.pack(">I", len(name))
    changed[offset : offset + max(length, len(name))] = name.ljust(max(length, len(name)), b"\0")
    return bytes(changed)


def _read(head: bytes) -> tuple[int, int, int]:
    if len(head) < _FIXED.size:
        raise NoOverlay("too short for a qcow2 file")
    magic, _version, offset, length, bits = _FIXED.unpack_from(head)
    if magic != _MAGIC or not offset or offset + length > len(head):
        raise NoOverlay("no qcow2 file with a backing file")
    return offset, length, 1 << bits
