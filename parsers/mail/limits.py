"""What a mail may weigh, judged before anything parses it, in one linear pass each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.translatable import Translatable, say

MAX_BYTES = 32 * 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024
MAX_FIELDS = 200
MAX_FIELD_BYTES = 16 * 1024
MAX_LINES = 600_000
MAX_PARTS = 400
MAX_NESTING = 40
#: Readable text beyond this many characters is cut; no person writes so much to a support mailbox.
MAX_TEXT_CHARACTERS = 200_000
#: HTML beyond this many characters is not turned into text at all.
MAX_HTML_CHARACTERS = 2_000_000

# Beyond these a mail is read in a child process that can be killed.
_ORDINARY_BYTES = 1024 * 1024
_ORDINARY_HEADER_BYTES = 32 * 1024
_ORDINARY_LINES = 30_000
_ORDINARY_LINE_BYTES = 64 * 1024
_ORDINARY_PARTS = 40
_ORDINARY_NESTING = 8
_ORDINARY_TAGS = 8_000

# What of one part is parsed: more than any text that is read, and the names of attachments.
_TEXT_PART_BYTES = 4 * 1024 * 1024
_OTHER_PART_BYTES = 64 * 1024

_HEADER_ENDS = (b"\n\n", b"\n\r\n")
_FIELD_START = re.compile(rb"(?:\A|[\r\n])[!-9;-~]{1,200}[ \t]*:")
_BOUNDARY = re.compile(rb"(?i)boundary[ \t*0-9]{0,8}=[ \t]{0,5}\"?([^\"\r\n;]{1,70})")
_ENCLOSING = (b" message/", b":message/", b"\tmessage/")
_MAX_BOUNDARIES = 20

_TOO_LONG = say("It is {number} bytes long; at most {most} are read.")
_LONG_HEADER = say("Its header is longer than {most} bytes.")
_MANY_FIELDS = say("Its header has {number} fields; at most {most} are read.")
_LONG_FIELD = say("One header field is {number} bytes long; at most {most} are read.")
_MANY_LINES = say("It has {number} lines; at most {most} are read.")
_MANY_PARTS = say("It seems to have {number} parts; at most {most} are read.")
_DEEP = say("It seems to nest {number} parts; at most {most} are read.")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a linear scan sees of a mail; sizes in bytes, `parts` and `nesting` as upper bounds."""

    size: int
    header_bytes: int
    fields: int
    longest_field: int
    lines: int
    parts: int
    nesting: int
    long_lines: bool
    tags: int


def header_block(raw: bytes) -> bytes:
    """The bytes before the first empty line, at most one byte more than MAX_HEADER_BYTES."""
    head = raw[: MAX_HEADER_BYTES + 4]
    ends = [at for at in map(head.find, _HEADER_ENDS) if at >= 0]
    return head[: min(ends)].removesuffix(b"\r") if ends else head


def measure(raw: bytes) -> Shape:
    """Scan a mail of at most MAX_BYTES; larger ones need no scan to be refused."""
    head = header_block(raw)
    starts = [found.start() for found in _FIELD_START.finditer(head)]
    ends = [*starts[1:], len(head)] if starts else []
    lines = raw.count(b"\n") + (raw.count(b"\r") - raw.count(b"\r\n")) if len(raw) <= MAX_BYTES else 0
    if len(raw) > MAX_BYTES or lines > MAX_LINES:
        return Shape(len(raw), len(head), len(starts), 0, lines, 0, 0, long_lines=False, tags=0)
    lower = raw.lower()  # counting in a copy is many times faster than a pattern without case
    containers = lower.count(b"boundary")
    if b"message/" in lower:
        containers += sum(lower.count(mark) for mark in _ENCLOSING)
    boundaries = _boundaries(raw, lower) if containers else set()
    return Shape(
        size=len(raw),
        header_bytes=len(head),
        fields=len(starts),
        longest_field=max((end - start for start, end in zip(starts, ends, strict=True)), default=0),
        lines=lines,
        parts=containers + sum(raw.count(b"\n--" + boundary.strip()) for boundary in boundaries),
        nesting=containers,
        long_lines=_has_long_line(raw),
        tags=raw.count(b"<"),
    )


def _boundaries(raw: bytes, lower: bytes) -> set[bytes]:
    """The first boundaries that are named; found by the word, which is many times faster than by a pattern without case."""
    found: list[bytes] = []
    at = lower.find(b"boundary")
    while at >= 0 and len(found) < _MAX_BOUNDARIES:
        named = _BOUNDARY.match(raw, at)
        if named:
            found.append(named.group(1))
        at = lower.find(b"boundary", at + 1)
    return set(found)


def _has_long_line(raw: bytes) -> bool:
    """Sees every line of twice the limit: it must cover one of these stretches, and looking is linear."""
    stretch = _ORDINARY_LINE_BYTES
    return any(
        not (raw.find(b"\n", start, start + stretch) >= 0 or raw.find(b"\r", start, start + stretch) >= 0)
        for start in range(0, len(raw) - stretch, stretch)
    )


def refusal(shape: Shape) -> Translatable | None:
    """Why a mail of this shape is not parsed at all, as a sentence for an admin; None where it is."""
    for value, limit, sentence in (
        (shape.size, MAX_BYTES, _TOO_LONG),
        (shape.header_bytes, MAX_HEADER_BYTES, _LONG_HEADER),
        (shape.fields, MAX_FIELDS, _MANY_FIELDS),
        (shape.longest_field, MAX_FIELD_BYTES, _LONG_FIELD),
        (shape.lines, MAX_LINES, _MANY_LINES),
        (shape.parts, MAX_PARTS, _MANY_PARTS),
        (shape.nesting, MAX_PARTS, _DEEP),
    ):
        if value > limit:
            return sentence.given(number=f"{value:,}", most=f"{limit:,}")
    return None


def suspicious(shape: Shape) -> bool:
    """True where a mail is unlike what people send, so that it is read in a child that can be killed."""
    return (
        shape.size > _ORDINARY_BYTES
        or shape.header_bytes > _ORDINARY_HEADER_BYTES
        or shape.lines > _ORDINARY_LINES
        or shape.long_lines
        or shape.parts > _ORDINARY_PARTS
        or shape.nesting > _ORDINARY_NESTING
        or shape.tags > _ORDINARY_TAGS
    )


def without_ballast(raw: bytes) -> bytes:
    """The mail with the bodies of large attachments cut: names and structure stay, their bytes are never read.

    What is digested, kept and shown elsewhere is the mail as it came; this copy is only parsed.
    """
    if len(raw) <= _ORDINARY_BYTES:
        return raw
    pieces, start = [], 0
    while start < len(raw):
        end = raw.find(b"\n--", start + 1)
        end = len(raw) if end < 0 else end
        is_text = start == 0 or b"text/" in raw[start : start + 2048].lower()
        pieces.append(raw[start : min(end, start + (_TEXT_PART_BYTES if is_text else _OTHER_PART_BYTES))])
        start = end
    return b"".join(pieces)
