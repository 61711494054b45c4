"""Where a site and its tickets disagree: compared by a pure function, kept until they agree again, acted upon by nobody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from mailbot.model import Ticket, TicketState
from mailbot.ports import Store
from parsers.frozen import frozen
from parsers.translatable import Translatable, as_data, from_data, say
from parsers.values import Verb
from provisioner.api import Found
from provisioner.naming import machine_name

S = TicketState

AGAIN = timedelta(minutes=2)
"""How soon is looked again where something new disagrees: what passes by itself is no finding."""

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
    NAME_MISSING = "name-missing"
    NAME_ELSEWHERE = "name-elsewhere"


@frozen
class Finding:
    """One disagreement; `ticket` is None where no ticket knows the machine.  `said` is a sentence for an admin.

    `answers` are what admins can answer to it, `mark` what a machine that no ticket knows says of itself.
    """

    drift: Drift
    ticket: int | None
    machine: str
    said: Translatable
    answers: tuple[Verb, ...] = ()
    mark: Mark | None = None
    fresh: bool = False
    """Its disk is gone too: built again, it has another one."""

    @property
    def key(self) -> str:
        """Tells it from every other one of its site."""
        which = self.ticket or (self.mark.machine_id if self.mark is not None else self.machine)
        return f"{self.drift.value}:{which}"


@frozen
class Mark:
    """What a machine was marked with when it was built, and how large its disk is; `addresses` are those on a bridge."""

    machine_id: UUID
    reference: str
    owner: str
    expires_on: date | None
    disk_gib: int | None
    addresses: tuple[str, ...] = ()


@frozen
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
            findings.append(_orphan(site, one, say("no ticket knows it"), ticketless=True))
        elif home.site != site:
            elsewhere = say(
                "according to its ticket #{ticket} it is at {site}", ticket=home.id, site=home.site or say("no site")
            )
            findings.append(_orphan(site, one, elsewhere))
    return tuple(sorted(findings, key=lambda one: (one.ticket or 0, one.drift, one.machine)))


def mark_of(one: Found) -> Mark:
    """What a machine says of itself."""
    return Mark(one.machine_id, one.reference, one.owner, one.expires_on, one.disk_gib, one.addresses)


def _orphan(site: str, one: Found, why: Translatable, *, ticketless: bool = False) -> Finding:
    name = one.name or say("a disk of {machine}", machine=str(one.machine_id))
    said = say("{name} is at {site}, but {why}.", name=name, site=site, why=why)
    adoptable = ticketless and one.name and one.owner and one.expires_on
    answers = (Verb.ADOPT, Verb.FORGET) if adoptable else (Verb.FORGET,) if one.name else ()
    if one.reference:
        marked = say(
            "{name} is at {site} (ticket {ticket} according to its own mark), but {why}.", ticket=one.reference
        )
        said = marked.given(name=name, site=site, why=why)
    return Finding(Drift.ORPHAN, None, name, said, answers, mark_of(one))


def _of_ticket(ticket: Ticket, one: Found | None) -> tuple[Finding, ...]:
    """What is wrong with one machine that should be there: what is lost first, since the rest follows from it."""
    if ticket.state not in _RUNNING | _STOPPED | _KEPT:
        return ()
    with_domain, with_disk = one is not None and one.name is not None, one is not None and one.disk_gib is not None
    if ticket.state not in _KEPT and not with_domain:
        disk_there = say("the machine is no longer at {site}, but its disk is.")
        all_gone = say("neither the machine nor its disk is at {site} any more.")
        told = [(Drift.MISSING, (disk_there if with_disk else all_gone).given(site=ticket.site or ""))]
    elif one is None or not with_disk:
        told = [(Drift.DISK_LOST, say("its disk is no longer at {site}.", site=ticket.site or ""))]
    else:
        told = [*_of_disk(ticket, one), *(_of_domain(ticket, one) if with_domain else ())]
    return tuple(
        Finding(
            kind,
            ticket.id,
            machine_name(ticket.username),
            say("{where}: {problem}", where=f"#{ticket.id}, {ticket.username}", problem=words),
            _ANSWERS.get((kind, ticket.state), ()),
            fresh=not with_disk,
        )
        for kind, words in told
    )


_ANSWERS: Mapping[tuple[Drift, TicketState], tuple[Verb, ...]] = {
    (Drift.MISSING, S.ACTIVE): (Verb.REBUILD, Verb.FORGET),
    (Drift.DISK_LOST, S.ACTIVE): (Verb.REBUILD, Verb.FORGET),
    (Drift.MISSING, S.EXPIRED): (Verb.FORGET,),
    (Drift.DISK_LOST, S.EXPIRED): (Verb.FORGET,),
}
"""What admins can answer where a machine is lost; everything else is put right at the host, by hand or by other commands."""


def _of_disk(ticket: Ticket, one: Found) -> Iterator[tuple[Drift, Translatable]]:
    if one.disk_gib is not None and one.disk_gib < ticket.disk_gib:
        yield (
            Drift.DISK_SIZE,
            say("its disk has {size} GiB, not {wanted} GiB.", size=one.disk_gib, wanted=ticket.disk_gib),
        )


def _of_domain(ticket: Ticket, one: Found) -> Iterator[tuple[Drift, Translatable]]:
    wanted = ticket.state in _RUNNING
    if one.running and not wanted:
        yield Drift.ON, say("it is running, although it should be stopped.")
    if wanted and not one.running:
        yield Drift.OFF, say("it is switched off before its end date, perhaps by its owner.")
    if one.autostart and not wanted:
        yield Drift.AUTOSTART, say("it would start with its host, although it should be stopped.")
    if wanted and one.running and not one.autostart:
        yield Drift.AUTOSTART, say("it would stay off after a restart of its host.")
    if not one.filtered:
        yield Drift.UNFILTERED, say("it is not restricted to its own addresses (the network filter is missing).")


# what is kept


@frozen
class Look:
    """What the last look has seen, as sentences, and when the next is due; only what two looks in a row have seen is kept as a finding."""

    seen: frozenset[str] = frozenset()
    next_at: datetime = datetime.min.replace(tzinfo=UTC)

    def again(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those that it has seen, too."""
        return tuple(one for one in findings if one.said in self.seen)


