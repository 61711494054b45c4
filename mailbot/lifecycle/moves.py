"""The one table of legal moves of a ticket."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.model import (
    Approved,
    BuildFailed,
    Built,
    Confirmed,
    Denied,
    DiskDeleted,
    EffectFailed,
    Event,
    ExtensionAsked,
    Held,
    Kept,
    Placed,
    PowerAsked,
    ReleaseAsked,
    Released,
    Replaced,
    Restored,
    Retired,
    Retried,
    Returned,
    TicketState,
    TimePassed,
    Unheld,
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
        Replaced: frozenset({S.PENDING}),
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
        Denied: frozenset({S.DENIED, S.RETIRING}),
        Withdrawn: frozenset({S.WITHDRAWN, S.RETIRING}),
        TimePassed: frozenset({S.FAILED, S.LAPSED, S.RETIRING}),
    },
    S.ACTIVE: {
        TimePassed: frozenset({S.ACTIVE, S.EXPIRED}),
        ExtensionAsked: frozenset({S.ACTIVE}),
        Approved: frozenset({S.ACTIVE}),
        Denied: frozenset({S.ACTIVE}),
        Withdrawn: frozenset({S.ACTIVE}),
        ReleaseAsked: frozenset({S.ACTIVE}),
        Released: frozenset({S.RETIRING}),
        Kept: frozenset({S.ACTIVE}),
        Returned: frozenset({S.ACTIVE}),
        EffectFailed: frozenset({S.ACTIVE}),
        Held: frozenset({S.ACTIVE}),
        Unheld: frozenset({S.ACTIVE}),
        PowerAsked: frozenset({S.ACTIVE}),
    },
    S.EXPIRED: {
        TimePassed: frozenset({S.EXPIRED, S.RETIRING}),
        ExtensionAsked: frozenset({S.EXPIRED, S.ACTIVE}),
        Approved: frozenset({S.ACTIVE}),
        Denied: frozenset({S.EXPIRED}),
        Withdrawn: frozenset({S.EXPIRED}),
        ReleaseAsked: frozenset({S.EXPIRED}),
        Released: frozenset({S.RETIRING}),
        Kept: frozenset({S.EXPIRED}),
        Returned: frozenset({S.EXPIRED}),
        EffectFailed: frozenset({S.EXPIRED}),
        Held: frozenset({S.EXPIRED}),
        Unheld: frozenset({S.EXPIRED}),
    },
    S.RETIRING: {
        Retired: frozenset({S.ARCHIVED, S.REMOVED}),
        EffectFailed: frozenset({S.RETIRING}),
        TimePassed: frozenset({S.RETIRING}),
    },
    S.ARCHIVED: {
        TimePassed: frozenset({S.ARCHIVED}),
        Restored: frozenset({S.APPROVED}),
        DiskDeleted: frozenset({S.REMOVED}),
        EffectFailed: frozenset({S.ARCHIVED}),
        Returned: frozenset({S.ARCHIVED}),
        Held: frozenset({S.ARCHIVED}),
        Unheld: frozenset({S.ARCHIVED}),
    },
    S.DENIED: {},
    S.LAPSED: {},
    S.WITHDRAWN: {},
    S.REMOVED: {},
}
"""state -> what may happen to it -> the states that it may lead to.  What is not here is refused."""
