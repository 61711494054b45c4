"""`@frozen` gives what `@dataclass(frozen=True, slots=True)` gives."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar

import pytest

from parsers.frozen import frozen


@dataclass(frozen=True, slots=True)
class Plain:
    kind: ClassVar[str] = "a kind"
    number: int
    words: str = "words"
    more: dict[str, int] = field(default_factory=dict, compare=False)
    secret: str = field(default="hidden", repr=False)


@frozen
class Ours:
    kind: ClassVar[str] = "a kind"
    number: int
    words: str = "words"
    more: dict[str, int] = field(default_factory=dict, compare=False)
    secret: str = field(default="hidden", repr=False)


@frozen(kw_only=True)
class Base:
    first: int = 1


@frozen(kw_only=True)
class Derived(Base):
    second: int


USES: tuple[Callable[[Any], object], ...] = (
    lambda kind: repr(kind(1)).partition("(")[2],
    lambda kind: kind(1, "other", secret="x") == kind(1, "other", {"a": 1}, "x"),
    lambda kind: kind(1) == kind(2),
    lambda kind: kind(1) == "something else",
    lambda kind: hash(kind(1)) == hash(kind(1, more={"a": 1})),
    lambda kind: asdict(replace(kind(1), words="changed")),
    lambda kind: [(one.name, one.kw_only) for one in fields(kind)],
    lambda kind: (kind.__match_args__, kind.__slots__, kind.kind, is_dataclass(kind(1))),
    lambda kind: asdict(pickle.loads(pickle.dumps(kind(1, "other")))),
    lambda kind: asdict(copy.deepcopy(kind(1, more={"a": 1}))),
)


@pytest.mark.parametrize("use", USES)
def test_it_behaves_like_a_dataclass(use: Callable[[Any], object]) -> None:
    assert use(Ours) == use(Plain)


def test_each_value_has_a_default_of_its_own() -> None:
    assert Ours(1).more is not Ours(1).more


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: kind(),
        lambda kind: kind(1, "2", {}, "4", 5),
        lambda kind: kind(1, number=2),
        lambda kind: kind(1, nothing=2),
    ],
)
def test_what_a_dataclass_refuses_it_refuses(make: Callable[[Any], object]) -> None:
    for kind in (Plain, Ours):
        with pytest.raises(TypeError):
            make(kind)


def test_nothing_can_be_changed_or_added() -> None:
    for name in ("number", "nothing"):
        with pytest.raises(FrozenInstanceError):
            setattr(Ours(1), name, 2)
    with pytest.raises(FrozenInstanceError):
        del Ours(1).number


def test_a_class_has_the_fields_of_its_base_and_takes_them_by_name() -> None:
    assert repr(Derived(second=2)) == "Derived(first=1, second=2)"
    derived: Any = Derived
    with pytest.raises(TypeError):
        derived(2)
