"""Two real guests of one network: root of one tries to be the other, and to reach it."""

from __future__ import annotations

import base64
import secrets
import shlex
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from xml.etree import ElementTree

import libvirt
import pytest

from contrib.demo import hypervisor
from provisioner.api import VmFacts, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from tests.hypervisor import make_key, make_spec, run_ssh, settings_of, until_ready

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

_PATIENCE_SECONDS = 800


@dataclass
class Pair:
    """A thief and its neighbour, on the same network."""

    folder: Path
    key: Path
    thief: VmSpec
    neighbour: VmSpec

    @property
    def both(self) -> tuple[VmSpec, VmSpec]:
        return self.thief, self.neighbour

    def run(self, facts: VmFacts, command: str) -> str:
        assert facts.address
        known = self.folder / "known_hosts"
        known.write_text("".join(f"{facts.address} {line}\n" for line in facts.host_keys))
        return run_ssh(self.key, facts.address, command, known).strip()


@pytest.fixture
def pair(libvirt_site: hypervisor.Site, base_image: LocalImage, tmp_path: Path) -> Iterator[Pair]:
    site = LibvirtSite(settings_of(libvirt_site, base_image.label))
    site.register_image(base_image)
    key, line = make_key(tmp_path)
    names = [f"{name}{secrets.token_hex(2)}" for name in ("thief", "neighbour")]
    thief, neighbour = (
        replace(make_spec(name, line, libvirt_site.dns_domain), memory_mib=512, disk_gib=3) for name in names
    )
    two = Pair(tmp_path, key, thief, neighbour)
    try:
        yield two
    finally:
        for spec in two.both:
            site.undo(spec)
        site.close()


def test_guests_of_a_network_neither_reach_nor_become_each_other(
    libvirt_site: hypervisor.Site, base_image: LocalImage, pair: Pair
) -> None:
    # As a site has them: each reaches the gateway, neither the other.
    site = LibvirtSite(settings_of(libvirt_site, base_image.label))
    thief, neighbour = until_ready(site, pair.both, _PATIENCE_SECONDS)
    site.close()
    gateway = pair.run(thief, "ip route show default").split()[2]
    ping = "ping -c 2 -W 2 -q"
    assert pair.run(thief, f"{ping} {gateway} >/dev/null && echo reached") == "reached"
    assert pair.run(thief, f"{ping} {neighbour.address} >/dev/null || echo apart") == "apart"

    # Where the site lets them talk they do, and root of one still cannot be the other.
    for spec in pair.both:
        _let_talk(libvirt_site.uri, spec)
    assert pair.run(thief, f"{ping} {neighbour.address} >/dev/null && echo reached") == "reached"
    before = _neighbour_on_host(neighbour)
    assert before == pair.neighbour.names.mac

    # Its address: no packet gets out under it, no ARP answer for it.
    pair.run(thief, f"ip address add {neighbour.address}/24 dev $(ip -o route get {gateway} | awk '{{print $3}}')")
    stolen = pair.run(thief, f"{ping} -I {neighbour.address} {gateway} >/dev/null && echo stolen || echo refused")
    assert stolen == "refused"
    subprocess.run(["ip", "neighbour", "flush", "to", str(neighbour.address)], check=True)
    assert pair.run(neighbour, "hostname") == pair.neighbour.name
    assert _neighbour_on_host(neighbour) == pair.neighbour.names.mac
    pair.run(thief, f"ip address del {neighbour.address}/24 dev $(ip -o route get {gateway} | awk '{{print $3}}')")

    # Its lease: whatever is asked of the DHCP server in its name, the address stays the neighbour's.
    for message in (_DHCP_RELEASE, _DHCP_REQUEST):
        said = base64.b64encode(_in_the_name_of(pair.neighbour.names.mac, neighbour.address, gateway, message)).decode()
        pair.run(thief, f"bash -c {shlex.quote(f'base64 -d <<<{said} >/dev/udp/{gateway}/67')}")
    assert _leased_to(libvirt_site, neighbour.address) <= {pair.neighbour.names.mac}
    card = f"$(ip -o route get {gateway} | awk '{{print $3}}')"
    pair.run(neighbour, f"networkctl renew {card} && sleep 5")
    assert f" {neighbour.address}/" in pair.run(neighbour, f"ip -4 -o address show dev {card}")
    assert f" {neighbour.address}/" not in pair.run(thief, f"ip -4 -o address show dev {card}")
    assert _neighbour_on_host(neighbour) == pair.neighbour.names.mac

    # Its MAC address: under it nothing gets out at all; the thief's own works again afterwards.
    script = (
        f"card=$(ip -o route get {gateway} | awk '{{print $3}}'); own=$(cat /sys/class/net/$card/address); "
        f"ip link set $card down; ip link set $card address {pair.neighbour.names.mac}; ip link set $card up; sleep 4; "
        f"ping -c 2 -W 2 -q {gateway} >/dev/null && echo stolen >/root/mac || echo refused >/root/mac; "
        "ip link set $card down; ip link set $card address $own; ip link set $card up; networkctl reconfigure $card"
    )
    pair.run(thief, f"systemd-run --quiet --collect sh -c {shlex.quote(script.replace('$', '$$'))}")
    assert pair.run(neighbour, "hostname") == pair.neighbour.name
    assert _until_said(pair, thief) == "refused"


