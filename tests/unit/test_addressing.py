"""Ranges of addresses on a bridge: how they are read, which address a machine gets, what machines are told."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import domain_xml
from provisioner.addressing import Bridge, RangeProblem, link_local, read_range
from provisioner.cloud_init import network_config, user_data
from provisioner.domain_xml import Card, Paths
from provisioner.first_boot import SCRIPTS, seed_lines
from tests.hypervisor import make_key, make_spec

FOUR = read_range("192.0.2.1/24", "192.0.2.10-192.0.2.12", 4)
SIX = read_range("2001:db8::1/64", "2001:db8::1000-2001:db8::1fff", 6)
BRIDGE = Bridge("br0", (FOUR, SIX), ("192.0.2.53", "2001:db8::53"))


@pytest.mark.parametrize(
    ("router", "addresses", "version", "why"),
    [
        ("192.0.2.1", "192.0.2.10-192.0.2.12", 4, "not the router with the length of its subnet"),
        ("2001:db8::1/64", "192.0.2.10-192.0.2.12", 4, "not the router"),
        ("192.0.2.1/24", "192.0.2.10", 4, "not a range"),
        ("192.0.2.1/24", "192.0.2.10-192.0.3.12", 4, "not in the subnet 192.0.2.0/24"),
        ("192.0.2.1/24", "192.0.2.12-192.0.2.10", 4, "192.0.2.10 comes before 192.0.2.12"),
        ("192.0.2.1/24", "192.0.2.1-192.0.2.10", 4, "the router's own address 192.0.2.1"),
        ("192.0.2.1/24", "192.0.2.200-192.0.2.255", 4, "are no machine's"),
        ("192.0.2.9/24", "192.0.2.10-somewhere", 4, '"somewhere" is not an IPv4 address'),
        ("2001:db8::1/64", "2001:db8::2-192.0.2.7", 6, '"192.0.2.7" is not an IPv6 address'),
    ],
)
def test_a_range_that_cannot_be_used_is_refused_with_the_reason(
    router: str, addresses: str, version: int, why: str
) -> None:
    with pytest.raises(RangeProblem, match=why):
        read_range(router, addresses, version)


@given(st.uuids(), st.sets(st.sampled_from(["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.99"])))
def test_a_machine_gets_a_free_address_of_the_range_as_long_as_there_is_one(machine: UUID, taken: set[str]) -> None:
    address = FOUR.free(machine, taken)
    free = {"192.0.2.10", "192.0.2.11", "192.0.2.12"} - taken
    assert (address in free) if free else address is None
    assert FOUR.is_full(taken) is (not free)
    assert FOUR.free(machine, taken) == address


def test_the_addresses_of_a_huge_range_are_found_without_counting_it() -> None:
    huge = read_range("2001:db8::1/64", "2001:db8::2-2001:db8::ffff:ffff:ffff:ffff", 6)
    assert huge.holds(str(huge.free(UUID(int=7), frozenset())))


def test_a_machine_that_lacks_an_address_of_one_family_has_none() -> None:
    assert BRIDGE.chosen(["2001:db8::1001", "192.0.2.11", "198.51.100.7"]) == ("192.0.2.11", "2001:db8::1001")
    assert BRIDGE.chosen(["192.0.2.11"]) == ()
    assert [str(one) for one in BRIDGE.interfaces(["192.0.2.11", "2001:db8::1001"])] == [
        "192.0.2.11/24",
        "2001:db8::1001/64",
    ]


def test_the_link_local_address_is_that_of_the_mac() -> None:
    assert link_local("52:54:00:12:34:56") == "fe80::5054:ff:fe12:3456"


def test_both_kinds_of_images_are_told_the_same_addresses(tmp_path: Path) -> None:
    spec = replace(make_spec("alice", make_key(tmp_path)[1]), addresses=("192.0.2.11", "2001:db8::1001"))
    card = json.loads(network_config(spec, BRIDGE))["ethernets"]["card"]
    assert card["match"] == {"macaddress": spec.names.mac}
    assert card["addresses"] == ["192.0.2.11/24", "2001:db8::1001/64"]
    assert [(one["to"], one["via"]) for one in card["routes"]] == [("0.0.0.0/0", "192.0.2.1"), ("::/0", "2001:db8::1")]
    assert card["nameservers"]["addresses"] == ["192.0.2.53", "2001:db8::53"]
    assert b'"when"' in user_data(spec, static=True)
    assert b'"when"' not in user_data(spec)
    lines = seed_lines(spec, BRIDGE).decode().splitlines()
    assert {"address 192.0.2.11/24", "address 2001:db8::1001/64", "gateway 192.0.2.1"} <= set(lines)
    assert not any(one.startswith("address") for one in seed_lines(spec).decode().splitlines())


def test_what_our_image_makes_of_its_seed_is_a_network_file(tmp_path: Path) -> None:
    # The script runs here without its mounts, and with its paths turned to a directory.
    spec = replace(make_spec("alice", make_key(tmp_path)[1]), addresses=("192.0.2.11", "2001:db8::1001"))
    (tmp_path / "mailbot").write_bytes(seed_lines(spec, BRIDGE))
    script = SCRIPTS["usr/lib/mailbot/network"]
    for command in ("mount -o", "umount $seed", "disk=$("):
        assert command in script
    kept = [
        line
        for line in script.splitlines()
        if not line.lstrip().startswith(("mount", "umount", "disk=", '[ -n "$disk'))
    ]
    text = "\n".join(kept).replace("/run/mailbot-network", str(tmp_path)).replace("/run/systemd/network", str(tmp_path))
    subprocess.run(["/bin/sh", "-c", text], check=True)
    assert (tmp_path / "05-mailbot.network").read_text() == (
        f"[Match]\nMACAddress={spec.names.mac}\n\n[Network]\nDHCP=no\nIPv6AcceptRA=no\nDNS=192.0.2.53\nDNS=2001:db8::53\n"
        "Domains=testbed.example\nAddress=192.0.2.11/24\nAddress=2001:db8::1001/64\n"
        "\n[Route]\nGatewayOnLink=yes\nGateway=192.0.2.1\n\n[Route]\nGatewayOnLink=yes\nGateway=2001:db8::1\n"
    )


def test_the_filter_of_a_card_with_ipv6_knows_all_its_addresses(tmp_path: Path) -> None:
    spec = make_spec("alice", make_key(tmp_path)[1])
    card = Card("br0", "192.0.2.11", on_bridge=True, further=("2001:db8::1001", "fe80::1"), vlan=42)
    text = domain_xml.domain(spec, Paths("/disk", "/seed"), card, accelerated=False)
    assert '<source bridge="br0"/>' in text
    assert '<tag id="42"/>' in text
    assert text.count('name="IPV6"') == 2
    assert domain_xml.FILTER_WITH_IPV6 in text
    assert domain_xml.outline(text).bridges == {"br0"}
    assert domain_xml.outline(text).networks == frozenset()
