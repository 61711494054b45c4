"""An owner has a machine installed again, on a fresh disk: asked once more, confirmed, done.  Pure.

Name, address, identity and lease stay; what was on the disk is gone.  So it asks like a release, and a hold keeps it off.
"""

from __future__ import annotations

from mailbot.letters.life import ReinstallConfirm
from mailbot.lifecycle.build import ready
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.steps import machine, moved, snapshot, to_owner
from mailbot.model import Action, Refusal, ReinstallAsked, Reinstalled, ReinstallWanted, Step, Ticket
from parsers.translatable import say


def asked(ticket: Ticket, _event: ReinstallAsked, circumstances: Circumstances) -> Step | Refusal:
    """What is on the disk cannot come back: the registered address is asked once more."""
    if ticket.held:
        return _held(ticket)
    after = moved(ticket, circumstances, reinstall_asked_at=circumstances.now, release_asked_at=None)
    lapses_at = circumstances.rules.lease.confirm_by(circumstances.now)
    letter = to_owner(
        after, ReinstallConfirm(lapses_at=lapses_at, **snapshot(after)), key=circumstances.now.isoformat()
    )
    return Step(after, (letter,), "reinstallation asked")


def wanted(ticket: Ticket, event: ReinstallWanted, circumstances: Circumstances) -> Step | Refusal:
    """Confirmed: the disk goes, and a fresh one takes its place."""
    if ticket.reinstall_asked_at is None:
        return Refusal(
            say(
                "There is nothing to confirm. Reply “{reinstall}” first to have the machine reinstalled.",
                reinstall=say("reinstall"),
            )
        )
    if circumstances.now > circumstances.rules.lease.confirm_by(ticket.reinstall_asked_at):
        return Refusal(say("That question is too old now. Reply “{reinstall}” again.", reinstall=say("reinstall")))
    if ticket.held:
        return _held(ticket)
    after = moved(ticket, circumstances, reinstall_asked_at=None)
    work = machine(after, Action.REINSTALL, key=circumstances.now.isoformat())
    return Step(after, (work,), f"reinstallation confirmed by {event.by.who}")


def done(ticket: Ticket, event: Reinstalled, circumstances: Circumstances) -> Step:
    """The fresh machine answers: its owner gets its new host keys, and the lease goes on as it was."""
    after = moved(ticket, circumstances)
    letter = to_owner(
        after,
        ready(after, event.login, circumstances, restored=False, reinstalled=True),
        key=circumstances.now.isoformat(),
    )
    return Step(after, (letter,), f"installed again at {ticket.site}")


def _held(ticket: Ticket) -> Refusal:
    held = say(
        "An admin has put this machine on hold, so its disk will not be deleted now: {why}. Please ask the admins."
    )
    return Refusal(held.given(why=ticket.held))
