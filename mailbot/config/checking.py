"""From what the sources say to a section with values of the right types, or to everything that is wrong with it.

The fields of a section, their types and their limits (`mailbot.limits`) say all.  Numbers and truths may be texts, since the
environment has nothing else.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args, get_origin

from mailbot.config.schema import documented, hints, is_secret, names
from mailbot.config.secret import Secret
from mailbot.limits import Ge, Gt, Le, MinLen

T = TypeVar("T")

Place: TypeAlias = tuple[int | str, ...]
Wrong: TypeAlias = tuple[Place, str]
"""Where something is wrong, list entries counted from 0, and a sentence without that."""

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})


class WrongSettings(Exception):
    """What was said cannot be used; `wrong` is everything, in the order of the settings."""

    def __init__(self, wrong: Sequence[Wrong]) -> None:
        super().__init__(wrong)
        self.wrong = tuple(wrong)


class _Refused(Exception):
    """A value cannot be used: why, in words."""


def checked(owner: type[T], said: object) -> T:
    """The section `owner` as `said`, a tree of what TOML and JSON have, gives it.  Raises WrongSettings."""
    wrong: list[Wrong] = []
    section: T = _section(owner, said, (), wrong)
    if wrong:
        raise WrongSettings(wrong)
    return section


def _section(owner: Any, said: object, place: Place, wrong: list[Wrong]) -> Any:
    """The section; something that is no section where anything was added to `wrong`."""
    if not isinstance(said, Mapping):
        wrong.append((place, f"{_shown(said)} is not a section"))
        return None
    before, values = len(wrong), {}
    for field in fields(owner):
        if field.name in said:
            hint = hints(owner)[field.name]
            values[field.name] = _value(hint, said[field.name], (*place, field.name), wrong)
        elif field.default is field.default_factory is MISSING:
            wrong.append(((*place, field.name), _missing(owner, field.name)))
    wrong += [((*place, name), _unknown(owner, name, place)) for name in said if name not in names(owner)]
    return owner(**values) if len(wrong) == before else None


def _value(hint: Any, said: object, place: Place, wrong: list[Wrong]) -> Any:
    """The value; nothing of use where anything was added to `wrong`."""
    if get_origin(hint) is Annotated:
        before, value = len(wrong), _value(get_args(hint)[0], said, place, wrong)
        if len(wrong) == before:
            wrong += [(place, why) for why in _beyond(get_args(hint)[1:], value, _shown(said))]
        return value
    if NoneType in get_args(hint):
        inner = next(one for one in get_args(hint) if one is not NoneType)
        return None if said is None else _value(inner, said, place, wrong)
    if get_origin(hint) is tuple:
        return _list(get_args(hint)[0], said, place, wrong)
    if is_dataclass(hint):
        return _section(hint, said, place, wrong)
    try:
        return _plain(hint, said)
    except _Refused as why:
        shown = "this value" if is_secret(hint) else _shown(said)
        wrong.append((place, f"{shown} is not {why}"))
        return None


def _list(inner: Any, said: object, place: Place, wrong: list[Wrong]) -> tuple[Any, ...]:
    if not isinstance(said, list | tuple):
        shown = "this value" if is_secret(inner) else _shown(said)
        wrong.append((place, f"{shown} is not a list in brackets"))
        return ()
    return tuple(_value(inner, one, (*place, number), wrong) for number, one in enumerate(said))


def _plain(hint: Any, said: object) -> Any:
    """One value without parts.  Raises _Refused."""
    if get_origin(hint) is Literal:
        return _one_of(get_args(hint), said)
    if issubclass(hint, Enum):
        return hint(_one_of([one.value for one in hint], said))
    if issubclass(hint, Secret):
        return hint(_text(said))
    read: Mapping[type, Callable[[object], Any]] = {str: _text, Path: _path, bool: _truth, int: _number}
    return read[hint](said)


def _one_of(allowed: Sequence[Any], said: object) -> Any:
    if said not in allowed:
        raise _Refused(f"one of {', '.join(map(str, allowed))}")
    return said


def _text(said: object) -> str:
    if not isinstance(said, str):
        raise _Refused("a text in quotes")
    return said


def _path(said: object) -> Path:
    return Path(_text(said))


def _truth(said: object) -> bool:
    word = str(said).lower()
    if isinstance(said, bool | int | str) and word in _TRUE | _FALSE:
        return word in _TRUE
    raise _Refused("true or false")


def _number(said: object) -> int:
    if isinstance(said, int) and not isinstance(said, bool):
        return said
    if isinstance(said, float) and said.is_integer():  # neither infinite nor no number, which TOML has
        return int(said)
    if isinstance(said, str):
        with suppress(ValueError):
            return int(said)
    raise _Refused("a whole number")


def _beyond(limits: Sequence[object], value: Any, shown: str) -> Iterator[str]:
    """Which limits a value does not keep."""
    for limit in limits:
        match limit:
            case Ge(ge=least) if value < least:
                yield f"{shown} is too small (at least {least})"
            case Gt(gt=below) if value <= below:
                yield f"{shown} is too small (more than {below})"
            case Le(le=most) if value > most:
                yield f"{shown} is too large (at most {most})"
            case MinLen(min_length=least) if len(value) < least:
                yield "must not be empty"
            case _:
                pass


def _missing(owner: type, name: str) -> str:
    what = documented(owner, name)
    return f"is missing{f': {what}' if what else ''}"


def _unknown(owner: type, name: str, place: Place) -> str:
    close = difflib.get_close_matches(name, names(owner), n=1, cutoff=0.6)
    guess = f"did you mean {close[0]}?" if close else f"known: {', '.join(names(owner))}"
    return f"unknown {'key' if place else 'section'} ({guess})"


def _shown(value: object) -> str:
    match value:
        case str():
            return f'"{value[:60]}"'
        case bool():
            return str(value).lower()
        case Mapping():
            return "a section"
        case list() | tuple():
            return "a list"
        case _:
            return str(value)[:60]
