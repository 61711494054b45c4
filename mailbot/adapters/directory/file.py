"""The directory of users as one TOML file, read again when it changes.

    [[person]]
    login = "alice"
    id = "alice"                                # may be left out: the login then
    name = "Alice Martin"
    mail = "alice@example.org"
    aliases = ["a.martin@lab.example.org"]      # may be left out
    ssh_keys = ["ssh-ed25519 AAAA… alice@laptop"]  # may be left out
    ssh_keys_file = "keys/alice.pub"            # may be left out; one key a line, relative to this file
    locked = false                              # may be left out
    language = "fr"                             # may be left out: the language of letters, where they write in none

A login is found without its capitals where only one person has it, an address in any case.  The id says who it is: somebody with a new login keeps it, and
somebody new with a login that was in use gets another one.
"""

from __future__ import annotations

import difflib
import re
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mailbot.adapters.directory.spelling import plain, without_capitals
from mailbot.errors import DirectoryUnavailable
from mailbot.model import Admin, Person
from parsers.translatable import NOTHING, Translatable, as_one, say, words_of

_KEYS: Final[Mapping[str, type]] = {
    "login": str,
    "id": str,
    "name": str,
    "mail": str,
    "aliases": list,
    "ssh_keys": list,
    "ssh_keys_file": str,
    "locked": bool,
    "language": str,
}
_REQUIRED: Final = ("login", "name", "mail")
_NOT_EMPTY: Final = (*_REQUIRED, "id")
_TYPE_NAMES: Final = {
    str: say("a text in quotes"),
    list: say("a list of texts in quotes"),
    bool: say("true or false"),
}
_HEADER: Final = re.compile(r"\s*\[\[\s*person\s*\]\]")
_ADDRESS: Final = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")

KIND: Final = "file:"
"""What ids of people in a file begin with."""

