"""A machine that runs goes from one libvirtd to another, and goes on running; both have one pool and one Ethernet."""

from __future__ import annotations

import pickle
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import libvirt
import pytest

from mailbot import fleet, operator
from mailbot.adapters.sites.apart import DisksApart, HostsProcess, MigrationApart
from mailbot.machines.progress import Site, spec_of
from mailbot.model import Letter, Person, TicketState
from mailbot.rules import PolicyRules, Rules
from mailbot.turns.modes import Mode
from provisioner.addressing import Bridge, read_range
from provisioner.api import SiteSettings, VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite, LiveMigration
from provisioner.migration import Next, Whereabouts, next_step
from provisioner.ssh_probe import SshAnswer, ssh_answer
from tests.fleet.shared_storage import LEFT_ADDRESS, POOL, RIGHT_ADDRESS, TwoHosts, two_hosts
from tests.hypervisor import make_key, make_spec
from tests.live_moves import FIRST, SECOND
from tests.second_host import SecondHost, inside
from tests.world import CAROL, World, kind_of, request_words
from tests.writing import words_of

pytestmark = pytest.mark.long

BRIDGE = Bridge("br7", (read_range("198.51.100.1/24", "198.51.100.10-198.51.100.250", 4),))
_PATIENCE_SECONDS = 120


def settings(name: str, host: SecondHost, address: str, image: str = "") -> SiteSettings:
    return SiteSettings(
        name,
        host.dns_domain,
        host.uri,
        POOL,
        image=image,
        bridge=BRIDGE,
        shared_pool=True,
        accelerate=False,
        migration_uri=f"tcp://{address}",
        migration_tls=False,
    )


@pytest.fixture(scope="module")
def hosts() -> Iterator[TwoHosts]:
    with two_hosts() as both:
        yield both


@dataclass
class Side:
    """One of both hosts: the driver, its part in migrations, and libvirt itself."""

    site: LibvirtSite
    migration: LiveMigration
    conn: libvirt.virConnect

    def domain(self, spec: VmSpec) -> libvirt.virDomain | None:
        with suppress(libvirt.libvirtError):
            return self.conn.lookupByName(spec.name)
        return None

    def close(self) -> None:
        self.site.close()
        self.migration.close()
        self.conn.close()


def side(settings: SiteSettings) -> Side:
    site = LibvirtSite(settings, lambda *_: SshAnswer.EXPECTED)
    return Side(site, LiveMigration(settings), libvirt.open(settings.uri))


@pytest.fixture
def sides(hosts: TwoHosts, hollow_image: LocalImage) -> Iterator[tuple[Side, Side]]:
    both = side(settings("left", hosts.left, LEFT_ADDRESS)), side(settings("right", hosts.right, RIGHT_ADDRESS))
    for one in both:
        one.site.register_image(hollow_image)
    yield both
    for one in both:
        one.close()


@pytest.fixture
def spec(sides: tuple[Side, Side], tmp_path: Path) -> Iterator[VmSpec]:
    made = make_spec(f"alice{secrets.token_hex(2)}", make_key(tmp_path)[1])
    one = replace(made, memory_mib=512, disk_gib=3, addresses=("198.51.100.20",))
    sides[0].site.ensure(one)
    yield one
    for each in sides:
        each.site.leave(one)
    sides[0].site.undo(one)


def until(spec: VmSpec, here: Side, there: Side, *wanted: Next) -> Next:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (found := step(spec, here, there)) not in wanted:
        assert time.monotonic() < deadline, f"{found}; {here.migration.failure(spec)}"
        time.sleep(0.1)
    return found


def step(spec: VmSpec, here: Side, there: Side) -> Next:
    return next_step(here.migration.whereabouts(spec), there.migration.whereabouts(spec))


