"""Whose machine it is: how the directory has the owner now, and what admins read of it.  Pure.

A person is the directory's id.  Somebody with another login is still the owner; somebody with the same login and another
id is a stranger.  Nothing is taken from anybody here: the lease goes on, and admins decide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from mailbot.letters.troubles import AdminOwner
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.steps import moved, snapshot, to_admins
from mailbot.model import OwnerSeen, OwnerState, Person, Step, Ticket, TicketState
from parsers.translatable import NOTHING, Translatable, say

S = TicketState
_TOLD_IN = frozenset({S.PENDING, S.APPROVED, S.FAILED, S.ACTIVE, S.EXPIRED})
"""States in which somebody decides about the machine, or has it: what became of its owner matters to admins."""


def as_seen(ticket: Ticket, person: Person | None, usable_keys: int, *, taken: bool) -> OwnerSeen:
    """What a look at the directory says of a ticket's owner.

    `taken` says that somebody else has the login that the machine is named after.
    """
    if person is None:
        state = OwnerState.SUCCEEDED if taken else OwnerState.GONE
        return OwnerSeen(state, "", ticket.login, ticket.name, ticket.email)
    address = ticket.email if ticket.email.lower() in {one.lower() for one in person.addresses} else person.email
    state = _state(person, usable_keys, taken=taken)
    return OwnerSeen(state, person.id, person.login, person.name, address, usable_keys)


def _state(person: Person, usable_keys: int, *, taken: bool) -> OwnerState:
    """The gravest thing that is to be said."""
    if person.locked:
        return OwnerState.LOCKED
    if not usable_keys:
        return OwnerState.KEYLESS
    return OwnerState.NAMESAKE if taken else OwnerState.ACTIVE


def as_asker(person: Person, usable_keys: int) -> OwnerSeen:
    """How the directory has somebody who asks for a first machine."""
    state = _state(person, usable_keys, taken=False)
    return OwnerSeen(state, person.id, person.login, person.name, person.email, usable_keys)


def is_well(owner: OwnerSeen | None) -> bool:
    """Whether the directory was asked and has nothing against the owner: only then does something go without an admin."""
    if owner is None:
        return False
    match owner.state:
        case OwnerState.ACTIVE | OwnerState.NAMESAKE:
            return True
        case OwnerState.LOCKED | OwnerState.KEYLESS | OwnerState.GONE | OwnerState.SUCCEEDED:
            return False
        case _:
            assert_never(owner.state)


def against(owner: OwnerSeen | None, *, needs_key: bool) -> Translatable:
    """Why the owner gets no more than they have, in words for them; empty where nothing is known against it."""
    if owner is None:
        return NOTHING
    match owner.state:
        case OwnerState.LOCKED:
            return say("The account {login} is locked. Please ask the admins.", login=owner.login)
        case OwnerState.GONE | OwnerState.SUCCEEDED:
            return say("Your account {login} is no longer in the directory. Please ask the admins.", login=owner.login)
        case OwnerState.KEYLESS if needs_key:
            return say("Your account has no usable SSH key. Please add an OpenSSH public key to it, and reply again.")
        case OwnerState.ACTIVE | OwnerState.NAMESAKE | OwnerState.KEYLESS:
            return NOTHING
        case _:
            assert_never(owner.state)


def another_login(login: str, username: str) -> str:
    """What `Ticket.renamed_to` has of a login: nothing where the machine is named after it as it is."""
    return "" if login == username else login


def is_news(ticket: Ticket, seen: OwnerSeen) -> bool:
    """Whether the directory says something else than the ticket."""
    return _after(ticket, seen) != ticket


def _after(ticket: Ticket, seen: OwnerSeen) -> Ticket:
    return replace(
        ticket,
        owner=seen.state,
        person_id=seen.person_id or ticket.person_id,
        renamed_to=another_login(seen.login, ticket.username),
        name=seen.name,
        email=seen.address,
    )


def seen(ticket: Ticket, event: OwnerSeen, circumstances: Circumstances) -> Step:
    """The ticket says what the directory says; another login, and what is wrong with the account, admins read once."""
    after = moved(_after(ticket, event), circumstances)
    renamed = ticket.login if after.login != ticket.login else ""
    told = after.state in _TOLD_IN and (after.owner is not ticket.owner or bool(renamed))
    letters = (
        to_admins(
            after,
            circumstances,
            AdminOwner(
                owner=after.owner, before=ticket.owner, login=after.login, renamed_from=renamed, **snapshot(after)
            ),
            key=circumstances.now.isoformat(),
        )
        if told
        else ()
    )
    return Step(after, letters, "; ".join(_words(ticket, after)))


def _words(before: Ticket, after: Ticket) -> list[str]:
    """What is new, for the history."""
    said = []
    if after.login != before.login:
        said.append(f"the login of the owner is {after.login} now, not {before.login}")
    if after.email != before.email:
        said.append(f"the directory has {after.email} now, not {before.email}")
    if after.owner is not before.owner:
        said.append(f"{before.owner} before, {after.owner} now")
    if after.person_id != before.person_id:
        said.append("the directory's id of the owner is known")
    return [f"the owner in the directory: {'; '.join(said)}"] if said else []
