"""What only the libvirt driver can get wrong: on libvirt's test driver, and on a real libvirtd."""

from __future__ import annotations

import errno
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import libvirt
import pytest

from contrib.demo import hypervisor
from provisioner import domain_xml, naming
from provisioner.api import Kvm, NotOurs, OutOfRoom, ProvisionerError, SiteSettings, SiteUnreachable, VmPhase, VmSpec
from provisioner.domain_xml import Card, Paths, Seen
from provisioner.fake import fake_host_key
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.libvirt_driver.connection import Connection, translate
from provisioner.libvirt_driver.domains import Domains
from provisioner.libvirt_driver.guest import seen_by_agent
from provisioner.libvirt_driver.network import Network
from provisioner.libvirt_driver.storage import Storage
from provisioner.network_xml import read_network
from provisioner.seed import seed_image
from provisioner.ssh_keys import fingerprint
from provisioner.ssh_probe import SshAnswer
from tests.hypervisor import libvirt_error, make_key, make_spec, settings_of

pytestmark = pytest.mark.long

PATHS = Paths("/pool/disk", "/pool/seed")
CARD = Card("default", "192.0.2.10", filtered=False, isolated=False)


# libvirt's own test driver: domains without machines


@pytest.fixture
def domains() -> Iterator[Domains]:
    settings = SiteSettings("testbed", "testbed.example", "test:///default", "default-pool", "default")
    connection = Connection(settings)
    yield Domains(connection.get(), settings)
    connection.drop()


@pytest.fixture
def spec(tmp_path: Path) -> VmSpec:
    return make_spec(f"alice{secrets.token_hex(3)}", make_key(tmp_path)[1])


def test_a_defined_domain_is_found_as_ours_and_removed_without_a_trace(domains: Domains, spec: VmSpec) -> None:
    assert domains.find(spec) is None
    domain = domains.start(domains.define(spec, PATHS, CARD, accelerated=False), accelerated=False)
    found = domains.find(spec)
    assert found is not None
    assert found.isActive()
    mark = domains.mark(found)
    assert mark is not None
    assert (mark.uuid, mark.owner, mark.reference) == (spec.machine_id, spec.owner, "T1")
    domains.remove(domain)
    domains.remove(domain)
    assert domains.find(spec) is None


def test_a_domain_of_our_name_with_another_uuid_is_not_ours(domains: Domains, spec: VmSpec) -> None:
    domain = domains.define(make_spec(spec.owner, spec.ssh_keys[0], reference="T2"), PATHS, CARD, accelerated=False)
    with pytest.raises(NotOurs):
        domains.find(spec)
    assert domains.ours(spec) is None
    domains.remove(domain)


def test_a_domain_with_our_uuid_and_name_but_no_mark_is_not_ours(domains: Domains, spec: VmSpec) -> None:
    text = f"<domain type='test'><name>{spec.name}</name><uuid>{spec.machine_id}</uuid><memory>1024</memory><os><type>hvm</type></os></domain>"
    domain = domains._conn.defineXML(text)
    with pytest.raises(NotOurs):
        domains.find(spec)
    assert domains.ours(spec) is None
    domain.undefine()


def test_the_keys_that_a_machine_showed_are_kept_with_it(domains: Domains, spec: VmSpec) -> None:
    seen = Seen((fake_host_key(spec.machine_id),), (fingerprint(spec.ssh_keys[0]),))
    domain = domains.start(domains.define(spec, PATHS, CARD, accelerated=False), accelerated=False)
    assert domains.seen(domain) is None
    domains.keep_seen(domain, seen)
    assert domains.seen(domain) == seen
    domains.remove(domain)


# errors and connections


@pytest.mark.parametrize(
    ("error", "kind", "permanent"),
    [
        (libvirt_error(libvirt.VIR_ERR_RPC), SiteUnreachable, False),
        (libvirt_error(libvirt.VIR_ERR_AUTH_FAILED), SiteUnreachable, False),
        (libvirt_error(libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_FROM_RPC), SiteUnreachable, False),
        (libvirt_error(libvirt.VIR_ERR_SYSTEM_ERROR, number=errno.ENOSPC), OutOfRoom, False),
        (libvirt_error(libvirt.VIR_ERR_SYSTEM_ERROR, number=errno.EACCES), ProvisionerError, False),
        (libvirt_error(libvirt.VIR_ERR_NO_MEMORY), OutOfRoom, False),
        (libvirt_error(libvirt.VIR_ERR_XML_INVALID_SCHEMA), ProvisionerError, True),
        (libvirt_error(libvirt.VIR_ERR_OPERATION_TIMEOUT), ProvisionerError, False),
    ],
)
def test_errors_are_told_apart_by_their_numbers(
    error: libvirt.libvirtError, kind: type[ProvisionerError], permanent: bool
) -> None:
    worded = translate(error, "testbed", "build alice-vm")
    assert type(worded) is kind
    assert worded.permanent is permanent
    assert worded.other_site_may_help
    assert "build alice-vm" in str(worded)
    assert "it did not work" in str(worded)


