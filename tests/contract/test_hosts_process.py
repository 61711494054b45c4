"""The process that speaks with hosts: what becomes of calls when it ends, hangs, or the daemon does."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailbot.adapters.sites.apart import Callee, DisksApart, HostsProcess, MigrationApart, Role
from mailbot.adapters.sites.bounded import BoundedSite
from provisioner.api import ProvisionerError, SiteHealth, SiteSettings, SiteUnreachable
from tests.hypervisor import make_key, make_spec
from tests.processes import children, ended

LIMIT_SECONDS = 30
HOST = SiteSettings("north", "testbed.example", "test:///default", "default-pool", "default", accelerate=False)
ANOTHER = replace(HOST, pool="another-pool")


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[SiteSettings]:
    """A host that accepts connections and says nothing."""
    path = tmp_path / "libvirt-sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        yield replace(HOST, name="hung", uri=f"qemu+unix:///system?socket={path}")


def of_ours() -> int:
    """The process that speaks with hosts, once it can be told from a copy of this one."""
    until = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < until:
        for one in children(os.getpid()):
            with suppress(FileNotFoundError, ProcessLookupError):
                if b"mailbot.adapters.sites.child" in Path(f"/proc/{one}/cmdline").read_bytes():
                    return one
        time.sleep(0.01)
    raise AssertionError("no process was started")


def answered(call: Future[Any]) -> SiteHealth:
    health: SiteHealth = call.result(LIMIT_SECONDS)
    return health


def test_nothing_is_started_before_a_host_is_asked(apart: HostsProcess) -> None:
    before = children(os.getpid())
    site = BoundedSite("north", apart.of(Role.SITE, HOST))
    assert site.site == "north"
    assert children(os.getpid()) == before


def test_a_host_that_hangs_holds_up_no_other(apart: HostsProcess, hung: SiteSettings) -> None:
    first = apart.begin(Callee(Role.SITE, hung), "health")
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable
    assert not first.done()


def test_a_process_that_dies_is_told_and_the_next_call_has_another(apart: HostsProcess, hung: SiteSettings) -> None:
    site = BoundedSite("north", apart.of(Role.SITE, HOST))
    assert site.health().reachable
    waiting = apart.begin(Callee(Role.SITE, hung), "inventory")
    os.kill(of_ours(), signal.SIGKILL)
    with pytest.raises(SiteUnreachable, match=r"The site hung cannot be asked: .* \(SIGKILL\)") as told:
        waiting.result(LIMIT_SECONDS)
    assert told.value.begun, "it may have changed something there"
    assert site.health().reachable


def test_a_signal_to_the_whole_group_ends_no_call(apart: HostsProcess, hung: SiteSettings) -> None:
    """A terminal's Ctrl-C and systemd's SIGTERM go to every process; the daemon finishes its step first."""
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable
    waiting = apart.begin(Callee(Role.SITE, hung), "inventory")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(of_ours(), number)
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable
    assert not waiting.done()


def test_closing_ends_the_process_whatever_it_does_and_starts_no_other(apart: HostsProcess, hung: SiteSettings) -> None:
    before = children(os.getpid())
    waiting = apart.begin(Callee(Role.SITE, hung), "inventory")
    pid = of_ours()
    apart.close()
    assert ended(pid)
    assert not waiting.done(), "that mailbot ends says nothing of a host"
    assert not apart.begin(Callee(Role.SITE, HOST), "inventory").done()
    assert children(os.getpid()) == before
    apart.close()


DAEMON = """
import sys
from mailbot.adapters.sites.apart import Callee, HostsProcess, Role
from provisioner.api import SiteSettings
process = HostsProcess()
process.begin(Callee(Role.SITE, SiteSettings("near", "testbed.example", "test:///default")), "health").result()
call = process.begin(Callee(Role.SITE, SiteSettings("hung", "testbed.example", sys.argv[1])), "inventory")
print("asked", flush=True)
call.result()
"""


def test_it_does_not_outlive_a_daemon_that_is_killed(hung: SiteSettings) -> None:
    command = [sys.executable, "-c", DAEMON, hung.uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"asked\n"
        (pid,) = children(daemon.pid)
        daemon.kill()
    assert ended(pid)


def test_a_host_whose_settings_have_changed_is_asked_by_the_new_ones(apart: HostsProcess) -> None:
    assert not answered(apart.begin(Callee(Role.SITE, ANOTHER), "health")).free_disk_gib
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).free_disk_gib


def test_a_process_that_answers_nonsense_is_ended_and_the_next_call_has_another(apart: HostsProcess) -> None:
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable
    pid = of_ours()
    with Path(f"/proc/{pid}/fd/3").open("wb") as answers:  # where it answers
        answers.write(struct.pack(">Q", 3) + b"no!")
    assert ended(pid)
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable


def test_a_process_that_stands_still_keeps_nobody_from_ending(apart: HostsProcess) -> None:
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable
    pid = of_ours()
    os.kill(pid, signal.SIGSTOP)
    threading.Thread(target=_ask_for_ever, args=(apart,), daemon=True).start()
    apart.close()
    assert ended(pid)


def test_a_process_that_stands_still_is_ended_and_the_next_call_has_another(
    apart: HostsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = BoundedSite("north", apart.of(Role.SITE, HOST))
    assert site.health().reachable
    os.kill(of_ours(), signal.SIGSTOP)
    with monkeypatch.context() as hurried:
        hurried.setattr("mailbot.adapters.sites.apart.LONGEST_UNTAKEN_SECONDS", 0.2)
        waiting = apart.begin(Callee(Role.SITE, HOST), "inventory")
        with pytest.raises(SiteUnreachable, match=r"has ended \(SIGKILL, after it took no call for") as told:
            waiting.result(LIMIT_SECONDS)
    assert told.value.begun
    assert site.health().reachable


def test_a_process_that_works_is_not_ended_however_long_a_call_takes(
    apart: HostsProcess, hung: SiteSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable
    pid, timers = of_ours(), noted_timers(monkeypatch)
    waiting = apart.begin(Callee(Role.SITE, hung), "inventory")
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable
    assert timers
    assert all(timer.finished.wait(LIMIT_SECONDS) for timer in timers), "each was called off"
    assert not waiting.done()
    assert of_ours() == pid


def test_a_process_that_has_answered_is_not_ended_by_a_daemon_that_did_not_listen(
    apart: HostsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answered(apart.begin(Callee(Role.SITE, HOST), "health")).reachable
    pid, timers, listens = of_ours(), noted_timers(monkeypatch), threading.Event()
    first = apart.begin(Callee(Role.SITE, HOST), "health")
    first.add_done_callback(lambda _: listens.wait(LIMIT_SECONDS))
    monkeypatch.setattr("mailbot.adapters.sites.apart.LONGEST_UNTAKEN_SECONDS", 1.0)
    second = apart.begin(Callee(Role.SITE, HOST), "health")
    assert timers[-1].finished.wait(LIMIT_SECONDS)
    listens.set()
    assert answered(second).reachable
    assert of_ours() == pid


def noted_timers(monkeypatch: pytest.MonkeyPatch) -> list[threading.Timer]:
    """Every timer that is started from now on."""
    timers: list[threading.Timer] = []

    class Noted(threading.Timer):
        def start(self) -> None:
            timers.append(self)
            super().start()

    monkeypatch.setattr("threading.Timer", Noted)
    return timers


def _ask_for_ever(process: HostsProcess) -> None:
    """More than a pipe holds."""
    for _ in range(1000):
        process.begin(Callee(Role.SITE, HOST), "health")


def test_what_is_no_error_of_a_host_is_told_as_one_with_its_kind(apart: HostsProcess) -> None:
    with pytest.raises(ProvisionerError, match=r"^north: AttributeError: ") as told:
        apart.begin(Callee(Role.SITE, HOST), "no_such_method").result(LIMIT_SECONDS)
    assert told.value.raised_at.startswith("child.py:"), "the log says where"


def test_errors_come_back_with_what_follows_from_them(apart: HostsProcess, tmp_path: Path) -> None:
    spec = make_spec("alice", make_key(tmp_path)[1])
    with pytest.raises(ProvisionerError, match="The disk of alice-vm is missing at north") as told:
        DisksApart(apart, HOST).parts(spec)
    assert told.value.permanent
    with pytest.raises(ProvisionerError, match="There is no machine alice-vm to move"):
        MigrationApart(apart, HOST).send(spec, ANOTHER)
    assert MigrationApart(apart, HOST).failure(spec) == ""


LOADING = """
import sys
from mailbot.adapters.sites.apart import HostsProcess, Role
from mailbot.adapters.sites.bounded import BoundedSite
from provisioner.api import SiteSettings
process = HostsProcess()
settings = SiteSettings("north", "testbed.example", "test:///default", "default-pool", "default", accelerate=False)
assert BoundedSite("north", process.of(Role.SITE, settings)).health().reachable
process.close()
print(*sys.modules)
"""


def test_the_daemon_loads_no_library_of_hypervisors() -> None:
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "mailbot.adapters.sites.apart" in loaded
    assert not {"libvirt", "lxml", "pycdlib", "provisioner.libvirt_driver"} & loaded


def test_many_calls_at_once_each_get_their_own_answer(apart: HostsProcess) -> None:
    hosts = [replace(HOST, name=f"host{number}") for number in range(20)]
    calls = [apart.begin(Callee(Role.SITE, host), "health") for host in hosts]
    assert not wait(calls, LIMIT_SECONDS).not_done
    assert [answered(call).site for call in calls] == [host.name for host in hosts]
