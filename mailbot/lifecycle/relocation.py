"""A machine moves to another host: announced like a stop, begun only with proof of that, and back where it was if it cannot.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot.letters.moving import VmMove, VmMoved, VmStays
from mailbot.letters.troubles import AdminMachineTrouble
from mailbot.lifecycle import notice
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.notice import DAY, SLACK, plan
from mailbot.lifecycle.steps import machine, moved, snapshot, to_admins, to_owner, why_held
from mailbot.model import (
    Action,
    Arrived,
    Effect,
    Facts,
    MoveAsked,
    MoveBegun,
    MoveEnded,
    Notice,
    NoticeOf,
    NoticeStage,
    Refusal,
    Relocated,
    Role,
    Step,
    Ticket,
    TicketState,
)
from mailbot.timetable import end_of, today
from parsers.translatable import Translatable, say

HOUR = timedelta(hours=9)
"""After midnight, in the site's time zone: when a move begins, so that somebody is there if it goes wrong."""
KEPT = timedelta(days=14)
"""How long the disk stays at the host that the machine has left."""


@dataclass(frozen=True, slots=True)
class MovePlan:
    """A move that was announced: where to, the moment at which it begins, and when it was announced for that moment."""

    to: str
    at: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class PutOff:
    """It cannot begin as announced: to when it is announced again, and why."""

    at: datetime
    why: Translatable


def asked(ticket: Ticket, event: MoveAsked, circumstances: Circumstances) -> Step | Refusal:
    """The owner reads when and why the machine will be off; nothing else changes.  Announcing again makes the earlier letter void."""
    if why := _against(ticket, event, circumstances):
        return Refusal(why)
    after, planned = moved(ticket, circumstances), MovePlan(event.to, event.at, circumstances.now)
    on = today(event.at, circumstances.rules.service.timezone)
    first = VmMove(at=event.at, on=on, why=event.why, live=event.live, **snapshot(after))
    again = VmMove(at=event.at, on=on, reminder=True, live=event.live, **snapshot(after))
    letters = (
        _announcing(to_owner(after, first), planned, NoticeStage.WARNING),
        replace(_announcing(to_owner(after, again), planned, NoticeStage.LAST), not_before=event.at - DAY - SLACK),
    )
    summary = f"move to {event.to} announced for {event.at.isoformat(timespec='minutes')}, asked by {event.by.who}"
    return Step(after, letters, summary, ("move:",))


def _against(ticket: Ticket, event: MoveAsked, circumstances: Circumstances) -> Translatable | None:
    lease, zone = circumstances.rules.lease, circumstances.rules.service.timezone
    if held := why_held(ticket):
        return held
    if event.to == ticket.site:
        return say("The machine is already at {site}.", site=event.to)
    if event.at < circumstances.now + timedelta(days=lease.notice_days) + SLACK:
        first = today(earliest(circumstances), zone)
        days = lease.notice_days
        return say("Its owner must have {days} days' notice: {day} is the earliest possible day.", days=days, day=first)
    if circumstances.closed_on(today(event.at, zone)):
        return say("Nothing is done to machines on {day}: the service is closed then.", day=today(event.at, zone))
    if event.at >= plan(ticket, circumstances.rules).stop_at:
        return say("The machine's last day is {day}: it will be stopped before that move.", day=ticket.end_date)
    return None


def moment_of(event_day: datetime, circumstances: Circumstances) -> datetime:
    """When a move begins that is planned for the day of that moment."""
    zone = circumstances.rules.service.timezone
    return end_of(today(event_day, zone) - DAY, zone) + HOUR


def earliest(circumstances: Circumstances) -> datetime:
    """The first moment at which a move that is announced now may begin: the whole notice, and no closure."""
    soonest = circumstances.now + timedelta(days=circumstances.rules.lease.notice_days) + SLACK
    at = moment_of(soonest, circumstances)
    at = at if at >= soonest else moment_of(soonest + DAY, circumstances)
    return moment_of(circumstances.open_from(at), circumstances)


