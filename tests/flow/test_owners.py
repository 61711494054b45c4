"""Whose machine it is when the directory changes: another login, a login that is somebody else's now, a lock, nobody any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.model import Letter, OwnerState, Person, TicketState, Turn
from mailbot.rules import PolicyRules, Rules
from tests.world import ADMINS, ALICE, CAROL, World, key_of, kind_of, request_words
from tests.writing import words_of

RENAMED = replace(ALICE, login="alice.durand", id="memory:alice")
MOVED = replace(RENAMED, email="alice.durand@new.example.org", aliases=())
SUCCESSOR = Person("alice", "Alice Nguyen", ALICE.email, ssh_keys=(key_of("nguyen"),), id="memory:another")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with_machine = World(tmp_path, rules=Rules(policy=PolicyRules(auto_extend_days=400)))
    with_machine.writes(ALICE.email, request_words(until="2027-03-31"))
    with_machine.answers(with_machine.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    with_machine.later(minutes=1)
    assert with_machine.ticket().state is TicketState.ACTIVE
    yield with_machine
    with_machine.close()


def becomes(world: World, *people: Person) -> None:
    """The directory has these people in place of alice, and a day passes."""
    world.directory.remove("alice")
    for person in people:
        world.directory.put(person)
    world.later(days=1)


def told(world: World, since: int = 0) -> list[str]:
    """What admins were told of an owner: the words of each letter, once for all admins."""
    letters = [one for one in world.letters[since:] if kind_of(one) is Letter.ADMIN_OWNER]
    assert len(letters) % len(ADMINS) == 0
    mine = [one for one in letters if one.envelope_to == ADMINS[0].address]
    return [" ".join(words_of(one).split()) for one in mine]


def until_the_warning(world: World) -> None:
    world.clock.set(datetime(2027, 3, 24, 22, tzinfo=UTC))
    world.once()


# another login


def test_an_owner_with_another_login_keeps_the_machine_and_all_that_can_be_said_by_mail(world: World) -> None:
    ready = world.last(Letter.VM_READY)
    becomes(world, MOVED)
    # A letter that went to the address of before can be answered from the one of today.
    world.answers(ready, "status", sender=MOVED.email)
    world.later(minutes=1)
    assert (kind_of(world.letters[-1]), world.letters[-1].envelope_to) == (Letter.STATUS, MOVED.email)
    until_the_warning(world)

    warning = world.last(Letter.WARNING)
    assert warning.envelope_to == MOVED.email
    world.answers(warning, "extend until 2027-12-31")
    assert world.ticket().end_date.isoformat() == "2027-12-31"
    world.answers(world.last(Letter.EXTENSION_GRANTED), "release")
    world.answers(world.last(Letter.RELEASE_CONFIRM), "confirm")
    assert world.ticket().state is TicketState.ARCHIVED
    world.answers(world.last(Letter.VM_ARCHIVED), "restore")
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    assert world.inbox.inbox() == []


def test_another_login_is_told_to_admins_once(world: World) -> None:
    becomes(world, RENAMED)
    for _ in range(3):
        world.later(days=1)

    (words,) = told(world)
    assert "has a new login: alice.durand instead of alice" in words
    assert (world.ticket().username, world.ticket().login) == ("alice", "alice.durand")
    assert world.machines()["alice-vm@north"].running


def test_somebody_with_another_login_still_has_one_machine(world: World) -> None:
    becomes(world, RENAMED)
    world.writes(ALICE.email, request_words("alice.durand", until="2027-06-30"))

    # The form is taken as that of the machine's owner, who asks for more time.
    assert len(world.bot.context.store.tickets()) == 1
    assert kind_of(world.letters[-1]) is not Letter.REQUEST_RECEIVED


# a login that is somebody else's


def test_somebody_else_with_the_login_gets_nothing_of_the_former_owner(world: World) -> None:
    ready = world.last(Letter.VM_READY)
    becomes(world, SUCCESSOR)
    until_the_warning(world)

    assert [kind_of(one) for one in world.letters if one.envelope_to == ALICE.email][-1] is Letter.VM_READY
    before = world.ticket()
    for words in ("extend until 2027-12-31", "release", "status"):
        world.answers(ready, words, sender=ALICE.email)
    assert len(world.inbox.inbox()) == 3
    assert world.ticket() == before
    assert [kind_of(one) for one in world.letters if one.envelope_to == ALICE.email][-1] is Letter.VM_READY


def test_somebody_else_with_the_login_is_told_only_that_the_name_is_taken(world: World) -> None:
    becomes(world, SUCCESSOR)
    world.writes(ALICE.email, request_words(until="2027-06-30"))

    words = words_of(world.last(Letter.REQUEST_PROBLEMS, ALICE.email))
    assert "alice-vm, which is not yours" in words
    assert "#1" not in words
    assert len(world.bot.context.store.tickets()) == 1


def test_a_login_that_is_somebody_elses_is_told_to_admins_once(world: World) -> None:
    becomes(world, SUCCESSOR)
    for _ in range(3):
        world.later(days=1)

    (words,) = told(world)
    assert "the login alice now belongs to someone else" in words
    assert world.ticket().owner is OwnerState.SUCCEEDED


def test_while_the_directory_is_away_an_address_that_may_be_somebody_elses_is_not_written_to(world: World) -> None:
    becomes(world, SUCCESSOR)
    world.directory.down = True
    until_the_warning(world)
    world.later(hours=2)

    assert [kind_of(one) for one in world.letters if one.envelope_to == ALICE.email][-1] is Letter.VM_READY


def test_somebody_else_with_the_address_gets_nothing_and_the_machine_waits_for_an_admin(world: World) -> None:
    """The account is gone, and its address is that of a person with another login."""
    ready, seen = world.last(Letter.VM_READY), len(world.letters)
    becomes(world, replace(SUCCESSOR, login="nguyen"))
    world.answers(ready, "release", sender=ALICE.email)
    assert "is no longer in the directory" in told(world, seen)[0], "admins can end it at once"
    before = world.ticket()
    while not any(kind_of(one) is Letter.ADMIN_UNPROVEN for one in world.letters[seen:]):
        world.later(days=5)
        assert world.now < datetime(2027, 7, 1, tzinfo=UTC), "no admin is asked"
    assert (world.ticket().state, world.ticket().release_asked_at) == (before.state, None)
    assert {one.envelope_to for one in world.letters[seen:]} == {admin.address for admin in ADMINS}
    world.answers(world.last(Letter.ADMIN_UNPROVEN, CAROL.address), "proceed")
    assert world.ticket().state is TicketState.EXPIRED


def test_the_former_owner_with_another_login_keeps_what_the_login_is_lost_to(world: World) -> None:
    becomes(world, MOVED, SUCCESSOR)

    assert world.ticket().owner is OwnerState.NAMESAKE
    (words,) = told(world)
    assert "now belongs to someone else" in words
    assert "The owner has a new login: alice.durand" in words
    world.answers(world.last(Letter.VM_READY), "status", sender=MOVED.email)
    world.later(minutes=1)
    assert (kind_of(world.letters[-1]), world.letters[-1].envelope_to) == (Letter.STATUS, MOVED.email)


# a lock, no key, nobody


@pytest.mark.parametrize(
    ("person", "state", "words"),
    [
        (replace(ALICE, locked=True), OwnerState.LOCKED, "is locked"),
        (replace(ALICE, ssh_keys=()), OwnerState.KEYLESS, "no usable SSH key"),
        (None, OwnerState.GONE, "Alice Martin (alice), who owns alice-vm, is no longer"),
    ],
)
def test_what_is_wrong_with_an_account_is_told_once_and_again_when_it_is_right(
    world: World, person: Person | None, state: OwnerState, words: str
) -> None:
    becomes(world, *([person] if person else []))
    world.later(days=1)
    (first,) = told(world)
    assert words in first
    assert world.ticket().owner is state

    before = len(world.letters)
    world.directory.put(ALICE)
    world.later(days=1)
    world.later(days=1)
    (again,) = told(world, before)
    assert "is back to normal" in again
    assert world.ticket().owner is OwnerState.ACTIVE


def test_a_directory_that_is_away_says_nothing_about_anybody(world: World) -> None:
    world.directory.remove("alice")
    world.directory.down = True
    world.later(days=1)
    world.later(days=1)
    assert told(world) == []

    world.directory.down = False
    world.later(minutes=1)
    assert len(told(world)) == 1


def test_a_ticket_without_an_id_gets_it_at_the_next_look(world: World) -> None:
    store = world.bot.context.store
    before = replace(world.ticket(), person_id="")
    store.commit(Turn(now=world.now, ticket=before, expected_revision=before.revision))
    world.later(days=1)
    assert world.ticket().person_id == "memory:alice"
    assert told(world) == []
    assert store.history(1)[-1].event == "OwnerSeen"


def test_ids_of_another_directory_are_taken_for_none(world: World) -> None:
    before = replace(world.ticket(), person_id="elsewhere:4711")
    world.bot.context.store.commit(Turn(now=world.now, ticket=before, expected_revision=before.revision))
    world.answers(world.last(Letter.VM_READY), "status")
    world.later(minutes=1)
    assert kind_of(world.letters[-1]) is Letter.STATUS
    world.later(days=1)
    assert world.ticket().person_id == "memory:alice"


# what is asked for, and what is said of what was checked


def asks_for_more(world: World, person: Person) -> list[str]:
    """The owner asks for more time when the directory has this of them; the kinds of letters that follow."""
    until_the_warning(world)
    world.directory.put(person)
    before = len(world.letters)
    world.answers(world.last(Letter.WARNING), "extend until 2027-12-31")
    return [kind_of(one).value for one in world.letters[before:]]


def test_a_locked_owner_gets_no_extension_without_or_with_an_admin(world: World) -> None:
    assert asks_for_more(world, replace(ALICE, locked=True)) == ["command-refused"]
    assert "The account alice is locked" in " ".join(words_of(world.letters[-1]).split())
    assert (world.ticket().end_date.isoformat(), world.ticket().asked_end_date) == ("2027-03-31", None)


def test_an_owner_without_a_key_gets_an_extension_from_admins_who_read_that(world: World) -> None:
    assert asks_for_more(world, replace(ALICE, ssh_keys=())) == ["extension-received", *["admin-decision"] * 2]
    words = " ".join(words_of(world.letters[-1]).split())
    assert "The directory has no usable SSH key for this person." in words
    assert "at least one usable SSH key" not in words


def test_an_owner_with_whom_all_is_well_gets_it_at_once(world: World) -> None:
    assert asks_for_more(world, ALICE) == ["extension-granted"]


@pytest.mark.parametrize(
    ("person", "words"),
    [(replace(ALICE, locked=True), "The account alice is locked"), (replace(ALICE, ssh_keys=()), "no usable SSH key")],
)
def test_a_kept_disk_comes_back_only_for_somebody_who_may_have_a_machine(
    world: World, person: Person, words: str
) -> None:
    world.answers(world.last(Letter.VM_READY), "release")
    world.answers(world.last(Letter.RELEASE_CONFIRM), "confirm")
    assert world.ticket().state is TicketState.ARCHIVED
    world.directory.put(person)
    world.answers(world.last(Letter.VM_ARCHIVED), "restore")
    assert kind_of(world.letters[-1]) is Letter.COMMAND_REFUSED
    assert words in " ".join(words_of(world.letters[-1]).split())
    assert world.ticket().state is TicketState.ARCHIVED


def test_a_reminder_says_how_the_directory_has_the_asker_then(tmp_path: Path) -> None:
    fresh = World(tmp_path)
    fresh.writes(ALICE.email, request_words(until="2027-03-31"))
    assert "alice is an active account" in words_of(fresh.last(Letter.ADMIN_DECISION))
    fresh.directory.put(replace(ALICE, locked=True))
    fresh.later(days=3, hours=1)
    words = words_of(fresh.last(Letter.ADMIN_REMINDER))
    assert "The account alice is locked." in words
    assert "active account" not in words
    fresh.close()


def test_a_directory_that_is_away_is_no_check(tmp_path: Path) -> None:
    fresh = World(tmp_path)
    fresh.writes(ALICE.email, request_words(until="2027-03-31"))
    fresh.directory.down = True
    fresh.later(days=3, hours=1)
    words = " ".join(words_of(fresh.last(Letter.ADMIN_REMINDER)).split())
    assert "The directory could not be asked about alice when this was written." in words
    assert "SSH key" not in words
    fresh.close()


def test_who_is_gone_and_had_an_answer_today_is_left_for_people(world: World) -> None:
    until_the_warning(world)
    world.directory.remove(ALICE.login)
    warning, before = world.last(Letter.WARNING), len(world.letters)
    world.answers(warning, "extend until 2027-12-31")
    assert [kind_of(one) for one in world.letters[before:]] == [Letter.UNKNOWN_SENDER]
    assert not world.inbox.inbox()
    world.answers(warning, "Please, I still need it")
    assert [kind_of(one) for one in world.letters[before:]] == [Letter.UNKNOWN_SENDER]
    assert len(world.inbox.inbox()) == 1, "nobody was told, so people find it"
