"""A zone of a real BIND, compared with what was published there: signed by time, so it goes by the machine's own clock."""

from __future__ import annotations

from pathlib import Path

import dns.query
import dns.tsig
import dns.update

from mailbot.adapters.zones.dynamic import DynamicZones
from mailbot.turns.drift import Drift
from mailbot.turns.names import publish
from tests.flow.test_name_drift import NAME, kept, look, look_again, with_a_named_machine
from tests.name_server import FORWARD, NameServer, name_server


def test_a_zone_of_bind_that_came_back_from_an_old_copy_has_its_names_again(tmp_path: Path) -> None:
    with name_server(tmp_path) as bind:
        (tmp_path / "world").mkdir()
        for world in with_a_named_machine(tmp_path / "world", DynamicZones(bind.zones)):
            address = str(world.machines()["alice-vm@north"].address)
            assert bind.records(NAME, "A") == {address}
            by_hand(bind, delete=True)
            look(world)
            look_again(world)
            publish(world.bot.context)
            assert bind.records(NAME, "A") == {address}
            by_hand(bind, delete=False)
            look(world)
            look_again(world)
            publish(world.bot.context)
            assert kept(world) == [Drift.NAME_ELSEWHERE]
            assert bind.records(NAME, "A") == {"192.0.2.99"}


def by_hand(bind: NameServer, *, delete: bool) -> None:
    """Somebody takes everything of the name away, or has it lead elsewhere."""
    change = dns.update.UpdateMessage(FORWARD, keyring=dns.tsig.Key("mailbot", bind.secret, "hmac-sha256"))
    if delete:
        change.delete("alice-vm.north")
    else:
        change.replace("alice-vm.north", 300, "A", "192.0.2.99")
    dns.query.tcp(change, "127.0.0.1", port=bind.port, timeout=5)
