"""One contract for every provisioner: the fake in memory, the fake in a file, and libvirt in a process of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import libvirt
import pytest

from mailbot.adapters.sites.apart import HostsProcess, Role
from mailbot.adapters.sites.bounded import BoundedSite
from provisioner.api import NotOurs, Provisioner, ProvisionerError, SiteSettings, SiteUnreachable, VmPhase, VmSpec
from provisioner.fake import FakeSite
from provisioner.fake_machine import Faults
from provisioner.libvirt_driver import LibvirtSite
from tests.hypervisor import make_key, make_spec, settings_of


@dataclass
class Lab:
    """A site, how another process would see it, and a stranger's machine on it."""

    here: Provisioner
    elsewhere: Callable[[], Provisioner]
    unreachable: Provisioner
    settle_foreigner: Callable[[str], None]
    foreigner_lives: Callable[[str], bool]


@pytest.fixture(params=["fake", "fake-file", pytest.param("libvirt", marks=pytest.mark.long)])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    if request.param == "libvirt":
        return _libvirt_lab(request)
    path = tmp_path / "site.json" if request.param == "fake-file" else None
    site = FakeSite(path=path)

    def settle(name: str) -> None:
        site.faults = Faults(foreign=frozenset({name}))

    return Lab(
        site,
        lambda: FakeSite(path=path) if path else site,
        FakeSite(faults=Faults(unreachable=True)),
        settle,
        lambda name: name in site.faults.foreign,
    )


def _apart(request: pytest.FixtureRequest, settings: SiteSettings) -> Provisioner:
    """As the daemon asks its sites."""
    process = HostsProcess()
    request.addfinalizer(process.close)
    return BoundedSite(settings.name, process.of(Role.SITE, settings))


def _libvirt_lab(request: pytest.FixtureRequest) -> Lab:
    asked, place = partial(_apart, request), request.getfixturevalue("libvirt_site")
    settings = replace(settings_of(place, "hollow"), filtered=False)
    with closing(LibvirtSite(settings)) as host:
        host.register_image(request.getfixturevalue("hollow_image"))
    nowhere = replace(settings, uri="qemu+unix:///system?socket=/nonexistent/libvirt-sock")

    def settle(name: str) -> None:
        conn = libvirt.open(place.uri)
        conn.defineXML(
            f"<domain type='qemu'><name>{name}</name><memory>1024</memory><os><type>hvm</type></os></domain>"
        )
        request.addfinalizer(lambda: conn.lookupByName(name).undefine())

    def lives(name: str) -> bool:
        return bool(libvirt.open(place.uri).lookupByName(name).isPersistent())

    return Lab(asked(settings), lambda: asked(settings), asked(nowhere), settle, lives)


@pytest.fixture
def spec(lab: Lab, tmp_path: Path) -> Iterator[VmSpec]:
    _, key = make_key(tmp_path)
    one = make_spec(f"alice{secrets.token_hex(3)}", key)
    yield one
    lab.here.undo(one)


def test_a_machine_that_was_never_asked_for_is_absent(lab: Lab, spec: VmSpec) -> None:
    assert lab.here.facts(spec).phase is VmPhase.ABSENT


def test_ensure_builds_and_starts_a_machine_with_an_address(lab: Lab, spec: VmSpec) -> None:
    facts = lab.here.ensure(spec)
    assert facts.phase is VmPhase.BOOTING
    assert facts.address
    assert facts.waiting_for
    assert facts.disk_gib == spec.disk_gib
    assert facts.memory_mib == spec.memory_mib
    assert facts.site == "testbed"


def test_ensure_twice_is_ensure_once(lab: Lab, spec: VmSpec) -> None:
    first = lab.here.ensure(spec)
    second = lab.here.ensure(spec)
    assert second.address == first.address
    assert lab.here.health().machines == 1


def test_another_process_goes_on_where_one_was_killed(lab: Lab, spec: VmSpec) -> None:
    first = lab.here.ensure(spec)
    other = lab.elsewhere()
    assert other.ensure(spec).address == first.address
    assert other.health().machines == 1


