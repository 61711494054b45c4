"""A letter that is written a piece at a time, in what time there is while something else is waited for."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime

from mailbot.letters.compose import composing
from mailbot.letters.settings import LetterSettings
from mailbot.model import OutboundMail, OutboxItem, Ticket


class Piecemeal:
    """The letter of a row about a ticket, as both are at the moment `now`."""

    def __init__(self, item: OutboxItem, ticket: Ticket | None, settings: LetterSettings, now: datetime) -> None:
        self.now = now
        self._pieces: Generator[None, None, OutboundMail] = composing(item, ticket, settings, now)
        self._letter: OutboundMail | None = None
        self._error: Exception | None = None

    @property
    def failed(self) -> bool:
        """Whether it could not be written."""
        return self._error is not None

    def go_on(self) -> None:
        """Write the next piece, if there is one; never raises."""
        if self._letter is not None or self._error is not None:
            return
        try:
            next(self._pieces)
        except StopIteration as done:
            self._letter = done.value
        except Exception as error:  # noqa: BLE001 - whatever it is, it is of this letter, and is told where that is wanted
            self._error = error

    def written(self) -> OutboundMail:
        """The whole letter.  Raises what `compose` raises."""
        while self._letter is None:
            if self._error is not None:
                raise self._error
            self.go_on()
        return self._letter
