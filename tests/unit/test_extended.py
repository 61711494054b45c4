"""How often a machine was given more time, and why the last time was asked for, as its history says it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mailbot.lifecycle.extended import EXTENDED, extensions
from mailbot.model import CLOCK, EventKind, HistoryEntry, TicketState

S = TicketState
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


def line(event: EventKind, before: TicketState | None = S.ACTIVE, **facts: Any) -> HistoryEntry:
    return HistoryEntry(1, NOW, event, before, S.ACTIVE, CLOCK, "", facts)


@pytest.mark.parametrize(
    ("lines", "granted"),
    [
        ((), 0),
        ((line(EventKind.APPROVED, S.PENDING),), 0),
        ((line(EventKind.APPROVED, S.ACTIVE),), 1),
        ((line(EventKind.APPROVED, S.EXPIRED),), 1),
        ((line(EventKind.DENIED),), 0),
        ((line(EventKind.EXTENSION_ASKED),), 0),
        ((line(EventKind.EXTENSION_ASKED, **{EXTENDED: "2027-06-30"}),), 1),
        ((line(EventKind.END_DATE_SET, **{EXTENDED: "2027-06-30"}),), 1),
        ((line(EventKind.APPROVED, **{EXTENDED: "2027-06-30"}), line(EventKind.APPROVED)), 2),
    ],
)
def test_what_granted_more_time_is_counted(lines: tuple[HistoryEntry, ...], granted: int) -> None:
    assert extensions(lines).granted == granted


def test_the_reason_is_that_of_the_last_question_even_where_it_had_none() -> None:
    first, second = line(EventKind.EXTENSION_ASKED, reason="a campaign"), line(EventKind.EXTENSION_ASKED)
    assert extensions([first]).reason == "a campaign"
    assert extensions([first, line(EventKind.APPROVED, reason="no reason of hers")]).reason == "a campaign"
    assert extensions([first, second]).reason == ""
