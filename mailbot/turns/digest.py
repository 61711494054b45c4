"""The admins' week: one letter that says what waits, failed, ends soon, is held, or is odd; and that the bot is alive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from mailbot.letters.troubles import AdminDigest, Section
from mailbot.lifecycle.notice import plan
from mailbot.model import Action, OwnerState, Ticket, TicketState, Turn
from mailbot.ports import FailedEffect
from mailbot.timetable import last_weekly, today
from mailbot.turns import brake, drift, letter_brake, sight
from mailbot.turns.context import TurnContext
from parsers.dates import long_form

NOTE = "digest"
"""Where the store keeps the moment of the last digest, ISO 8601."""
AHEAD = timedelta(days=14)
"""How far the digest looks ahead."""
SLOW = timedelta(days=1)
"""What takes longer than this, and should not, is odd."""
LOOK_AT = 500
"""Tickets that are looked at for what comes next, the most urgent first."""
LINES = 30
"""Lines of one section; the letter says how many more there are."""

S = TicketState
_WAITING = (S.UNCONFIRMED, S.PENDING)
_UNDER_WAY = (S.APPROVED, S.RETIRING)


def digest(context: TurnContext) -> int:
    """Write the letter of the week where its moment has come; give how many letters.

    1. The last moment of the configured weekday and hour; nothing where its digest was written.
    2. The letters, under keys that hold the week: a crash before 3 writes them again and adds nothing.
    3. Remember the moment.  Weeks in which the bot was off fall into the next digest.
    A new bot (or a clock that was far ahead) begins with the week that comes.
    """
    now, lease = context.clock.now(), context.rules.lease
    if lease.digest_day == "never":
        return 0
    moment = last_weekly(now, lease.digest_day, lease.digest_hour, context.rules.service.timezone)
    kept = context.store.note(NOTE)
    since = datetime.fromisoformat(kept) if kept else None
    if since is None or since > now + timedelta(days=7):
        context.store.put_note(NOTE, moment.isoformat())
        return 0
    if moment <= since:
        return 0
    year, week, _day = today(moment, context.rules.service.timezone).isocalendar()
    letters = context.letter_to_admins(
        AdminDigest(
            since=since,
            until=moment,
            sections=tuple(
                Section(title, tuple(_cut(lines))) for title, lines in Week(context, since, now).sections().items()
            ),
        ),
        f"digest:{year}-W{week:02}",
    )
    context.store.commit(Turn(now=now, effects=letters))
    context.store.put_note(NOTE, moment.isoformat())
    return len(letters)


def _cut(lines: Iterable[str]) -> list[str]:
    kept = list(lines)
    return [*kept[:LINES], f"and {len(kept) - LINES} more."] if len(kept) > LINES + 1 else kept


class Week:
    """What there is to say.  Reads what is under way and what comes next by index, never all tickets."""

    def __init__(self, context: TurnContext, since: datetime, now: datetime) -> None:
        self.context, self.since, self.now = context, since, now
        self.ahead = context.store.due(now + AHEAD, LOOK_AT)

    def sections(self) -> dict[str, list[str]]:
        """The lines of each section, by its title; what is odd or failed comes first."""
        return {
            "odd": list(self._odd()),
            "failed": list(self._failed()),
            "over the brake": list(self._braked()),
            "waiting": list(self._waiting()),
            "expiring": list(self._expiring()),
            "held": [f"{_who(one)}: {one.held}" for one in self.ahead if one.held],
        }

    def _waiting(self) -> Iterator[str]:
        for one in self.context.store.tickets(_WAITING):
            for_whom = "its owner" if one.state is S.UNCONFIRMED else "an admin"
            yield f"{_who(one)}: the request waits for {for_whom} since {self._day(one.asked_at or one.opened_at)}."
        for one in self.ahead:
            if one.asked_end_date is not None:
                asked = long_form(one.asked_end_date)
                yield f"{_who(one)}: an extension until {asked} waits since {self._day(one.asked_at or self.now)}."

    def _failed(self) -> Iterator[str]:
        for one in self.context.store.tickets((S.FAILED,)):
            yield f"{_who(one)}: the machine could not be built, since {self._day(one.changed_at)}."
        for failed in self.context.store.failed_effects():
            if failed.at >= self.since:
                yield _given_up(failed, self._day(failed.at))

    def _expiring(self) -> Iterator[str]:
        for one in self.ahead:
            ends = self._ends(one)
            if ends is not None and self.now < ends[0] <= self.now + AHEAD:
                yield f"{_who(one)}: {ends[1]} on {self._day(ends[0])}."

    def _ends(self, one: Ticket) -> tuple[datetime, str] | None:
        """What comes next for a machine that is on its way out, and when."""
        if one.state is S.ACTIVE:
            return plan(one, self.context.rules).stop_at, "will be stopped"
        if one.state is S.EXPIRED and one.remove_at is not None:
            return one.remove_at, "will be removed"
        if one.state is S.ARCHIVED and one.keep_until is not None:
            return one.keep_until, "its kept disk will be deleted"
        return None

    def _braked(self) -> Iterator[str]:
        pulled = brake.current(self.context)
        if pulled is None or pulled.released_by:
            return
        for number in pulled.tickets:
            one = self.context.store.ticket(number)
            if one is not None and pulled.holds(one):
                yield f"{_who(one)}: waits for an answer to the letter of brake {pulled.number}."

    def _odd(self) -> Iterator[str]:
        for trouble in sight.what_is_blind(self.context.store):
            what, since = f"{trouble.what[0].upper()}{trouble.what[1:]}", self._day(trouble.since)
            yield f"{what} has not worked since {since}: {trouble.why}. Until it works again, {sight.MEANWHILE[trouble.sense]}."
        if pulled := letter_brake.current(self.context):
            waiting = len(self.context.store.held_letters(LOOK_AT))
            if waiting and not pulled.released_by:
                yield f"Letters are held back ({waiting}): they wait for an answer to the letter of brake {pulled.number}."
        paused = self.context.paused()
        if paused:
            yield f"The bot is paused by {paused}. Mail is answered, nothing else happens."
        for one in self.context.store.with_odd_owner(LINES + 1):
            yield f"{_who(one)}: {_OWNER[one.owner]}."
        yield from self._slow()
        for health, _at in self.context.store.health():
            for problem in health.problems:
                yield f"The site {health.site}: {problem}"
        yield from self._drifted()

    def stuck(self) -> Iterator[tuple[str, str]]:
        """What does not get on, and of which kind it is: of what needs an admin's hand, each line of the letter and more."""
        yield from (("failed", line) for line in self._failed())
        yield from (("over the brake", line) for line in self._braked())
        yield from (("under way", line) for line in self._slow())
        for number, why in self.context.store.overview.troubled():
            yield "not understood", f"#{number}: its last turn failed, and is tried again: {why}"
        for row in self.context.store.overview.queue():
            if row.attempts > 1 and row.error:
                about = f"#{row.ticket_id}, " if row.ticket_id else ""
                what = f"{about}{row.letter or row.action}: tried {row.attempts} times; {row.error}"
                yield "in the queue", what

    def _slow(self) -> Iterator[str]:
        for one in self.context.store.tickets(_UNDER_WAY):
            if self.now - one.changed_at > SLOW:
                doing = "being built" if one.state is S.APPROVED else "being removed"
                yield f"{_who(one)}: {doing} since {self._day(one.changed_at)}."

    def _drifted(self) -> Iterator[str]:
        for site, findings in drift.kept(self.context.store).items():
            for finding in findings:
                yield f"The site {site}: {finding.said}"

    def _day(self, moment: datetime) -> str:
        return long_form(today(moment, self.context.rules.service.timezone))


_OWNER: Mapping[OwnerState, str] = {
    OwnerState.ACTIVE: "its owner is in the directory",
    OwnerState.LOCKED: "the account of its owner is locked",
    OwnerState.KEYLESS: "the directory has no usable SSH key of its owner",
    OwnerState.GONE: "its owner is no longer in the directory",
    OwnerState.SUCCEEDED: "its owner is no longer in the directory, and somebody else has the login",
    OwnerState.NAMESAKE: "somebody else has the login that it is named after",
}


def _who(ticket: Ticket) -> str:
    return f"#{ticket.id}, {ticket.username}"


def _given_up(failed: FailedEffect, day: str) -> str:
    effect, number = failed.item.effect, failed.item.ticket_id
    about: Any = f"#{number}, " if number else ""
    what = f"the letter {effect.letter} to {effect.to}" if effect.action is Action.LETTER else f"{effect.action}"
    return f"{about}{what} was given up on {day}: {failed.error}"
