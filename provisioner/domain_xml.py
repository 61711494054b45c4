"""Every XML document that libvirt is given, and what is read from those that it gives.

Built and parsed as trees, never as text; libvirt validates each against its schema.  Formats:
libvirt's formatdomain, formatstorage and formatnetwork.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from lxml import etree

from provisioner.api import Architecture, Firmware, VmSpec

MACHINE_NS: Final = "urn:mailbot:machine:1"
"""Namespace of the element that marks a domain as ours."""
SEEN_NS: Final = "urn:mailbot:seen:1"
"""Namespace of the element that keeps what a machine showed while it was built."""
PREFIX: Final = "mailbot"
SEEN_PREFIX: Final = "mailbot-seen"
AGENT_CHANNEL: Final = "org.qemu.guest_agent.0"
CONSOLE_RING: Final = "mailbot-console"
"""QEMU's name for the ring that keeps the last output of a machine's second serial port."""
CONSOLE_SIZE: Final = 1 << 16
QEMU_NS: Final = "http://libvirt.org/schemas/domain/qemu/1.0"
FILTER: Final = "clean-traffic"
"""The network filter of libvirt's own that holds a guest to its MAC and IPv4 address (formatnwfilter)."""
FILTER_WITH_IPV6: Final = "mailbot-clean-traffic-1"
"""The one of ours that does so for IPv6 too; the number at its end changes with what is in it."""

