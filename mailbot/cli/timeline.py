"""A fleet's future as a picture: one lane a ticket, bands for what the machine is, marks for letters and answers (SVG 1.1).

Built by an XML library, so that no name can bend it.  Colours follow the reader's light or dark scheme.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailbot.cli.output import visible
from mailbot.model import Letter, Ticket, TicketState
from mailbot.simulate import Entry, Outage, What

WIDTH, LEFT, RIGHT = 1200, 176, 30
AXIS, BAR, LEVEL, TIGHT = 72, 16, 15, 26
"""Pixels: the head with the axis, the height of a band, of a row of labels, and of a lane without labels."""
LABELLED_LANES = 12
"""With more lanes than this only tooltips say what is what."""
LETTER_WIDTH = 6.1
"""Of a label's font, on average; a little too wide rather than too narrow."""

_STYLE = """
:root { --paper: #ffffff; --ink: #1d2733; --soft: #5d6b7a; --grid: #e7ebef; --stripe: #f6f8fa; --running: #2f9e8f;
  --stopped: #eaa63a; --kept: #a9b6c6; --asked: #7d8ce0; --warning: #d1405a; --off: #5d6b7a; --today: #2563c9 }
@media (prefers-color-scheme: dark) { :root { --paper: #12171e; --ink: #e8edf2; --soft: #98a5b3; --grid: #27303a;
  --stripe: #171e26; --running: #38b5a3; --stopped: #d9962c; --kept: #56657a; --asked: #8c9bf0; --warning: #ff6b81;
  --off: #b4c0cc; --today: #6ea3ff } }
text { font: 11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink) }
.title { font-size: 15px; font-weight: 600 } .soft { fill: var(--soft) } .name { font-weight: 600; font-size: 12px }
.paper { fill: var(--paper) } .stripe { fill: var(--stripe) } .grid { stroke: var(--grid) } .lead { stroke: var(--soft); stroke-opacity: .45 }
.running { fill: var(--running) } .stopped { fill: var(--stopped) } .kept { fill: var(--kept) } .asked { fill: var(--asked) }
.warning { fill: var(--warning); stroke: var(--paper) } .letter { fill: var(--paper); stroke: var(--ink); stroke-width: 1.5 }
.answer { fill: var(--asked); stroke: var(--paper) } .bounce { stroke: var(--warning); stroke-width: 2.5; fill: none }
.off { fill: var(--off); fill-opacity: .16 } .today { stroke: var(--today); stroke-width: 1.5 } .todays { fill: var(--today); font-weight: 600 }
"""