def test_a_host_that_never_answers_is_given_up_in_time(tmp_path: Path) -> None:
    door = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(door))
        silent.listen()
        settings = SiteSettings("far", "testbed.example", f"qemu+unix:///system?socket={door}")
        site = LibvirtSite(replace(settings, connect_timeout=timedelta(seconds=0.5)))
        health = site.health()
    assert not health.reachable
    assert "within 0.5 seconds" in health.problems[0]


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _opening() -> int:
    return sum(one.name == "libvirt-open-far" for one in threading.enumerate())


def test_a_host_that_hangs_costs_one_thread_however_often_it_is_tried(tmp_path: Path) -> None:
    door = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(door))
        silent.listen(50)
        settings = SiteSettings("far", "testbed.example", f"qemu+unix:///system?socket={door}")
        site = LibvirtSite(replace(settings, connect_timeout=timedelta(seconds=0.5)))
        assert not site.health().reachable
        files = _open_files()
        for _ in range(5):
            assert not site.health().reachable
            assert _opening() == 1
            assert _open_files() <= files, "what others have left open may be closed meanwhile"


@pytest.mark.usefixtures("libvirt_uri")
def test_a_host_that_hung_and_answers_again_is_used_again(tmp_path: Path) -> None:
    door = tmp_path / "sock"
    settings = SiteSettings("far", "testbed.example", f"qemu+unix:///system?socket={door}")
    connection = Connection(replace(settings, connect_timeout=timedelta(seconds=3)))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(door))
        silent.listen()
        with pytest.raises(SiteUnreachable):
            connection.get()
        door.unlink()
        door.symlink_to("/run/libvirt/libvirt-sock")
        assert connection.get().isAlive()
    connection.drop()


@contextmanager
def remote_door() -> Iterator[int]:
    """The local libvirtd behind a TCP port, as if it were another host's; gives the port."""

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                far, _ = listening.accept()
                near = socket.socket(socket.AF_UNIX)
                near.connect("/run/libvirt/libvirt-sock")
                kept.extend((far, near))
                for pair in ((far, near), (near, far)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()

    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    for one in kept:
        one.close()


# a real libvirtd


@dataclass
class Bench:
    """A site with a hollow image, and the pieces that it is put together from."""

    site: LibvirtSite
    settings: SiteSettings
    place: hypervisor.Site
    conn: libvirt.virConnect

    @property
    def storage(self) -> Storage:
        return Storage(self.conn, self.settings)

    @property
    def network(self) -> Network:
        return Network(self.conn, self.settings)

    def network_states(self) -> list[str]:
        network = self.conn.networkLookupByName(self.settings.network)
        return [network.XMLDesc(0), network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)]

    def has_nothing_of(self, spec: VmSpec) -> bool:
        names = [one.name() for one in self.conn.listAllDomains(0)] + list(self.storage.names()) + self.network_states()
        return not any(spec.name in name or spec.names.mac in name for name in names)


@pytest.fixture
def bench(libvirt_site: hypervisor.Site, hollow_image: LocalImage) -> Iterator[Bench]:
    # A filter costs libvirt a second at each start and stop; its own test has one.
    settings = replace(settings_of(libvirt_site, "hollow"), filtered=False)
    site = LibvirtSite(settings, probe=lambda *_: SshAnswer.EXPECTED)
    site.register_image(hollow_image)
    conn = libvirt.open(libvirt_site.uri)
    yield Bench(site, settings, libvirt_site, conn)
    conn.close()
    site.close()


@pytest.fixture
def machine(bench: Bench, spec: VmSpec) -> Iterator[VmSpec]:
    yield spec
    bench.site.undo(spec)
    assert bench.has_nothing_of(spec)


def _reserved(bench: Bench, spec: VmSpec) -> None:
    bench.network.reserve(spec)


