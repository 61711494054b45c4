"""The outbox in the database: free functions over a connection that is in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)

from mailbot.adapters.database import limits, quick
from mailbot.adapters.database.inserting import dialect_of, insert
from mailbot.adapters.database.notices import NOTICE, notice_of, notice_values
from mailbot.adapters.database.tables import ANSWERS_A_MAIL, FAILED, OUTBOX, WAITING
from mailbot.errors import LeaseLost
from mailbot.model import MACHINE_ACTIONS, Action, Effect, HistoryEntry, OutboxItem, Ticket, Turn
from mailbot.ports import FailedEffect, OutboxCount, OutboxState, Settled
from mailbot.rules import LetterRules
from mailbot.tokens import without_token

_O = OUTBOX.c
_E = OUTBOX.alias("earlier")
IS_WAITING = _O.state == literal_column("'waiting'")
# A machine row waits for every earlier one of its ticket: that keeps them in order, and two claimed
# rows of one ticket apart (a claimed row is still waiting).  A report only looks: it waits for nothing, and nothing
# waits for it, or whoever asks how things stand would hear nothing exactly while they stand badly.  Names are in order
# among themselves: a name server that is away holds up no machine.
IS_FIRST = or_(
    _O.action == literal_column("'report'"),
    ~exists().where(
        _E.c.ticket_id == _O.ticket_id,
        _E.c.state == literal_column("'waiting'"),
        _E.c.action.not_in([literal_column("'letter'"), literal_column("'report'"), literal_column("'name'")]),
        _E.c.id < _O.id,
    ),
)
IS_FIRST_NAME = ~exists().where(
    _E.c.ticket_id == _O.ticket_id,
    _E.c.state == literal_column("'waiting'"),
    _E.c.action == literal_column("'name'"),
    _E.c.id < _O.id,
)


@cache
def _insert(dialect: str) -> Insert:
    return insert(dialect, OUTBOX).on_conflict_do_nothing().inline()


_CANCEL = (
    update(OUTBOX)
    .where(
        _O.ticket_id == bindparam("of_ticket"),
        IS_WAITING,
        func.substr(_O.key, 1, func.length(bindparam("prefix", type_=_O.key.type))) == bindparam("prefix"),
    )
    .values(state=OutboxState.CANCELLED, settled_at=bindparam("now"))
)
_BOUNCED = (
    update(OUTBOX)
    .where(_O.message_id == bindparam("bounced_id"), _O.message_id.is_not(None))
    .values(
        bounced_at=func.coalesce(_O.bounced_at, bindparam("now", type_=_O.bounced_at.type)),
        # once permanent, always: a late "delayed" report takes nothing back
        bounce_permanent=case(
            (_O.bounce_permanent.is_(true()), True), else_=bindparam("permanent", type_=_O.bounce_permanent.type)
        ),
    )
)
ITEM = (
    *(_O.id, _O.ticket_id, _O.version, _O.action, _O.key, _O.letter, _O.to_address, _O.to_name),
    *(_O.language, _O.facts, _O.not_before, _O.attempts, _O.created_at, _O.answers, *NOTICE),
)


_SETTLE = update(OUTBOX).values(
    claim=None,
    state=bindparam("new_state"),
    settled_at=bindparam("now"),
    message_id=bindparam("sent_as"),
    answer=bindparam("proof"),
    error=bindparam("why"),
)
_STILL_HELD = and_(IS_WAITING, _O.claim == bindparam("held_claim"))
_DONE = _SETTLE.where(
    _O.id == bindparam("row"), _O.state.in_([literal_column("'waiting'"), literal_column("'cancelled'")])
)
_DONE_WORK = _DONE.where(_O.claim == bindparam("held_claim"))
_GIVE_UP = _SETTLE.where(_O.id == bindparam("row"), _STILL_HELD)
_AGAIN = (
    update(OUTBOX)
    .where(_O.id == bindparam("row"), _STILL_HELD)
    .values(
        claim=None,
        next_attempt_at=bindparam("again_at"),
        error=bindparam("why"),
        attempts=_O.attempts - bindparam("given_back", type_=_O.attempts.type),
    )
)
_HASTEN = (
    update(OUTBOX)
    .where(_O.id == bindparam("row"), IS_WAITING, _O.claim.is_(None), _O.error != "")
    .values(next_attempt_at=bindparam("now"))
)
_LOCK = select(_O.id).where(_O.id.in_(bindparam("ids", expanding=True))).order_by(_O.id).with_for_update()
_ANSWERS = select(func.count()).where(
    _O.answered == bindparam("address"), text(ANSWERS_A_MAIL), _O.created_at > bindparam("since")
)
# Each of the two by itself, so that each finds its own index.
_COUNTS = union_all(
    *(
        select(_O.action, _O.state, func.count()).where(text(which)).group_by(_O.action, _O.state)
        for which in (WAITING, FAILED)
    )
)
_FAILED = select(*ITEM, _O.settled_at, _O.error).where(text(FAILED)).order_by(_O.id.desc()).limit(bindparam("most"))

_WAITING_OF = select(*ITEM, _O.next_attempt_at).where(_O.ticket_id == bindparam("wanted"), IS_WAITING).order_by(_O.id)


_BY_ROW = select(*ITEM).where(_O.id == bindparam("wanted"))


def _next_of(action: Action) -> Select[*tuple[Any, ...]]:
    first = select(_O.next_attempt_at).where(IS_WAITING, _O.action == literal_column(f"'{action.value}'"))
    if action in MACHINE_ACTIONS:
        first = first.where(IS_FIRST)
    elif action is Action.NAME:
        first = first.where(IS_FIRST_NAME)
    return first.order_by(_O.next_attempt_at).limit(1)


NEXT_ATTEMPTS = tuple(_next_of(action).scalar_subquery() for action in Action)
"""For every action, the earliest moment at which one of its rows can be claimed."""


def add(
    connection: Connection, turn: Turn, ticket: Ticket | None, letters: LetterRules, tally: limits.Tally
) -> list[HistoryEntry]:
    """Write a turn's effects as waiting rows, letters over a limit as held; those whose key exists already are left as they are.

    Gives what the ticket's history says about held ones.
    """
    if not turn.effects:
        return []
    brake = limits.Brake(connection, turn, ticket, letters, tally)
    common = {
        "ticket_id": ticket.id if ticket else None,
        "version": ticket.version if ticket else 0,
        "answers": turn.mail.message_id if turn.mail else ticket.thread if ticket else "",
        "attempts": 0,
        "created_at": turn.now,
        "answer": "",
    }
    rows = [
        {
            "action": effect.action,
            "key": effect.key,
            "letter": effect.letter,
            "to_address": effect.to,
            "to_name": effect.to_name,
            "language": effect.language,
            "facts": dict(effect.facts),
            "not_before": effect.not_before,
            "next_attempt_at": effect.not_before or turn.now,
            "answered": effect.to.lower() if answers_a_mail(effect, turn) else None,
            **notice_values(effect.notice),
            **common,
            **brake.columns(effect),
        }
        for effect in turn.effects
    ]
    quick.run(connection, _insert(dialect_of(connection)), *rows)
    return list(limits.told_in_history(rows, turn, ticket)) if ticket else []


def answers_a_mail(effect: Effect, turn: Turn) -> bool:
    """True for a letter that answers the turn's mail: one for users, or one to an admin whose mail changed nothing.

    What tells the admins of a decision, even their own, is no answer: it must not use up theirs, or a
    busy admin's unclear words would at last be met with silence.
    """
    if effect.letter is None or turn.mail is None:
        return False
    if effect.letter.value.startswith("admin-"):
        return turn.ticket is None and effect.to.lower() == turn.mail.sender.lower()
    return True


def cancel(connection: Connection, ticket_id: int, prefixes: Iterable[str], now: datetime) -> None:
    """Cancel the ticket's waiting rows whose key starts with one of the prefixes."""
    rows = [{"of_ticket": ticket_id, "prefix": prefix, "now": now} for prefix in prefixes if prefix]
    if rows:
        quick.run(connection, _CANCEL, *rows)


