"""Finding the template's lines in the readable text of a mail.

The text is cut into levels: 0 is what the sender wrote, each quote mark and each forwarded or original
message below a header block is one deeper.  Each quoted part knows whose words it quotes, where an
address shows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from parsers.labels import Label, Part, read_label

MOST_LINES = 5_000
LONGEST_LINE = 2_000

_QUOTE = re.compile(r"(?:\s{0,3}>)+ ?")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}")
_FROM = re.compile(r"[*_\s]{0,4}(?:from|de|von|da|van|od|från|fra)\s?[*_]{0,2}\s?:", re.IGNORECASE)
_HEADER = re.compile(
    r"[*_\s]{0,4}(?:from|de|von|sent|date|to|cc|subject|reply-to|envoyé|à|objet|gesendet|an|betreff|datum|da|van|répondre à)"
    r"\s?[*_]{0,2}\s?:",
    re.IGNORECASE,
)
_FORWARD_MARK = re.compile(
    r"forwarded message|message transf[ée]r[ée]|weitergeleitete nachricht|message réexpédié", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the mail: 1-based number, level, its words without quote marks, and whose words they are.

    `author` is a lower-cased address, empty where unknown; `forwarded` says that the part was passed on.
    """

    number: int
    level: int
    text: str
    author: str = ""
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One template line with the lines that follow it up to the next one, at one level."""

    label: Label
    line: Line
    following: tuple[Line, ...] = field(default=())

    @property
    def part(self) -> Part:
        """Which part of the request this is."""
        return self.label.part


def read_lines(text: str) -> list[Line]:
    """The lines of a mail with their levels and authors, at most `MOST_LINES`."""
    lines: list[Line] = []
    section, author, forwarded, header_left = 0, "", False, 0
    raw_lines = text.split("\n", MOST_LINES)[:MOST_LINES]
    depths = [_unquoted(raw[:LONGEST_LINE]) for raw in raw_lines]
    authors_by_depth: dict[int, str] = {}
    for index, (depth, words) in enumerate(depths):
        if not words.strip():
            lines.append(Line(index + 1, lines[-1].level if lines else 0, "", author, forwarded))
            header_left = 0
            continue
        if depth > (depths[index - 1][0] if index else 0):
            authors_by_depth[depth] = _attributed(depths, index)
        if _starts_header_block(depths, index):
            section, forwarded = section + 1, forwarded or _is_forward(depths, index)
            author, header_left = _address_in(words), 12
        if header_left and _HEADER.match(words):
            header_left -= 1
            lines.append(Line(index + 1, -1, ""))
            continue
        header_left = 0
        whose = authors_by_depth.get(depth, "") if depth else author
        lines.append(Line(index + 1, depth + section, words.rstrip(), whose, forwarded))
    return lines


def _unquoted(raw: str) -> tuple[int, str]:
    quote = _QUOTE.match(raw)
    return (quote.group().count(">"), raw[quote.end() :]) if quote else (0, raw)


def _attributed(depths: list[tuple[int, str]], index: int) -> str:
    """The address in the line or two above a quote ("On Monday, alice@example.org wrote:")."""
    above = [words for depth, words in depths[max(0, index - 4) : index] if words.strip() and depth < depths[index][0]][
        -2:
    ]
    return _address_in(" ".join(above)) if above and above[-1].rstrip().endswith(":") else ""


def _address_in(words: str) -> str:
    found = _ADDRESS.search(words[:500])
    return found.group().lower() if found else ""


def _starts_header_block(depths: list[tuple[int, str]], index: int) -> bool:
    """A From line followed by at least one more header line, as clients put above an original message."""
    if not _FROM.match(depths[index][1]):
        return False
    following = [words for _, words in depths[index + 1 : index + 5]]
    return sum(bool(_HEADER.match(words)) for words in following) >= 1


def _is_forward(depths: list[tuple[int, str]], index: int) -> bool:
    return any(_FORWARD_MARK.search(words[:120]) for _, words in depths[max(0, index - 3) : index])


def find_entries(lines: list[Line]) -> list[Entry]:
    """Every template line of every level, weak ones only where they are needed, with what follows each."""
    labelled = [(line, label) for line in lines if line.level >= 0 and line.text and (label := read_label(line.text))]
    kept = [(line, label) for line, label in labelled if _counts(line, label, labelled)]
    entries: list[Entry] = []
    for index, (line, label) in enumerate(kept):
        end = kept[index + 1][0].number if index + 1 < len(kept) else len(lines) + 1
        entries.append(Entry(label, line, _following(lines, line, end)))
    return entries


def _counts(line: Line, label: Label, labelled: list[tuple[Line, Label]]) -> bool:
    """A weak label counts where its level has no strong one of that part; one without colon needs company."""
    others = [(one, other) for one, other in labelled if one.level == line.level and other is not label]
    if not label.strong and any(other.part is label.part and other.strong for _, other in others):
        return False
    if label.bare or label.cell or not label.strong:
        return any(other.strong and other.part is not label.part for _, other in others) or not (
            label.bare or label.cell
        )
    return True


def _following(lines: list[Line], line: Line, end: int) -> tuple[Line, ...]:
    """The lines after a template line at its level, up to the next template line or the end of the quoted part."""
    taken: list[Line] = []
    for one in lines[line.number : end - 1]:
        if one.level != line.level:
            break
        taken.append(one)
    return tuple(taken)


def demote_lookalikes(entries: list[Entry], readable: frozenset[int]) -> list[Entry]:
    """Give lines inside the usage that only look like template lines back to the usage.

    `readable` holds the line numbers of entries whose value is of the right kind.  A line inside the
    usage is taken for text where the same part also stands elsewhere in a readable form and this one
    is unreadable prose, or stands further in than the usage's own label.
    """
    kept: list[Entry] = []
    for entry in entries:
        usage = kept[-1] if kept and kept[-1].part is Part.USAGE and kept[-1].line.level == entry.line.level else None
        if usage is not None and _is_lookalike(entry, usage, entries, readable):
            text = replace(entry.line)
            kept[-1] = replace(usage, following=(*usage.following, text, *entry.following))
        else:
            kept.append(entry)
    return kept


def _is_lookalike(entry: Entry, usage: Entry, entries: list[Entry], readable: frozenset[int]) -> bool:
    if entry.part is Part.DISK:
        return True
    same = [
        one for one in entries if one is not entry and one.part is entry.part and one.line.level == entry.line.level
    ]
    if not any(one.line.number in readable for one in same):
        return False
    return entry.line.number not in readable or entry.label.inset > usage.label.inset


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
