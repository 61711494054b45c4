"""Logins as directories have them: with dots, underscores and capitals, of which no host name is made as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.cli.looking import found
from mailbot.model import Letter, Person, TicketState
from mailbot.ports.store import Wanted
from tests.world import CAROL, World, key_of, request_words
from tests.writing import words_of


def person(login: str) -> Person:
    name = login.replace(".", " ").replace("_", " ").title()
    return Person(login, name, f"{login.lower()}@example.org", ssh_keys=(key_of(login),))


def running(root: Path, login: str, *others: str) -> World:
    """A world in which that person has a machine; the request has the login as they write it."""
    world = World(root, people=[person(one) for one in (login, *others)])
    world.writes(person(login).email, request_words(username=login, until="2027-03-31"))
    world.answers(world.last(Letter.ADMIN_DECISION, to=CAROL.address), "approve")
    for _ in range(5):
        world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    return world


@pytest.mark.parametrize(
    ("login", "machine"),
    [
        ("jean.dupont", "jean-dupont-vm"),
        ("jean_dupont", "jean-dupont-vm"),
        ("JDupont", "jdupont-vm"),
        ("alice", "alice-vm"),
    ],
)
def test_their_owner_has_a_machine_from_the_request_to_the_extension(login: str, machine: str, tmp_path: Path) -> None:
    world = running(tmp_path, login)
    ticket = world.ticket()
    assert (ticket.login, list(world.machines())) == (login, [f"{machine}@north"])
    ready = world.last(Letter.VM_READY)
    assert f"ssh root@{machine}.north.testbed.example" in words_of(ready)
    world.answers(ready, "extend until 2027-06-30")
    assert str(world.ticket().asked_end_date) == "2027-06-30"
    world.answers(world.last(Letter.EXTENSION_RECEIVED), "status")
    assert f"login {login}" in words_of(world.last(Letter.STATUS))
    for _ in range(2):
        world.later(days=1)
    assert Letter.ADMIN_OWNER.value not in {letter.letter for letter in world.bot.context.store.accepted(1)}
    world.close()


@pytest.mark.parametrize("which", ["jean.dupont", "jean-dupont-vm", "jean-dupont-vm.north.testbed.example", "1"])
def test_operators_find_its_ticket_by_login_and_by_machine(which: str, tmp_path: Path) -> None:
    world = running(tmp_path, "jean.dupont")
    store = world.bot.context.store
    assert found(store, which).id == 1
    assert [ticket.id for ticket in store.overview.tickets(Wanted(username="jean.dupont"))] == [1]
    world.close()


def test_two_logins_of_one_host_name_do_not_get_one_machine(tmp_path: Path) -> None:
    world = running(tmp_path, "jean.dupont", "jean_dupont")
    world.writes(person("jean_dupont").email, request_words(username="jean_dupont"))
    told = words_of(world.last(Letter.REQUEST_PROBLEMS))
    assert "there is already a machine jean-dupont-vm, which is not yours" in " ".join(told.split())
    assert world.ticket().login == "jean.dupont"
    world.close()


def test_a_renamed_owner_is_found_by_the_former_login(tmp_path: Path) -> None:
    """For what is exported and erased: the ticket keeps only what the machine's name has of that login."""
    world = running(tmp_path, "JDupont")
    before = world.bot.context.directory.by_login("JDupont")
    assert before is not None
    world.directory.remove("JDupont")
    world.directory.put(replace(before, login="jdurand"))
    for _ in range(2):
        world.later(days=1)
    assert world.ticket().login == "jdurand"
    store = world.bot.context.store
    for login in ("JDupont", "jdurand"):
        assert [ticket.person_id for one in store.archive.namesakes(login) for ticket in [one]] == [before.id]
    world.close()


def test_of_two_logins_of_one_host_name_each_finds_its_own(tmp_path: Path) -> None:
    world = running(tmp_path, "jean.dupont", "jean-dupont")
    store = world.bot.context.store
    assert len(store.archive.namesakes("jean.dupont")) == 1
    assert store.archive.namesakes("jean-dupont") == []
    world.close()


def test_whoever_gets_the_login_of_somebody_who_left_is_told_apart(tmp_path: Path) -> None:
    world = running(tmp_path, "jean.dupont")
    world.directory.remove("jean.dupont")
    world.directory.put(replace(person("jean.dupont"), id="memory:another", email="other@example.org"))
    for _ in range(2):
        world.later(days=1)
    told = " ".join(words_of(world.last(Letter.ADMIN_OWNER, to=CAROL.address)).split())
    assert "is no longer in the directory, and the login" in told
    world.close()
