"""The sections of sites and their hosts; see `sections`."""

# ruff: noqa: RUF009 - `example` and `optional` give dataclass fields

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from mailbot.config.fields import STRICT, Text, example, optional
from provisioner.addressing import Bridge, read_range

LOCAL_URI = "qemu:///system"
"""This machine's hypervisor."""


@dataclass(frozen=True, slots=True)
class HostSection:
    """A further libvirt host of a site. One `[[sites.hosts]]` each, below its site; what it does not say is as the site
    has it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: Text = example("second")
    """A short name, unlike that of the site's other hosts; it must not change later."""
    uri: Text = example("qemu+ssh://mailbot@second.example.org/system")
    """The hypervisor."""
    pool: Text | None = optional("default")
    """The storage pool."""
    shared_pool: str | None = optional("nfs")
    """What the pool is called where other hosts have it too."""
    overlays: bool | None = optional(True)
    """Whether disks lie on the base image."""
    architecture: Literal["x86_64", "aarch64"] | None = optional("x86_64")
    """The processor of its machines."""
    firmware: Literal["bios", "efi"] | None = optional("bios")
    """What its machines start with."""
    network: Text | None = optional("default")
    """The libvirt network."""
    image: str | None = optional("debian-trixie")
    """Label of the base image."""
    reserved_memory_mib: Annotated[int, Ge(0)] | None = optional(1024)
    """Memory that is never given to machines, MiB."""
    reserved_disk_gib: Annotated[int, Ge(0)] | None = optional(2)
    """Room in the pool that is never given to machines, GiB."""
    max_machines: Annotated[int, Ge(0)] | None = optional(0)
    """How many machines the host takes; 0: as many as fit."""
    accelerate: bool | None = optional(True)
    """Use KVM where it really works."""
    bridge: str | None = optional("br0")
    """A bridge of the host in place of the libvirt network; with `network` given here, that of the site is not used."""
    vlan: Annotated[int, Ge(0), Le(4094)] | None = optional(0)
    """The VLAN of the machines' ports on it."""
    ipv4: str | None = optional("198.51.100.1/24")
    """The router of the bridge, with the length of its subnet."""
    ipv4_range: str | None = optional("198.51.100.10-198.51.100.250")
    """The addresses of the machines."""
    ipv6: str | None = optional("2001:db8:1::1/64")
    """The same for IPv6; `""`: none."""
    ipv6_range: str | None = optional("2001:db8:1::1000-2001:db8:1::1fff")
    """The same for IPv6."""
    name_servers: tuple[Text, ...] | None = optional(("198.51.100.53",))
    """Whom machines on the bridge ask for names."""
    routed: bool | None = optional(True)
    """Whether the bot reaches the machines' addresses."""


