"""A machine's disk on its way to another host: what goes along, and how it lies there."""

from __future__ import annotations

from collections.abc import Iterator

from parsers.translatable import say
from provisioner import domain_xml, naming, qcow2
from provisioner.api import OutOfRoom, Part, ProvisionerError, VmSpec
from provisioner.libvirt_driver.storage import Storage, being_overwritten


def parts(storage: Storage, spec: VmSpec, site: str) -> tuple[Part, ...]:
    """The base image, the marker that makes it count, and the overlay; of a whole disk, itself.  Raises ProvisionerError where it is missing."""
    disk = storage.find(spec.names.disk)
    if disk is None:
        raise ProvisionerError(
            say("The disk of {name} is missing at {site}.", name=spec.name, site=site), permanent=True
        )
    text = disk.XMLDesc(0)
    if storage.copies:
        return (Part(spec.names.disk, disk.info()[1], disk.info()[1], raw=True),)
    base = (domain_xml.backing_path(text) or "").rpartition("/")[2]
    capacity = disk.info()[1]
    overlay = Part(spec.names.disk, domain_xml.volume_size(text) or capacity, capacity, base=base)
    marker = naming.image_marker(base)
    return (_shared(storage, base, site), _shared(storage, marker, site, raw=True), overlay)


def _shared(storage: Storage, name: str, site: str, *, raw: bool = False) -> Part:
    volume = storage.find(name)
    if volume is None:
        raise ProvisionerError(say("The volume {name} is missing at {site}.", name=name, site=site), permanent=True)
    capacity = volume.info()[1]
    size = domain_xml.volume_size(volume.XMLDesc(0)) or capacity
    return Part(name, size, capacity, raw=raw, shared=True)


def is_whole(storage: Storage, part: Part) -> bool:
    """Whether a base image is here whole, so that neither it nor its marker is needed."""
    images = storage.images()
    return part.name in images or any(part.name == naming.image_marker(one) for one in images)


def make(storage: Storage, part: Part, room_gib: int, site: str) -> None:
    """An empty volume in place of what is there.  Raises OutOfRoom, and ProvisionerError where its base is missing."""
    if not part.shared and part.raw is not storage.copies:
        kind = say("whole disks") if storage.copies else say("overlays on a base image")
        why = say("The site {site} keeps {kind}; this disk is of another kind.", site=site, kind=kind)
        raise ProvisionerError(why, permanent=True)
    if part.shared:
        storage.delete(part.name)
    elif not storage.delete_disk(part.name):
        raise ProvisionerError(being_overwritten(part.name, site))
    if part.base or not part.shared:
        free = storage.free_gib()
        if free < room_gib:
            short = say("The site {site} has {free} GiB of disk left; {needed} GiB are needed.", site=site, free=free)
            raise OutOfRoom(short.given(needed=room_gib))
    if part.base:
        base = storage.find(part.base)
        if base is None:
            raise ProvisionerError(say("The base image {name} is missing at {site}.", name=part.base, site=site))
    xml = domain_xml.raw_volume(part.name, part.size) if part.raw else domain_xml.image_volume(part.name, part.capacity)
    storage.create(xml)


def write(storage: Storage, part: Part, offset: int, chunks: Iterator[bytes], length: int) -> None:
    """A piece of a volume; the first one of an overlay says on which file of this host it lies."""
    base = storage.find(part.base) if part.base and offset == 0 else None
    storage.write(part.name, offset, chunks if base is None else _rebased(chunks, base.path()), length)
    if offset + length >= part.size:
        storage.refresh()  # only then does the host know what the volume is an overlay on


def _rebased(chunks: Iterator[bytes], backing: str) -> Iterator[bytes]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= qcow2.HEAD:
            break
    try:
        yield qcow2.on(head, backing)
    except qcow2.NoOverlay as problem:
        raise ProvisionerError(
            say("The disk cannot be an overlay there: {problem}.", problem=str(problem)), permanent=True
        ) from problem
    yield from chunks
