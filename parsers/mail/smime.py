"""The words of an opaque-signed S/MIME mail (RFC 8551 section 3.5.2): taken out of the signature's envelope, unchecked.

That a mail is signed so proves nothing here; but its words are all inside, and a person whose program signs everything must
be able to write to the bot.  Only as much of BER is read as leads to the content: RFC 5652 section 5.1, X.690 section 8.
"""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from typing import NamedTuple

from parsers.mail.mime import octets, tame

MAX_BYTES = 2 * 1024 * 1024
_KINDS = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("06092a864886f70d010701")
_SEQUENCE, _SET, _OCTETS, _EXPLICIT, _CONSTRUCTED_OCTETS, _INTEGER = 0x30, 0x31, 0x04, 0xA0, 0x24, 0x02
_MOST_PIECES = 5_000
_END = b"\x00\x00"


class _OddError(ValueError):
    """Not the envelope that is read here."""


class _Value(NamedTuple):
    """One BER value: where its content begins, and where it ends; `open` where only an end mark says so."""

    start: int
    end: int
    open: bool


def inner_message(part: Message) -> Message | None:
    """The MIME entity inside of a part that is opaque-signed; None where there is none.  Raises BeyondLimits."""
    if part.get_content_type() not in _KINDS:
        return None
    data = octets(part)
    if len(data) > MAX_BYTES:
        return None
    try:
        content = _content(data)
    except (_OddError, IndexError):
        return None
    inner = message_from_bytes(content)
    tame(inner)
    return inner


def _content(data: bytes) -> bytes:
    """The encapsulated content of a SignedData; IndexError where it ends too early."""
    at = _enter(data, 0, _SEQUENCE)
    at = _enter(data, _passed(data, at, _SIGNED_DATA), _EXPLICIT)
    at = _enter(data, at, _SEQUENCE)
    for kind in (_INTEGER, _SET):  # version, digest algorithms
        value = _value(data, at, kind)
        if value.open:
            raise _OddError
        at = value.end
    at = _enter(data, at, _SEQUENCE)
    at = _enter(data, _passed(data, at, _DATA), _EXPLICIT)
    if data[at] == _OCTETS:
        value = _value(data, at, _OCTETS)
        return data[value.start : value.end]
    return _pieces(data, _value(data, at, _CONSTRUCTED_OCTETS))


def _pieces(data: bytes, whole: _Value) -> bytes:
    found: list[bytes] = []
    at = whole.start
    while (data[at : at + 2] != _END) if whole.open else at < whole.end:
        value = _value(data, at, _OCTETS)
        if value.open or len(found) >= _MOST_PIECES:
            raise _OddError
        found.append(data[value.start : value.end])
        at = value.end
    return b"".join(found)


def _enter(data: bytes, at: int, kind: int) -> int:
    return _value(data, at, kind).start


def _passed(data: bytes, at: int, constant: bytes) -> int:
    if not data.startswith(constant, at):
        raise _OddError
    return at + len(constant)


def _value(data: bytes, at: int, kind: int) -> _Value:
    if data[at] != kind:
        raise _OddError
    length, start = data[at + 1], at + 2
    if length == 0x80:
        return _Value(start, len(data), open=True)
    if length > 0x84:
        raise _OddError
    if length > 0x80:
        size = length - 0x80
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > len(data):
        raise _OddError
    return _Value(start, start + length, open=False)
