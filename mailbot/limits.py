"""Limits of a setting, written beside its type: `Annotated[int, Ge(1), Le(20)]`.  `config.checking` holds values to them."""

from __future__ import annotations

from parsers.frozen import frozen


@frozen
class Ge:
    """At least so much."""

    ge: int


@frozen
class Gt:
    """More than that."""

    gt: int


@frozen
class Le:
    """At most so much."""

    le: int


@frozen
class MinLen:
    """At least so many characters."""

    min_length: int
