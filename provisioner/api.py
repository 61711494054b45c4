"""The provisioner's contract: what is asked, what is answered, what can go wrong.

Every operation may run twice, may be killed at any point and may be continued by another process:
what exists is read from the hypervisor, never remembered.  No operation waits for a guest: `ensure`
takes a machine as far as it gets without waiting and says how far that is; the caller asks again.
"""

from __future__ import annotations

from dataclasses import field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Protocol, Self
from uuid import UUID

from parsers.frozen import frozen
from parsers.translatable import Translatable, say
from provisioner.addressing import Bridge
from provisioner.naming import MachineNames, machine_names

CONSOLE_LINES: Final = 40
"""How many lines of a machine's console are shown."""


@frozen
class VmSpec:
    """One machine to be built, complete: two equal values give the same machine, byte for byte.

    `name` is the domain and host name (RFC 1123 label), `dns_domain` the site's domain, so that the
    guest is reached as `<name>.<dns_domain>`.  `ssh_keys` are checked OpenSSH public key lines for
    root, without options.  `owner`, `reference` (the ticket's number) and `expires_on` are written
    into the domain's metadata for operators.  `machine_id` tells the machine from all others that ever
    were or will be: random, and stored by the caller before it asks.
    """

    name: str
    dns_domain: str
    machine_id: UUID
    owner: str
    reference: str
    ssh_keys: tuple[str, ...]
    expires_on: date
    vcpus: int = 1
    memory_mib: int = 2048
    disk_gib: int = 8
    restored: bool = False
    """The kept disk was in its owner's hands before: whatever keys it shows are the owner's choice, so an
    SSH port that answers makes it READY."""
    addresses: tuple[str, ...] = ()
    """Those that it has on its host's bridge, IPv4 first; empty where a libvirt network gives it one."""

    @property
    def names(self) -> MachineNames:
        """Everything that the machine is called.  Raises `naming.NameProblem` for a name that is no host name."""
        return machine_names(self.name, self.dns_domain, self.machine_id)


class Architecture(StrEnum):
    """What processor machines have; the values are libvirt's."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


class Firmware(StrEnum):
    """What a machine starts with."""

    BIOS = "bios"
    EFI = "efi"


@frozen
class SiteSettings:
    """One libvirt host, as the configuration names it.

    `image` is the label of the base image (`debian-trixie`), or empty for the newest of any label.
    `reserved_memory_mib` and `reserved_disk_gib` stay free for the host; `max_machines` of 0 sets no limit.
    `accelerate=False` never tries KVM.  `filtered` holds each guest to its own MAC and IPv4 address,
    `isolated` lets guests of the network reach nothing of each other; both where the network is a Linux bridge.
    With a `bridge` machines hang on that one of the host's own, in place of the libvirt `network`.
    """

    name: str
    dns_domain: str
    uri: str = "qemu:///system"
    pool: str = "default"
    network: str = "default"
    image: str = ""
    connect_timeout: timedelta = timedelta(seconds=20)
    probe_timeout: timedelta = timedelta(seconds=2)
    reserved_memory_mib: int = 1024
    reserved_disk_gib: int = 2
    max_machines: int = 0
    accelerate: bool = True
    filtered: bool = True
    isolated: bool = True
    bridge: Bridge | None = None
    shared_pool: bool = False
    """Whether other hosts have the same pool, and put volumes into it."""
    architecture: Architecture = Architecture.X86_64
    firmware: Firmware = Firmware.BIOS
    """Machines of AArch64 know no BIOS, and start by EFI whatever is said."""
    migration_uri: str = ""
    """Where the host's QEMU receives machines that move while they run, such as `tcp://10.0.0.2`; empty: they do not."""
    migration_tls: bool = True
    """Whether their memory is encrypted on the way (VIR_MIGRATE_TLS)."""
    overlays: bool = True
    """Whether disks lie on the base image; False, and always in a pool that has no files: each is a whole copy of it, raw."""


class Kvm(StrEnum):
    """What a host makes of KVM."""

    RUNS = "runs"
    """A guest was seen to run under it."""
    USELESS = "useless"
    """libvirt offers it and no guest runs under it; older versions of libvirt then take minutes for many a call."""
    ABSENT = "absent"
    """The host has none: machines are emulated."""
    UNWANTED = "unwanted"
    """The configuration does without it."""


