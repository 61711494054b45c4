"""The facts of a letter as the outbox keeps them: a frozen dataclass to JSON and back, by its annotations.

Rows outlive the program that wrote them.  What an earlier version stored and this one no longer knows is left out, and
what it did not store takes the field's default; only a fact without one that is missing cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

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
    hints, known = _hints(kind), fields(kind)  # type: ignore[arg-type]  # `kind` is a dataclass, which T cannot say
    missing = [one.name for one in known if one.default is MISSING and one.name not in facts]
    if missing:
        raise UnreadableFacts(say("missing: {names}", names=", ".join(sorted(missing))))
    given = {one.name: facts[one.name] for one in known if facts.get(one.name) is not None}
    try:
        return kind(**{name: _typed(hints[name], value) for name, value in given.items()})
    except (TypeError, ValueError) as error:
        raise UnreadableFacts(say("not as they are needed ({error})", error=str(error))) from error


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(hint: Any, value: Any) -> Any:
    if get_origin(hint) in {Union, UnionType}:
        return _one_of(get_args(hint), value)
    if get_origin(hint) is tuple:
        return tuple(_typed(get_args(hint)[0], one) for one in value)
    if is_dataclass(hint):
        return from_json(hint, value) if isinstance(hint, type) else value
    if hint in {date, datetime}:
        return hint.fromisoformat(value)
    if hint is Translatable or (hint is str and isinstance(value, dict)):
        return from_data(value)
    if isinstance(value, bool) and hint is int:
        raise TypeError(f"{value} is no number")
    if issubclass(hint, StrEnum):
        return hint(value)
    if not isinstance(value, hint):
        raise TypeError(f"{value!r} is no {hint.__name__}")
    return value


def _one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    """A value of `X | None`, or a day or a moment, whichever it is."""
    if value is None:
        return None
    if date in kinds and datetime in kinds:
        return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    return _typed(next(kind for kind in kinds if kind is not type(None)), value)
