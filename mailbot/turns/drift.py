"""Where a site and its tickets disagree: compared by a pure function, kept until they agree again, acted upon by nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from uuid import UUID

from mailbot.model import Ticket, TicketState
from mailbot.ports import Store
from provisioner.api import Found

S = TicketState

_RUNNING = frozenset({S.ACTIVE})
_STOPPED = frozenset({S.EXPIRED})
_KEPT = frozenset({S.ARCHIVED})


class Drift(StrEnum):
    """What is not as the ticket says; the value is how metrics call it."""

    MISSING = "missing"
    DISK_LOST = "disk-lost"
    DISK_SIZE = "disk-size"
    OFF = "off"
    ON = "on"
    AUTOSTART = "autostart"
    UNFILTERED = "unfiltered"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement; `ticket` is None where no ticket knows the machine.  `said` is a sentence for an admin."""

    drift: Drift
    ticket: int | None
    machine: str
    said: str


@dataclass(frozen=True, slots=True)
class Known:
    """A ticket that is not at its end, and the id of its machine; `at_rest` where nothing waits to be done to it."""

    ticket: Ticket
    machine_id: UUID
    at_rest: bool = True


def compare(site: str, known: Iterable[Known], there: Iterable[Found]) -> tuple[Finding, ...]:
    """What a site has against what the tickets say that it has, by ticket and kind.

    A machine that something is about to be done to is in motion: it is known, and not judged.
    """
    known, found = list(known), {one.machine_id: one for one in there}
    homes = {one.machine_id: one.ticket for one in known}
    findings = [
        finding
        for one in known
        if one.ticket.site == site and one.at_rest
        for finding in _of_ticket(one.ticket, found.get(one.machine_id))
    ]
    for machine_id, one in found.items():
        home = homes.get(machine_id)
        if home is None:
            findings.append(_orphan(site, one, "no ticket knows it"))
        elif home.site != site:
            findings.append(_orphan(site, one, f"by its ticket #{home.id} it is at {home.site or 'no site'}"))
    return tuple(sorted(findings, key=lambda one: (one.ticket or 0, one.drift, one.machine)))


def _orphan(site: str, one: Found, why: str) -> Finding:
    name = one.name or f"a disk of {one.machine_id}"
    of = f" (ticket {one.reference} by its own mark)" if one.reference else ""
    return Finding(Drift.ORPHAN, None, name, f"{name} is at {site}{of}, but {why}.")


def _of_ticket(ticket: Ticket, one: Found | None) -> tuple[Finding, ...]:
    """What is wrong with one machine that should be there: what is lost first, since the rest follows from it."""
    if ticket.state not in _RUNNING | _STOPPED | _KEPT:
        return ()
    with_domain, with_disk = one is not None and one.name is not None, one is not None and one.disk_gib is not None
    if ticket.state not in _KEPT and not with_domain:
        rest = "but its disk is" if with_disk else "nor is its disk"
        told = [(Drift.MISSING, f"the machine is not at {ticket.site} any more, {rest}.")]
    elif one is None or not with_disk:
        told = [(Drift.DISK_LOST, f"its disk is not at {ticket.site} any more.")]
    else:
        told = [*_of_disk(ticket, one), *(_of_domain(ticket, one) if with_domain else ())]
    return tuple(
        Finding(kind, ticket.id, ticket.username, f"#{ticket.id}, {ticket.username}: {words}") for kind, words in told
    )


def _of_disk(ticket: Ticket, one: Found) -> Iterator[tuple[Drift, str]]:
    if one.disk_gib is not None and one.disk_gib < ticket.disk_gib:
        yield Drift.DISK_SIZE, f"its disk has {one.disk_gib} GiB, not {ticket.disk_gib} GiB."


def _of_domain(ticket: Ticket, one: Found) -> Iterator[tuple[Drift, str]]:
    wanted = ticket.state in _RUNNING
    if one.running and not wanted:
        yield Drift.ON, f"it runs, although it is {ticket.state.value}."
    if wanted and not one.running:
        yield Drift.OFF, "it is switched off within its lease, perhaps by its owner."
    if one.autostart and not wanted:
        yield Drift.AUTOSTART, f"it would start with its host, although it is {ticket.state.value}."
    if wanted and one.running and not one.autostart:
        yield Drift.AUTOSTART, "it would stay off when its host starts again."
    if not one.filtered:
        yield Drift.UNFILTERED, "it is not held to its own addresses (the network filter is missing)."


# what is kept


def kept(store: Store) -> Mapping[str, tuple[Finding, ...]]:
    """What disagreed at each site at its last two looks; a site where all agrees is not in it."""
    notes = {_note(health.site): health.site for health, _at in store.health()}
    return {notes[name]: tuple(map(_read, json.loads(note))) for name, note in store.notes(tuple(notes)).items()}


def keep(store: Store, site: str, findings: Sequence[Finding]) -> None:
    """Keep what disagrees at a site now."""
    store.put_note(_note(site), json.dumps([asdict(one) for one in findings]) if findings else None)


def _read(one: Mapping[str, object]) -> Finding:
    number = one["ticket"]
    ticket = number if isinstance(number, int) else None
    return Finding(Drift(str(one["drift"])), ticket, str(one["machine"]), str(one["said"]))


def _note(site: str) -> str:
    return f"drift:{site}"
