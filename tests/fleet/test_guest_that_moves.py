"""A guest that boots moves from this machine's libvirt to another host: over SSH, onto a bridge, with its disk, keys and name.

Only the clock and the mail servers are stand-ins; the name server is BIND.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from contrib.demo import hypervisor
from mailbot import fleet, operator
from mailbot.adapters.sites.apart import DisksApart, HostsProcess
from mailbot.adapters.zones.dynamic import DynamicZones
from mailbot.machines.progress import Site, spec_of
from mailbot.model import Letter, Person, TicketState
from mailbot.rules import PolicyRules, Rules
from mailbot.turns.modes import Mode
from provisioner.addressing import Bridge, read_range
from provisioner.api import SiteSettings, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.ssh_probe import SshAnswer, ssh_answer
from tests.hypervisor import make_key, run_ssh, settings_of
from tests.name_server import NameServer, name_server
from tests.second_host import SecondHost, inside
from tests.ssh_way import ssh_way
from tests.world import CAROL, World, kind_of, request_words

pytestmark = [pytest.mark.boots, pytest.mark.long, pytest.mark.timeout(1800)]

BRIDGE = Bridge(
    "br7",
    (
        read_range("198.51.100.1/24", "198.51.100.10-198.51.100.250", 4),
        read_range("2001:db8:7::1/64", "2001:db8:7::10-2001:db8:7::ff", 6),
    ),
)
_PATIENCE_SECONDS = 900


@dataclass
class Fleet:
    """A world with two real hosts and a real name server."""

    world: World
    north: LibvirtSite
    south: LibvirtSite
    host: SecondHost
    names: NameServer
    key: Path

    def until(self, done: Callable[[], bool], what: str) -> None:
        """The bot works as it does, a few seconds at a time, until it is so."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < deadline, f"{what}: not in {_PATIENCE_SECONDS} s"
            time.sleep(2)
            self.world.later(seconds=6)

    def spec(self, site: str) -> VmSpec:
        return spec_of(self.world.bot.context, self.world.bot.sites[site], self.world.ticket())

    def addresses(self, name: str) -> set[str]:
        return self.names.records(name, "A") | self.names.records(name, "AAAA")


@pytest.fixture
def two(
    libvirt_site: hypervisor.Site, base_image: LocalImage, bridged: SecondHost, apart: HostsProcess, tmp_path: Path
) -> Iterator[Fleet]:
    def probe(address: str, keys: tuple[str, ...], seconds: float) -> SshAnswer:
        return inside(bridged.namespace, lambda: ssh_answer(address, keys, seconds))

    for name in ("way", "bind", "world"):
        (tmp_path / name).mkdir()
    way = ssh_way(tmp_path / "way", bridged)
    near = replace(settings_of(libvirt_site, base_image.label), name="north")
    north = LibvirtSite(near)
    far = SiteSettings("south", bridged.dns_domain, way.uri, bridged.pool, image=base_image.label, bridge=BRIDGE)
    south = LibvirtSite(far, probe)
    for site in (north, south):
        site.register_image(base_image)
    key, line = make_key(tmp_path)
    owner = Person(f"alice{secrets.token_hex(2)}", "Alice Martin", "alice@example.org", ssh_keys=(line,))
    world = World(
        tmp_path / "world", rules=Rules(policy=PolicyRules(disk_gib=3, memory_mib=512)), people=(owner,), sites=()
    )
    with name_server(tmp_path / "bind") as names:
        context = replace(world.bot.context, bridges={"south": BRIDGE}, zones=DynamicZones(names.zones))
        sites = {
            "north": Site(north, libvirt_site.dns_domain, DisksApart(apart, near)),
            "south": Site(south, bridged.dns_domain, DisksApart(apart, far)),
        }
        world.bot = replace(world.bot, context=context, sites=sites)
        fleet_of_two = Fleet(world, north, south, bridged, names, key)
        try:
            yield fleet_of_two
        finally:
            for name, site in (("north", north), ("south", south)):
                site.undo(fleet_of_two.spec(name))
                site.close()
            world.close()


def test_a_guest_moves_to_a_host_by_ssh_and_is_there_with_its_data_keys_and_name(two: Fleet, tmp_path: Path) -> None:
    world, context = two.world, two.world.bot.context
    login = world.directory.by_address("alice@example.org").login  # type: ignore[union-attr]
    operator.set_site_mode(context, "south", Mode.CORDONED, CAROL.login, "for the test")
    world.writes("alice@example.org", request_words(login))
    operator.approve(context, 1, CAROL.login)
    two.until(lambda: world.ticket().state is TicketState.ACTIVE, "the machine is ready")
    before = two.north.facts(two.spec("north"))
    assert before.address
    known = tmp_path / "known_hosts"
    known.write_text("".join(f"{before.address} {line}\n" for line in before.host_keys))
    run_ssh(two.key, before.address, "echo precious > /root/data && sync", known)
    fqdn = two.spec("north").names.fqdn
    two.until(lambda: two.addresses(fqdn) == {before.address}, "its name is published")

    operator.set_site_mode(context, "south", Mode.OPEN, CAROL.login, "for the test")
    world.later(minutes=6)
    plan = fleet.move(context, 1, "south", date(2026, 12, 7), CAROL.login, neighbours={"north", "south"})
    world.once()
    for moment in (plan.at - timedelta(hours=25, minutes=50), plan.at - timedelta(minutes=3), plan.at):
        world.clock.set(moment)
        world.once()
    two.until(lambda: any(kind_of(one) is Letter.VM_MOVED for one in world.letters), "the machine has moved")

    after = two.south.facts(two.spec("south"))
    assert after.address
    assert after.address.startswith("198.51.100.")
    # Its host keys are those that it had: another one would be refused.
    known.write_text("".join(f"{after.address} {line}\n" for line in before.host_keys))
    options = ("BatchMode=yes", "IdentitiesOnly=yes", f"UserKnownHostsFile={known}", "StrictHostKeyChecking=yes")
    chosen = [word for one in options for word in ("-o", one)]
    said = two.host.run("ssh", "-i", str(two.key), *chosen, f"root@{after.address}", "cat /root/data; hostname")
    assert said.split() == ["precious", f"{login}-vm"]
    held = set(context.store.addresses(1))
    two.until(lambda: two.addresses(fqdn) == held, "its name is that of the new address")
    reverse = ".".join(reversed(after.address.split("."))) + ".in-addr.arpa"
    assert two.names.records(reverse, "PTR") == {f"{fqdn}."}