class VmPhase(StrEnum):
    """How far a machine is; asked of the hypervisor every time."""

    ABSENT = "absent"
    """Neither domain nor volume of that machine exists."""
    DISK_KEPT = "disk-kept"
    """No domain, but the machine's disk is kept."""
    STOPPED = "stopped"
    BOOTING = "booting"
    """Started; SSH, host keys or the installed key have not been seen yet."""
    READY = "ready"
    """SSH answers, and host keys and the installed key were seen on the console or by the guest agent."""


@frozen
class VmFacts:
    """What the hypervisor and the guest say of one machine, now.

    `address` is its IPv4 address, reserved for it in the site's network or given with the specification; `host_keys` are public key lines
    (`ssh-ed25519 AAAA…`, without comment), `host_key_fingerprints` their `SHA256:…` forms in the
    same order; `installed_key_fingerprints` those of root's authorized keys.  `waiting_for` says in
    plain words what is still missing while booting.  `accelerated` is True under KVM.
    """

    phase: VmPhase
    site: str = ""
    address: str | None = None
    host_keys: tuple[str, ...] = ()
    host_key_fingerprints: tuple[str, ...] = ()
    installed_key_fingerprints: tuple[str, ...] = ()
    waiting_for: str = ""
    accelerated: bool | None = None
    disk_gib: int | None = None
    memory_mib: int | None = None


@frozen
class SiteHealth:
    """Room and health of one site, for placement and `mailbot doctor`.

    `problems` are sentences for an operator; a site with problems gets no new machine.  `references` are those of the
    machines of ours that `free_memory_mib` and `free_disk_gib` already count (`VmSpec.reference`).
    """

    site: str
    reachable: bool
    free_memory_mib: int = 0
    free_disk_gib: int = 0
    machines: int = 0
    image: str | None = None
    problems: tuple[str, ...] = field(default=())
    references: tuple[str, ...] = field(default=())


@frozen
class Found:
    """What is there of one machine of ours, as a look over its whole site sees it.

    `name` is None where it has no domain; `disk_gib` is None where it has no disk.  `autostart` is whether it starts
    with its host, `filtered` is False where the site wants it held to its own addresses and it is not.  `reference`,
    `owner`, `expires_on` and `addresses` (on a bridge) are what its domain was marked with when it was built.
    """

    machine_id: UUID
    name: str | None = None
    reference: str = ""
    running: bool = False
    autostart: bool = False
    memory_mib: int = 0
    disk_gib: int | None = None
    filtered: bool = False
    owner: str = ""
    expires_on: date | None = None
    addresses: tuple[str, ...] = ()


class ProvisionerError(Exception):
    """Something a hypervisor could not do, worded for an admin.

    `permanent` is True where trying again at the same site cannot help; `other_site_may_help` where
    another site could do it.  `raised_at` says where in the program, if that was in another process.
    """

    raised_at: str = ""

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        other_site_may_help: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.other_site_may_help = other_site_may_help


class SiteUnreachable(ProvisionerError):
    """The hypervisor does not answer; trying again later can help.

    `begun` is False where the call never reached it, so that nothing can have been changed there.
    """

    def __init__(self, message: str, *, begun: bool = True) -> None:
        super().__init__(message, other_site_may_help=True)
        self.begun = begun


class NotOurs(ProvisionerError):
    """A domain or volume of that name exists and is not marked as ours: it is never touched."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True, other_site_may_help=True)


class OutOfRoom(ProvisionerError):
    """The pool, memory or address range of the site is full."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False, other_site_may_help=True)


class AtTarget(Exception):
    """What involves two hosts failed at the one that a machine is to come to; `error` is what happened there."""

    def __init__(self, error: ProvisionerError) -> None:
        super().__init__(error)
        self.error = error


def no_image(site: str) -> Translatable:
    """What a site lacks that has no base image."""
    return say("The site {site} has no base image; run `mailbot image build`.", site=site)


