"""An owner asks for more time, and gets it: by the rules of the site, or from an admin.  Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mailbot import policy
from mailbot.letters.extensions import ExtensionGranted
from mailbot.lifecycle import ownership
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.delay import AGREED
from mailbot.lifecycle.extended import EXTENDED
from mailbot.lifecycle.lease import begun, calendar, steps_ahead
from mailbot.lifecycle.question import WARNINGS, changed, grantable, put, still_asked
from mailbot.lifecycle.steps import called, decided, machine, to_owner
from mailbot.model import (
    Action,
    Approved,
    ExtensionAsked,
    Refusal,
    Step,
    Ticket,
    TicketState,
)
from parsers.translatable import say


def asked(ticket: Ticket, event: ExtensionAsked, circumstances: Circumstances) -> Step | Refusal:
    """More time: granted at once within the limits that policy sets, else every admin is asked, and nothing happens to the machine meanwhile."""
    problems = policy.end_date_problems(event.until, circumstances.rules, circumstances.now)
    if problems:
        return Refusal(policy.refusal(problems))
    if event.until <= ticket.end_date:
        return Refusal(
            say(
                "The machine's last day is already {day}. Ask for a later one, or reply “{release}” to give it back.",
                day=ticket.end_date,
                release=say("release"),
            )
        )
    if ticket.asked_end_date is not None:
        return Refusal(still_asked(ticket, ticket.asked_end_date))
    if why := ownership.against(circumstances.owner, needs_key=False):
        return Refusal(why)
    if (
        event.automatic
        and ownership.is_well(circumstances.owner)
        and _within_limits(ticket, event.until, circumstances)
    ):
        return granted(
            ticket,
            event.until,
            say("the rules of the site"),
            circumstances,
            f"extended to {event.until} without an admin",
        )
    return put(ticket, event.until, event.reason, circumstances)


def _within_limits(ticket: Ticket, until: date, circumstances: Circumstances) -> bool:
    """Whether no admin is needed: not too long, and asked when the end is near, or one could be added to the other."""
    near = ticket.stage > 0 or ticket.state is TicketState.EXPIRED
    return near and (until - ticket.end_date).days <= circumstances.rules.policy.auto_extend_days


def approved(ticket: Ticket, event: Approved, circumstances: Circumstances) -> Step | Refusal:
    """An admin grants the extension, perhaps to another day."""
    until = grantable(ticket, event, circumstances)
    if isinstance(until, Refusal):
        return until
    by = called(event.by, ticket, circumstances)
    step = granted(ticket, until, by, circumstances, f"extension to {until} approved by {event.by.who}")
    told = decided(
        step.ticket, circumstances, "extension", "approved", by, actor=event.by.who, changed=changed(ticket, until)
    )
    return replace(step, effects=(*step.effects, *told))


def granted(ticket: Ticket, until: date, by: str, circumstances: Circumstances, summary: str) -> Step:
    """A new lease from now on; a stopped machine starts again; old warnings are void."""
    after = begun(
        ticket,
        circumstances,
        state=TicketState.ACTIVE,
        end_date=until,
        asked_end_date=None,
        asked_at=None,
        release_asked_at=None,
        **AGREED,
    )
    started = ticket.state is TicketState.EXPIRED
    granted = to_owner(
        after,
        ExtensionGranted(
            until=until, by=by, started=started, old_end_date=ticket.end_date,
            plan=steps_ahead(after, circumstances), calendar=calendar(after), changed=changed(ticket, until),
        ),
    )  # fmt: skip
    effects = (machine(after, Action.START), granted) if started else (granted,)
    return Step(after, effects, summary, WARNINGS, facts={EXTENDED: until.isoformat()})
