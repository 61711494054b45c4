"""The turn for letters: claim, compose, send, settle."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from mailbot import journal
from mailbot.errors import Conflict, DirectoryUnavailable, LeaseLost, LetterRefused, MailServerUnavailable
from mailbot.letters.catalogue import KINDS
from mailbot.letters.compose import composing
from mailbot.letters.kinds import Audience
from mailbot.letters.troubles import AdminUndelivered
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.lease import NOTICES
from mailbot.model import (
    Action,
    Effect,
    OutboundMail,
    OutboxItem,
    Refusal,
    Returned,
    Ticket,
    Turn,
)
from mailbot.ports import EarlyPostman, Handover, Postman, Settled
from mailbot.timetable import pause_after
from mailbot.turns import sight
from mailbot.turns.bounces import other_address
from mailbot.turns.context import TurnContext, turn_of
from mailbot.turns.leases import LEASE_SECONDS, Leases
from mailbot.turns.outdated import NotTheirs, as_of, is_moot, is_void, readdressed
from parsers.translatable import NOTHING, Translatable, named, say, words_of

CLAIM = 100
"""Letters claimed at once."""
SLOW = timedelta(minutes=5)
"""A mail server that takes so long for a batch has the rest of it put back: another daemon may be quicker."""
STALE = timedelta(seconds=10)
"""A letter that waited longer, written, for the one before is written again, and so is one before which a letter failed."""
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


Delivery: TypeAlias = Generator[Callable[[], bool], None, tuple[int, bool]]
"""Stops after each letter, and gives what goes on meanwhile (`_Batch.go_on`): without waiting, and without the store.

