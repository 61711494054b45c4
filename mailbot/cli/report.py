"""`report`: one page for a browser that says who waits, what is stuck, what ends soon and on what notice, and what there is.

Self-contained and read-only: no script, nothing fetched.  Built by an XML library, so that no name can bend it.
"""

from __future__ import annotations

import os
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from mailbot.cli.acting import turn_context
from mailbot.cli.columns import moment
from mailbot.cli.forecast import ThrownIn, forecast_of
from mailbot.cli.output import say, visible
from mailbot.cli.site import settings_of
from mailbot.cli.timeline import draw
from mailbot.lifecycle.notice import of_disk, of_lease, of_removal, plan, proofs
from mailbot.lifecycle.outlook import Outlook, Party, outlook
from mailbot.lifecycle.steps import STATE_WORDS
from mailbot.model import FINAL, Ticket, TicketState
from mailbot.turns.context import TurnContext
from mailbot.turns.digest import Week
from mailbot.turns.sight import what_is_blind

SOON = timedelta(days=30)
"""How far “ends soon” looks."""
DRAWN = 200
"""With more machines than this there is no picture: nobody could read it."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5d6b7a; --line: #dde3e9; --paper: #fff; --bad: #b3261e; --good: #1a7f64 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #98a5b3; --line: #2b3440; --paper: #12171e; --bad: #ff8a80; --good: #5fd3b5 } }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  max-width: 75rem; padding: 1.5rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem } p { margin: .3rem 0 } .soft { color: var(--soft) }
.bad { color: var(--bad); font-weight: 600 } .good { color: var(--good); font-weight: 600 }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top } th { color: var(--soft); font-weight: 500; white-space: nowrap }
td.when { white-space: nowrap; font-variant-numeric: tabular-nums } svg { max-width: 100%; height: auto }
nav a { margin-right: 1rem } a { color: inherit }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Part:
    """One table of the page: heads, rows as texts, and what stands there instead where it is empty."""

    title: str
    anchor: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str


def report(
    context: typer.Context,
    html: Annotated[
        Path, typer.Option("--html", metavar="FILE", help="Where to write the page; - for standard output.")
    ],
) -> None:
    """Write one page that shows the state of everything.

    Shows who is waiting, what is stuck, what will end within 30 days and with what notice, all machines, the sites,
    and a timeline.
    """
    with turn_context(settings_of(context)) as turn:
        page = page_of(turn)
    if str(html) == "-":
        say(page)
        return
    _write(html, page)


def _write(path: Path, page: str) -> None:
    """Whole or not at all, so that a web server never gives out half a page."""
    handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
            os.fchmod(file.fileno(), 0o640)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def page_of(turn: TurnContext) -> str:
    """The page, as HTML."""
    now, zone, name = turn.clock.now(), turn.rules.service.timezone, turn.rules.service.name
    parts = _Parts(turn, now).all()
    root = ET.Element("html", {"lang": "en"})
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "meta", {"charset": "utf-8"})
    ET.SubElement(head, "meta", {"name": "viewport", "content": "width=device-width"})
    ET.SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
    ET.SubElement(head, "title").text = f"{name}: virtual machines"
    ET.SubElement(head, "style").text = _STYLE
    body = ET.SubElement(root, "body")
    ET.SubElement(body, "h1").text = f"{name}: virtual machines"
    ET.SubElement(body, "p", {"class": "soft"}).text = f"As of {moment(now, zone)} ({zone}). This page changes nothing."
    for words, look in _state(turn):
        ET.SubElement(body, "p", {"class": look}).text = visible(words)
    nav = ET.SubElement(body, "nav")
    for part in parts:
        ET.SubElement(nav, "a", {"href": f"#{part.anchor}"}).text = f"{part.title} ({len(part.rows)})"
    for part in parts:
        _table(body, part)
    _picture(body, turn)
    return "<!DOCTYPE html>\n" + ET.tostring(root, encoding="unicode", method="html") + "\n"


def _state(turn: TurnContext) -> Iterator[tuple[str, str]]:
    """What is wrong with the bot as a whole; one good line where nothing is."""
    zone, wrong = turn.rules.service.timezone, False
    for trouble in what_is_blind(turn.store):
        wrong = True
        yield f"{trouble.what} has not worked since {moment(trouble.since, zone)}: {trouble.why}", "bad"
    if paused := turn.paused():
        wrong = True
        yield f"mailbot was paused by {paused}", "bad"
    if closed := turn.closed():
        yield f"No new requests are accepted: {closed}", "bad"
    if not wrong:
        yield "Everything that mailbot needs works.", "good"


def _table(body: ET.Element, part: Part) -> None:
    ET.SubElement(body, "h2", {"id": part.anchor}).text = part.title
    if not part.rows:
        ET.SubElement(body, "p", {"class": "soft"}).text = part.empty
        return
    table = ET.SubElement(ET.SubElement(body, "div", {"class": "wide"}), "table")
    heads = ET.SubElement(ET.SubElement(table, "thead"), "tr")
    for head in part.heads:
        ET.SubElement(heads, "th", {"scope": "col"}).text = head
    rows = ET.SubElement(table, "tbody")
    for cells in part.rows:
        row = ET.SubElement(rows, "tr")
        for head, cell in zip(part.heads, cells, strict=True):
            look = {"class": "when"} if head in {"when", "since", "ends on"} else {}
            ET.SubElement(row, "td", look).text = visible(cell)


def _picture(body: ET.Element, turn: TurnContext) -> None:
    """The time ahead, as `simulate --format svg` draws it."""
    picture, _ = forecast_of(turn, None, "", ThrownIn())
    ET.SubElement(body, "h2", {"id": "ahead"}).text = "The time ahead"
    if not picture.tickets or len(picture.tickets) > DRAWN:
        words = (
            f"Too many machines for a picture: {len(picture.tickets)}." if picture.tickets else "There are no machines."
        )
        ET.SubElement(body, "p", {"class": "soft"}).text = words
        return
    ET.SubElement(body, "div", {"class": "wide"}).append(_without_namespace(ET.fromstring(draw(picture))))  # noqa: S314 - our own


def _without_namespace(svg: ET.Element) -> ET.Element:
    """The same picture for HTML, which knows SVG's elements by their bare names."""
    for element in svg.iter():
        element.tag = element.tag.rpartition("}")[2]
    return svg


