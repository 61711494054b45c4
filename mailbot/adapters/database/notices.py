"""What a letter announces, in columns of its outbox row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from mailbot.adapters.database.tables import OUTBOX
from mailbot.model import Notice

_O = OUTBOX.c
NOTICE = (_O.notice, _O.notice_stage, _O.notice_since, _O.notice_date, _O.notice_at, _O.notice_number)


def notice_values(notice: Notice | None) -> dict[str, Any]:
    """The columns of a letter that announces this; all empty where it announces nothing."""
    if notice is None:
        return dict.fromkeys(column.name for column in NOTICE)
    values = (notice.of, notice.stage, notice.since, notice.day, notice.at, notice.number)
    return {column.name: value for column, value in zip(NOTICE, values, strict=True)}


def notice_of(row: Row[*tuple[Any, ...]]) -> Notice | None:
    """What the letter of a row announces."""
    if row.notice is None:
        return None
    return Notice(row.notice, row.notice_stage, row.notice_since, row.notice_date, row.notice_at, row.notice_number)
