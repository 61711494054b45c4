"""Errors that mailbot raises on purpose: each says whether trying again can help, and speaks to a person."""

from __future__ import annotations

import re

from parsers.translatable import say


class MailbotError(Exception):
    """Base of all; `permanent` is True where trying again cannot help."""

    permanent = False

    def __init__(self, message: str, *, permanent: bool | None = None) -> None:
        super().__init__(message)
        if permanent is not None:
            self.permanent = permanent


class ConfigurationError(MailbotError):
    """The configuration cannot be used; `problems` are lines of the form `config.toml: imap.hots: …`."""

    permanent = True

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Conflict(MailbotError):
    """Somebody else changed the ticket first (guarded update, or one open ticket per user): read again and decide again."""


class MailServerUnavailable(MailbotError):
    """The IMAP or SMTP server does not answer, or refuses us; trying later can help unless `permanent`."""


_OVER_QUOTA = 552
_TOO_BIG = re.compile(r"\b[45]\.3\.4\b")
_MAILBOX_FULL = re.compile(r"\b[45]\.2\.2\b")


class LetterRefused(MailbotError):
    """The SMTP server refused one letter: `code` and `answer` as it said them (RFC 5321 section 4.2)."""

    def __init__(self, code: int, answer: str) -> None:
        full = bool(_MAILBOX_FULL.search(answer)) or (
            code == _OVER_QUOTA and not _TOO_BIG.search(answer)
        )  # people empty their mailboxes
        said = say("The mail server answered: {code} {answer}", code=code, answer=answer)
        super().__init__(said, permanent=500 <= code < 600 and not full)
        self.code = code
        self.answer = answer


class LeaseLost(MailbotError):
    """A row of the outbox is not ours to work on any more: it was claimed by another daemon, or cancelled."""


class NameServerUnavailable(MailbotError):
    """The name server of a zone does not answer, or refuses our changes: they wait, and are tried again."""


class NameTaken(MailbotError):
    """A name in a zone has records that are not ours; they are never touched."""

    permanent = True


class NoAddress(MailbotError):
    """A machine needs an address of a range that has none left; trying later can help."""


class SenderUncertain(MailbotError):
    """Name servers do not answer, and only they could tell who sent a mail: nothing is refused for that, they are asked again."""


class DirectoryUnavailable(MailbotError):
    """The directory of users does not answer: nothing is refused for that, it is asked again later."""


class DatabaseNotReady(MailbotError):
    """The database's schema is not at the revision this program needs: run `mailbot db upgrade`."""

    permanent = True
