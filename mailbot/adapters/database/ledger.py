"""The ledger of mails in the database: free functions over a connection that is in a transaction."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert

from mailbot.adapters.database import quick
from mailbot.adapters.database.inserting import dialect_of, insert
from mailbot.adapters.database.locks import hold_until_the_end
from mailbot.adapters.database.tables import LEDGER, RAW_MAILS, TO_BE_MOVED, TO_BE_RETRIED
from mailbot.errors import Conflict
from mailbot.model import LedgerEntry, MailKey, Verdict

MOVED_AWAY = frozenset({Verdict.HANDLED, Verdict.DUPLICATE, Verdict.QUARANTINED})
"""Verdicts after which a mail is moved to a folder."""

_L = LEDGER.c
_KEY = (_L.account, _L.folder, _L.uidvalidity, _L.uid)
_KEY_NAMES = ("account", "folder", "uidvalidity", "uid")
_IN_FOLDER, _IS_THE_MAIL = (
    and_(*(column == bindparam(column.name) for column in columns)) for columns in (_KEY[:3], _KEY)
)
_ACTS: ColumnElement[str] = literal_column("'handled'")
# What a person moves back from quarantine is read again.
_OTHER_THAT_ACTED = and_(_L.verdict == _ACTS, not_(_IS_THE_MAIL))
_SAME_HASH = exists().where(_L.sha256 == bindparam("sha256"), _OTHER_THAT_ACTED)
_SAME_ID = exists().where(_L.message_id == bindparam("message_id"), _OTHER_THAT_ACTED)
# Whether a copy acted, by whether the mail has a Message-ID: each finds its own index.
_A_COPY_ACTED = {True: or_(_SAME_HASH, _SAME_ID), False: _SAME_HASH}
_BEFORE = {has_id: select(acted) for has_id, acted in _A_COPY_ACTED.items()}


@cache
def _upsert(dialect: str, *, has_id: bool) -> ReturningInsert[int]:
    # A mail acts once: only a row that says RETRY may be overwritten, no row is written for one that acts as another copy
    # of it did, and a turn whose mail gives no row back must not go on.
    columns = {column.name: column for column in LEDGER.columns if column.name != "id"}
    values = {name: bindparam(name, type_=column.type) for name, column in columns.items()}
    acts_anew = or_(values["verdict"] != _ACTS, not_(_A_COPY_ACTED[has_id]))
    statement = insert(dialect, LEDGER)
    statement = statement.from_select(list(columns), select(*values.values()).where(acts_anew))
    return statement.on_conflict_do_update(
        index_elements=list(_KEY_NAMES),
        set_={name: statement.excluded[name] for name in columns if name not in _KEY_NAMES},
        where=_L.verdict == literal_column("'retry'"),
    ).returning(_L.id)


@cache
def _keep(dialect: str) -> Insert:
    return insert(dialect, RAW_MAILS).on_conflict_do_nothing().inline()


_CURSOR = select(func.max(_L.uid)).where(_IN_FOLDER)
_RETRIES = select(LEDGER).where(_IN_FOLDER, text(TO_BE_RETRIED), _L.retry_at <= bindparam("now")).order_by(_L.retry_at)
_RETRYING = select(func.count()).select_from(LEDGER).where(text(TO_BE_RETRIED))
_RETRY_NOW = update(LEDGER).where(text(TO_BE_RETRIED)).values(retry_at=bindparam("now"))
_UNMOVED = select(_L.uid, _L.verdict).where(_IN_FOLDER, text(TO_BE_MOVED)).order_by(_L.uid)
_MOVED = update(LEDGER).where(*(column == bindparam("in_" + column.name) for column in _KEY)).values(unmoved=0)
_RAW = select(RAW_MAILS.c.data).where(RAW_MAILS.c.sha256 == bindparam("hash"))

_R = RAW_MAILS.c
_RAWS = select(_R.sha256, _R.data).where(_R.sha256 > bindparam("after")).order_by(_R.sha256).limit(bindparam("most"))
_REPLACE = update(RAW_MAILS).where(_R.sha256 == bindparam("hash")).values(data=bindparam("packed"))


def _key_of(key: MailKey) -> dict[str, object]:
    return {"account": key.account, "folder": key.folder, "uidvalidity": key.uidvalidity, "uid": key.uid}


def cursor(connection: Connection, position: MailKey) -> MailKey | None:
    uid = connection.execute(_CURSOR, _key_of(position)).scalar()
    return None if uid is None else MailKey(position.account, position.folder, position.uidvalidity, uid)


def retries(connection: Connection, position: MailKey, now: datetime) -> list[LedgerEntry]:
    return [
        LedgerEntry(
            key=MailKey(row.account, row.folder, row.uidvalidity, row.uid),
            message_id=row.message_id,
            sha256=row.sha256,
            verdict=row.verdict,
            seen_at=row.seen_at,
            sender=row.sender,
            subject=row.subject,
            kind=row.kind,
            why=row.why,
            attempts=row.attempts,
            retry_at=row.retry_at,
        )
        for row in connection.execute(_RETRIES, _key_of(position) | {"now": now})
    ]


def retrying(connection: Connection) -> int:
    return int(connection.execute(_RETRYING).scalar_one())


def retry_now(connection: Connection, message_id: str, now: datetime) -> int:
    """Have mails tried again now; see `ports.Store.retry_now`."""
    which = _RETRY_NOW if not message_id else _RETRY_NOW.where(_L.message_id == message_id)
    return connection.execute(which, {"now": now}).rowcount


def handled_before(connection: Connection, message_id: str, sha256: str, key: MailKey) -> bool:
    """Whether another mail with that Message-ID or hash was handled."""
    values = {**_key_of(key), "message_id": message_id, "sha256": sha256}
    ((before,),), _ = quick.run(connection, _BEFORE[bool(message_id)], values)
    return bool(before)


def unmoved(connection: Connection, position: MailKey) -> list[tuple[MailKey, Verdict]]:
    return [
        (MailKey(position.account, position.folder, position.uidvalidity, row.uid), row.verdict)
        for row in connection.execute(_UNMOVED, _key_of(position))
    ]


def mark_moved(connection: Connection, keys: Sequence[MailKey]) -> None:
    if keys:
        # An UPDATE takes a column's name for what is to be set.
        connection.execute(_MOVED, [{f"in_{name}": value for name, value in _key_of(key).items()} for key in keys])


def write(connection: Connection, entry: LedgerEntry) -> None:
    """Write what became of a mail, over a RETRY of the same mail.

    Raises Conflict where it has another verdict, or is HANDLED as another copy of it was.
    """
    if entry.verdict is Verdict.HANDLED and dialect_of(connection) == "postgresql":
        # There, two transactions do not see each other's rows before they have ended.
        hold_until_the_end(connection, {f"copies of {one}" for one in (entry.message_id, entry.sha256) if one})
    written, _ = quick.run(
        connection,
        _upsert(dialect_of(connection), has_id=bool(entry.message_id)),
        {
            **_key_of(entry.key),
            "message_id": entry.message_id,
            "sha256": entry.sha256,
            "verdict": entry.verdict,
            "seen_at": entry.seen_at,
            "sender": entry.sender,
            "subject": entry.subject,
            "kind": entry.kind,
            "why": entry.why,
            "attempts": entry.attempts,
            "retry_at": entry.retry_at,
            "unmoved": int(entry.verdict in MOVED_AWAY),
        },
    )
    if not written:
        raise Conflict(
            f"mail {entry.key.uid} of {entry.key.folder} was handled by somebody else meanwhile, or a copy of it"
        )
    if entry.raw is not None:
        packed = {"sha256": entry.sha256, "data": _packed(entry.raw), "stored_at": entry.seen_at}
        quick.run(connection, _keep(dialect_of(connection)), packed)


def raw_mail(connection: Connection, sha256: str) -> bytes | None:
    data = connection.execute(_RAW, {"hash": sha256}).scalar()
    return None if data is None else zlib.decompress(data)


def raw_mails(connection: Connection, after: str, limit: int) -> list[tuple[str, bytes]]:
    rows = connection.execute(_RAWS, {"after": after, "most": limit})
    return [(row.sha256, zlib.decompress(row.data)) for row in rows]


def replace_raw_mails(connection: Connection, mails: Mapping[str, bytes]) -> None:
    if mails:
        connection.execute(_REPLACE, [{"hash": sha256, "packed": _packed(raw)} for sha256, raw in mails.items()])


def _packed(raw: bytes) -> bytes:
    # In zlib's form, but not compressed: what comes is encrypted, was compressed before, and shrinks no more.
    return zlib.compress(raw, 0)
