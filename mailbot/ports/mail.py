"""What takes mail in and letters out: mailbox, reader, proofs of senders, mail server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mailbot.model import MailKey, OutboundMail

if TYPE_CHECKING:  # contracts speak of them; `mailbot list`, which imports this too, needs none
    from mailbot.trust import Checked
    from parsers.values import Mail, Understanding


class Folder(StrEnum):
    """Where a mail is moved to once its turn is committed."""

    HANDLED = "handled"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail as fetched with BODY.PEEK[].

    `raw` is None where the mail is larger than the limit (then `header` holds BODY.PEEK[HEADER], as
    far as that is within the limit) or was expunged meanwhile (then `header` is empty too).
    """

    key: MailKey
    raw: bytes | None
    size_bytes: int
    header: bytes = b""
    refused: str = ""
    """What the server said instead of giving a mail that it has (then `raw` is None): it may give it later."""
    arrived: datetime | None = None
    """When the server got it (INTERNALDATE, RFC 3501 section 2.3.3; aware), whatever its Date header says; None where it does not say."""

    def came(self, now: datetime) -> datetime:
        """When it came: `now` where the server does not say, or names a moment that has not been."""
        return now if self.arrived is None else min(self.arrived, now)


@dataclass(frozen=True, slots=True)
class Filed:
    """A mail in one of the bot's folders: its UID there, and the beginning of its header."""

    uid: int
    header: bytes


class Inbox(Protocol):
    """The mailbox that is shared with people.  Not thread-safe: one thread owns it."""

    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        """New mails in ascending UID order: every UID above `after` (all where None or where UIDVALIDITY changed), and those of `also` that still exist.

        Where nothing is known of the folder (`after` is None, or of another UIDVALIDITY), mails that came before the day
        `since` are left out: they are searched for by date, and cost nothing each.

        Fetches in batches, sets no flag (BODY.PEEK[], RFC 3501 section 6.4.5).  May run any number
        of times.  Raises MailServerUnavailable.
        """

    def position(self) -> MailKey:
        """Account, folder and UIDVALIDITY as they are now (uid 0).  Raises MailServerUnavailable."""

    def file_away(self, keys: Sequence[MailKey], folder: Folder) -> None:
        """Move mails to a folder (MOVE, RFC 6851, or COPY + \\Deleted + UID EXPUNGE).

        Keys that are gone, or of another UIDVALIDITY, are skipped.  May run twice.  Raises MailServerUnavailable.
        """

    def filed(self, folder: Folder, since: date | None = None) -> Iterator[Filed]:
        """Mails in one of the bot's folders; with `since`, those that arrived on that day (of the server) or later.  Raises MailServerUnavailable."""

    def filed_mail(self, uid: int, folder: Folder) -> bytes | None:
        """One mail of one of the bot's folders; None where it is gone or larger than the limit.  Raises MailServerUnavailable."""

    def bring_back(self, uids: Sequence[int], folder: Folder) -> None:
        """Move mails from one of the bot's folders back to the inbox, where they are new.  May run twice.  Raises MailServerUnavailable."""

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for new mail (IDLE, RFC 2177) at most so long; True when something came.

        Returns False at once where the server has no IDLE.  Raises MailServerUnavailable.
        """

    def wake(self) -> None:
        """End a `wait` that runs now, or the next one, with False; from any thread or signal handler."""

    def close(self) -> None:
        """Log out; never raises."""


class Reader(Protocol):
    """Raw bytes to what a mail says, in bounded time and memory."""

    def read(self, raw: bytes, now: datetime) -> Understanding:
        """What the mail says at the moment `now` (aware).  Never raises for what the bytes contain; OSError where nothing can be read."""

    def begin(self, raw: bytes, now: datetime) -> Callable[[], Understanding]:
        """Have a mail read while the caller does something else; what is given back waits for the answer, and is called once.

        Several may be begun; each costs the memory of its mail.  Raises nothing itself: the answer does, like `read`.
        """

    def layers(self) -> tuple[str, ...]:
        """What whatever reads has given up, in words; empty where nothing.  Raises OSError."""

    def close(self) -> None:
        """May run twice."""


class Authenticator(Protocol):
    """Looks at the signatures that a mail carries itself (DKIM, OpenPGP)."""

    def check(self, raw: bytes, mail: Mail, now: datetime) -> Checked:
        """What they prove about the mail's sender; a signature that cannot be checked proves nothing.

        May ask name servers, each for a limited time.  May run twice.  Never raises for what the mail contains.
        """


class Postman(Protocol):
    """Hands letters to the SMTP server over one connection per batch."""

    def send(self, letter: OutboundMail) -> str:
        """Send one letter and return the server's answer to the final dot, e.g. `250 2.0.0 Ok: queued as 4B1F`.

        May run twice: the Message-ID is the same, and receivers can tell.  Raises LetterRefused (see
        `permanent`) or MailServerUnavailable (then the connection is gone; try the batch later).
        """

    def close(self) -> None:
        """End the connection; never raises."""


class Handover(Protocol):
    """A letter on its way to the server."""

    def go_on(self) -> bool:
        """Say to the server what can be said by now, without waiting for it; never raises.  True where `answer` would not wait any more.

        A connection that the server has closed before it took the letter is made anew here.
        """

    def answer(self) -> str:
        """Wait for the server's answer to the letter, and return it or raise, as `Postman.send` does."""


@runtime_checkable
class EarlyPostman(Postman, Protocol):
    """One that comes back while a letter is on its way."""

    def begin(self, letter: OutboundMail) -> Handover:
        """Begin to hand a letter over when the one before it has been answered; waits for a connection where there is none, and never raises."""