def _with_disk(bench: Bench, spec: VmSpec) -> None:
    _reserved(bench, spec)
    bench.storage.disk(spec)


def _with_half_a_seed(bench: Bench, spec: VmSpec) -> None:
    _with_disk(bench, spec)
    bench.storage.write_seed(spec, bytes(len(seed_image(spec))))


def _with_a_short_seed(bench: Bench, spec: VmSpec) -> None:
    _with_disk(bench, spec)
    bench.storage.write_seed(spec, b"half")


def _defined(bench: Bench, spec: VmSpec) -> None:
    _with_disk(bench, spec)
    seed = bench.storage.write_seed(spec, seed_image(spec))
    disk = bench.storage.disk(spec)
    card = bench.network.card(spec, bench.network.reserve(spec))
    Domains(bench.conn, bench.settings).define(spec, Paths(disk.path(), seed.path()), card, accelerated=False)


HALF_DONE = [_reserved, _with_disk, _with_half_a_seed, _with_a_short_seed, _defined]


@pytest.mark.parametrize("begin", HALF_DONE)
def test_half_done_work_is_continued(bench: Bench, machine: VmSpec, begin: Callable[[Bench, VmSpec], None]) -> None:
    begin(bench, machine)
    assert bench.site.ensure(machine).phase is VmPhase.BOOTING
    seed = bench.storage.find(machine.names.seed)
    assert seed is not None
    image = seed_image(machine)
    assert Path(seed.path()).read_bytes() == image


@pytest.mark.parametrize("begin", HALF_DONE)
def test_half_done_work_is_undone(bench: Bench, spec: VmSpec, begin: Callable[[Bench, VmSpec], None]) -> None:
    begin(bench, spec)
    bench.site.undo(spec)
    assert bench.has_nothing_of(spec)


def test_the_reservation_is_in_the_running_and_the_kept_network(bench: Bench, machine: VmSpec) -> None:
    address = bench.site.ensure(machine).address
    for text in bench.network_states():
        view = read_network(text)
        reservation = view.of_mac(machine.names.mac)
        record = view.dns_of(machine.names.fqdn)
        assert reservation is not None
        assert record is not None
        assert (reservation.name, reservation.address) == (machine.name, address)
        assert record.address == address
        assert machine.name in record.names
    bench.site.retire(machine)
    assert not any(machine.name in text for text in bench.network_states())


def test_a_name_of_somebody_else_in_the_network_is_not_taken_over(bench: Bench, spec: VmSpec) -> None:
    stranger = make_spec(spec.owner, spec.ssh_keys[0], reference="T9")
    bench.network.reserve(stranger)
    with pytest.raises(NotOurs):
        bench.site.ensure(spec)
    bench.site.undo(spec)
    assert bench.network.address(stranger)
    bench.network.release(stranger)
    assert bench.has_nothing_of(spec)


def test_a_network_that_was_off_is_started(bench: Bench, machine: VmSpec) -> None:
    bench.conn.networkLookupByName(bench.settings.network).destroy()
    assert bench.site.facts(machine).phase is VmPhase.ABSENT
    assert bench.site.ensure(machine).address


def test_a_machine_starts_with_its_host_only_while_it_is_to_run(bench: Bench, machine: VmSpec) -> None:
    bench.site.ensure(machine)
    domain = bench.conn.lookupByUUIDString(str(machine.machine_id))
    assert domain.autostart() == 1
    bench.site.request_stop(machine)
    assert domain.autostart() == 0
    bench.site.start(machine)
    assert domain.autostart() == 1
    bench.site.power_off(machine)
    assert domain.autostart() == 0
    bench.site.start(machine)
    assert domain.autostart() == 1


def _probes(bench: Bench) -> set[str]:
    return {one.name() for one in bench.conn.listAllDomains(0) if "probe" in one.name()}


def test_what_the_host_makes_of_kvm_is_known_and_machines_follow_it(bench: Bench, machine: VmSpec) -> None:
    site = LibvirtSite(replace(bench.settings, accelerate=True))
    assert (site.kvm() is Kvm.RUNS) is site.ensure(machine).accelerated
    # A test beside this one may be finding it out, too; a guest of ours would stay as long as the site is open.
    left, until = _probes(bench), time.monotonic() + 60
    while left & _probes(bench):
        assert time.monotonic() < until, left
        time.sleep(0.1)
    assert LibvirtSite(replace(bench.settings, accelerate=False)).kvm() is Kvm.UNWANTED
    site.close()


