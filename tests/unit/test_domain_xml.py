from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET

import pytest
from lxml import etree

from provisioner import domain_xml
from provisioner.api import Architecture, Firmware, VmSpec
from provisioner.domain_xml import Card, Make, Mark, Paths, Seen
from provisioner.naming import legacy_machine_id
from provisioner.network_xml import NetworkView, read_network
from tests.hypervisor import make_key, make_spec

CARD = Card("testbed", "192.0.2.10")
PATHS = Paths("/pool/disk", "/pool/seed")

HOSTILE = "'><devices/>&amp;<!-- ]]> \x00\x1b\ud800 \U0001f600"

NETWORK = """
<network>
  <name>testbed</name>
  <ip address='192.0.2.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.0.2.10' end='192.0.2.12'/>
      <range start='192.0.2.20' end='192.0.2.20'/>
      <host mac='52:54:00:AA:BB:CC' name='bob-vm' ip='192.0.2.11'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='2001:db8::1' prefix='64'>
    <dhcp><range start='2001:db8::10' end='2001:db8::20'/></dhcp>
  </ip>
  <dns><host ip='192.0.2.20'><hostname>www.testbed.example</hostname><hostname>www</hostname></host></dns>
</network>
"""


@pytest.fixture
def spec(tmp_path: Path) -> VmSpec:
    return make_spec("alice", make_key(tmp_path)[1])


def built(spec: VmSpec, *, accelerated: bool = False) -> ET.Element:
    return ET.fromstring(domain_xml.domain(spec, Paths("/pool/disk", "/pool/seed"), CARD, accelerated=accelerated))


def test_libvirts_own_schema_accepts_the_domain(spec: VmSpec) -> None:
    schema = etree.RelaxNG(etree.parse("/usr/share/libvirt/schemas/domain.rng"))
    for accelerated in (False, True):
        text = domain_xml.domain(spec, Paths("/pool/disk", "/pool/seed"), CARD, accelerated=accelerated)
        schema.assertValid(etree.fromstring(text))
        other = domain_xml.accelerated_domain(text, accelerated=not accelerated)
        schema.assertValid(etree.fromstring(other))
        back = domain_xml.accelerated_domain(other, accelerated=accelerated)
        assert sorted(map(ET.canonicalize, _parts(back))) == sorted(map(ET.canonicalize, _parts(text)))
    schema.assertValid(etree.fromstring(domain_xml.probe(uuid4())))


def _parts(text: str) -> list[str]:
    return [ET.tostring(one, encoding="unicode") for one in ET.fromstring(text)]


def test_the_card_is_held_to_its_addresses_and_apart_from_its_neighbours(spec: VmSpec) -> None:
    card = built(spec).find("devices/interface")
    assert card is not None
    assert card.find("port[@isolated='yes']") is not None
    assert card.find("filterref[@filter='clean-traffic']/parameter[@name='IP'][@value='192.0.2.10']") is not None


def test_a_card_that_is_to_be_open_has_neither_filter_nor_isolation(spec: VmSpec) -> None:
    open_card = Card("testbed", "192.0.2.10", filtered=False, isolated=False)
    text = domain_xml.domain(spec, Paths("/pool/disk", "/pool/seed"), open_card, accelerated=False)
    card = ET.fromstring(text).find("devices/interface")
    assert card is not None
    assert [one.tag for one in card] == ["mac", "source", "model"]


def test_the_domain_is_what_was_asked_for(spec: VmSpec) -> None:
    root = built(replace(spec, memory_mib=2048, vcpus=1))
    assert root.get("type") == "qemu"
    assert (root.findtext("name"), root.findtext("uuid")) == ("alice-vm", str(spec.machine_id))
    memory = root.find("memory")
    assert memory is not None
    assert (memory.text, memory.get("unit"), root.findtext("vcpu")) == ("2048", "MiB", "1")
    mac = root.find("devices/interface/mac")
    assert mac is not None
    assert mac.get("address") == spec.names.mac
    assert root.findtext("on_crash") == "restart"


def test_disk_and_seed_are_virtio_disks_and_the_seed_is_read_only(spec: VmSpec) -> None:
    disk, seed = built(spec).findall("devices/disk")
    assert [dict(one.attrib) for one in built(spec).findall("devices/disk/target")] == [
        {"dev": "vda", "bus": "virtio"},
        {"dev": "vdb", "bus": "virtio"},
    ]
    assert disk.find("readonly") is None
    assert seed.find("readonly") is not None


