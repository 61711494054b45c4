"""Sentences that can be said in another language: English words that know what they were made of.

A sentence is made where something is decided or read; in which language somebody reads it is known only where a letter is
written.  So `say` gives a text (in English, for logs and histories) that keeps its message key and its values, and the
writer of letters looks the key up in the catalogue of the reader's language (gettext's way: the key is the English text).

A placeholder is `{name}`; `{Name}` is the same value with its first letter in upper case.  Nothing else in a key has a
meaning: keys and values may come out of the child that reads hostile mail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

_JSON = ("{", '"')
"""How a stored text begins that is not its own words."""
_PLACEHOLDER = re.compile(r"\{(\w{1,40})\}")
_DEEPEST = 8
"""Sentences in sentences, as they come from outside: ours have at most six (why no site can take a machine)."""


class Translatable(str):
    """Words as they are in English; `key` is the message they were made from ("" for words that stay as they are).

    `many` is the message for other numbers than one, chosen by `number`; `values` are what the placeholders stand for.
    """

    __slots__ = ("key", "many", "number", "values")

    key: str
    many: str
    number: int
    values: tuple[tuple[str, Value], ...]

    def __new__(
        cls, words: str, key: str = "", values: tuple[tuple[str, Value], ...] = (), many: str = "", number: int = 0
    ) -> Translatable:
        self = super().__new__(cls, words)
        self.key, self.values, self.many, self.number = key, values, many, number
        return self

    def given(self, **values: Value) -> Translatable:
        """The same sentence with these values."""
        return _made(self.key, (*self.values, *values.items()), self.many, self.number)

    def written(self, writer: Writer) -> str:
        """The words in the writer's language."""
        return _said(self.key, self.values, self.many, self.number, writer) if self.key else str(self)


Value: TypeAlias = str | int | date
"""A value in a sentence; one that is itself `Translatable` is said in the same language.  A moment is aware, in the zone in
which it is to be read."""


class Writer(Protocol):
    """What a language knows."""

    def pattern(self, key: str, many: str, number: int) -> str:
        """The message of that key, for that number where there is a message for many."""

    def day(self, day: date) -> str:
        """A day, as `Monday 31 January 2027`."""

    def at(self, moment: datetime) -> str:
        """A moment, as `on Monday 31 January 2027 at 17:05`."""


def say(key: str, /, **values: Value) -> Translatable:
    """A sentence by its English pattern, which is its key in every catalogue: it must stand there as it is, in quotes."""
    return _made(key, tuple(values.items())) if values else _fixed(key)


@lru_cache(maxsize=1024)  # each of them is a constant of the program
def _fixed(key: str) -> Translatable:
    return _made(key, ())


def say_many(one: str, many: str, /, number: int, **values: Value) -> Translatable:
    """A sentence that depends on a number, which is also the value `number`."""
    return _made(one, (("number", number), *values.items()), many, number)


def say_day(day: date) -> Translatable:
    """A day alone."""
    return _made("{day}", (("day", day),))


def as_one(*sentences: str, by: str = " ") -> Translatable:
    """Several sentences as one text; those that are empty are left out."""
    parts = [one for one in sentences if one]
    if len(parts) == 1 and isinstance(parts[0], Translatable):
        return parts[0]
    names = [f"part{number}" for number in range(len(parts))]
    return _made(by.join(f"{{{name}}}" for name in names), tuple(zip(names, parts, strict=True)))


def words_of(error: BaseException) -> Translatable:
    """What an error says: the sentence that it was raised with, anything else as it is."""
    first = error.args[0] if len(error.args) == 1 else None
    return first if isinstance(first, Translatable) else Translatable(str(error))


def named(error: BaseException) -> Translatable:
    """`words_of` an error of ours; one of a library with its kind in front, which is often all that it says."""
    words = words_of(error)
    return words if words.key else Translatable(f"{type(error).__name__}: {words}")


def filled(pattern: str, values: Mapping[str, str]) -> str:
    """The pattern with its values; a placeholder without one stays as it stands there."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name in values:
            return values[name]
        words = values.get(name[:1].lower() + name[1:])
        return found[0] if words is None else words[:1].upper() + words[1:]

    return _PLACEHOLDER.sub(value, pattern)


def as_text(words: str) -> str:
    """The words as one text that keeps what they were made of; a plain text as itself.  `from_text` reads it."""
    plain = not (isinstance(words, Translatable) and words.key) and not words.startswith(_JSON)
    return str(words) if plain else json.dumps(as_data(words), ensure_ascii=False)


def from_text(text: str) -> Translatable:
    """What `as_text` gave; any other text as it is."""
    if not text.startswith(_JSON):
        return Translatable(text)
    try:
        return from_data(json.loads(text))
    except ValueError:
        return Translatable(text)


def as_data(words: str) -> Any:
    """The words as JSON-able data that keeps what they were made of; a plain text as itself."""
    if not isinstance(words, Translatable) or not words.key:
        return str(words)
    data: dict[str, Any] = {"say": words.key}
    if words.many:
        data |= {"many": words.many, "number": words.number}
    if words.values:
        data["with"] = {name: _as_data(value) for name, value in words.values}
    return data


def from_data(data: Any, depth: int = 0) -> Translatable:
    """What `as_data` gave; raises ValueError for anything else."""
    if isinstance(data, str):
        return Translatable(data)
    if not isinstance(data, dict) or depth > _DEEPEST:
        raise ValueError("no words")
    key, many, number, values = (data.get(name, "") for name in ("say", "many", "number", "with"))
    if not (isinstance(key, str) and isinstance(many, str) and isinstance(number or 0, int)):
        raise ValueError("no words")
    pairs = values.items() if isinstance(values, dict) else ()
    return _made(key, tuple((str(name), _from_data(value, depth + 1)) for name, value in pairs), many, number or 0)


def _as_data(value: Value) -> Any:
    match value:
        case datetime():
            return {"at": value.isoformat()}
        case date():
            return {"day": value.isoformat()}
        case str():
            return as_data(value)
        case _:
            return value


def _from_data(data: Any, depth: int) -> Value:
    if type(data) is int or type(data) is str:
        return data
    if isinstance(data, dict) and isinstance(data.get("day"), str):
        return date.fromisoformat(data["day"])
    if isinstance(data, dict) and isinstance(data.get("at"), str):
        return datetime.fromisoformat(data["at"])
    return from_data(data, depth)


def _made(key: str, values: tuple[tuple[str, Value], ...], many: str = "", number: int = 0) -> Translatable:
    return Translatable(_said(key, values, many, number, _ENGLISH) if key else "", key, values, many, number)


class _English:
    """As everything is said in logs and histories."""

    def pattern(self, key: str, many: str, number: int) -> str:
        return many if many and number != 1 else key

    def day(self, day: date) -> str:
        return f"{day:%A} {day.day} {day:%B} {day.year}"

    def at(self, moment: datetime) -> str:
        return f"on {self.day(moment)} at {moment:%H:%M}"


_ENGLISH = _English()


def _said(key: str, values: tuple[tuple[str, Value], ...], many: str, number: int, writer: Writer) -> str:
    pattern = writer.pattern(key, many, number)
    return filled(pattern, {name: _written(value, writer) for name, value in values}) if values else pattern


def _written(value: Value, writer: Writer) -> str:
    match value:
        case Translatable():
            return value.written(writer)
        case datetime():
            return writer.at(value)
        case date():
            return writer.day(value)
        case _:
            return str(value)


NOTHING = Translatable("")
"""No words."""