_GIB: Final = 1 << 30
_ROUTER_ADVERTISEMENT: Final = "134"
_REDIRECT: Final = "137"
"""Types of ICMPv6 messages that only a router sends (RFC 4861, sections 4.2 and 4.5)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Keys that a machine showed on a way that the network cannot forge: public host key lines, the
    `SHA256:…` fingerprints of root's authorized keys, and whether its own SSH server answered it with one of
    those host keys."""

    host_keys: tuple[str, ...] = ()
    installed: tuple[str, ...] = ()
    serves: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Our mark in a domain: whose machine it is, and which addresses it was given on a bridge."""

    uuid: UUID
    owner: str
    reference: str
    expires_on: date
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """What one domain's XML says of it, as far as a look over a whole host asks; `mark` is None where it is not ours.

    `bridges` are those of the host that it hangs on without a libvirt network.
    """

    mark: Mark | None
    networks: frozenset[str]
    bridges: frozenset[str]
    memory_mib: int
    filtered: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A machine's network card, in the libvirt network of that name, or on that bridge of the host where `on_bridge`.

    With `filtered`, nothing leaves it but under its own MAC, `address`, and `further` addresses (of IPv6); with `isolated`,
    the bridge passes nothing between it and other isolated guests.  `vlan` is the tag of its port, 0 for none.
    """

    network: str
    address: str
    filtered: bool = True
    isolated: bool = True
    on_bridge: bool = False
    further: tuple[str, ...] = ()
    vlan: int = 0


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the host keeps a machine's volumes, as libvirt says: as files, or with `block` as devices.

    `raw` where the disk is a whole one, and no overlay; `uncached` where other hosts have the pool, too: what a host
    still had in memory, another one that goes on with the machine would not see.
    """

    disk: str
    seed: str
    block: bool = False
    raw: bool = False
    uncached: bool = False


@dataclass(frozen=True, slots=True)
class Make:
    """What kind of machine it is."""

    architecture: Architecture = Architecture.X86_64
    firmware: Firmware = Firmware.BIOS

    @property
    def is_pc(self) -> bool:
        """Whether it has what PCs have: an APIC, ISA ports, the choice of a BIOS."""
        return self.architecture is Architecture.X86_64

    @property
    def efi(self) -> bool:
        """Whether it starts by EFI."""
        return self.firmware is Firmware.EFI or not self.is_pc


PC: Final = Make()
NO_OPTIONS: Final[Mapping[str, str]] = {}


def domain(spec: VmSpec, paths: Paths, card: Card, make: Make = PC, *, accelerated: bool) -> str:
    """Give the domain of a machine."""
    root = etree.Element("domain", type=_kind(accelerated=accelerated))
    _texts(root, {"name": spec.name, "uuid": str(spec.machine_id), "title": f"{spec.names.fqdn} ({spec.reference})"})
    _sub(root, "metadata").append(_mark(spec))
    _sub(root, "memory", text=str(spec.memory_mib), unit="MiB")
    _texts(root, {"vcpu": str(spec.vcpus)})
    _sub(_system(root, make, efi=make.efi), "boot", dev="hd")
    features = _sub(root, "features")
    _sub(features, "acpi")
    if make.is_pc:
        _sub(features, "apic")
    root.extend(_processor(make, accelerated=accelerated))
    _sub(root, "clock", offset="utc")
    _texts(root, {"on_poweroff": "destroy", "on_reboot": "restart", "on_crash": "restart"})
    devices = _sub(root, "devices")
    options = {"discard": "unmap", **({"cache": "none"} if paths.uncached else {})}
    _disk(devices, paths.disk, "vda", "raw" if paths.raw else "qcow2", block=paths.block, options=options)
    # A virtio disk and not a CD-ROM: Debian's cloud kernel has no SATA driver.
    _sub(_disk(devices, paths.seed, "vdb", "raw", block=paths.block), "readonly")
    _devices(devices, spec, card, make)
    if make.is_pc:
        root.append(_kept_console())
    return _text(root)


def _system(root: etree._Element, make: Make, *, efi: bool) -> etree._Element:
    """How it starts; which EFI there is, libvirt finds at the host (formatdomain, `firmware`).

    Left to itself it takes one that enforces Secure Boot where there is one, and that starts no image of ours.
    """
    system = etree.SubElement(root, "os", attrib={"firmware": "efi"} if efi else {})
    _sub(system, "type", text="hvm", arch=make.architecture.value, machine="q35" if make.is_pc else "virt")
    if efi:
        _sub(_sub(system, "firmware"), "feature", enabled="no", name="secure-boot")
    return system


def accelerated_domain(text: str, *, accelerated: bool) -> str:
    """Give a kept domain as it is but under KVM, or emulated; nothing else of it is changed."""
    root = _parse(text)
    root.set("type", _kind(accelerated=accelerated))
    for processor in root.findall("cpu"):
        root.remove(processor)
    make = Make(Architecture(root.find("os/type").get("arch", Architecture.X86_64)))
    root.extend(_processor(make, accelerated=accelerated))
    return _text(root)


def probe(uuid: UUID, make: Make = PC, *, accelerated: bool = True) -> str:
    """Give a guest that has nothing but its firmware: enough to see whether KVM runs guests."""
    root = etree.Element("domain", type=_kind(accelerated=accelerated))
    _texts(root, {"name": f"{PREFIX}-probe-{uuid}", "uuid": str(uuid)})
    _sub(root, "memory", text="32", unit="MiB")
    _texts(root, {"vcpu": "1"})
    _system(root, make, efi=False)  # which would leave its variables behind
    root.extend(_processor(make, accelerated=accelerated))
    devices = _sub(root, "devices")
    _sub(devices, "controller", type="usb", model="none")
    _sub(_sub(devices, "video"), "model", type="none")
    _sub(devices, "memballoon", model="none")
    return _text(root)


def _kind(*, accelerated: bool) -> str:
    return "kvm" if accelerated else "qemu"


def _processor(make: Make, *, accelerated: bool) -> list[etree._Element]:
    """The host's own processor is fastest under KVM; emulated, a PC's plain default costs the least, and ARM's has 32 bits."""
    if accelerated:
        return [etree.Element("cpu", mode="host-passthrough", check="none")]
    return [] if make.is_pc else [etree.Element("cpu", mode="maximum")]


def _disk(
    devices: etree._Element, path: str, target: str, kind: str, *, block: bool, options: Mapping[str, str] = NO_OPTIONS
) -> etree._Element:
    disk = _sub(devices, "disk", type="block" if block else "file", device="disk")
    _sub(disk, "driver", name="qemu", type=kind, **options)
    _sub(disk, "source", **{"dev" if block else "file": path})
    _sub(disk, "target", dev=target, bus="virtio")
    return disk


def _interface(devices: etree._Element, mac: str, card: Card) -> None:
    kind = "bridge" if card.on_bridge else "network"
    interface = _sub(devices, "interface", type=kind)
    _sub(interface, "mac", address=mac)
    _sub(interface, "source", **{kind: card.network})
    if card.vlan:
        _sub(_sub(interface, "vlan"), "tag", id=str(card.vlan))
    _sub(interface, "model", type="virtio")
    if card.isolated:
        _sub(interface, "port", isolated="yes")
    if card.filtered:
        held = _sub(interface, "filterref", filter=FILTER_WITH_IPV6 if card.further else FILTER)
        # Without the address the filter would believe the first one that the guest uses.
        _sub(held, "parameter", name="IP", value=card.address)
        for address in card.further:
            _sub(held, "parameter", name="IPV6", value=address)


