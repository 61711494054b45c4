from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.api import OutOfRoom, ProvisionerError, VmPhase, VmSpec
from provisioner.fake import FakeSite
from provisioner.fake_machine import FakeStep, Faults
from provisioner.ssh_keys import fingerprint
from tests.hypervisor import make_key, make_spec

BUILD = [FakeStep.RESERVE, FakeStep.CREATE_DISK, FakeStep.CREATE_SEED, FakeStep.DEFINE, FakeStep.START]

CRASHER = """
import sys
from datetime import date
from pathlib import Path
from uuid import UUID
from provisioner.api import VmSpec
from provisioner.fake import FakeSite
from provisioner.fake_machine import FakeStep, Faults
path, step, key, machine_id = sys.argv[1:]
spec = VmSpec("alice-vm", "testbed.example", UUID(machine_id), "alice", "T1", (key,), date(2027, 3, 31))
FakeSite(path=Path(path), faults=Faults(crash_at=frozenset({FakeStep(step)}))).ensure(spec)
"""


@pytest.fixture
def spec(tmp_path: Path) -> VmSpec:
    return make_spec("alice", make_key(tmp_path)[1])


def test_a_machine_is_ready_after_as_many_looks_as_asked_for(spec: VmSpec) -> None:
    site = FakeSite(faults=Faults(polls_until_ready=3))
    assert [site.ensure(spec).phase for _ in range(5)] == [VmPhase.BOOTING] * 3 + [VmPhase.READY] * 2


def test_a_ready_machine_shows_its_keys(spec: VmSpec) -> None:
    site = FakeSite(faults=Faults(polls_until_ready=0))
    facts = site.ensure(spec)
    assert facts.host_key_fingerprints == tuple(map(fingerprint, facts.host_keys))
    assert facts.installed_key_fingerprints == (fingerprint(spec.ssh_keys[0]),)


def test_a_machine_that_never_boots_stays_booting(spec: VmSpec) -> None:
    site = FakeSite(faults=Faults(never_ready=True))
    assert {site.ensure(spec).phase for _ in range(9)} == {VmPhase.BOOTING}


@pytest.mark.parametrize("step", BUILD)
def test_a_failure_before_any_step_is_continued_from_there(spec: VmSpec, step: FakeStep) -> None:
    site = FakeSite(faults=Faults(fail_at=frozenset({step}), fail_times=1))
    with pytest.raises(ProvisionerError, match=step.value):
        site.ensure(spec)
    site.ensure(spec)
    assert [taken for taken, _ in site.steps] == BUILD


@pytest.mark.parametrize("step", BUILD)
def test_a_process_killed_after_any_step_leaves_what_another_continues(
    spec: VmSpec, step: FakeStep, tmp_path: Path
) -> None:
    path = tmp_path / "site.json"
    arguments = [str(path), step, spec.ssh_keys[0], str(spec.machine_id)]
    killed = subprocess.run([sys.executable, "-c", CRASHER, *arguments], check=False)
    assert killed.returncode == -9
    site = FakeSite(path=path)
    site.ensure(spec)
    assert [taken for taken, _ in site.steps] == BUILD[BUILD.index(step) + 1 :]
    assert len(site.machines()) == 1


@pytest.mark.parametrize("step", BUILD)
def test_undo_after_a_failure_at_any_step_leaves_nothing(spec: VmSpec, step: FakeStep) -> None:
    site = FakeSite(faults=Faults(fail_at=frozenset({step})))
    with pytest.raises(ProvisionerError):
        site.ensure(spec)
    site.undo(spec)
    assert site.machines() == {}


def test_a_full_pool_is_out_of_room(spec: VmSpec) -> None:
    with pytest.raises(OutOfRoom):
        FakeSite(faults=Faults(full=True)).ensure(spec)
    with pytest.raises(OutOfRoom):
        FakeSite(disk_gib=spec.disk_gib - 1).ensure(spec)


def test_a_site_without_an_image_says_what_to_do(spec: VmSpec) -> None:
    site = FakeSite(image=None)
    with pytest.raises(ProvisionerError, match="mailbot image build"):
        site.ensure(spec)
    assert site.health().problems


def test_a_deaf_guest_must_be_powered_off(spec: VmSpec) -> None:
    site = FakeSite(faults=Faults(deaf=True, polls_until_ready=0))
    site.ensure(spec)
    assert site.request_stop(spec).phase is VmPhase.READY
    assert site.power_off(spec).phase is VmPhase.STOPPED


def test_two_writers_of_one_file_lose_nothing(spec: VmSpec, tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    specs = [make_spec(f"user{number}", spec.ssh_keys[0]) for number in range(8)]
    threads = [threading.Thread(target=FakeSite(path=path).ensure, args=(one,)) for one in specs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(FakeSite(path=path).machines()) == 8


def test_permanent_failures_say_so(spec: VmSpec) -> None:
    site = FakeSite(faults=Faults(fail_at=frozenset({FakeStep.DEFINE}), permanent=True))
    with pytest.raises(ProvisionerError) as caught:
        site.ensure(spec)
    assert caught.value.permanent
    site.faults = replace(site.faults, fail_at=frozenset())
    assert site.ensure(spec).phase is VmPhase.BOOTING


def test_a_machine_takes_its_memory_and_disk_from_the_site(spec: VmSpec) -> None:
    site = FakeSite(memory_mib=1000, disk_gib=10)
    site.ensure(spec)
    health = site.health()
    assert (health.free_memory_mib, health.free_disk_gib) == (1000 - spec.memory_mib, 10 - spec.disk_gib)
