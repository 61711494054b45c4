"""The turn for letters: claim, compose, send, settle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import assert_never

from mailbot import journal
from mailbot.errors import Conflict, DirectoryUnavailable, LeaseLost, LetterRefused, MailServerUnavailable
from mailbot.letters.catalogue import KINDS
from mailbot.letters.kinds import Audience
from mailbot.letters.piecemeal import Piecemeal
from mailbot.letters.troubles import AdminUndelivered
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.lease import NOTICES
from mailbot.lifecycle.notice import of_end_date, of_removal
from mailbot.model import (
    Action,
    Effect,
    Letter,
    Notice,
    NoticeOf,
    OutboundMail,
    OutboxItem,
    OwnerState,
    Refusal,
    Returned,
    Ticket,
    TicketState,
    Turn,
)
from mailbot.ports import EarlyPostman, Postman, Settled
from mailbot.timetable import pause_after
from mailbot.turns import owners, sight
from mailbot.turns.bounces import other_address
from mailbot.turns.context import TurnContext, turn_of
from mailbot.turns.leases import LEASE_SECONDS, Leases
from parsers.translatable import NOTHING, Translatable, named, say, words_of

CLAIM = 100
"""Letters claimed at once."""
SLOW = timedelta(minutes=5)
"""A mail server that takes so long for a batch has the rest of it put back: another daemon may be quicker."""
STALE = timedelta(seconds=10)
"""A letter that waited longer, written, for the answer to the one before is written again, and so is one before which a letter failed."""
GROUPS = 10
"""A batch is settled in so many parts (a small one letter by letter): what a crash can send twice stays small."""
GIVE_UP_AFTER = timedelta(days=5)
"""For how long of answers a letter is tried; RFC 5321 section 4.5.4.1 asks for four to five days."""
FIRST_RETRY = timedelta(minutes=2)
LONGEST_RETRY = timedelta(hours=4)


def _pause(attempts: int) -> timedelta:
    """How long a letter rests after so many attempts that a server answered."""
    return pause_after(attempts, FIRST_RETRY, LONGEST_RETRY)


def most_attempts() -> int:
    """So many answered attempts fill `GIVE_UP_AFTER`: time in which no server answered, or the bot was off, does not count."""
    attempts, waited = 0, timedelta()
    while waited < GIVE_UP_AFTER:
        attempts += 1
        waited += _pause(attempts)
    return attempts


MOST_ATTEMPTS = most_attempts()


def deliver(context: TurnContext, postman: Postman, stopping: Callable[[], bool] = lambda: False) -> int:
    """Send every letter whose time has come; give how many were accepted.

    1. Claim a batch: each attempt is on record before it is made.
    2. Compose each letter from its row and its ticket as it is now, while the server takes the one before; hand it to the server.
    3. Settle: accepted (with the server's answer as proof), to be tried again, or given up.
    4. When the server is gone, or whoever sends is `stopping`, the rest of the batch is put back without counting.
    """
    accepted = 0
    while not stopping():
        now = context.clock.now()
        items = context.store.claim((Action.LETTER,), now, CLAIM, LEASE_SECONDS)
        if not items:
            return accepted
        with Leases(context, items) as leases:
            batch = _Batch(context, _beginning(postman), leases, max(1, len(items) // GROUPS), now + SLOW, stopping)
            try:
                for number, item in enumerate(items):
                    if number % batch.group == 0:
                        batch.look_ahead(items[number : number + batch.group])
                    batch.send(item)
            finally:  # what the server has taken is settled, whatever becomes of the others
                batch.end()
        accepted += batch.accepted
        _observe(context, batch)
        if batch.gone:
            journal.connection_lost(server="smtp", why=batch.gone)
            return accepted
        if batch.accepted:
            journal.connection_works(server="smtp")
    return accepted


def _observe(context: TurnContext, batch: _Batch) -> None:
    """Whether letters leave at all: what one address refuses is no trouble of the mail server."""
    if batch.accepted:
        sight.can(context, sight.Sense.MAIL_SERVER, context.clock.now())
    elif batch.gone or len(batch.put_off) > 1:
        why = batch.gone or next(iter(batch.put_off.values()))
        sight.cannot(context, sight.Sense.MAIL_SERVER, why, context.clock.now())


_Begin = Callable[[OutboundMail, Callable[[], None]], Callable[[], str]]
"""See `EarlyPostman.begin`."""


def _beginning(postman: Postman) -> _Begin:
    """How letters are begun; by a postman that waits for each, the whole is done at once."""

    def at_once(letter: OutboundMail, _meanwhile: Callable[[], None]) -> Callable[[], str]:
        answer = postman.send(letter)
        return lambda: answer

    return postman.begin if isinstance(postman, EarlyPostman) else at_once


@dataclass(frozen=True, slots=True)
class _OnItsWay:
    """A letter that the server has, and whose answer is waited for only when the next one is written."""

    item: OutboxItem
    message_id: str
    at: datetime
    answer: Callable[[], str]


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A letter that is being written before its turn, and what it is written from."""

    item: OutboxItem
    ticket: Ticket | None
    letter: Piecemeal

    def holds(self, item: OutboxItem, ticket: Ticket | None, now: datetime) -> bool:
        """Whether it is what would be written now of that row and ticket."""
        same = self.item is item and self.ticket is ticket
        return same and not self.letter.failed and now - self.letter.now <= STALE


@dataclass
class _Batch:
    context: TurnContext
    begin: _Begin
    leases: Leases
    group: int
    until: datetime
    """From then on what is left of the batch is put back: a letter can take minutes, and another daemon must not have it too."""
    stopping: Callable[[], bool]
    accepted: int = 0
    gone: Translatable = NOTHING
    put_off: dict[str, Translatable] = field(default_factory=dict)
    """Addresses whose letter the server refused for now, and what it said."""
    settled: list[Settled] = field(default_factory=list)
    tickets: dict[int, Ticket | None] = field(default_factory=dict)
    on_its_way: _OnItsWay | None = None
    following: dict[int, OutboxItem] = field(default_factory=dict)
    """Which row comes after a row, where the ticket of both is read."""
    ahead: _Ahead | None = None

    def send(self, item: OutboxItem) -> None:
        now = self.context.clock.now()
        if self.gone:
            self.settled.append(Settled(item, retry_at=now + FIRST_RETRY, error=self.gone, counted=False))
            return
        if now >= self.until or self.stopping():
            self.settled.append(Settled(item, retry_at=now, error="the mail server was slow", counted=False))
            return
        try:
            item = _readdressed(self.context, item, self._ticket(item))
        except DirectoryUnavailable as error:
            self.settled.append(Settled(item, retry_at=now + FIRST_RETRY, error=words_of(error), counted=False))
            return
        except _NotTheirs as error:
            self.settled.append(Settled(item, error=str(error), void=True))
            return
        if is_void(item.effect.notice, self._ticket(item)) or is_moot(item, self._ticket(item)):
            self.settled.append(Settled(item, error="no longer true when its turn came", void=True))
            return
        if self.leases.holds(item):  # else another daemon sends it, or nobody, because it was cancelled
            self._hand_over(item, now)
        if len(self.settled) >= self.group:
            self.flush()

    def _hand_over(self, item: OutboxItem, now: datetime) -> None:
        try:
            letter = self._piecemeal(item, now).written()
        except Exception as error:  # noqa: BLE001 - a letter that cannot be written never stops the others
            journal.letter_unwritable(item.ticket_id, row=item.id, letter=_name(item), error=error)
            self._give_up(item, say("The message could not be written: {error}", error=named(error)), now)
            return
        if not self._hear():
            if item.ticket_id is not None:
                self.tickets.pop(item.ticket_id, None)
            self.send(item)  # as things are by now
            return
        if len(self.settled) >= self.group:
            self.flush()
        try:
            answer = self.begin(letter, self._meanwhile(item, now))
        except Exception as error:  # noqa: BLE001 - nor does one that cannot be handed over
            self._failed(item, error, now)
        else:
            self.on_its_way = _OnItsWay(item, letter.message_id, now, answer)

    def _piecemeal(self, item: OutboxItem, now: datetime) -> Piecemeal:
        """The letter as it was begun while the one before was handed over, if nothing that it says can have changed since; else anew."""
        ahead, self.ahead = self.ahead, None
        ticket = self._ticket(item)
        if ahead is not None and ahead.holds(item, ticket, now):
            return ahead.letter
        return Piecemeal(_as_of(now, item), ticket, self.context.letters, now)

    def _meanwhile(self, item: OutboxItem, now: datetime) -> Callable[[], None]:
        """What to do while the server is waited for: write the next letter."""
        following = self.following.get(item.id)
        if following is None or (following.ticket_id is not None and following.ticket_id not in self.tickets):
            return lambda: None
        ticket = self._ticket(following)
        letter = Piecemeal(_as_of(now, following), ticket, self.context.letters, now)
        self.ahead = _Ahead(following, ticket, letter)
        return letter.go_on

    def _hear(self) -> bool:
        """Wait for what the server says of the letter that it has; False where what was written meanwhile may hold no more."""
        if self.on_its_way is None:
            return True
        sent, self.on_its_way = self.on_its_way, None
        item, asked = sent.item, self.context.clock.now()
        try:
            answer = sent.answer()
        except Exception as error:  # noqa: BLE001 - one letter never stops the others
            self._failed(item, error, sent.at)
            return False
        self.accepted += 1
        journal.letter_sent(item.ticket_id, row=item.id, letter=_name(item), to=item.effect.to, answer=answer)
        self.settled.append(Settled(item, done=True, message_id=sent.message_id, proof=answer))
        return self.context.clock.now() - asked <= STALE

    def _failed(self, item: OutboxItem, error: Exception, now: datetime) -> None:
        self.ahead = None  # what follows from it may have to be said in the next one
        match error:
            case LetterRefused():
                self._refused(item, error, now)
            case MailServerUnavailable():
                self.gone = words_of(error)
                self._again(item, self.gone, now, answered=False)
            case _:
                journal.trouble(about=f"handing over {_name(item)}", error=error)
                self._again(item, named(error), now)

    def look_ahead(self, items: Sequence[OutboxItem]) -> None:
        """Read the tickets of the next few letters, at once and as they are now."""
        self.following = {one.id: after for one, after in pairwise(items)}
        self.tickets = {item.ticket_id: None for item in items if item.ticket_id is not None}
        if self.tickets:
            self.tickets.update(self.context.store.tickets_by_number(sorted(self.tickets)))

    def end(self) -> None:
        """Settle all of the batch."""
        self._hear()
        self.flush()

    def flush(self) -> None:
        """Settle what is known by now."""
        if self.settled:
            self.context.store.settle(self.settled, self.context.clock.now())
            self.settled = []

    def _ticket(self, item: OutboxItem) -> Ticket | None:
        if item.ticket_id is None:
            return None
        if item.ticket_id not in self.tickets:
            self.tickets[item.ticket_id] = self.context.store.ticket(item.ticket_id)
        return self.tickets[item.ticket_id]

    def _refused(self, item: OutboxItem, error: LetterRefused, now: datetime) -> None:
        if error.permanent:
            journal.letter_refused(
                item.ticket_id,
                row=item.id,
                letter=_name(item),
                to=item.effect.to,
                answer=f"{error.code} {error.answer}",
            )
            self._give_up(item, words_of(error), now, refused=True)
        else:
            self.put_off[item.effect.to] = words_of(error)
            self._again(item, words_of(error), now)

    def _again(self, item: OutboxItem, why: str, now: datetime, *, answered: bool = True) -> None:
        """Later; the attempt counts only where the server answered."""
        if answered and item.attempts >= MOST_ATTEMPTS:
            failed = say("Not delivered in {number} attempts: {why}", number=item.attempts, why=why)
            self._give_up(item, failed, now)
            return
        retry_at = now + (_pause(item.attempts) if answered else FIRST_RETRY)
        journal.letter_postponed(
            item.ticket_id,
            row=item.id,
            letter=_name(item),
            to=item.effect.to,
            attempt=item.attempts,
            retry_at=retry_at,
            why=why,
        )
        self.settled.append(Settled(item, retry_at=retry_at, error=why, counted=answered))

    def _give_up(self, item: OutboxItem, why: str, now: datetime, *, refused: bool = False) -> None:
        """The letter will not arrive: admins are told, unless it was one of theirs.

        Notice that the server refuses for good has come back: it goes to another address, as after a bounce.
        """
        self.flush()
        after = _came_back(self.context, item, why, now) if refused else None
        if after is None:
            after = Turn(now=now, about_ticket=item.ticket_id, effects=_undelivered(self.context, item, why))
        if item.ticket_id is not None:
            self.tickets.pop(item.ticket_id, None)
        with suppress(
            Conflict, LeaseLost
        ):  # cancelled, or claimed by another daemon: then it is no longer ours to give up
            self.context.store.settle_with(Settled(item, error=why), after)


def _came_back(context: TurnContext, item: OutboxItem, why: str, now: datetime) -> Turn | None:
    """What follows for the ticket from notice that was refused; None for other letters."""
    ticket = context.store.ticket(item.ticket_id) if item.ticket_id is not None else None
    if ticket is None or item.effect.letter not in NOTICES:
        return None
    other = ""
    with suppress(DirectoryUnavailable):
        other = other_address(context, ticket, item.effect.to)
    event = Returned(item.effect.to, True, why, _name(item), other)
    step = decide(ticket, event, context.circumstances(now, ticket))
    return None if isinstance(step, Refusal) else turn_of(event, ticket, step, now)


def _as_of(now: datetime, item: OutboxItem) -> OutboxItem:
    """The row with the days that are left now: a letter may have waited for a mail server."""
    facts, waited = item.effect.facts, round((now - item.created_at) / timedelta(days=1))
    if "days_left" not in facts:
        return item
    fresh = {**facts, "days_left": max(facts["days_left"] - max(waited, 0), 0)}
    return replace(item, effect=replace(item.effect, facts=fresh))


def _undelivered(context: TurnContext, item: OutboxItem, why: str) -> tuple[Effect, ...]:
    letter = item.effect.letter
    if letter is None or KINDS[letter].audience is Audience.ADMIN:
        return ()
    undelivered = AdminUndelivered(address=item.effect.to, what=KINDS[letter].called, why=why)
    return context.letter_to_admins(undelivered, f"{item.id}")


def is_void(notice: Notice | None, ticket: Ticket | None) -> bool:
    """A warning that waited while its lease was extended, given back or ended: it is not sent any more."""
    if ticket is None or notice is None:
        return False
    match notice.of:
        case NoticeOf.STOP:
            return ticket.state is not TicketState.ACTIVE or not of_end_date(ticket)(notice)
        case NoticeOf.REMOVAL:
            return ticket.state is not TicketState.EXPIRED or not of_removal(ticket)(notice)
        case NoticeOf.MOVE:
            return ticket.state is not TicketState.ACTIVE
        case NoticeOf.DISK:
            return False
        case _:
            assert_never(notice.of)


def is_moot(item: OutboxItem, ticket: Ticket | None) -> bool:
    """A question that waited for a mail server while somebody answered it: what it asks is not asked any more."""
    if ticket is None or item.effect.letter is None:
        return False
    match item.effect.letter:
        case Letter.ADMIN_DECISION | Letter.ADMIN_REMINDER | Letter.ADMIN_BUILD_FAILED | Letter.ADMIN_UNPROVEN:
            return item.version != ticket.version
        case Letter.REQUEST_RECEIVED:
            return ticket.state is not TicketState.PENDING
        case Letter.CONFIRM_REQUEST:
            return ticket.state is not TicketState.UNCONFIRMED
        case Letter.RELEASE_CONFIRM:
            return ticket.release_asked_at is None
        case Letter.REINSTALL_CONFIRM:
            return ticket.reinstall_asked_at is None
        case _:
            return False


class _NotTheirs(Exception):
    """The address belongs to somebody else by now, who learns nothing of the machine."""


_MAY_BE_ANOTHERS = frozenset({OwnerState.GONE, OwnerState.SUCCEEDED})


def _readdressed(context: TurnContext, item: OutboxItem, ticket: Ticket | None) -> OutboxItem:
    """A letter about a user goes to an address that the directory has for them when it is sent.

    Somebody who has left is written to at the last address, unless it is another's now: then it raises _NotTheirs.  While
    the directory is away, the last address is used; where the owner had left by then already, DirectoryUnavailable.
    """
    letter = item.effect.letter
    if ticket is None or letter is None or KINDS[letter].audience is not Audience.OWNER:
        return item
    if letter is Letter.VM_PASSED_ON:  # about somebody else's machine by now: its reader is who had it
        facts = item.effect.facts
        ticket = replace(ticket, person_id=facts.get("former_id", ""), renamed_to=facts["former_login"])
    try:
        person = owners.owner_of(context, ticket)
        other = context.directory.by_address(item.effect.to) if person is None else None
    except DirectoryUnavailable:
        if ticket.owner in _MAY_BE_ANOTHERS:
            raise
        return item
    if other is not None:
        raise _NotTheirs(f"{item.effect.to} belongs to somebody else now")
    if person is not None and item.effect.to.lower() not in {one.lower() for one in person.addresses}:
        return replace(item, effect=replace(item.effect, to=person.email))
    return item


def _name(item: OutboxItem) -> str:
    return item.effect.letter.value if item.effect.letter else item.effect.action.value
