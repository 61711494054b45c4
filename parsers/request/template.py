"""Finding the template's lines in the readable text of a mail.

The text is cut into levels: 0 is what the sender wrote, each quote mark and each forwarded or original
message below a header block is one deeper.  Each quoted part knows whose words it quotes, where an
address shows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from parsers.request.labels import REQUIRED, Label, Part, cells_of, guess_label, inline_labels, is_heading, read_label

MOST_LINES = 5_000
LONGEST_LINE = 12_000
# More template lines than anybody fills in: what follows them is not read, so that the time stays linear.
MOST_ENTRIES = 60

_QUOTE = re.compile(r"(?:\s{0,3}>)+ ?")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}")
_FROM = re.compile(r"[*_\s]{0,4}(?:from|de|von|da|van|od|från|fra)\s?[*_]{0,2}\s?:", re.IGNORECASE)
_HEADER = re.compile(
    r"[*_\s]{0,4}(?:from|de|von|sent|date|to|cc|bcc|subject|reply-to|envoyé|à|objet|gesendet|an|betreff|datum|da|van|répondre à"
    r"|sender|message-id|in-reply-to|references|mime-version|return-path|received|delivered-to|auto-submitted|user-agent"
    r"|importance|priority|(?:content|x|list|thread|dkim|arc)-[\w-]{1,40})\s?[*_]{0,2}\s?:",
    re.IGNORECASE,
)
_MOST_HEADERS = 40
_FORWARD_MARK = re.compile(
    r"forwarded message|message transf[ée]r[ée]|weitergeleitete nachricht|message réexpédié", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the mail: 1-based number, level, its words without quote marks, and whose words they are.

    `author` is a lower-cased address, empty where unknown; `forwarded` says that the part was passed on.
    A header line of an original message has level -1 and no text.
    """

    number: int
    level: int
    text: str
    author: str = ""
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One template line; the lines `following` it at its level up to the next template line; answers below.

    `below` are the sender's own lines right under a quoted template line; `is_last` says that no other
    template line of its level follows, so that a signature may.
    """

    label: Label
    line: Line
    following: tuple[Line, ...] = ()
    below: tuple[Line, ...] = ()
    is_last: bool = False

    @property
    def part(self) -> Part:
        """Which part of the request this is."""
        return self.label.part


#: What makes a heading of the line above it.
_UNDERLINE = re.compile(r"\s{0,8}[-=~_*^]{3,}\s{0,8}")

# --- levels ------------------------------------------------------------------------------------------------


def read_lines(text: str) -> list[Line]:
    """The lines of a mail with their levels and authors, at most `MOST_LINES`."""
    quoted = [_unquoted(raw[:LONGEST_LINE]) for raw in text.split("\n", MOST_LINES)[:MOST_LINES]]
    lines: list[Line] = []
    authors: dict[int, str] = {}
    section, author, forwarded, header_left, depth_before = 0, "", False, 0, 0
    for index, (depth, words) in enumerate(quoted):
        if not words.strip():
            lines.append(Line(index + 1, lines[-1].level if lines else 0, ""))
            header_left = 0
            continue
        if depth > depth_before:
            authors[depth] = _attributed(quoted, index) or authors.get(depth, "")
            if _is_quoted_attribution(quoted, index):
                authors[depth] = _address_in(words)
        depth_before = depth
        if not header_left and _starts_header_block(quoted, index):
            section, forwarded = section + 1, forwarded or _is_forward(quoted, index)
            header_left = _MOST_HEADERS
        if header_left and _HEADER.match(words):
            header_left -= 1
            author = _address_in(words) if _FROM.match(words) else author
            lines.append(Line(index + 1, -1, ""))
            continue
        header_left = 0
        whose = authors.get(depth, "") if depth else author
        lines.append(Line(index + 1, depth + section, words.rstrip(), whose, forwarded))
    return lines


def _unquoted(raw: str) -> tuple[int, str]:
    quote = _QUOTE.match(raw)
    return (quote.group().count(">"), raw[quote.end() :]) if quote else (0, raw)


def _attributed(quoted: list[tuple[int, str]], index: int) -> str:
    """The address in the line or two above a quote ("On Monday, alice@example.org wrote:")."""
    depth = quoted[index][0]
    above = [words for less, words in quoted[max(0, index - 4) : index] if words.strip() and less < depth][-2:]
    return _address_in(" ".join(above)) if above and above[-1].rstrip().endswith(":") else ""


def _is_quoted_attribution(quoted: list[tuple[int, str]], index: int) -> bool:
    """A first quoted line such as "On Monday, alice@example.org wrote:" with the quoted words at the same depth."""
    depth, words = quoted[index]
    if not words.rstrip().endswith(":") or "@" not in words:
        return False
    after = next((less for less, text in quoted[index + 1 : index + 4] if text.strip()), 0)
    return after == depth


def _address_in(words: str) -> str:
    found = _ADDRESS.search(words[:500])
    return found.group().lower().rstrip(".-") if found else ""


def _starts_header_block(quoted: list[tuple[int, str]], index: int) -> bool:
    """A run of at least two header lines with a From line in it, as clients put above an original message."""
    if not _HEADER.match(quoted[index][1]):
        return False
    run = 0
    while index + run < len(quoted) and run < _MOST_HEADERS and _HEADER.match(quoted[index + run][1]):
        run += 1
    return run > 1 and any(_FROM.match(words) for _, words in quoted[index : index + run])


def _is_forward(quoted: list[tuple[int, str]], index: int) -> bool:
    return any(_FORWARD_MARK.search(words[:120]) for _, words in quoted[max(0, index - 3) : index])


# --- template lines ----------------------------------------------------------------------------------------


def find_entries(lines: list[Line]) -> list[Entry]:
    """Every template line of every level, weak ones only where they are needed, with what follows each."""
    lines = _turned_tables(lines)
    labelled = [(line, label) for line in lines if line.text and (label := read_label(line.text))]
    missing = frozenset(REQUIRED) - {label.part for _, label in labelled if label.strong}
    if missing:
        lines = _split_inline(lines, missing)
        labelled = [(line, label) for line in lines if line.text and (label := _label_of(line, missing))]
    kept = _counting(labelled)[:MOST_ENTRIES]
    places = {id(line): place for place, line in enumerate(lines)}
    starts = [places[id(line)] for line, _ in kept] + [len(lines)]
    last = {line.level: line for line, _ in kept}
    return [
        _entry(lines, kept[i], (starts[i], starts[i + 1]), is_last=last[kept[i][0].level] is kept[i][0])
        for i in range(len(kept))
    ]


def _label_of(line: Line, missing: frozenset[Part]) -> Label | None:
    return read_label(line.text) or guess_label(line.text, missing)


def _turned_tables(lines: list[Line]) -> list[Line]:
    """A table with the labels in its first row and the answers in its second, as one line for each label."""
    for place, line in enumerate(lines):
        heading = cells_of(line.text) if read_label(line.text) else []
        if not is_heading(heading):
            continue
        below = next((i for i in range(place + 1, min(place + 4, len(lines))) if lines[i].text.strip(" |-+\t")), None)
        cells = cells_of(lines[below].text) if below is not None else []
        if below is None or len(cells) != len(heading):
            continue
        turned = [replace(lines[below], text=f"{label}: {cell}") for label, cell in zip(heading, cells, strict=True)]
        return [*lines[:place], *turned, *lines[below + 1 :]]
    return lines


def _split_inline(lines: list[Line], missing: frozenset[Part]) -> list[Line]:
    """Cut a template line in which the missing labels stand further right, as when all line breaks were lost."""
    result: list[Line] = []
    for line in lines:
        starts = inline_labels(line.text) if line.text and len(result) < MOST_LINES * 2 else []
        parts = {label.part for at in starts if (label := read_label(line.text[at:]))}
        if not parts & missing:
            result.append(line)
            continue
        edges = [0, *starts, len(line.text)]
        pieces = [line.text[a:b].strip(" |,;") for a, b in pairwise(edges)]
        result.extend(replace(line, text=piece) for piece in pieces if piece)
    return result


def _counting(labelled: list[tuple[Line, Label]]) -> list[tuple[Line, Label]]:
    """Without weak and bare labels where the template's own are there, and bare ones without company.

    A weak label in quoted words gives way to a strong one anywhere, one that the sender wrote only to
    the sender's own: "date: 2027-03-31" above a quoted template corrects it.
    """
    sure: dict[int, set[Part]] = {}
    strong: dict[int, set[Part]] = {}
    for line, label in labelled:
        if label.strong:
            strong.setdefault(line.level, set()).add(label.part)
            if not (label.guessed or label.bare or label.cell):
                sure.setdefault(line.level, set()).add(label.part)
    everywhere = set().union(*strong.values())
    return [
        (line, label)
        for line, label in labelled
        if _counts(label, strong.get(line.level, set()), sure.get(line.level, set()))
        and (label.strong or line.level == 0 or label.part not in everywhere)
    ]


def _counts(label: Label, strong: set[Part], sure: set[Part]) -> bool:
    bare = label.bare or label.cell
    if label.part in sure and (bare or label.guessed):
        return False
    if not label.strong and label.part in strong:
        return False
    return bool(strong - {label.part}) or not bare


def _entry(lines: list[Line], labelled: tuple[Line, Label], places: tuple[int, int], *, is_last: bool) -> Entry:
    """A template line with what follows it at its level, and the sender's lines right under a quoted one."""
    line, label = labelled
    place, end = places
    following: list[Line] = []
    at = place + 1
    while at < end and lines[at].level == line.level:
        following.append(lines[at])
        at += 1
    if label.bare and following and _UNDERLINE.fullmatch(following[0].text):
        following[0] = replace(following[0], text="")
    below: list[Line] = []
    while at < end and lines[at].level in range(line.level):
        below.append(lines[at])
        at += 1
    return Entry(label, line, tuple(following), tuple(below), is_last)


