"""HTML by lxml and inscriptis: to a tree, and from a tree to text in lines.  Imported only where a mail has an HTML part.

inscriptis is given elements and lines of our own, by its own tables of styles and handlers, for two reasons.  It decodes
entities in text that the HTML parser has decoded already: `&amp;#xE001;`, the way in which a quoted "&#xE001;" is written,
would become a character that no client shows.  And it takes text letter by letter, which was half of its time.
"""

from __future__ import annotations

from typing import Any

from inscriptis import Inscriptis
from inscriptis.css_profiles import RELAXED_CSS_PROFILE
from inscriptis.html_properties import Display, VerticalAlignment
from inscriptis.model.canvas import Canvas
from inscriptis.model.canvas.block import Block
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_document_state import HtmlDocumentState
from inscriptis.model.html_element import HtmlElement
from inscriptis.model.table import TableCell
from inscriptis.model.tag import CustomHtmlTagHandlerMapping
from inscriptis.model.tag.table_tag import td_start_handler
from lxml import etree
from lxml.html import HtmlElement as Tree
from lxml.html import HTMLParser, document_fromstring


class _Line(Block):
    """A line that takes its text as it is, runs of white space as one space."""

    collapsable_whitespace: bool

    def __init__(self, idx: int, prefix: Any) -> None:
        super().__init__(idx, prefix)
        self._pieces: list[str] = []

    def merge_normal_text(self, text: str) -> None:
        words = text.split()
        if not words:
            if not self.collapsable_whitespace:
                self._pieces.append(" ")
                self.collapsable_whitespace = True
            return
        if not self._pieces:
            self._pieces.append(self.prefix.first)
        elif not self.collapsable_whitespace and text[0].isspace():
            self._pieces.append(" ")
        self._pieces.append(" ".join(words))
        self.collapsable_whitespace = text[-1].isspace()
        if self.collapsable_whitespace:
            self._pieces.append(" ")

    def merge_pre_text(self, text: str) -> None:
        self._pieces += (self.prefix.first, text.replace("\n", "\n" + self.prefix.rest))
        self.collapsable_whitespace = False

    @property
    def content(self) -> str:
        whole = "".join(self._pieces)
        self._pieces = [whole.removesuffix(" ") if self.collapsable_whitespace else whole]
        return self._pieces[0]

    def is_empty(self) -> bool:
        return not self._pieces or not self.content

    def new_block(self) -> Block:
        self.prefix.consumed = False
        return _Line(0, self.prefix)


def _in_our_lines(canvas: Canvas) -> Canvas:
    if not isinstance(canvas.current_block, _Line):
        canvas.current_block = _Line(canvas.current_block.idx, canvas.current_block.prefix)
    return canvas


class _Element(HtmlElement):
    """An element that makes the canvas it is given write such lines."""

    canvas: Canvas

    @classmethod
    def like(cls, other: HtmlElement) -> _Element:
        made = cls()
        for name in HtmlElement.__slots__:
            setattr(made, name, getattr(other, name))
        return made

    def __copy__(self) -> _Element:
        copy = _Element.__new__(_Element)
        copy.canvas, copy.tag, copy.prefix, copy.suffix = self.canvas, self.tag, self.prefix, self.suffix
        copy.display, copy.whitespace, copy.padding_inline = self.display, self.whitespace, self.padding_inline
        copy.margin_before, copy.margin_after = self.margin_before, self.margin_after
        copy.previous_margin_after, copy.list_bullet = self.previous_margin_after, self.list_bullet
        copy.limit_whitespace_affixes, copy.annotation = self.limit_whitespace_affixes, self.annotation
        copy.align, copy.valign = self.align, self.valign
        return copy

    def set_canvas(self, canvas: Canvas) -> _Element:
        self.canvas = _in_our_lines(canvas)
        return self


class _Styles(dict[str, HtmlElement]):
    """The style of each tag; of one that has none, that of plain words."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - the library's default knows no lines of ours
        return super().get(key, _PLAIN)


def _begin_cell(state: HtmlDocumentState, attributes: dict[str, str]) -> None:
    td_start_handler(state, attributes)
    canvas = _in_our_lines(state.tags[-1].canvas)
    if isinstance(canvas, TableCell):
        canvas.valign = (
            VerticalAlignment.top
        )  # a label that stands in the middle beside its answer would cut that in two


_PLAIN = _Element()
_BLOCK = _Element(display=Display.block)
# The library's own style, with no space around spans (a word may hold several), and with definition lists in lines.
_PROFILE = _Styles(
    {
        **{tag: _Element.like(element) for tag, element in RELAXED_CSS_PROFILE.items()},
        "span": _Element(display=Display.inline),
        "dt": _BLOCK,
        "dd": _BLOCK,
        "center": _BLOCK,
    }
)
_CONFIG = ParserConfig(
    css=_PROFILE,
    display_images=False,
    display_links=False,
    custom_html_tag_handler_mapping=CustomHtmlTagHandlerMapping({"td": _begin_cell, "th": _begin_cell}, {}),
)


class _Inline(_Element):
    """An element that changes nothing about its words."""


#: Tags that are such elements: the library has neither a style nor a handler for them.
_INLINE = frozenset({"span", "font", "a", "b", "i", "u", "em", "strong", "small", "big", "tt", "sub", "sup"})
_INLINE -= RELAXED_CSS_PROFILE.keys() - {"span"}
_STYLING = frozenset({"style", "align", "valign"})


class _Layout(Inscriptis):
    """The library's walk over a tree, with short ways for what most of a mail consists of: line breaks and words in a style."""

    def _parse_html_tree(self, state: HtmlDocumentState, tree: Any) -> Canvas:
        around = state.tags[-1]
        if tree.tag == "br" and not len(tree) and not tree.attrib:
            around.canvas.write_newline()
        elif tree.tag in _INLINE and around.display is not Display.none and _STYLING.isdisjoint(tree.attrib):
            inner = around if type(around) is _Inline else around.get_refined_html_element(_Inline())
            state.tags.append(inner)
            inner.write(tree.text)
            for node in tree:
                self._parse_html_tree(state, node)
            state.tags.pop()
        else:
            return super()._parse_html_tree(state, tree)
        around.write(tree.tail)
        return state.canvas


def parsed(html: str) -> Tree | None:
    """The tree of an HTML body; None where it cannot be read.  RecursionError and MemoryError pass."""
    try:
        return document_fromstring(html, parser=HTMLParser(remove_comments=True, remove_pis=True, huge_tree=False))
    except (etree.ParserError, ValueError, AssertionError):
        return None


def text_of(tree: Tree) -> str:
    """What the tree shows, without pictures and the targets of links."""
    return str(_Layout(tree, _CONFIG).get_text())