def test_a_machine_is_held_to_its_own_addresses(bench: Bench, machine: VmSpec) -> None:
    site = LibvirtSite(replace(bench.settings, filtered=True))
    address = site.ensure(machine).address
    site.close()
    card = ET.fromstring(bench.conn.lookupByUUIDString(str(machine.machine_id)).XMLDesc(0)).find("devices/interface")
    assert card is not None
    assert card.find("port[@isolated='yes']") is not None
    assert card.find(f"filterref[@filter='clean-traffic']/parameter[@name='IP'][@value='{address}']") is not None


def test_a_lost_seed_is_written_again_and_a_lost_disk_is_not_started_without(bench: Bench, machine: VmSpec) -> None:
    bench.site.ensure(machine)
    bench.site.power_off(machine)
    bench.storage.delete(machine.names.seed)
    assert bench.site.start(machine).phase is VmPhase.BOOTING
    bench.site.power_off(machine)
    bench.storage.delete(machine.names.disk)
    with pytest.raises(ProvisionerError, match="disk") as caught:
        bench.site.start(machine)
    assert caught.value.permanent


@contextmanager
def unmounted(bench: Bench) -> Iterator[None]:
    """The pool as it looks while the file system behind it is not mounted: an empty directory."""
    pool = bench.conn.storagePoolLookupByName(bench.settings.pool)
    folder = Path(ET.fromstring(pool.XMLDesc(0)).findtext("target/path") or "")
    away = folder.with_name(f"{folder.name}-away")
    folder.rename(away)
    folder.mkdir()
    pool.refresh(0)
    try:
        yield
    finally:
        folder.rmdir()
        away.rename(folder)
        pool.refresh(0)


def test_a_disk_is_lost_only_where_its_pool_is_known_again(bench: Bench, machine: VmSpec) -> None:
    bench.site.ensure(machine)
    bench.site.power_off(machine)
    with unmounted(bench):
        for look in (lambda: bench.site.retire(machine), bench.site.inventory):
            with pytest.raises(ProvisionerError, match="not mounted") as caught:
                look()
            assert not caught.value.permanent
        assert bench.conn.lookupByUUIDString(str(machine.machine_id)), "a blind host takes nothing away"
    assert [one.disk_gib for one in bench.site.inventory() if one.machine_id == machine.machine_id] == [
        machine.disk_gib
    ]
    assert bench.site.retire(machine).phase is VmPhase.DISK_KEPT
    with unmounted(bench), pytest.raises(ProvisionerError, match="not mounted"):
        bench.site.delete_disk(machine)
    assert bench.site.delete_disk(machine).phase is VmPhase.ABSENT
    assert bench.site.delete_disk(machine).phase is VmPhase.ABSENT, "the pool has its image, and is believed"


def test_a_machine_has_autostart_and_what_was_asked_for(bench: Bench, machine: VmSpec) -> None:
    bench.site.ensure(machine)
    domain = bench.conn.lookupByUUIDString(str(machine.machine_id))
    assert domain.autostart() == 1
    assert domain.isPersistent()
    assert domain.maxMemory() == machine.memory_mib << 10
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING


def test_a_disk_that_is_asked_to_be_larger_grows(bench: Bench, machine: VmSpec) -> None:
    bench.site.ensure(machine)
    bench.site.retire(machine)
    assert bench.site.ensure(replace(machine, disk_gib=machine.disk_gib + 1)).disk_gib == machine.disk_gib + 1
    bench.site.retire(machine)
    assert bench.site.ensure(machine).disk_gib == machine.disk_gib + 1


def test_a_volume_of_our_name_that_is_no_disk_of_ours_is_left_alone(bench: Bench, spec: VmSpec) -> None:
    name = spec.names.disk
    pool = bench.conn.storagePoolLookupByName(bench.settings.pool)
    volume = pool.createXML(domain_xml.raw_volume(name, 4096), 0)
    with pytest.raises(NotOurs, match="volume"):
        bench.site.ensure(spec)
    assert bench.storage.find(name) is not None
    volume.delete(0)
    bench.site.undo(spec)
    assert bench.has_nothing_of(spec)


def test_more_disk_than_the_pool_has_is_out_of_room(bench: Bench, spec: VmSpec) -> None:
    with pytest.raises(OutOfRoom, match="pool"):
        bench.site.ensure(replace(spec, disk_gib=10_000_000))
    bench.site.undo(spec)
    assert bench.has_nothing_of(spec)