class Provisioner(Protocol):
    """One site: one libvirt host with a pool, a network and a base image.

    All methods are blocking and belong into a worker that owns this object; none waits for a guest.
    All raise `ProvisionerError` (see its flags) and nothing else.
    """

    @property
    def site(self) -> str:
        """The site's name, as in the configuration."""

    def ensure(self, spec: VmSpec) -> VmFacts:
        """Make what is missing (reservation, volumes, seed, domain), start it, and say how far it is.

        Idempotent and resumable: half-done work is continued.  A kept disk of the same machine is
        used again, not overwritten.  Raises `NotOurs`, `OutOfRoom`, `SiteUnreachable` or another
        `ProvisionerError`.
        """

    def prepare(self, spec: VmSpec) -> VmFacts:
        """Make what is missing as `ensure` does, and leave the machine off.  Idempotent; STOPPED after it, unless it runs already."""

    def facts(self, spec: VmSpec) -> VmFacts:
        """Say how far the machine is, changing nothing."""

    def request_stop(self, spec: VmSpec) -> VmFacts:
        """Ask the guest to shut down (virDomainShutdown); STOPPED once it has.  Idempotent."""

    def power_off(self, spec: VmSpec) -> VmFacts:
        """Take the power away (virDomainDestroy).  Idempotent."""

    def start(self, spec: VmSpec) -> VmFacts:
        """Start a stopped machine again, or anew one that the hypervisor has stopped for good; nothing where it runs.  Raises if there is no domain."""

    def console(self, spec: VmSpec) -> tuple[str, ...]:
        """The last lines that the running machine wrote to its console, at most `CONSOLE_LINES`; none where it is off.

        Raises `ProvisionerError` where its console was never kept.
        """

    def install_keys(self, spec: VmSpec, *, alone: bool = False) -> tuple[str, ...]:
        """Have the guest let `spec.ssh_keys` log in as root; gives root's fingerprints then.

        Those that may already stay, unless these are to be `alone`.

        Idempotent.  Raises `ProvisionerError` where the machine is off or its guest agent does not answer.
        """

    def wipe(self, spec: VmSpec) -> VmFacts:
        """Remove domain, seed and disk; keep reservation and name, for `ensure` to build it again.  Idempotent.

        ABSENT after it, or DISK_KEPT while a device is being overwritten: then it is to be called again.
        """

    def retire(self, spec: VmSpec) -> VmFacts:
        """Remove domain, seed, reservation and name; keep the disk.  Idempotent; DISK_KEPT or ABSENT after it.

        Raises `ProvisionerError`, with nothing touched, where the disk is not found and the pool may not be mounted.
        """

    def leave(self, spec: VmSpec) -> None:
        """Remove domain, reservation and name; keep every volume: another host that has the same pool needs them.  Idempotent."""

    def delete_disk(self, spec: VmSpec) -> VmFacts:
        """Delete the kept disk.  Idempotent; refuses while a domain exists, or where the pool may not be mounted.

        ABSENT after it, or DISK_KEPT while a device is being overwritten: then it is to be called again.
        """

    def undo(self, spec: VmSpec) -> None:
        """Take away everything of a machine that was never handed to a user.  Idempotent.

        A disk that is a device is overwritten first: to be called again until `facts` says ABSENT.
        """

    def health(self) -> SiteHealth:
        """Room and health of the site; unreachable is an answer here, not an exception."""

    def inventory(self) -> tuple[Found, ...]:
        """Everything of ours at the site, domains and disks, by a few calls; changes nothing."""

    def leftovers(self, known: frozenset[UUID]) -> tuple[str, ...]:
        """Domains and volumes marked as ours whose machine is not in `known`, as sentences; changes nothing."""


@frozen
class Part:
    """One volume that goes along when a machine moves: its bytes as they lie there, and how large it may grow, in bytes.

    `base` is the name of the volume that it is an overlay on; `shared` that other machines may need it, too, so that one
    that is at the target already is left as it is.
    """

    name: str
    size: int
    capacity: int
    raw: bool = False
    base: str = ""
    shared: bool = False


class Disks(Protocol):
    """The volumes of one host, copied while their machine is off; calls may take as long as so many bytes take.

    All raise `ProvisionerError`.
    """

    def parts(self, spec: VmSpec) -> tuple[Part, ...]:
        """What has to be at another host before the machine can be there, in the order in which it is to be copied."""

    def has(self, part: Part) -> bool:
        """Whether that volume is here, whole, and need not be copied: only ever true of a shared one."""

    def there(self, part: Part) -> bool:
        """Whether a volume of that name is here, whatever is in it."""

    def make(self, part: Part, room_gib: int) -> None:
        """An empty volume for it in place of what is there.  Idempotent.  Raises `OutOfRoom` where less than `room_gib` is left."""

    def copy(self, part: Part, offset: int, length: int, to: Self) -> None:
        """Write so many bytes of a volume of this host, from there on, to the same one of another; an overlay is one on its base there.

        Idempotent.  Raises `AtTarget` where the other host fails.
        """
