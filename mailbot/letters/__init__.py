"""Letters: from an outbox row and its ticket to the mail that goes out.  The only user of Jinja2.

What letters there are is here; `letters.compose` writes them, and is imported by whatever sends.
"""

from __future__ import annotations

from mailbot.letters.catalogue import KINDS, LETTERS
from mailbot.letters.kinds import About, Audience, LetterFacts, Thread
from mailbot.letters.settings import LetterSettings

__all__ = [
    "KINDS",
    "LETTERS",
    "About",
    "Audience",
    "LetterFacts",
    "LetterSettings",
    "Thread",
]
