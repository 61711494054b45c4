"""Where a site and its tickets disagree: compared by a pure function, kept until they agree again, acted upon by nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from uuid import UUID

from mailbot.model import Ticket, TicketState
from mailbot.ports import Store
from parsers.translatable import Translatable, as_data, as_one, from_data, say
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
    said: Translatable


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
            findings.append(_orphan(site, one, say("no ticket knows it")))
        elif home.site != site:
            elsewhere = say("by its ticket #{ticket} it is at {site}", ticket=home.id, site=home.site or say("no site"))
            findings.append(_orphan(site, one, elsewhere))
    return tuple(sorted(findings, key=lambda one: (one.ticket or 0, one.drift, one.machine)))


def _orphan(site: str, one: Found, why: Translatable) -> Finding:
    name = one.name or say("a disk of {machine}", machine=str(one.machine_id))
    said = say("{name} is at {site}, but {why}.", name=name, site=site, why=why)
    if one.reference:
        marked = say("{name} is at {site} (ticket {ticket} by its own mark), but {why}.", ticket=one.reference)
        said = marked.given(name=name, site=site, why=why)
    return Finding(Drift.ORPHAN, None, name, said)


def _of_ticket(ticket: Ticket, one: Found | None) -> tuple[Finding, ...]:
    """What is wrong with one machine that should be there: what is lost first, since the rest follows from it."""
    if ticket.state not in _RUNNING | _STOPPED | _KEPT:
        return ()
    with_domain, with_disk = one is not None and one.name is not None, one is not None and one.disk_gib is not None
    if ticket.state not in _KEPT and not with_domain:
        disk_there = say("the machine is not at {site} any more, but its disk is.")
        all_gone = say("the machine is not at {site} any more, nor is its disk.")
        told = [(Drift.MISSING, (disk_there if with_disk else all_gone).given(site=ticket.site or ""))]
    elif one is None or not with_disk:
        told = [(Drift.DISK_LOST, say("its disk is not at {site} any more.", site=ticket.site or ""))]
    else:
        told = [*_of_disk(ticket, one), *(_of_domain(ticket, one) if with_domain else ())]
    return tuple(
        Finding(kind, ticket.id, ticket.username, as_one(f"#{ticket.id}, {ticket.username}:", words))
        for kind, words in told
    )


def _of_disk(ticket: Ticket, one: Found) -> Iterator[tuple[Drift, Translatable]]:
    if one.disk_gib is not None and one.disk_gib < ticket.disk_gib:
        yield (
            Drift.DISK_SIZE,
            say("its disk has {size} GiB, not {wanted} GiB.", size=one.disk_gib, wanted=ticket.disk_gib),
        )


def _of_domain(ticket: Ticket, one: Found) -> Iterator[tuple[Drift, Translatable]]:
    wanted = ticket.state in _RUNNING
    if one.running and not wanted:
        yield Drift.ON, say("it runs, although it should be stopped.")
    if wanted and not one.running:
        yield Drift.OFF, say("it is switched off within its lease, perhaps by its owner.")
    if one.autostart and not wanted:
        yield Drift.AUTOSTART, say("it would start with its host, although it should be stopped.")
    if wanted and one.running and not one.autostart:
        yield Drift.AUTOSTART, say("it would stay off when its host starts again.")
    if not one.filtered:
        yield Drift.UNFILTERED, say("it is not held to its own addresses (the network filter is missing).")


# what is kept


def kept(store: Store) -> Mapping[str, tuple[Finding, ...]]:
    """What disagreed at each site at its last two looks; a site where all agrees is not in it."""
    notes = {_note(health.site): health.site for health, _at in store.health()}
    return {notes[name]: tuple(map(_read, json.loads(note))) for name, note in store.notes(tuple(notes)).items()}


def keep(store: Store, site: str, findings: Sequence[Finding]) -> None:
    """Keep what disagrees at a site now."""
    store.put_note(
        _note(site), json.dumps([asdict(one) | {"said": as_data(one.said)} for one in findings]) if findings else None
    )


def _read(one: Mapping[str, object]) -> Finding:
    number = one["ticket"]
    ticket = number if isinstance(number, int) else None
    return Finding(Drift(str(one["drift"])), ticket, str(one["machine"]), from_data(one["said"]))


def _note(site: str) -> str:
    return f"drift:{site}"
