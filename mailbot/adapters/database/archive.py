"""The database for those who answer for what it keeps; see `mailbot.archive` for what the methods promise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Text, and_, bindparam, cast, delete, func, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from mailbot.adapters.database import tickets
from mailbot.adapters.database.addresses import of_ticket
from mailbot.adapters.database.ledger import raw_mail
from mailbot.adapters.database.seals import FIRST, Line
from mailbot.adapters.database.tables import HISTORY, LEDGER, OUTBOX, RAW_MAILS, TICKETS
from mailbot.archive import About, Chain, Erased, KeptLetter, KeptMail, Namesake, Whom
from mailbot.model import FINAL, Action, Actor, EventKind, HistoryEntry, Role, Ticket
from mailbot.ports import OutboxState
from provisioner.naming import host_part

_H, _L, _O, _R, _T = HISTORY.c, LEDGER.c, OUTBOX.c, RAW_MAILS.c, TICKETS.c
_NAMES = tuple(one.name for one in fields(Line))
_LINES = (
    select(_H.id, _H.seal.label("sealed"), *(_H[name] for name in _NAMES))
    .where(_H.ticket_id > bindparam("after"), _H.ticket_id <= bindparam("until"))
    .order_by(_H.ticket_id, _H.id)
)
_HIGHEST = select(func.max(_T.id))
_SEALS = select(_H.seal).where(_H.ticket_id == bindparam("wanted")).order_by(_H.id)
_TO_PERSON = _O.letter.is_not(None) & ~cast(_O.letter, Text).like("admin-%")
"""Letters to owners and senders; the name of a letter to admins begins with their name."""
_AT_ONCE = 500
"""Tickets whose histories are read at a time."""
_DEED = tickets.HISTORY_LINES.where(_H.role.in_((Role.ADMIN, Role.OPERATOR))).order_by(_H.id)


class DatabaseArchive:
    """`archive.Archive` over two ways to a connection: for reading, and for one transaction that writes."""

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Connection]],
        write: Callable[[], AbstractContextManager[Connection]],
    ) -> None:
        self._read, self._write = read, write

    def chains(self) -> Iterator[Chain]:
        with self._read() as connection:
            highest = connection.execute(_HIGHEST).scalar() or 0
            for after in range(0, highest, _AT_ONCE):
                rows = connection.execute(_LINES, {"after": after, "until": after + _AT_ONCE}).all()
                for _, lines in groupby(rows, key=lambda row: row.ticket_id):
                    yield _checked(list(lines))

    def seals(self, ticket: int) -> list[str]:
        with self._read() as connection:
            return list(connection.execute(_SEALS, {"wanted": ticket}).scalars())

    def namesakes(self, login: str) -> list[Namesake]:
        with self._read() as connection:
            found = [one for one in _read_tickets(connection, _may_have_had(login)) if _had(one, login)]
        by_id: dict[str, list[Ticket]] = {}
        for one in found:
            by_id.setdefault(one.person_id, []).append(one)
        return [
            Namesake(person_id, theirs[-1].name, tuple(one.id for one in theirs)) for person_id, theirs in by_id.items()
        ]

    def about(self, whom: Whom, addresses: Collection[str] = ()) -> About:
        with self._read() as connection:
            theirs = _tickets_of(connection, whom)
            numbers = [one.id for one in theirs]
            history = [line for number in numbers for line in tickets.history(connection, number)]
            known = _addresses(connection, theirs, addresses)
            mails = _mails(
                connection, numbers, known, [line.actor.mail for line in history if line.actor.role is Role.OWNER]
            )
            return About(
                login=whom.login,
                addresses=tuple(sorted(known | {mail.sender.lower() for mail in mails if mail.sender})),
                tickets=tuple(theirs),
                history=tuple(history),
                letters=tuple(_letters(connection, numbers, known)),
                mails=tuple(mails),
                words=_words(connection, [line.actor.mail for line in history]),
                deeds=tuple(
                    line
                    for line in map(tickets.entry_of, connection.execute(_DEED.where(func.lower(_H.who).in_(known))))
                    if line.ticket_id not in numbers
                ),
                machine_addresses={
                    number: tuple(held) for number in numbers if (held := of_ticket(connection, number))
                },
            )

    def erase(self, whom: Whom, pseudonym: str, by: Actor, now: datetime, addresses: Collection[str] = ()) -> Erased:
        with self._write() as connection:
            theirs = _tickets_of(connection, whom)
            numbers = [one.id for one in theirs]
            open_ = {one.id for one in theirs if one.state not in FINAL} | _still_waiting(connection, numbers)
            if open_:
                return Erased(open=tuple(sorted(open_)))
            known = _addresses(connection, theirs, addresses)
            owned = [line for number in numbers for line in tickets.history(connection, number)]
            mails = _erase_mails(
                connection, numbers, known, [line.actor.mail for line in owned if line.actor.mail], pseudonym
            )
            lines = sum(_erase_lines(connection, number, pseudonym) for number in numbers)
            letters = _erase_letters(connection, numbers, known, pseudonym)
            for one in theirs:
                connection.execute(
                    update(TICKETS).where(_T.id == one.id).values(
                        username=pseudonym, name="", email="", intended_usage="", disk_reason="", thread="", subject="",
                        held="", trouble="", person_id="", renamed_to="",
                    )
                )  # fmt: skip
                line = HistoryEntry(one.id, now, EventKind.ERASED, one.state, one.state, by, "personal data was erased")
                tickets.add_history(connection, one.id, [line])
            return Erased(len(theirs), lines, letters, mails)


def _checked(rows: list[Row[*tuple[Any, ...]]]) -> Chain:
    """One ticket's lines against their seals."""
    previous, erased = FIRST, 0
    for number, row in enumerate(rows, start=1):
        line = Line(**{name: getattr(row, name) for name in _NAMES})
        erased += line.erased
        if line.seal(previous) != row.sealed or line.left_over():
            why = f"line {number} ({line.event} of {line.at:%Y-%m-%d %H:%M} UTC, row {row.id}) is not as it was sealed"
            if line.left_over():
                why = f"line {number} (row {row.id}) was erased and says something"
            return Chain(line.ticket_id, len(rows), erased, row.sealed, f"{why}, or a line before it is missing")
        previous = row.sealed
    return Chain(rows[0].ticket_id, len(rows), erased, previous)


