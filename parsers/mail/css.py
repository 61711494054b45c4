"""As much of CSS as says what a reader of a mail does not see (CSS 2.2, and what mails use of its successors).

It errs on one side: a rule that is not understood hides nothing, so that its words are read and must agree with the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from parsers.remembering import remembered

if TYPE_CHECKING:
    from lxml.etree import _Element

Declarations: TypeAlias = Mapping[str, str]
"""Properties, lower-case, with their values, lower-case and without `!important`."""

MAX_SHEET = 200_000
MAX_RULES = 2_000
_MAX_COMPOUNDS = 6

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)", re.IGNORECASE | re.DOTALL)
_BRACE = re.compile(r"([{}])")
_CONDITIONAL = re.compile(r"@media\s+(?:only\s+)?(?:all|screen)?\s*\Z")
_COMPOUND = re.compile(r"([a-z][a-z0-9]{0,20}|\*)?((?:[.#][\w-]{1,80})*)\Z", re.IGNORECASE)
_PIECE = re.compile(r"([.#])([\w-]+)")
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([a-z%]*)")
_FUNCTION = re.compile(
    r"(scale|scalex|scaley|opacity|rect|inset|circle|translate|translatex|translatey)\(([^()]{0,80})\)"
)
_RGB = re.compile(r"rgba?\(([^()]{0,60})\)")
_HEX = re.compile(r"#([0-9a-f]{3,8})\Z")

#: Names of the colours that words are hidden in; a colour that is not known hides nothing.
_COLOURS = {
    **dict.fromkeys(("white", "window", "canvas"), (255, 255, 255)),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "ghostwhite": (248, 248, 255),
    "whitesmoke": (245, 245, 245),
    "floralwhite": (255, 250, 240),
    "azure": (240, 255, 255),
    "mintcream": (245, 255, 250),
    "black": (0, 0, 0),
}
_ALIKE = 20
"""Channels of two colours that differ by no more are one colour to a reader."""
_FAR = 400.0
"""Pixels beyond which something stands outside of any window."""
_TINY_PX = 1.5
_PIXELS = {
    "px": 1.0,
    "": 1.0,
    "pt": 1.33,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
    "%": 0.16,
    "vw": 10.0,
    "vh": 8.0,
    "in": 96.0,
}
_PIXELS |= {"cm": 38.0, "mm": 3.8, "pc": 16.0, "ch": 8.0}

Colour: TypeAlias = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


@remembered(longest=500, most=256)  # a client writes the same few styles at each of its elements
def declarations(text: str) -> Declarations:
    """The declarations of a style attribute, or of what stands between braces; the last of a property counts."""
    found: dict[str, str] = {}
    for declaration in _plain(text).split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            found[name.strip().lower()] = " ".join(value.lower().replace("!important", " ").split())
    return found


def _plain(text: str) -> str:
    """A sheet without comments and escapes (CSS Syntax section 4.3.7)."""
    return _ESCAPE.sub(_unescaped, _COMMENT.sub("", text)) if "/*" in text or "\\" in text else text


def _unescaped(found: re.Match[str]) -> str:
    code, character = found.groups()
    if not code:
        return str(character)
    return chr(int(code, 16)) if 0 < int(code, 16) < 0x110000 else ""


#: The properties that `takes_out` asks for; most elements are styled by colours and fonts alone.
_TAKING_OUT = frozenset(
    {
        "display",
        "mso-hide",
        "text-decoration",
        "text-decoration-line",
        "opacity",
        "zoom",
        "content-visibility",
        "filter",
    }
    | {"z-index", "text-indent", "margin-left", "margin-top", "position", "left", "top", "right", "bottom", "transform"}
    | {"max-height", "max-width", "overflow", "overflow-y", "height", "width", "clip", "clip-path"}
)


def takes_out(style: Declarations) -> bool:
    """Whether an element so styled is not seen, whatever its children say of themselves."""
    if style.keys().isdisjoint(_TAKING_OUT):
        return False
    return (
        style.get("display") == "none"
        or style.get("mso-hide") == "all"
        or "line-through" in f"{style.get('text-decoration', '')} {style.get('text-decoration-line', '')}"
        or _faint(style)
        or _elsewhere(style)
        or _without_room(style)
    )


def _faint(style: Declarations) -> bool:
    shown = _number(style.get("opacity", ""))
    small = _number(style.get("zoom", ""))
    return (
        (shown is not None and shown[0] < 0.1)
        or (small is not None and small[0] == 0)
        or style.get("content-visibility", "") == "hidden"
        or _shrunk("opacity", style.get("filter", ""))
    )


def _shrunk(name: str, value: str) -> bool:
    """Whether a function of that name has nearly nothing as its argument."""
    return any(
        function.startswith(name) and (number := _number(arguments)) is not None and abs(number[0]) < 0.1
        for function, arguments in _FUNCTION.findall(value)
    )


def _elsewhere(style: Declarations) -> bool:
    """Outside of the window: moved there, or behind everything."""
    moved = [style.get(side, "") for side in ("text-indent", "margin-left", "margin-top")]
    depth = _number(style.get("z-index", ""))
    if depth is not None and depth[0] < 0:
        return True
    if style.get("position") in {"absolute", "fixed", "relative"}:
        moved += [style.get(side, "") for side in ("left", "top", "right", "bottom")]
    transform = style.get("transform", "")
    moved += [
        arguments.split(",")[0] for name, arguments in _FUNCTION.findall(transform) if name.startswith("translate")
    ]
    return any(abs(pixels) >= _FAR and pixels < 0 for pixels in map(_pixels, moved)) or _shrunk("scale", transform)


def _without_room(style: Declarations) -> bool:
    """No width or height for what it holds, or a window cut to nothing."""
    if any(_pixels(style.get(side, "1")) == 0 for side in ("max-height", "max-width")):
        return True
    cut = style.get("overflow", style.get("overflow-y", "")) in {"hidden", "clip"}
    if cut and any(_pixels(style.get(side, "100")) <= 1 for side in ("height", "width", "max-height", "max-width")):
        return True
    for name, arguments in _FUNCTION.findall(f"{style.get('clip', '')} {style.get('clip-path', '')}"):
        sizes = [number for word in re.split(r"[,\s]+", arguments) if (number := _number(word)) is not None]
        if name == "rect" and len(sizes) == 4 and sizes[0][0] >= sizes[2][0] - 1:
            return True
        if (name == "inset" and any(n >= 50 and unit == "%" for n, unit in sizes)) or (
            name == "circle" and sizes and sizes[0][0] == 0
        ):
            return True
    return False


def _number(text: str) -> tuple[float, str] | None:
    found = _NUMBER.match(text.strip())
    return (float(found.group(1)), found.group(2)) if found else None


def _pixels(text: str) -> float:
    """A length in pixels; one that cannot be read is an ordinary one."""
    number = _number(text)
    return 100.0 if number is None else number[0] * _PIXELS.get(number[1], 1.0)


@dataclass(frozen=True, slots=True)
class Ink:
    """How words are painted where nothing says otherwise: what children take over from the elements around them."""

    colour: Colour | None = BLACK
    ground: Colour | None = WHITE
    """None where it is not known: a picture, a gradient, a name that is not in the table."""
    hidden: bool = False
    tiny: bool = False

    @property
    def seen(self) -> bool:
        """Whether a reader sees words painted so."""
        return not (self.hidden or self.tiny or self.colour == _CLEAR or _alike(self.colour, self.ground))

    def inside(self, style: Declarations, colour: str = "", ground: str = "") -> Ink:
        """The same for the words of an element; `colour` and `ground` are what old attributes say (font color, bgcolor)."""
        if not (style or colour or ground):
            return self
        painted = (
            style.get("background-color") or style.get("background") or style.get("background-image") or ground.lower()
        )
        ink = style.get("color") or colour.lower()
        below = self.ground if painted in {"", "inherit", "transparent", "none", "initial"} else _colour_in(painted)
        transparent = ink == "transparent" or _is_clear(ink)
        own = self.colour if ink in {"", "inherit"} else _CLEAR if transparent else _colour(ink)
        visibility = style.get("visibility", "")
        hidden = visibility in {"hidden", "collapse"} if visibility else self.hidden
        size = style.get("font-size") or _size_in(style.get("font", ""))
        return Ink(own, below, hidden, self.tiny if not size else _tiny(size, within=self.tiny))


_CLEAR: Colour = (-1_000, -1_000, -1_000)
"""No colour at all: nothing is like it."""


def _alike(one: Colour | None, other: Colour | None) -> bool:
    return one is not None and other is not None and all(abs(a - b) <= _ALIKE for a, b in zip(one, other, strict=True))


def _tiny(size: str, *, within: bool) -> bool:
    number = _number(size)
    if number is None:
        return within and size == "inherit"
    value, unit = number
    if unit in {"em", "%"} and within:
        return True
    return value * _PIXELS.get(unit, 1.0) < _TINY_PX


def _size_in(font: str) -> str:
    """The size in the shorthand `font: italic 0/0 a`."""
    sizes = (
        word.partition("/")[0]
        for word in font.split()
        if word == "0" or (word[0] in ".0123456789" and not word.isdecimal())
    )
    return next(sizes, "")


def _colour_in(background: str) -> Colour | None:
    words = [background, *background.split()] if "(" not in background or background.startswith("rgb") else []
    return next((colour for word in words if (colour := _colour(word)) is not None), None)


def _colour(text: str) -> Colour | None:
    if text in _COLOURS:
        return _COLOURS[text]
    digits = _HEX.match(text)
    if digits and len(digits.group(1)) in (3, 4, 6, 8):
        code = digits.group(1)
        pairs = [c * 2 for c in code[:3]] if len(code) < 6 else [code[at : at + 2] for at in (0, 2, 4)]
        return int(pairs[0], 16), int(pairs[1], 16), int(pairs[2], 16)
    numbers = _channels(text)
    return (int(numbers[0]), int(numbers[1]), int(numbers[2])) if len(numbers) >= 3 else None


def _channels(text: str) -> list[float]:
    found = _RGB.match(text)
    return [number[0] for word in re.split(r"[,\s/]+", found.group(1)) if (number := _number(word))] if found else []


def _is_clear(text: str) -> bool:
    numbers = _channels(text)
    return (len(numbers) == 4 and numbers[3] < 0.1) or (
        len(text) in (5, 9) and text[0] == "#" and text.endswith("0" * (len(text) // 4))
    )


_Compound: TypeAlias = tuple[str, frozenset[str], frozenset[str]]
"""What one part of a selector asks for: a tag or `*`, classes, an id."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One selector of a sheet: compounds from the outermost to the element itself, and what it says."""

    compounds: tuple[_Compound, ...]
    style: Declarations


