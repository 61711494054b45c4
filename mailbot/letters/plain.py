"""Blocks to text/plain: 72 columns, and no line that begins with the word of a command."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from mailbot.letters.blocks import Block, BlockKind
from parsers.values import Verb

WIDTH = 72
# A command counts as a whole line; wrapped words must never become one, so such a word stays with the one before it.
_HELD_TOGETHER = re.compile(rf" (?=[«“\"]?(?:{'|'.join(Verb)})(?:d|ed|ied|s)?\b)", re.IGNORECASE)
_HOLD = "\ue000"  # private use: `visible` has removed it from every value


def to_text(blocks: tuple[Block, ...], label: Callable[[str], str]) -> str:
    """The letter as text, lines ended by a line feed; `label` is how a line that can be answered is offered."""
    written = (
        _offers(block, label) if block.kind is BlockKind.OFFERS else _WRITERS[block.kind](block) for block in blocks
    )
    return "\n\n".join(written) + "\n"


@lru_cache(maxsize=256)  # most sentences stand in many letters
def wrap(words: str, first: str = "", rest: str = "") -> str:
    """The words on lines that begin with `first` and then `rest`, of at most `WIDTH` columns where a single word is no longer."""
    if len(first) + len(words) <= WIDTH:
        return first + words
    held = _HELD_TOGETHER.sub(_HOLD, words)
    line = _line(WIDTH - len(first)).match(held)
    if line is None:
        raise AssertionError("words that are longer than a line have a first word")
    lines = [first + line[0].lstrip(" ")]
    lines += [rest + one.lstrip(" ") for one in _line(WIDTH - len(rest)).findall(held, line.end())]
    return "\n".join(lines).replace(_HOLD, " ")


@cache
def _line(width: int) -> re.Pattern[str]:
    """The next line: as many words as it holds, or one that is longer.  Only spaces part words (textwrap takes five times as long)."""
    return re.compile(rf" *(?:[^ ](?:.{{0,{width - 2}}}[^ ])?(?= |$)|[^ ]+)", re.DOTALL)


def _paragraph(block: Block) -> str:
    return wrap(block.text)


def _heading(block: Block) -> str:
    return "\n".join(f"{line}\n{'=' * len(line)}" for line, _ in block.lines)


def _items(block: Block) -> str:
    return "\n".join(wrap(line, "- ", "  ") for line, _ in block.lines)


def _rows(block: Block) -> str:
    width = max(len(label) for label, _ in block.lines) + 1
    return "\n".join(wrap(value, f"  {label + ':':<{width}}  ", " " * (width + 4)) for label, value in block.lines)


def _quote(block: Block) -> str:
    # The bar is a mark that no reader of commands strips from a line, unlike > or |: a quoted "approve" stays quoted.
    return "\n".join(wrap(line, "  │ ", "  │ ") for line, _ in block.lines)


def _code(block: Block) -> str:
    return "\n".join(f"    {line}" for line, _ in block.lines)


def _offers(block: Block, label: Callable[[str], str]) -> str:
    return "\n".join(wrap(f"{label(words)} {meaning}", "  ", " " * 8) for words, meaning in block.lines)


_WRITERS = {
    BlockKind.LEAD: _paragraph,
    BlockKind.HEADING: _heading,
    BlockKind.ITEMS: _items,
    BlockKind.ROWS: _rows,
    BlockKind.QUOTE: _quote,
    BlockKind.CODE: _code,
    BlockKind.SMALL: _paragraph,
    BlockKind.PARAGRAPH: _paragraph,
}
