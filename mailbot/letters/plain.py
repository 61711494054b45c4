"""Blocks to text/plain: 72 columns, and no line that begins with the word of a command."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

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


def _wrap(words: str, first: str = "", rest: str = "") -> str:
    if len(first) + len(words) <= WIDTH:
        return first + words
    held = _HELD_TOGETHER.sub(_HOLD, words)
    wrapped = textwrap.fill(
        held, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return wrapped.replace(_HOLD, " ")


def _paragraph(block: Block) -> str:
    return _wrap(block.text)


def _heading(block: Block) -> str:
    return "\n".join(f"{line}\n{'=' * len(line)}" for line, _ in block.lines)


def _items(block: Block) -> str:
    return "\n".join(_wrap(line, "- ", "  ") for line, _ in block.lines)


def _rows(block: Block) -> str:
    width = max(len(label) for label, _ in block.lines) + 1
    return "\n".join(_wrap(value, f"  {label + ':':<{width}}  ", " " * (width + 4)) for label, value in block.lines)


def _quote(block: Block) -> str:
    # The bar is a mark that no reader of commands strips from a line, unlike > or |: a quoted "approve" stays quoted.
    return "\n".join(_wrap(line, "  │ ", "  │ ") for line, _ in block.lines)


def _code(block: Block) -> str:
    return "\n".join(f"    {line}" for line, _ in block.lines)


def _offers(block: Block, label: Callable[[str], str]) -> str:
    return "\n".join(_wrap(f"{label(words)} {meaning}", "  ", " " * 8) for words, meaning in block.lines)


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