def last_look(note: str | None) -> Look:
    """The look that a note tells of; without one, nothing was seen and a look is due."""
    told = json.loads(note) if note else {}
    return Look(frozenset(told["seen"]), datetime.fromisoformat(told["next"])) if told else Look()


def keep_look(store: Store, note: str, findings: Iterable[Finding], next_at: datetime) -> None:
    """Have a note tell of a look at what it found, and of the moment of the next."""
    store.put_note(note, json.dumps({"seen": [one.said for one in findings], "next": next_at.isoformat()}))


def kept(store: Store) -> Mapping[str, tuple[Finding, ...]]:
    """What disagreed at each site at its last two looks, machines before names; a site where all agrees is not in it."""
    sites = [health.site for health, _at in store.health()]
    notes = store.notes([note_of(site, names=names) for site in sites for names in (False, True)])
    found = {
        site: tuple(one for names in (False, True) for one in _of_note(notes, site, names=names)) for site in sites
    }
    return {site: findings for site, findings in found.items() if findings}


def kept_of(store: Store, site: str, *, names: bool = False) -> tuple[Finding, ...]:
    """What disagreed at one site: of its machines, or of their names."""
    return _of_note(store.notes([note_of(site, names=names)]), site, names=names)


def _of_note(notes: Mapping[str, str], site: str, *, names: bool) -> tuple[Finding, ...]:
    kept = notes.get(note_of(site, names=names))
    return tuple(map(_read, json.loads(kept))) if kept else ()


def keep(store: Store, site: str, findings: Sequence[Finding], *, names: bool = False) -> None:
    """Keep what disagrees at a site now: of its machines, or of their names, which others look at and at other times."""
    store.put_note(note_of(site, names=names), written(findings))


def _read(one: Mapping[str, Any]) -> Finding:
    mark, answers = one.get("mark"), tuple(map(Verb, one.get("answers", ())))
    said, ticket = from_data(one["said"]), one["ticket"]
    return Finding(
        Drift(one["drift"]),
        ticket,
        one["machine"],
        said,
        answers,
        _mark(mark) if mark else None,
        bool(one.get("fresh")),
    )


def _mark(kept: Mapping[str, Any]) -> Mark:
    ends = kept["expires_on"]
    return Mark(
        UUID(kept["machine_id"]), kept["reference"], kept["owner"], date.fromisoformat(ends) if ends else None,
        kept["disk_gib"], tuple(kept.get("addresses", ())),
    )  # fmt: skip


def written(findings: Sequence[Finding]) -> str | None:
    """What disagrees at a site as the store keeps it; None where all agrees."""
    kept = [asdict(one) | {"said": as_data(one.said)} for one in findings]
    return json.dumps(kept, default=str) if kept else None


def note_of(site: str, *, names: bool = False) -> str:
    """Where the store keeps what disagrees at a site: of its machines, or of their names."""
    return f"{'drift-of-names' if names else 'drift'}:{site}"