def _devices(devices: etree._Element, spec: VmSpec, card: Card, make: Make) -> None:
    if make.is_pc:
        _sub(devices, "controller", type="usb", model="none")
    _interface(devices, spec.names.mac, card)
    _sub(_sub(devices, "serial", type="pty"), "target", port="0")
    _sub(_sub(devices, "console", type="pty"), "target", type="serial", port="0")
    _sub(_sub(devices, "channel", type="unix"), "target", type="virtio", name=AGENT_CHANNEL)
    _sub(_sub(devices, "video"), "model", type="none")
    _sub(devices, "memballoon", model="virtio")
    _sub(_sub(devices, "rng", model="virtio"), "backend", text="/dev/urandom", model="random")


def _kept_console() -> etree._Element:
    """A second serial port whose last output QEMU itself keeps in a ring: bounded, on no disk, and read through libvirt.

    libvirt knows no ring as a serial port's other end, hence QEMU's own arguments.
    """
    line = etree.Element(f"{{{QEMU_NS}}}commandline", nsmap={"qemu": QEMU_NS})
    ring = f"ringbuf,id={CONSOLE_RING},size={CONSOLE_SIZE}"
    for argument in ("-chardev", ring, "-device", f"isa-serial,chardev={CONSOLE_RING},index=1"):
        etree.SubElement(line, f"{{{QEMU_NS}}}arg").set("value", argument)
    return line


def _mark(spec: VmSpec) -> etree._Element:
    mark = etree.Element(f"{{{MACHINE_NS}}}machine", nsmap={PREFIX: MACHINE_NS})
    mark.set("uuid", str(spec.machine_id))
    mark.set("owner", _legal(spec.owner))
    mark.set("reference", _legal(spec.reference))
    mark.set("expires", spec.expires_on.isoformat())
    if spec.addresses:
        mark.set("addresses", " ".join(spec.addresses))
    return mark


def read_mark(text: str) -> Mark | None:
    """Read our mark as libvirt gives it (virDomainGetMetadata); None where it is not a whole one."""
    return _mark_of(_parse(text))


def _mark_of(mark: etree._Element) -> Mark | None:
    try:
        return Mark(
            UUID(mark.get("uuid", "")),
            mark.get("owner", ""),
            mark.get("reference", ""),
            date.fromisoformat(mark.get("expires", "")),
            tuple(mark.get("addresses", "").split()),
        )
    except ValueError:
        return None


def seen(keys: Seen) -> str:
    """Give the element that keeps what was seen; libvirt adds the namespace that it is set under."""
    root = etree.Element("seen", serves="yes" if keys.serves else "no")
    for line in keys.host_keys:
        _sub(root, "host", text=line)
    for print_ in keys.installed:
        _sub(root, "installed", text=print_)
    return _text(root)


def read_seen(text: str) -> Seen:
    """Read what was kept by `seen`."""
    root = _parse(text)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(one.text or "" for one in root.iter("*") if etree.QName(one).localname == name)

    return Seen(texts("host"), texts("installed"), root.get("serves") == "yes")


def domain_kind(text: str) -> tuple[bool, int]:
    """Read from a domain whether it runs under KVM, and its memory in MiB."""
    root = _parse(text)
    return root.get("type") == "kvm", int(root.findtext("memory", "0")) >> 10


def outline(text: str) -> Outline:
    """Read what a look over a whole host asks of each domain."""
    root = _parse(text)
    mark = root.find(f"metadata/{{{MACHINE_NS}}}machine")
    return Outline(
        None if mark is None else _mark_of(mark),
        frozenset(one.get("network", "") for one in root.iterfind("devices/interface[@type='network']/source")),
        frozenset(one.get("bridge", "") for one in root.iterfind("devices/interface[@type='bridge']/source")),
        int(root.findtext("memory", "0")) >> 10,
        filtered=root.find("devices/interface/filterref") is not None,
    )


