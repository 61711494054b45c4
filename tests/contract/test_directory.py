"""What every `Directory` does: the stand-in in memory, the file, an LDAP server, and each with a command for the keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from mailbot.adapters.directory.file import FileDirectory
from mailbot.adapters.directory.keys_command import KeysByCommand
from mailbot.adapters.directory.ldap import LdapDirectory
from mailbot.adapters.directory.ldap_connection import LdapServer
from mailbot.adapters.directory.ldap_people import LdapLayout
from mailbot.adapters.directory.memory import MemoryDirectory
from mailbot.adapters.transport import Security
from mailbot.errors import DirectoryUnavailable
from mailbot.model import Person
from mailbot.ports import Directory
from tests import slapd
from tests.clock import wall
from tests.slapd import Slapd, private_slapd

ALICE = Person("alice", "Alice Martin", "alice@example.org", ("a.martin@lab.example.org",), ("ssh-ed25519 AAAA alice",))
BOB = Person("bob", "Bob 'Bobby' Müller-Łoś", "bob@example.org", locked=True)
MARK = Person("mark", "Mark", "mark@example.org")


class DirectoryWorld(Protocol):
    directory: Directory

    def put(self, person: Person) -> None: ...
    def remove(self, login: str) -> None: ...
    def rename(self, person: Person, login: str) -> None:
        """The same person has another login from now on."""

    def succeed(self, person: Person) -> None:
        """Somebody else gets that person's login, name and addresses."""

    def break_down(self) -> None: ...
    def repair(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.directory = MemoryDirectory()
        self.put = self.directory.put
        self.remove = self.directory.remove

    def rename(self, person: Person, login: str) -> None:
        self.remove(person.login)
        self.put(replace(person, login=login, id=f"memory:{person.login}"))

    def succeed(self, person: Person) -> None:
        self.put(replace(person, id=f"memory:another {person.login}"))

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

    def rename(self, person: Person, login: str) -> None:
        self.remove(person.login)
        self.put(replace(person, login=login, id=person.login))

    def succeed(self, person: Person) -> None:
        self.put(replace(person, id=f"another {person.login}"))

    def break_down(self) -> None:
        self._path.unlink()

    def repair(self) -> None:
        self._write()

    def _write(self) -> None:
        self._path.write_text("".join(map(entry, self._people.values())), encoding="utf-8")


class LdapWorld:
    """A real server; `repair` also cleans up for the next test."""

    def __init__(self, server: Slapd) -> None:
        self._server = server
        self.directory = LdapDirectory(
            LdapServer(
                host=server.host,
                port=server.port,
                security=Security.STARTTLS,
                bind_dn=slapd.READER_DN,
                password=lambda: slapd.PASSWORD,
                ca_file=server.ca_file,
            ),
            LdapLayout(slapd.PEOPLE, aliases=("mailAlternateAddress",)),
            wall,
            cache_seconds=0,
        )
        self._logins: set[str] = set()

    def put(self, person: Person) -> None:
        self._logins.add(person.login)
        dn, values = slapd.person(
            person.login,
            cn=[person.name],
            mail=[person.email],
            mailAlternateAddress=person.aliases,
            sshPublicKey=person.ssh_keys,
            nsAccountLock=["true"] if person.locked else [],
        )
        self._server.put(dn, values)

    def remove(self, login: str) -> None:
        self._server.remove(slapd.person(login)[0])

    def rename(self, person: Person, login: str) -> None:
        self._logins = self._logins - {person.login} | {login}
        self._server.rename(slapd.person(person.login)[0], f"uid={login}")

    def succeed(self, person: Person) -> None:
        self.remove(person.login)
        self.put(person)

    def break_down(self) -> None:
        self._server.stop()

    def repair(self) -> None:
        self._server.start()

    def clean_up(self) -> None:
        self.directory.close()
        if not self._server.running:
            self._server.start()
        for login in self._logins:
            self.remove(login)


class WithCommand:
    """Another world whose keys are printed by a command: here /bin/cat, and a file for each login."""

    def __init__(self, inner: FileWorld | LdapWorld, folder: Path) -> None:
        self._inner = inner
        self._folder = folder
        argv = ["/bin/cat", f"{folder}/{{login}}.keys"]
        self.directory: Directory = KeysByCommand(inner.directory, argv, cache_seconds=0)
        self.remove, self.break_down, self.repair = inner.remove, inner.break_down, inner.repair

    def put(self, person: Person) -> None:
        self._inner.put(replace(person, ssh_keys=()))
        self._print(person.login, person)

    def _print(self, login: str, person: Person) -> None:
        (self._folder / f"{login}.keys").write_text("".join(f"{key}\n" for key in person.ssh_keys))

    def rename(self, person: Person, login: str) -> None:
        self._print(login, person)
        self._inner.rename(replace(person, ssh_keys=()), login)

    def succeed(self, person: Person) -> None:
        self._print(person.login, person)
        self._inner.succeed(replace(person, ssh_keys=()))


def entry(person: Person) -> str:
    values = {
        "login": person.login,
        "name": person.name,
        "mail": person.email,
        "aliases": list(person.aliases),
        "ssh_keys": list(person.ssh_keys),
        "locked": person.locked,
        **({"id": person.id} if person.id else {}),
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["[[person]]", *lines, "", ""])


@pytest.fixture(scope="module")
def ldap_server() -> Iterator[Slapd]:
    with private_slapd() as server:
        yield server


@pytest.fixture(params=["memory", "file", "ldap", "file with a command", "ldap with a command"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DirectoryWorld]:
    built: DirectoryWorld
    ldap = LdapWorld(request.getfixturevalue("ldap_server")) if request.param.startswith("ldap") else None
    built = ldap or (MemoryWorld() if request.param == "memory" else FileWorld(tmp_path))
    if request.param.endswith("command"):
        assert not isinstance(built, MemoryWorld)
        built = WithCommand(built, tmp_path)
    for person in (ALICE, BOB, MARK):
        built.put(person)
    yield built
    if ldap is not None:
        ldap.clean_up()


def known(person: Person | None) -> Person | None:
    """The person without the id, which some directories make themselves."""
    return person and replace(person, id="")


def test_a_person_is_found_by_login_with_all_that_is_known(world: DirectoryWorld) -> None:
    assert known(world.directory.by_login("alice")) == ALICE
    assert known(world.directory.by_login("bob")) == BOB


@pytest.mark.parametrize(
    "address", ["alice@example.org", "ALICE@Example.ORG", "a.martin@lab.example.org", "A.Martin@Lab.example.org"]
)
def test_a_person_is_found_by_any_of_their_addresses_in_any_case(world: DirectoryWorld, address: str) -> None:
    assert known(world.directory.by_address(address)) == ALICE


@pytest.mark.parametrize(
    "word",
    ["", "nobody", "alic", "alice ", "*", "alice)(uid=*", "alice\x00", "аlice", "alice@example.org"],
)
def test_nobody_is_found_by_a_login_that_nobody_has(world: DirectoryWorld, word: str) -> None:
    assert world.directory.by_login(word) is None


@pytest.mark.parametrize("written", ["Alice", "ALICE"])
def test_a_login_is_found_without_its_capitals(world: DirectoryWorld, written: str) -> None:
    assert known(world.directory.by_login(written)) == ALICE


@pytest.mark.parametrize(
    "word",
    [
        "",
        "alice",
        "@example.org",
        "*@example.org",
        "mallory@example.org",
        "mar\u212a@example.org",  # the Kelvin sign, whose small letter is a k
        "mark@example.org ",
        "mark@example.org\x00",
        "x)(mail=*@example.org",
    ],
)
def test_nobody_is_found_by_an_address_that_nobody_has(world: DirectoryWorld, word: str) -> None:
    assert world.directory.by_address(word) is None


def test_a_change_is_seen_at_the_next_question(world: DirectoryWorld) -> None:
    assert known(world.directory.by_login("alice")) == ALICE

    world.put(replace(ALICE, locked=True))
    world.put(replace(BOB, email="robert@example.org"))

    assert known(world.directory.by_login("alice")) == replace(ALICE, locked=True)
    assert world.directory.by_address("bob@example.org") is None
    found = world.directory.by_address("robert@example.org")
    assert found is not None
    assert found.login == "bob"


def test_somebody_who_left_is_not_found_any_more(world: DirectoryWorld) -> None:
    assert known(world.directory.by_login("alice")) == ALICE
    world.remove("alice")

    assert world.directory.by_login("alice") is None
    assert world.directory.by_address("a.martin@lab.example.org") is None


def the_id_of(world: DirectoryWorld, login: str) -> str:
    person = world.directory.by_login(login)
    assert person is not None
    assert person.id
    return person.id


def test_a_person_is_found_by_an_id_that_nobody_else_has(world: DirectoryWorld) -> None:
    ids = {the_id_of(world, login) for login in ("alice", "bob", "mark")}

    assert len(ids) == 3
    assert {known(world.directory.by_id(one)) for one in ids} == {ALICE, BOB, MARK}
    assert all(map(world.directory.issued, ids))


def test_somebody_with_another_login_is_the_same_person(world: DirectoryWorld) -> None:
    before = the_id_of(world, "alice")
    world.rename(ALICE, "alice.durand")

    assert world.directory.by_login("alice") is None
    assert known(world.directory.by_id(before)) == replace(ALICE, login="alice.durand")
    assert the_id_of(world, "alice.durand") == before
    found = world.directory.by_address("a.martin@lab.example.org")
    assert found is not None
    assert found.id == before


def test_somebody_else_with_the_same_login_and_address_is_another_person(world: DirectoryWorld) -> None:
    before = the_id_of(world, "alice")
    world.succeed(ALICE)

    assert the_id_of(world, "alice") != before
    assert world.directory.by_id(before) is None
    found = world.directory.by_address("alice@example.org")
    assert found is not None
    assert found.id != before


def test_the_id_of_another_directory_says_nothing_here(world: DirectoryWorld) -> None:
    value = the_id_of(world, "alice").partition(":")[2]

    for foreign in ("", "alice", value, f"elsewhere:{value}"):
        assert not world.directory.issued(foreign)
        assert world.directory.by_id(foreign) is None


@pytest.mark.parametrize("word", ["nobody", "*", "x)(uid=*", "alice\x00"])
def test_nobody_is_found_by_an_id_that_nobody_has(world: DirectoryWorld, word: str) -> None:
    kind = the_id_of(world, "alice").partition(":")[0]
    assert world.directory.by_id(f"{kind}:{word}") is None


def test_a_directory_that_cannot_be_asked_says_so_and_refuses_nobody(world: DirectoryWorld) -> None:
    assert known(world.directory.by_login("alice")) == ALICE
    person_id = the_id_of(world, "alice")
    world.break_down()

    questions: list[Callable[[], Person | None]] = [
        lambda: world.directory.by_login("alice"),
        lambda: world.directory.by_login("nobody"),
        lambda: world.directory.by_address("alice@example.org"),
        lambda: world.directory.by_id(person_id),
    ]
    for question in questions:
        with pytest.raises(DirectoryUnavailable) as caught:
            question()
        assert not caught.value.permanent

    world.repair()
    assert known(world.directory.by_login("alice")) == ALICE


def test_a_directory_without_a_group_has_no_admins(world: DirectoryWorld) -> None:
    assert world.directory.admins() == ()


def test_a_directory_can_be_asked_again_after_it_was_closed(world: DirectoryWorld) -> None:
    world.directory.close()
    assert known(world.directory.by_login("alice")) == ALICE
    world.directory.close()
    world.directory.close()


def test_several_threads_may_ask_at_once(world: DirectoryWorld) -> None:
    found: list[Person | None] = []

    def ask() -> None:
        found.extend(known(world.directory.by_login("alice")) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [ALICE] * 200
