"""Reading mails out of a selected folder: in batches, within limits, without setting a flag."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from mailbot.adapters.imap.session import Client, is_passing, said


class Sized(NamedTuple):
    """A mail as the server lists it: its size in bytes (RFC822.SIZE), and when it came (INTERNALDATE, aware; None where the server does not say)."""

    uid: int
    size: int
    arrived: datetime | None = None


_BODIES_AT_ONCE: Final = 50
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
# imaplib refuses a line above 1,000,000 bytes, and SEARCH answers in one: at most that many UIDs of eleven bytes.
_SEARCH_AT_ONCE: Final = 80_000

_SIZE: Final = b"RFC822.SIZE"
_ARRIVED: Final = b"INTERNALDATE"
_BODY: Final = b"BODY[]"
_HEADER: Final = b"BODY[HEADER]<0>"
_HEADER_BYTES: Final = 65_536


LEFT_OUT: Final = "the server has the mail and leaves it out of its answers"


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one mail: its bytes; or None and the beginning of its header, with `refused` where the server has it and does not give it."""

    raw: bytes | None
    header: bytes = b""
    refused: str = ""


class _RefusedError(Exception):
    """The server says NO to reading mails that it has."""


def search_from(client: Client, first: int, *, exists: int, uidnext: int, since: date | None = None) -> Iterator[int]:
    """UIDs from `first` on.  `n:*` always names the last mail too, even below n (RFC 3501 section 9, seq-range): left out.

    With `since`, only those that came on that day or later, by the server's own date (RFC 3501 section 6.4.4, SINCE).
    """
    dated = [] if since is None else ["SINCE", since]
    if exists <= _SEARCH_AT_ONCE or not uidnext:
        yield from (uid for uid in client.search(["UID", f"{first}:*", *dated]) if uid >= first)
        return
    for low in range(first, uidnext, _SEARCH_AT_ONCE):
        yield from client.search(["UID", f"{low}:{low + _SEARCH_AT_ONCE - 1}", *dated])


def sizes(client: Client, uids: Sequence[int]) -> list[Sized]:
    """The mails that are still there, with their sizes, in the order given.

    Servers have been seen to say OK and leave some out: a mail that is there is never passed over.
    """
    answers = client.fetch(uids, [_SIZE, _ARRIVED])
    there = {uid: Sized(uid, int(one.get(_SIZE, 0)), _moment(one)) for uid, one in answers.items()}
    there |= {uid: Sized(uid, 0) for uid in _still_there(client, [uid for uid in uids if uid not in there])}
    return [there[uid] for uid in uids if uid in there]


def _moment(answer: Mapping[bytes, Any]) -> datetime | None:
    """When the server got the mail (RFC 3501 section 2.3.3), in its own time zone."""
    moment = answer.get(_ARRIVED)
    return moment if isinstance(moment, datetime) and moment.tzinfo is not None else None


def _still_there(client: Client, uids: Sequence[int]) -> list[int]:
    if not uids:
        return []
    wanted = set(uids)
    return [uid for uid in client.search(["UID", ",".join(map(str, uids))]) if uid in wanted]


def groups(sized: Sequence[Sized], max_bytes: int, alone: Set[int] = frozenset()) -> Iterator[list[Sized]]:
    """Mails that are fetched with one command: limited in number and in bytes, so that memory stays bounded; `alone` are not mixed with others."""
    group: list[Sized] = []
    total = 0
    for one in sized:
        cost = min(one.size, _HEADER_BYTES) if one.size > max_bytes else one.size
        full = total + cost > _BYTES_AT_ONCE or len(group) >= _BODIES_AT_ONCE
        if group and (full or one.uid in alone or group[-1].uid in alone):
            yield group
            group, total = [], 0
        group.append(one)
        total += cost
    if group:
        yield group


def read_group(client: Client, group: Sequence[Sized], max_bytes: int) -> dict[int, Found]:
    """What came of each mail that is still there."""
    # For a mail that another client has removed Courier makes one up, until it may say that it is gone (RFC 3501 section 7.4.1).
    client.noop()
    small = [one.uid for one in group if one.size <= max_bytes]
    found = _bodies(client, small)
    for uid in _still_there(client, [uid for uid in small if uid not in found]):
        found |= _bodies(client, [uid]) or {uid: Found(None, refused=LEFT_OUT)}
    # Some servers give a wrong size: the limit holds for what came, too.
    partly = [one.uid for one in group if one.size > max_bytes]
    partly += [uid for uid, one in found.items() if one.refused or len(one.raw or b"") > max_bytes]
    for uid, header in headers(client, partly, min(max_bytes, _HEADER_BYTES)).items():
        found[uid] = Found(None, header, found[uid].refused if uid in found else "")
    return found


def _bodies(client: Client, uids: Sequence[int]) -> dict[int, Found]:
    """The mails that came; where the server refuses, each is asked for alone, so that one does not hide the others."""
    try:
        return {uid: Found(raw) for uid, raw in _peek(client, uids, "BODY.PEEK[]", _BODY).items()}
    except _RefusedError as refusal:
        if len(uids) == 1:
            return {uid: Found(None, refused=str(refusal)) for uid in _still_there(client, uids)}
    found: dict[int, Found] = {}
    for uid in uids:
        found |= _bodies(client, [uid])
    return found


def headers(client: Client, uids: Sequence[int], limit: int) -> dict[int, bytes]:
    """The first bytes of the headers of mails that are still there; an empty line where the server gives nothing."""
    found: dict[int, bytes] = {}
    for uid in uids:
        try:
            answer = _peek(client, [uid], f"BODY.PEEK[HEADER]<0.{limit}>", _HEADER)
        except _RefusedError:
            answer = {}
        if uid not in answer:
            answer = dict.fromkeys(_still_there(client, [uid]), b"")
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
        raise _RefusedError(said(error)) from error
    return {uid: answer[key] or b"" for uid, answer in answers.items() if key in answer}