@dataclass(slots=True)
class Sheet:
    """The style sheets of one mail; `too_much` where they have more rules than are read."""

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    count: int = 0
    too_much: bool = False

    def add(self, text: str) -> None:
        """Read one sheet: plain rules, and those for every screen; what holds only for some screens is left out."""
        if len(text) > MAX_SHEET:
            self.too_much = True
            return
        for key, rule in _read(text):
            self.count += 1
            self.too_much = self.too_much or self.count > MAX_RULES
            if not self.too_much:
                self.rules.setdefault(key, []).append(rule)

    def style_of(self, element: _Element) -> dict[str, str]:
        """What the sheets and the element itself say of it."""
        style: dict[str, str] = {}
        if not element.attrib and element.tag not in self.rules and "*" not in self.rules:
            return style
        if self.rules:
            for key in (
                str(element.tag),
                "*",
                *(f".{one}" for one in _classes(element)),
                f"#{element.get('id') or ''}",
            ):
                for rule in self.rules.get(key, ()):
                    if _applies(rule, element):
                        style.update(rule.style)
        own = element.get("style")
        if own:
            style.update(declarations(own))
        return style


_OF_SIGHT = re.compile(
    r"display|visibility|opacity|zoom|content-visibility|filter|position|clip|transform|text-indent|text-decoration|font|color|background|mso-hide|height|width|z-index|margin"
)


