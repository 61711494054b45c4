"""`LibvirtSite`: the provisioner's contract kept with libvirt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import assert_never
from uuid import UUID

import libvirt

from parsers.translatable import NOTHING, Translatable, say, words_of
from provisioner import domain_xml, naming, ssh_keys
from provisioner.api import (
    Found,
    Kvm,
    Part,
    ProvisionerError,
    SiteHealth,
    SiteSettings,
    SiteUnreachable,
    VmFacts,
    VmPhase,
    VmSpec,
)
from provisioner.copying import copy_piece
from provisioner.domain_xml import Paths, Seen
from provisioner.images import LocalImage, Progress, as_kept, no_progress
from provisioner.libvirt_driver import transfer
from provisioner.libvirt_driver.acceleration import Acceleration
from provisioner.libvirt_driver.bridge import HostBridge, attachment
from provisioner.libvirt_driver.connection import Connection, absent_is_fine, explained
from provisioner.libvirt_driver.domains import Domains
from provisioner.libvirt_driver.guest import Consoles, install_keys, last_lines, seen_by_agent
from provisioner.libvirt_driver.network import Network
from provisioner.libvirt_driver.storage import GIB, Storage
from provisioner.libvirt_driver.survey import Survey
from provisioner.seed import seed_image
from provisioner.spec_check import check_buildable, check_spec
from provisioner.ssh_probe import SshAnswer, ssh_answer

Probe = Callable[[str, tuple[str, ...], float], SshAnswer]
"""Told address, host keys and seconds; says who answers there in that time."""


class LibvirtSite:
    """One libvirt host with a pool, a network and a base image; see `api.Provisioner` for the contract.

    Belongs to one worker thread.  What a machine is and how far it has come is read from the host at
    every call; only open consoles and the connection are kept between calls.
    """

    def __init__(self, settings: SiteSettings, probe: Probe = ssh_answer) -> None:
        self._settings = settings
        self._probe = probe
        self._connection = Connection(settings)
        self._consoles = Consoles()
        self._kvm = Acceleration(settings)

    @property
    def site(self) -> str:
        return self._settings.name

    def ensure(self, spec: VmSpec) -> VmFacts:
        """See `api.Provisioner.ensure`.

        1. Find the domain; refuse one that is not ours.
        2. Reserve address and name in the network.
        3. Without a domain: make or find the disk, write the seed, define the domain.
        4. Start it where it does not run, under KVM where the host's guests run under it.
        5. Look how far it is; keep the keys that it shows.
        """
        with self._work(say("build {name}", name=spec.name), spec) as conn:
            domains = Domains(conn, self._settings)
            domain = self._started(conn, domains, self._made(conn, domains, spec), spec)
            self._collect(conn, domains, domain, spec)
            return self._look(conn, spec, domain)

    def prepare(self, spec: VmSpec) -> VmFacts:
        with self._work(say("prepare {name}", name=spec.name), spec) as conn:
            return self._look(conn, spec, self._made(conn, Domains(conn, self._settings), spec))

    def _made(self, conn: libvirt.virConnect, domains: Domains, spec: VmSpec) -> libvirt.virDomain:
        """The machine's domain with all that it needs, made where it is missing."""
        check_buildable(spec)
        domain = domains.find(spec)
        network = attachment(conn, self._settings)
        network.activate()
        address = network.reserve(spec)
        if domain is not None:
            return domain
        Survey(conn, self._settings).refuse_without_memory(spec)
        storage = Storage(conn, self._settings)
        disk = storage.disk(spec)
        seed = storage.write_seed(spec, seed_image(spec, self._settings.bridge))
        shared = self._settings.shared_pool
        paths = Paths(disk.path(), seed.path(), block=storage.block, raw=storage.copies, uncached=shared)
        return domains.define(spec, paths, network.card(spec, address), accelerated=self._kvm.runs(conn))

    def facts(self, spec: VmSpec) -> VmFacts:
        with self._work(say("look at {name}", name=spec.name), spec) as conn:
            return self._look(conn, spec, Domains(conn, self._settings).ours(spec))

    def request_stop(self, spec: VmSpec) -> VmFacts:
        with self._work(say("shut down {name}", name=spec.name), spec) as conn:
            domains = Domains(conn, self._settings)
            domain = domains.find(spec)
            if domain is not None:
                domains.stay_off(domain)
            if domain is not None and domain.isActive():
                # A guest that stops by itself in between leaves nothing to be shut down.
                with absent_is_fine(libvirt.VIR_ERR_OPERATION_INVALID):
                    domain.shutdown()
            return self._look(conn, spec, domain)

    def power_off(self, spec: VmSpec) -> VmFacts:
        with self._work(say("power off {name}", name=spec.name), spec) as conn:
            domains = Domains(conn, self._settings)
            domain = domains.find(spec)
            if domain is not None:
                domains.stay_off(domain)
            if domain is not None and domain.isActive():
                with absent_is_fine(libvirt.VIR_ERR_OPERATION_INVALID):
                    domain.destroy()
            return self._look(conn, spec, domain)

    def start(self, spec: VmSpec) -> VmFacts:
        with self._work(say("start {name}", name=spec.name), spec) as conn:
            domains = Domains(conn, self._settings)
            domain = domains.find(spec)
            if domain is None:
                missing = say("There is no machine {name} at {site} to start.", name=spec.name, site=self.site)
                raise ProvisionerError(missing, permanent=True)
            attachment(conn, self._settings).activate()
            domain = self._started(conn, domains, domain, spec)
            return self._look(conn, spec, domain)

    def console(self, spec: VmSpec) -> tuple[str, ...]:
        with self._work(say("read the console of {name}", name=spec.name), spec) as conn:
            domain = Domains(conn, self._settings).ours(spec)
            return last_lines(domain) if domain is not None and domain.isActive() else ()

    def install_keys(self, spec: VmSpec, *, alone: bool = False) -> tuple[str, ...]:
        check_buildable(spec)
        with self._work(say("install keys in {name}", name=spec.name), spec) as conn:
            domain = Domains(conn, self._settings).ours(spec)
            if domain is None or not domain.isActive():
                raise ProvisionerError(say("{name} is switched off.", name=spec.name))
            return install_keys(domain, spec.ssh_keys, alone=alone)

    def wipe(self, spec: VmSpec) -> VmFacts:
        with self._work(say("take the disk of {name} away", name=spec.name), spec) as conn:
            self._take_down(conn, spec)
            return self._without_disk(conn, spec)

    def retire(self, spec: VmSpec) -> VmFacts:
        with self._work(say("remove {name}", name=spec.name), spec) as conn:
            self._know_the_disk(conn, spec)
            self._take_away(conn, spec)
            return self._look(conn, spec, None)

    def leave(self, spec: VmSpec) -> None:
        with self._work(say("leave {name}", name=spec.name), spec) as conn:
            self._remove_domain(conn, spec)
            attachment(conn, self._settings).release(spec)

    def delete_disk(self, spec: VmSpec) -> VmFacts:
        with self._work(say("delete the disk of {name}", name=spec.name), spec) as conn:
            if Domains(conn, self._settings).ours(spec) is not None:
                raise ProvisionerError(
                    say(
                        "The machine {name} still exists at {site}; its disk is not deleted.",
                        name=spec.name,
                        site=self.site,
                    ),
                    permanent=True,
                )
            self._know_the_disk(conn, spec)
            return self._without_disk(conn, spec)

    def undo(self, spec: VmSpec) -> None:
        with self._work(say("undo {name}", name=spec.name), spec) as conn:
            self._take_away(conn, spec)
            Storage(conn, self._settings).delete_disk(spec.names.disk)

    def health(self) -> SiteHealth:
        try:
            with self._work(say("say how it is")) as conn:
                return Survey(conn, self._settings).health()
        except ProvisionerError as error:
            reachable = not isinstance(error, SiteUnreachable)
            return SiteHealth(self.site, reachable=reachable, problems=(words_of(error),))

    def kvm(self) -> Kvm:
        """Say what the host makes of KVM; starts a guest of a second where that is not known yet."""
        with self._work(say("try KVM")) as conn:
            return self._kvm.kvm(conn)

    def leftovers(self, known: frozenset[UUID]) -> tuple[str, ...]:
        with self._work(say("list what it has")) as conn:
            return Survey(conn, self._settings).leftovers(known)

    def inventory(self) -> tuple[Found, ...]:
        with self._work(say("list what it has")) as conn:
            return Survey(conn, self._settings).inventory()

    def parts(self, spec: VmSpec) -> tuple[Part, ...]:
        """See `api.Disks`: the base image and its marker, then the machine's disk."""
        with self._work(say("look at the disk of {name}", name=spec.name), spec) as conn:
            return transfer.parts(Storage(conn, self._settings), spec, self.site)

    def read(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        with self._work(say("read {name}", name=name)) as conn:
            yield from Storage(conn, self._settings).read(name, offset, length)

    def has(self, part: Part) -> bool:
        with self._work(say("look for {name}", name=part.name)) as conn:
            return part.shared and transfer.is_whole(Storage(conn, self._settings), part)

    def there(self, part: Part) -> bool:
        with self._work(say("look for {name}", name=part.name)) as conn:
            return Storage(conn, self._settings).find(part.name) is not None

    def make(self, part: Part, room_gib: int) -> None:
        with self._work(say("make {name}", name=part.name)) as conn:
            transfer.make(Storage(conn, self._settings), part, room_gib, self.site)

    def write(self, part: Part, offset: int, chunks: Iterator[bytes], length: int) -> None:
        with self._work(say("write {name}", name=part.name)) as conn:
            transfer.write(Storage(conn, self._settings), part, offset, chunks, length)

    def copy(self, part: Part, offset: int, length: int, to: LibvirtSite) -> None:
        copy_piece(self, to, part, offset, length)

    def images(self) -> tuple[str, ...]:
        """Give the names of the base images in the pool that were uploaded whole."""
        with self._work(say("list its images")) as conn:
            return Storage(conn, self._settings).images()

    def image_uses(self) -> dict[str, int]:
        """Give the base images in the pool with how many disks, kept ones too, depend on each."""
        with self._work(say("list its images")) as conn:
            return Storage(conn, self._settings).image_uses()

    def prune_images(self) -> tuple[str, ...]:
        """Delete the base images that no disk depends on and no new machine would get; gives their names.

        An image counts as whole only until its marker is gone, so a machine that is begun meanwhile gets the newest one.
        """
        with self._work(say("remove old images")) as conn:
            storage = Storage(conn, self._settings)
            current = storage.current_image()
            old = [name for name, uses in storage.image_uses().items() if not uses and name != current]
            newest = {naming.newest_image(storage.images(), naming.image_label(name) or "") for name in old}
            gone = [name for name in old if name not in newest]
            for name in gone:
                storage.remove_image(name)
            return tuple(gone)

    def register_image(self, image: LocalImage, progress: Progress = no_progress) -> str:
        """Bring a base image into the pool and read it back to be sure; gives its volume's name.

        Nothing where it is already there.  New machines use it from the moment it was verified.
        """
        with self._work(say("take the image {name}", name=image.label)) as conn:
            storage = Storage(conn, self._settings)
            if image.volume in storage.images():
                progress(f"The image is already at {self.site}", 1.0)
                return image.volume
            with as_kept(image, raw=storage.copies) as (path, sha512):
                size = path.stat().st_size
                with path.open("rb") as stream:
                    volume = storage.upload_image(
                        image.volume,
                        stream,
                        size,
                        image.virtual_mib << 20,
                        lambda part: progress(f"Uploading the image to {self.site}", part),
                    )
            progress(f"Reading the image back from {self.site}", None)
            if storage.sha512(volume, size) != sha512:
                volume.delete(0)
                raise ProvisionerError(
                    say("The image arrived damaged at {site} and was removed again.", site=self.site)
                )
            storage.mark_image(image.volume, image.sha512)
            progress(f"The image is at {self.site}", 1.0)
            return image.volume

    def close(self) -> None:
        """Close consoles and connection; the next call opens what it needs."""
        self._consoles.forget_all()
        self._connection.drop()

    @contextmanager
    def _work(self, doing: Translatable, spec: VmSpec | None = None) -> Iterator[libvirt.virConnect]:
        """Give a living connection and let nothing but `ProvisionerError` out."""
        if spec is not None:
            check_spec(spec)
        before = self._connection.current
        conn = self._connection.get()
        if conn is not before:
            self._consoles.forget_all()
        with explained(self._connection, self.site, doing):
            yield conn

    def _started(
        self, conn: libvirt.virConnect, domains: Domains, domain: libvirt.virDomain, spec: VmSpec
    ) -> libvirt.virDomain:
        """Start a machine where it does not run; one that KVM has stopped for good starts anew, emulated."""
        if domains.stopped_by_kvm(domain):
            self._kvm.doubt()
            domain.destroy()
            return domains.start(domain, accelerated=False)
        if domain.isActive():
            return domains.start(domain, accelerated=False)
        self._complete(Storage(conn, self._settings), spec)
        return domains.start(domain, accelerated=self._kvm.runs(conn))

    def _complete(self, storage: Storage, spec: VmSpec) -> None:
        """Refuse to start a machine whose disk is lost; write a seed that is lost again."""
        if storage.find(spec.names.disk) is None:
            raise ProvisionerError(
                say("The disk of {name} is missing at {site}.", name=spec.name, site=self.site), permanent=True
            )
        if storage.find(spec.names.seed) is None:
            storage.write_seed(spec, seed_image(spec, self._settings.bridge))

    def _know_the_disk(self, conn: libvirt.virConnect, spec: VmSpec) -> None:
        """Refuse where it cannot be told whether there is a disk: what is said of it afterwards is said to its owner."""
        storage = Storage(conn, self._settings)
        if storage.find(spec.names.disk) is None:
            storage.refuse_if_bare()

    def _without_disk(self, conn: libvirt.virConnect, spec: VmSpec) -> VmFacts:
        """Delete the disk, or go on with that."""
        gone = Storage(conn, self._settings).delete_disk(spec.names.disk)
        facts = self._look(conn, spec, None)
        return facts if gone else replace(facts, waiting_for=say("its disk is being overwritten"))

    def _take_away(self, conn: libvirt.virConnect, spec: VmSpec) -> None:
        """Remove domain, seed, name and reservation of the machine, each found by itself."""
        self._take_down(conn, spec)
        attachment(conn, self._settings).release(spec)

    def _take_down(self, conn: libvirt.virConnect, spec: VmSpec) -> None:
        """Remove domain and seed of the machine."""
        self._remove_domain(conn, spec)
        Storage(conn, self._settings).delete(spec.names.seed)

    def _remove_domain(self, conn: libvirt.virConnect, spec: VmSpec) -> None:
        self._consoles.forget(spec.machine_id)
        domains = Domains(conn, self._settings)
        domain = domains.ours(spec)
        if domain is not None:
            domains.remove(domain)

    def _collect(self, conn: libvirt.virConnect, domains: Domains, domain: libvirt.virDomain, spec: VmSpec) -> None:
        """Ask a machine that is being built for its keys, and keep them once root's are the right ones.

        Where its network cannot be reached from here, its own SSH server must have answered it, too.
        """
        if domains.seen(domain) is not None:
            return
        near = self._is_near(attachment(conn, self._settings))
        for shown in (seen_by_agent(domain, serving=not near), self._consoles.seen(conn, domain, spec)):
            if shown and (near or shown.serves) and _has_wanted_keys(spec, shown.installed):
                domains.keep_seen(domain, shown)
                self._consoles.forget(spec.machine_id)
                return

    def _look(self, conn: libvirt.virConnect, spec: VmSpec, domain: libvirt.virDomain | None) -> VmFacts:
        """Say how far the machine is, from the host alone."""
        disk = Storage(conn, self._settings).find(spec.names.disk)
        disk_gib = disk.info()[1] // GIB if disk is not None else None
        if domain is None:
            phase = VmPhase.ABSENT if disk is None else VmPhase.DISK_KEPT
            return VmFacts(phase, self.site, disk_gib=disk_gib)
        accelerated, memory_mib = domain_xml.domain_kind(domain.XMLDesc(0))
        network = attachment(conn, self._settings)
        facts = VmFacts(
            VmPhase.STOPPED,
            self.site,
            network.address(spec),
            accelerated=accelerated,
            disk_gib=disk_gib,
            memory_mib=memory_mib,
        )
        seen = Domains(conn, self._settings).seen(domain) or Seen()
        facts = replace(
            facts,
            host_keys=seen.host_keys,
            host_key_fingerprints=tuple(map(ssh_keys.fingerprint, seen.host_keys)),
            installed_key_fingerprints=seen.installed,
        )
        if not domain.isActive():
            return facts
        waiting_for = self._missing(domain, spec, facts, near=self._is_near(network))
        return replace(facts, phase=VmPhase.BOOTING if waiting_for else VmPhase.READY, waiting_for=waiting_for)

    def _missing(self, domain: libvirt.virDomain, spec: VmSpec, facts: VmFacts, *, near: bool) -> Translatable:
        """Say what a running machine still lacks to be ready; empty where nothing.

        The network is asked last: before it has shown its keys nobody knows whose SSH server answers there.
        """
        if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
            return say("the hypervisor has paused it")
        if facts.address is None:
            return say("it has no address in the site's network")
        if not facts.host_keys and not spec.restored:
            return say("it has not shown its host keys and root's key yet")
        if not _has_wanted_keys(spec, facts.installed_key_fingerprints):
            return say("root's keys in it are not those that were asked for")
        if not near:
            unseen = say("it has not shown its keys, and its network cannot be reached from here")
            return NOTHING if facts.host_keys else unseen
        match self._probe(facts.address, facts.host_keys, self._settings.probe_timeout.total_seconds()):
            case SshAnswer.EXPECTED:
                return NOTHING
            case SshAnswer.NOTHING:
                return say("its SSH port does not answer yet")
            case SshAnswer.STRANGER:
                return say("another machine's SSH server answers at its address {address}", address=facts.address)
            case other:
                assert_never(other)

    def _is_near(self, network: Network | HostBridge) -> bool:
        """Say whether guests of the network can be reached from here."""
        return network.near(remote=self._connection.is_remote)


def _has_wanted_keys(spec: VmSpec, installed: Iterable[str]) -> bool:
    """Say whether all keys that were asked for are root's; a kept disk has what its owner left there."""
    return spec.restored or {ssh_keys.fingerprint(line) for line in spec.ssh_keys} <= set(installed)
