"""From what a source says to values of the types that a section has, or to a sentence about each that cannot be used."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from mailbot.config.checking import WrongSettings, checked
from mailbot.config.secret import Secret
from mailbot.limits import Ge, Gt, Le, MinLen
from parsers.frozen import frozen


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@frozen
class Inner:
    """One of several."""

    name: Annotated[str, MinLen(1)]
    """Its name."""


@frozen
class Outer:
    """What is checked here."""

    number: Annotated[int, Ge(1), Le(20)] = 1
    above: Annotated[int, Gt(0)] = 1
    truth: bool = False
    words: str = ""
    path: Path = Path("x")
    perhaps: Annotated[int, Le(5)] | None = None
    one: Literal["a", "b"] = "a"
    colours: tuple[Colour, ...] = ()
    secret: Secret | None = None
    secrets: tuple[Secret, ...] = ()
    inner: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("key", "said", "value"),
    [
        ("number", 3, 3),
        ("number", "3", 3),
        ("number", 3.0, 3),
        ("truth", True, True),
        ("truth", "Yes", True),
        ("truth", "off", False),
        ("truth", 1, True),
        ("path", "a/b", Path("a/b")),
        ("perhaps", None, None),
        ("perhaps", 5, 5),
        ("one", "b", "b"),
        ("colours", ["blue", "red"], (Colour.BLUE, Colour.RED)),
        ("secret", "hunter2", Secret("hunter2")),
        ("secrets", ["a"], (Secret("a"),)),
        ("inner", [{"name": "x"}], (Inner("x"),)),
    ],
)
def test_what_is_said_becomes_a_value_of_the_settings_type(key: str, said: object, value: object) -> None:
    found = getattr(checked(Outer, {key: said}), key)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"number": 0}, (("number",), "0 is too small (at least 1)")),
        ({"number": "21"}, (("number",), '"21" is too large (at most 20)')),
        ({"above": 0}, (("above",), "0 is too small (more than 0)")),
        ({"number": True}, (("number",), "true is not a whole number")),
        ({"number": 1.5}, (("number",), "1.5 is not a whole number")),
        ({"number": 10**400}, (("number",), f"{10**59} is too large (at most 20)")),
        ({"number": float("inf")}, (("number",), "inf is not a whole number")),
        ({"number": float("nan")}, (("number",), "nan is not a whole number")),
        ({"number": "many"}, (("number",), '"many" is not a whole number')),
        ({"number": []}, (("number",), "a list is not a whole number")),
        ({"truth": "perhaps"}, (("truth",), '"perhaps" is not true or false')),
        ({"truth": {}}, (("truth",), "a section is not true or false")),
        ({"words": 5}, (("words",), "5 is not a text in quotes")),
        ({"words": None}, (("words",), "None is not a text in quotes")),
        ({"perhaps": 6}, (("perhaps",), "6 is too large (at most 5)")),
        ({"one": "c"}, (("one",), '"c" is not one of a, b')),
        ({"one": ["a"]}, (("one",), "a list is not one of a, b")),
        ({"colours": "red"}, (("colours",), '"red" is not a list in brackets')),
        ({"colours": ["red", "grey"]}, (("colours", 1), '"grey" is not one of red, blue')),
        ({"secret": 5}, (("secret",), "this value is not a text in quotes")),
        ({"secrets": ["a", 5]}, (("secrets", 1), "this value is not a text in quotes")),
        ({"secrets": "hunter2"}, (("secrets",), "this value is not a list in brackets")),
        ({"inner": [{}]}, (("inner", 0, "name"), "is missing: Its name")),
        ({"inner": [{"name": ""}]}, (("inner", 0, "name"), "must not be empty")),
        ({"inner": ["x"]}, (("inner", 0), '"x" is not a section')),
        ({"inner": [{"name": "x", "nam": 1}]}, (("inner", 0, "nam"), "unknown key (did you mean name?)")),
        ({"nothing": 1}, (("nothing",), "unknown section (known: ")),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(said: dict[str, Any], wrong: tuple[Any, str]) -> None:
    with pytest.raises(WrongSettings) as caught:
        checked(Outer, said)
    ((place, why),) = caught.value.wrong
    assert (place, why[: len(wrong[1])]) == wrong


def test_everything_is_told_in_the_order_of_the_settings() -> None:
    with pytest.raises(WrongSettings) as caught:
        checked(Outer, {"unknown": 1, "inner": [{"name": 1}, {"name": 2}], "number": "x"})
    assert [place for place, _ in caught.value.wrong] == [
        ("number",),
        ("inner", 0, "name"),
        ("inner", 1, "name"),
        ("unknown",),
    ]


def test_a_secret_shows_nothing() -> None:
    shown = Secret("hunter2")
    assert (str(shown), repr(shown), str(Secret(""))) == ("**********", "Secret('**********')", "")
    assert shown != Secret("other")
    assert hash(shown) == hash(Secret("hunter2"))