def test_more_memory_than_the_host_has_is_out_of_room(bench: Bench, spec: VmSpec) -> None:
    with pytest.raises(OutOfRoom, match="memory"):
        bench.site.ensure(replace(spec, memory_mib=100_000_000))
    bench.site.undo(spec)
    assert bench.has_nothing_of(spec)


def test_a_site_with_as_many_machines_as_it_may_have_says_so(bench: Bench, machine: VmSpec) -> None:
    bench.site.ensure(machine)
    full = LibvirtSite(replace(bench.settings, max_machines=1))
    assert "as many as it may" in full.health().problems[0]
    full.close()


def test_a_missing_pool_or_network_is_a_problem_of_the_site(bench: Bench, spec: VmSpec) -> None:
    lost = LibvirtSite(replace(bench.settings, pool="none", network="none"))
    health = lost.health()
    assert health.reachable
    assert [problem.split()[1] for problem in health.problems] == ["pool", "network"]
    with pytest.raises(ProvisionerError):
        lost.ensure(spec)
    lost.close()


def test_an_image_that_was_not_uploaded_whole_is_never_used(bench: Bench, hollow_image: LocalImage) -> None:
    half = replace(hollow_image, label="half")
    with hollow_image.path.open("rb") as stream:
        volume = bench.storage.upload_image(
            half.volume, stream, hollow_image.path.stat().st_size, 1 << 20, lambda _part: None
        )
    assert half.volume not in bench.site.images()
    assert LibvirtSite(replace(bench.settings, image="half")).health().image is None
    steps: list[tuple[str, float | None]] = []
    assert bench.site.register_image(half, lambda step, part: steps.append((step, part))) == half.volume
    assert half.volume in bench.site.images()
    assert steps[-1] == ("The image is at testbed", 1.0)
    volume.delete(0)
    bench.storage.delete(naming.image_marker(half.volume))


def test_an_image_goes_when_a_newer_one_is_there_and_no_disk_depends_on_it(
    bench: Bench, machine: VmSpec, hollow_image: LocalImage, tmp_path: Path
) -> None:
    label = "pruned"
    older = replace(hollow_image, label=label)
    newer = replace(older, built=older.built + timedelta(days=1))
    site = LibvirtSite(replace(bench.settings, image=label), probe=lambda *_: SshAnswer.EXPECTED)
    site.register_image(older)
    bench_disk = Storage(bench.conn, replace(bench.settings, image=label)).disk(machine)
    site.register_image(newer)
    assert older.volume not in site.prune_images(), "a disk depends on it"
    assert (site.image_uses()[older.volume], site.image_uses()[newer.volume]) == (1, 0)
    bench_disk.delete(0)
    assert older.volume in site.prune_images()
    assert newer.volume in site.images()
    assert older.volume not in site.images()
    assert bench.site.images()
    Storage(bench.conn, bench.settings).remove_image(newer.volume)
    site.close()


def test_an_image_that_is_not_what_it_says_is_removed_again(bench: Bench, hollow_image: LocalImage) -> None:
    wrong = replace(hollow_image, label="wrong", sha512="0" * 128)
    with pytest.raises(ProvisionerError, match="damaged"):
        bench.site.register_image(wrong)
    assert wrong.volume not in bench.storage.names()


def test_a_broken_connection_is_opened_again(bench: Bench, machine: VmSpec) -> None:
    bench.site.ensure(machine)
    current = bench.site._connection.current
    assert current is not None
    current.close()
    assert bench.site.facts(machine).phase is VmPhase.BOOTING
    bench.site.close()
    assert bench.site.ensure(machine).phase is VmPhase.BOOTING


def test_errors_are_not_printed_behind_the_callers_back(
    bench: Bench, spec: VmSpec, capfd: pytest.CaptureFixture[str]
) -> None:
    assert bench.site.facts(spec).phase is VmPhase.ABSENT
    assert capfd.readouterr().err == ""


def test_a_guest_without_an_agent_and_without_words_has_shown_nothing(bench: Bench, machine: VmSpec) -> None:
    facts = bench.site.ensure(machine)
    assert facts.waiting_for == "it has not shown its host keys and root's key yet"
    assert seen_by_agent(bench.conn.lookupByUUIDString(str(machine.machine_id))) is None


