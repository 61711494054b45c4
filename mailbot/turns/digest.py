"""The admins' week: one letter that says what waits, failed, ends soon, is held, or is odd; and that the bot is alive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

from mailbot.letters.catalogue import KINDS
from mailbot.letters.subjects import OWNER_IS
from mailbot.letters.troubles import WORK, AdminDigest, Section
from mailbot.lifecycle.notice import plan, waits_for_a_word
from mailbot.model import OwnerState, Ticket, TicketState, Turn
from mailbot.ports import FailedEffect
from mailbot.timetable import last_weekly, today
from mailbot.turns import brake, drift, letter_brake, sight
from mailbot.turns.context import TurnContext
from parsers.translatable import Translatable, as_one, say

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


def _cut(lines: Iterable[Translatable]) -> list[Translatable]:
    kept = list(lines)
    more = say("and {number} more.", number=len(kept) - LINES)
    return [*kept[:LINES], more] if len(kept) > LINES + 1 else kept


class Week:
    """What there is to say.  Reads what is under way and what comes next by index, never all tickets."""

    def __init__(self, context: TurnContext, since: datetime, now: datetime) -> None:
        self.context, self.since, self.now = context, since, now
        self.ahead = context.store.due(now + AHEAD, LOOK_AT)

    def sections(self) -> dict[Translatable, list[Translatable]]:
        """The lines of each section, by its title; what is odd or failed comes first."""
        return {
            say("unusual"): list(self.odd()),
            say("failed"): list(self._failed()),
            say("held by the brake"): list(self._braked()),
            say("waiting"): list(self._waiting()),
            say("expiring"): list(self._expiring()),
            say("on hold"): [
                say("{where}: {problem}", where=_who(one), problem=one.held) for one in self.ahead if one.held
            ],
        }

    def _waiting(self) -> Iterator[Translatable]:
        for one in self.context.store.tickets(_WAITING):
            for_whom = say("its owner") if one.state is S.UNCONFIRMED else say("an admin")
            waits = say("{which}: the request has been waiting for {whom} since {day}.", which=_who(one), whom=for_whom)
            yield waits.given(day=self._day(one.asked_at or one.opened_at))
        for one in self.ahead:
            if one.asked_end_date is not None:
                waits = say("{which}: an extension until {asked} has been waiting since {day}.")
                if one.state is S.ARCHIVED:
                    waits = say("{which}: its return until {asked} has been waiting since {day}.")
                yield waits.given(which=_who(one), asked=one.asked_end_date, day=self._day(one.asked_at or self.now))

        for one in self.ahead:
            if one.asked_end_date is None and self._waits_for_a_word(one):
                waits = say(
                    "{which}: notice could not be proven, so its end was postponed by {days} days; an admin must decide."
                )
                yield waits.given(which=_who(one), days=one.delayed_days)

    def _waits_for_a_word(self, one: Ticket) -> bool:
        rules = self.context.rules
        if not rules.lease.is_too_long(one.delayed_days):  # of most, no letters are read
            return False
        return waits_for_a_word(one, self.context.store.accepted(one.id), rules, self.now)

    def _failed(self) -> Iterator[Translatable]:
        for one in self.context.store.tickets((S.FAILED,)):
            day = self._day(one.changed_at)
            yield say("{which}: the machine could not be built (since {day}).", which=_who(one), day=day)
        for failed in self.context.store.failed_effects():
            if failed.at >= self.since:
                yield _given_up(failed, self._day(failed.at))

    def _expiring(self) -> Iterator[Translatable]:
        for one in self.ahead:
            ends = self._ends(one)
            if ends is not None and self.now < ends[0] <= self.now + AHEAD:
                yield say("{which}: {ends} on {day}.", which=_who(one), ends=ends[1], day=self._day(ends[0]))

    def _ends(self, one: Ticket) -> tuple[datetime, Translatable] | None:
        """What comes next for a machine that is on its way out, and when."""
        if one.state is S.ACTIVE:
            return plan(one, self.context.rules).stop_at, say("will be stopped")
        if one.state is S.EXPIRED and one.remove_at is not None:
            return one.remove_at, say("will be removed")
        if one.state is S.ARCHIVED and one.keep_until is not None:
            return one.keep_until, say("its kept disk will be deleted")
        return None

    def _braked(self) -> Iterator[Translatable]:
        pulled = brake.current(self.context)
        if pulled is None or pulled.released_by:
            return
        for number in pulled.tickets:
            one = self.context.store.ticket(number)
            if one is not None and pulled.holds(one):
                waits = say("{which}: waiting for an answer to the message about brake {brake}.", which=_who(one))
                yield waits.given(brake=pulled.number)

    def odd(self) -> Iterator[Translatable]:
        """What is not as it should be."""
        for trouble in sight.what_is_blind(self.context.store):
            yield say(
                "{What} has not worked since {day}. Until it works again, {meanwhile}. Error message: “{why}”",
                what=trouble.what,
                day=self._day(trouble.since),
                why=trouble.why,
                meanwhile=sight.MEANWHILE[trouble.sense],
            )
        if pulled := letter_brake.current(self.context):
            waiting = len(self.context.store.held_letters(LOOK_AT))
            if waiting and not pulled.released_by:
                held = say(
                    "Messages are held back ({number}): they are waiting for an answer to the message about brake {brake}."
                )
                yield held.given(number=waiting, brake=pulled.number)
        paused = self.context.paused()
        if paused:
            yield say("{who} has paused mailbot. Messages are answered; nothing else happens.", who=paused)
        for one in self.context.store.with_odd_owner(LINES + 1):
            yield say("{which}: {problem}.", which=_who(one), problem=_OWNER[one.owner])
        yield from self._slow()
        for health, _at in self.context.store.health():
            for problem in health.problems:
                yield say("The site {site}: {problem}", site=health.site, problem=problem)
        yield from self._drifted()

    def stuck(self) -> Iterator[tuple[str, str]]:
        """What does not get on, and of which kind it is: of what needs an admin's hand, each line of the letter and more."""
        yield from (("failed", line) for line in self._failed())
        yield from (("held by the brake", line) for line in self._braked())
        yield from (("under way", line) for line in self._slow())
        for number, why in self.context.store.overview.troubled():
            yield "not understood", f"#{number}: its last turn failed, and is tried again: {why}"
        for row in self.context.store.overview.queue():
            if row.attempts > 1 and row.error:
                about = f"#{row.ticket_id}, " if row.ticket_id else ""
                work = KINDS[row.letter].called if row.letter else WORK[row.action]
                what = f"{about}{work}: tried {row.attempts} times; {row.error}"
                yield "in the queue", what

    def _slow(self) -> Iterator[Translatable]:
        for one in self.context.store.tickets(_UNDER_WAY):
            if self.now - one.changed_at > SLOW:
                built, removed = (
                    say("{which}: still being built, since {day}."),
                    say("{which}: still being removed, since {day}."),
                )
                doing = built if one.state is S.APPROVED else removed
                yield doing.given(which=_who(one), day=self._day(one.changed_at))

    def _drifted(self) -> Iterator[Translatable]:
        for site, findings in drift.kept(self.context.store).items():
            for finding in findings:
                yield say("The site {site}: {problem}", site=site, problem=finding.said)

    def _day(self, moment: datetime) -> date:
        return today(moment, self.context.rules.service.timezone)


_OWNER: Mapping[OwnerState, Translatable] = {
    **OWNER_IS,
    OwnerState.ACTIVE: say("its owner is in the directory"),
    OwnerState.KEYLESS: say("the directory has no usable SSH key of its owner"),
}
"""The same as a state that lasts."""


def _who(ticket: Ticket) -> str:
    return f"#{ticket.id}, {ticket.username}"


def _given_up(failed: FailedEffect, day: date) -> Translatable:
    effect, number = failed.item.effect, failed.item.ticket_id
    if effect.letter is None:
        what = WORK[effect.action]
    else:
        what = say("{what} (to {address})", what=KINDS[effect.letter].called, address=effect.to)
    given_up = say("{what} was given up on {day}: {error}", what=what, day=day, error=failed.error)
    return as_one(f"#{number},", given_up) if number else given_up
