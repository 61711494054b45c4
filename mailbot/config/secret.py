"""A setting that is never shown: not in `--print-config`, not in a log, not in an error."""

from __future__ import annotations

MASK = "**********"


class Secret:
    """A text that is given only to who asks for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """The text itself."""
        return self._text

    def shown(self) -> str:
        """What may be seen of it."""
        return MASK if self._text else ""

    def __str__(self) -> str:
        return self.shown()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown()!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_secret_value() == self._text

    def __hash__(self) -> int:
        return hash(self._text)