def demote_lookalikes(entries: list[Entry], readable: frozenset[int]) -> list[Entry]:
    """Give lines inside the usage that only look like template lines back to the usage.

    `readable` holds the line numbers of entries whose value is of the right kind.  A line inside the
    usage is taken for text where the same part also stands elsewhere in a readable form and this one
    is unreadable prose, or stands further in than the usage's own label, or is another word for it.
    """
    kept: list[Entry] = []
    for entry in entries:
        usage = kept[-1] if kept and kept[-1].part is Part.USAGE and kept[-1].line.level == entry.line.level else None
        if usage is not None and _is_lookalike(entry, usage, entries, readable):
            following = (*usage.following, entry.line, *entry.following)
            kept[-1] = replace(usage, following=following, is_last=entry.is_last)
        else:
            kept.append(entry)
    return kept


def _is_lookalike(entry: Entry, usage: Entry, entries: list[Entry], readable: frozenset[int]) -> bool:
    if entry.part is Part.DISK:
        return not entry.is_last
    level = entry.line.level
    same = [one for one in entries if one is not entry and one.part is entry.part and one.line.level == level]
    if not any(one.line.number in readable for one in same):
        return False
    alias = not entry.label.exact and any(one.label.exact for one in same)
    return alias or entry.line.number not in readable or entry.label.inset > usage.label.inset


def blocks_of(entries: list[Entry]) -> list[list[Entry]]:
    """The entries of one level as whole templates: a new one begins where a part comes again."""
    blocks: list[list[Entry]] = []
    for entry in entries:
        current = {one.part for one in blocks[-1]} if blocks else set()
        again = entry.part in current and entry.part is not Part.DISK
        if not blocks or (again and (entry.part is Part.USERNAME or len(current) >= 3) and len(current) >= 2):
            blocks.append([])
        blocks[-1].append(entry)
    return blocks
