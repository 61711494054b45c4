"""A machine moves while it runs, where both hosts have one pool and its addresses stay; else `moving` moves it switched off.

What is remembered is how often it was tried.  Where the machine runs is asked of both hosts at each look
(`provisioner.migration.next_step`), so a daemon that was killed, or another one, goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Literal, assert_never

from mailbot import journal
from mailbot.machines.progress import Site, again, later, spec_of
from mailbot.model import OutboxItem, Ticket
from mailbot.turns import relocation
from mailbot.turns.context import TurnContext
from parsers.translatable import say, words_of
from provisioner.api import AtTarget, ProvisionerError, VmSpec
from provisioner.migration import Migration, Next, next_step

TRIES = 2
"""Then it is moved switched off."""
LONGEST = timedelta(minutes=30)
"""A machine whose memory is not at the other host by then is let go on where it is."""
_PATIENCE = timedelta(minutes=1)
"""libvirt needs a moment to give up what it was receiving when the client went."""


class Sent(Enum):
    """How far a move of a running machine is."""

    UNDER_WAY = auto()
    """The row is settled: it is looked at again."""
    ARRIVED = auto()
    """It runs at the other host."""
    NOT = auto()
    """It is to be moved switched off, or not at all."""


@contextmanager
def at_target() -> Iterator[None]:
    """What is asked of the other host.  Raises AtTarget."""
    try:
        yield
    except ProvisionerError as error:
        raise AtTarget(error) from error


@dataclass(frozen=True, slots=True)
class Pair:
    """The host that a machine leaves, and the one that it goes to."""

    source: Site
    target: Site


@dataclass(frozen=True, slots=True)
class _Way:
    """What both hosts are asked with."""

    spec: VmSpec
    here: Migration
    there: Migration

    def next_step(self) -> Next:
        return next_step(self.here.whereabouts(self.spec), self.there.whereabouts(self.spec))

    def names(self) -> dict[str, str]:
        """What sentences about both hosts call the machine and them."""
        return {"name": self.spec.name, "here": self.here.settings.name, "there": self.there.settings.name}


@dataclass(frozen=True, slots=True)
class _Tried:
    number: int
    since: datetime


def note_of(item: OutboxItem) -> str:
    """Where the store keeps how often the move was tried."""
    return f"live:{item.id}"


def may(context: TurnContext, ticket: Ticket, pair: Pair) -> bool:
    """Whether it can be tried: one pool, a way between both hosts, and the same addresses at both."""
    both = pair.source.migration is not None and pair.target.migration is not None
    return both and relocation.can_run_on(context, ticket, pair.target.provisioner.site)


def is_under_way(context: TurnContext, item: OutboxItem) -> bool:
    """Whether it was begun and nobody knows yet where the machine runs."""
    tried = _tried(context, item)
    return tried is not None and tried.number <= TRIES


def sent(context: TurnContext, item: OutboxItem, ticket: Ticket, pair: Pair) -> Sent:
    """Take a move that was tried, or may be (`may`), a step further.

    Raises AtTarget where the other host cannot receive it, ProvisionerError of this one.
    """
    way, tried = _way(context, ticket, pair), _tried(context, item)
    if way is None or (tried is not None and tried.number > TRIES):
        return Sent.NOT
    try:
        beyond = way.there.whereabouts(way.spec)
    except ProvisionerError as error:
        if tried is None:
            raise AtTarget(error) from error
        again(context, item, words_of(error))  # it may run there: nothing is begun, or given up, before that is known
        return Sent.UNDER_WAY
    step = next_step(way.here.whereabouts(way.spec), beyond)
    if tried is None:
        if step is Next.UNSETTLED:
            raise _unsettled(way)
        return _begun(context, item, way, 1) if step is Next.SEND else Sent.NOT
    if step is Next.SEND:
        return _failed(context, item, way, tried)
    return _gone_on(context, item, way, step, tried)


def call_off(context: TurnContext, item: OutboxItem, ticket: Ticket, pair: Pair) -> Sent:
    """Nobody wants the move any more: end what is under way, and say where the machine is.  Raises ProvisionerError."""
    way, tried = _way(context, ticket, pair), _tried(context, item)
    if way is None or tried is None:
        return Sent.NOT
    step = way.next_step()
    if step is Next.SEND:
        way.here.resume(way.spec)
    if step is Next.WAIT:
        way.here.give_up(way.spec)
    return _gone_on(context, item, way, step, tried)


def _way(context: TurnContext, ticket: Ticket, pair: Pair) -> _Way | None:
    here, there = pair.source.migration, pair.target.migration
    return None if here is None or there is None else _Way(spec_of(context, pair.source, ticket), here, there)


def _begun(context: TurnContext, item: OutboxItem, way: _Way, number: int) -> Sent:
    with at_target():
        way.there.expect(way.spec)
    _remember(context, item, number)
    way.here.send(way.spec, way.there.settings)
    _look_again(context, item, way)
    return Sent.UNDER_WAY


def _failed(context: TurnContext, item: OutboxItem, way: _Way, tried: _Tried) -> Sent:
    """It runs where it was: once more, or never again."""
    way.here.resume(way.spec)
    why = way.here.failure(way.spec) or say("The attempt to move it while it runs ended before it arrived.")
    action, site = item.effect.action.value, way.there.settings.name
    journal.machine_failed(item.about_ticket, action=action, machine=way.spec.name, why=why, site=site)
    if tried.number < TRIES:
        return _begun(context, item, way, tried.number + 1)
    _remember(context, item, tried.number + 1)
    return Sent.NOT


def _gone_on(context: TurnContext, item: OutboxItem, way: _Way, step: Next, tried: _Tried) -> Sent:
    match step:
        case Next.ARRIVED:
            return Sent.ARRIVED
        case Next.STOPPED | Next.SEND:
            return Sent.NOT
        case Next.TWICE:
            raise _twice(way)
        case _:
            _helped_on(way, step, context.clock.now() - tried.since)
            _look_again(context, item, way)
            return Sent.UNDER_WAY


def _helped_on(
    way: _Way, step: Literal[Next.WAIT, Next.UNSETTLED, Next.CLEAR, Next.LET_GO, Next.RESUME], waited: timedelta
) -> None:
    """Do what brings it nearer to where it runs at one host."""
    match step:
        case Next.WAIT:
            if waited > LONGEST:
                way.here.give_up(way.spec)
        case Next.UNSETTLED:
            if waited > LONGEST:
                raise _unsettled(way)
        case Next.CLEAR:
            if waited > _PATIENCE:
                way.there.let_go(way.spec)
        case Next.LET_GO:
            way.here.let_go(way.spec)
        case Next.RESUME:
            way.here.resume(way.spec)
        case _:
            assert_never(step)


def _twice(way: _Way) -> ProvisionerError:
    return ProvisionerError(
        say(
            "{name} runs at {here} and at {there}, on one disk. Switch off the one that nobody uses: `virsh destroy`.",
            **way.names(),
        )
    )


def _unsettled(way: _Way) -> ProvisionerError:
    return ProvisionerError(
        say(
            "{name} was told to end at {here} or at {there} and has not gone yet, so nobody knows where it runs. `virsh list` shows where.",
            **way.names(),
        )
    )


def _look_again(context: TurnContext, item: OutboxItem, way: _Way) -> None:
    later(context, item, f"the machine to arrive at {way.there.settings.name}, running")


def _tried(context: TurnContext, item: OutboxItem) -> _Tried | None:
    kept = context.store.note(note_of(item))
    if kept is None:
        return None
    value = json.loads(kept)
    return _Tried(value["number"], datetime.fromisoformat(value["since"]))


def _remember(context: TurnContext, item: OutboxItem, number: int) -> None:
    told = {"number": number, "since": context.clock.now().isoformat()}
    context.store.put_note(note_of(item), json.dumps(told))
