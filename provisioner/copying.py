"""A piece of a volume on its way from one host to another, through this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from provisioner.api import AtTarget, Part, ProvisionerError


class Volumes(Protocol):
    """What the bytes of a host's volumes are read from and written to; all raise `ProvisionerError`."""

    def read(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        """So many bytes of a volume from there on, fewer at its end."""

    def write(self, part: Part, offset: int, chunks: Iterator[bytes], length: int) -> None:
        """Write so many bytes from there on; an overlay is one on this host's base."""


def copy_piece(source: Volumes, target: Volumes, part: Part, offset: int, length: int) -> None:
    """See `Disks.copy`; who failed is told apart, though both are at work."""
    failed: list[ProvisionerError] = []

    def chunks() -> Iterator[bytes]:
        try:
            yield from source.read(part.name, offset, length)
        except ProvisionerError as error:
            failed.append(error)
            raise

    try:
        target.write(part, offset, chunks(), length)
    except ProvisionerError as error:
        if failed:
            raise failed[0] from error
        raise AtTarget(error) from error