class _Parts:
    """The tables, each from what the store has and the dates that act."""

    def __init__(self, turn: TurnContext, now: datetime) -> None:
        self.turn, self.now, self.zone = turn, now, turn.rules.service.timezone
        open_states = tuple(state for state in TicketState if state not in FINAL)
        self.tickets = turn.store.tickets(open_states)

    def all(self) -> list[Part]:
        return [self.waiting(), self.stuck(), self.ending(), self.machines(), self.sites()]

    def _look(self, ticket: Ticket) -> Outlook:
        return outlook(ticket, self.turn.circumstances(self.now, ticket))

    def waiting(self) -> Part:
        rows = []
        for one in self.tickets:
            look = self._look(one)
            if look.party in {Party.ADMINS, Party.OWNER}:
                since = moment(
                    one.asked_at or one.release_asked_at or one.reinstall_asked_at or one.changed_at, self.zone
                )
                rows.append((f"#{one.id}", one.username, look.party.value, look.waits, since, look.next))
        heads = ("ticket", "user", "waits for", "what", "since", "without it")
        return Part("Who waits", "waits", heads, rows, "Nobody is waiting.")

    def stuck(self) -> Part:
        """The lines of the weekly summary about what is odd, failed or braked, and work that does not succeed."""
        week = Week(self.turn, self.now - timedelta(days=7), self.now)
        rows: list[tuple[str, str]] = [("unusual", line) for line in week.odd()]
        told = {line for _, line in rows}
        rows += [(kind, line) for kind, line in week.stuck() if line not in told]
        return Part("What is stuck", "stuck", ("kind", "what"), rows, "Nothing is stuck.")

    def ending(self) -> Part:
        rows = []
        for one in self.tickets:
            ends = self._ends(one)
            if ends is not None and ends[1] <= self.now + SOON:
                rows.append(
                    (ends[1], (f"#{one.id}", one.username, ends[0], moment(ends[1], self.zone), self._proof(one)))
                )
        heads = ("ticket", "user", "what", "when", "notice")
        return Part(
            "Ends within 30 days", "ends", heads, [row for _, row in sorted(rows)], "Nothing ends within 30 days."
        )

    def _ends(self, ticket: Ticket) -> tuple[str, datetime] | None:
        if ticket.held or ticket.asked_end_date is not None:
            return None
        if ticket.state is TicketState.ACTIVE:
            return "stops", plan(ticket, self.turn.rules).stop_at
        if ticket.state is TicketState.EXPIRED and ticket.remove_at is not None:
            return "is removed", ticket.remove_at
        if ticket.state is TicketState.ARCHIVED and ticket.keep_until is not None:
            return "its disk is deleted", ticket.keep_until
        return None

    def _proof(self, ticket: Ticket) -> str:
        """Which letters about that end a mail server has taken."""
        counts = {TicketState.ACTIVE: of_lease, TicketState.EXPIRED: of_removal, TicketState.ARCHIVED: of_disk}
        taken = proofs(self.turn.store.accepted(ticket.id), counts[ticket.state](ticket))
        if not taken:
            return "none yet; nothing happens without it"
        last = taken[-1]
        count = "one letter" if len(taken) == 1 else f"{len(taken)} letters"
        return f"{count} accepted, the first on {moment(taken[0].accepted_at, self.zone)}, the last: {last.answer}"

    def machines(self) -> Part:
        rows = []
        for one in self.tickets:
            look = self._look(one)
            next_ = " on ".join(filter(None, (look.next, moment(look.at, self.zone))))
            held = f"held: {one.held}" if one.held else ""
            rows.append(
                (
                    f"#{one.id}",
                    one.username,
                    STATE_WORDS[one.state],
                    str(one.end_date),
                    f"{one.disk_gib} GiB",
                    one.site or "",
                    next_,
                    held,
                )
            )
        heads = ("ticket", "user", "state", "ends on", "disk", "site", "next", "")
        return Part("All machines and requests", "machines", heads, rows, "There are none.")

    def sites(self) -> Part:
        rows = [
            (
                health.site,
                "answers" if health.reachable else "does not answer",
                str(health.machines),
                f"{health.free_memory_mib / 1024:.0f} GiB",
                f"{health.free_disk_gib} GiB",
                " ".join(health.problems),
                moment(at, self.zone),
            )
            for health, at in self.turn.store.health()
        ]
        heads = ("site", "state", "machines", "RAM free", "disk free", "problems", "as of")
        return Part("Sites and room", "sites", heads, rows, "No site has been checked yet.")
