"""Letters: from an outbox row and its ticket to the mail that goes out.  The only user of Jinja2."""

from __future__ import annotations

from mailbot.letters.kinds import KINDS, Audience, LetterKind, Thread

__all__ = ["KINDS", "Audience", "LetterKind", "Thread"]
