"""The newest words of a mail: what its writer added to the older mails in it (law 4 of the design).

quotequail is asked too, and where it sees a quote earlier than these rules do, it is believed:
too few words are asked about again, too many could turn a quoted command into an order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

import quotequail

from parsers.text.endings import without_signature
from parsers.text.openings import is_greeting
from parsers.text.quote_marks import (
    MAX_INTRO_CHARACTERS,
    MAX_INTRO_LINES,
    begins_intro,
    continues_intro,
    depth,
    is_dated,
    is_divider,
    is_intro,
    is_mailbox_alone,
    label_role,
    lines_of_who_and_when,
    may_be_of_intro,
    may_say_who_and_when,
    names_who,
)

_MAX_LINES = 5_000
_MAX_LINE_CHARACTERS = 1_000
_LIBRARY_LINES = 300
#: Every introduction and divider that quotequail knows ends in one of these; `>` lines are seen by our own rules.
_LIBRARY_ENDINGS = (":", "-", "_", ">")
#: And holds one of these: a word for "wrote" or "message", a divider's line, or a day in digits.
_LIBRARY_WORDS = re.compile(
    r"wrote|schrieb|écrit|escribió|написал|skrev|escreveu|schreef|geschreven"
    r"|[mM]essage|Mail|[mM]ensaje|[mM]eddelande|[bB]ericht|Nachricht|сообщение|____|\d{4}/"
)
#: Over so many lines it takes an introduction for wrapped.
_LIBRARY_WRAPS = 2
#: An empty line, or the mark that a tracking extension of Gmail leaves at the end.
_NOTHING = ("", "\u1427")
#: A client wraps quoted lines at 72 to 80 columns; the tail of one that is this long may have lost its `>`.
_WRAPPED_FROM = 60


@dataclass(frozen=True, slots=True)
class Split:
    """`words`: the newest words; `kept`: 0-based numbers of their lines; `quotes`: an older mail is in the text.

    `below` are further words of the writer, below the older mail or between its lines, where there are words above it.
    `signature` is what was cut as one where nothing but the older mail stands beside it: a client may have put it above the words.
    """

    words: str
    kept: tuple[int, ...]
    quotes: bool
    below: str = ""
    signature: str = ""


@lru_cache(maxsize=4)  # a mail's text and HTML, each asked for at several steps of reading one mail
def split(text: str) -> Split:
    """Find the newest words of a text whose quotes are marked as people's clients mark them."""
    lines = [line.replace("\t", " ").rstrip()[:_MAX_LINE_CHARACTERS] for line in text.split("\n")[:_MAX_LINES]]
    cut = first_quote(lines)
    if cut is None:
        return _finish(lines, list(range(len(lines))), quotes=False)
    kept, below = list(range(cut.start)), _below(lines, cut)
    above = _finish(lines, kept, quotes=True)
    if not above.words:
        return (
            _finish(lines, kept + below, quotes=True)
            if not any(lines[n].strip() for n in kept)
            else _finish(lines, below, quotes=True)
        )
    under = _finish(lines, below, quotes=True)
    if under.words and above.words.endswith(",") and is_greeting(above.words):
        return under  # `Hallo Carol,` begins the introduction of some clients
    return replace(above, below=under.words)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where the older mail begins (`start`), where its own words begin (`body`), whether `>` marks them."""

    start: int
    body: int
    marked: bool


def first_quote(lines: list[str]) -> _Cut | None:
    """The first line that belongs to an older mail, by our rules or quotequail's, whichever is earlier."""
    found = None
    intros = _Introductions(lines)
    for at in range(len(lines)):
        end = _quote_starts(lines, at, intros)
        if end is not None:
            found = _Cut(at, end, _is_marked(lines, end))
            break
    # Only an earlier cut counts, so the library is not asked from ours on.
    other = _library_cut(lines, found.start) if found else _library_cut(lines[:_LIBRARY_LINES], _LIBRARY_LINES)
    if (
        other is not None
        and found is not None
        and other < found.start <= other + MAX_INTRO_LINES
        and _is_answer(lines[other])
    ):
        other = None  # it takes the answer right above the introduction for a part of it
    if other is not None and (found is None or other < found.start):
        body = found.body if found is not None and found.start - other <= MAX_INTRO_LINES else other + 1
        found = _Cut(other, body, _is_marked(lines, body))
    return found


def _is_answer(line: str) -> bool:
    """Whether a line reads like words, not like the beginning of an introduction or a divider."""
    return line[:1].isalnum() and not begins_intro(line)


def _library_cut(lines: list[str], before: int) -> int | None:
    """The line at which quotequail finds a quote that begins `before` a line.

    It is asked only where a pattern can match: it is the dearest step of all.
    """
    ends = [number for number, line in enumerate(lines[: before + 1]) if line.endswith(_LIBRARY_ENDINGS)]
    starts = {number - wrapped for number in ends for wrapped in range(_LIBRARY_WRAPS)}
    for at in sorted(start for start in starts if 0 <= start < before):
        few = "\n".join(lines[at : at + _LIBRARY_WRAPS])
        if lines[at] and _LIBRARY_WORDS.search(few):
            above = quotequail.quote(few, limit=len(few), quote_intro_line=True)
            if len(above) > 1:
                return at + (1 if above[0][1] else 0)
    return None