def _has_login(login: str) -> ColumnElement[bool]:
    """Of tickets without an id: of two logins that make one machine's name only the one that is meant."""
    return or_(_T.renamed_to == login, and_(_T.username == login, _T.renamed_to == ""))


def _may_have_had(login: str) -> ColumnElement[bool]:
    return or_(_T.renamed_to == login, _T.username == host_part(login))


def _had(ticket: Ticket, login: str) -> bool:
    """Whether it is, or may once have been, the login: of one that is another by now the ticket keeps what the machine's name has of it."""
    return ticket.login == login or host_part(ticket.login) != ticket.username


def _tickets_of(connection: Connection, whom: Whom) -> list[Ticket]:
    """By the id, whatever the login is now: two people who had one login are two people."""
    return _read_tickets(connection, and_(_T.person_id.in_(whom.ids), or_(_T.person_id != "", _has_login(whom.login))))


def _read_tickets(connection: Connection, condition: ColumnElement[bool]) -> list[Ticket]:
    rows = connection.execute(tickets.SELECT_TICKETS.where(condition).order_by(_T.id))
    return [tickets.ticket_of(row) for row in rows]


def _addresses(connection: Connection, theirs: list[Ticket], more: Collection[str]) -> set[str]:
    """Where they can be reached, and could when a letter of one of their tickets was written."""
    written_to = select(_O.to_address).where(
        _O.ticket_id.in_([one.id for one in theirs]), _TO_PERSON, _O.answered.is_(None)
    )
    before = connection.execute(written_to.distinct()).scalars()
    return {address.lower() for address in (*(one.email for one in theirs), *before, *more) if address}


def _still_waiting(connection: Connection, numbers: list[int]) -> set[int]:
    """Those of the tickets that still have something to be sent or done."""
    unsettled = _O.state.in_((OutboxState.WAITING, OutboxState.HELD))
    return set(connection.execute(select(_O.ticket_id).where(_O.ticket_id.in_(numbers), unsettled)).scalars())