@dataclass(frozen=True, slots=True)
class SiteSection:
    """A place where machines are built, with a domain for their names: one libvirt host, or several. One `[[sites]]`
    each."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: Text = example("main")
    """A short name; it is part of every machine's identity there and must not change later."""
    dns_domain: Text = example("main.testbed.example")
    """Machines are called `<username>-vm.<dns_domain>`."""
    uri: Text | None = optional("qemu:///system")
    """The hypervisor; `qemu+ssh://mailbot@host/system` works like the local one. By default this machine's,
    `qemu:///system`, or none where the site has `[[sites.hosts]]`."""
    pool: Text = "default"
    """The storage pool for disks and base images."""
    shared_pool: str = ""
    """A name of your own, the same for every host whose pool is the same storage under the same path (NFS, for example): then a
    machine that moves between them takes its disk along without a copy. Empty: the pool is this host's alone."""
    overlays: bool = True
    """Disks lie on the base image, so that only what differs takes room; `false`: each is a whole copy of it, raw. A pool whose
    volumes are no files (LVM, ZFS) always has whole copies. Change it only while no machine is there."""
    architecture: Literal["x86_64", "aarch64"] = "x86_64"
    """The processor of the machines, as the base image has it: `mailbot image build` makes images for `x86_64`, others are brought
    by `mailbot image add` and chosen by `image`. There is no last output to read back (`console`) on `aarch64`."""
    firmware: Literal["bios", "efi"] = "bios"
    """What the machines start with. `efi` needs the host's own (Debian: `ovmf`), and an image that starts by it, which that of
    `mailbot image build` does not; `aarch64` is always `efi`."""
    network: Text = "default"
    """The libvirt network that gives machines their address and name."""
    bridge: str = ""
    """A bridge that the host has already, such as `br0`, in place of `network`: machines then have addresses of the site's own,
    which the bot hands out, so `ipv4` and `ipv4_range` are needed. `docs/how-to/sites.md` tells more."""
    vlan: Annotated[int, Ge(0), Le(4094)] = 0
    """The VLAN of the machines' ports on the bridge; 0: none. libvirt 11 and later can do it on a bridge with VLAN filtering;
    with an older one, give each VLAN a bridge of its own."""
    ipv4: str = ""
    """On a bridge: the router of the machines, with the length of the subnet, such as `192.0.2.1/24`."""
    ipv4_range: str = ""
    """On a bridge: the addresses that machines may have, such as `192.0.2.10-192.0.2.250`; nothing else may use them."""
    ipv6: str = ""
    """On a bridge: the router for IPv6, such as `2001:db8::1/64`; empty: machines have no IPv6."""
    ipv6_range: str = ""
    """On a bridge: the IPv6 addresses that machines may have, such as `2001:db8::1000-2001:db8::1fff`."""
    name_servers: tuple[Text, ...] = ()
    """On a bridge: the addresses of the name servers that machines ask."""
    routed: bool = True
    """On a bridge: whether the bot reaches the machines' addresses; `false`: it believes what a machine's guest agent says of
    its SSH server."""
    image: str = ""
    """Label of the base image, such as `debian-trixie`; empty: the newest that the site has."""
    reserved_memory_mib: Annotated[int, Ge(0)] = 1024
    """Memory of the host that is never given to machines, MiB."""
    reserved_disk_gib: Annotated[int, Ge(0)] = 2
    """Room in the pool that is never given to machines, GiB."""
    max_machines: Annotated[int, Ge(0)] = 0
    """How many machines the site takes; 0: as many as fit."""
    accelerate: bool = True
    """Use KVM where it really works; `false` always emulates, which is slow."""
    filtered: bool = True
    """Hold every machine to its own MAC and addresses (libvirt's filter `clean-traffic`; in a libvirt network IPv6 does not
    pass it, on a bridge with `ipv6` it does)."""
    isolated: bool = True
    """Machines of the network reach nothing of each other; `false` where users' machines shall talk."""
    closed: tuple[str, ...] = ()
    """Periods in which nothing is stopped, removed or deleted here, such as `"2026-12-20/2027-01-04"` (first and last day) or
    `"2027-05-14"`. Warnings go out all the same, and say when it happens instead."""
    hosts: tuple[HostSection, ...] = ()
    """Further hosts of this site."""

    @property
    def each_host(self) -> tuple[SiteSection, ...]:
        """One section for each host, complete: the site's own under the site's name, the others as `<site>/<host>`.

        So a site of one host keeps the name that its machines are known under when it gets a second one.
        """
        own = (replace(self, uri=self.uri or LOCAL_URI, hosts=()),) if self.uri or not self.hosts else ()
        return (*own, *(self._host(host) for host in self.hosts))

    def _host(self, host: HostSection) -> SiteSection:
        said = {one.name: getattr(host, one.name) for one in fields(host)}
        given = {name: value for name, value in said.items() if value is not None}
        if "network" in given and "bridge" not in given:
            given["bridge"] = ""
        return replace(self, **given | {"name": f"{self.name}/{host.name}", "hosts": ()})

    @property
    def on_bridge(self) -> Bridge | None:
        """The bridge that machines of this host hang on, with their addresses; None in a libvirt network.  Raises RangeProblem."""
        if not self.bridge:
            return None
        ranges = [read_range(self.ipv4, self.ipv4_range, 4)]
        if self.ipv6 or self.ipv6_range:
            ranges.append(read_range(self.ipv6, self.ipv6_range, 6))
        return Bridge(self.bridge, tuple(ranges), self.name_servers, self.vlan, self.routed)

    @property
    def closures(self) -> tuple[tuple[date, date], ...]:
        """The same as first and last days.  Raises ValueError where one is no such period."""
        return tuple(_period(text) for text in self.closed)


def _period(text: str) -> tuple[date, date]:
    """One period as ISO 8601 writes it (section 5.5): both days, or one."""
    first, _, last = text.partition("/")
    begin, end = date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())
    if end < begin:
        raise ValueError(f"{text} ends before it begins")
    return begin, end
