"""The sections of sites and their hosts; see `sections`."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Annotated, Literal

from mailbot.config.fields import Text, example, optional
from mailbot.limits import Ge, Le
from parsers.frozen import frozen
from provisioner.addressing import Bridge, read_range

LOCAL_URI = "qemu:///system"
"""This machine's hypervisor."""


@frozen
class HostSection:
    """Another libvirt host of a site. One `[[sites.hosts]]` each, below its site; settings that are missing here are
    those of the site."""

    name: Text = example("second")
    """A short name, different from the site's other hosts; it must not change later."""
    uri: Text = example("qemu+ssh://mailbot@second.example.org/system")
    """The hypervisor."""
    pool: Text | None = optional("default")
    """The storage pool."""
    shared_pool: str | None = optional("nfs")
    """The name of a pool that other hosts share."""
    migration_uri: str | None = optional("tcp://10.0.0.2")
    """Where it receives machines that move while they run."""
    migration_tls: bool | None = optional(True)
    """Whether their memory is encrypted on the way to it."""
    overlays: bool | None = optional(True)
    """Whether disks are overlays on the base image."""
    architecture: Literal["x86_64", "aarch64"] | None = optional("x86_64")
    """The processor of its machines."""
    firmware: Literal["bios", "efi"] | None = optional("bios")
    """How its machines boot."""
    network: Text | None = optional("default")
    """The libvirt network."""
    image: str | None = optional("debian-trixie")
    """Label of the base image."""
    reserved_memory_mib: Annotated[int, Ge(0)] | None = optional(1024)
    """RAM that is never given to machines, MiB."""
    reserved_disk_gib: Annotated[int, Ge(0)] | None = optional(2)
    """Space in the pool that is never given to machines, GiB."""
    max_machines: Annotated[int, Ge(0)] | None = optional(0)
    """The most machines on the host; 0: as many as fit."""
    accelerate: bool | None = optional(True)
    """Use KVM if it really works."""
    bridge: str | None = optional("br0")
    """A bridge of the host instead of the libvirt network; with `network` set here, the site's bridge is not used."""
    vlan: Annotated[int, Ge(0), Le(4094)] | None = optional(0)
    """The VLAN of the machines' ports on it."""
    ipv4: str | None = optional("198.51.100.1/24")
    """The bridge's router, with the prefix length."""
    ipv4_range: str | None = optional("198.51.100.10-198.51.100.250")
    """The addresses of the machines."""
    ipv6: str | None = optional("2001:db8:1::1/64")
    """The same for IPv6; `""`: none."""
    ipv6_range: str | None = optional("2001:db8:1::1000-2001:db8:1::1fff")
    """The same for IPv6."""
    name_servers: tuple[Text, ...] | None = optional(("198.51.100.53",))
    """The name servers of machines on the bridge."""
    routed: bool | None = optional(True)
    """Whether mailbot can reach the machines' addresses."""


@frozen
class SiteSection:
    """A place where machines are built, with a domain for their names: one libvirt host, or several. One `[[sites]]`
    each."""

    name: Text = example("main")
    """A short name; it is part of every machine's identity there and must not change later."""
    dns_domain: Text = example("main.testbed.example")
    """Machines are called `<username>-vm.<dns_domain>`."""
    uri: Text | None = optional("qemu:///system")
    """The hypervisor; `qemu+ssh://mailbot@host/system` works like the local one. By default this machine's,
    `qemu:///system`, or none if the site has `[[sites.hosts]]`."""
    pool: Text = "default"
    """The storage pool for disks and base images."""
    shared_pool: str = ""
    """A name of your choice, the same for all hosts whose pool is the same storage under the same path (such as NFS):
    then no disk is copied when a machine moves between them. By default, only this host uses the pool."""
    migration_uri: str = ""
    """With `shared_pool` and a bridge: where the host's QEMU receives machines that move while they run, such as
    `tcp://10.0.0.2`, an address that the other hosts reach. By default, they are switched off for a move."""
    migration_tls: bool = True
    """Their memory is encrypted on the way to this host, which needs QEMU's certificates on all hosts; `false`: only
    for a network that nobody else can listen to."""
    overlays: bool = True
    """Disks are overlays on the base image, so that only differences use space; `false`: each is a full raw copy. A
    pool whose volumes are not files (LVM) always has full copies. Change it only while there are no machines."""
    architecture: Literal["x86_64", "aarch64"] = "x86_64"
    """The processor of the machines and of the base image: `mailbot image build` builds images for `x86_64`; add
    others with `mailbot image add` and select them with `image`. On `aarch64` there is no `console`."""
    firmware: Literal["bios", "efi"] = "bios"
    """How the machines boot. `efi` needs the host's firmware (Debian: `ovmf`) and an image that boots with it, as those
    of `mailbot image build` do; `aarch64` is always `efi`."""
    network: Text = "default"
    """The libvirt network that gives machines their address and name."""
    bridge: str = ""
    """An existing bridge of the host, such as `br0`, instead of `network`: machines then have addresses of the site,
    which mailbot assigns, so `ipv4` and `ipv4_range` are needed. See `docs/how-to/sites.md`."""
    vlan: Annotated[int, Ge(0), Le(4094)] = 0
    """The VLAN of the machines' ports on the bridge; 0: none. This needs libvirt 11 or later and a bridge with VLAN
    filtering; otherwise, use a separate bridge for each VLAN."""
    ipv4: str = ""
    """On a bridge: the machines' router with the prefix length, such as `192.0.2.1/24`."""
    ipv4_range: str = ""
    """On a bridge: the addresses that machines may have, such as `192.0.2.10-192.0.2.250`; nothing else may use them."""
    ipv6: str = ""
    """On a bridge: the router for IPv6, such as `2001:db8::1/64`; empty: machines have no IPv6."""
    ipv6_range: str = ""
    """On a bridge: the IPv6 addresses that machines may have, such as `2001:db8::1000-2001:db8::1fff`."""
    name_servers: tuple[Text, ...] = ()
    """On a bridge: the addresses of the machines' name servers."""
    routed: bool = True
    """On a bridge: whether mailbot can reach the machines' addresses; `false`: it relies on what the guest agent says
    about the SSH server."""
    image: str = ""
    """Label of the base image, such as `debian-trixie`; by default the newest at the site."""
    reserved_memory_mib: Annotated[int, Ge(0)] = 1024
    """RAM of the host that is never given to machines, MiB."""
    reserved_disk_gib: Annotated[int, Ge(0)] = 2
    """Space in the pool that is never given to machines, GiB."""
    max_machines: Annotated[int, Ge(0)] = 0
    """The most machines at the site; 0: as many as fit."""
    accelerate: bool = True
    """Use KVM if it really works; `false` always emulates, which is slow."""
    filtered: bool = True
    """Limit every machine to its own MAC and addresses (libvirt's filter `clean-traffic`; it blocks IPv6 in a libvirt network, but not on a bridge with `ipv6`)."""
    isolated: bool = True
    """Machines cannot reach each other; `false` allows it."""
    closed: tuple[str, ...] = ()
    """Periods in which nothing is stopped, removed or deleted here, such as `"2026-12-20/2027-01-04"` (first and last day) or
    `"2027-05-14"`. Warnings are still sent, and give the later date."""
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
