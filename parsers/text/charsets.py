"""Bytes to characters: charsets that lie, and mojibake."""

from __future__ import annotations

import codecs
import re

from parsers.text.folding import beyond_ascii

#: What a label promises and what its users send: the WHATWG Encoding Standard reads these labels as
#: the superset, and so do mail clients.
_SUPERSETS = {
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "iso-8859-9": "cp1254",
    "tis-620": "cp874",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "x-mac-roman": "mac_roman",
    "unicode-1-1-utf-8": "utf-8",
}

#: Codecs of Python that do not read text, or that can hide ASCII words in other bytes (UTF-7).
_NOT_TEXT = frozenset({"utf_7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})

_ASCII_SAFE = frozenset({"utf-8", "cp1252", "us-ascii"})

# A UTF-8 sequence read as Windows-1252: a lead byte's letter, then what continuation bytes become there.
_CONTINUATION = "[\u0080-\u00bf\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]"
_MOJIBAKE = re.compile(  # one class in front: so the engine looks for its letters alone
    f"[\u00c2-\u00f4](?:(?<=[\u00c2-\u00df]){_CONTINUATION}"
    f"|(?<=[\u00e0-\u00ef]){_CONTINUATION}{{2}}|(?<=[\u00f0-\u00f4]){_CONTINUATION}{{3}})"
)


def _codec(charset: str) -> str | None:
    """The Python codec for a MIME charset label, None where it is unknown or reads no text."""
    label = charset.strip().strip("\"'").lower()
    try:
        found = codecs.lookup(_SUPERSETS.get(label, label))
    except (LookupError, ValueError):
        return None
    readable = found.name.replace("-", "_") not in _NOT_TEXT and getattr(found, "_is_text_encoding", True)
    return found.name if readable else None


def _utf16_without_label(data: bytes) -> str | None:
    """UTF-16 that nobody declared: a byte-order mark, or every second byte of the start zero."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    head = data[:200]
    if len(head) < 8:
        return None
    if head[1::2].count(0) > len(head) // 2 - 4 and not head[0::2].count(0):
        return "utf-16-le"
    if head[0::2].count(0) > len(head) // 2 - 4 and not head[1::2].count(0):
        return "utf-16-be"
    return None


def decode(data: bytes, charset: str | None) -> tuple[str, str]:
    """Read bytes as the text they most likely are; never raises.

    Returns the text and a note for a person, empty where the declared charset was right.  The order
    is: what is declared, UTF-8, Windows-1252 (which reads nearly anything).
    """
    codec = _codec(charset) if charset else None
    unlabelled = _utf16_without_label(data)
    if unlabelled and (codec is None or codec in _ASCII_SAFE):
        return data.decode(unlabelled, "replace"), "The text was UTF-16 without saying so."
    tries = [codec] if codec else []
    if codec in (None, "cp1252"):
        tries.insert(
            0, "utf-8"
        )  # ASCII and Latin-1 labels on UTF-8 are the commonest lie, and UTF-8 never matches by chance
    for name in [*tries, "utf-8", "cp1252"]:
        try:
            text = data.decode(name)
        except (UnicodeError, ValueError):
            continue
        return text, _note(charset, codec, name, data)
    return data.decode("latin-1"), "The text has bytes of no known charset; they were read as Latin-1."


def _note(declared: str | None, codec: str | None, used: str, data: bytes) -> str:
    if data.isascii() or used == codec or (declared is None and used == "utf-8"):
        return ""
    if declared is None:
        return "The mail names no charset; it was read as Windows-1252."
    return f"The mail says its charset is {declared[:40]}, but it was read as {used}."


def repair_mojibake(text: str) -> tuple[str, bool]:
    """Turn "rÃ©servÃ©" back into "réservé"; True where something was repaired.

    Only sequences that are valid UTF-8 when taken back to Windows-1252 bytes are changed, so a text
    that merely contains such a letter stays as it is.
    """
    if not _MOJIBAKE.search(beyond_ascii(text)):  # what stands together in the text does so in these
        return text, False
    repaired = _MOJIBAKE.sub(_reread, text)
    return repaired, repaired != text


def _reread(found: re.Match[str]) -> str:
    sequence = found.group()
    raw = bytearray()
    for character in sequence:
        if ord(character) < 0x100:
            raw.append(ord(character))
        else:
            raw.extend(character.encode("cp1252", "ignore"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return sequence
