"""MIME bodies: which parts a person reads, as characters (RFC 2045, 2046, 3676)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from typing import TypeAlias

from parsers.mail.headers import decoded
from parsers.mail.html import html_to_text
from parsers.mail.limits import MAX_HTML_CHARACTERS, MAX_NESTING, MAX_PARTS, MAX_TEXT_CHARACTERS
from parsers.mail.mime import children, octets
from parsers.mail.smime import inner_message
from parsers.text.charsets import decode, repair_mojibake
from parsers.text.folding import beyond_ascii, visible

# Overrides of the direction (Unicode annex 9), and strokes through the letter before.
_NOT_AS_WRITTEN = re.compile("[\u202d\u202e\u0335-\u0338]")
_ENCRYPTED = "-----BEGIN PGP MESSAGE-----"
_MARK_UP = re.compile(r"<[^<>]{0,500}>|&nbsp;")
_EMPTY_CHARACTERS = 5_000
_FIELDS_WITH_NAMES = ("content-disposition", "content-type")
_HTML_START = re.compile(r"\s*(?:<!doctype html|<html|<head|<body)", re.IGNORECASE)


class TooDeep(Exception):
    """The mail nests or counts more parts than are read."""


class Bodies:
    """The readable words of a mail: plain parts, HTML parts as text, attachments' names, notes for a person.

    HTML is read when it is first asked for: it is the dearest part of a mail, and where the text says all it is not needed.
    """

    def __init__(self, found: _Found) -> None:
        self._found = found
        self.attachments = tuple(found.attachments)

    @cached_property
    def text(self) -> str:
        """The plain parts; where they are no second form of the HTML, all parts in the order in which they are shown."""
        found = self._found
        # A list's footer beside the body is not another form of the same words.
        read = found.in_order if self._are_beside_each_other else found.text
        return _cut("\n\n".join(part() for part in read).strip("\n"), found)

    @cached_property
    def html(self) -> str | None:
        """The HTML parts as text; None where there is none, or where `text` has it."""
        if not self.has_html:
            return None
        return _cut("\n\n".join(part() for part in self._found.html).strip("\n"), self._found)

    @property
    def has_html(self) -> bool:
        """Whether `html` gives something; does not read it."""
        return bool(self._found.html) and not self._are_beside_each_other

    @property
    def html_is_empty(self) -> bool:
        """The HTML parts hold no characters at all, also no hidden ones: the client wrote them for form's sake."""
        return self.html is not None and self._found.html_is_empty

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the parts that were read so far."""
        return tuple(self._found.notes)

    @property
    def _are_beside_each_other(self) -> bool:
        found = self._found
        return bool(found.text and found.html and not found.alternative)


_Part: TypeAlias = Callable[[], str]
"""A part that is read when it is called; `Bodies` calls each once."""


@dataclass(slots=True)
class _Found:
    text: list[_Part] = field(default_factory=list)
    html: list[_Part] = field(default_factory=list)
    in_order: list[_Part] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    alternative: bool = False
    html_is_empty: bool = True


def parts(message: Message) -> Iterator[tuple[Message, tuple[str, ...]]]:
    """Every leaf with the content types above it; attached messages are leaves, they are never opened.

    Raises TooDeep.  Written without recursion: nesting is the sender's choice.
    """
    count = 0
    stack: list[tuple[Message, tuple[str, ...]]] = [(message, ())]
    while stack:
        part, above = stack.pop()
        count += 1
        if count > MAX_PARTS or len(above) > MAX_NESTING:
            raise TooDeep
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            inner = (*above, part.get_content_type())
            stack.extend((child, inner) for child in reversed(children(part)))
        else:
            yield part, above


def read_bodies(message: Message) -> Bodies:
    """Collect what a person would read of a mail.  Raises TooDeep."""
    found = _Found()
    for part, above in _opened(message):
        found.alternative = found.alternative or "multipart/alternative" in above
        _sort_part(part, found, alone=not above)
    return Bodies(found)


def _opened(message: Message) -> Iterator[tuple[Message, tuple[str, ...]]]:
    """`parts`, with those of an opaque-signed mail in place of its envelope; an envelope inside of one stays shut."""
    for part, above in parts(message):
        inner = inner_message(part)
        if inner is None:
            yield part, above
        else:
            yield from ((leaf, (*above, *around)) for leaf, around in parts(inner))


def _cut(text: str, found: _Found) -> str:
    if len(text) <= MAX_TEXT_CHARACTERS:
        return text
    found.notes[f"Only the first {MAX_TEXT_CHARACTERS:,} characters of the text were read."] = None
    return text[:MAX_TEXT_CHARACTERS]


def _sort_part(part: Message, found: _Found, *, alone: bool) -> None:
    """Words, or something beside them: a text with a file name is an attachment, unless it is all that there is."""
    kind = part.get_content_type()
    name = _file_name(part)
    disposition = _disposition(part)
    if kind in ("text/plain", "text/html") and disposition != "attachment" and (alone or not name):
        read, is_html = _words(part, kind, found)
        (found.html if is_html else found.text).append(read)
        found.in_order.append(read)
    elif name or disposition == "attachment" or kind == "message/rfc822":
        found.attachments.append(name or f"({kind})")
    elif kind == "text/enriched":
        enriched = re.sub(r"<[^<>]{0,60}>", "", _characters(part, found))
        found.text.append(lambda: enriched)
    elif part.get_content_maintype() == "multipart" and not found.text:
        whole = _characters(part, found)  # its boundary is lost: show what a person would see
        found.text.append(lambda: whole)


def _words(part: Message, kind: str, found: _Found) -> tuple[_Part, bool]:
    """How the words of a part are read, and whether as HTML: that is read when it is asked for."""
    if kind == "text/html":
        return lambda: _html(_characters(part, found), found), True
    text = _characters(part, found)
    if _HTML_START.match(text[:200]):
        return lambda: _html(text, found), True
    return lambda: text, False


def _html(text: str, found: _Found) -> str:
    found.html_is_empty = found.html_is_empty and _is_empty(text)
    if len(text) > MAX_HTML_CHARACTERS:
        found.notes["The HTML part is too large to be read."] = None
        return ""
    read = html_to_text(text)
    if not read and text.strip():
        found.notes["The HTML part shows no words."] = None
    return read


def _disposition(part: Message) -> str:
    return str(part.get("content-disposition", "")).partition(";")[0].strip().lower()


def _file_name(part: Message) -> str:
    try:
        if not any("name" in str(part.get(field, "")).lower() for field in _FIELDS_WITH_NAMES):
            return ""  # most parts
        return decoded(str(part.get_filename() or ""))[:200]
    except (ValueError, LookupError, TypeError, AttributeError):  # stdlib on broken RFC 2231 parameters
        return "(unreadable name)"


def _charset(part: Message) -> str | None:
    try:
        charset = part.get_param("charset")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if isinstance(charset, tuple):
        charset = charset[2]
    return str(charset) if charset else None


def _characters(part: Message, found: _Found) -> str:
    limit = MAX_HTML_CHARACTERS if part.get_content_subtype() == "html" else MAX_TEXT_CHARACTERS
    text, note = decode(octets(part)[: 4 * limit + 4], _charset(part))
    if note:
        found.notes[note] = None
    text, repaired = repair_mojibake(_as_drawn(text[: limit + 1]))
    text = visible(text)  # last: what was repaired can hold unseen characters too
    if repaired:
        found.notes["Some letters arrived garbled (mojibake) and were repaired."] = None
    if "-----BEGIN PGP " in text:
        text = without_armour(text)
        if _ENCRYPTED in text:
            found.notes["The mail, or a part of it, is encrypted and was not read."] = None
    if _parameter(part, "format") == "flowed":
        text = unflow(text, delete_space=_parameter(part, "delsp") == "yes")
    return text


def _is_empty(html: str) -> bool:
    """Whether an HTML part is there for form's sake only: short, without a character, and without a picture of words."""
    short = len(html) <= _EMPTY_CHARACTERS and "<img" not in html.lower()
    return short and not _MARK_UP.sub("", html).strip()


