"""The tree of a parsed mail, without the surprises of the stdlib.

`Message.get_payload` decodes 8-bit payloads even when it is asked not to, by whatever charset the
sender named, and raises on some of them.
"""

from __future__ import annotations

from email.message import Message


def children(part: Message) -> list[Message]:
    """The parts of a multipart, or the enclosed message of a message/*; none for a leaf."""
    if not part.is_multipart():
        return []
    return [child for child in part.get_payload() if isinstance(child, Message)]


def octets(part: Message) -> bytes:
    """A leaf's bytes, transfer encoding undone; what cannot be undone is kept as it came."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, TypeError):
        payload = None
    if isinstance(payload, bytes):
        return payload
    try:
        raw = part.get_payload()
    except (ValueError, LookupError):
        return b""
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def ascii_text(part: Message, limit: int = 65_536) -> str:
    """The start of a leaf as text in which only ASCII counts; enough for fields of reports."""
    return octets(part)[:limit].decode("ascii", "replace")
