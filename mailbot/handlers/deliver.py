"""The turn for letters: claim, compose, send, settle."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailbot import journal
from mailbot.errors import Conflict, LetterRefused, MailServerUnavailable
from mailbot.handlers.office import Office
from mailbot.letters import KINDS, Audience, compose
from mailbot.lifecycle.notice import removal_prefix, warned_prefix
from mailbot.model import Action, Effect, Letter, OutboxItem, Ticket, TicketState, Turn
from mailbot.ports import Postman, Settled

CLAIM = 100
"""Letters claimed at once; their lease outlasts a slow batch."""
LEASE_SECONDS = 600.0
GROUPS = 10
"""A batch is settled in so many parts (a small one letter by letter): what a crash can send twice stays small."""
GIVE_UP_AFTER = timedelta(days=5)
"""How long a letter is tried; RFC 5321 section 4.5.4.1 asks for four to five days."""
FIRST_RETRY = timedelta(minutes=2)
LONGEST_RETRY = timedelta(hours=4)


def deliver(office: Office, postman: Postman) -> int:
    """Send every letter whose time has come; give how many were accepted.

    1. Claim a batch: each attempt is on record before it is made.
    2. Compose each letter from its row and its ticket as it is now; hand it to the mail server.
    3. Settle: accepted (with the server's answer as proof), to be tried again, or given up.
    4. When the server is gone, the rest of the batch is put back without counting.
    """
    accepted = 0
    while True:
        now = office.clock.now()
        items = office.store.claim((Action.LETTER,), now, CLAIM, LEASE_SECONDS)
        if not items:
            return accepted
        batch = _Batch(office, postman, max(1, len(items) // GROUPS))
        for item in items:
            batch.send(item)
        batch.flush()
        accepted += batch.accepted
        if batch.gone:
            return accepted


@dataclass
class _Batch:
    office: Office
    postman: Postman
    group: int
    accepted: int = 0
    gone: str = ""
    settled: list[Settled] = field(default_factory=list)
    tickets: dict[int, Ticket | None] = field(default_factory=dict)

    def send(self, item: OutboxItem) -> None:
        now = self.office.clock.now()
        if is_void(item.effect.key, self._ticket(item)):
            self.settled.append(Settled(item, error="no longer true when its turn came"))
            return
        if self.gone:
            self.settled.append(Settled(item, retry_at=now + FIRST_RETRY, error=self.gone, counted=False))
            return
        try:
            letter = compose(item, self._ticket(item), self.office.letters, now)
        except Exception as error:  # noqa: BLE001 - a letter that cannot be written never stops the others
            journal.letter_unwritable(item.ticket_id, row=item.id, letter=_name(item), error=error)
            self._give_up(item, f"the letter could not be written: {error}", now)
            return
        try:
            answer = self.postman.send(letter)
        except LetterRefused as error:
            self._refused(item, error, now)
        except MailServerUnavailable as error:
            self.gone = str(error)
            self._again(item, self.gone, now)
        else:
            self.accepted += 1
            journal.letter_sent(item.ticket_id, row=item.id, letter=_name(item), to=item.effect.to, answer=answer)
            self.settled.append(Settled(item, done=True, message_id=letter.message_id, proof=answer))
        if len(self.settled) >= self.group:
            self.flush()

    def flush(self) -> None:
        if self.settled:
            self.office.store.settle(self.settled, self.office.clock.now())
            self.settled = []

    def _ticket(self, item: OutboxItem) -> Ticket | None:
        if item.ticket_id is None:
            return None
        if item.ticket_id not in self.tickets:
            self.tickets[item.ticket_id] = self.office.store.ticket(item.ticket_id)
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
            self._give_up(item, str(error), now)
        else:
            self._again(item, str(error), now)

    def _again(self, item: OutboxItem, why: str, now: datetime) -> None:
        if now - item.created_at >= GIVE_UP_AFTER:
            self._give_up(item, f"not delivered in {GIVE_UP_AFTER.days} days: {why}", now)
            return
        retry_at = now + min(FIRST_RETRY * 2 ** min(item.attempts - 1, 10), LONGEST_RETRY)
        journal.letter_postponed(
            item.ticket_id,
            row=item.id,
            letter=_name(item),
            to=item.effect.to,
            attempt=item.attempts,
            retry_at=retry_at,
            why=why,
        )
        self.settled.append(Settled(item, retry_at=retry_at, error=why))

    def _give_up(self, item: OutboxItem, why: str, now: datetime) -> None:
        """The letter will not arrive: admins are told, unless it was one of theirs."""
        self.flush()
        letter = item.effect.letter
        told = (
            () if letter is None or KINDS[letter].audience is Audience.ADMIN else _undelivered(self.office, item, why)
        )
        with suppress(Conflict):  # cancelled, or claimed by another daemon: then it is no longer ours to give up
            self.office.store.settle_with(
                Settled(item, error=why), Turn(now=now, about_ticket=item.ticket_id, effects=told)
            )


def _undelivered(office: Office, item: OutboxItem, why: str) -> tuple[Effect, ...]:
    return office.letter_to_admins(
        Letter.ADMIN_UNDELIVERED, f"{item.id}", address=item.effect.to, what=_name(item), why=why
    )


def is_void(key: str, ticket: Ticket | None) -> bool:
    """A warning that waited while its lease was extended, given back or ended: it is not sent any more."""
    if ticket is None or not key.startswith(("warning:", "removal:")):
        return False
    if key.startswith("warning:"):
        return ticket.state is not TicketState.ACTIVE or not key.startswith(warned_prefix(ticket))
    return ticket.state is not TicketState.EXPIRED or not key.startswith(removal_prefix(ticket))


def _name(item: OutboxItem) -> str:
    return item.effect.letter.value if item.effect.letter else item.effect.action.value
