"""Two libvirtds, each with its own domains, networks and pools: a machine moves from one to the other, or comes back.

The bot, its database and both hypervisors are real; the guest boots nothing, so what an SSH server would say is taken as said.
`make test-fleet` runs this alone.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import libvirt
import pytest

from contrib.demo import hypervisor
from mailbot import fleet, operator
from mailbot.machines.progress import Site, spec_of
from mailbot.machines.work import look_at_sites
from mailbot.model import Letter, Ticket, TicketState
from mailbot.turns.modes import Mode
from provisioner import images
from provisioner.api import SiteSettings, VmFacts, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.ssh_probe import SshAnswer
from tests.second_host import second_host
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import words_of

pytestmark = pytest.mark.long

DOMAIN = "testbed.example"
DAY = date(2026, 12, 7)


class Answering(LibvirtSite):
    """A host whose guests are taken to answer as soon as they run: they boot nothing."""

    def ensure(self, spec: VmSpec) -> VmFacts:
        return super().ensure(replace(spec, restored=True))


@dataclass
class Host:
    """One host: the driver for machines, the one for disks, libvirt itself, and the pool's folder."""

    place: hypervisor.Site
    driver: Answering
    disks: LibvirtSite
    conn: libvirt.virConnect

    @property
    def site(self) -> Site:
        return Site(self.driver, DOMAIN, self.disks, piece_bytes=300_000)

    def machine_of(self, ticket: Ticket) -> libvirt.virDomain | None:
        """The ticket's machine, where it is at this host: other tests have machines at the same libvirt."""
        found = (one for one in self.conn.listAllDomains(0) if one.UUIDString() == str(ticket.machine_id))
        return next(found, None)

    def network(self) -> str:
        text: str = self.conn.networkLookupByName(self.place.network).XMLDesc(0)
        return text

    def close(self) -> None:
        for one in (self.driver, self.disks):
            one.close()
        with suppress(libvirt.libvirtError):  # closed before, with its host
            self.conn.close()


def opened(name: str, place: hypervisor.Site, image: LocalImage, *, shared_pool: bool = False) -> Host:
    settings = SiteSettings(
        name, DOMAIN, place.uri, place.pool, place.network, filtered=False, connect_timeout=timedelta(seconds=5)
    )
    settings = replace(settings, shared_pool=shared_pool)
    driver = Answering(settings, probe=lambda *_: SshAnswer.EXPECTED)
    driver.register_image(image)
    return Host(place, driver, LibvirtSite(settings), libvirt.open(place.uri))


def spec(world: World, host: Host) -> VmSpec:
    return spec_of(world.bot.context, host.site, world.ticket())


def disk(world: World, host: Host) -> Path:
    return Path(host.place.directory) / spec(world, host).names.disk


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def until(world: World, holds: Callable[[], bool], steps: int = 40) -> None:
    """The bot works on, a minute at a time; a busy host is given a moment of real time, too."""
    for _ in range(steps):
        if holds():
            return
        world.later(minutes=1)
        time.sleep(0.2)
    assert holds()


def begun(world: World) -> None:
    """The move is announced, its owner was told twice, and its moment has come."""
    look_at_sites(world.bot.context, world.bot.sites)
    plan = fleet.move(world.bot.context, 1, "south", DAY, CAROL.login, neighbours={"north", "south"})
    world.once()
    for moment in (plan.at - timedelta(hours=25, minutes=50), plan.at - timedelta(minutes=3), plan.at):
        world.clock.set(moment)
        world.once()
    assert sum(kind_of(one) is Letter.VM_MOVE for one in world.letters) == 2


@pytest.fixture
def second(tmp_path: Path) -> Iterator[tuple[Host, ExitStack]]:
    """The second host, with another base image than the first; it dies when its stack is closed."""
    raw = tmp_path / "other.raw"
    raw.write_bytes(bytes(2 << 20))
    image = images.add_image(raw, images.sha512_of(raw), "other", tmp_path)
    with ExitStack() as alive:
        host = opened("south", alive.enter_context(second_host(DOMAIN)), image)
        yield host, alive
        host.close()


@pytest.fixture
def first(libvirt_site: hypervisor.Site, hollow_image: LocalImage) -> Iterator[Host]:
    host = opened("north", libvirt_site, hollow_image)
    yield host
    host.close()


@pytest.fixture
def world(tmp_path: Path, first: Host, second: tuple[Host, ExitStack]) -> Iterator[World]:
    """Alice has a machine at the first host, with something on its disk."""
    world = World(tmp_path)
    world.bot = replace(world.bot, sites={"north": first.site, "south": second[0].site})
    operator.set_site_mode(world.bot.context, "south", Mode.CORDONED, CAROL.login, "for the test")
    world.writes(ALICE.email, request_words())
    operator.approve(world.bot.context, 1, CAROL.login)
    until(world, lambda: world.ticket().state is TicketState.ACTIVE)
    operator.set_site_mode(world.bot.context, "south", Mode.OPEN, CAROL.login, "for the test")
    first.driver.power_off(spec(world, first))
    run("qemu-io", "-f", "qcow2", "-c", f"write -P 0x42 {1 << 20} 700000", str(disk(world, first)))
    first.driver.start(spec(world, first))
    yield world
    first.driver.undo(spec(world, first))
    world.close()


def test_a_machine_moves_to_another_libvirtd_with_its_disk_id_and_mac(
    world: World, first: Host, second: tuple[Host, ExitStack], tmp_path: Path
) -> None:
    target, _ = second
    names = spec(world, first).names
    run("qemu-img", "convert", "-U", "-O", "raw", str(disk(world, first)), str(tmp_path / "before.raw"))
    begun(world)
    until(world, lambda: any(kind_of(one) is Letter.VM_MOVED for one in world.letters))
    world.later(minutes=1)
    assert world.ticket().site == "south"
    assert first.machine_of(world.ticket()) is None
    there = target.machine_of(world.ticket())
    assert there is not None
    assert there.isActive()
    assert names.mac in there.XMLDesc(0)
    assert "identical" in run(
        "qemu-img", "compare", "-U", "-F", "raw", str(disk(world, target)), str(tmp_path / "before.raw")
    )
    assert names.mac in target.network()
    assert names.mac not in first.network()
    assert "alice-vm" in target.network(), "its name is there"
    assert "192.168.77." in words_of(world.last(Letter.VM_MOVED)), "an address of the other host's network"
    assert disk(world, first).exists(), "kept for a while"
    world.later(days=15)
    world.later(minutes=10)
    assert not disk(world, first).exists()


def test_a_host_that_dies_while_a_machine_comes_to_it_gives_it_back(
    world: World, first: Host, second: tuple[Host, ExitStack]
) -> None:
    target, alive = second
    begun(world)
    until(world, lambda: disk(world, target).exists())
    target.close()
    alive.close()
    until(world, lambda: any(kind_of(one) is Letter.VM_STAYS for one in world.letters), steps=300)
    world.later(minutes=1)
    assert (world.ticket().site, world.ticket().state) == ("north", TicketState.ACTIVE)
    back = first.machine_of(world.ticket())
    assert back is not None
    assert back.isActive()
    assert "alice-vm: moving the machine failed" in words_of(world.last(Letter.ADMIN_MACHINE_TROUBLE))
