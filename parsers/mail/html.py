"""HTML to the same kind of text that a plain mail has: quotes with `>`, hidden words gone.

Because both forms end as lines, one set of rules (`parsers.text.quoting`) finds the newest words in both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parsers.mail.limits import MAX_HTML_CHARACTERS
from parsers.text.folding import visible

if TYPE_CHECKING:
    from lxml.etree import _Element

#: Private-use characters that mark where a quote begins and ends; `visible` removes foreign ones first.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARKS = re.compile(f"[{_OPEN}{_CLOSE}]")

_HIDDEN = re.compile(
    r"display:none|visibility:hidden|text-decoration(?:-line)?:line-through|mso-hide:all|font-size:(?:0|1px)(?:p[tx]|em|%)?(?:;|$|!)|opacity:0(?:;|$|!)"
    r"|max-height:0(?:px)?(?:;|$|!)"
)
_BRACES = re.compile(r"([{}])")
_CLASS = re.compile(r"\.([A-Za-z_][\w-]{0,60})\s{0,9}(?:,|$)")
_MAX_SHEET = 100_000
# What is struck out has been taken back.
_SKIPPED = frozenset(
    {
        "s",
        "strike",
        "del",
        "script",
        "style",
        "head",
        "title",
        "template",
        "noscript",
        "object",
        "svg",
        "math",
        "textarea",
    }
)

# Clients that quote without <blockquote>; class or id as the client writes it (Gmail's wrapper holds intro and quote).
_QUOTE_CLASSES = frozenset(
    {"gmail_quote", "yahoo_quoted", "protonmail_quote", "zmail_extra", "tutanota_quote", "moz-forward-container"}
    | {"freebirdMailQuote", "front-blockquote"}
)
_QUOTE_IDS = frozenset(
    {"yahoo_quoted", "mail-editor-reference-message-container", "OLK_SRC_BODY_SECTION", "zwchr_quote"}
)
# From here to the end of the mail everything is the older mail (Outlook in its many forms, Zimbra, Windows Mail).
_REST_IDS = frozenset({"divRplyFwdMsg", "x_divRplyFwdMsg", "stopSpelling", "zwchr", "x_stopSpelling", "replySplit"})
_OUTLOOK_BORDER = re.compile(
    r"border:none;border-top:solid#[0-9a-f]{6}1\.0pt;padding:3\.0pt0(?:in|cm)0(?:in|cm)0(?:in|cm)"
)


def html_to_text(html: str) -> str:
    """The visible text of an HTML body, quoted parts prefixed with `> ` per level.

    Empty where nothing can be read: too large, too deep, or nothing but pictures.  Raises nothing
    that depends on the input but RecursionError and MemoryError.
    """
    from inscriptis import Inscriptis  # noqa: PLC0415  50 ms to import, and most mails have a text part
    from inscriptis.model.config import ParserConfig  # noqa: PLC0415
    from lxml import etree  # noqa: PLC0415
    from lxml.html import HTMLParser, document_fromstring  # noqa: PLC0415

    html = visible(html)
    if len(html) > MAX_HTML_CHARACTERS or not html.strip():
        return ""
    html = re.sub(r"\A\s*<\?xml[^>]{0,200}\?>", "", html)
    try:
        tree = document_fromstring(html, parser=HTMLParser(remove_comments=True, remove_pis=True, huge_tree=False))
    except (etree.ParserError, ValueError, AssertionError):
        return ""
    _prune(tree)
    _mark_quotes(tree)
    text = str(Inscriptis(tree, ParserConfig(display_images=False, display_links=False)).get_text())
    return _prefix_quotes(text)


def _style(element: _Element) -> str:
    return "".join((element.get("style") or "").lower().split())


def _hidden_classes(tree: _Element) -> frozenset[str]:
    """Classes that a style sheet of the mail hides, outside of any @media or the like."""
    found: set[str] = set()
    for sheet in tree.iter("style"):
        level = 0
        selector = ""
        for piece in _BRACES.split((sheet.text or "")[:_MAX_SHEET]):
            if piece == "{":
                level += 1
            elif piece == "}":
                level = max(0, level - 1)
            elif level == 0:
                selector = piece
            elif level == 1 and _HIDDEN.search("".join(piece.lower().split())):
                found.update(_CLASS.findall(selector))
    return frozenset(found)


def _prune(tree: _Element) -> None:
    """Take out what the reader does not see, keeping the text that follows it."""
    classes = _hidden_classes(tree)
    for element in list(tree.iter()):
        if not isinstance(element.tag, str):
            continue
        hidden = (
            element.get("hidden") is not None
            or bool(_HIDDEN.search(_style(element)))
            or bool(classes and classes.intersection((element.get("class") or "").split()))
        )
        if (element.tag in _SKIPPED or hidden) and element.getparent() is not None and element.tag != "body":
            element.drop_tree()
        elif element.tag == "br" and element.get("clear"):
            del element.attrib["clear"]


def _mark_quotes(tree: _Element) -> None:
    for element in list(tree.iter()):
        if not isinstance(element.tag, str):
            continue
        if _starts_rest(element):
            _mark_rest(element)
        elif _is_quote(element):
            _surround(element)
        elif _is_signature(element):
            _insert_line(element, "-- ")


def _is_quote(element: _Element) -> bool:
    if element.tag == "blockquote":
        return True
    return bool(set((element.get("class") or "").split()) & _QUOTE_CLASSES) or (element.get("id") or "") in _QUOTE_IDS


def _is_signature(element: _Element) -> bool:
    """True for what a client marks as one (gmail_signature, moz-signature, composer_signature and their like)."""
    marks = f"{element.get('class') or ''} {element.get('id') or ''}".lower()
    return element.tag in ("div", "pre", "p", "table", "span") and "signature" in marks


def _starts_rest(element: _Element) -> bool:
    """True for the element after which Outlook puts the older mail, without any container around it."""
    identity = element.get("id") or ""
    if identity in _REST_IDS or identity.endswith("appendonsend_quote"):
        return True
    return element.tag == "div" and bool(_OUTLOOK_BORDER.fullmatch(_style(element).rstrip(";")))


def _mark_rest(element: _Element) -> None:
    """Put a line of underscores, Outlook's own divider, before the element."""
    _insert_line(element, "_" * 32)


def _insert_line(element: _Element, words: str) -> None:
    parent = element.getparent()
    if parent is None:
        return
    line = element.makeelement("div", {})
    line.text = words
    element.addprevious(line)


def _surround(element: _Element) -> None:
    """Lines with the private marks as first and last child, so that the lines between get a `>`."""
    first = element.makeelement("div", {})
    first.text, first.tail = _OPEN, element.text
    element.text = None
    element.insert(0, first)
    last = element.makeelement("div", {})
    last.text = _CLOSE
    element.append(last)


def _prefix_quotes(text: str) -> str:
    lines: list[str] = []
    depth = 0
    for line in text.split("\n"):
        marks = _MARKS.findall(line)
        rest = _MARKS.sub("", line)
        if marks and not rest.strip():
            depth = max(0, depth + marks.count(_OPEN) - marks.count(_CLOSE))
            continue
        inside = max(depth, depth + marks.count(_OPEN))
        lines.append(f"{'>' * min(inside, 20)} {rest.strip()}".rstrip() if inside else rest.strip())
        depth = max(0, depth + marks.count(_OPEN) - marks.count(_CLOSE))
    return "\n".join(lines).strip("\n")
