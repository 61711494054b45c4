"""The tree of a parsed mail, without the surprises of the stdlib.

`Message.get_payload` decodes 8-bit payloads even when it is asked not to, by whatever charset the
sender named, and raises on some of them.
"""

from __future__ import annotations

import base64
import re
from email.message import Message

from parsers.mail.limits import MAX_FIELD_BYTES, MAX_FIELDS, MAX_PARTS
from parsers.translatable import say

_PARAMETER_FIELDS = ("content-type", "content-disposition", "content-transfer-encoding")
# The stdlib takes parameters apart in a time that grows with the square of their number and of their length.
_MOST_PARAMETERS = 40
_LONGEST_PARAMETERS = 2_000


class BeyondLimits(Exception):
    """A part's header is larger than any that people's programs write."""


def tame(message: Message) -> None:
    """Hold the header of every part to the limits that hold for the mail's own, before anything asks for a parameter.

    A field whose parameters are a flood keeps its value and loses them.  Raises BeyondLimits.
    """
    stack, count = [message], 0
    while stack:
        part = stack.pop()
        count += 1
        if count > 2 * MAX_PARTS:
            raise BeyondLimits(say("It counts more parts than are read."))
        _tame_header(part)
        if isinstance(part.get_payload(), list):  # never decodes: a list is given back as it is
            stack.extend(children(part))


def _tame_header(part: Message) -> None:
    fields = list(part.raw_items())
    if len(fields) > MAX_FIELDS:
        raise BeyondLimits(
            say(
                "The header of a part has {number} fields; at most {most} are read.",
                number=len(fields),
                most=MAX_FIELDS,
            )
        )
    for name, value in fields:
        text = str(value)
        if len(text) > MAX_FIELD_BYTES:
            raise BeyondLimits(
                say(
                    "A field of a part is {number} bytes long; at most {most} are read.",
                    number=len(text),
                    most=MAX_FIELD_BYTES,
                )
            )
        flood = len(text) > _LONGEST_PARAMETERS or text.count(";") > _MOST_PARAMETERS
        if flood and name.lower() in _PARAMETER_FIELDS:
            part.replace_header(name, text.partition(";")[0][:200])


def children(part: Message) -> list[Message]:
    """The parts of a multipart, or the enclosed message of a message/*; none for a leaf."""
    if not part.is_multipart():
        return []
    return [child for child in part.get_payload() if isinstance(child, Message)]


_BASE64_LINE = re.compile(r"[A-Za-z0-9+/]{1,400}={0,2}\s*")


def _base64_and_footer(part: Message) -> bytes | None:
    """The body and the footer behind it; None where there is no such footer."""
    payload = part.get_payload()
    if not isinstance(payload, str):
        return None
    lines = payload.split("\n")
    end = next((number for number, line in enumerate(lines) if line.strip() and not _BASE64_LINE.fullmatch(line)), None)
    if not end or not any(line.strip() for line in lines[:end]):
        return None
    try:
        body = base64.b64decode("".join(lines[:end]), validate=False)
    except ValueError:
        return None
    return body + b"\n" + "\n".join(lines[end:]).encode("utf-8", "surrogateescape")


def octets(part: Message) -> bytes:
    """A leaf's bytes, transfer encoding undone; what cannot be undone is kept as it came.

    List software puts a plain footer behind a base64 body: the body is what is encoded, the footer is text.
    """
    if str(part.get("content-transfer-encoding", "")).strip().lower() == "base64":
        both = _base64_and_footer(part)
        if both is not None:
            return both
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
