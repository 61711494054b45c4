"""A machine leaves a host for another: while it runs (`migrating`), or shut down and its disk copied piece by piece.

Every step can be taken twice, and every one is remembered: a daemon that is killed, or another one, goes on from the last
piece.  Until the whole disk is at the other host the machine is at its old one, and its disk there is only ever read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot import journal
from mailbot.errors import DirectoryUnavailable
from mailbot.lifecycle.relocation import KEPT
from mailbot.machines import migrating
from mailbot.machines.answering import OFF
from mailbot.machines.migrating import Pair, Sent, at_target
from mailbot.machines.progress import (
    NoKeys,
    Site,
    Sites,
    again,
    begin,
    begun,
    keys_of,
    later,
    settle_with,
    spec_of,
    where,
)
from mailbot.machines.upkeep import TELL_AFTER, is_off
from mailbot.model import MoveEnded, OutboxItem, Relocated, Ticket, TicketState
from mailbot.ports import Settled
from mailbot.turns import left_behind, relocation
from mailbot.turns.context import TurnContext
from mailbot.turns.left_behind import Left
from parsers.translatable import Translatable, say, words_of
from provisioner.api import AtTarget, Disks, OutOfRoom, Part, ProvisionerError, SiteUnreachable, VmPhase, VmSpec

NO_PROGRESS = timedelta(hours=1)
"""After so long without a further piece a move is given up, and the machine started where it was."""
_FAILED = say("It could not be moved.")


@dataclass(frozen=True, slots=True)
class Copied:
    """How far a copy has come: which part, how many bytes of it, and when the last piece was written."""

    part: int
    offset: int
    at: datetime


def _note(item: OutboxItem) -> str:
    return f"copied:{item.id}"


def _copied(context: TurnContext, item: OutboxItem) -> Copied | None:
    kept = context.store.note(_note(item))
    if kept is None:
        return None
    value = json.loads(kept)
    return Copied(value["part"], value["offset"], datetime.fromisoformat(value["at"]))


def _remember(context: TurnContext, item: OutboxItem, part: int, offset: int) -> Copied:
    copied = Copied(part, offset, context.clock.now())
    context.store.put_note(_note(item), json.dumps({"part": part, "offset": offset, "at": copied.at.isoformat()}))
    return copied


def move(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """At the host that it leaves: send it while it runs, or shut it down and copy a piece; once all is there, so is the machine.

    0. Where both hosts can hand it on while it runs (`migrating`), and until that has failed, nothing of the following.
    1. Refused while it is held, or where nobody could log in to it afterwards.
    2. Whether it is on is remembered before anything is asked of it: one that its owner switched off stays off.
    3. Shut down as for a stop; copied only once it is off.
    4. A piece at a time, with the other work of this host in between; nothing where both hosts have the same pool.
    """
    try:
        _step(context, sites, item, ticket)
    except AtTarget as failed:
        _not_taken(context, item, failed.error)
    except DirectoryUnavailable as error:
        again(context, item, words_of(error))
    except (_Held, NoKeys) as error:
        given_up(context, item, words_of(error))
    except SiteUnreachable:
        raise  # this host: everything of it waits
    except ProvisionerError as error:
        _again_or_given_up(context, item, error)


def _step(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    to = item.effect.facts["to"]
    source, target = where(sites, ticket), sites.get(to)
    # Where it runs is found out before anything else is asked of a machine that is on its way.
    keys = () if target and migrating.is_under_way(context, item) else _keys(context, item, ticket)
    if target is None or target.disks is None or source.disks is None:
        unknown = say("The configuration does not name the site {site}.", site=to)
        raise AtTarget(ProvisionerError(unknown, permanent=True))
    if _goes_while_it_runs(context, item, ticket, Pair(source, target)):
        return
    spec = spec_of(context, source, ticket, keys)
    off = _was_off(context, source, spec, item)
    if not is_off(context, source, spec, item):
        context.store.put_note(_note(item), None)  # what was copied of a disk that is in use is worth nothing
        later(context, item, "the guest to shut down")
        return
    shared = context.has_one_pool(ticket.site or "", to)
    copy = Copy(source.disks, target.disks, source.piece_bytes)
    if _is_there_already(context, item, spec, copy) if shared else _one_piece(context, item, spec, copy):
        proof = f"{'in the same pool as' if shared else 'copied to'} {to}"
        _relocated(context, item, ticket, Relocated(to, off=off, shared=shared), proof)
    else:
        later(context, item, f"the disk to be copied to {to}")


def _goes_while_it_runs(context: TurnContext, item: OutboxItem, ticket: Ticket, pair: Pair) -> bool:
    """Whether the row is dealt with, since the machine is on its way or has arrived.  Raises AtTarget, ProvisionerError."""
    if not migrating.is_under_way(context, item) and (
        begun(context, item) is not None or not migrating.may(context, ticket, pair)
    ):
        return False
    sent = migrating.sent(context, item, ticket, pair)
    if sent is Sent.ARRIVED:
        _runs_there(context, item, ticket, pair)
    return sent is not Sent.NOT


def _runs_there(context: TurnContext, item: OutboxItem, ticket: Ticket, pair: Pair) -> None:
    to = pair.target.provisioner.site
    _relocated(context, item, ticket, Relocated(to, shared=True, live=True), f"runs at {to}")


def _relocated(context: TurnContext, item: OutboxItem, ticket: Ticket, event: Relocated, proof: str) -> None:
    """The machine is at the other host from here on, and what is left at this one is noted."""
    left = {left_behind.note_of(ticket.site or "", ticket.id): _left(context, shared=event.shared)}
    here = {left_behind.note_of(event.to, ticket.id): None}
    settle_with(context, item, event, Settled(item, done=True, proof=proof), {**left, **here, **_forgotten(item)})


def _forgotten(item: OutboxItem) -> dict[str, str | None]:
    """What is kept of a move, with nothing in it."""
    return dict.fromkeys((_note(item), _power(item), migrating.note_of(item)))


def call_off(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> bool:
    """Whether nothing of a move that nobody wants any more is under way: what was begun while it ran is ended first.

    Where the machine has arrived meanwhile, it is there.
    """
    target = sites.get(item.effect.facts["to"])
    if target is None or not migrating.is_under_way(context, item):
        return True
    pair = Pair(where(sites, ticket), target)
    sent = migrating.call_off(context, item, ticket, pair)
    if sent is Sent.ARRIVED:
        _runs_there(context, item, ticket, pair)
    elif sent is Sent.NOT:
        context.store.put_note(migrating.note_of(item), None)
    return sent is Sent.NOT


def _power(item: OutboxItem) -> str:
    return f"power:{item.id}"


def _was_off(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem) -> bool:
    """Whether the machine was off when the move began."""
    known = context.store.note(_power(item))
    if known is None:
        # Only one that ran is sent: its host may have died meanwhile, but its owner did not switch it off.
        ran = context.store.note(migrating.note_of(item)) is not None
        known = "off" if not ran and site.provisioner.facts(spec).phase in OFF else "on"
        context.store.put_note(_power(item), known)
    return known == "off"


def _is_there_already(context: TurnContext, item: OutboxItem, spec: VmSpec, copy: Copy) -> bool:
    """Look that the disk is in the target's pool, too.  Raises AtTarget where it is not."""
    begin(context, item)
    *_, disk = copy.source.parts(spec)
    with at_target():
        if not copy.target.there(disk):
            why = say(
                "The disk {name} is not there, although both hosts should share one pool (shared_pool).", name=disk.name
            )
            raise ProvisionerError(why, permanent=True)
    return True


