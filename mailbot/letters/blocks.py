"""The small mark-up in which letters are written: one source, read once into blocks, from which text and HTML are made.

A template gives lines; the first characters of a line say what it is.  Values come in through Jinja's
`finalize`, which leaves neither line ends nor unseen characters in them, so a value can never start
a line and never become mark-up.

| line | block |
|---|---|
| `! words` | the sentence that says it all |
| `# words` | heading |
| `- words` | list item |
| `= label: value` | row of a table of facts |
| `> words` | somebody's words, quoted |
| `$ words` | line to copy, kept as it is |
| `@ words ¦ meaning` | something that can be answered, and what it does |
| `~ words` | small print |
| anything else | paragraph (lines of one paragraph are joined) |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby


class BlockKind(StrEnum):
    """What a block is; the value is used as its name in the HTML layout."""

    LEAD = "lead"
    HEADING = "heading"
    ITEMS = "items"
    ROWS = "rows"
    QUOTE = "quote"
    CODE = "code"
    OFFERS = "offers"
    SMALL = "small"
    PARAGRAPH = "paragraph"


_MARKS = {
    "! ": BlockKind.LEAD,
    "# ": BlockKind.HEADING,
    "- ": BlockKind.ITEMS,
    "= ": BlockKind.ROWS,
    "> ": BlockKind.QUOTE,
    "$ ": BlockKind.CODE,
    "@ ": BlockKind.OFFERS,
    "~ ": BlockKind.SMALL,
}
_PAIRS = {BlockKind.ROWS: ": ", BlockKind.OFFERS: " ¦ "}
_JOINED = frozenset({BlockKind.LEAD, BlockKind.SMALL, BlockKind.PARAGRAPH})


@dataclass(frozen=True, slots=True)
class Block:
    """One block: `lines` are its lines; in rows and offers each line has a second half."""

    kind: BlockKind
    lines: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The one line of a block that has only one."""
        return self.lines[0][0]


def read_blocks(source: str) -> tuple[Block, ...]:
    """Read a rendered template; an empty line or another kind of line ends a block."""
    runs = groupby(source.split("\n"), _kind_of)
    return tuple(_block(kind, lines) for kind, lines in runs if kind is not None)


def _kind_of(line: str) -> BlockKind | None:
    return _MARKS.get(line[:2], BlockKind.PARAGRAPH) if line.strip() else None


def _block(kind: BlockKind, lines: Iterable[str]) -> Block:
    if kind is not BlockKind.PARAGRAPH:
        lines = [line[2:] for line in lines]
    if kind in _JOINED:
        return Block(kind, ((" ".join(" ".join(lines).split()), ""),))
    if separator := _PAIRS.get(kind):
        halves = (line.partition(separator) for line in lines)
        return Block(kind, tuple((first.strip(), second.strip()) for first, _, second in halves))
    return Block(kind, tuple((line.rstrip(), "") for line in lines))
