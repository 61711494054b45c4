"""A machine goes to another person: lease and name stay, keys and letters are the new owner's.  Pure.

Nothing that was written before gives any authority after it: the ticket has a new nonce, and letters that still wait are
not sent.  Proofs of notice are proofs that somebody else was told, so a lease begins, with the last day as it was.
"""

from __future__ import annotations

from dataclasses import replace

from mailbot.letters.catalogue import KINDS
from mailbot.letters.kinds import Audience
from mailbot.letters.life import VmPassedOn, VmYours
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.delay import AGREED
from mailbot.lifecycle.lease import begun, calendar, steps_ahead
from mailbot.lifecycle.notice import KEY_WORDS
from mailbot.lifecycle.ownership import another_login
from mailbot.lifecycle.steps import called, snapshot, to_owner
from mailbot.model import Action, OwnerSet, Refusal, Step, Ticket
from parsers.translatable import say

OWNERS = "owner:"
"""Begins the rest of the key of an answer to the owner, which tells it from one to an admin."""

_READER = {Audience.OWNER: "", Audience.SENDER: OWNERS}
_TO_THE_FORMER = tuple(
    f"{letter.value}:{_READER[about.audience]}" for letter, about in KINDS.items() if about.audience in _READER
)
_WORK_FOR_THE_FORMER = tuple(f"{action.value}:" for action in (Action.REPORT, Action.CONSOLE, Action.REKEY))


def passed_on(ticket: Ticket, event: OwnerSet, circumstances: Circumstances) -> Step | Refusal:
    """The former owner reads that it is gone, the new one that it is theirs, as soon as it lets their keys in alone."""
    if not event.reason.strip():
        return Refusal(say("A change of owner needs a reason, because both people will read it."))
    if event.person_id == ticket.person_id and (event.person_id or event.login == ticket.login):
        return Refusal(say("The machine already belongs to {login}.", login=event.login))
    if ticket.asked_end_date is not None:
        return Refusal(say("An extension has been requested: decide that first."))
    after = _theirs(ticket, event, circumstances)
    by, reason = called(event.by, ticket, circumstances), event.reason.strip()
    yours = VmYours(
        former=ticket.name, by=by, reason=reason, plan=steps_ahead(after, circumstances), calendar=calendar(after),
        **snapshot(after),
    )  # fmt: skip
    gone = VmPassedOn(
        owner=after.name, by=by, reason=reason, former_id=ticket.person_id, former_login=ticket.login,
        calendar=calendar(after, "CANCELLED"), **snapshot(after),
    )  # fmt: skip
    letter = to_owner(after, gone)
    to_new = to_owner(after, yours)
    effects = (
        replace(letter, to=ticket.email, to_name=ticket.name, language=ticket.language),
        # The row installs the keys, and is the letter then.
        replace(to_new, action=Action.REKEY, key=f"{Action.REKEY.value}:{to_new.key}"),
    )
    summary = f"{after.login} has the machine now, not {ticket.login}: {reason}"
    facts = {"former_id": ticket.person_id, "former_login": ticket.login, "former_address": ticket.email}
    void = (*_TO_THE_FORMER, *KEY_WORDS.values(), *_WORK_FOR_THE_FORMER)
    return Step(after, effects, summary, cancel=void, facts=facts)


def _theirs(ticket: Ticket, event: OwnerSet, circumstances: Circumstances) -> Ticket:
    return begun(
        ticket,
        circumstances,
        version=ticket.version + 1,
        nonce=event.nonce,
        person_id=event.person_id,
        renamed_to=another_login(event.login, ticket.username),
        name=event.name,
        email=event.address,
        owner=event.state,
        language=event.language,
        release_asked_at=None,
        reinstall_asked_at=None,
        **AGREED,
    )
