"""A message as it goes over the wire (RFC 5322, RFC 2045), from headers that are folded and bodies that are ASCII already.

The standard library's generator looks at every header and line for what is to be encoded or folded.  Here nothing is, and
looking took a third of what a letter costs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

Headers = Iterable[tuple[str, str]]
_FOLD = "\r\n "
_LONGEST_LINE = 998
"""Characters (RFC 5322 section 2.1.1)."""
_STYLE = re.compile(r"<style\b.*?</style", re.DOTALL)


def text_part(subtype: str, words: str) -> str:
    """A part of type text, its lines ended by a line feed: as it is where it is ASCII (RFC 2045 section 6.2, 7bit), else as quoted-printable."""
    if words.isascii() and max(map(len, words.split("\n"))) <= _LONGEST_LINE:
        encoding, body = "7bit", words
    else:
        encoding, body = "quoted-printable", binascii.b2a_qp(words.encode(), istext=True).decode("ascii")
    return part((("Content-Type", f'text/{subtype}; charset="utf-8"'), ("Content-Transfer-Encoding", encoding)), body)


def html_part(html: str) -> str:
    """A part of type text/html: letters beyond ASCII as character references, so that nothing is left to encode.

    A style sheet, where a reference would not be one, keeps its letters.
    """
    if all(sheet.isascii() for sheet in _STYLE.findall(html)):
        html = html.encode("ascii", "xmlcharrefreplace").decode("ascii")
    return text_part("html", html)


def attachment(content_type: str, filename: str, data: bytes) -> str:
    """Bytes under a name of plain letters, as base64; the type may have parameters."""
    headers = (
        ("Content-Type", f'{content_type}; name="{filename}"'),
        ("Content-Disposition", f'attachment; filename="{filename}"'),
        ("Content-Transfer-Encoding", "base64"),
    )
    return part(headers, base64.encodebytes(data).decode("ascii"))


def multipart(subtype: str, boundary: str, parts: Iterable[str], further: Headers = ()) -> str:
    """Parts in one (RFC 2046 section 5.1); the boundary stands in none of them."""
    headers = (("Content-Type", f'multipart/{subtype}; boundary="{boundary}"'), *further)
    body = "".join(f"--{boundary}\r\n{one}\r\n" for one in parts)
    return f"{_head(headers)}\r\n{body}--{boundary}--\r\n"


def part(headers: Headers, body: str) -> str:
    """One part; the lines of its body are ended by a line feed."""
    lines = body.replace("\n", "\r\n")
    return f"{_head(headers)}\r\n{lines}"


def _head(headers: Headers) -> str:
    """The lines of a header.  Raises ValueError for what is no ASCII or could begin a line of its own."""
    lines = []
    for name, value in headers:
        whole = value.replace(_FOLD, "")
        if not (whole.isascii() and whole.isprintable()):
            raise ValueError(f"the header {name} is not as it could be sent: {value!r}")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)
