"""Reading ahead: the next mails are read while the one in front of them is judged and committed."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot.errors import MailServerUnavailable
from mailbot.model import LedgerEntry, MailKey
from mailbot.ports import Fetched, Reader
from mailbot.turns.attempts import Attempts
from mailbot.turns.context import TurnContext
from parsers.translatable import Translatable, say
from parsers.values import Kind, Understanding, Unreadable

READ_AHEAD = 16
READ_AHEAD_BYTES = 4 * 1024 * 1024
"""So many mails, of so many bytes together, are begun at once: enough for the reader never to wait, and bounded memory."""
REFUSED_TRIES = 8
REFUSED_LASTS = timedelta(hours=6)
"""So often and so long a mail server may refuse to give one mail; then it is put in quarantine unread."""

_FATAL = say("mailbot ended twice while it read this message; it is left unread.")


@dataclass(frozen=True, slots=True)
class Begun:
    """A mail whose reading has begun; `earlier` is its line in the ledger where it is tried again.

    `is_refused`: the server has it and does not give it, and that may pass.
    """

    fetched: Fetched
    earlier: LedgerEntry | None
    is_refused: bool = False
    is_fatal: bool = False
    answer: Callable[[], Understanding] | None = None

    def understanding(self) -> tuple[Understanding, Exception | None]:
        """What the mail says, and what the reader itself failed on, if it did; waits for the answer."""
        if self.answer is None:
            return self._unreadable(_FATAL if self.is_fatal else say("There is nothing to read.")), None
        try:
            return self.answer(), None
        except Exception as error:  # noqa: BLE001 - memory, a child that cannot be started: one mail never stops the line
            return self._unreadable(say("It could not be read ({error}).", error=type(error).__name__)), error

    def _unreadable(self, why: Translatable) -> Understanding:
        octets = _octets(self.fetched)
        unreadable = Unreadable(hashlib.sha256(octets).hexdigest(), len(octets), why)
        return Understanding(None, unreadable, Kind.UNREADABLE, why)


def read_ahead(
    context: TurnContext,
    reader: Reader,
    fetched: Iterable[Fetched],
    again: dict[MailKey, LedgerEntry],
    attempts: Attempts,
) -> Iterator[Begun]:
    """The mails in their order, each of them begun; those of `again` are taken out of it.

    Where the mail server goes away, what it has given already comes before the error.  After a pass that did not come to
    its end nothing is read ahead: the mail that was being read has to be known.
    """
    begun: deque[Begun] = deque()
    octets = 0
    trouble: MailServerUnavailable | None = None
    try:
        for one in fetched:
            begun.append(_begin(context, reader, one, again.pop(one.key, None), attempts))
            octets += len(one.raw or b"")
            while begun and (attempts.careful or len(begun) > READ_AHEAD or octets > READ_AHEAD_BYTES):
                octets -= len(begun[0].fetched.raw or b"")
                yield begun.popleft()
    except MailServerUnavailable as error:
        trouble = error
    yield from begun
    if trouble is not None:
        raise trouble


def _begin(
    context: TurnContext, reader: Reader, fetched: Fetched, earlier: LedgerEntry | None, attempts: Attempts
) -> Begun:
    now = context.clock.now()
    fatal = attempts.is_fatal(fetched.key)
    if fetched.refused and not _is_given_up(earlier, now):
        return Begun(fetched, earlier, is_refused=True)
    octets = _octets(fetched)
    if fatal or not octets:
        return Begun(fetched, earlier, is_fatal=fatal)
    # "Tomorrow" is the day after the mail came, on whatever day it is read.
    return Begun(fetched, earlier, answer=reader.begin(octets, fetched.came(now)))


def _is_given_up(earlier: LedgerEntry | None, now: datetime) -> bool:
    return earlier is not None and earlier.attempts >= REFUSED_TRIES and now - earlier.seen_at >= REFUSED_LASTS


def _octets(fetched: Fetched) -> bytes:
    return fetched.header if fetched.raw is None else fetched.raw
