"""What people who look want to know of the database, in one question each.  Reads only; nothing of a turn needs it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, func, or_, select, text

from mailbot.adapters.database import outbox
from mailbot.adapters.database.tables import OUTBOX, TICKETS, WANTS_TO_WAKE
from mailbot.adapters.database.tickets import SELECT_TICKETS, ticket_of
from mailbot.model import WITH_A_DISK, Action, OutboxItem, Ticket, TicketState
from mailbot.ports import OutboxState, Queued, Wanted

_T = TICKETS.c
_O = OUTBOX.c


class DatabaseOverview:
    """`ports.Overview` over an engine; see there for what the methods promise."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tickets(self, wanted: Wanted, after: int = 0, limit: int = 100) -> list[Ticket]:
        question = SELECT_TICKETS.where(_T.id > after).order_by(_T.id).limit(limit)
        if wanted.states:
            question = question.where(_T.state.in_(wanted.states))
        if wanted.username:
            question = question.where(or_(_T.username == wanted.username, _T.renamed_to == wanted.username))
        if wanted.site:
            question = question.where(_T.site == wanted.site)
        if wanted.held:
            question = question.where(_T.held != "")
        with self._engine.connect() as connection:
            return [ticket_of(row) for row in connection.execute(question)]

    def queue(self, ticket_id: int | None = None, limit: int = 100) -> list[Queued]:
        question = _QUEUE.where(_O.state == OutboxState.WAITING).order_by(_O.next_attempt_at, _O.id).limit(limit)
        if ticket_id is not None:
            question = question.where(_O.ticket_id == ticket_id)
        return self._queued(question)

    def given_up(self, ticket_id: int | None = None, limit: int = 100) -> list[Queued]:
        question = _QUEUE.where(_O.state == OutboxState.FAILED).order_by(_O.id.desc()).limit(limit)
        if ticket_id is not None:
            question = question.where(_O.ticket_id == ticket_id)
        return self._queued(question)

    def _queued(self, question: Select[Any]) -> list[Queued]:
        with self._engine.connect() as connection:
            return [Queued(*row) for row in connection.execute(question)]

    def row(self, row: int) -> OutboxItem | None:
        with self._engine.connect() as connection:
            return outbox.by_row(connection, row)

    def row_state(self, row: int) -> OutboxState | None:
        with self._engine.connect() as connection:
            return connection.execute(select(_O.state).where(_O.id == row)).scalar()

    def trouble(self, ticket_id: int) -> str:
        with self._engine.connect() as connection:
            return connection.execute(select(_T.trouble).where(_T.id == ticket_id)).scalar() or ""

    def troubled(self, limit: int = 100) -> list[tuple[int, str]]:
        question = select(_T.id, _T.trouble).where(text(WANTS_TO_WAKE), _T.trouble != "").order_by(_T.id).limit(limit)
        with self._engine.connect() as connection:
            return [(row[0], row[1]) for row in connection.execute(question)]

    def states(self) -> dict[TicketState, int]:
        with self._engine.connect() as connection:
            counted = connection.execute(select(_T.state, func.count()).group_by(_T.state))
            return {row[0]: row[1] for row in counted}

    def oldest_question(self) -> datetime | None:
        requests = select(func.min(_T.asked_at)).where(_T.state == TicketState.PENDING)
        extensions = select(func.min(_T.asked_at)).where(
            _T.state.in_(sorted(WITH_A_DISK)), _T.asked_end_date.is_not(None)
        )
        with self._engine.connect() as connection:
            moments = [connection.execute(question).scalar() for question in (requests, extensions)]
        return min((moment for moment in moments if moment is not None), default=None)

    def last_accepted(self) -> datetime | None:
        letters = select(_O.settled_at).where(_O.action == Action.LETTER, _O.state == OutboxState.DONE)
        with self._engine.connect() as connection:
            return connection.execute(letters.order_by(_O.id.desc()).limit(1)).scalar()

    def oldest_in_queue(self) -> datetime | None:
        question = select(func.min(_O.created_at)).where(_O.state == OutboxState.WAITING)
        with self._engine.connect() as connection:
            return connection.execute(question).scalar()


_QUEUE = select(
    *(_O.id, _O.ticket_id, _O.action, _O.letter, _O.to_address, _O.attempts),
    *(_O.created_at, _O.next_attempt_at, _O.error, _O.settled_at),
)
