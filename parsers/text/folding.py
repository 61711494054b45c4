"""What a reader sees of a text, and the one form in which words are compared."""

from __future__ import annotations

import re
import unicodedata

from parsers.remembering import remembered

# C0 but tab and newline, DEL, C1, soft hyphen, zero-width, bidirectional controls, tags, private use, lone surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ue000-\uf8ff\U000e0000-\U000e007f\U000f0000-\U0010ffff\ud800-\udfff]"
)
_LINE_ENDS = re.compile("\r|\u2028|\u2029|\x85|\x0b|\x0c")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Of `_UNSEEN`, what Python counts as printable: joiners, fillers and variation selectors.
_UNSEEN_BUT_PRINTABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f]")
_ASCII = bytes(range(0x80))
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_ASCII_ALIKE = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-"}
    | {"\u2014": "-", "\u2212": "-", "\u2044": "/"}
)


def beyond_ascii(text: str) -> str:
    """The characters of a text beyond ASCII in their order: who looks for some of these looks at few instead of all."""
    if text.isascii():
        return ""
    return text.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass")


def visible(text: str) -> str:
    """Text with one kind of line end and of space, and without characters that no reader sees.

    Control, bidirectional, zero-width, tag, private-use characters and lone surrogates are dropped:
    they hide words from the reader or act on a terminal.
    """
    text = text.replace("\r\n", "\n")
    if _is_seen(text):
        return text
    return _UNSEEN.sub("", _SPACES.sub(" ", _LINE_ENDS.sub("\n", text)))


def without_unseen(text: str) -> str:
    """The text without characters that no reader sees; spaces and line ends stay as they are."""
    return text if _is_seen(text) else _UNSEEN.sub("", text)


def _is_seen(text: str) -> bool:
    """True where nothing is hidden, and every space and line end is a plain one: as most texts are, in two looks instead of three."""
    plain = text if text.isprintable() else text.replace("\n", "").replace("\t", "")
    return plain.isprintable() and not _UNSEEN_BUT_PRINTABLE.search(beyond_ascii(text))


def one_line(text: str, limit: int = 998) -> str:
    """`visible` text on one line, white space folded, cut at `limit` characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return str(text.strip(" ")[:limit])  # most values; what is marked up loses its mark, as below
    return " ".join(visible(text[: 4 * limit]).split())[:limit]


def fold(text: str) -> str:
    """Lower case without accents and invisible characters, with plain dashes, apostrophes and digits (NFKD, casefold).

    Every comparison of words is made in this form.
    """
    if text.isascii():
        return text.lower()
    return _folded(text)


@remembered(longest=200, most=256)  # a line is asked about by several rules, one after the other
def _folded(text: str) -> str:
    return _BEYOND_ASCII.sub(lambda found: _plain(found.group()), text).casefold()


@remembered(longest=32, most=4096)  # most runs are one letter with an accent: the same few, over and over
def _plain(run: str) -> str:
    """Letters beyond ASCII in plain form.  Nothing of what stands beside a run changes it: ASCII composes with nothing."""
    plain = unicodedata.normalize("NFKD", run.translate(_ASCII_ALIKE)).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


def phrases(table: str) -> tuple[str, ...]:
    """A word table written as text, `one | another`, folded, in the order written."""
    return tuple(" ".join(fold(word).split()) for word in table.split("|") if word.strip())


def word_set(words: str) -> frozenset[str]:
    """The words of a text as a set, to write long sets legibly."""
    return frozenset(words.split())