class _Held(Exception):
    """An admin holds the machine."""


def _keys(context: TurnContext, item: OutboxItem, ticket: Ticket) -> tuple[str, ...]:
    """Whom it would let in at the other host.  Raises _Held where an admin took hold of it before anything was done."""
    if ticket.held and begun(context, item) is None:
        raise _Held(say("An admin has put it on hold: {why}", why=ticket.held))
    return keys_of(context, ticket)


@dataclass(frozen=True, slots=True)
class Copy:
    """From which host's disks to which."""

    source: Disks
    target: Disks
    piece_bytes: int


def _one_piece(context: TurnContext, item: OutboxItem, spec: VmSpec, copy: Copy) -> bool:
    """Copy the next piece; gives whether all is copied.  Raises ProvisionerError of this host, AtTarget of the other one."""
    parts, copied = copy.source.parts(spec), _copied(context, item)
    begin(context, item)
    if copied is None:
        copied = _remember(context, item, 0, 0)
    if copied.part >= len(parts):
        return True
    part = parts[copied.part]
    with at_target():
        if part.shared and copied.offset == 0 and copy.target.has(part):
            _remember(context, item, copied.part + 1, 0)
            return False
        if copied.offset == 0:
            _make_room(context, item, copy, part, spec)
    length = min(copy.piece_bytes, part.size - copied.offset)
    if length > 0:
        copy.source.copy(part, copied.offset, length, copy.target)
    done = copied.offset + length
    _remember(context, item, *((copied.part + 1, 0) if done >= part.size else (copied.part, done)))
    return copied.part + 1 == len(parts) and done >= part.size


