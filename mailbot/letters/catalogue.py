"""The one table of letters."""

from __future__ import annotations

from collections.abc import Mapping

from mailbot.letters.kinds import LetterKind
from mailbot.letters.life_kinds import EXTENSION_LETTERS, LIFE_LETTERS, WATCH_LETTERS
from mailbot.letters.request_kinds import ADMIN_LETTERS, ANSWERS, OWNER_LETTERS
from mailbot.model import Letter

KINDS: Mapping[Letter, LetterKind] = {
    **OWNER_LETTERS,
    **LIFE_LETTERS,
    **EXTENSION_LETTERS,
    **ADMIN_LETTERS,
    **WATCH_LETTERS,
    **ANSWERS,
}
"""Every letter with who gets it, when, what its answers may do, and its facts."""