def _letters(connection: Connection, numbers: list[int], addresses: set[str]) -> Iterator[KeptLetter]:
    """Letters about the tickets, to admins too, and answers to the addresses that are about no ticket."""
    columns = (_O.ticket_id, _O.letter, _O.to_address, _O.created_at, _O.settled_at, _O.state, _O.answer, _O.facts)
    theirs = or_(_O.ticket_id.in_(numbers), (_O.ticket_id.is_(None)) & func.lower(_O.to_address).in_(addresses))
    for row in connection.execute(select(*columns).where(_O.action == Action.LETTER, theirs).order_by(_O.id)):
        yield KeptLetter(*row)


def _mails(connection: Connection, numbers: list[int], addresses: set[str], hashes: list[str]) -> list[KeptMail]:
    columns = (_L.seen_at, _L.sender, _L.subject, _L.message_id, _L.sha256, _L.verdict, _L.why)
    theirs = _theirs(numbers, addresses, [one for one in hashes if one])
    return [KeptMail(*row) for row in connection.execute(select(*columns).where(theirs).order_by(_L.id))]


def _theirs(numbers: list[int], addresses: set[str], hashes: list[str]) -> ColumnElement[bool]:
    """Mails of the ledger that are a person's: those that changed their tickets, and those from their addresses, without
    what the owner of another ticket wrote: an address may have been somebody else's before."""
    of_others = select(_H.mail).where(_H.role == Role.OWNER, _H.ticket_id.not_in(numbers))
    return or_(func.lower(_L.sender).in_(addresses) & _L.sha256.not_in(of_others), _L.sha256.in_(hashes))


def _words(connection: Connection, hashes: list[str]) -> dict[str, bytes]:
    found = ((one, raw_mail(connection, one)) for one in dict.fromkeys(hashes) if one)
    return {one: raw for one, raw in found if raw is not None}


def _erase_mails(
    connection: Connection, numbers: list[int], addresses: set[str], hashes: list[str], pseudonym: str
) -> int:
    """The words of mails that changed the tickets, whoever wrote them: an admin's answer quotes them.

    The ledger keeps hash and place of each, so that the same mail still acts once.
    """
    connection.execute(delete(RAW_MAILS).where(_R.sha256.in_(hashes)))
    erased = (
        update(LEDGER)
        .where(_theirs(numbers, addresses, hashes))
        .values(sender=pseudonym, subject="", message_id="", why="")
    )
    return connection.execute(erased).rowcount


def _erase_lines(connection: Connection, ticket: int, pseudonym: str) -> int:
    """The words of every line, and who it was where that was the owner; which admin it was stays."""
    columns = (_H.id, *(_H[name] for name in _NAMES))
    count = 0
    for row in connection.execute(select(*columns).where(_H.ticket_id == ticket).order_by(_H.id)).all():
        line = Line(**{name: getattr(row, name) for name in _NAMES})
        if line.erased or line.event == EventKind.ERASED:
            continue
        values: dict[str, Any] = {
            "mail": "", "message_id": "", "evidence": {}, "summary": "", "facts": {},
            "words_salt": None, "words_hash": line.of_words(),
        }  # fmt: skip
        if line.role == Role.OWNER:
            values |= {"who": pseudonym, "who_salt": None, "who_hash": line.of_who()}
        connection.execute(update(HISTORY).where(_H.id == row.id).values(values))
        count += 1
    return count


def _erase_letters(connection: Connection, numbers: list[int], addresses: set[str], pseudonym: str) -> int:
    """What letters about the tickets said, and whom the owner's went to; answers that are about no ticket go as a whole."""
    words: dict[str, Any] = {
        "facts": {},
        "answers": "",
        "answer": "",
        "error": "",
        "message_id": None,
        "answered": None,
        "cause": None,
    }
    about = _O.ticket_id.in_(numbers)
    count = connection.execute(update(OUTBOX).where(about).values(words)).rowcount
    connection.execute(update(OUTBOX).where(about, _TO_PERSON).values(to_address=pseudonym, to_name="", counted=None))
    settled = _O.state.not_in((OutboxState.WAITING, OutboxState.HELD))
    answers = delete(OUTBOX).where(_O.ticket_id.is_(None), settled, func.lower(_O.to_address).in_(addresses))
    return count + connection.execute(answers).rowcount