def _make_room(context: TurnContext, item: OutboxItem, copy: Copy, part: Part, spec: VmSpec) -> None:
    """An empty volume at the other host, noted as ours before it is made.

    One of that name that we have not left there is never touched: the two hosts may share a pool, and then it is the disk.
    """
    note = left_behind.note_of(item.effect.facts["to"], item.about_ticket)
    if not part.shared and context.store.note(note) is None:
        if copy.target.there(part):
            why = say(
                "There is already a disk of that name, perhaps because both hosts use one pool. It was not touched."
            )
            raise ProvisionerError(why, permanent=True)
        context.store.put_note(note, _left(context, shared=False))
    copy.target.make(part, spec.disk_gib)


def _not_taken(context: TurnContext, item: OutboxItem, error: ProvisionerError) -> None:
    """The other host cannot: at once where trying again does not help, else after a while without progress."""
    copied = _copied(context, item)
    since = copied.at if copied else begun(context, item)
    stands_still = since is not None and context.clock.now() - since > NO_PROGRESS
    if error.permanent or isinstance(error, OutOfRoom) or stands_still:
        given_up(context, item, words_of(error))
    else:
        again(context, item, words_of(error))


def _again_or_given_up(context: TurnContext, item: OutboxItem, error: ProvisionerError) -> None:
    if error.permanent or item.attempts >= TELL_AFTER:
        given_up(context, item, words_of(error))
    else:
        again(context, item, words_of(error))


def given_up(context: TurnContext, item: OutboxItem, why: Translatable, back_to: str = "") -> None:
    """No move: the machine is started where it was, and what is at the other host goes, its disk after a while."""
    to, number = item.effect.facts["to"], item.about_ticket
    facts = item.effect.facts
    off = bool(facts.get("off")) or context.store.note(_power(item)) == "off"
    was_begun = not off and (bool(back_to) or begun(context, item) is not None)
    notes = {relocation.note_of(number): None, **_forgotten(item)}
    if back_to:
        there = _left(context, shared=bool(facts.get("shared")))
        notes |= {left_behind.note_of(back_to, number): None, left_behind.note_of(to, number): there}
    journal.machine_failed(number, action=item.effect.action.value, machine="", why=why, site=to)
    event = MoveEnded(why, _FAILED, begun=was_begun, back_to=back_to)
    settle_with(context, item, event, Settled(item, error=why), notes)


def _left(context: TurnContext, *, shared: bool) -> str:
    return left_behind.written(Left(context.clock.now() + KEPT, shared=shared))


def clear(context: TurnContext, name: str, site: Site) -> None:
    """Take away what machines have left at a host: all but the disk once they are elsewhere, the disk when its time is up.

    A machine that came back meanwhile has left nothing.  Raises ProvisionerError.
    """
    now, under_way = context.clock.now(), relocation.under_way(context.store)
    for number, left in left_behind.of_site(context.store, name).items():
        ticket, note = context.store.ticket(number), left_behind.note_of(name, number)
        if ticket is None or ticket.site == name:
            context.store.put_note(note, None)
            continue
        if number in under_way and ticket.state is TicketState.ACTIVE:
            continue  # it may have to come back
        spec = spec_of(context, site, ticket)
        if left.shared:
            site.provisioner.leave(spec)
            context.store.put_note(note, None)
            continue
        if not left.cleared:
            site.provisioner.retire(spec)
            context.store.put_note(note, left_behind.written(replace(left, cleared=True)))
        over = left.until <= now or ticket.state is TicketState.REMOVED
        if over and site.provisioner.delete_disk(spec).phase is VmPhase.ABSENT:
            context.store.put_note(note, None)
