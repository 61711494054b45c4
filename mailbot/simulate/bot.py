"""The simulated bot: four queues by time, and the lives they are about."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from random import Random

from mailbot.letters.catalogue import KINDS
from mailbot.letters.kinds import Audience
from mailbot.lifecycle.brake import Brake, Fleet, braked
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.lease import not_now
from mailbot.lifecycle.steps import LOOK_AGAIN
from mailbot.model import (
    LIVING,
    Accepted,
    Action,
    Actor,
    Approved,
    Built,
    DiskDeleted,
    Effect,
    Event,
    ExtensionAsked,
    Letter,
    Login,
    Placed,
    Proceeded,
    Refusal,
    Retired,
    Returned,
    Role,
    Step,
    Ticket,
    TicketState,
    TimePassed,
)
from mailbot.simulate.owners import HOUR, Owners, owner
from mailbot.simulate.scenario import Blindness, Entry, House, Member, Scenario, What
from mailbot.turns.outdated import is_void
from mailbot.turns.wake import AGAIN_AFTER, WAKE_LIMIT

BOUNCES_AFTER = HOUR
"""How long after it was sent a letter comes back."""
MOST_PASSES = 10_000
"""At one moment; more means that a turn leaves its ticket due, which would keep the real bot busy for ever too."""


@dataclass(slots=True)
class _Row:
    """A waiting outbox row of a ticket."""

    effect: Effect
    planned: datetime | None
    late: str
    note: str
    cancelled: bool = False


@dataclass(slots=True)
class _Life:
    """One ticket while it is simulated.  `since` is when the step that is put off was first due, `why` the reason."""

    ticket: Ticket
    addresses: tuple[str, ...]
    accepted: list[Accepted] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    waiting: list[_Row] = field(default_factory=list)
    bounces: list[Letter] = field(default_factory=list)
    since: datetime | None = None
    why: str = ""
    trouble: str = ""
    """What went wrong in the present lease: why a date of it moves."""


class Bot:
    """The simulated daemon: four queues by time, and the lives they are about."""

    def __init__(self, members: Iterable[Member], scenario: Scenario, now: datetime, house: House) -> None:
        self.scenario, self.now = scenario, now
        self.rules, self.admins, self.closures = house.rules, house.admins, house.closures
        self.random = Random(scenario.seed)  # noqa: S311 - a die, not a secret
        self.owners = Owners(scenario, self.rules, self.random)
        self.entries: list[Entry] = []
        self.lives: dict[int, _Life] = {}
        self.outages = tuple(sorted(scenario.outages, key=lambda outage: outage.since))
        self.blindness = tuple(sorted(scenario.blindness, key=lambda one: one.since))
        self.brake: Brake | None = None
        self.living = 0
        self._fleet = Fleet(self._ticket, lambda most: min(self.living, most), self._is_destructive)
        self._passes = 0
        self._looked_at: dict[int, Step | Refusal] = {}
        """What the brake found that the clock would do, of tickets that are due at this moment."""
        self._numbers = count()
        self._mails: list[tuple[datetime, int, int, Event | None]] = []
        self._due: list[tuple[datetime, int, int]] = []
        self._rows: list[tuple[datetime, int, int, _Row]] = []
        for member in members:
            self._enters(member)
        for wish in scenario.extensions:
            if wish.ticket in self.lives:
                self._mail(wish.at, wish.ticket, ExtensionAsked(owner(self.lives[wish.ticket].ticket), wish.until))

    def _enters(self, member: Member) -> None:
        ticket = member.ticket
        life = _Life(ticket, member.addresses or (ticket.email,), list(member.accepted))
        life.bounces = [bounce.letter for bounce in self.scenario.bounces if bounce.ticket == ticket.id]
        self.lives[ticket.id] = life
        self.living += ticket.state in LIVING
        for effect in member.waiting:
            self._row(life, effect, None, "", "")
        self._wakes(ticket)

    # time

    def run(self) -> None:
        """Tick at every moment at which something is due, until the end."""
        while True:
            heads = [queue[0][0] for queue in (self._mails, self._due, self._rows) if queue]
            moment = self._up(max(min(heads, default=self.scenario.until), self.now))
            if moment >= self.scenario.until:
                return
            self._passes = self._passes + 1 if moment == self.now else 0
            if self._passes > MOST_PASSES:
                raise AssertionError(f"at {moment} something stays due for ever: {self._due[:1] or self._rows[:1]}")
            self.now = moment
            self._receive()
            self._wake()
            self._work_off()

    def _up(self, moment: datetime) -> datetime:
        """The moment, or the end of the outage that it falls into."""
        for outage in self.outages:
            if outage.since <= moment < outage.until:
                moment = outage.until
        return moment

    def _blind(self) -> Blindness | None:
        """What keeps the bot from seeing at this moment."""
        return next((one for one in self.blindness if one.since <= self.now < one.until), None)

    def _ready(self, queue: list[tuple[datetime, int, int]] | list[tuple[datetime, int, int, _Row]]) -> bool:
        return bool(queue) and queue[0][0] <= self.now

    def _wakes(self, ticket: Ticket) -> None:
        if ticket.due_at is not None:
            heapq.heappush(self._due, (ticket.due_at, next(self._numbers), ticket.id))

    # mail

    def _mail(self, at: datetime, ticket: int, event: Event | None) -> None:
        heapq.heappush(self._mails, (at, next(self._numbers), ticket, event))

    def _receive(self) -> None:
        blind = self._blind()
        if blind is not None:
            while self._mails and self._mails[0][0] <= self.now:
                _at, number, about, event = heapq.heappop(self._mails)
                heapq.heappush(self._mails, (blind.until, number, about, event))
            return
        while self._mails and self._mails[0][0] <= self.now:
            _at, _number, about, event = heapq.heappop(self._mails)
            if event is None:
                self._proceed(about)
            elif isinstance(event, Returned):
                self._came_back(self.lives[about], event)
            else:
                self._asked(self.lives[about], event)

    def _asked(self, life: _Life, event: Event) -> None:
        step = self._decided(life, event)
        if isinstance(step, Refusal):
            self._note(life, What.MAIL, type(event).__name__, f"refused: {step.why}")
            return
        self._note(life, What.MAIL, type(event).__name__, step.summary)
        self._happens(life, step, None, "")
        if life.ticket.asked_end_date is not None and self.scenario.decide_after is not None:
            self._mail(self.now + self.scenario.decide_after, life.ticket.id, Approved(_BY_ADMIN))

    def _proceed(self, number: int) -> None:
        """An admin answers the letter of a brake."""
        if self.brake is None or number != self.brake.number:
            return
        self.brake = replace(self.brake, released_by="an admin")
        self._note(None, What.MAIL, "proceed", "an admin lets go of the brake")
        for held in self.brake.tickets:
            ticket = self.lives[held].ticket
            if self.brake.holds(ticket) and ticket.due_at is not None:
                self.lives[held].ticket = replace(ticket, due_at=min(ticket.due_at, self.now))
                self._wakes(self.lives[held].ticket)

    def _came_back(self, life: _Life, event: Returned) -> None:
        step = self._decided(life, event)
        key = ""
        for index, one in enumerate(life.accepted):
            if one.message_id == event.by.message_id:
                life.accepted[index] = replace(one, bounced_at=self.now, bounce_permanent=event.permanent)
                key = one.key
        if isinstance(step, Refusal):
            self._note(life, What.MAIL, "bounce", f"the {event.letter} came back", to=event.address, key=key)
            return
        life.trouble = f"the {event.letter} to {event.address} came back on {self.now:%Y-%m-%d}"
        self._note(life, What.MAIL, "bounce", step.summary, to=event.address, key=key)
        self._happens(life, step, None, "")

    # tickets

    def _about(self, ticket: Ticket, life: _Life) -> Circumstances:
        closed = self.closures.get(ticket.site or "", ())
        return Circumstances(self.now, self.rules, self.admins, (), tuple(life.accepted), closed)

    def _decided(self, life: _Life, event: Event) -> Step | Refusal:
        return decide(life.ticket, event, self._about(life.ticket, life))

    def _wake(self) -> None:
        due: list[_Life] = []
        while self._ready(self._due) and len(due) < WAKE_LIMIT:
            at, _number, ticket_id = heapq.heappop(self._due)
            life = self.lives[ticket_id]
            if life.ticket.due_at == at and life not in due[-1:]:
                due.append(life)
        self._looked_at = {}
        held = self._braked(due)
        for life in due:
            if life.ticket.id in held:
                self._put_off(life, "the brake held it", self.now + AGAIN_AFTER)
            else:
                self._woken(life)

    def _braked(self, due: Sequence[_Life]) -> frozenset[int]:
        """Which of them wait for an admin: what the daemon decides, over the simulated fleet."""
        decided = braked(self.brake, [life.ticket for life in due], self._fleet, self.rules.lease)
        if decided.pulls:
            self._pull(decided.pulls)
        return decided.waiting

    def _ticket(self, number: int) -> Ticket | None:
        life = self.lives.get(number)
        return None if life is None else life.ticket

    def _is_destructive(self, ticket: Ticket) -> bool:
        step = self._looked_at[ticket.id] = self._decided(self.lives[ticket.id], self._time_passed())
        return isinstance(step, Step) and step.destructive

    def _time_passed(self) -> TimePassed:
        blind = self._blind()
        return TimePassed(blind=blind.why if blind else "")

    def _pull(self, tickets: Mapping[int, int]) -> None:
        self.brake = Brake(self.brake.number + 1 if self.brake else 1, tickets)
        for admin in self.admins:
            note = f"{len(tickets)} machines would be stopped or removed at once"
            self._note(None, What.LETTER, Letter.ADMIN_BRAKE.value, note, to=admin.address)
        if self.scenario.brake_after is not None:
            self._mail(self.now + self.scenario.brake_after, self.brake.number, None)

    def _put_off(self, life: _Life, why: str, until: datetime) -> None:
        life.since = life.since or life.ticket.due_at
        life.why = why
        life.ticket = replace(life.ticket, due_at=until)
        self._wakes(life.ticket)

    def _woken(self, life: _Life) -> None:
        planned = life.since or life.ticket.due_at or self.now
        before = life.ticket
        looked, blind = self._looked_at.pop(before.id, None), self._blind()  # taken: a ticket may be due twice at once
        step = looked or self._decided(life, self._time_passed())
        if isinstance(step, Refusal):
            raise AssertionError(f"ticket #{before.id} was due and may do nothing: {step.why}")
        if not step.effects and step.ticket.state is before.state:
            if blind is not None and step.ticket.due_at == self.now + LOOK_AGAIN:
                self._put_off(life, blind.why, blind.until)  # every look before that would end alike
                return
            if not_now(before, self._about(before, life)):
                life.since, life.why = planned, self._speaks_against(before)
        late = life.why or self._outage_at(planned)
        if step.effects or step.ticket.state is not before.state:
            life.since, life.why = None, ""
        if late:
            life.trouble = late
        if step.summary and step.ticket.end_date != before.end_date:
            late = late or life.trouble
        if not step.effects and step.summary:
            self._note(life, What.MOVE, "moved", step.summary)
        self._happens(life, step, planned, late)

    def _speaks_against(self, ticket: Ticket) -> str:
        return f"held: {ticket.held}" if ticket.held else "nothing is stopped or removed on closed days"

    def _outage_at(self, planned: datetime) -> str:
        for outage in self.outages:
            if outage.since <= planned < outage.until:
                return f"the bot was off from {outage.since:%Y-%m-%d %H:%M} to {outage.until:%Y-%m-%d %H:%M} UTC"
        return ""

    def _happens(self, life: _Life, step: Step, planned: datetime | None, late: str) -> None:
        """What a committed turn does: the ticket, cancelled rows, new rows; then the ticket's next waking."""
        before = life.ticket
        life.ticket = step.ticket
        self.living += (step.ticket.state in LIVING) - (before.state in LIVING)
        if step.ticket.lease_from != before.lease_from:
            life.trouble = ""
        for row in life.waiting:
            row.cancelled = row.cancelled or row.effect.key.startswith(step.cancel)
        for effect in step.effects:
            self._row(life, effect, planned, late, step.summary)
        if step.ticket.due_at is not None:
            self._wakes(step.ticket)

    # effects

    def _row(self, life: _Life, effect: Effect, planned: datetime | None, late: str, note: str) -> None:
        if effect.key in life.keys:
            return
        life.keys.add(effect.key)
        row = _Row(effect, planned, late, note)
        life.waiting.append(row)
        at = effect.not_before or self.now
        heapq.heappush(self._rows, (at, next(self._numbers), life.ticket.id, row))

    def _work_off(self) -> None:
        """Letters and machines whose time has come."""
        while self._ready(self._rows):
            _at, _number, ticket_id, row = heapq.heappop(self._rows)
            life = self.lives[ticket_id]
            life.waiting.remove(row)
            if row.cancelled:
                continue
            if row.effect.action is Action.LETTER:
                self._sent(life, row)
            else:
                self._done(life, row)

    def _sent(self, life: _Life, row: _Row) -> None:
        effect, letter = row.effect, row.effect.letter
        if letter is None or is_void(effect.notice, life.ticket):
            return
        at = self.now + self.scenario.mail_delay
        message_id = f"<{life.ticket.id}.{effect.key}.{next(self._numbers)}@simulated.invalid>"
        answer = "250 2.0.0 Ok: simulated"
        life.accepted.append(
            Accepted(letter.value, effect.key, effect.to, message_id, at, answer, notice=effect.notice)
        )
        self._note(life, What.LETTER, letter.value, row.note, at=at, row=row)
        if KINDS[letter].audience is Audience.OWNER:
            self._may_come_back(life, letter, effect.to, message_id)
            for read_at, event in self.owners.answers(life.ticket, letter, self.now):
                self._mail(read_at, life.ticket.id, event)
        elif letter is Letter.ADMIN_UNPROVEN and self.scenario.decide_after is not None:
            self._mail(self.now + self.scenario.decide_after, life.ticket.id, Proceeded(_BY_ADMIN))

    def _may_come_back(self, life: _Life, letter: Letter, to: str, message_id: str) -> None:
        if letter in life.bounces:
            life.bounces.remove(letter)
        elif self.random.random() >= self.scenario.bounce_share:
            return
        other = next((one for one in life.addresses if one != to), "")
        by = Actor(Role.MACHINE, "mailer-daemon", message_id=message_id)
        event = Returned(to, True, "550 5.1.1 simulated: no such user", letter.value, other, by)
        self._mail(self.now + self.scenario.mail_delay + BOUNCES_AFTER, life.ticket.id, event)

    def _done(self, life: _Life, row: _Row) -> None:
        """A machine's step: it succeeds at once, where the ticket still wants it."""
        action, ticket = row.effect.action, life.ticket
        if ticket.state is not _WANTED.get(action):
            return
        self._note(life, What.ACTION, action.value, row.note, row=row)
        for event in self._follows(action, ticket):
            step = self._decided(life, event)
            if isinstance(step, Step):
                self._happens(life, step, None, "")

    def _follows(self, action: Action, ticket: Ticket) -> Iterator[Event]:
        if action is Action.BUILD:
            if ticket.site is None:
                yield Placed("simulated")
            yield Built(Login("", "", (), ()))
        elif action is Action.RETIRE:
            yield Retired()
        elif action is Action.DELETE_DISK:
            yield DiskDeleted()

    def _note(
        self, life: _Life | None, what: What, name: str, note: str, *,
        to: str = "", key: str = "", at: datetime | None = None, row: _Row | None = None,
    ) -> None:  # fmt: skip
        ticket = life.ticket if life else None
        self.entries.append(
            Entry(
                at or self.now,
                ticket.id if ticket else 0,
                ticket.username if ticket else "",
                what,
                name,
                note,
                row.effect.to if row else to,
                row.planned if row else None,
                row.late if row else "",
                row.effect.key if row else key,
                ticket.state if ticket else None,
                ticket.end_date if ticket else None,
            )
        )


_BY_ADMIN = Actor(Role.ADMIN, "simulated")
_WANTED = {
    Action.BUILD: TicketState.APPROVED,
    Action.STOP: TicketState.EXPIRED,
    Action.START: TicketState.ACTIVE,
    Action.RETIRE: TicketState.RETIRING,
    Action.DELETE_DISK: TicketState.ARCHIVED,
}
"""The state in which a machine's step is still wanted: an extension makes a waiting stop void."""
