"""Reading mails out of a selected folder: in batches, within limits, without setting a flag."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Sequence, Set
from typing import Final, TypeAlias

from mailbot.adapters.imap.session import Client, is_passing, said

Sized: TypeAlias = tuple[int, int]
"""A UID and the size of its mail in bytes, as the server says (RFC822.SIZE)."""

_BODIES_AT_ONCE: Final = 50
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
# imaplib refuses a line above 1,000,000 bytes, and SEARCH answers in one: at most that many UIDs of eleven bytes.
_SEARCH_AT_ONCE: Final = 80_000

_SIZE: Final = b"RFC822.SIZE"
_BODY: Final = b"BODY[]"
_HEADER: Final = b"BODY[HEADER]<0>"
_HEADER_BYTES: Final = 65_536


class _RefusedError(Exception):
    """The server says NO to reading mails that it has."""


def search_from(client: Client, first: int, *, exists: int, uidnext: int) -> Iterator[int]:
    """UIDs from `first` on.  `n:*` always names the last mail too, even below n (RFC 3501 section 9, seq-range): left out."""
    if exists <= _SEARCH_AT_ONCE or not uidnext:
        yield from (uid for uid in client.search(["UID", f"{first}:*"]) if uid >= first)
        return
    for low in range(first, uidnext, _SEARCH_AT_ONCE):
        yield from client.search(["UID", f"{low}:{low + _SEARCH_AT_ONCE - 1}"])


def sizes(client: Client, uids: Sequence[int]) -> list[Sized]:
    """The mails that are still there, with their sizes, in the order given."""
    answers = client.fetch(uids, [_SIZE])
    return [(uid, int(answers[uid].get(_SIZE, 0))) for uid in uids if uid in answers]


def groups(sized: Sequence[Sized], max_bytes: int, alone: Set[int] = frozenset()) -> Iterator[list[Sized]]:
    """Mails that are fetched with one command: limited in number and in bytes, so that memory stays bounded; `alone` are not mixed with others."""
    group: list[Sized] = []
    total = 0
    for uid, size in sized:
        cost = min(size, _HEADER_BYTES) if size > max_bytes else size
        full = total + cost > _BYTES_AT_ONCE or len(group) >= _BODIES_AT_ONCE
        if group and (full or uid in alone or group[-1][0] in alone):
            yield group
            group, total = [], 0
        group.append((uid, size))
        total += cost
    if group:
        yield group


def read_group(client: Client, group: Sequence[Sized], max_bytes: int) -> dict[int, tuple[bytes | None, bytes]]:
    """For each mail that is still there: its bytes; or None and the beginning of its header, where it is too large or refused."""
    raws = _bodies(client, [uid for uid, size in group if size <= max_bytes])
    # Some servers give a wrong size: the limit holds for what came, too.
    whole = {uid: raw for uid, raw in raws.items() if raw is not None and len(raw) <= max_bytes}
    partly = [uid for uid, size in group if size > max_bytes or (uid in raws and uid not in whole)]
    headers = _headers(client, partly, min(max_bytes, _HEADER_BYTES))
    return {uid: (raw, b"") for uid, raw in whole.items()} | {uid: (None, header) for uid, header in headers.items()}


def _bodies(client: Client, uids: Sequence[int]) -> dict[int, bytes | None]:
    """The mails that are still there; None for one that the server refuses to give: the others are asked one by one then."""
    try:
        return {**_peek(client, uids, "BODY.PEEK[]", _BODY)}
    except _RefusedError:
        pass
    found: dict[int, bytes | None] = {}
    for uid in uids:
        try:
            found |= _peek(client, [uid], "BODY.PEEK[]", _BODY)
        except _RefusedError:
            if client.search(["UID", str(uid)]):
                found[uid] = None
    return found


def _headers(client: Client, uids: Sequence[int], limit: int) -> dict[int, bytes]:
    """The first bytes of the headers of mails that are still there; an empty line where the server gives nothing."""
    found: dict[int, bytes] = {}
    for uid in uids:
        try:
            answer = _peek(client, [uid], f"BODY.PEEK[HEADER]<0.{limit}>", _HEADER)
        except _RefusedError:
            answer = {uid: b""} if client.search(["UID", str(uid)]) else {}
        found |= {uid: header or b"\r\n" for uid, header in answer.items()}
    return found


def _peek(client: Client, uids: Sequence[int], item: str, key: bytes) -> dict[int, bytes]:
    """One FETCH.  An answer without the item is news about flags, for a mail that went before it could be read."""
    try:
        answers = client.fetch(uids, [item])
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        if is_passing(said(error)):
            raise
        raise _RefusedError from error
    return {uid: answer[key] or b"" for uid, answer in answers.items() if key in answer}
