"""What every `Directory` does: the stand-in in memory and the file.  A new adapter joins by a world of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from mailbot.adapters.directory_file import FileDirectory
from mailbot.adapters.memory import MemoryDirectory
from mailbot.errors import DirectoryUnavailable
from mailbot.model import Person
from mailbot.ports import Directory

ALICE = Person("alice", "Alice Martin", "alice@example.org", ("a.martin@lab.example.org",), ("ssh-ed25519 AAAA alice",))
BOB = Person("bob", "Bob 'Bobby' Müller-Łoś", "bob@example.org", locked=True)


class DirectoryWorld(Protocol):
    directory: Directory

    def put(self, person: Person) -> None: ...
    def remove(self, login: str) -> None: ...
    def break_down(self) -> None: ...
    def repair(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.directory = MemoryDirectory()
        self.put = self.directory.put
        self.remove = self.directory.remove

    def break_down(self) -> None:
        self.directory.down = True

    def repair(self) -> None:
        self.directory.down = False


class FileWorld:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "people.toml"
        self._people: dict[str, Person] = {}
        self._write()
        self.directory = FileDirectory(self._path)

    def put(self, person: Person) -> None:
        self._people[person.login] = person
        self._write()

    def remove(self, login: str) -> None:
        del self._people[login]
        self._write()

    def break_down(self) -> None:
        self._path.unlink()

    def repair(self) -> None:
        self._write()

    def _write(self) -> None:
        self._path.write_text("".join(map(entry, self._people.values())), encoding="utf-8")


def entry(person: Person) -> str:
    values = {
        "login": person.login,
        "name": person.name,
        "mail": person.email,
        "aliases": list(person.aliases),
        "ssh_keys": list(person.ssh_keys),
        "locked": person.locked,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["[[person]]", *lines, "", ""])


@pytest.fixture(params=["memory", "file"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> DirectoryWorld:
    built: DirectoryWorld = MemoryWorld() if request.param == "memory" else FileWorld(tmp_path)
    built.put(ALICE)
    built.put(BOB)
    return built


def test_a_person_is_found_by_login_with_all_that_is_known(world: DirectoryWorld) -> None:
    assert world.directory.by_login("alice") == ALICE
    assert world.directory.by_login("bob") == BOB


@pytest.mark.parametrize(
    "address", ["alice@example.org", "ALICE@Example.ORG", "a.martin@lab.example.org", "A.Martin@Lab.example.org"]
)
def test_a_person_is_found_by_any_of_their_addresses_in_any_case(world: DirectoryWorld, address: str) -> None:
    assert world.directory.by_address(address) == ALICE


@pytest.mark.parametrize(
    "word", ["", "nobody", "alic", "alice ", "*", "alice)(uid=*", "alice\x00", "аlice", "alice@example.org"]
)
def test_nobody_is_found_by_a_login_that_nobody_has(world: DirectoryWorld, word: str) -> None:
    assert world.directory.by_login(word) is None


@pytest.mark.parametrize("word", ["", "alice", "@example.org", "*@example.org", "mallory@example.org"])
def test_nobody_is_found_by_an_address_that_nobody_has(world: DirectoryWorld, word: str) -> None:
    assert world.directory.by_address(word) is None


def test_a_change_is_seen_at_the_next_question(world: DirectoryWorld) -> None:
    assert world.directory.by_login("alice") == ALICE

    world.put(replace(ALICE, locked=True))
    world.put(replace(BOB, email="robert@example.org"))

    assert world.directory.by_login("alice") == replace(ALICE, locked=True)
    assert world.directory.by_address("bob@example.org") is None
    found = world.directory.by_address("robert@example.org")
    assert found is not None
    assert found.login == "bob"


def test_somebody_who_left_is_not_found_any_more(world: DirectoryWorld) -> None:
    assert world.directory.by_login("alice") == ALICE
    world.remove("alice")

    assert world.directory.by_login("alice") is None
    assert world.directory.by_address("a.martin@lab.example.org") is None


def test_a_directory_that_cannot_be_asked_says_so_and_refuses_nobody(world: DirectoryWorld) -> None:
    assert world.directory.by_login("alice") == ALICE
    world.break_down()

    questions: list[Callable[[], Person | None]] = [
        lambda: world.directory.by_login("alice"),
        lambda: world.directory.by_login("nobody"),
        lambda: world.directory.by_address("alice@example.org"),
    ]
    for question in questions:
        with pytest.raises(DirectoryUnavailable) as caught:
            question()
        assert not caught.value.permanent

    world.repair()
    assert world.directory.by_login("alice") == ALICE


def test_several_threads_may_ask_at_once(world: DirectoryWorld) -> None:
    found: list[Person | None] = []

    def ask() -> None:
        found.extend(world.directory.by_login("alice") for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [ALICE] * 200