def test_keys_are_not_installed_where_no_agent_answers(bench: Bench, machine: VmSpec) -> None:
    bench.site.ensure(machine)
    with pytest.raises(ProvisionerError, match="guest agent") as caught:
        bench.site.install_keys(machine)
    assert not isinstance(caught.value, SiteUnreachable)


def test_a_machine_that_was_built_without_a_ring_says_that_its_console_is_not_kept(
    bench: Bench, machine: VmSpec
) -> None:
    bench.site.ensure(machine)
    bench.site.power_off(machine)
    conn = libvirt.open(bench.place.uri)
    domain = conn.lookupByName(machine.name)
    root = ET.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))
    for line in root.findall(f"{{{domain_xml.QEMU_NS}}}commandline"):
        root.remove(line)
    conn.defineXML(ET.tostring(root, encoding="unicode"))
    bench.site.start(machine)
    with pytest.raises(ProvisionerError, match="console"):
        bench.site.console(machine)


def test_a_restored_machine_is_ready_when_its_port_answers(bench: Bench, machine: VmSpec) -> None:
    assert bench.site.ensure(replace(machine, restored=True)).phase is VmPhase.READY


def _shows(bench: Bench, spec: VmSpec, *root_keys: str) -> None:
    """As if the guest had shown its host key and these keys of root's."""
    domain = bench.conn.lookupByUUIDString(str(spec.machine_id))
    seen = Seen((fake_host_key(spec.machine_id),), tuple(map(fingerprint, root_keys)), serves=True)
    Domains(bench.conn, bench.settings).keep_seen(domain, seen)


@pytest.mark.parametrize(
    ("answer", "waiting_for"),
    [
        (SshAnswer.EXPECTED, ""),
        (SshAnswer.NOTHING, "its SSH port does not answer yet"),
        (SshAnswer.STRANGER, "another machine's SSH server answers at its address"),
    ],
)
def test_a_machine_is_ready_when_the_server_with_the_key_that_it_showed_answers(
    bench: Bench, machine: VmSpec, answer: SshAnswer, waiting_for: str
) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def probe(address: str, host_keys: tuple[str, ...], _seconds: float) -> SshAnswer:
        asked.append((address, host_keys))
        return answer

    site = LibvirtSite(bench.settings, probe)
    address = site.ensure(machine).address
    assert asked == []  # nobody knows yet whose server would answer
    _shows(bench, machine, *machine.ssh_keys)
    facts = site.ensure(machine)
    assert asked == [(address, (fake_host_key(machine.machine_id),))]
    assert facts.phase is (VmPhase.BOOTING if waiting_for else VmPhase.READY)
    assert facts.waiting_for.startswith(waiting_for)
    site.close()


def test_a_machine_with_another_key_of_roots_than_was_asked_for_is_not_ready(
    bench: Bench, machine: VmSpec, tmp_path: Path
) -> None:
    bench.site.ensure(machine)
    _shows(bench, machine, make_key(tmp_path, "other")[1])
    assert bench.site.ensure(machine).waiting_for == "root's keys in it are not those that were asked for"
    # Whoever only looks asks for no key: what its owner did to it since is the owner's choice.
    assert bench.site.facts(replace(machine, ssh_keys=())).phase is VmPhase.READY


def _never(*_: object) -> SshAnswer:
    raise AssertionError("an address behind another host's NAT was asked from here")


def test_a_machine_behind_another_hosts_nat_is_ready_by_what_it_showed(bench: Bench, machine: VmSpec) -> None:
    with remote_door() as port:
        uri = f"qemu+tcp://127.0.0.1:{port}/system"
        site = LibvirtSite(replace(bench.settings, uri=uri), probe=_never)
        assert site.ensure(machine).waiting_for == "it has not shown its host keys and root's key yet"
        _shows(bench, machine, *machine.ssh_keys)
        assert site.ensure(machine).phase is VmPhase.READY
        site.close()


def test_workers_that_build_at_the_same_time_choose_different_addresses(bench: Bench, spec: VmSpec) -> None:
    specs = [make_spec(f"user{secrets.token_hex(3)}", spec.ssh_keys[0]) for _ in range(4)]
    addresses: list[str | None] = []

    def work(one: VmSpec) -> None:
        site = LibvirtSite(bench.settings, probe=lambda *_: SshAnswer.EXPECTED)
        addresses.append(site.ensure(one).address)
        site.close()

    threads = [threading.Thread(target=work, args=(one,)) for one in specs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in specs:
        bench.site.undo(one)
    assert len(set(addresses)) == 4
    assert None not in addresses
