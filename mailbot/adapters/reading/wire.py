"""What the daemon and the reading child tell each other: values of the parsers as JSON and back, by their declared types.

What comes out of the reading child is data, never code: the child is the part that hostile input reaches, so that nothing
of it is unpickled, and every value is checked against its type while it is taken apart.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from parsers.translatable import Translatable, as_data, from_data

UNDERSTOOD, DIED = b"u", b"d"
"""What the child answers about a mail begins with one of these."""
SHARE_IS_READ = 3
"""The child's exit status once it has answered as many mails as it was to read."""
STAMP = struct.Struct(">d")
"""The moment at which a mail is read, before its bytes."""

_T = TypeVar("_T")
_PLAIN = (str, int, bool)


class WireError(ValueError):
    """An answer that is not what its type says: the child was taken over, or is of another version."""


class _Codec(NamedTuple):
    """How a type is written and read; `write` is None where JSON has the very value."""

    write: Callable[[Any], Any] | None
    read: Callable[[Any], Any]


def dumps(value: object, kind: object) -> bytes:
    """The JSON of a value of a type (a dataclass, or a union of them)."""
    write = _codec(kind).write
    return json.dumps(write(value) if write else value, separators=(",", ":")).encode("ascii")


def loads(octets: bytes, kind: type[_T]) -> _T:
    """The value of that type.  Raises WireError."""
    try:
        declared: Any = kind  # mypy does not see that a type can be hashed
        value: _T = _codec(declared).read(json.loads(octets))
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise WireError(f"{type(error).__name__}") from error
    return value


@cache
def _codec(kind: Any) -> _Codec:
    if kind is Translatable:
        return _Codec(as_data, from_data)
    if kind in _PLAIN:
        return _Codec(None, _exactly(kind))
    if kind is datetime:
        return _Codec(datetime.isoformat, _moment)
    if kind is date:
        return _Codec(date.isoformat, date.fromisoformat)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _Codec(None, kind)
    if get_origin(kind) is tuple:
        return _many(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _union(get_args(kind))
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    raise TypeError(f"{kind} is not a value that is handed over")


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise WireError
        return value

    return read


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise WireError
    return moment.astimezone(UTC)


def _many(kind: Any) -> _Codec:
    one = _codec(kind)
    write, read = one.write, one.read

    def read_all(values: Any) -> tuple[Any, ...]:
        if type(values) is not list:
            raise WireError
        return tuple([read(value) for value in values])

    return _Codec((lambda values: [write(value) for value in values]) if write else None, read_all)


def _union(kinds: tuple[Any, ...]) -> _Codec:
    """None as itself; one other type as that; several dataclasses with the number of the type before it."""
    others = tuple(kind for kind in kinds if kind is not NoneType)
    single = _codec(others[0])
    several = {kind: (number, _codec(kind)) for number, kind in enumerate(others)} if len(others) > 1 else {}

    def write(value: Any) -> Any:
        if value is None:
            return None
        if not several:
            return single.write(value) if single.write else value
        number, codec = several[type(value)]
        return [number, codec.write(value) if codec.write else value]

    def read(value: Any) -> Any:
        if value is None and len(others) < len(kinds):
            return None
        if not several:
            return single.read(value)
        number, told = value
        return _codec(others[_index(number, len(others))]).read(told)

    return _Codec(write, read)


def _index(number: Any, length: int) -> int:
    if type(number) is not int or not 0 <= number < length:
        raise WireError
    return number


def _record(kind: type) -> _Codec:
    hints = get_type_hints(kind)
    codecs = [(one.name, _codec(hints[one.name])) for one in fields(kind)]
    writers = [(name, codec.write) for name, codec in codecs]
    readers = [codec.read for _, codec in codecs]

    def write(value: Any) -> list[Any]:
        return [one(getattr(value, name)) if one else getattr(value, name) for name, one in writers]

    def read(values: Any) -> Any:
        if type(values) is not list:
            raise WireError
        return kind(*[one(value) for one, value in zip(readers, values, strict=True)])

    return _Codec(write, read)
