"""What was made of a short text is kept for when it is asked for again; memory stays bounded, whatever is sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")


def remembered(*, longest: int, most: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """Keep what a function makes of texts of at most `longest` characters, `most` of them; a longer one is looked at each time."""

    def remembering(function: Callable[[str], T]) -> Callable[[str], T]:
        known = lru_cache(maxsize=most)(function)

        @wraps(function)
        def asked(text: str) -> T:
            return known(text) if len(text) <= longest else function(text)

        return asked

    return remembering
