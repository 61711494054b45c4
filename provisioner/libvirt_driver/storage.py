"""Volumes of one pool: overlays, seeds and base images, all through streams, so that the host may be far away."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import BinaryIO, Final, TypeVar

import libvirt

from parsers.translatable import Translatable, say
from provisioner import domain_xml, naming
from provisioner.api import NotOurs, OutOfRoom, ProvisionerError, SiteSettings, VmSpec, no_image
from provisioner.libvirt_driver.connection import absent_is_fine
from provisioner.libvirt_driver.overwriting import overwrite
from provisioner.libvirt_driver.streams import stream
from provisioner.libvirt_driver.together import together

GIB: Final = 1 << 30
_CHUNK: Final = 1 << 18
_MARKER_SIZE: Final = 512


_OF_FILES: Final = frozenset({"dir", "fs", "netfs", "gluster", "vstorage"})
"""Types of pools whose volumes are files (formatstorage)."""
_OF_DEVICES: Final = frozenset({"logical"})
"""Types of pools whose volumes are devices, and that can make one from another.  ZFS and others cannot (virStorageVolCreateXMLFrom)."""
_LOOKS: Final = 3
_PAUSE_SECONDS: Final = 0.1
_T = TypeVar("_T")


def _looked(look: Callable[[], _T | None]) -> _T | None:
    """What a look gives, or None where several in a row find nothing.

    While another worker has a pool refreshed, its volumes are not there for a moment (virStoragePoolRefresh empties
    the list and fills it again): one look that finds nothing does not mean that there is nothing.
    """
    for number in range(_LOOKS):
        found = look()
        if found is not None or number == _LOOKS - 1:
            return found
        time.sleep(_PAUSE_SECONDS)
    return None


def being_overwritten(name: str, site: str) -> Translatable:
    """Why something has to wait."""
    return say("The disk {name} is being overwritten at {site}.", name=name, site=site)


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume: how large it may grow, and what it takes now, in bytes."""

    name: str
    capacity: int
    allocation: int


