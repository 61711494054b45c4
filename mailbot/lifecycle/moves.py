"""The one table of legal moves of a ticket."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.model import (
    Approved,
    BuildFailed,
    Built,
    Confirmed,
    Denied,
    Event,
    Placed,
    Retried,
    TicketState,
    TimePassed,
    Withdrawn,
)

S = TicketState

MOVES: Mapping[TicketState, Mapping[type[Event], frozenset[TicketState]]] = {
    S.UNCONFIRMED: {
        Confirmed: frozenset({S.PENDING}),
        Withdrawn: frozenset({S.WITHDRAWN}),
        TimePassed: frozenset({S.UNCONFIRMED, S.LAPSED}),
    },
    S.PENDING: {
        Approved: frozenset({S.APPROVED}),
        Denied: frozenset({S.DENIED}),
        Withdrawn: frozenset({S.WITHDRAWN}),
        TimePassed: frozenset({S.PENDING, S.LAPSED}),
    },
    S.APPROVED: {
        Placed: frozenset({S.APPROVED}),
        Built: frozenset({S.ACTIVE}),
        BuildFailed: frozenset({S.FAILED}),
        TimePassed: frozenset({S.APPROVED}),
    },
    S.FAILED: {
        Retried: frozenset({S.APPROVED}),
        Denied: frozenset({S.DENIED}),
        TimePassed: frozenset({S.FAILED}),
    },
    S.ACTIVE: {
        TimePassed: frozenset({S.ACTIVE}),
    },
    S.EXPIRED: {},
    S.RETIRING: {},
    S.ARCHIVED: {},
    S.DENIED: {},
    S.LAPSED: {},
    S.WITHDRAWN: {},
    S.REMOVED: {},
}
"""state -> what may happen to it -> the states that it may lead to.  What is not here is refused."""