def test_serial_console_guest_agent_and_random_numbers_are_there(spec: VmSpec) -> None:
    devices = built(spec).find("devices")
    assert devices is not None
    assert devices.find("serial[@type='pty']") is not None
    assert devices.find("channel/target[@name='org.qemu.guest_agent.0']") is not None
    assert devices.find("rng[@model='virtio']") is not None


def test_under_kvm_the_hosts_processor_is_passed_on(spec: VmSpec) -> None:
    root = built(spec, accelerated=True)
    assert root.get("type") == "kvm"
    assert root.find("cpu[@mode='host-passthrough']") is not None


def test_the_mark_is_in_our_namespace_and_read_again(spec: VmSpec) -> None:
    mark = built(spec).find(f"metadata/{{{domain_xml.MACHINE_NS}}}machine")
    assert mark is not None
    assert domain_xml.read_mark(ET.tostring(mark, encoding="unicode")) == Mark(
        spec.machine_id, "alice", "T1", spec.expires_on
    )


def test_a_mark_that_is_not_whole_is_none() -> None:
    for text in (
        "<machine/>",
        "<machine uuid='x' expires='2027-01-01'/>",
        f"<machine uuid='{legacy_machine_id('a', 'b', 'c')}'/>",
    ):
        assert domain_xml.read_mark(text) is None


def test_text_of_anybody_stays_text(spec: VmSpec) -> None:
    hostile = replace(spec, owner=HOSTILE, reference=HOSTILE)
    root = built(hostile)
    assert len(root.findall("devices")) == 1
    mark = root.find(f"metadata/{{{domain_xml.MACHINE_NS}}}machine")
    assert mark is not None
    assert mark.get("owner") == "'><devices/>&amp;<!-- ]]>  \U0001f600"


def test_what_was_seen_is_read_again() -> None:
    seen = Seen(("ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 BBBB"), ("SHA256:abc",))
    assert domain_xml.read_seen(domain_xml.seen(seen)) == seen
    assert domain_xml.read_seen(domain_xml.seen(replace(seen, serves=True))) == replace(seen, serves=True)
    # libvirt puts the element into the namespace it is kept under.
    inside = domain_xml.seen(seen).replace("<seen ", "<m:seen xmlns:m='urn:mailbot:seen:1' xmlns='urn:mailbot:seen:1' ")
    assert domain_xml.read_seen(inside.replace("</seen>", "</m:seen>")) == seen


def test_volumes_have_their_sizes_in_bytes() -> None:
    overlay = ET.fromstring(domain_xml.overlay_volume("disk", 8, "/pool/base"))
    assert (overlay.findtext("capacity"), overlay.findtext("allocation")) == (str(8 << 30), "0")
    assert domain_xml.backing_path(domain_xml.overlay_volume("disk", 8, "/pool/base")) == "/pool/base"
    raw = ET.fromstring(domain_xml.raw_volume("seed", 4096))
    assert (raw.findtext("capacity"), raw.findtext("allocation")) == ("4096", "4096")
    assert domain_xml.backing_path(domain_xml.raw_volume("seed", 4096)) is None


def test_network_entries_are_what_libvirt_updates_by() -> None:
    assert ET.fromstring(domain_xml.dhcp_host("52:54:00:00:00:01", "a", "192.0.2.9")).attrib == {
        "mac": "52:54:00:00:00:01",
        "name": "a",
        "ip": "192.0.2.9",
    }
    names = ET.fromstring(domain_xml.dns_host("192.0.2.9", "a.example", "a")).findall("hostname")
    assert [name.text for name in names] == ["a.example", "a"]


def test_an_xml_bomb_is_not_unfolded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><seen><host>&a;</host></seen>'
    assert "root:" not in "".join(domain_xml.read_seen(bomb).host_keys)


@pytest.fixture
def view() -> NetworkView:
    return read_network(NETWORK)


def test_a_network_tells_ranges_reservations_and_names(view: NetworkView) -> None:
    assert view.size == 4
    found = view.of_mac("52:54:00:aa:bb:cc")
    assert found is not None
    assert (found.name, found.address) == ("bob-vm", "192.0.2.11")
    record = view.dns_of("www")
    assert record is not None
    assert record.address == "192.0.2.20"
    assert view.dns_of("alice") is None
    assert view.in_range("192.0.2.12")
    assert not view.in_range("192.0.2.1")
    assert not view.in_range("2001:db8::11")


