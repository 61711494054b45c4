"""The facts of a letter as the outbox keeps them: a frozen dataclass to JSON and back, by its annotations.

Rows outlive the program that wrote them.  What an earlier version stored and this one no longer knows is left out, and
what it did not store takes the field's default; only a fact without one that is missing cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache, partial
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from parsers.translatable import Translatable, as_data, from_data, say

T = TypeVar("T")


class UnreadableFacts(ValueError):
    """Stored facts are not those of the letter; the text names the fact."""


def to_json(value: Any) -> dict[str, Any]:
    """A dataclass as JSON-able values; fields that have their default are left out."""
    kind: type = type(value)
    given = ((name, getattr(value, name), default) for name, default in _defaults(kind))
    return {name: _plain(one) for name, one, default in given if default is MISSING or one != default}


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((one.name, one.default) for one in fields(kind))


_AS_THEY_ARE = frozenset({str, int, bool, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:  # most are, and it is asked for every fact of every letter
        return value
    match value:
        case datetime() | date():
            return value.isoformat()
        case Translatable():
            return as_data(value)
        case StrEnum():
            return value.value
        case tuple():
            return [_plain(one) for one in value]
        case _ if is_dataclass(value):
            return to_json(value)
        case _:
            return value


def from_json(kind: type[T], facts: Mapping[str, Any]) -> T:
    """The dataclass that was stored.  Raises UnreadableFacts."""
    declared: Any = kind  # mypy does not see that a type can be hashed
    known = _known(declared)
    missing = [one.name for one in known if one.is_needed and one.name not in facts]
    if missing:
        raise UnreadableFacts(say("missing: {names}", names=", ".join(sorted(missing))))
    try:
        return kind(**{one.name: one.read(facts[one.name]) for one in known if facts.get(one.name) is not None})
    except (TypeError, ValueError) as error:
        raise UnreadableFacts(say("not as they are needed ({error})", error=str(error))) from error


class _Field(NamedTuple):
    name: str
    read: Callable[[Any], Any]
    """Makes the value out of what is stored; raises TypeError or ValueError."""
    is_needed: bool


@cache
def _known(kind: type) -> tuple[_Field, ...]:
    hints = get_type_hints(kind)
    return tuple(_Field(one.name, _reader(hints[one.name]), one.default is MISSING) for one in fields(kind))


def _reader(hint: Any) -> Callable[[Any], Any]:
    if get_origin(hint) in {Union, UnionType}:
        return _reader_of_one(get_args(hint))
    if get_origin(hint) is tuple:
        read = _reader(get_args(hint)[0])
        return lambda values: tuple(read(one) for one in values)
    if is_dataclass(hint) and isinstance(hint, type):
        return partial(from_json, hint)
    if hint in {date, datetime}:
        return cast("type[date]", hint).fromisoformat
    if hint is Translatable:
        return from_data
    return cast("type", hint) if issubclass(hint, StrEnum) else partial(_as_it_is, hint)


def _reader_of_one(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Of `X | None`, or of a day or a moment, whichever it is."""
    if date in kinds and datetime in kinds:
        return lambda value: datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    read = _reader(next(kind for kind in kinds if kind is not type(None)))
    return lambda value: None if value is None else read(value)


def _as_it_is(kind: type, value: Any) -> Any:
    if kind is str and isinstance(value, dict):
        return from_data(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
