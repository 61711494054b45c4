"""Between KVM and emulation: what is found out by a guest, how long it holds, and what a failed start changes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import libvirt
import pytest

from provisioner.api import SiteSettings, VmSpec
from provisioner.domain_xml import Card, Paths
from provisioner.libvirt_driver import LibvirtSite
from provisioner.libvirt_driver.acceleration import Acceleration
from provisioner.libvirt_driver.domains import Domains
from tests.hypervisor import libvirt_error, make_key, make_spec

SETTINGS = SiteSettings("north", "testbed.example", "qemu+ssh://north/system", "pool", "net")
CARD = Card("net", "192.0.2.10")
PATHS = Paths("/pool/disk", "/pool/seed")


@dataclass
class Host:
    """A libvirt host: whether it says that it has KVM, what becomes of a guest under KVM or of any, which starts fail."""

    offers: bool = True
    state: int = libvirt.VIR_DOMAIN_RUNNING
    refuses: libvirt.libvirtError | None = None
    refuses_kvm: libvirt.libvirtError | None = None
    age: int = 1000
    failing_starts: int = 0
    guests: list[str] = field(default_factory=list)
    defined: Guest | None = None

    def getDomainCapabilities(self, *_what: object) -> str:
        if not self.offers:
            raise libvirt_error(libvirt.VIR_ERR_INVALID_ARG)
        return "<domainCapabilities/>"

    def getCPUStats(self, *_which: int) -> dict[str, int]:
        return {"kernel": self.age, "user": 0, "idle": 0, "iowait": 0}

    def createXML(self, text: str, flags: int) -> Guest:
        assert flags & libvirt.VIR_DOMAIN_START_AUTODESTROY
        self.guests.append(text)
        guest = Guest(self, text, active=True)
        if error := self.refuses or (self.refuses_kvm if guest.kind == "kvm" else None):
            raise error
        return guest

    def defineXMLFlags(self, text: str, _flags: int) -> Guest:
        self.defined = Guest(self, text)
        return self.defined

    @property
    def as_connection(self) -> Any:
        return self


@dataclass
class Guest:
    host: Host
    text: str
    active: bool = False
    starts_with_host: int = 0

    def isActive(self) -> bool:
        return self.active

    def XMLDesc(self, _flags: int = 0) -> str:
        return self.text

    def create(self) -> None:
        if self.host.failing_starts:
            self.host.failing_starts -= 1
            raise libvirt_error(libvirt.VIR_ERR_INTERNAL_ERROR)
        self.active = True

    def destroy(self) -> None:
        self.active = False

    def state(self) -> tuple[int, int]:
        return self.host.state, 0

    def autostart(self) -> int:
        return self.starts_with_host

    def setAutostart(self, wanted: int) -> None:
        self.starts_with_host = wanted

    @property
    def kind(self) -> str | None:
        return kind_of(self.text)


def kind_of(text: str) -> str | None:
    return ET.fromstring(text).get("type")


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def spec(tmp_path: Path) -> VmSpec:
    return make_spec("alice", make_key(tmp_path)[1])


def asked(host: Host, settings: SiteSettings = SETTINGS) -> bool:
    return Acceleration(settings, lambda _seconds: None).runs(host.as_connection)


def test_kvm_that_runs_a_guest_is_used(host: Host) -> None:
    assert asked(host)
    assert len(host.guests) == 1


def test_kvm_that_pauses_or_ends_its_guest_is_not_used(host: Host) -> None:
    for state in (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_CRASHED, libvirt.VIR_DOMAIN_SHUTOFF):
        host.state = state
        assert not asked(host)


def test_kvm_that_cannot_be_opened_is_not_used(host: Host) -> None:
    host.refuses_kvm = libvirt_error(libvirt.VIR_ERR_INTERNAL_ERROR)
    assert not asked(host)
    assert [kind_of(guest) for guest in host.guests] == ["kvm", "qemu"]


def test_a_host_that_starts_no_guest_for_a_while_is_asked_again(host: Host) -> None:
    kvm = Acceleration(SETTINGS, lambda _seconds: None)
    host.refuses = libvirt_error(libvirt.VIR_ERR_INTERNAL_ERROR)
    with pytest.raises(libvirt.libvirtError):
        kvm.runs(host.as_connection)
    host.refuses = None
    assert kvm.runs(host.as_connection), "what was wrong with the host was not KVM"


def test_a_connection_that_breaks_meanwhile_says_nothing_about_kvm(host: Host) -> None:
    host.refuses = libvirt_error(libvirt.VIR_ERR_RPC, libvirt.VIR_FROM_RPC)
    with pytest.raises(libvirt.libvirtError):
        asked(host)


def test_no_guest_is_started_where_kvm_is_not_offered_or_not_wanted(host: Host) -> None:
    assert not asked(host, SiteSettings("north", "testbed.example", accelerate=False))
    host.offers = False
    assert not asked(host)
    assert host.guests == []


@pytest.mark.parametrize("runs", [True, False])
def test_what_was_found_out_holds_until_the_host_boots_again(host: Host, runs: bool) -> None:
    kvm = Acceleration(SETTINGS, lambda _seconds: None)
    host.state = libvirt.VIR_DOMAIN_RUNNING if runs else libvirt.VIR_DOMAIN_PAUSED
    for age in (1000, 1001, 5000):
        host.age = age
        assert kvm.runs(host.as_connection) is runs
    assert len(host.guests) == 1
    host.age = 4000
    host.state = libvirt.VIR_DOMAIN_PAUSED if runs else libvirt.VIR_DOMAIN_RUNNING
    assert kvm.runs(host.as_connection) is not runs
    assert len(host.guests) == 2


def test_a_machine_that_kvm_stopped_makes_the_next_one_ask_again(host: Host) -> None:
    kvm = Acceleration(SETTINGS, lambda _seconds: None)
    assert kvm.runs(host.as_connection)
    kvm.doubt()
    host.state = libvirt.VIR_DOMAIN_PAUSED
    assert not kvm.runs(host.as_connection)


def qemu_says(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    """QEMU's monitor, which is asked for nothing but its status."""

    def monitor(_domain: object, request: str, _flags: int) -> str:
        assert json.loads(request)["execute"] == "query-status"
        return json.dumps(answer)

    monkeypatch.setattr("libvirt_qemu.qemuMonitorCommand", monitor)


