"""A refused login is not repeated at once: servers lock accounts, and addresses, that fail many times a minute."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from time import monotonic

from mailbot.errors import MailServerUnavailable
from parsers.translatable import NOTHING, Translatable, say

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0


class LoginGate:
    """Whether one account's secret may be tried now.  All connections of an account share one; any thread may ask.

    A secret that was refused is tried again after a minute, then after twice as long each time, up to an hour; another
    secret at once, because somebody has put it right.  Only a digest of the secret is kept.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: bytes | None = None
        self._words = NOTHING
        self._pause = FIRST_PAUSE_SECONDS
        self._open_at = 0.0

    def check(self, secret: str) -> None:
        """Give back where the secret may be tried, and keep others from trying it meanwhile.  Raises MailServerUnavailable."""
        with self._lock:
            if self._refused != _digest(secret):
                return
            now = self._clock()
            if now < self._open_at:
                wait = max(1, round((self._open_at - now) / 60))
                told = say(
                    "{what} (not tried again for {minutes} minutes, or until the secret changes)",
                    what=self._words,
                    minutes=wait,
                )
                raise MailServerUnavailable(told, permanent=True)
            self._open_at = now + self._pause

    def refused(self, secret: str, words: Translatable) -> None:
        """The server does not accept the secret; `words` say so to a person."""
        with self._lock:
            again = self._refused == _digest(secret)
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS) if again else FIRST_PAUSE_SECONDS
            self._refused, self._words = _digest(secret), words
            self._open_at = self._clock() + self._pause

    def accepted(self) -> None:
        """The server accepts the secret."""
        with self._lock:
            self._refused = None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