def filter_with_ipv6() -> str:
    """Give the filter that holds a guest to its MAC, IPv4 and IPv6 addresses, and keeps it from playing the router.

    It is libvirt's `clean-traffic` with IPv6 beside IPv4.  Which address a guest answers for (a neighbour advertisement's
    target) no filter of libvirt can look at; that it answers under its own is what these rules see to.
    """
    root = etree.Element("filter", name=FILTER_WITH_IPV6, chain="root")
    for kind in (_ROUTER_ADVERTISEMENT, _REDIRECT):
        _sub(_sub(root, "rule", action="drop", direction="out", priority="-900"), "ipv6", protocol="icmpv6", type=kind)
    for name in ("no-mac-spoofing", "no-ip-spoofing", "no-ipv6-spoofing"):
        _sub(root, "filterref", filter=name)
    for protocol in ("ipv4", "ipv6"):
        rule = _sub(root, "rule", action="accept", direction="out", priority="-600")
        _sub(rule, "mac", protocolid=protocol)
        _sub(root, "filterref", filter=f"allow-incoming-{protocol}")
    _sub(root, "filterref", filter="no-arp-spoofing")
    _sub(_sub(root, "rule", action="accept", direction="inout", priority="-500"), "mac", protocolid="arp")
    for name in ("no-other-l2-traffic", "qemu-announce-self"):
        _sub(root, "filterref", filter=name)
    return _text(root)


def overlay_volume(name: str, disk_gib: int, base_path: str) -> str:
    """Give a qcow2 volume of `disk_gib` that begins as the base image at `base_path`."""
    volume = _volume(name, disk_gib * _GIB, "qcow2")
    backing = _sub(volume, "backingStore")
    _sub(backing, "path", text=base_path)
    _sub(backing, "format", type="qcow2")
    return _text(volume)


def pool_type(text: str) -> str:
    """Read from a pool what it is made of (formatstorage)."""
    return str(_parse(text).get("type", ""))


def raw_volume(name: str, size: int) -> str:
    """Give a raw volume of `size` bytes, fully allocated."""
    return _text(_volume(name, size, "raw", size))


def image_volume(name: str, virtual_size: int) -> str:
    """Give an empty qcow2 volume that a base image of `virtual_size` bytes is uploaded into."""
    return _text(_volume(name, virtual_size, "qcow2"))


def _volume(name: str, capacity: int, kind: str, allocation: int = 0) -> etree._Element:
    volume = etree.Element("volume")
    _texts(volume, {"name": name})
    _sub(volume, "capacity", text=str(capacity), unit="bytes")
    _sub(volume, "allocation", text=str(allocation), unit="bytes")
    _sub(_sub(volume, "target"), "format", type=kind)
    return volume


def backing_path(text: str) -> str | None:
    """Read from a volume the path of what it is an overlay on."""
    path = _parse(text).find("backingStore/path")
    return None if path is None else path.text


def volume_size(text: str) -> int | None:
    """Read from a volume how many bytes it takes as a file or device (`physical`); None where libvirt does not say."""
    physical = _parse(text).findtext("physical")
    return None if physical is None else int(physical)


def dhcp_host(mac: str, name: str, address: str) -> str:
    """Give a reservation for a network's DHCP."""
    return _text(etree.Element("host", mac=mac, name=name, ip=address))


def dns_host(address: str, *names: str) -> str:
    """Give an address record for a network's DNS."""
    host = etree.Element("host", ip=address)
    for name in names:
        _sub(host, "hostname", text=name)
    return _text(host)


def _parse(text: str) -> etree._Element:
    # libvirt's XML is not hostile, but nothing in it may ever reach for a file or the network.
    return etree.fromstring(text.encode("utf-8"), etree.XMLParser(resolve_entities=False, no_network=True))


def _sub(parent: etree._Element, tag: str, /, *, text: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, tag, attrib=attributes)
    child.text = None if text is None else _legal(text)
    return child


def _texts(parent: etree._Element, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        _sub(parent, name, text=value)


def _text(root: etree._Element) -> str:
    return str(etree.tostring(root, encoding="unicode"))


def _legal(text: str) -> str:
    """Leave out what XML 1.0 cannot carry (section 2.2): control characters, surrogates."""
    return "".join(
        one for one in text if one in "\t\n" or " " <= one < "\ud800" or "\ue000" <= one not in "\ufffe\uffff"
    )
