"""What `show` tells of one ticket, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mailbot.cli.columns import Cell, Look, field, moment
from mailbot.cli.output import as_json, visible
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.dates import ahead
from mailbot.lifecycle.extended import extensions as told_of_extensions
from mailbot.lifecycle.notice import plan
from mailbot.lifecycle.outlook import Outlook
from mailbot.model import Accepted, EventKind, Facts, HistoryEntry, Ticket, TicketState
from mailbot.ports import Queued

_NAME = 16


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is known of a ticket."""

    ticket: Ticket
    outlook: Outlook
    waiting: Sequence[Queued]
    given_up: Sequence[Queued]
    trouble: str
    history: Sequence[HistoryEntry]
    letters: Sequence[Accepted]
    addresses: Sequence[str] = ()
    """Those that it holds on bridges."""

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def lines(sheet: Sheet, circumstances: Circumstances, *, room: int | None, colour: bool) -> Iterator[str]:
    """The whole sheet; moments are the site's."""
    zone, ticket = circumstances.rules.service.timezone, sheet.ticket
    yield f"Ticket #{ticket.id}: {visible(ticket.subject)}"
    for name, value in _facts(sheet, zone):
        if value not in (None, ""):
            yield f"  {field(name, value, _NAME, room=room and room - 2, colour=colour)}"
    yield "  intended usage"
    yield from (f"  | {visible(line)}" for line in ticket.intended_usage.splitlines())
    for part in (_progress(sheet, zone), _ahead(ticket, circumstances), _history(sheet.history, zone)):
        yield from part
    yield from _letters(sheet.letters, zone)
    yield f"\nMoments are those of {zone}."


def _facts(sheet: Sheet, zone: str) -> Sequence[tuple[str, object]]:
    ticket, look, extensions = sheet.ticket, sheet.outlook, told_of_extensions(sheet.history)
    return (
        ("state", ticket.state.value),
        ("waits for", ": ".join(filter(None, (look.party.value, look.waits)))),
        ("next", " on ".join(filter(None, (look.next, moment(look.at, zone))))),
        ("held", Cell(ticket.held, Look.WARNING) if ticket.held else None),
        ("trouble", Cell(sheet.trouble, Look.BAD) if sheet.trouble else None),
        ("user", f"{ticket.login} ({ticket.name}, {ticket.email})"),
        ("ends on", ticket.end_date),
        ("disk", f"{ticket.disk_gib} GiB{f' ({ticket.disk_reason})' if ticket.disk_reason else ''}"),
        ("site", ticket.site),
        ("addresses", ", ".join(sheet.addresses)),
        ("asked until", ticket.asked_end_date),
        ("because", visible(extensions.reason) if ticket.asked_end_date else None),
        ("extended", f"{extensions.granted} times" if extensions.granted else None),
        ("looked at again", moment(ticket.due_at, zone)),
        ("lease since", moment(ticket.lease_from, zone)),
        ("announced", f"{ticket.stage} times" if ticket.stage else None),
        ("stopped at", moment(ticket.ended_at, zone)),
        ("removal at", moment(ticket.remove_at, zone)),
        ("release asked", moment(ticket.release_asked_at, zone)),
        ("reinstallation asked", moment(ticket.reinstall_asked_at, zone)),
        ("disk kept until", moment(ticket.keep_until, zone)),
        ("opened at", moment(ticket.opened_at, zone)),
    )


def _progress(sheet: Sheet, zone: str) -> Iterator[str]:
    """What waits in the outbox, and what was given up."""
    if sheet.waiting:
        yield "\nIn progress"
    for row in sheet.waiting:
        tries = {0: "not tried yet", 1: "tried once"}.get(row.attempts, f"tried {row.attempts} times")
        yield f"  {_what(row)}: {tries}, next try {moment(row.next_attempt_at, zone)}"
        if row.error:
            yield f"    {visible(row.error)}"
    if sheet.given_up:
        yield "\nGiven up"
    for row in sheet.given_up:
        yield f"  {_what(row)}: after {row.attempts} tries on {moment(row.settled_at, zone)}"
        yield f"    {visible(row.error)}"


def _what(row: Queued) -> str:
    return f"row {row.id}, {f'{row.letter.value} to {visible(row.to)}' if row.letter and row.to else row.action.value}"


def _ahead(ticket: Ticket, circumstances: Circumstances) -> Iterator[str]:
    """The dates of the lease by the rules in force: warnings, stop, removal, deletion."""
    if ticket.state not in {TicketState.ACTIVE, TicketState.EXPIRED, TicketState.ARCHIVED}:
        return
    zone = circumstances.rules.service.timezone
    yield "\nWhat happens when"
    if ticket.asked_end_date:
        what = "return" if ticket.state is TicketState.ARCHIVED else "extension"
        yield (
            f"  none of this happens while the {what} waits for an admin; without it:"
            if ticket.frozen
            else f"  this happens also while the {what} waits for an admin:"
        )
    if ticket.state is TicketState.ACTIVE:
        for at in plan(ticket, circumstances.rules).warnings[ticket.stage :]:
            yield f"  {moment(at, zone)}  A warning is sent."
    if ticket.held:
        yield "  not while it is held:"
    for at, what in ahead(ticket, circumstances):
        yield f"  {moment(at, zone)}  {what}"


def _history(history: Sequence[HistoryEntry], zone: str) -> Iterator[str]:
    yield "\nHistory"
    for entry in history:
        moved = f"{entry.before or 'new'} -> {entry.after}"
        yield f"  {moment(entry.at, zone)}  {moved}  {entry.event} by {visible(entry.actor.who)}"
        yield f"    {visible(entry.summary)}"
        if entry.event is EventKind.EXTENSION_ASKED and entry.facts.get("reason"):
            yield f"    because: {visible(str(entry.facts['reason']))}"
        if entry.actor.mail:
            yield f"    mail {entry.actor.mail[:12]}, evidence: {_evidence(entry.actor.evidence)}"
        elif entry.actor.evidence:
            yield f"    evidence: {_evidence(entry.actor.evidence)}"


def _evidence(facts: Facts) -> str:
    """What a mail proved, what its command needed, and what was found: on one line."""
    if "proofs" not in facts:
        return visible(as_json(facts))
    told = [f"{', '.join(facts['proofs']) or 'nothing'} for {facts['sender']}"]
    if "needed" in facts:
        told.append(f"{facts['verdict']}: {facts['risk'].replace('_', ' ')} needs {', '.join(facts['needed'])}")
    told += [f"{name}: {found}" for name, found in facts.get("found", {}).items()]
    return visible("; ".join(told))


def _letters(letters: Sequence[Accepted], zone: str) -> Iterator[str]:
    yield "\nLetters that were accepted"
    for letter in letters:
        yield f"  {moment(letter.accepted_at, zone)}  {letter.letter} to {visible(letter.to)}"
        yield f"    {visible(letter.answer)}"
        if letter.bounced_at:
            kinds = {True: "for good", False: "for now", None: "without saying whether for good"}
            yield f"    came back on {moment(letter.bounced_at, zone)}, {kinds[letter.bounce_permanent]}"
    if not letters:
        yield "  none"