def free_gib(available: int, volumes: Iterable[Volume], reserved_gib: int) -> int:
    """Give the GiB that are left when every overlay has grown to its full size and the host keeps its share."""
    promised = sum(max(0, one.capacity - one.allocation) for one in volumes if naming.volume_owner(one.name))
    return max(0, (available - promised) // GIB - reserved_gib)


def _volume(volume: libvirt.virStorageVol) -> Volume | None:
    # It may be deleted by another worker while the list is read.
    with absent_is_fine(libvirt.VIR_ERR_NO_STORAGE_VOL):
        _, capacity, allocation = volume.info()
        return Volume(volume.name(), capacity, allocation)
    return None


def _described(volume: libvirt.virStorageVol) -> str | None:
    with absent_is_fine(libvirt.VIR_ERR_NO_STORAGE_VOL):
        text: str = volume.XMLDesc(0)
        return text
    return None


class Storage:
    """One site's pool, started where it was not."""

    def __init__(self, conn: libvirt.virConnect, settings: SiteSettings) -> None:
        self._conn = conn
        self._settings = settings
        self._pool = conn.storagePoolLookupByName(settings.pool)
        self._kind = domain_xml.pool_type(self._pool.XMLDesc(0))
        if self._kind not in _OF_FILES | _OF_DEVICES:
            raise ProvisionerError(
                say(
                    "The pool {pool} at {site} is of the kind {kind}, in which libvirt cannot copy a base image. It must be one of: {kinds}.",
                    pool=settings.pool,
                    site=settings.name,
                    kind=self._kind,
                    kinds=", ".join(sorted(_OF_FILES | _OF_DEVICES)),
                ),
                permanent=True,
                other_site_may_help=True,
            )
        if not self._pool.isActive():
            self._pool.create(0)

    @property
    def block(self) -> bool:
        """Whether its volumes are devices, as those of LVM and ZFS are, and not files."""
        return self._kind not in _OF_FILES

    @property
    def copies(self) -> bool:
        """Whether each disk is a whole copy of the base image, raw, and no overlay on it."""
        return self.block or not self._settings.overlays

    def find(self, name: str) -> libvirt.virStorageVol | None:
        """Give a volume by its name, or None.

        What another host has put into a pool that both have, this one knows only after it has looked there again.
        """
        found = _looked(lambda: self._lookup(name))
        if found is None and self._settings.shared_pool:
            self.refresh()
            found = self._lookup(name)
        return found

    def _lookup(self, name: str) -> libvirt.virStorageVol | None:
        with absent_is_fine(libvirt.VIR_ERR_NO_STORAGE_VOL):
            return self._pool.storageVolLookupByName(name)
        return None

    def names(self) -> tuple[str, ...]:
        """Give the names of all volumes, sorted."""
        if self._settings.shared_pool:
            self.refresh()
        return tuple(sorted(self._pool.listVolumes()))

    def refuse_if_bare(self) -> None:
        """Refuse to conclude from a pool without any base image that a disk is lost.

        The file system behind it may not be mounted: then its directory is an empty one, and all disks are where they were.
        A pool in use has an image, since `prune_images` leaves the one for new machines.
        """
        if not self.images():
            raise ProvisionerError(
                say(
                    "A disk is missing in the pool {pool} at {site}, and so is every base image: perhaps its file system is not mounted. "
                    "If the disks are lost, run `mailbot image build`; until then nothing is concluded from it.",
                    pool=self._settings.pool,
                    site=self._settings.name,
                )
            )

    def delete(self, name: str) -> None:
        """Delete a volume that holds nothing of a machine's owner; nothing where there is none."""
        volume = self.find(name)
        if volume is not None:
            with absent_is_fine(libvirt.VIR_ERR_NO_STORAGE_VOL):
                volume.delete(0)

    def delete_disk(self, name: str) -> bool:
        """Delete a machine's disk; gives whether it is gone.  One that is a device is overwritten first, over several calls."""
        volume = self.find(name)
        if volume is None:
            return True
        with absent_is_fine(libvirt.VIR_ERR_NO_STORAGE_VOL):
            if self.block and not overwrite(self._conn, volume):
                return False
            volume.delete(0)
        return True

    def available(self) -> int:
        """Give the bytes that the pool has left now."""
        self.refresh()  # the pool's numbers are as old as its last refresh
        return int(self._pool.info()[3])

    def refresh(self) -> None:
        """Have the host look at its volumes again; a pool that is busy says so and is read as it is."""
        with absent_is_fine(libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_OPERATION_INVALID):
            self._pool.refresh(0)

    def volumes(self) -> tuple[Volume, ...]:
        """Give every volume with its sizes."""
        found = together(partial(_volume, one) for one in self._pool.listAllVolumes(0))
        return tuple(one for one in found if one is not None)

    def free_gib(self) -> int:
        """Give what is left when every overlay has grown to its full size and the host keeps its share."""
        return free_gib(self.available(), self.volumes(), self._settings.reserved_disk_gib)

    def current_image(self) -> str | None:
        """Give the name of the newest whole base image of the site's label."""
        return _looked(lambda: naming.newest_image(self.images(), self._settings.image))

    def images(self) -> tuple[str, ...]:
        """Give the names of all base images that were uploaded whole."""
        return naming.whole_images(self.names())

    def image_uses(self) -> dict[str, int]:
        """Give every whole base image with the number of volumes that are overlays on it."""
        uses = dict.fromkeys(self.images(), 0)
        for text in together(partial(_described, one) for one in self._pool.listAllVolumes(0)):
            backing = (domain_xml.backing_path(text) or "").rpartition("/")[2] if text else ""
            if backing in uses:
                uses[backing] += 1
        return uses

    def remove_image(self, name: str) -> None:
        """Delete a base image on which nothing depends, its marker first: from then on nothing new is built on it."""
        self.delete(naming.image_marker(name))
        self.delete(name)

    def disk(self, spec: VmSpec) -> libvirt.virStorageVol:
        """Give the machine's disk: the kept one, grown where the specification asks for more, or a new overlay."""
        name = spec.names.disk
        kept = self.find(name)
        if kept is None:
            return self._new_disk(name, spec)
        if self.copies and not spec.restored:
            # A host that was lost in the middle of the copy may show half of it.
            if not self.delete_disk(name):
                raise ProvisionerError(being_overwritten(spec.name, self._settings.name))
            return self._new_disk(name, spec)
        if self.copies:
            return self._grown(kept, spec)
        backing = domain_xml.backing_path(kept.XMLDesc(0)) or ""
        if naming.BASE_PREFIX not in backing:
            raise NotOurs(
                say(
                    "In the pool {pool} at {site} there is a volume {name} that is no disk of this machine. It was not touched.",
                    pool=self._settings.pool,
                    site=self._settings.name,
                    name=name,
                )
            )
        return self._grown(kept, spec)

    def _grown(self, kept: libvirt.virStorageVol, spec: VmSpec) -> libvirt.virStorageVol:
        """A pool that cannot enlarge volumes leaves it as it is: the comparison with the tickets tells its size."""
        if kept.info()[1] < spec.disk_gib * GIB:
            with absent_is_fine(libvirt.VIR_ERR_NO_SUPPORT):
                kept.resize(spec.disk_gib * GIB, libvirt.VIR_STORAGE_VOL_RESIZE_ALLOCATE if self.block else 0)
        return kept

    def _new_disk(self, name: str, spec: VmSpec) -> libvirt.virStorageVol:
        image = self.current_image()
        if image is None:
            raise ProvisionerError(
                no_image(self._settings.name),
                other_site_may_help=True,
            )
        free = self.free_gib()
        if free < spec.disk_gib:
            raise OutOfRoom(
                say(
                    "The pool {pool} at {site} has {free} GiB left; {needed} GiB are needed.",
                    pool=self._settings.pool,
                    site=self._settings.name,
                    free=free,
                    needed=spec.disk_gib,
                )
            )
        base = self._pool.storageVolLookupByName(image)
        if self.copies:
            return self._pool.createXMLFrom(domain_xml.raw_volume(name, spec.disk_gib * GIB), base, 0)
        return self._pool.createXML(domain_xml.overlay_volume(name, spec.disk_gib, base.path()), 0)

    def write_seed(self, spec: VmSpec, seed: bytes) -> libvirt.virStorageVol:
        """Give the machine's seed volume with exactly these bytes; one that is there is written again."""
        name = spec.names.seed
        volume = self.find(name)
        # A device may be larger than what it was made for, by what its pool deals in.
        if volume is not None and (volume.info()[1] < len(seed) if self.block else volume.info()[1] != len(seed)):
            volume.delete(0)
            volume = None
        if volume is None:
            volume = self._pool.createXML(domain_xml.raw_volume(name, len(seed)), 0)
        self._upload(volume, BytesIO(seed), len(seed), lambda _done: None)
        return volume

    def upload_image(
        self, name: str, stream: BinaryIO, size: int, virtual_size: int, told: Callable[[float], None]
    ) -> libvirt.virStorageVol:
        """Upload a base image of `size` bytes; it counts only after `mark_image`."""
        xml = domain_xml.raw_volume(name, size) if self.copies else domain_xml.image_volume(name, virtual_size)
        volume = self.find(name) or self._pool.createXML(xml, 0)
        self._upload(volume, stream, size, told)
        return volume

    def mark_image(self, name: str, sha512: str) -> None:
        """Make an uploaded base image count."""
        marker = naming.image_marker(name)
        content = sha512.encode("ascii").ljust(_MARKER_SIZE, b"\n")
        volume = self.find(marker) or self._pool.createXML(domain_xml.raw_volume(marker, _MARKER_SIZE), 0)
        self._upload(volume, BytesIO(content), _MARKER_SIZE, lambda _done: None)

    def sha512(self, volume: libvirt.virStorageVol, size: int) -> str:
        """Read the first `size` bytes of a volume back from the host and give their SHA-512 in hexadecimal."""
        digest = hashlib.sha512()
        for chunk in self._download(volume, size):
            digest.update(chunk)
        return digest.hexdigest()

    def create(self, xml: str) -> libvirt.virStorageVol:
        """Make a volume."""
        return self._pool.createXML(xml, 0)

    def read(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        """So many bytes of a volume from there on (virStorageVolDownload).  Raises `ProvisionerError` where there is none."""
        volume = self.find(name)
        if volume is None:
            raise ProvisionerError(
                say("The volume {name} is missing at {site}.", name=name, site=self._settings.name), permanent=True
            )
        yield from self._download(volume, length, offset)

    def write(self, name: str, offset: int, chunks: Iterator[bytes], length: int) -> None:
        """Write so many bytes to a volume from there on (virStorageVolUpload)."""
        volume = self.find(name)
        if volume is None:
            raise ProvisionerError(
                say("The volume {name} is missing at {site}.", name=name, site=self._settings.name), permanent=True
            )
        with stream(self._conn) as outgoing:
            volume.upload(outgoing, offset, length, 0)
            for chunk in chunks:
                for at in range(0, len(chunk), _CHUNK):
                    outgoing.send(chunk[at : at + _CHUNK])

    def _upload(
        self, volume: libvirt.virStorageVol, source: BinaryIO, size: int, told: Callable[[float], None]
    ) -> None:
        """Write to a volume (virStorageVolUpload); `told` hears the part that is done, from 0 to 1."""
        done = 0
        with stream(self._conn) as outgoing:
            volume.upload(outgoing, 0, size, 0)
            while chunk := source.read(_CHUNK):
                outgoing.send(chunk)
                done += len(chunk)
                told(done / size)

    def _download(self, volume: libvirt.virStorageVol, size: int, offset: int = 0) -> Iterator[bytes]:
        with stream(self._conn) as incoming:
            volume.download(incoming, offset, size, 0)
            while chunk := incoming.recv(_CHUNK):
                yield chunk