_Stamp = tuple[tuple[Path, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The people of one state of the files; `stamp` is (path, mtime in ns, size) of each file read."""

    stamp: _Stamp
    by_login: Mapping[str, Person]
    without_capitals: Mapping[str, Person] = field(repr=False)
    by_address: Mapping[str, Person] = field(repr=False)
    by_id: Mapping[str, Person] = field(repr=False)


class FileDirectory:
    """`Directory` from a TOML file.  Safe from several threads; of logins that differ in capitals the exact one counts; addresses are compared without case."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def by_login(self, login: str) -> Person | None:
        people = self._current()
        return people.by_login.get(login) or people.without_capitals.get(plain(login))

    def by_address(self, address: str) -> Person | None:
        # Not str.lower for every letter: the Kelvin sign would become a k.
        return self._current().by_address.get(address.lower() if address.isascii() else address)

    def by_id(self, person_id: str) -> Person | None:
        return self._current().by_id.get(person_id)

    def issued(self, person_id: str) -> bool:
        return person_id.startswith(KIND)

    def admins(self) -> tuple[Admin, ...]:
        """Nobody: with a file, admins are those of the configuration."""
        return ()

    def close(self) -> None:
        """Nothing is open."""

    def people(self) -> tuple[Person, ...]:
        """Everybody, in the order of the file.  Raises DirectoryUnavailable with all that is wrong in it, a line each."""
        return tuple(self._current().by_login.values())

    def _current(self) -> _Loaded:
        """The people now; a file that was broken by an edit is never answered from memory, since somebody may have left."""
        with self._lock:
            if self._loaded is None or self._stamp(self._loaded) != self._loaded.stamp:
                self._loaded = None
                self._loaded = _load(self._path)
            return self._loaded

    @staticmethod
    def _stamp(loaded: _Loaded) -> _Stamp:
        return tuple([_stat(path) for path, _mtime, _size in loaded.stamp])


def _stat(path: Path) -> tuple[Path, int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise DirectoryUnavailable(
            say("{path} cannot be read: {error}", path=str(path), error=str(error.strerror))
        ) from error
    return path, stat.st_mtime_ns, stat.st_size


def _read(path: Path, stamps: list[tuple[Path, int, int]]) -> str:
    # The stamp is taken before the text: a file that changes in between is read again next time.
    stamps.append(_stat(path))
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DirectoryUnavailable(
            say("{path} cannot be read: {error}", path=str(path), error=str(error.strerror))
        ) from error
    except UnicodeDecodeError as error:
        raise DirectoryUnavailable(
            say("{path} is not UTF-8 text (byte {number}).", path=str(path), number=error.start)
        ) from error


def _load(path: Path) -> _Loaded:
    stamps: list[tuple[Path, int, int]] = []
    text = _read(path, stamps)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DirectoryUnavailable(say("{path} is not TOML: “{error}”", path=str(path), error=str(error))) from error
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if _HEADER.match(line)]
    entries = document.pop("person", [])
    people_only = say("people are written as [[person]], one such heading each")
    problems = [_at(str(path), as_one(_unknown(key), people_only, by="; ")) for key in document]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DirectoryUnavailable(_at(str(path), people_only))
    people: list[tuple[Translatable, Person]] = []
    for number, entry in enumerate(entries):
        where = _where(path, lines[number] if len(lines) == len(entries) else 0, number + 1, entry)
        found = list(_entry_problems(entry))
        problems += [_at(where, problem) for problem in found]
        if not found:
            try:
                people.append((where, _person(path, entry, stamps)))
            except DirectoryUnavailable as error:
                problems.append(_at(where, as_one("ssh_keys_file", words_of(error), by=": ")))
    by_login, by_address, by_id, doubles = _index(people)
    problems += doubles
    if problems:
        raise DirectoryUnavailable(as_one(*problems, by="\n"))
    return _Loaded(tuple(stamps), by_login, without_capitals(by_login.values()), by_address, by_id)


def _at(where: str, problem: Translatable) -> Translatable:
    return say("{where}: {problem}", where=where, problem=problem)


def _where(path: Path, line: int, number: int, entry: Mapping[str, Any]) -> Translatable:
    """The place of a person in the file; `line` is 0 where it cannot be told."""
    login = str(entry.get("login", "")) or say("no login")
    if not line:
        return say("{path}, person {number} ({login})", path=str(path), number=number, login=login)
    return say("{path}, line {line}, person {number} ({login})", path=str(path), line=line, number=number, login=login)


def _unknown(key: str) -> Translatable:
    return say("unknown key {key}", key=key)


def _entry_problems(entry: Mapping[str, Any]) -> Iterator[Translatable]:
    for key in entry:
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            yield as_one(_unknown(key), say("(did you mean {key}?)", key=close[0]) if close else NOTHING)
    for key, kind in _KEYS.items():
        if key in entry:
            yield from _value_problems(key, kind, entry[key])
        elif key in _REQUIRED:
            yield say("{key} is missing", key=key)


def _value_problems(key: str, kind: type[Any], value: Any) -> Iterator[Translatable]:
    texts = value if kind is list and isinstance(value, list) else []
    if type(value) is not kind or not all(isinstance(text, str) for text in texts):
        yield say("{key} must be {kind}", key=key, kind=_TYPE_NAMES[kind])
    elif key in _NOT_EMPTY and not str(value).strip():
        yield say("{key} is empty", key=key)
    else:
        yield from (
            say("“{text}” is not an email address", text=text)
            for text in _addresses(key, value)
            if not _ADDRESS.fullmatch(text)
        )


def _addresses(key: str, value: Any) -> Iterable[str]:
    if key == "mail":
        return (value,)
    return value if key == "aliases" else ()


def _person(path: Path, entry: Mapping[str, Any], stamps: list[tuple[Path, int, int]]) -> Person:
    keys = list(entry.get("ssh_keys", ()))
    if "ssh_keys_file" in entry:
        text = _read(path.parent / entry["ssh_keys_file"], stamps)
        keys += [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return Person(
        login=entry["login"],
        name=entry["name"],
        email=entry["mail"].lower(),
        aliases=tuple(alias.lower() for alias in entry.get("aliases", ())),
        ssh_keys=tuple(keys),
        locked=entry.get("locked", False),
        id=f"{KIND}{entry.get('id', entry['login'])}",
        language=entry.get("language", ""),
    )


def _index(
    people: Iterable[tuple[Translatable, Person]],
) -> tuple[dict[str, Person], dict[str, Person], dict[str, Person], list[Translatable]]:
    """Look-up tables by login, address and id, and what stands for two people: an address must say who writes."""
    by_login: dict[str, Person] = {}
    by_address: dict[str, Person] = {}
    by_id: dict[str, Person] = {}
    problems: list[Translatable] = []
    for where, person in people:
        if by_login.setdefault(person.login, person) is not person:
            problems.append(_at(where, say("the login {login} is there twice", login=person.login)))
        elif (same := by_id.setdefault(person.id, person)) is not person:
            id_ = person.id.removeprefix(KIND)
            taken = say("{login} already has the id {id}; give this person another one", login=same.login, id=id_)
            problems.append(_at(where, taken))
        for address in sorted(person.addresses):
            other = by_address.setdefault(address, person)
            if other is not person:
                taken = say("{login} already has the address {address}", login=other.login, address=address)
                problems.append(_at(where, taken))
    return by_login, by_address, by_id, problems
