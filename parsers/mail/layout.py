"""How large a table becomes when it is laid out, reckoned before that is done.

A library that lays tables out pads each cell to the width of its column and the height of its row: a mail of 200 kB can ask
for gigabytes.  What would be larger than anything that people read is taken apart before: its cells follow one another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_AREA = 2_000_000
"""Characters, lines times width, of everything that is laid out of one mail."""
_MAX_INDENTS = 12
_FEW_TABLES = 8
_BREAKING = frozenset({"br", "p", "div", "li", "tr", "table", "blockquote", "pre", "hr", "dt", "dd", "ul", "ol"})
_BREAKING |= {"h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer", "form", "center"}
_VERBATIM = frozenset({"pre", "xmp", "listing", "plaintext"})
_INDENTING = frozenset({"ul", "ol", "dd"})
_OF_TABLES = frozenset({"table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "colgroup", "col"})
_PLAIN_STYLES = ("display", "white-space")


class Box(NamedTuple):
    """An upper bound of a rectangle of text."""

    lines: int
    width: int


def bound(tree: _Element) -> None:
    """Take apart what would be too large, and take away what pads by numbers of the sender's choice."""
    for element in tree.iter():
        if isinstance(element.tag, str):
            _without_padding(element)
    _flatten_lists(tree)
    tables = list(tree.iter("table"))
    fit = len(tables) <= _FEW_TABLES and most_area(tables) <= MAX_AREA
    if not fit and measured(tree, Room(MAX_AREA)) is None:
        for element in tree.iter(*_OF_TABLES):
            element.tag = "div"


def most_area(tables: list[_Element]) -> int:
    """A bound of what the tables take that is quicker than measuring them, and much larger where they are large.

    No element adds more to what is laid out of its text than these lines and columns (`measured`, `_table`).
    """
    area = 0
    for table in tables:
        words = "".join(table.itertext())
        elements = sum(1 for _ in table.iter())
        area += (words.count("\n") + 3 * elements + 1) * (len(words) + 8 * elements + 1)
    return area


class Room:
    """The area that is left for the tables of a mail."""

    def __init__(self, area: int) -> None:
        self.left = area


def _without_padding(element: _Element) -> None:
    style = element.get("style")
    if not style:
        return
    if not any(name in style.lower() for name in _PLAIN_STYLES):
        del element.attrib["style"]  # most styles
        return
    kept = [part for part in style.split(";") if part.partition(":")[0].strip().lower() in _PLAIN_STYLES]
    if kept:
        element.set("style", ";".join(kept))
    else:
        del element.attrib["style"]


def _flatten_lists(tree: _Element) -> None:
    """Indents count from the outside; beyond what people nest they are none."""
    depth: dict[_Element, int] = {}
    for element in tree.iter(*_INDENTING):
        outer = element.getparent()
        while outer is not None and outer not in depth:
            outer = outer.getparent()
        depth[element] = 1 + (depth[outer] if outer is not None else 0)
    for element, indents in depth.items():
        if indents > _MAX_INDENTS:
            element.tag = "div"


def measured(element: _Element, room: Room) -> Box | None:
    """A bound of what an element becomes; None where its tables leave no room.  Nesting is bounded by the HTML parser."""
    if element.tag == "table":
        return _table(element, room)
    verbatim = element.tag in _VERBATIM
    lines, width, run = 1, 0, _run(element.text, verbatim)
    lines += _extra(element.text, verbatim)
    for child in element:
        if isinstance(child.tag, str):
            box = measured(child, room)
            if box is None:
                return None
            breaks = child.tag in _BREAKING
            width = max(width, run, box.width)
            run = 0 if breaks else run + box.width
            lines += box.lines + (2 if breaks else -1 if box.lines else 0)
        run += _run(child.tail, verbatim)
        lines += _extra(child.tail, verbatim)
    return Box(lines, max(width, run) + (4 if element.tag in _INDENTING else 2))


def _run(text: str | None, verbatim: bool) -> int:
    if not text:
        return 0
    return max(map(len, text.split("\n"))) if verbatim else len(text)


def _extra(text: str | None, verbatim: bool) -> int:
    return text.count("\n") if text and verbatim else 0


def _table(table: _Element, room: Room) -> Box | None:
    rows: list[list[Box]] = []
    stray = 2
    for row in _rows_of(table):
        cells: list[Box] = []
        for cell in row:
            if not isinstance(cell.tag, str):
                continue
            box = measured(cell, room)
            if box is None:
                return None
            cells.append(box)
            stray += len(cell.tail or "") + 2
        rows.append(cells)
    widths: list[int] = []
    for cells in rows:
        for at, box in enumerate(cells):
            if at == len(widths):
                widths.append(0)
            widths[at] = max(widths[at], box.width)
    lines = sum(max((box.lines for box in cells), default=1) for cells in rows) + 2
    width = sum(widths) + 2 * len(widths) + stray
    # A row has as many cells as it has: a table of one wide row and many short ones is padded row by row.
    room.left -= sum(max((box.lines for box in cells), default=1) * (sum(widths[: len(cells)]) + 1) for cells in rows)
    return None if room.left < 0 else Box(lines, width)


def _rows_of(table: _Element) -> list[_Element]:
    """The rows of a table itself, whether or not a tbody stands around them; anything else in it counts as a row."""
    rows: list[_Element] = []
    for child in table:
        if child.tag in ("thead", "tbody", "tfoot"):
            rows.extend(row for row in child if isinstance(row.tag, str))
        elif isinstance(child.tag, str):
            rows.append(child)
    return rows