@pytest.mark.parametrize(
    ("status", "kind", "stopped"),
    [
        ("internal-error", "kvm", True),
        ("internal-error", "qemu", False),
        ("paused", "kvm", False),
        ("io-error", "kvm", False),
    ],
)
def test_only_a_guest_that_can_never_go_on_was_stopped_by_kvm(
    host: Host, spec: VmSpec, status: str, kind: str, stopped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's pause, a snapshot or a full disk is no reason to start a machine anew."""
    domains = Domains(host.as_connection, SETTINGS)
    domain: Any = domains.define(spec, PATHS, CARD, accelerated=kind == "kvm")
    qemu_says(monkeypatch, {"return": {"status": status, "running": False}})
    assert not domains.stopped_by_kvm(domain), "it runs"
    host.state = libvirt.VIR_DOMAIN_PAUSED
    assert domains.stopped_by_kvm(domain) is stopped


def test_a_machine_that_kvm_stopped_starts_anew_emulated_and_kvm_is_doubted(
    host: Host, spec: VmSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = LibvirtSite(SETTINGS)
    site._kvm = Acceleration(SETTINGS, lambda _seconds: None)
    assert site._kvm.runs(host.as_connection)
    domains = Domains(host.as_connection, SETTINGS)
    domain: Any = domains.define(spec, PATHS, CARD, accelerated=True)
    domain.active = True
    assert site._started(host.as_connection, domains, domain, spec) is domain, "it runs"
    host.state = libvirt.VIR_DOMAIN_PAUSED
    qemu_says(monkeypatch, {"return": {"status": "internal-error", "running": False}})
    anew: Any = site._started(host.as_connection, domains, domain, spec)
    assert (domain.active, anew.active, anew.kind) == (False, True, "qemu")
    assert not site._kvm.runs(host.as_connection), "it was asked again"


def test_where_qemu_does_not_say_why_it_is_paused_nothing_is_started_anew(
    host: Host, spec: VmSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    domains = Domains(host.as_connection, SETTINGS)
    domain: Any = domains.define(spec, PATHS, CARD, accelerated=True)
    host.state = libvirt.VIR_DOMAIN_PAUSED
    qemu_says(monkeypatch, {"error": {"class": "GenericError"}})
    assert not domains.stopped_by_kvm(domain)

    def refuses(*_: object) -> str:
        raise libvirt_error(libvirt.VIR_ERR_OPERATION_DENIED)

    monkeypatch.setattr("libvirt_qemu.qemuMonitorCommand", refuses)
    assert not domains.stopped_by_kvm(domain)


def test_a_start_that_fails_leaves_the_machine_as_it_is(host: Host, spec: VmSpec) -> None:
    domains = Domains(host.as_connection, SETTINGS)
    domain: Any = domains.define(spec, PATHS, CARD, accelerated=True)
    host.failing_starts = 2
    for _ in range(2):
        with pytest.raises(libvirt.libvirtError):
            domains.start(domain, accelerated=True)
    assert host.defined is domain
    assert domain.kind == "kvm"
    assert domains.start(domain, accelerated=True) is domain
    assert domain.isActive()


def test_a_machine_is_started_by_what_is_known_of_its_host_now(host: Host, spec: VmSpec) -> None:
    domains = Domains(host.as_connection, SETTINGS)
    domain: Any = domains.define(spec, PATHS, CARD, accelerated=True)
    before = ET.canonicalize(domain.text)
    for accelerated, kind in ((False, "qemu"), (True, "kvm")):
        domain = domains.start(domain, accelerated=accelerated)
        assert domain.kind == kind
        domain.destroy()
    assert sorted(one.tag for one in ET.fromstring(domain.text)) == sorted(one.tag for one in ET.fromstring(before))


def test_a_running_machine_is_never_defined_again(host: Host, spec: VmSpec) -> None:
    domains = Domains(host.as_connection, SETTINGS)
    domain: Any = domains.define(spec, PATHS, CARD, accelerated=True)
    domains.start(domain, accelerated=True)
    assert domains.start(domain, accelerated=False) is domain
    assert domain.kind == "kvm"


def test_a_machine_that_is_to_run_starts_with_its_host_and_one_that_is_to_be_off_does_not(
    host: Host, spec: VmSpec
) -> None:
    domains = Domains(host.as_connection, SETTINGS)
    domain: Any = domains.define(spec, PATHS, CARD, accelerated=False)
    domains.start(domain, accelerated=False)
    assert domain.autostart() == 1
    domains.stay_off(domain)
    assert domain.autostart() == 0
    domains.start(domain, accelerated=False)  # it still runs: a stop was taken back before it came to an end
    assert domain.autostart() == 1