def bounced(connection: Connection, message_id: str, permanent: bool | None, now: datetime) -> None:
    """Mark the letter with that Message-ID as come back; nothing where there is none."""
    connection.execute(_BOUNCED, {"bounced_id": without_token(message_id), "permanent": permanent, "now": now})


def item_of(row: Row[*tuple[Any, ...]], attempts: int) -> OutboxItem:
    effect = Effect(
        action=row.action,
        key=row.key,
        letter=row.letter,
        to=row.to_address,
        to_name=row.to_name,
        language=row.language,
        facts=row.facts,
        not_before=row.not_before,
        notice=notice_of(row),
    )
    return OutboxItem(row.id, row.ticket_id, row.version, effect, attempts, row.created_at, row.answers)


def by_row(connection: Connection, row: int) -> OutboxItem | None:
    """One row, whatever became of it."""
    found = connection.execute(_BY_ROW, {"wanted": row}).first()
    return None if found is None else item_of(found, found.attempts)


def settle(connection: Connection, results: Sequence[Settled], now: datetime) -> None:
    """Write what became of rows; see `ports.Store.settle`."""
    done = [_settled(result, OutboxState.DONE, now) for result in results if result.done and _is_letter(result)]
    work = [_settled(result, OutboxState.DONE, now) for result in results if result.done and not _is_letter(result)]
    failed = [
        _settled(result, _ended(result), now) for result in results if not result.done and result.retry_at is None
    ]
    again = [_again(result) for result in results if not result.done and result.retry_at is not None]
    if len(results) > 1 and connection.dialect.name == "postgresql":
        # In the order of their numbers, like a turn that cancels: nobody waits for each other.
        connection.execute(_LOCK, {"ids": [result.item.id for result in results]})
    for statement, rows in ((_DONE, done), (_DONE_WORK, work), (_GIVE_UP, failed), (_AGAIN, again)):
        if rows:
            quick.run(connection, statement, *rows)