def _is_marked(lines: list[str], start: int) -> bool:
    return depth(next((line for line in lines[start : start + 12] if line.strip()), "")) > 0


class _Introductions:
    """Where introductions can begin in lines that are asked for from the first to the last: at few of them."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._seen = 0
        self._last = -1

    def can_begin(self, at: int) -> bool:
        """False where none of the lines that would be joined is one that an introduction needs."""
        for number in range(max(self._seen, at), min(at + MAX_INTRO_LINES, len(self._lines))):
            self._seen = number + 1
            if may_be_of_intro(self._lines[number]):
                self._last = number
        return self._last >= at


def _quote_starts(lines: list[str], at: int, intros: _Introductions) -> int | None:
    """The number of the first line after the intro that starts at `at`, None where none starts there."""
    line = lines[at]
    if not line.strip():
        return None
    if is_divider(line):
        return at + 1
    if depth(line):
        return at
    if may_say_who_and_when(line):
        known = lines_of_who_and_when(line, next((one for one in lines[at + 1 : at + 3] if one.strip()), ""))
        if known:
            return at + known
    return (_intro_end(lines, at) if intros.can_begin(at) else None) or _header_block_end(lines, at)


def _intro_end(lines: list[str], at: int) -> int | None:
    joined = ""
    for number in range(at, min(at + MAX_INTRO_LINES, len(lines))):
        piece = lines[number].strip()
        if not piece or depth(lines[number]):
            return None
        joined = f"{joined} {piece}" if joined else piece
        if len(joined) > MAX_INTRO_CHARACTERS:
            return None
        if is_intro(joined):
            after = number + 1
            after += after < len(lines) and is_mailbox_alone(lines[after])
            return after if _begins_here(lines, at, number) else None
    return None


def _begins_here(lines: list[str], at: int, end: int) -> bool:
    """Whether an introduction that ends at `end` begins at `at`, and not with a later line: an answer may stand right above it."""
    later = range(at + 1, end + 1)
    if not later:
        return True
    if begins_intro(lines[at]):
        return names_who(lines[at]) or not any(
            begins_intro(lines[number]) and is_dated(lines[number]) for number in later
        )
    rests = (" ".join(line.strip() for line in lines[number : end + 1]) for number in later)
    return not any(is_intro(rest) and (begins_intro(rest) or not continues_intro(rest)) for rest in rests)


def _header_block_end(lines: list[str], at: int) -> int | None:
    """Outlook's quoted header: at least two known labels, among them who wrote and when or about what."""
    if label_role(lines[at]) not in ("from", "date", "subject", "to"):
        return None
    roles, number, blanks = set(), at, 0
    while number < len(lines) and number < at + 14:
        role = label_role(lines[number])
        if role:
            roles.add(role)
            blanks = 0
        elif not lines[number].strip():
            blanks += 1
            if blanks > 1 or len(roles) >= 3:
                break
        elif not roles or blanks:
            break
        number += 1
    known = roles - {"other", "cc"}
    enough = "from" in known and len(known) >= 2 and bool(known & {"date", "subject"})
    return number if enough else None


def _below(lines: list[str], cut: _Cut) -> list[int]:
    """Unquoted lines below or between quoted ones (bottom and inline posting); only where `>` marks the quote."""
    if not cut.marked:
        return []
    kept: list[int] = []
    intros = _Introductions(lines)
    last_marked = next((number for number in range(len(lines) - 1, cut.body - 1, -1) if depth(lines[number])), -1)
    last_quoted = cut.body
    number = cut.body
    while number < len(lines):
        line = lines[number]
        if depth(line):
            last_quoted = number
        elif line.strip():
            end = _nested_intro(lines, number, intros) if number < last_marked else None
            if end is not None:
                number = end
                continue
            if not _is_wrapped_tail(lines, number, last_quoted):
                kept.append(number)
            else:
                last_quoted = number
        else:
            kept.append(number)
        number += 1
    return kept


def _nested_intro(lines: list[str], number: int, intros: _Introductions) -> int | None:
    end = _quote_starts(lines, number, intros)  # of a line without a mark
    return end if end is not None and _is_marked(lines, end) else None


def _is_wrapped_tail(lines: list[str], number: int, last_quoted: int) -> bool:
    """The end of a long quoted line that some client wrapped without repeating the `>`."""
    if last_quoted != number - 1 or not lines[last_quoted].strip("> "):
        return False
    quoted_again = number + 1 < len(lines) and depth(lines[number + 1]) > 0
    return quoted_again or len(lines[last_quoted]) >= _WRAPPED_FROM


def _finish(lines: list[str], kept: list[int], *, quotes: bool) -> Split:
    """Strip the signature and the empty lines around the words."""
    written = [lines[number] for number in kept]
    words = without_signature(written)
    signature = "" if any(line.strip() for line in words) else "\n".join(written[len(words) :])
    kept = kept[: len(words)]
    while kept and not lines[kept[0]].strip():
        kept.pop(0)
    while kept and lines[kept[-1]].strip() in _NOTHING:
        kept.pop()
    return Split("\n".join(lines[number] for number in kept), tuple(kept), quotes, signature=signature)
