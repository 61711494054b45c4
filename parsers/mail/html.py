"""HTML to the same kind of text that a plain mail has: quotes with `>`, hidden words gone.

Because both forms end as lines, one set of rules (`parsers.text.quoting`) finds the newest words in both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parsers.mail import css, layout
from parsers.mail.limits import MAX_HTML_CHARACTERS
from parsers.text.folding import visible, without_unseen

if TYPE_CHECKING:
    from lxml.etree import _Element

#: Private-use characters that mark where a quote begins and ends; `visible` removes foreign ones first.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARKS = re.compile(f"[{_OPEN}{_CLOSE}]")

#: A mail of more elements is made to cost time; the longest thread seen had a tenth.
_MAX_ELEMENTS = 50_000
# Never words: what programs and pictures are made of, what one fills in, what is struck out and so taken back.
_SKIPPED = frozenset(
    {"script", "style", "head", "title", "template", "noscript", "noframes", "object", "applet", "embed", "iframe"}
    | {"svg", "math", "canvas", "audio", "video", "map", "textarea", "select", "datalist", "input", "button", "dialog"}
    | {"s", "strike", "del"}
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
    html = visible(html)
    if len(html) > MAX_HTML_CHARACTERS or not html.strip():
        return ""
    from parsers.mail import inscribed  # noqa: PLC0415 - 50 ms to import, and most mails have a text part

    tree = inscribed.parsed(re.sub(r"\A\s*<\?xml[^>]{0,200}\?>", "", html))
    if tree is None:
        return ""
    elements = list(tree.iter())  # kept: lxml makes what stands for an element again whenever nobody holds it
    if len(elements) > _MAX_ELEMENTS or not _prune(tree):
        return ""
    _mark_quotes(tree)
    layout.bound(tree)
    return _prefix_quotes(inscribed.text_of(tree))


def _style(element: _Element) -> str:
    return "".join((element.get("style") or "").lower().split())


def _prune(tree: _Element) -> bool:
    """Take out what the reader does not see, keeping the text that follows it; False where the sheets are beyond reading.

    What an element hides with all that it holds goes whole; a colour, a size or a visibility goes down to the words, and
    an element inside may show its own again.
    """
    sheet = css.Sheet()
    for element in tree.iter("style"):
        sheet.add(element.text or "")
    if sheet.too_much:
        return False
    stack = [(tree, css.Ink(), True)]
    while stack:
        element, around, seen = stack.pop()
        style = sheet.style_of(element)
        plain = not style and not element.attrib  # most elements: what they are is all that counts
        unseen = element.tag in _SKIPPED if plain else _is_unseen(element, style)
        if unseen and element.getparent() is not None:
            element.drop_tree()
            continue
        if element.tag == "details" and element.get("open") is None:
            _close(element)
        ink = around if plain else around.inside(style, element.get("color") or "", element.get("bgcolor") or "")
        seen = seen if ink is around else ink.seen
        element.text = _shown(element.text, seen=seen)
        for child in element:
            child.tail = _shown(child.tail, seen=seen)
            if isinstance(child.tag, str):
                stack.append((child, ink, seen))
        if element.tag == "br" and not plain and element.get("clear"):
            del element.attrib["clear"]
    return True


def _is_unseen(element: _Element, style: css.Declarations) -> bool:
    backwards = element.tag == "bdo" and (element.get("dir") or "").lower() == "rtl"
    return element.tag != "body" and (
        element.tag in _SKIPPED or backwards or element.get("hidden") is not None or css.takes_out(style)
    )


def _close(details: _Element) -> None:
    """Leave of a closed element what is seen of it: its summary."""
    details.text = None
    for child in list(details):
        if child.tag == "summary":
            child.tail = None
        else:
            details.remove(child)


def _shown(text: str | None, *, seen: bool) -> str | None:
    """The words as they are seen: entities are decoded here, so that what they wrote of unseen characters goes too."""
    if not text:
        return text
    return without_unseen(text) if seen else " "


def _mark_quotes(tree: _Element) -> None:
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or not (element.attrib or element.tag == "blockquote"):
            continue  # neither a mark nor a style
        if _starts_rest(element):
            _mark_rest(element)
        elif _is_quote(element):
            _surround(element)
        elif _is_signature(element):
            _end_with(element)


def _end_with(signature: _Element) -> None:
    """A signature ends the words above it; where none stand above, it is itself no words, and those below it are."""
    if _words_before(signature):
        _insert_line(signature, "-- ")
    else:
        signature.drop_tree()


def _words_before(element: _Element) -> bool:
    """Whether anything is written before an element, in the whole document."""
    while element is not None:
        for other in element.itersiblings(preceding=True):
            if (other.tail or "").strip() or (isinstance(other.tag, str) and "".join(other.itertext()).strip()):
                return True
        parent = element.getparent()
        if parent is not None and (parent.text or "").strip():
            return True
        element = parent
    return False


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
        marks = _MARKS.findall(line) if _OPEN in line or _CLOSE in line else []
        rest = _MARKS.sub("", line) if marks else line
        if marks and not rest.strip():
            depth = max(0, depth + marks.count(_OPEN) - marks.count(_CLOSE))
            continue
        inside = max(depth, depth + marks.count(_OPEN))
        lines.append(f"{'>' * min(inside, 20)} {rest.strip()}".rstrip() if inside else rest.strip())
        depth = max(0, depth + marks.count(_OPEN) - marks.count(_CLOSE))
    return "\n".join(lines).strip("\n")
