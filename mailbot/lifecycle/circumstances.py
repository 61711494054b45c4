"""What a decision may look at besides the ticket.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from mailbot.model import Accepted, Admin
from mailbot.rules import Rules
from mailbot.timetable import end_of, today

if TYPE_CHECKING:  # at run time they would load every letter and every event
    from mailbot.letters.questions import Room
    from mailbot.model import OwnerSeen

SATURDAY = 5
_LONGEST_CLOSURE_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the history says of a machine's extensions: how many were granted, and why the last one was asked for."""

    granted: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision may look at besides the ticket: the moment, the site's rules, and what the store knows.

    `sites` is the room of each site, for the letter to the admins.  `accepted` are the proofs of the
    ticket's letters.
    """

    now: datetime
    rules: Rules
    admins: tuple[Admin, ...]
    sites: tuple[Room, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    closed: tuple[tuple[date, date], ...] = ()
    """Closure periods of the ticket's site, first and last day: nothing destructive happens in them."""
    extensions: Extensions = Extensions()
    owner: OwnerSeen | None = None
    """How the directory has the owner, where it was asked for this decision."""
    blind: str = ""
    """Why the bot cannot see (`TimePassed.blind`); then nothing irreversible happens and nothing lapses."""

    def closed_on(self, day: date) -> bool:
        """Whether nothing destructive may happen on that day: a closure, or a weekend where the site keeps weekends."""
        weekend = self.rules.lease.quiet_weekends and day.weekday() >= SATURDAY
        return weekend or any(first <= day <= last for first, last in self.closed)

    def open_from(self, at: datetime) -> datetime:
        """The first moment from `at` on at which something destructive may happen."""
        zone = self.rules.service.timezone
        for _ in range(_LONGEST_CLOSURE_DAYS):
            day = today(at, zone)
            if not self.closed_on(day):
                return at
            at = end_of(day, zone)
        return at