def test_a_free_address_is_never_one_that_is_taken(view: NetworkView) -> None:
    chosen = {view.free_address(legacy_machine_id("t", "alice", str(number))) for number in range(30)}
    assert chosen == {"192.0.2.10", "192.0.2.12"}
    leased = frozenset({"192.0.2.10"})
    assert {view.free_address(legacy_machine_id("t", "a", str(n)), leased) for n in range(9)} == {"192.0.2.12"}


def test_a_full_network_has_no_address(view: NetworkView) -> None:
    everything = frozenset(str(IPv4Address("192.0.2.10") + number) for number in range(20))
    assert view.free_address(legacy_machine_id("t", "alice", "1"), everything) is None


def test_a_network_without_a_range_has_no_address() -> None:
    assert read_network("<network><name>x</name></network>").free_address(legacy_machine_id("t", "a", "1")) is None


@pytest.mark.parametrize(
    ("network", "bridged"),
    [
        ("<network/>", True),
        ("<network><forward mode='nat'/></network>", True),
        ("<network><forward/></network>", True),
        ("<network><forward mode='route'/></network>", True),
        ("<network><forward mode='bridge'/><bridge name='br0'/></network>", True),
        ("<network><forward mode='bridge'/><bridge name='br0'/><virtualport type='openvswitch'/></network>", False),
        ("<network><forward mode='bridge'><interface dev='eth1'/></forward></network>", False),
        ("<network><forward mode='hostdev'/></network>", False),
    ],
)
def test_guests_are_filtered_where_they_hang_on_a_linux_bridge(network: str, bridged: bool) -> None:
    assert read_network(network).bridged is bridged


def test_whole_disks_in_a_pool_without_files_are_raw_devices(spec: VmSpec) -> None:
    paths = Paths("/dev/vg/disk", "/dev/vg/seed", block=True, raw=True)
    disks = ET.fromstring(domain_xml.domain(spec, paths, CARD, accelerated=False)).findall("devices/disk")
    assert [one.get("type") for one in disks] == ["block", "block"]
    assert [one.find("source").get("dev") for one in disks] == ["/dev/vg/disk", "/dev/vg/seed"]  # type: ignore[union-attr]
    assert [one.find("driver").get("type") for one in disks] == ["raw", "raw"]  # type: ignore[union-attr]


def test_what_a_pool_is_made_of_is_read_from_it() -> None:
    assert domain_xml.pool_type("<pool type='logical'><name>vg</name></pool>") == "logical"


def test_a_machine_of_aarch64_has_nothing_of_a_pc(spec: VmSpec) -> None:
    make = Make(Architecture.AARCH64)
    root = ET.fromstring(domain_xml.domain(spec, PATHS, CARD, make, accelerated=False))
    system = root.find("os")
    assert system is not None
    assert (system.get("firmware"), system.find("type").attrib) == ("efi", {"arch": "aarch64", "machine": "virt"})  # type: ignore[union-attr]
    assert root.find("features/apic") is None
    assert root.find("cpu").get("mode") == "maximum"  # type: ignore[union-attr]
    assert "isa-serial" not in domain_xml.domain(spec, PATHS, CARD, make, accelerated=False)
    again = domain_xml.accelerated_domain(
        domain_xml.domain(spec, PATHS, CARD, make, accelerated=True), accelerated=False
    )
    assert ET.fromstring(again).find("cpu").get("mode") == "maximum"  # type: ignore[union-attr]


def test_a_pc_starts_by_efi_where_its_host_says_so_and_the_probe_of_kvm_never_does(spec: VmSpec) -> None:
    make = Make(firmware=Firmware.EFI)
    system = ET.fromstring(domain_xml.domain(spec, PATHS, CARD, make, accelerated=False)).find("os")
    assert system is not None
    assert system.get("firmware") == "efi"
    feature = system.find("firmware/feature")
    assert feature is not None
    assert feature.attrib == {"enabled": "no", "name": "secure-boot"}, "what enforces it starts no image of ours"
    assert "firmware" not in domain_xml.domain(spec, PATHS, CARD, accelerated=False)
    assert "firmware" not in domain_xml.probe(UUID(int=1), make)
