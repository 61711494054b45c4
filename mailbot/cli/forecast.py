"""What `simulate` needs: the fleet as it is, the options' words as values, and the future told as text."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import typer

from mailbot.cli.columns import Cell, Column, Look, columns, width
from mailbot.cli.columns import colours as shows_colours
from mailbot.cli.output import as_json, complain
from mailbot.cli.timeline import Picture, draw
from mailbot.errors import DirectoryUnavailable
from mailbot.model import FINAL, Letter, Ticket
from mailbot.simulate import Bounce, Entry, Extension, House, Member, Outage, Scenario, simulate
from mailbot.timetable import end_of
from mailbot.turns.context import TurnContext
from mailbot.turns.owners import owner_of


class Format(StrEnum):
    """How the future is told."""

    TABLE = "table"
    JSON = "json"
    SVG = "svg"


@dataclass(frozen=True, slots=True)
class ThrownIn:
    """What the options throw in, in their own words."""

    down: tuple[str, ...] = ()
    bounce: tuple[str, ...] = ()
    extend: tuple[str, ...] = ()
    seed: int = 0


def forecast_of(
    turn_context: TurnContext, number: int | None, until: str, thrown_in: ThrownIn
) -> tuple[Picture, tuple[Ticket, ...]]:
    """What will happen from now on, as a picture to be told in any form, and the tickets at its end."""
    now, timezone = turn_context.clock.now(), turn_context.rules.service.timezone
    members = members_of(turn_context, number)
    reading = Reading(timezone, [member.ticket.id for member in members])
    scenario = reading.scenario(until or "9999-12-31", thrown_in)
    if not until:
        scenario = replace(scenario, until=_end_of_all(members, scenario.extensions, turn_context))
    future = simulate(members, scenario, now, House(turn_context.rules, turn_context.admins, turn_context.closures))
    tickets = [member.ticket for member in members]
    title = f"{whose(tickets)}, from {now.astimezone(ZoneInfo(timezone)):%Y-%m-%d}"
    picture = Picture(tickets, future.entries, scenario.outages, now, scenario.until, timezone, title)
    return picture, future.tickets


def members_of(turn_context: TurnContext, number: int | None) -> list[Member]:
    """The tickets that still have a future, with their proofs and what waits for them."""
    store = turn_context.store
    if number is None:
        tickets = [one for one in store.tickets() if one.state not in FINAL]
    else:
        found = store.ticket(number)
        if found is None:
            complain(f"There is no ticket #{number}.")
            raise typer.Exit(os.EX_DATAERR)
        tickets = [found]
    return [
        Member(one, tuple(store.accepted(one.id)), tuple(store.waiting(one.id)), _addresses(turn_context, one))
        for one in tickets
    ]


def _addresses(turn_context: TurnContext, ticket: Ticket) -> tuple[str, ...]:
    with suppress(DirectoryUnavailable):
        person = owner_of(turn_context, ticket)
        if person is not None:
            return (person.email, *person.aliases)
    return (ticket.email,)


def _end_of_all(members: Sequence[Member], extensions: Sequence[Extension], turn_context: TurnContext) -> datetime:
    """Where nobody says until when: until the last machine is gone, and some room to the right."""
    lease, zone = turn_context.rules.lease, turn_context.rules.service.timezone
    days = [
        turn_context.clock.now().date(),
        *(one.ticket.end_date for one in members),
        *(one.until for one in extensions),
    ]
    days += [at.date() for one in members if (at := one.ticket.due_at)]
    return end_of(max(days) + timedelta(days=lease.grace_days + lease.keep_disk_days + 21), zone)


class Reading:
    """The options' words as values; days are the site's."""

    def __init__(self, timezone: str, numbers: Sequence[int]) -> None:
        self.timezone = timezone
        self._zone = ZoneInfo(timezone)
        self._numbers = numbers

    def scenario(self, until: str, thrown_in: ThrownIn) -> Scenario:
        """Raises BadParameter."""
        scenario = Scenario(self._moment(until), seed=thrown_in.seed)
        for words in thrown_in.down:
            scenario = self._down(scenario, words)
        for words in thrown_in.bounce:
            scenario = self._bounce(scenario, words)
        for words in thrown_in.extend:
            scenario = self._extend(scenario, words)
        return scenario

    def _down(self, scenario: Scenario, words: str) -> Scenario:
        since, dots, until = words.partition("..")
        outage = Outage(self._moment(since), self._moment(until)) if dots else None
        if outage is None or outage.until <= outage.since:
            raise typer.BadParameter(f"{words} is not a period such as 2027-03-01..2027-03-15")
        return replace(scenario, outages=(*scenario.outages, outage))

    def _bounce(self, scenario: Scenario, words: str) -> Scenario:
        if (share := _share(words)) is not None:
            return replace(scenario, bounce_share=share)
        numbers, name = self._whose(words)
        if name not in set(Letter):
            raise typer.BadParameter(f"{name} is neither a letter such as warning nor a share such as 2%")
        more = tuple(Bounce(number, Letter(name)) for number in numbers)
        return replace(scenario, bounces=scenario.bounces + more)

    def _extend(self, scenario: Scenario, words: str) -> Scenario:
        if (share := _share(words)) is not None:
            return replace(scenario, extend_share=share)
        numbers, dates = self._whose(words)
        at, equals, until = dates.partition("=")
        if not equals:
            raise typer.BadParameter(
                f"{words} is neither two days such as 2027-03-01=2027-09-30 nor a share such as 30%"
            )
        asked = self._moment(at, noon=True)
        more = tuple(Extension(number, asked, self._day(until)) for number in numbers)
        return replace(scenario, extensions=scenario.extensions + more)

    def _whose(self, words: str) -> tuple[Sequence[int], str]:
        number, colon, rest = words.partition(":")
        if not colon or not number.isdecimal():
            return self._numbers, words
        if int(number) not in self._numbers:
            raise typer.BadParameter(f"ticket #{number} is not simulated")
        return (int(number),), rest

    def _moment(self, words: str, *, noon: bool = False) -> datetime:
        day = self._day(words)
        return datetime(day.year, day.month, day.day, 12 if noon else 0, tzinfo=self._zone).astimezone(UTC)

    def _day(self, words: str) -> date:
        try:
            return date.fromisoformat(words.strip())
        except ValueError:
            raise typer.BadParameter(f"{words} is not a date such as 2027-01-31") from None


def _share(words: str) -> float | None:
    found = re.fullmatch(r"(\d{1,3}(?:\.\d+)?) ?%", words.strip())
    return min(float(found[1]) / 100, 1.0) if found else None


def told(form: Format, picture: Picture, tickets: Sequence[Ticket], *, colours: bool = False) -> str:
    """The future in the form that was asked for; `tickets` are those at its end."""
    match form:
        case Format.JSON:
            told = {"from": picture.now, "until": picture.until, "entries": picture.entries, "tickets": tickets}
            return as_json(told)
        case Format.SVG:
            return draw(picture)
        case Format.TABLE:
            return _table(picture.entries, ZoneInfo(picture.timezone), colours=colours)


def whose(tickets: Sequence[Ticket]) -> str:
    return f"The machine of {tickets[0].username}" if len(tickets) == 1 else f"{len(tickets)} machines"


def _table(entries: Sequence[Entry], zone: ZoneInfo, *, colours: bool) -> str:
    """A line for each moment and thing; the same letter to several admins is one line."""
    if not entries:
        return "Nothing will happen until then."
    rows = [_row(entry, zone) for entry in _together(entries)]
    return columns(_HEADS, rows, room=width() if colours else None, colour=colours and shows_colours())


def _row(entry: Entry, zone: ZoneInfo) -> Sequence[object]:
    late = f" ({entry.late})" if entry.late else ""
    cells = (
        f"{entry.at.astimezone(zone):%a %Y-%m-%d %H:%M}",
        f"#{entry.ticket} {entry.username}" if entry.ticket else "all",
        f"{entry.what.value} {entry.name}",
        entry.to,
        f"{entry.note}{late}",
    )
    return [Cell(cell, _LOOKS.get(entry.name, Look.PLAIN)) for cell in cells]


def _together(entries: Sequence[Entry]) -> list[Entry]:
    lines: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: (entry.at, entry.ticket)):
        last = lines[-1] if lines else None
        if last and (last.at, last.ticket, last.name) == (entry.at, entry.ticket, entry.name):
            lines[-1] = replace(last, to=f"{last.to}, {entry.to}")
        else:
            lines.append(entry)
    return lines


_HEADS = (Column("when"), Column("ticket"), Column("what"), Column("to", 1), Column("why"))
_LOOKS = {
    "warning": Look.BAD,
    "date-moved": Look.BAD,
    "stop": Look.WARNING,
    "retire": Look.WARNING,
    "delete-disk": Look.WARNING,
    "bounce": Look.WARNING,
}
