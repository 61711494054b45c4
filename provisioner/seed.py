"""The seed: cloud-init's two files, and that of our own image, on a small ISO 9660 disk, made in memory.

The same machine gives the same bytes, so that a seed that was half uploaded is told from a whole one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from importlib import import_module
from io import BytesIO
from typing import Final

from provisioner.addressing import Bridge
from provisioner.api import VmSpec
from provisioner.cloud_init import meta_data, network_config, user_data
from provisioner.first_boot import SEED_FILE, seed_lines

LABEL: Final = "cidata"
"""The label by which cloud-init's NoCloud data source finds its disk."""

_SECTOR: Final = 2048
_TERMINATOR: Final = 255
_SHORT_DATE: Final = bytes((100, 1, 1, 0, 0, 0, 0))
_LONG_DATE: Final = b"2000010100000000\0"
_ROCK_RIDGE_DATES: Final = b"TF\x1a\x01\x0e"
"""Rock Ridge's TF entry of 26 bytes, version 1, with three short dates (RRIP 1.09, 4.1.6)."""


def seed_image(spec: VmSpec, bridge: Bridge | None = None) -> bytes:
    """Give the whole seed disk of a machine; on a bridge of its host it is told its addresses, else it asks by DHCP."""
    files = {
        "meta-data": meta_data(spec),
        "user-data": user_data(spec, static=bridge is not None),
        SEED_FILE: seed_lines(spec, bridge),
    }
    return iso_image(files if bridge is None else {**files, "network-config": network_config(spec, bridge)})


def iso_image(files: Mapping[str, bytes]) -> bytes:
    """Give an ISO 9660 image with Joliet and Rock Ridge names, labelled `cidata`, the same for the same files."""
    iso = import_module("pycdlib").PyCdlib()  # 2 MB, for builds alone
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    for number, (name, data) in enumerate(sorted(files.items())):
        iso.add_fp(BytesIO(data), len(data), f"/FILE{number}.;1", rr_name=name, joliet_path=f"/{name}")
    out = BytesIO()
    iso.write_fp(out)
    iso.close()
    return _timeless(bytearray(out.getvalue()))


def _timeless(image: bytearray) -> bytes:
    """Set every date in the image to the same moment; pycdlib takes them all from the clock.

    Places by ECMA-119: volume descriptors from sector 16 on (8.4), their root directory record at byte 156
    (8.4.18) and four dates at byte 813 (8.4.26); directory records (9.1).
    """
    sector = 16
    while image[sector * _SECTOR] != _TERMINATOR:
        start = sector * _SECTOR
        for number in range(4):
            place = start + 813 + 17 * number
            image[place : place + 17] = _LONG_DATE
        root = start + 156
        image[root + 18 : root + 25] = _SHORT_DATE
        (extent,) = struct.unpack_from("<I", image, root + 2)
        (length,) = struct.unpack_from("<I", image, root + 10)
        _timeless_directory(image, extent * _SECTOR, length)
        sector += 1
    return bytes(image)


def _timeless_directory(image: bytearray, start: int, length: int) -> None:
    at = start
    while at < start + length and image[at]:
        record = image[at : at + image[at]]
        record[18:25] = _SHORT_DATE
        stamps = record.find(_ROCK_RIDGE_DATES)
        if stamps >= 0:
            first = stamps + len(_ROCK_RIDGE_DATES)
            record[first : first + 21] = _SHORT_DATE * 3
        image[at : at + len(record)] = record
        at += len(record)