def _until_said(pair: Pair, thief: VmFacts) -> str:
    """What the thief found out, once it can be reached again."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with suppress(AssertionError, subprocess.TimeoutExpired):  # not yet
            return pair.run(thief, "cat /root/mac")
        assert time.monotonic() < deadline, "the thief is not heard of again"
        time.sleep(2)


_DHCP_REQUEST, _DHCP_RELEASE = 3, 7


def _in_the_name_of(mac: str, address: str | None, server: str, message: int) -> bytes:
    """A client's DHCP message with another's hardware address, client identifier and address (RFC 2131 section 2, RFC 2132)."""
    hardware, wanted = bytes.fromhex(mac.replace(":", "")), IPv4Address(str(address)).packed
    holds = wanted if message == _DHCP_RELEASE else bytes(4)
    fixed = (
        struct.pack("!4B4s2H", 1, 1, 6, 0, secrets.token_bytes(4), 0, 0) + holds + bytes(12) + hardware.ljust(16, b"\0")
    )
    options = {53: bytes([message]), 61: b"\1" + hardware, 54: IPv4Address(server).packed}
    if message == _DHCP_REQUEST:
        options = {53: options[53], 61: options[61], 50: wanted}
    told = b"".join(bytes([code, len(value)]) + value for code, value in options.items())
    return fixed + bytes(192) + bytes.fromhex("63825363") + told + b"\xff"


def _leased_to(site: hypervisor.Site, address: str | None) -> set[str]:
    """The MAC addresses that have a lease of an address at the network's DHCP server (virNetworkGetDHCPLeases)."""
    connection = libvirt.open(site.uri)
    try:
        leases = connection.networkLookupByName(site.network).DHCPLeases()
        return {lease["mac"] for lease in leases if lease["ipaddr"] == address}
    finally:
        connection.close()


def _let_talk(uri: str, spec: VmSpec) -> None:
    """Give a running machine's card what it has at a site with `isolated = false`, and nothing else (virDomainUpdateDeviceFlags).

    That the setting leads to it is tested with the machine's XML; to build both again would take two more boots.
    """
    connection = libvirt.open(uri)
    try:
        domain = connection.lookupByUUIDString(str(spec.machine_id))
        card = ElementTree.fromstring(domain.XMLDesc()).find("devices/interface")
        assert card is not None
        port = card.find("port[@isolated='yes']")
        assert port is not None
        port.set("isolated", "no")
        domain.updateDeviceFlags(ElementTree.tostring(card, encoding="unicode"), libvirt.VIR_DOMAIN_AFFECT_LIVE)
    finally:
        connection.close()


def _neighbour_on_host(facts: VmFacts) -> str:
    """The MAC address that the host knows for a guest's address."""
    said = subprocess.run(
        ["ip", "-o", "neighbour", "show", "to", str(facts.address)], check=True, capture_output=True, text=True
    ).stdout.split()
    return said[said.index("lladdr") + 1]