def _tells_of_sight(style: Declarations) -> bool:
    return any(_OF_SIGHT.search(name) for name in style)


@remembered(longest=20_000, most=4)  # a client writes the same sheet into each of its mails
def _read(text: str) -> tuple[tuple[str, _Rule], ...]:
    """The rules of a sheet that tell of sight, at most one more than are read, each with what an element must have: a tag, a class or an id."""
    return tuple(islice(_keyed(text), MAX_RULES + 1))


def _keyed(text: str) -> Iterator[tuple[str, _Rule]]:
    for selectors, body in _rules(_plain(text)):
        style = declarations(body)
        if not _tells_of_sight(style):
            continue
        for compounds in filter(None, map(_compounds, selectors.split(","))):
            tag, classes, ids = compounds[-1]
            key = next((f"#{one}" for one in ids), "") or next((f".{one}" for one in classes), "") or tag
            yield key, _Rule(compounds, style)


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """Selectors and bodies outside of at-rules, or inside of one that holds for every screen."""
    prelude: list[str] = []
    start = ""
    pieces = _BRACE.split(text.replace("<!--", " ").replace("-->", " "))
    for words, brace in zip(pieces[::2], pieces[1::2], strict=False):  # what follows the last brace is no rule
        if brace == "{":
            start = words.rpartition(";")[2].strip().lower() if words.lstrip().startswith("@") else words.strip()
            prelude.append(start)
        elif prelude:
            selectors = prelude.pop()
            around = all(_CONDITIONAL.match(one) for one in prelude)
            if around and not selectors.startswith("@") and len(prelude) <= 1:
                yield selectors, words


def _compounds(selector: str) -> tuple[_Compound, ...]:
    """The parts of a selector; none where it asks for what we do not read (states, attributes, neighbours)."""
    parts: list[_Compound] = []
    for word in selector.replace(">", " ").split()[: _MAX_COMPOUNDS + 1]:
        found = _COMPOUND.match(word)
        if not found or len(parts) == _MAX_COMPOUNDS:
            return ()
        pieces = _PIECE.findall(found.group(2))
        classes = frozenset(name for mark, name in pieces if mark == ".")
        ids = frozenset(name for mark, name in pieces if mark == "#")
        parts.append(((found.group(1) or "*").lower(), classes, ids))
    return tuple(parts)


def _classes(element: _Element) -> list[str]:
    return (element.get("class") or "").split()[:50]


def _applies(rule: _Rule, element: _Element) -> bool:
    *around, own = rule.compounds
    if not _matches(own, element):
        return False
    wanted = list(around)
    ancestor = element.getparent()
    while wanted and ancestor is not None:
        if _matches(wanted[-1], ancestor):
            wanted.pop()
        ancestor = ancestor.getparent()
    return not wanted


def _matches(compound: _Compound, element: _Element) -> bool:
    tag, classes, ids = compound
    return (
        tag in ("*", element.tag)
        and (not classes or classes <= set(_classes(element)))
        and (not ids or ids == {element.get("id")})
    )
