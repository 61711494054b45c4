"""HTML by lxml and inscriptis: to a tree, and from a tree to text in lines.  Imported only where a mail has nothing but HTML."""

from __future__ import annotations

from inscriptis import Inscriptis
from inscriptis.css_profiles import RELAXED_CSS_PROFILE
from inscriptis.html_properties import Display
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_element import HtmlElement
from lxml import etree
from lxml.html import HtmlElement as Tree
from lxml.html import HTMLParser, document_fromstring

_BLOCK = HtmlElement(display=Display.block)
# The library's own style, with no space around spans (a word may hold several), and with definition lists in lines.
_PROFILE: dict[str, HtmlElement] = {
    **RELAXED_CSS_PROFILE,
    "span": HtmlElement(display=Display.inline),
    "dt": _BLOCK,
    "dd": _BLOCK,
    "center": _BLOCK,
}


def parsed(html: str) -> Tree | None:
    """The tree of an HTML body; None where it cannot be read.  RecursionError and MemoryError pass."""
    try:
        return document_fromstring(html, parser=HTMLParser(remove_comments=True, remove_pis=True, huge_tree=False))
    except (etree.ParserError, ValueError, AssertionError):
        return None


def text_of(tree: Tree) -> str:
    """What the tree shows, without pictures and the targets of links."""
    return str(Inscriptis(tree, ParserConfig(css=_PROFILE, display_images=False, display_links=False)).get_text())
