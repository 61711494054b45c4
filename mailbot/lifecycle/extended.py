"""What the history of a machine says of its extensions, as the question about another one tells it."""

from __future__ import annotations

from collections.abc import Iterable

from mailbot.lifecycle.circumstances import Extensions
from mailbot.model import LIVING, EventKind, HistoryEntry

EXTENDED = "extended"
"""The fact of the history that more time was granted: until when."""


def extensions(history: Iterable[HistoryEntry]) -> Extensions:
    """How many were granted, and why the last one was asked for; lines in the order of their writing."""
    granted, reason = 0, ""
    for line in history:
        if line.event in {EventKind.EXTENSION_ASKED, EventKind.RESTORED}:
            reason = str(line.facts.get("reason") or "")
        # Lines of earlier programs lack the fact; what they let an admin approve in that state was an extension.
        approved = line.event is EventKind.APPROVED and line.before in LIVING
        granted += bool(approved or line.facts.get(EXTENDED))
    return Extensions(granted, reason)
