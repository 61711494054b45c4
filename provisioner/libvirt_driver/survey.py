"""A look over a whole host: its room, its problems, and everything of ours that is there, in a few round trips."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

import libvirt

from parsers.translatable import Translatable, say
from provisioner import domain_xml, naming
from provisioner.api import Found, OutOfRoom, SiteHealth, SiteSettings, VmSpec, no_image
from provisioner.domain_xml import Outline
from provisioner.libvirt_driver.bridge import attachment
from provisioner.libvirt_driver.connection import absent_is_fine
from provisioner.libvirt_driver.storage import GIB, Storage, Volume, free_gib
from provisioner.libvirt_driver.together import together

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Listed:
    """One domain of the host, ours or not: whether it runs, whether it starts with the host, and what its kept XML says."""

    name: str
    running: bool
    autostart: bool
    outline: Outline


class Survey:
    """Looks at one site; every look asks the host again, for all that does not depend on each other at the same time."""

    def __init__(self, conn: libvirt.virConnect, settings: SiteSettings) -> None:
        self._conn = conn
        self._settings = settings

    def health(self) -> SiteHealth:
        """Give the site's room and health."""
        of_pool: list[str] = []
        of_network: list[str] = []
        stored: list[tuple[int, tuple[Volume, ...]]] = []
        addresses: list[int] = []
        domains: list[Listed] = []
        memory: list[tuple[int, int]] = []
        together(
            (
                lambda: self._part(
                    of_pool, say("the pool {name}", name=self._settings.pool), lambda: stored.append(self._storage())
                ),
                lambda: self._part(of_network, self._hangs_on(), lambda: addresses.append(self._addresses())),
                lambda: domains.extend(self.domains()),
                lambda: memory.append(self._memory()),
            )
        )
        ours = self.ours(domains)
        image = naming.newest_image(
            naming.whole_images(one.name for _, volumes in stored for one in volumes), self._settings.image
        )
        lacks = self._lacks(image if stored else "", addresses[0] if addresses else 1, len(ours))
        return SiteHealth(
            self._settings.name,
            reachable=True,
            free_memory_mib=self._free_memory(memory[0], domains),
            free_disk_gib=self._free_disk(*stored[0]) if stored else 0,
            machines=len(ours),
            image=image,
            problems=(*of_pool, *of_network, *lacks),  # in one order, whichever call came back first
            references=tuple(one.outline.mark.reference for one in ours if one.outline.mark),
        )

    def _lacks(self, image: str | None, addresses: int, machines: int) -> list[str]:
        """Say what keeps a site whose parts can all be used from taking another machine."""
        site = self._settings.name
        problems: list[str] = []
        if image is None:
            problems.append(no_image(site))
        if not addresses:
            problems.append(
                say("The network {network} at {site} has no free address.", network=self._settings.network, site=site)
            )
        if self._settings.max_machines and machines >= self._settings.max_machines:
            problems.append(
                say("The site {site} already has {number} machines, as many as it may.", site=site, number=machines)
            )
        return problems

    def _hangs_on(self) -> Translatable:
        bridge = self._settings.bridge
        if bridge is None:
            return say("the network {name}", name=self._settings.network)
        return say("the bridge {name}", name=bridge.name)

    def _part(self, problems: list[str], what: Translatable, look: Callable[[], None]) -> None:
        try:
            look()
        except libvirt.libvirtError as error:
            problems.append(
                say("{What} of the site {site} cannot be used: {error}.", what=what, site=self._settings.name).given(
                    error=error.get_error_message()
                )
            )

    def _storage(self) -> tuple[int, tuple[Volume, ...]]:
        storage = Storage(self._conn, self._settings)
        return storage.available(), storage.volumes()

    def _addresses(self) -> int:
        return attachment(self._conn, self._settings).free_addresses()

    def _free_disk(self, available: int, volumes: Iterable[Volume]) -> int:
        return free_gib(available, volumes, self._settings.reserved_disk_gib)

    def domains(self) -> list[Listed]:
        """List every domain of the host."""
        running, starting, found = together(
            partial(self._conn.listAllDomains, flags)
            for flags in (libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE, libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART, 0)
        )
        active = {one.UUIDString() for one in running}
        autostart = {one.UUIDString() for one in starting}
        texts = together(partial(_kept_xml, one) for one in found)
        return [
            Listed(one.name(), one.UUIDString() in active, one.UUIDString() in autostart, domain_xml.outline(text))
            for one, text in zip(found, texts, strict=True)
            if text is not None
        ]

    def ours(self, domains: Iterable[Listed]) -> list[Listed]:
        """Choose our domains in the site's network or on its bridge, which tells the sites of one host apart."""
        return [one for one in domains if one.outline.mark and self._is_here(one.outline)]

    def _is_here(self, outline: Outline) -> bool:
        bridge = self._settings.bridge
        return self._settings.network in outline.networks if bridge is None else bridge.name in outline.bridges

    def free_memory(self) -> int:
        """Give the MiB that neither the host nor any domain, running or started with the host, may claim."""
        memory, domains = self._memory(), self.domains()
        return self._free_memory(memory, domains)

    def refuse_without_memory(self, spec: VmSpec) -> None:
        """Raises `OutOfRoom` where less memory is left than the machine needs."""
        free = self.free_memory()
        if free < spec.memory_mib:
            short = say(
                "The site {site} has {free} MiB of memory left; {needed} MiB are needed.",
                site=self._settings.name,
                free=free,
            )
            raise OutOfRoom(short.given(needed=spec.memory_mib))

    def _free_memory(self, memory: tuple[int, int], domains: Iterable[Listed]) -> int:
        total, unused = memory
        promised = sum(one.outline.memory_mib << 10 for one in domains if one.running or one.autostart)
        return max(0, (min(total - promised, unused) >> 10) - self._settings.reserved_memory_mib)

    def _memory(self) -> tuple[int, int]:
        """Give the KiB that the host has, and those of them that nothing uses at the moment.

        virNodeGetInfo knows no memory that was plugged in later, so the statistics are asked first.
        """
        try:
            kib = self._conn.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS, 0)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
                raise
            total = self._conn.getInfo()[1] << 10
            return total, total
        return kib["total"], kib["free"] + kib.get("buffers", 0) + kib.get("cached", 0)

    def leftovers(self, known: frozenset[UUID]) -> tuple[str, ...]:
        """See `api.Provisioner.leftovers`."""
        domains, volumes = self._everything()
        strays = [
            f"The domain {one.name} at {self._settings.name} belongs to no known machine "
            f"(ticket {mark.reference}, {mark.owner})."
            for one in domains
            if (mark := one.outline.mark) and mark.uuid not in known
        ]
        strays += [
            f"The volume {one.name} in the pool {self._settings.pool} at {self._settings.name} belongs to no known machine."
            for one in volumes
            if (owner := naming.volume_owner(one.name)) and owner not in known
        ]
        return tuple(sorted(strays))

    def inventory(self) -> tuple[Found, ...]:
        """See `api.Provisioner.inventory`."""
        domains, volumes = self._everything()
        wanted = self._settings.filtered and attachment(self._conn, self._settings).bridged
        disks = {naming.disk_owner(one.name): one for one in volumes}
        found = [_found(one, disks, filtered=one.outline.filtered or not wanted) for one in domains]
        if any(one.disk_gib is None for one in found):
            Storage(self._conn, self._settings).refuse_if_bare()
        with_domain = {one.machine_id for one in found}
        found += [
            Found(owner, disk_gib=volume.capacity // GIB, filtered=True)
            for owner, volume in disks.items()
            if owner is not None and owner not in with_domain
        ]
        return tuple(sorted(found, key=lambda one: str(one.machine_id)))

    def _everything(self) -> tuple[list[Listed], tuple[Volume, ...]]:
        domains: list[Listed] = []
        volumes: list[Volume] = []
        together(
            (
                lambda: domains.extend(self.ours(self.domains())),
                lambda: volumes.extend(Storage(self._conn, self._settings).volumes()),
            )
        )
        return domains, tuple(volumes)


def _kept_xml(domain: libvirt.virDomain) -> str | None:
    with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):  # it may go away while the list is read
        text: str = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        return text
    return None


def _found(one: Listed, disks: dict[UUID | None, Volume], *, filtered: bool) -> Found:
    mark = one.outline.mark
    if mark is None:
        msg = f"{one.name} is not ours"
        raise AssertionError(msg)
    disk = disks.get(mark.uuid)
    return Found(
        mark.uuid,
        name=one.name,
        reference=mark.reference,
        running=one.running,
        autostart=one.autostart,
        memory_mib=one.outline.memory_mib,
        disk_gib=None if disk is None else disk.capacity // GIB,
        filtered=filtered,
        owner=mark.owner,
        expires_on=mark.expires_on,
        addresses=mark.addresses,
    )