At the end: how many letters were accepted, and whether more may be sent now.
"""


def deliver(context: TurnContext, postman: Postman, stopping: Callable[[], bool] = lambda: False) -> int:
    """Send every letter whose time has come; give how many were accepted."""
    accepted, more = 0, True
    while more and not stopping():
        delivery = a_batch(context, postman, stopping)
        while True:
            try:
                next(delivery)
            except StopIteration as over:
                number, more = over.value
                accepted += number
                break
    return accepted


def a_batch(context: TurnContext, postman: Postman, stopping: Callable[[], bool] = lambda: False) -> Delivery:
    """Send a batch of the letters whose time has come, and let others go on after each of them.

    1. Claim the batch: each attempt is on record before it is made.
    2. Compose each letter from its row and its ticket as it is now, while the server takes the one before; hand it to the server.
    3. Settle: accepted (with the server's answer as proof), to be tried again, or given up.
    4. When the server is gone, or whoever sends is `stopping`, the rest of the batch is put back without counting.
    """
    now = context.clock.now()
    items = context.store.claim((Action.LETTER,), now, CLAIM, LEASE_SECONDS)
    if not items:
        return 0, False
    with Leases(context, items) as leases:
        batch = _Batch(context, _beginning(postman), leases, max(1, len(items) // GROUPS), now + SLOW, stopping)
        try:
            for number, item in enumerate(items):
                if number % batch.group == 0:
                    batch.look_ahead(items[number : number + batch.group])
                batch.send(item)
                yield batch.go_on
            batch.all_written = True
            while batch.is_busy():
                yield batch.go_on
                batch.take_up()
        finally:  # what the server has taken is settled, whatever becomes of the others
            batch.end()
    _observe(context, batch)
    if batch.gone:
        journal.connection_lost(server="smtp", why=batch.gone)
    elif batch.accepted:
        journal.connection_works(server="smtp")
    return batch.accepted, not batch.gone


def _observe(context: TurnContext, batch: _Batch) -> None:
    """Whether letters leave at all: what one address refuses is no trouble of the mail server."""
    if batch.accepted:
        sight.can(context, sight.Sense.MAIL_SERVER, context.clock.now())
    elif batch.gone or len(batch.put_off) > 1:
        why = batch.gone or next(iter(batch.put_off.values()))
        sight.cannot(context, sight.Sense.MAIL_SERVER, why, context.clock.now())


_Begin: TypeAlias = Callable[[OutboundMail], Handover]
"""See `EarlyPostman.begin`."""


def _beginning(postman: Postman) -> _Begin:
    """How letters are begun; by a postman that waits for each, the whole is done at once."""
    return postman.begin if isinstance(postman, EarlyPostman) else partial(_AtOnce, postman)


class _AtOnce:
    """`Handover` to a postman that waits for each letter."""

    def __init__(self, postman: Postman, letter: OutboundMail) -> None:
        self._answer = ""
        self._error: Exception | None = None
        try:
            self._answer = postman.send(letter)
        except Exception as error:  # noqa: BLE001 - it is told to whoever asks for the answer
            self._error = error

    def go_on(self) -> bool:
        return True

    def answer(self) -> str:
        if self._error is not None:
            raise self._error
        return self._answer


@dataclass(frozen=True, slots=True)
class _Written:
    """A letter that waits until the server has answered to the one before."""

    item: OutboxItem
    letter: OutboundMail
    since: datetime


@dataclass(frozen=True, slots=True)
class _OnItsWay:
    """A letter that was begun."""

    written: _Written
    handover: Handover


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
    tickets_as_of: datetime | None = None
    """Since when they are known: they are read again after a while."""
    on_its_way: _OnItsWay | None = None
    failure: tuple[OutboxItem, Exception] | None = None
    """A letter that failed, where nothing follows from that yet: it takes the store."""
    written: _Written | None = None
    """The next letter."""
    all_written: bool = False
    """No other letter follows."""

    def send(self, item: OutboxItem) -> None:
        self._make_room()
        now = self.context.clock.now()
        if self.gone:
            self.settled.append(Settled(item, retry_at=now + FIRST_RETRY, error=self.gone, counted=False))
            return
        if self._is_over(now):
            self._put_back(item, now)
            return
        if self.tickets_as_of is not None and now - self.tickets_as_of > STALE:
            self.tickets, self.tickets_as_of = {}, now
        try:
            item = readdressed(self.context, item, self._ticket(item))
        except DirectoryUnavailable as error:
            self.settled.append(Settled(item, retry_at=now + FIRST_RETRY, error=words_of(error), counted=False))
            return
        except NotTheirs as error:
            self.settled.append(Settled(item, error=str(error), void=True))
            return
        if is_void(item.effect.notice, self._ticket(item)) or is_moot(item, self._ticket(item)):
            self.settled.append(Settled(item, error="no longer true when its turn came", void=True))
            return
        if self.leases.holds(item):  # else another daemon sends it, or nobody, because it was cancelled
            self._write(item, now)

    def go_on(self) -> bool:
        """Go on with the letter that is on its way, and with the one after it; whether `send` (at the end, `take_up`) would not wait.

        Nothing is waited for, and the store is not asked: others may be in the middle of a turn.
        """
        if self.on_its_way is not None and self.on_its_way.handover.go_on():
            self._hear(self.on_its_way)
        written = self.written
        if written is not None and self.on_its_way is None and self.failure is None and len(self.settled) < self.group:
            self._begin(written)
        return self.on_its_way is None or (self.written is None and not self.all_written)

    def is_busy(self) -> bool:
        return self.on_its_way is not None or self.failure is not None or self.written is not None

    def take_up(self) -> None:
        """Wait for the server's answer, see to what follows from it, and begin the letter that is written; it is written again where it may hold no more."""
        failed = self._conclude()
        if len(self.settled) >= self.group:
            self.flush()
        written = self.written
        if written is not None and (failed or not self._begin(written)):
            self.written = None
            if written.item.ticket_id is not None:
                self.tickets.pop(written.item.ticket_id, None)
            self.send(written.item)  # as things are by now

    def _write(self, item: OutboxItem, now: datetime) -> None:
        """Write a letter, while the one before is on its way."""
        pieces = composing(as_of(now, item), self._ticket(item), self.context.letters, now)
        while True:
            try:
                next(pieces)
            except StopIteration as whole:
                self.written = _Written(item, whole.value, self.context.clock.now())
                break
            except Exception as error:  # noqa: BLE001 - a letter that cannot be written never stops the others
                journal.letter_unwritable(item.ticket_id, row=item.id, letter=_name(item), error=error)
                why = say("The message could not be written: {error}", error=named(error))
                self._give_up(item, why, now)
                return
            self.go_on()
        self.go_on()

    def _make_room(self) -> None:
        """Wait until a letter can be written."""
        while self.written is not None or self.failure is not None:
            self.take_up()
        if len(self.settled) >= self.group:
            self.flush()

    def _begin(self, written: _Written) -> bool:
        """Begin to hand it over; False where it waited for too long."""
        now = self.context.clock.now()
        if self.gone or now - written.since > STALE or self._is_over(now):
            return False
        self.written = None
        self.on_its_way = _OnItsWay(written, self.begin(written.letter))
        return True

    def _is_over(self, now: datetime) -> bool:
        return now >= self.until or self.stopping()

    def _hear(self, sent: _OnItsWay) -> None:
        """What the server says of the letter that was begun; waited for where `go_on` did not come to its end."""
        self.on_its_way, item = None, sent.written.item
        try:
            answer = sent.handover.answer()
        except Exception as error:  # noqa: BLE001 - one letter never stops the others
            self.failure = item, error
            return
        self.accepted += 1
        journal.letter_sent(item.ticket_id, row=item.id, letter=_name(item), to=item.effect.to, answer=answer)
        self.settled.append(Settled(item, done=True, message_id=sent.written.letter.message_id, proof=answer))

    def _conclude(self) -> bool:
        """Wait for the letter that is on its way, and see to what follows where it failed; whether it did."""
        if self.on_its_way is not None:
            self._hear(self.on_its_way)
        failure, self.failure = self.failure, None
        if failure is not None:
            self._failed(*failure, self.context.clock.now())
        return failure is not None

    def _failed(self, item: OutboxItem, error: Exception, now: datetime) -> None:
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
        self.tickets = {item.ticket_id: None for item in items if item.ticket_id is not None}
        self.tickets_as_of = self.context.clock.now()
        if self.tickets:
            self.tickets.update(self.context.store.tickets_by_number(sorted(self.tickets)))

    def end(self) -> None:
        """Settle all of the batch.  Where it was broken off: what is on its way is waited for, and what is written is put back."""
        self._conclude()
        if self.written is not None:
            self._put_back(self.written.item, self.context.clock.now())
        self.flush()

    def _put_back(self, item: OutboxItem, now: datetime) -> None:
        self.settled.append(Settled(item, retry_at=now, error="put back before it was begun", counted=False))

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


def _undelivered(context: TurnContext, item: OutboxItem, why: str) -> tuple[Effect, ...]:
    letter = item.effect.letter
    if letter is None or KINDS[letter].audience is Audience.ADMIN:
        return ()
    undelivered = AdminUndelivered(address=item.effect.to, what=KINDS[letter].called, why=why)
    return context.letter_to_admins(undelivered, f"{item.id}")


def _name(item: OutboxItem) -> str:
    return item.effect.letter.value if item.effect.letter else item.effect.action.value