_BANDS: Mapping[TicketState, str] = {
    TicketState.UNCONFIRMED: "asked",
    TicketState.PENDING: "asked",
    TicketState.APPROVED: "asked",
    TicketState.ACTIVE: "running",
    TicketState.EXPIRED: "stopped",
    TicketState.RETIRING: "stopped",
    TicketState.ARCHIVED: "kept",
}
_WORDS: Mapping[str, str] = {
    "stop": "stopped",
    "start": "started again",
    "retire": "removed",
    "delete-disk": "disk deleted",
    "build": "built",
    "date-moved": "end date moved",
    "end-earlier": "end date brought forward",
    "extension-granted": "extended",
    "ExtensionAsked": "asks for more time",
    "bounce": "came back",
}
"""What a label says; the other marks have only a tooltip."""
_ON_TOP = ("action", "letter", "warning", "answer", "bounce")
"""Where marks meet, the later ones here lie on top."""
_LEGEND = (
    ("running", "runs"),
    ("stopped", "stopped, until it is removed"),
    ("kept", "removed, disk kept"),
    ("asked", "asked or being built"),
    ("warning", "warning"),
    ("letter", "other letter to the owner"),
    ("answer", "answer by mail"),
    ("bounce", "letter came back"),
    ("off", "bot off"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn: tickets as they are at `now`, what will happen until `until`, and in which zone days are told."""

    tickets: Sequence[Ticket]
    entries: Sequence[Entry]
    outages: Sequence[Outage]
    now: datetime
    until: datetime
    timezone: str
    title: str


def draw(picture: Picture) -> str:
    """The SVG file."""
    canvas = _Canvas(picture)
    lanes = [_Lane(ticket, canvas) for ticket in picture.tickets]
    height = AXIS + sum(lane.height for lane in lanes) + 58
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {height}",
            "width": str(WIDTH),
            "height": str(height),
            "role": "img",
        },
    )
    ET.SubElement(root, "title").text = visible(picture.title)
    ET.SubElement(root, "style").text = _STYLE
    _add(root, "rect", "paper", x=0, y=0, width=WIDTH, height=height)
    _text(root, 20, 26, picture.title, "title")
    top = float(AXIS)
    for number, lane in enumerate(lanes):
        lane.top = top
        if number % 2 == 0:
            _add(root, "rect", "stripe", x=0, y=top, width=WIDTH, height=lane.height)
        top += lane.height
    canvas.axis(root, top)
    for lane in lanes:
        lane.draw(root)
    canvas.today(root, top)
    _legend(root, top + 34)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


class _Canvas:
    """Time to pixels; what goes behind and over the lanes."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.zone = ZoneInfo(picture.timezone)
        ahead = picture.until - picture.now
        begun = min((one.lease_from or picture.now for one in picture.tickets), default=picture.now)
        self.since = max(begun, picture.now - ahead * 0.12)
        self.labelled = len(picture.tickets) <= LABELLED_LANES
        self._span = picture.until - self.since or timedelta(days=1)

    def x(self, moment: datetime) -> float:
        share = (min(max(moment, self.since), self.picture.until) - self.since) / self._span
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def day(self, moment: datetime) -> str:
        local = moment.astimezone(self.zone)
        return f"{local.day} {local:%b}"

    def axis(self, root: ET.Element, bottom: float) -> None:
        """Outages, and a line at the beginning of each month, quarter or year, whichever leaves room to read."""
        for outage in self.picture.outages:
            left, right = self.x(outage.since), self.x(outage.until)
            if right > left:
                band = _add(
                    root, "rect", "off", x=left, y=AXIS - 6, width=max(right - left, 2), height=bottom - AXIS + 6
                )
                _tip(band, f"the bot is off from {outage.since:%Y-%m-%d %H:%M} to {outage.until:%Y-%m-%d %H:%M} UTC")
        for moment, words in self._ticks():
            x = self.x(moment)
            _add(root, "line", "grid", x1=x, x2=x, y1=AXIS - 6, y2=bottom)
            _text(root, x + 4, AXIS - 10, words, "soft")

    def _ticks(self) -> Iterator[tuple[datetime, str]]:
        months = self._span / timedelta(days=30.4)
        step = next((one for one in (1, 2, 3, 6, 12) if months / one <= 14), 24)
        local = self.since.astimezone(self.zone)
        month = date(local.year, local.month, 1)
        while True:
            month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
            moment = datetime(month.year, month.month, 1, tzinfo=self.zone)
            if self.x(moment) > WIDTH - RIGHT - 30:
                return
            if (month.month - 1) % step == 0 and (step <= 12 or month.year % 2 == 0):
                yield moment, f"{month:%Y}" if month.month == 1 else f"{month:%b}"

    def today(self, root: ET.Element, bottom: float) -> None:
        x = self.x(self.picture.now)
        _add(root, "line", "today", x1=x, x2=x, y1=AXIS - 35, y2=bottom)
        _text(root, x + 4, AXIS - 26, f"today, {self.day(self.picture.now)}", "todays")


@dataclass
class _Mark:
    """One thing on a lane: where, what it looks like, what it says, in which row its label stands (0: none), and on which side."""

    at: datetime
    look: str
    words: str
    tip: str
    level: int = 0
    turned: bool = False


@dataclass
class _Lane:
    """One ticket: bands from left to right, marks on them, labels in rows above them."""

    ticket: Ticket
    canvas: _Canvas
    top: float = 0
    marks: list[_Mark] = field(default_factory=list)

    def __post_init__(self) -> None:
        mine = [entry for entry in self.canvas.picture.entries if entry.ticket == self.ticket.id]
        self.bands = list(self._bands(mine))
        self.marks = [mark for entry in mine if (mark := self._mark(entry)) is not None]
        self.levels = self._place_labels() if self.canvas.labelled else 0
        self.height = self.levels * LEVEL + 52 if self.canvas.labelled else TIGHT

    def _bands(self, mine: Sequence[Entry]) -> Iterator[tuple[datetime, datetime, TicketState]]:
        since, state = self.ticket.lease_from or self.canvas.since, self.ticket.state
        for entry in mine:
            if entry.state is not None and entry.state is not state:
                yield since, entry.at, state
                since, state = entry.at, entry.state
        yield since, self.canvas.picture.until, state

    def _mark(self, entry: Entry) -> _Mark | None:
        look, words = _look(entry, self.ticket.email)
        if not look:
            return None
        when = entry.at.astimezone(self.canvas.zone)
        tip = f"{when:%Y-%m-%d %H:%M} {entry.name}: {entry.note}{f' ({entry.late})' if entry.late else ''}"
        label = words if look == "warning" or not words else f"{words} {self.canvas.day(entry.at)}"
        return _Mark(entry.at, look, label, tip)

    def _place_labels(self) -> int:
        """Give every label the lowest row in which it meets neither another label nor the line of one; give the rows.

        From right to left: whatever stands to the right and begins under a label has to stand lower than it.  Labels that turn to
        the left, where the paper ends, come last and from left to right: their lines stand at their right.
        """
        named = sorted((mark for mark in self.marks if mark.words), key=lambda mark: mark.at, reverse=True)
        edge = WIDTH - 6.0
        for mark in named:
            mark.turned = self._span(mark)[1] > edge
            if mark.turned:
                edge = min(edge, self.canvas.x(mark.at) - 4)
        placed: list[_Mark] = []
        for mark in (*(one for one in named if not one.turned), *(one for one in reversed(named) if one.turned)):
            left, right = self._span(mark)
            spans = ((other.level, self._span(other)) for other in placed)
            mark.level = max((level for level, (a, b) in spans if a <= right + 4 and b >= left - 4), default=0) + 1
            placed.append(mark)
        return max((mark.level for mark in placed), default=0)

    def _span(self, mark: _Mark) -> tuple[float, float]:
        """From where to where a mark's line and its label reach."""
        x, width = self.canvas.x(mark.at), len(mark.words) * LETTER_WIDTH + 4
        return (x - width, x) if mark.turned else (x, x + width)

    def draw(self, root: ET.Element) -> None:
        base = self.top + (self.levels * LEVEL + 24 if self.canvas.labelled else 6)
        group = ET.SubElement(root, "g")
        name, state = f"#{self.ticket.id} {visible(self.ticket.username)}", self.ticket.state.value
        _text(group, 20, base + (8 if self.canvas.labelled else 12), _cut(name, 19), "name")
        if self.canvas.labelled:
            _text(group, 20, base + 22, f"{state}, ends {self.ticket.end_date}", "soft")
        for since, until, state_then in self.bands:
            self._band(group, base, since, until, state_then)
        for mark in self.marks:
            self._lead(group, base, mark)
        for mark in sorted(self.marks, key=lambda mark: _ON_TOP.index(mark.look)):
            self._draw_mark(group, base, mark)

    def _band(self, group: ET.Element, base: float, since: datetime, until: datetime, state: TicketState) -> None:
        look, left, right = _BANDS.get(state), self.canvas.x(since), self.canvas.x(until)
        if look and right > left:
            band = _add(group, "rect", look, x=left, y=base, width=right - left, height=BAR, rx=3)
            _tip(band, f"{state.value} from {since:%Y-%m-%d} to {until:%Y-%m-%d}")

    def _lead(self, group: ET.Element, base: float, mark: _Mark) -> None:
        if not mark.level:
            return
        x, y = self.canvas.x(mark.at), base - 4 - (mark.level - 1) * LEVEL
        _add(group, "line", "lead", x1=x, x2=x, y1=y - 9, y2=base + BAR)
        _text(group, self._span(mark)[0] + (0 if mark.turned else 4), y - 2, mark.words, "")

    def _draw_mark(self, group: ET.Element, base: float, mark: _Mark) -> None:
        below = BAR if mark.look == "bounce" else 0  # where the warning that came back does not hide it
        shape = _shape(group, mark.look, self.canvas.x(mark.at), base + BAR / 2 + below)
        if shape is not None:
            _tip(shape, mark.tip)


def _look(entry: Entry, owner: str) -> tuple[str, str]:
    """How an entry is marked and what its label says; no mark for what only admins get."""
    words = _WORDS.get(entry.name, "")
    match entry.what:
        case What.ACTION:
            return "action", words
        case What.MAIL:
            return ("bounce" if entry.name == "bounce" else "answer"), words
        case What.LETTER if entry.name.startswith("admin-"):
            return "", ""
        case What.LETTER if entry.name in {Letter.WARNING.value, Letter.DATE_MOVED.value}:
            return "warning", words or entry.note.removeprefix("warned: ").removesuffix(" left")
        case What.LETTER:
            return "letter", words
        case _:
            return "", owner and ""


def _shape(group: ET.Element, look: str, x: float, y: float) -> ET.Element | None:
    match look:
        case "warning":
            return _add(group, "path", look, d=f"M{x:g} {y - 7:g}l7 12h-14z")
        case "answer":
            return _add(group, "path", look, d=f"M{x:g} {y - 7:g}l6 7l-6 7l-6-7z")
        case "bounce":
            return _add(group, "path", look, d=f"M{x - 4:g} {y - 4:g}l8 8m0-8l-8 8")
        case "letter":
            return _add(group, "circle", look, cx=x, cy=y, r=4)
        case _:
            return None


def _legend(root: ET.Element, y: float) -> None:
    x = 20.0
    for look, words in _LEGEND:
        width = 34 + len(words) * LETTER_WIDTH
        if x + width > WIDTH:
            x, y = 20.0, y + 20
        if _shape(root, look, x + 8, y - 4) is None:
            _add(root, "rect", look, x=x, y=y - 10, width=16, height=12, rx=3)
        _text(root, x + 22, y, words, "soft")
        x += width


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _add(parent: ET.Element, tag: str, look: str, **attributes: object) -> ET.Element:
    values = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in attributes.items()}
    return ET.SubElement(parent, tag, {"class": look, **values} if look else values)


def _text(parent: ET.Element, x: float, y: float, words: str, look: str) -> None:
    _add(parent, "text", look, x=round(x, 1), y=round(y, 1)).text = visible(words)


def _tip(element: ET.Element, words: str) -> None:
    ET.SubElement(element, "title").text = visible(words)