def test_two_machines_get_two_addresses(lab: Lab, spec: VmSpec, request: pytest.FixtureRequest) -> None:
    other = make_spec(f"bob{secrets.token_hex(3)}", spec.ssh_keys[0])
    request.addfinalizer(lambda: lab.here.undo(other))
    assert lab.here.ensure(spec).address != lab.here.ensure(other).address


def test_a_machine_is_stopped_by_taking_its_power_and_started_again(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    assert lab.here.power_off(spec).phase is VmPhase.STOPPED
    assert lab.here.power_off(spec).phase is VmPhase.STOPPED
    assert lab.here.request_stop(spec).phase is VmPhase.STOPPED
    assert lab.here.facts(spec).phase is VmPhase.STOPPED
    assert lab.here.start(spec).phase in (VmPhase.BOOTING, VmPhase.READY)
    assert lab.here.start(spec).phase in (VmPhase.BOOTING, VmPhase.READY)


def test_a_machine_that_is_off_has_no_console_and_takes_no_keys(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    lab.here.power_off(spec)
    assert lab.here.console(spec) == ()
    with pytest.raises(ProvisionerError, match="switched off"):
        lab.here.install_keys(spec)


def test_the_console_of_a_machine_that_runs_can_be_read_again_and_again(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    first = lab.here.console(spec)
    assert len(lab.here.console(spec)) >= len(first)


def test_a_machine_whose_disk_was_taken_is_built_again_at_its_address(lab: Lab, spec: VmSpec) -> None:
    first = lab.here.ensure(spec)
    assert lab.here.wipe(spec).phase is VmPhase.ABSENT
    assert lab.here.wipe(spec).phase is VmPhase.ABSENT
    assert lab.here.facts(spec).phase is VmPhase.ABSENT
    again = lab.here.ensure(spec)
    assert (again.address, again.disk_gib) == (first.address, spec.disk_gib)
    assert lab.here.health().machines == 1


def test_what_does_not_exist_cannot_be_started(lab: Lab, spec: VmSpec) -> None:
    with pytest.raises(ProvisionerError) as caught:
        lab.here.start(spec)
    assert caught.value.permanent
    assert spec.name in str(caught.value)


def test_stopping_what_does_not_exist_is_fine(lab: Lab, spec: VmSpec) -> None:
    assert lab.here.request_stop(spec).phase is VmPhase.ABSENT
    assert lab.here.power_off(spec).phase is VmPhase.ABSENT


def test_retire_keeps_the_disk_and_frees_everything_else(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    facts = lab.here.retire(spec)
    assert facts.phase is VmPhase.DISK_KEPT
    assert facts.address is None
    assert lab.here.retire(spec).phase is VmPhase.DISK_KEPT
    assert lab.here.health().machines == 0
    assert len(lab.here.leftovers(frozenset())) == 1


def test_a_kept_disk_is_used_again(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    lab.here.retire(spec)
    facts = lab.here.ensure(replace(spec, restored=True))
    assert facts.phase in (VmPhase.BOOTING, VmPhase.READY)
    assert facts.disk_gib == spec.disk_gib


def test_a_disk_is_not_deleted_under_a_machine(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    with pytest.raises(ProvisionerError) as caught:
        lab.here.delete_disk(spec)
    assert caught.value.permanent
    assert lab.here.facts(spec).disk_gib == spec.disk_gib


def test_after_the_disk_is_deleted_nothing_is_left(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    lab.here.retire(spec)
    assert lab.here.delete_disk(spec).phase is VmPhase.ABSENT
    assert lab.here.delete_disk(spec).phase is VmPhase.ABSENT
    assert lab.here.leftovers(frozenset()) == ()


def test_undo_leaves_nothing_and_may_run_twice(lab: Lab, spec: VmSpec) -> None:
    lab.here.undo(spec)
    lab.here.ensure(spec)
    lab.here.undo(spec)
    lab.here.undo(spec)
    assert lab.here.facts(spec).phase is VmPhase.ABSENT
    assert lab.here.leftovers(frozenset()) == ()


def test_a_domain_of_somebody_else_is_never_touched(lab: Lab, spec: VmSpec) -> None:
    lab.settle_foreigner(spec.name)
    with pytest.raises(NotOurs) as caught:
        lab.here.ensure(spec)
    assert caught.value.permanent
    assert caught.value.other_site_may_help
    assert spec.name in str(caught.value)
    lab.here.retire(spec)
    lab.here.undo(spec)
    assert lab.foreigner_lives(spec.name)
    assert lab.here.leftovers(frozenset()) == ()


def test_a_machine_of_an_earlier_ticket_is_not_taken_for_this_one(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    again = make_spec(spec.owner, spec.ssh_keys[0], reference="T2")
    with pytest.raises(NotOurs):
        lab.here.ensure(again)
    assert lab.here.facts(again).phase is VmPhase.ABSENT
    lab.here.undo(again)
    lab.here.retire(again)
    lab.here.delete_disk(again)
    assert lab.here.facts(spec).phase is VmPhase.BOOTING or lab.here.facts(spec).phase is VmPhase.READY


def test_leftovers_name_what_nobody_knows_and_only_that(lab: Lab, spec: VmSpec) -> None:
    lab.here.ensure(spec)
    assert any(spec.name in sentence for sentence in lab.here.leftovers(frozenset()))
    assert lab.here.leftovers(frozenset({spec.machine_id})) == ()


def test_an_inventory_lists_every_machine_with_what_is_there_of_it(lab: Lab, spec: VmSpec) -> None:
    before = {one.machine_id for one in lab.here.inventory()}
    lab.here.ensure(spec)
    (one,) = [one for one in lab.here.inventory() if one.machine_id not in before]
    assert (one.owner, one.reference, one.expires_on) == (spec.owner, spec.reference, spec.expires_on)
    assert (one.machine_id, one.name, one.reference) == (spec.machine_id, spec.name, spec.reference)
    assert (one.running, one.autostart, one.memory_mib, one.disk_gib) == (True, True, spec.memory_mib, spec.disk_gib)
    lab.here.power_off(spec)
    (one,) = [one for one in lab.here.inventory() if one.machine_id not in before]
    assert (one.running, one.autostart) == (False, False)
    lab.here.retire(spec)
    (one,) = [one for one in lab.here.inventory() if one.machine_id not in before]
    assert (one.name, one.disk_gib) == (None, spec.disk_gib)
    lab.here.delete_disk(spec)
    assert {one.machine_id for one in lab.here.inventory()} == before


def test_health_tells_room_machines_and_image(lab: Lab, spec: VmSpec) -> None:
    before = lab.here.health()
    lab.here.ensure(spec)
    after = lab.here.health()
    assert before.reachable
    assert before.problems == ()
    assert before.image
    assert (before.machines, after.machines) == (0, 1)
    assert after.free_disk_gib < before.free_disk_gib
    # Others on the same host come and go meanwhile, so memory is only known to be counted.
    assert after.free_memory_mib > 0


def test_a_site_that_does_not_answer_says_so(lab: Lab, spec: VmSpec) -> None:
    health = lab.unreachable.health()
    assert not health.reachable
    assert health.problems
    with pytest.raises(SiteUnreachable) as caught:
        lab.unreachable.ensure(spec)
    assert not caught.value.permanent
    assert caught.value.other_site_may_help


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Alice"},
        {"name": "a b"},
        {"name": "../etc"},
        {"dns_domain": "exa mple"},
        {"ssh_keys": ()},
        {"ssh_keys": ('command="reboot" ssh-ed25519 AAAA',)},
    ],
    ids=str,
)
def test_what_could_not_come_through_policy_is_refused_at_the_door(
    lab: Lab, spec: VmSpec, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ProvisionerError) as caught:
        lab.here.ensure(replace(spec, **wrong))
    assert caught.value.permanent
    assert lab.here.leftovers(frozenset()) == ()
