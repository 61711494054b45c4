"""Bytes to the stdlib's tree of a message: what is written as RFC 5322 and 2046 want it by a short way, all else by `email`.

The stdlib parses line by line, for whatever may come, and compiles a pattern for each boundary: a fifth of the time of a
plain mail.  Header, payloads and structure of both ways are the same; the short way notes no preamble, epilogue or defects,
which nothing here asks for.
"""

from __future__ import annotations

import re
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

_LONE_CR = re.compile(r"\r(?!\n)")
_FIELD = re.compile(r"[!-9;-~]+:[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*")
_EMPTY_LINE = re.compile(r"\r?\n")
#: What follows the boundary on its line: the mark of the last one, and white space that a relay may have put there.
_AFTER_BOUNDARY = re.compile(r"(--)?[ \t]*(?:\r?\n|\Z)")
_DEEPEST = 10


class _Part(Message):
    """A message that remembers its content type, which is asked for two dozen times a mail."""

    _kind: str | None = None

    def get_content_type(self) -> str:
        if self._kind is None:
            self._kind = super().get_content_type()
        return self._kind

    def replace_header(self, _name: str, _value: str) -> None:
        self._kind = None
        super().replace_header(_name, _value)


def parsed(octets: bytes) -> Message:
    """The tree of a mail, as `email.message_from_bytes` makes it.  Raises what that raises."""
    text = octets.decode("ascii", "surrogateescape")
    message = None if _LONE_CR.search(text) else _entity(text, 0, inside=False)
    return BytesParser(_Part).parsebytes(octets) if message is None else message


def _entity(text: str, depth: int, *, inside: bool) -> Message | None:
    """A header, an empty line and a body, as a part `inside` of a multipart or alone; None where that is not all there is to it."""
    if not text or depth > _DEEPEST:
        return None
    message, at = _header(text, 0)
    end = _EMPTY_LINE.match(text, at)
    if end is None and at < len(text):
        return None
    body = text[end.end() :] if end else ""
    if message.get_content_maintype() == "multipart":
        return _with_parts(message, body, depth)
    if message.get_content_type() == "message/delivery-status":
        return _with_blocks(message, body)
    if message.get_content_maintype() == "message":
        enclosed = _entity(body, depth + 1, inside=inside)
        return None if enclosed is None else _holding(message, [enclosed])
    if inside and body.endswith("\n"):  # the line end before a boundary belongs to the boundary
        body = body[:-1].removesuffix("\r")
    message.set_payload(body)
    return message


def _header(text: str, at: int) -> tuple[Message, int]:
    """The fields that begin there, and where they end."""
    message = _Part()
    while field := _FIELD.match(text, at):
        message.set_raw(*compat32.header_source_parse([field[0]]))
        at = field.end()
    return message, at


def _with_blocks(message: Message, body: str) -> Message | None:
    """A report of deliveries: headers with an empty line between each two (RFC 3464 section 2.1)."""
    blocks: list[Message] = []
    at = 0
    while at < len(body):
        block, end = _header(body, at)
        empty = _EMPTY_LINE.match(body, end)
        if end == at or (empty is None and end < len(body)) or block.get_content_maintype() != "text":
            return None
        block.set_payload("")
        blocks.append(block)
        at = empty.end() if empty else end
    return _holding(message, blocks) if blocks else None


def _with_parts(message: Message, body: str, depth: int) -> Message | None:
    boundary = message.get_boundary()
    if boundary is None or not boundary.isprintable() or message.get_content_subtype() == "digest":
        return None
    parts = [_entity(piece, depth + 1, inside=True) for piece in _pieces(body, f"--{boundary}")]
    whole = [part for part in parts if part is not None]
    return _holding(message, whole) if whole and len(whole) == len(parts) else None


def _holding(message: Message, parts: list[Message]) -> Message:
    for part in parts:
        message.attach(part)
    return message


def _pieces(body: str, mark: str) -> list[str]:
    """What stands between the lines of a boundary; none where the first of them is the last one's."""
    pieces: list[str] = []
    start = None
    at = body.find(mark)
    while at >= 0:
        line = _AFTER_BOUNDARY.match(body, at + len(mark)) if at == 0 or body[at - 1] == "\n" else None
        if line is not None:
            if start is not None:
                pieces.append(body[start:at])
            start = line.end()
            if line[1]:
                return pieces
        at = body.find(mark, at + 1 if line is None else start)
    return pieces if start is None else [*pieces, body[start:]]