def test_a_running_machine_is_sent_and_is_whole_at_the_other_host(spec: VmSpec, sides: tuple[Side, Side]) -> None:
    here, there = sides
    assert step(spec, here, there) is Next.SEND
    there.migration.expect(spec)
    here.migration.send(spec, there.migration.settings)
    until(spec, here, there, Next.ARRIVED)
    assert here.migration.failure(spec) == ""
    assert here.domain(spec) is None, "it cannot start here again"
    found = there.domain(spec)
    assert found is not None
    assert (found.isActive(), found.isPersistent(), found.autostart()) == (1, 1, 0)
    facts = there.site.ensure(spec)
    assert facts.address == "198.51.100.20"
    assert there.domain(spec).autostart() == 1  # type: ignore[union-attr]
    here.site.leave(spec)
    assert there.migration.whereabouts(spec) is Whereabouts.RUNS


def test_what_libvirt_refuses_leaves_it_running_where_it_is(spec: VmSpec, sides: tuple[Side, Side]) -> None:
    here, there = sides
    here.migration.send(spec, replace(there.migration.settings, migration_tls=True))  # nobody has certificates here
    until(spec, here, there, Next.SEND)
    assert "could not move" in here.migration.failure(spec)
    here.migration.resume(spec)
    domain = here.domain(spec)
    assert domain is not None
    assert (domain.isActive(), domain.autostart()) == (1, 1)
    assert there.domain(spec) is None


SENDER = """
import sys, time, pickle
from provisioner.libvirt_driver import LiveMigration
spec, source, target = pickle.loads(bytes.fromhex(sys.argv[1]))
migration = LiveMigration(source)
migration.send(spec, target)
print("sending", flush=True)
time.sleep(60)
"""


def test_where_the_sender_is_killed_at_any_moment_one_host_goes_on_with_it(
    spec: VmSpec, sides: tuple[Side, Side]
) -> None:
    """libvirt itself is asked where it runs; whichever it is, it is sent on from there."""
    left, right = sides
    here, there, arrived = left, right, 0
    for hundredths in range(0, 160, 16):
        job = pickle.dumps((spec, here.migration.settings, there.migration.settings)).hex()
        with subprocess.Popen([sys.executable, "-c", SENDER, job], stdout=subprocess.PIPE) as sender:
            assert sender.stdout is not None
            assert sender.stdout.readline() == b"sending\n"
            time.sleep(hundredths / 100)
            sender.kill()
        if resolved(spec, here, there) is Next.ARRIVED:
            arrived += 1
            there.site.start(spec)
            here.site.leave(spec)
            here, there = there, here
        running = [one for one in sides if (domain := one.domain(spec)) is not None and domain.isActive()]
        assert running == [here]
        assert here.migration.whereabouts(spec) is Whereabouts.RUNS
    print(f"arrived {arrived} times")


