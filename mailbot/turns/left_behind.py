"""What machines have left at hosts that they moved away from: disks, kept for a while, as notes of the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from mailbot.ports import Store

_PREFIX = "left:"


@dataclass(frozen=True, slots=True)
class Left:
    """One disk at a host that is not its machine's any more; `cleared` once everything but the disk is gone there.

    `shared` where the two hosts have one pool: then the disk is the machine's own, and stays.
    """

    until: datetime
    cleared: bool = False
    shared: bool = False


def note_of(site: str, ticket_id: int) -> str:
    """Where the store keeps what that ticket's machine has left at a host."""
    return f"{_PREFIX}{ticket_id}:{site}"


def written(left: Left) -> str:
    """As the store keeps it."""
    return json.dumps(asdict(left), default=str)


def of_site(store: Store, site: str) -> Mapping[int, Left]:
    """What was left at a host, by ticket."""
    return {number: left for (name, number), left in _all(store).items() if name == site}


def at(store: Store, site: str) -> frozenset[int]:
    """The tickets whose machines have left something there."""
    return frozenset(of_site(store, site))


def due(store: Store, now: datetime) -> frozenset[str]:
    """The hosts where something is to be taken away now."""
    return frozenset(site for (site, _), left in _all(store).items() if not left.cleared or left.until <= now)


def _all(store: Store) -> Mapping[tuple[str, int], Left]:
    found: dict[tuple[str, int], Left] = {}
    for name, value in store.notes_from(_PREFIX).items():
        number, _, site = name.removeprefix(_PREFIX).partition(":")
        kept = json.loads(value)
        found[site, int(number)] = Left(
            datetime.fromisoformat(kept["until"]), kept["cleared"], kept.get("shared", False)
        )
    return found
