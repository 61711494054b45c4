"""`@frozen`: what `@dataclass(frozen=True, slots=True)` gives, for classes of which there are many.

For each of its classes `dataclasses` writes the source of six methods and compiles it, at each start of the program: three
million instructions a class, a third of what a command cost that loads every letter and every event.  Here these
methods are written once, for all, and look up the fields; making a value takes some microseconds longer.  To `fields`,
`replace`, `asdict` and `match` it is a dataclass; to type checkers, too (PEP 681).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[Any] | None = None, /, *, kw_only: bool = False) -> Any:
    """A frozen, slotted dataclass; with `kw_only`, its fields are given by name alone.  `__post_init__` is not called."""
    if cls is None:
        return lambda found: _made(found, kw_only=kw_only)
    return _made(cls, kw_only=kw_only)


def _made(cls: type[T], *, kw_only: bool) -> type[T]:
    for name, method in _METHODS.items():
        setattr(cls, name, method)
    return dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)


@cache
def _fields(cls: type) -> tuple[Field[Any], ...]:
    return fields(cls)


@cache
def _places(cls: type) -> tuple[str, ...]:
    """The fields that may be given by their place."""
    return tuple(one.name for one in _fields(cls) if not one.kw_only)


_set = object.__setattr__


def _init(self: Any, *values: Any, **named: Any) -> None:
    """Raises TypeError, as a dataclass's own does."""
    cls, given = self.__class__, named
    if values:
        places = _places(cls)
        if len(values) > len(places) or not named.keys().isdisjoint(places[: len(values)]):
            raise TypeError(f"{cls.__name__}: more values than fields, or one given twice")
        given |= zip(places, values, strict=False)
    for one in _fields(cls):
        name = one.name
        _set(self, name, given.pop(name) if name in given else _default(cls, one))
    if given:
        raise TypeError(f"{cls.__name__} has no {', '.join(given)}")


def _default(cls: type, one: Field[Any]) -> Any:
    if one.default is not MISSING:
        return one.default
    if one.default_factory is not MISSING:
        return one.default_factory()
    raise TypeError(f"{cls.__name__} needs {one.name}")


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in _fields(self.__class__) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, one.name) for one in _fields(self.__class__) if one.compare)


def _eq(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse(self: Any, name: str, *_value: Any) -> None:
    raise FrozenInstanceError(f"{type(self).__name__} is frozen: {name}")


def _state(self: Any) -> dict[str, Any]:
    return {one.name: getattr(self, one.name) for one in _fields(self.__class__)}


def _restore(self: Any, state: dict[str, Any]) -> None:
    for name, value in state.items():
        object.__setattr__(self, name, value)


_METHODS = {
    "__init__": _init, "__repr__": _repr, "__eq__": _eq, "__hash__": _hash, "__setattr__": _refuse, "__delattr__": _refuse,
    "__getstate__": _state, "__setstate__": _restore,
}  # fmt: skip
