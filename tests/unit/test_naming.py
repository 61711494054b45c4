from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from provisioner import naming

BUILT = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)


FIRST = UUID("c3e04639-0c14-5a67-904b-d072263be768")


def test_a_machine_is_called_by_its_host_name_and_its_id_alone() -> None:
    assert naming.machine_names("alice-vm", "testbed.example", FIRST) == naming.MachineNames(
        host="alice-vm",
        fqdn="alice-vm.testbed.example",
        uuid=FIRST,
        mac="52:54:00:a1:36:ef",
        disk=f"mailbot-alice-vm-{FIRST}.qcow2",
        seed=f"mailbot-alice-vm-{FIRST}.seed.img",
    )


def test_two_machines_of_one_host_name_share_nothing_but_that_name() -> None:
    one, other = (naming.machine_names("alice-vm", "testbed.example", uuid4()) for _ in range(2))
    assert {one.uuid, one.mac, one.disk, one.seed}.isdisjoint({other.uuid, other.mac, other.disk, other.seed})


def test_a_machine_of_version_0_1_is_still_found_under_the_id_that_it_was_built_with() -> None:
    assert naming.legacy_machine_id("testbed", "alice", "T1") == FIRST


def test_site_user_and_ticket_each_made_another_machine_in_version_0_1() -> None:
    triples = [("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x"), ("ab", "", "c"), ("a", "bc", "")]
    assert len({naming.legacy_machine_id(*triple) for triple in triples}) == len(triples)


def test_a_mac_address_is_qemus_and_unicast() -> None:
    for _ in range(50):
        mac = naming.machine_names("alice-vm", "testbed.example", uuid4()).mac
        assert mac.startswith("52:54:00:")
        assert int(mac[:2], 16) & 1 == 0


@pytest.mark.parametrize("login", ["Jean.Dupont", "jean_dupont", "jean-dupont"])
def test_a_login_is_made_a_host_name(login: str) -> None:
    assert naming.machine_name(login) == "jean-dupont-vm"
    assert naming.host_part(naming.host_part(login)) == naming.host_part(login)


def test_the_name_pattern_is_the_sites() -> None:
    assert naming.machine_name("alice", "vm-{username}") == "vm-alice"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "empty"),
        ("Alice", "'A'"),
        ("alice bob", "U+0020"),
        ("аlice", "U+0430"),
        ("alice.bob", "'.'"),
        ("alice\n", "U+000A"),
        ("alice\0", "U+0000"),
        ("-alice", "hyphen"),
        ("alice-", "hyphen"),
        ("../alice", "'/'"),
        ("alice_b", "'_'"),
        ("ａlice", "U+FF41"),
        ("a" * 64, "64 characters"),
    ],
)
def test_what_is_no_host_name_is_refused_with_its_odd_characters(name: str, words: str) -> None:
    with pytest.raises(naming.NameProblem, match=re.escape(words)):
        naming.check_label(name)


@pytest.mark.parametrize("name", ["a", "a1", "alice-vm", "1a", "a" * 63])
def test_host_names_pass(name: str) -> None:
    assert naming.check_label(name) == name


def test_a_nul_cannot_make_two_requests_meet() -> None:
    with pytest.raises(naming.NameProblem):
        naming.legacy_machine_id("a\0b", "c", "d")


def test_a_domain_is_checked_label_by_label() -> None:
    assert naming.check_domain("lab.testbed.example") == "lab.testbed.example"
    for wrong in ("lab..example", "lab.example.", "lab_1.example", ".".join(["a" * 60] * 5)):
        with pytest.raises(naming.NameProblem):
            naming.check_domain(wrong)


def test_volumes_carry_the_machine_id_and_are_known_by_it() -> None:
    who = naming.machine_names("alice-vm", "testbed.example", FIRST)
    for volume in (who.disk, who.seed):
        assert naming.volume_owner(volume) == FIRST
    assert naming.volume_owner("alice-vm.qcow2") is None
    assert naming.volume_owner(naming.image_volume("debian-trixie", BUILT, "ab" * 64)) is None
    assert naming.volume_owner(who.disk + ".bak") is None


def test_the_newest_image_of_a_label_is_chosen_by_its_moment() -> None:
    old = naming.image_volume("debian-trixie", BUILT, "ff" * 64)
    new = naming.image_volume("debian-trixie", BUILT + timedelta(seconds=1), "00" * 64)
    other = naming.image_volume("debian-sid", BUILT + timedelta(days=1), "11" * 64)
    volumes = [new, other, old, "mailbot-base-half", naming.image_marker(old)]
    assert naming.newest_image(volumes, "debian-trixie") == new
    assert naming.newest_image(volumes) == other
    assert naming.newest_image(volumes, "debian") is None
    assert naming.newest_image([]) is None
    assert naming.image_label(new) == "debian-trixie"
    assert naming.image_label("debian.qcow2") is None