def resolved(spec: VmSpec, here: Side, there: Side) -> Next:
    """What `mailbot.machines.migrating` does, until it runs at one host and is asked to be sent, or has arrived."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        match step(spec, here, there):
            case Next.SEND | Next.ARRIVED as found:
                here.migration.resume(spec)
                return found
            case Next.LET_GO:
                here.migration.let_go(spec)
            case Next.RESUME:
                here.migration.resume(spec)
            case Next.CLEAR if time.monotonic() > deadline - _PATIENCE_SECONDS + 20:
                there.migration.let_go(spec)
            case Next.TWICE | Next.STOPPED as wrong:
                raise AssertionError(wrong)
            case _:
                pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


# with a guest that boots


@dataclass
class Session:
    """An SSH session with a program in the guest that answers each line."""

    process: subprocess.Popen[str]

    def answer(self, words: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def session(host: SecondHost, key: Path, address: str, known: Path) -> Iterator[Session]:
    options = ("BatchMode=yes", "IdentitiesOnly=yes", f"UserKnownHostsFile={known}", "ServerAliveInterval=10")
    chosen = [word for one in options for word in ("-o", one)]
    program = "while read line; do echo $$ $line; done"
    command = ["ssh", "-i", str(key), *chosen, f"root@{address}", f"sh -c {shlex.quote(program)}"]
    with subprocess.Popen(
        ["nsenter", f"--net={host.namespace}", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Session(process)
        finally:
            process.kill()


@pytest.mark.boots
@pytest.mark.timeout(1800)
def test_a_guest_moves_with_its_programs_and_sessions_and_its_owner_reads_that_it_ran_on(
    hosts: TwoHosts, base_image: LocalImage, apart: HostsProcess, tmp_path: Path
) -> None:
    def probe(address: str, keys: tuple[str, ...], seconds: float) -> SshAnswer:
        return inside(hosts.left.namespace, lambda: ssh_answer(address, keys, seconds))

    names = {FIRST: (hosts.left, LEFT_ADDRESS), SECOND: (hosts.right, RIGHT_ADDRESS)}
    every = {name: settings(name, host, address, base_image.label) for name, (host, address) in names.items()}
    drivers = {name: LibvirtSite(one, probe) for name, one in every.items()}
    drivers[FIRST].register_image(base_image)
    key, line = make_key(tmp_path)
    owner = Person(f"alice{secrets.token_hex(2)}", "Alice Martin", "alice@example.org", ssh_keys=(line,))
    (tmp_path / "world").mkdir()
    world = World(
        tmp_path / "world", rules=Rules(policy=PolicyRules(disk_gib=3, memory_mib=512)), people=(owner,), sites=()
    )
    context = replace(
        world.bot.context,
        shared_pools=dict.fromkeys(names, POOL),
        bridges=dict.fromkeys(names, BRIDGE),
        receiving=frozenset(names),
    )
    sites = {
        name: Site(drivers[name], hosts.left.dns_domain, DisksApart(apart, one), migration=MigrationApart(apart, one))
        for name, one in every.items()
    }
    world.bot = replace(world.bot, context=context, sites=sites)
    try:
        operator.set_site_mode(context, SECOND, Mode.CORDONED, CAROL.login, "for the test")
        world.writes("alice@example.org", request_words(owner.login))
        operator.approve(context, 1, CAROL.login)
        real(world, lambda: world.ticket().state is TicketState.ACTIVE)
        spec = spec_of(context, sites[FIRST], world.ticket())
        facts = drivers[FIRST].facts(spec)
        known = tmp_path / "known_hosts"
        known.write_text("".join(f"{facts.address} {line}\n" for line in facts.host_keys))
        with session(hosts.left, key, str(facts.address), known) as kept:
            before = kept.answer("one")
            operator.set_site_mode(context, SECOND, Mode.OPEN, CAROL.login, "for the test")
            world.later(minutes=6)
            plan = fleet.move(context, 1, SECOND, date(2026, 12, 7), CAROL.login, neighbours=set(names))
            world.once()
            for moment in (plan.at - timedelta(hours=25, minutes=50), plan.at - timedelta(minutes=3), plan.at):
                world.clock.set(moment)
                world.once()
            began, slowest = time.monotonic(), 0.0
            while not any(kind_of(one) is Letter.VM_MOVED for one in world.letters):
                assert time.monotonic() < began + 300
                asked = time.monotonic()
                assert kept.answer("two").split()[0] == before.split()[0]
                slowest = max(slowest, time.monotonic() - asked)
                world.later(seconds=2)
            assert kept.answer("three") == f"{before.split()[0]} three"
            print(f"slowest answer of the guest {slowest:.1f} s, moved in {time.monotonic() - began:.1f} s")
        assert "It kept running: nothing was restarted." in " ".join(words_of(world.last(Letter.VM_MOVED)).split())
        assert world.ticket().site == SECOND
        assert drivers[SECOND].facts(spec).phase is VmPhase.READY
        assert drivers[FIRST].facts(spec).phase is not VmPhase.READY
    finally:
        for driver in drivers.values():
            driver.undo(spec_of(context, sites[FIRST], world.ticket()))
            driver.close()
        world.close()


def real(world: World, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 900
    while not done():
        assert time.monotonic() < deadline
        time.sleep(2)
        world.later(seconds=6)
