"""Column types: what is refused or replaced on its way into the database, and what comes back."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text, TypeDecorator

from mailbot.tokens import without_token
from parsers.translatable import Translatable, as_text, from_text

INDEXED_BYTES = 900
"""Longest indexed text; PostgreSQL refuses index rows above about 2,700 bytes, and a hostile mail may be longer."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware when written (naive ones are refused with ValueError), aware UTC when read.

    SQLite keeps text of constant width (`2026-11-22 10:00:00.000000`), which sorts like the moments.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone: moments are stored as aware UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text that may come from a mail: what no database can hold (NUL, lone surrogates) becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Sentence(Words):
    """A text that is shown to people, and keeps what it was made of, so that a letter can say it in another language."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else super().process_bind_param(as_text(value), dialect)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Translatable | None:
        return None if value is None else from_text(value)


class Handle(Words):
    """Text that is looked up by an index: what is too long for one is cut, with the hash of the whole at its end."""

    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        if value is None or len(value) * 4 <= INDEXED_BYTES:
            return super().process_bind_param(value, _dialect)
        data = storable(value).encode()
        if len(data) <= INDEXED_BYTES:
            return data.decode()
        return data[:200].decode(errors="ignore") + "#" + hashlib.sha256(data).hexdigest()


def storable(value: str) -> str:
    """The text without tokens, and with NUL and lone surrogates replaced by U+FFFD."""
    value = without_token(value)
    if "\0" in value:
        value = value.replace("\0", "\ufffd")
    if value.isascii():
        return str(value)
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


E = TypeVar("E", bound=StrEnum)


class OneOf(TypeDecorator[E], Generic[E]):
    """A member of a closed set, stored as its value."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[E]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: E | None, _dialect: Dialect) -> str | None:
        return None if value is None else value.value

    def process_result_value(self, value: str | None, _dialect: Dialect) -> E | None:
        return None if value is None else self.members(value)


class Days(TypeDecorator[tuple[int, ...]]):
    """Numbers of days as `lease.warn_days` has them, stored as `60,30,7,1`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[int, ...] | None, _dialect: Dialect) -> str | None:
        return None if value is None else ",".join(map(str, value))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> tuple[int, ...] | None:
        return None if value is None else tuple(int(one) for one in value.split(",") if one)


Number = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; SQLite numbers rows by itself only in a column declared INTEGER."""
