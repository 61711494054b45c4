"""Tables for people: columns that drop where the terminal is narrow, or one field a line where even that is too wide.

Widths are characters.  On a terminal a table fits it (60 to 200 columns); in a pipe nothing is dropped, so that `grep` finds
everything.  Colours only on a terminal, and not with NO_COLOR (https://no-color.org) or TERM=dumb.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from mailbot.cli.output import visible

NARROWEST, WIDEST = 60, 200
_GAP = "  "


class Look(StrEnum):
    """How a cell looks on a terminal that shows colours (ECMA-48, SGR)."""

    PLAIN = ""
    DIM = "2"
    GOOD = "32"
    WARNING = "33"
    BAD = "31"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `drop` says when it goes where there is no room: the highest first, 0 never."""

    head: str
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A text that looks like something."""

    text: object
    look: Look = Look.PLAIN


def width() -> int | None:
    """How wide a table may be; None where it is no terminal that shows it."""
    if not sys.stdout.isatty():
        return None
    return max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST))


def colours(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether standard output shows colours."""
    return sys.stdout.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def painted(text: str, look: Look, *, colour: bool) -> str:
    """The text as it looks; unchanged where colours are not shown."""
    return f"\x1b[{look.value}m{text}\x1b[0m" if colour and look.value and text.strip() else text


def columns(
    heads: Sequence[Column], rows: Iterable[Sequence[object]], *, room: int | None = None, colour: bool = False
) -> str:
    """The rows below their heads, within `room` characters where that is given.

    Columns without a single value are left out.  Columns then drop by rank until the rest fits; where it cannot, each row
    becomes lines of `head  value`, with long values wrapped.
    """
    lines = [[_cell(cell) for cell in row] for row in rows]
    shown = [number for number in range(len(heads)) if any(line[number].text for line in lines)]
    while shown and room is not None and _wide(heads, lines, shown) > room:
        last = max(shown, key=lambda number: (heads[number].drop, number))
        if heads[last].drop == 0:
            return _stacked(heads, lines, room, colour=colour)
        shown.remove(last)
    widths = {number: _widest(heads, lines, number) for number in shown}
    head = _GAP.join(painted(heads[n].head.ljust(widths[n]), Look.DIM, colour=colour) for n in shown).rstrip()
    return "\n".join((head, *(_line(line, widths, colour=colour) for line in lines)))


def _cell(value: object) -> Cell:
    cell = value if isinstance(value, Cell) else Cell(value)
    return Cell("" if cell.text is None else visible(cell.text), cell.look)


def _widest(heads: Sequence[Column], lines: Sequence[Sequence[Cell]], number: int) -> int:
    return max(len(heads[number].head), *(len(str(line[number].text)) for line in lines))


def _wide(heads: Sequence[Column], lines: Sequence[Sequence[Cell]], shown: Sequence[int]) -> int:
    return sum(_widest(heads, lines, number) for number in shown) + len(_GAP) * (len(shown) - 1)


def _line(line: Sequence[Cell], widths: Mapping[int, int], *, colour: bool) -> str:
    last = list(widths)[-1]
    cells = []
    for number, wide in widths.items():
        text = str(line[number].text)
        cells.append(painted(text if number == last else text.ljust(wide), line[number].look, colour=colour))
    return _GAP.join(cells).rstrip()


def _stacked(heads: Sequence[Column], lines: Sequence[Sequence[Cell]], room: int, *, colour: bool) -> str:
    name = max(len(head.head) for head in heads)
    blocks = []
    for line in lines:
        fields = [(head.head, cell) for head, cell in zip(heads, line, strict=True) if cell.text]
        blocks.append("\n".join(field(head, cell, name, room=room, colour=colour) for head, cell in fields))
    return "\n\n".join(blocks)


def field(head: str, value: object, name: int, *, room: int | None = None, colour: bool = False) -> str:
    """`head  value`, the head `name` wide; a value that is too long goes on in the next lines, below its beginning."""
    cell = _cell(value)
    text = str(cell.text)
    if room is not None and name + len(_GAP) + len(text) > room:
        indent = " " * (name + len(_GAP))
        text = textwrap.fill(
            text, room, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        ).strip()
    return f"{painted(head.ljust(name), Look.DIM, colour=colour)}{_GAP}{painted(text, cell.look, colour=colour)}"


def moment(at: datetime | None, timezone: str) -> str:
    """A moment in the site's time, to the minute; empty for never."""
    return "" if at is None else f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"