def settle_one(connection: Connection, result: Settled, now: datetime) -> None:
    """Settle a row that must still be ours to settle; raises LeaseLost."""
    if result.done:
        statement = _DONE if _is_letter(result) else _DONE_WORK
        changed = connection.execute(statement, _settled(result, OutboxState.DONE, now))
    elif result.retry_at is None:
        changed = connection.execute(_GIVE_UP, _settled(result, _ended(result), now))
    else:
        changed = connection.execute(_AGAIN, _again(result))
    if changed.rowcount != 1:
        raise LeaseLost(f"outbox row {result.item.id} was settled or claimed by somebody else meanwhile")


def _is_letter(result: Settled) -> bool:
    """A letter that was sent was sent, whoever holds its row by now; work on a machine is done by the one who holds it."""
    return result.item.effect.action is Action.LETTER


def _ended(result: Settled) -> OutboxState:
    return OutboxState.CANCELLED if result.void else OutboxState.FAILED


def _settled(result: Settled, state: OutboxState, now: datetime) -> dict[str, Any]:
    return {
        "row": result.item.id,
        "held_claim": result.item.claim,
        "new_state": state,
        "now": now,
        "sent_as": without_token(result.message_id) or None,
        "proof": result.proof,
        "why": result.error,
    }


def _again(result: Settled) -> dict[str, Any]:
    return {
        "row": result.item.id,
        "held_claim": result.item.claim,
        "again_at": result.retry_at,
        "why": result.error,
        "given_back": 0 if result.counted else 1,
    }


def hasten(connection: Connection, row: int, now: datetime) -> bool:
    """Have a row tried again now; see `ports.Store.hasten`."""
    return connection.execute(_HASTEN, {"row": row, "now": now}).rowcount == 1


def answers_since(connection: Connection, address: str, since: datetime) -> int:
    count = connection.execute(_ANSWERS, {"address": address.lower(), "since": since}).scalar()
    return int(count or 0)


def waiting(connection: Connection, ticket_id: int) -> list[Effect]:
    """What waits for a ticket; `not_before` is when it is tried next."""
    rows = connection.execute(_WAITING_OF, {"wanted": ticket_id})
    return [replace(item_of(row, row.attempts).effect, not_before=row.next_attempt_at) for row in rows]


def counts(connection: Connection) -> list[OutboxCount]:
    return [OutboxCount(action, state, rows) for action, state, rows in connection.execute(_COUNTS)]


def failed_effects(connection: Connection, limit: int) -> list[FailedEffect]:
    rows = connection.execute(_FAILED, {"most": limit})
    return [FailedEffect(item_of(row, row.attempts), row.settled_at, row.error) for row in rows]