def _as_drawn(text: str) -> str:
    """The text with a mark for what a reader sees turned round or struck out: such words are not what their letters say."""
    return _NOT_AS_WRITTEN.sub("\ufffd", text) if _NOT_AS_WRITTEN.search(beyond_ascii(text)) else text


def _parameter(part: Message, name: str) -> str:
    try:
        if name not in str(part.get("content-type", "")).lower():
            return ""  # taking the field apart costs ten times as much
        return str(part.get_param(name) or "").strip().lower()
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def without_armour(text: str) -> str:
    """The words of a text signed inline (RFC 9580 section 7): armour lines gone, dash escapes undone.

    Whether the signature is good is not asked here.
    """
    lines: list[str] = []
    state = "text"
    for line in text.split("\n"):
        if line.startswith("-----BEGIN PGP SIGNED MESSAGE-----"):
            state = "head"
        elif line.startswith("-----BEGIN PGP SIGNATURE-----") and state == "signed":
            state = "signature"
        elif line.startswith("-----END PGP SIGNATURE-----") and state == "signature":
            state = "text"
        elif state == "head":
            state = "head" if line.strip() else "signed"
        elif state != "signature":
            lines.append(line.removeprefix("- ") if state == "signed" else line)
    return "\n".join(lines)


def unflow(text: str, *, delete_space: bool = False) -> str:
    """Join the soft line breaks of format=flowed text (RFC 3676 section 4.2).

    Lines of different quote depth are never joined, and a signature separator ends a paragraph.
    """
    joined: list[list[str]] = []  # pieces of lines: adding to a long string again and again would cost its square
    depth_before = -1
    flowing = False
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        words = line[depth:].removeprefix(" ")
        separator = words in ("-- ", "--")
        if flowing and depth == depth_before and not separator:
            if delete_space:
                joined[-1][-1] = joined[-1][-1].removesuffix(" ")
            joined[-1].append(words)
        else:
            joined.append([">" * depth + (" " if depth and words else "") + words])
        flowing = words.endswith(" ") and not separator
        depth_before = depth
    return "\n".join("".join(pieces) for pieces in joined)
