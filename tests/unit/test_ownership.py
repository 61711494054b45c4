"""How the directory has the owner of a machine, and what admins read of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.ownership import against, as_asker, as_seen, is_news, is_well, seen
from mailbot.model import ExtensionAsked, Letter, OwnerSeen, OwnerState, Person, Restored, Step, Ticket, TicketState
from tests.lives import BY_OWNER, DAY, Life
from tests.world import ADMINS, ALICE

S = TicketState
LIFE = Life(date(2027, 3, 31))
HERS = replace(ALICE, id="entryuuid:1")


def ticket(**changes: object) -> Ticket:
    return replace(LIFE.ticket, person_id="entryuuid:1", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("person", "usable_keys", "taken", "state"),
    [
        (HERS, 1, False, OwnerState.ACTIVE),
        (HERS, 1, True, OwnerState.NAMESAKE),
        (HERS, 0, True, OwnerState.KEYLESS),
        (replace(HERS, locked=True), 0, True, OwnerState.LOCKED),
        (None, 0, True, OwnerState.SUCCEEDED),
        (None, 0, False, OwnerState.GONE),
    ],
)
def test_the_gravest_that_the_directory_says_of_an_owner_is_what_counts(
    person: Person | None, usable_keys: int, taken: bool, state: OwnerState
) -> None:
    found = as_seen(ticket(), person, usable_keys, taken=taken)
    assert (found.state, found.login, found.name, found.address) == (state, "alice", ALICE.name, ALICE.email)
    assert is_news(ticket(), found) is (state is not OwnerState.ACTIVE)


def test_letters_go_on_to_an_address_that_is_still_the_owners_and_else_to_the_first() -> None:
    (alias,) = HERS.aliases
    kept = as_seen(ticket(email=alias.upper()), HERS, 1, taken=False)
    assert kept.address == alias.upper()
    assert as_seen(ticket(email="old@example.org"), HERS, 1, taken=False).address == HERS.email


def told(before: Ticket, found: OwnerSeen) -> tuple[list[str], str]:
    step = seen(before, found, LIFE.about())
    assert {one.letter for one in step.effects} <= {Letter.ADMIN_OWNER}
    return [one.to for one in step.effects], step.summary


@pytest.mark.parametrize("state", [S.PENDING, S.APPROVED, S.FAILED, S.ACTIVE, S.EXPIRED])
def test_admins_read_once_what_is_wrong_with_an_account(state: TicketState) -> None:
    locked = as_seen(ticket(), replace(HERS, locked=True), 1, taken=False)
    everybody = [admin.address for admin in ADMINS]
    assert told(ticket(state=state), locked) == (everybody, "the owner in the directory: active before, locked now")
    assert told(ticket(state=state, owner=OwnerState.LOCKED), locked) == ([], "")


@pytest.mark.parametrize("state", [S.UNCONFIRMED, S.RETIRING, S.ARCHIVED])
def test_of_a_machine_that_nobody_has_only_the_history_says_it(state: TicketState) -> None:
    locked = as_seen(ticket(), replace(HERS, locked=True), 1, taken=False)
    assert told(ticket(state=state), locked) == ([], "the owner in the directory: active before, locked now")


def test_another_login_is_told_and_the_machine_keeps_its_name() -> None:
    renamed = as_seen(ticket(), replace(HERS, login="amartin"), 1, taken=False)
    everybody, said = told(ticket(), renamed)
    assert everybody
    assert said == "the owner in the directory: the login of the owner is amartin now, not alice"
    step = seen(ticket(), renamed, LIFE.about())
    assert (step.ticket.username, step.ticket.login) == ("alice", "amartin")
    assert step.effects[0].facts["renamed_from"] == "alice"
    back = as_seen(step.ticket, HERS, 1, taken=False)
    assert seen(step.ticket, back, LIFE.about()).ticket.renamed_to == ""


def test_another_address_or_an_id_that_is_known_now_is_news_and_no_letter() -> None:
    moved = replace(HERS, email="alice@new.example", aliases=())
    words = f"the owner in the directory: the directory has alice@new.example now, not {ALICE.email}"
    assert told(ticket(), as_seen(ticket(), moved, 1, taken=False)) == ([], words)
    unknown = replace(LIFE.ticket, person_id="")
    found = as_seen(unknown, HERS, 1, taken=False)
    assert is_news(unknown, found)
    assert told(unknown, found) == ([], "the owner in the directory: the directory's id of the owner is known")
    assert seen(ticket(), as_seen(ticket(), None, 0, taken=False), LIFE.about()).ticket.person_id == "entryuuid:1"


@pytest.mark.parametrize(
    ("state", "well", "extends", "restores"),
    [
        (OwnerState.ACTIVE, True, True, True),
        (OwnerState.NAMESAKE, True, True, True),
        (OwnerState.KEYLESS, False, True, False),
        (OwnerState.LOCKED, False, False, False),
        (OwnerState.GONE, False, False, False),
        (OwnerState.SUCCEEDED, False, False, False),
    ],
)
def test_what_the_directory_has_against_an_owner_keeps_more_from_them(
    state: OwnerState, well: bool, extends: bool, restores: bool
) -> None:
    owner = OwnerSeen(state, "entryuuid:1", "alice", ALICE.name, ALICE.email, 1)
    asked_now = replace(LIFE.about(), owner=owner)
    assert is_well(owner) is well
    extension = decide(ticket(), ExtensionAsked(BY_OWNER, date(2027, 9, 30)), asked_now)
    assert isinstance(extension, Step) is extends
    gone = ticket(state=S.ARCHIVED, keep_until=LIFE.now + DAY, lease_from=LIFE.now)
    assert isinstance(decide(gone, Restored(BY_OWNER), asked_now), Step) is restores


def test_where_the_directory_was_not_asked_nothing_is_known_against_an_owner_and_an_admin_decides() -> None:
    assert not is_well(None)
    assert not against(None, needs_key=True)
    assert isinstance(decide(ticket(), ExtensionAsked(BY_OWNER, date(2027, 9, 30)), LIFE.about()), Step)


def test_who_asks_for_a_first_machine_has_no_namesake() -> None:
    assert as_asker(HERS, 1) == as_seen(ticket(), HERS, 1, taken=False)
