"""What the database keeps for long, for those who answer for it: the chain of the history, and all that is kept about one person."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Protocol

from mailbot.model import Actor, HistoryEntry, Ticket
from mailbot.model.tickets import Facts
from parsers.frozen import frozen


@frozen
class Chain:
    """One ticket's history: how many lines, how many of them erased, and the last seal.

    `broken` says which line is the first that is not as it was sealed, and how; empty where all are.
    """

    ticket: int
    lines: int
    erased: int
    seal: str
    broken: str = ""


@frozen
class KeptLetter:
    """A letter about a person's ticket, or to them: what it said, and what became of it."""

    ticket: int | None
    letter: str
    to: str
    written_at: datetime
    settled_at: datetime | None
    state: str
    answer: str
    facts: Facts


@frozen
class KeptMail:
    """A mail from one of a person's addresses: what the ledger says of it."""

    seen_at: datetime
    sender: str
    subject: str
    message_id: str
    sha256: str
    verdict: str
    why: str


@frozen
class Whom:
    """One person: a login that they have or had, and the directory's ids for them: more than one where a site changed its kind.

    The id "" means the tickets that were made with the login and never got an id.
    """

    login: str
    ids: tuple[str, ...] = ("",)


@frozen
class Namesake:
    """Somebody whose tickets have a login; `name` is as the last of the tickets has it."""

    person_id: str
    name: str
    tickets: tuple[int, ...]


@frozen
class About:
    """All that is kept about a person."""

    login: str
    addresses: tuple[str, ...]
    tickets: tuple[Ticket, ...]
    history: tuple[HistoryEntry, ...]
    letters: tuple[KeptLetter, ...]
    mails: tuple[KeptMail, ...]
    words: dict[str, bytes]
    """The mails that changed a ticket, by their hash, as they are stored (encrypted)."""
    deeds: tuple[HistoryEntry, ...]
    """What they did to tickets of others: as an admin."""
    machine_addresses: dict[int, tuple[str, ...]]
    """The IP addresses that the machine of a ticket has from the database, by the ticket's number."""


@frozen
class Erased:
    """How much was erased; `open` are tickets that stand in the way, and then nothing was."""

    tickets: int = 0
    lines: int = 0
    letters: int = 0
    mails: int = 0
    open: tuple[int, ...] = ()


class Archive(Protocol):
    """The database for those who answer for what it keeps."""

    def chains(self) -> Iterator[Chain]:
        """Every ticket's history, checked line by line, by ticket."""

    def seals(self, ticket: int) -> list[str]:
        """The seals of a ticket's history, in order."""

    def namesakes(self, login: str) -> list[Namesake]:
        """The people whose tickets were made with that login, or who have it now, by their first ticket."""

    def about(self, whom: Whom, addresses: Collection[str] = ()) -> About:
        """All that is kept about a person; `addresses` are further ones of theirs."""

    def erase(self, whom: Whom, pseudonym: str, by: Actor, now: datetime, addresses: Collection[str] = ()) -> Erased:
        """Put the pseudonym in the place of a person, and nothing in that of their words.  One transaction; may run twice.

        Refused while one of their tickets is not over, or something of one still waits to be sent or done.  Kept is what
        happened when, in which capacity, and which admin it was; the history's chain still holds.
        """