def next_step(ticket: Ticket, planned: MovePlan, circumstances: Circumstances) -> PutOff | MovePlan | None:
    """Of a move whose moment has come: the plan where it may begin now, another moment, or None where it waits.

    It begins within a day of the announced moment or not at all: what comes later would surprise.  The proof is that of
    every stop: the first letter accepted the whole notice ago, the last a day ago.
    """
    now = circumstances.now
    if ticket.held or circumstances.blind:
        return None if now < planned.at + DAY else PutOff(earliest(circumstances), _LATE)
    if now >= planned.at + DAY or circumstances.closed_on(today(now, circumstances.rules.service.timezone)):
        return PutOff(earliest(circumstances), _LATE)
    about = notice.proofs(circumstances.accepted, lambda one: one.of is NoticeOf.MOVE and one.at == planned.at)
    proofs = [
        one for one in about if one.to.lower() == ticket.email.lower()
    ]  # whoever owns it now was told, not who did
    last = any(one.notice is not None and one.notice.stage is NoticeStage.LAST for one in proofs)
    days = timedelta(days=circumstances.rules.lease.notice_days)
    if last and proofs[0].accepted_at + days <= now and proofs[-1].accepted_at + DAY <= now:
        return planned
    return None if now < planned.at + SLACK else PutOff(earliest(circumstances), _UNPROVEN)


_LATE = say("The move could not begin as planned.")
_UNPROVEN = say("It is not certain that you were told in time.")


def begun(ticket: Ticket, event: MoveBegun, circumstances: Circumstances) -> Step | Refusal:
    """The machine is shut down and its disk copied; until it answers at its new host, it is at its old one."""
    if held := why_held(ticket):
        return Refusal(held)
    after = moved(ticket, circumstances)
    work = machine(after, Action.MOVE, key=circumstances.now.isoformat(), to=event.to)
    return Step(after, (work,), f"move to {event.to} begins")


def relocated(ticket: Ticket, event: Relocated, circumstances: Circumstances) -> Step:
    """The whole disk is at the new host: from here on the machine is there.

    One that came running may be given back or ended by then: what follows of that is done there.
    """
    after = moved(ticket, circumstances, site=event.to)
    if ticket.state is not TicketState.ACTIVE:
        return Step(after, (), f"it runs at {event.to}")
    flags = {name: True for name, so in (("off", event.off), ("shared", event.shared), ("live", event.live)) if so}
    facts: Facts = {"to": event.to, "left": ticket.site, **flags}
    work = machine(after, Action.ARRIVE, key=circumstances.now.isoformat(), **facts)
    return Step(after, (work,), f"{'it runs' if event.live else 'its disk is'} at {event.to}")


def arrived(ticket: Ticket, event: Arrived, circumstances: Circumstances) -> Step:
    """The machine answers at its new host: its owner gets the new address."""
    after, login = moved(ticket, circumstances), event.login
    told = VmMoved(
        fqdn=login.fqdn,
        address=login.address,
        further=login.further,
        host_key_fingerprints=login.host_key_fingerprints,
        off=event.off,
        live=event.live,
        **snapshot(after),
    )
    letter = to_owner(after, told, key=circumstances.now.isoformat())
    runs = f"it {'ran on, and has the address' if event.live else 'answers at'} {login.address}"
    how = "switched off, as it was" if event.off else runs
    return Step(after, (letter,), f"moved to {ticket.site}: {how}")


def ended(ticket: Ticket, event: MoveEnded, circumstances: Circumstances) -> Step:
    """No move after all: the machine is where it was, and is started there if the move had stopped it."""
    key = circumstances.now.isoformat()
    after = moved(ticket, circumstances, site=event.back_to or ticket.site)
    told = to_owner(after, VmStays(why=event.said, was_off=event.begun, **snapshot(after)), key=key)
    start = (machine(after, Action.START, key=key),) if event.begun else ()
    trouble: tuple[Effect, ...] = ()
    if event.by.role is Role.MACHINE:
        trouble = to_admins(after, circumstances, AdminMachineTrouble(effect=Action.MOVE, why=event.why), key=key)
    return Step(after, (*start, told, *trouble), f"no move: {event.why}", ("move:",))


def _announcing(letter: Effect, planned: MovePlan, stage: NoticeStage) -> Effect:
    key = f"move:{planned.since.isoformat()}:{planned.at.isoformat()}:{stage.value}"
    return replace(letter, key=key, notice=Notice(NoticeOf.MOVE, stage, since=planned.since, at=planned.at))
