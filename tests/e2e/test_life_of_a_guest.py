"""The whole life through the bot's own turns, on a real hypervisor: only the clock and the mail servers are stand-ins.

A guest is asked for, approved, logged in to, warned, extended, stopped at its end, extended again and
started, given back, restored, reached by SSH with its data, and removed with nothing left behind.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contrib.demo import hypervisor
from mailbot.machines.progress import spec_of
from mailbot.machines.work import Site
from mailbot.model import Letter, OutboundMail, Person, TicketState
from mailbot.rules import PolicyRules, Rules
from mailbot.wiring import Bot
from provisioner.api import VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from tests.hypervisor import make_key, run_ssh, settings_of
from tests.world import World, kind_of, request_words

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

S = TicketState
_PATIENCE_SECONDS = 900


class RealWorld(World):
    """A `World` whose one site is a libvirt host."""

    def __init__(self, root: Path, owner: Person, site: LibvirtSite, dns_domain: str) -> None:
        self.owner = owner
        self.real = {"testbed": Site(site, dns_domain)}
        super().__init__(root, rules=Rules(policy=PolicyRules(disk_gib=5, memory_mib=1024)), people=(owner,), sites=())

    def build(self) -> Bot:
        bot = super().build()
        return Bot(
            bot.context, bot.inbox, bot.reader, bot.postman, self.real, bot.account, closers=bot.closers
        )  # fmt: skip

    def until(self, done: Callable[[], bool], what: str) -> None:
        """The bot works as it does, a few seconds at a time, until it is so."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < deadline, f"{what}: not in {_PATIENCE_SECONDS} s"
            time.sleep(2)
            self.later(seconds=6)

    def it_is(self, moment: str) -> None:
        """The bot works on until then, and acts whenever something is due."""
        end = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        while (due := self.bot.context.store.next_due()) is not None and due < end:
            self.clock.set(max(self.now, due + timedelta(seconds=30)))
            self.once()
            time.sleep(2 if self.bot.context.store.outbox_counts() else 0)
        self.clock.set(end)
        self.once()

    def own(self, letter: Letter) -> OutboundMail:
        return next(one for one in reversed(self.letters) if kind_of(one) is letter)

    def count(self, letter: Letter) -> int:
        return sum(kind_of(one) is letter for one in self.letters)


@pytest.fixture
def life(
    libvirt_site: hypervisor.Site, base_image: LocalImage, tmp_path: Path
) -> Iterator[tuple[RealWorld, LibvirtSite, Path]]:
    # A guest that shares its processors with much else takes long for the first messages of SSH.
    site = LibvirtSite(replace(settings_of(libvirt_site, base_image.label), probe_timeout=timedelta(seconds=20)))
    site.register_image(base_image)
    key, line = make_key(tmp_path)
    login = f"alice{secrets.token_hex(2)}"
    owner = Person(login, "Alice Martin", "alice@example.org", ssh_keys=(line,))
    world = RealWorld(tmp_path, owner, site, libvirt_site.dns_domain)
    try:
        yield world, site, key
    finally:
        for ticket in world.bot.context.store.tickets():
            site.undo(_spec(world, ticket.id))
        world.close()
        site.close()


def _spec(world: RealWorld, number: int = 1) -> VmSpec:
    return spec_of(world.bot.context, world.real["testbed"], world.ticket(number))


def test_a_guest_lives_its_whole_life_by_mail(
    life: tuple[RealWorld, LibvirtSite, Path], libvirt_site: hypervisor.Site, tmp_path: Path
) -> None:
    world, site, key = life
    known_hosts = tmp_path / "known_hosts"
    login = world.owner.login
    support = world.admins[0].address

    def state() -> TicketState:
        return world.ticket().state

    def ssh(command: str) -> str:
        facts = site.facts(_spec(world))
        assert facts.address
        known_hosts.write_text("".join(f"{facts.address} {line}\n" for line in host_keys))
        return run_ssh(key, facts.address, command, known_hosts).strip()

    # Asked, approved, built, logged in to with the keys that the site shows.
    world.writes("Alice Martin <alice@example.org>", request_words(login, until="2027-03-31"))
    world.answers(world.last(Letter.ADMIN_DECISION, support), "approve")
    world.until(lambda: state() is S.ACTIVE, "the machine is ready")
    host_keys = site.facts(_spec(world)).host_keys
    assert ssh("echo precious > /root/data && sync; hostname") == f"{login}-vm"

    # Warned, and extended by a reply.
    world.it_is("2027-03-02T12:00")
    assert world.count(Letter.WARNING) == 2
    world.answers(world.own(Letter.WARNING), "extend until 2027-06-30")
    world.answers(world.last(Letter.ADMIN_DECISION, support), "approve")
    assert world.ticket().end_date.isoformat() == "2027-06-30"
    assert site.facts(_spec(world)).phase is VmPhase.READY

    # Its end comes: warned again, then shut down.
    world.it_is("2027-06-30T21:00")
    assert world.count(Letter.WARNING) == 6
    assert site.facts(_spec(world)).phase is VmPhase.READY
    world.it_is("2027-06-30T22:05")
    assert state() is S.EXPIRED
    world.until(lambda: site.facts(_spec(world)).phase is VmPhase.STOPPED, "the guest is shut down")

    # Extended all the same: it starts again, with its data.
    world.answers(world.own(Letter.VM_STOPPED), "extend until 2027-12-31")
    world.answers(world.last(Letter.ADMIN_DECISION, support), "approve")
    world.until(lambda: site.facts(_spec(world)).phase is VmPhase.READY, "the guest runs again")
    assert ssh("cat /root/data") == "precious"

    # Given back: gone at once, the disk is kept; wanted again: the same disk.
    world.answers(world.own(Letter.EXTENSION_GRANTED), "release")
    world.answers(world.own(Letter.RELEASE_CONFIRM), "confirm")
    world.until(lambda: state() is S.ARCHIVED, "the machine is removed")
    assert site.facts(_spec(world)).phase is VmPhase.DISK_KEPT
    world.later(days=10)
    world.answers(world.own(Letter.VM_ARCHIVED), "restore until 2027-08-09")
    world.until(lambda: state() is S.ACTIVE, "the machine is restored")
    assert ssh("cat /root/data; hostname").split() == ["precious", f"{login}-vm"]

    # The end: warned, stopped, announced, removed, its disk deleted; nothing is left behind.
    world.it_is("2027-08-15T12:00")
    world.until(lambda: site.facts(_spec(world)).phase is VmPhase.STOPPED, "the guest is shut down for good")
    world.it_is("2027-08-28T12:00")
    world.until(lambda: state() is S.ARCHIVED, "the machine is removed for good")
    world.it_is("2027-10-15T12:00")
    world.until(lambda: state() is S.REMOVED, "the disk is deleted")
    assert site.facts(_spec(world)).phase is VmPhase.ABSENT
    assert site.leftovers(frozenset()) == ()
    left = [path.name for path in Path(libvirt_site.directory).iterdir()]
    assert [name for name in left if not name.startswith("mailbot-base-")] == []
    assert world.count(Letter.VM_REMOVED) == 1
    assert world.count(Letter.DATE_MOVED) == 0
    assert world.bot.context.store.outbox_counts() == []
