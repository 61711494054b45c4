"""What every turn works with: the ports that all of them share, the rules, and the people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from mailbot import journal
from mailbot.errors import Conflict, DirectoryUnavailable
from mailbot.letters.kinds import LetterFacts
from mailbot.letters.questions import Room
from mailbot.letters.settings import LetterSettings
from mailbot.lifecycle.circumstances import Circumstances, Extensions
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.extended import extensions
from mailbot.lifecycle.steps import letter_to
from mailbot.model import (
    WITH_A_DISK,
    Admin,
    Effect,
    Event,
    Facts,
    HistoryEntry,
    LedgerEntry,
    Login,
    OwnerSeen,
    Person,
    Refusal,
    Requested,
    Step,
    Ticket,
    TicketState,
    Turn,
)
from mailbot.policy import reading_rules
from mailbot.ports import Authenticator, Clock, Directory, Store, Zones
from mailbot.rules import Rules
from mailbot.tokens import TokenKeys
from parsers.values import ReadingRules
from provisioner.addressing import Bridge
from provisioner.naming import host_part

PAUSED = "paused"
"""The store's note that the bot is paused: by whom and why."""
CLOSED = "closed"
"""The store's note that no new requests are taken, in the words that requesters read."""
CONFLICT_TRIES = 5
"""How often a turn is decided again when somebody else changed the ticket in between."""


@dataclass(frozen=True, slots=True)
class Known:
    """What need not be read again: `room` for all turns of a pass, once one has asked for it; the rest for the turn of one mail."""

    room: Callable[[], tuple[Room, ...]]
    came: datetime | None = None
    """When the mailbox got that mail."""


@dataclass(frozen=True, slots=True)
class TurnContext:
    """The shared part of every turn.  `letters` also holds the keys of the tokens."""

    store: Store
    directory: Directory
    clock: Clock
    rules: Rules
    admins: tuple[Admin, ...]
    letters: LetterSettings
    own_addresses: frozenset[str] = field(default_factory=frozenset)
    quarantine_folder: str = "Quarantine"
    seal_keys: TokenKeys | None = None
    """What stored mails are encrypted with; None: the keys of the tokens."""
    authenticator: Authenticator | None = None
    """Looks at the signatures of mails themselves; None where the site does not want that."""
    closures: Mapping[str, tuple[tuple[date, date], ...]] = field(default_factory=dict)
    """Per site: first and last days of periods in which nothing destructive happens."""
    shared_pools: Mapping[str, str] = field(default_factory=dict)
    """By host: what a pool is called that other hosts have as well, so that a disk in it is at each of them."""
    receiving: frozenset[str] = frozenset()
    """The hosts that say where they receive machines that move while they run."""
    zones: Zones | None = None
    """Where machines' names are published; None where the site leaves that to libvirt."""
    bridges: Mapping[str, Bridge] = field(default_factory=dict)
    """The bridges of those hosts whose machines hang on one, by host: their addresses are ours to hand out."""
    meanwhile: Callable[[], None] = lambda: None
    """Called between the steps of a turn, outside of transactions: something else goes on, which waits for nothing and does not use the store."""
    known: Known | None = None
    """What was read already for the pass, and for the turn of the mail in it; None: nothing."""

    def reading(self, now: datetime) -> ReadingRules:
        """What the parsers must know of the site at `now`."""
        return reading_rules(
            self.rules, now, own_addresses=self.own_addresses, message_id_domain=self.letters.message_id_domain
        )

    def has_one_pool(self, host: str, other: str) -> bool:
        """Whether two hosts have the same pool."""
        pool = self.shared_pools.get(host)
        return pool is not None and pool == self.shared_pools.get(other)

    def paused(self) -> str:
        """Who paused the bot and why; empty where it acts.  While paused, mail is received and answered, nothing else happens."""
        return self.store.note(PAUSED) or ""

    def closed(self) -> str:
        """Why no new requests are taken, in an admin's words to those who ask; empty where they are."""
        return self.store.note(CLOSED) or ""

    def place_of(self, person: Person) -> tuple[Ticket | None, str]:
        """The ticket that has the place of a new request of that person's, and `closed`; read at once, since each request needs both."""
        taken, closed = self.store.place_and_note(host_part(person.login), person.id, CLOSED)
        return taken, closed or ""

    def in_a_pass(self) -> TurnContext:
        """The same for the turns of one pass."""
        return replace(self, known=Known(cache(self.room)))

    def in_a_turn(self, came: datetime) -> TurnContext:
        """The same for the turn of one mail; `came`: see `Fetched.came`."""
        room = self.known.room if self.known else self.room
        return replace(self, known=Known(room, came))

    def came(self) -> datetime:
        """When the mailbox got the mail of this turn.  What was said in time counts, however late it could be read."""
        return (self.known.came if self.known else None) or self.clock.now()

    def admin(self, address: str) -> Admin | None:
        """The admin with that address, now: rights are looked up when a mail is read, not when it was asked.

        Raises DirectoryUnavailable where only the directory's group could tell.
        """
        wanted = address.lower()
        named = (admin for admin in self.admins if admin.address.lower() == wanted)
        return next(named, None) or next((admin for admin in self._group() if admin.address.lower() == wanted), None)

    def all_admins(self) -> tuple[Admin, ...]:
        """Whom letters to the admins reach; only those of the configuration while the directory cannot be asked."""
        try:
            return (*self.admins, *self._group())
        except DirectoryUnavailable as error:
            journal.trouble(about="the directory's group of admins, who get no letter now", error=error)
            return self.admins

    def _group(self) -> tuple[Admin, ...]:
        """The members of the directory's group that the configuration does not name itself."""
        logins = {admin.login for admin in self.admins}
        addresses = {admin.address.lower() for admin in self.admins}
        members = self.directory.admins()
        return tuple(one for one in members if one.login not in logins and one.address.lower() not in addresses)

    def circumstances(self, now: datetime, ticket: Ticket, owner: OwnerSeen | None = None) -> Circumstances:
        """What `lifecycle.decide` may look at for this ticket; `owner` where the directory was asked for this turn."""
        asking = ticket.state in {TicketState.PENDING, TicketState.UNCONFIRMED}
        return Circumstances(
            now,
            self.rules,
            self.all_admins(),
            sites=self.room() if asking else (),
            accepted=tuple(self.store.accepted(ticket.id)) if ticket.id and not asking else (),
            closed=self.closures.get(ticket.site or "", ()),
            extensions=extensions(self.store.history(ticket.id)) if ticket.state in WITH_A_DISK else Extensions(),
            owner=owner,
        )

    def room(self) -> tuple[Room, ...]:
        """What the sites last said about their room; asked by the workers, never by a turn, and read once a pass."""
        if self.known is not None:
            return self.known.room()
        return tuple(
            Room(
                site=health.site,
                free_memory_mib=health.free_memory_mib,
                free_disk_gib=health.free_disk_gib,
                machines=health.machines,
                as_of=at,
                problems=tuple(health.problems),
            )
            for health, at in self.store.health()
        )

    def letter_to_admins(self, facts: LetterFacts, key: str) -> tuple[Effect, ...]:
        """The same letter, about no ticket, to every admin; `key` makes it unique in the whole outbox."""
        letter = facts.about.letter.value
        return tuple(letter_to(admin, facts, f"{letter}:{key}:{admin.address}") for admin in self.all_admins())


def usable_keys(person: Person) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The person's SSH keys that may be installed (without options and comments), and why others may not."""
    return _usable(person.ssh_keys)


@lru_cache(maxsize=1024)
def _usable(keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # A request looks at them twice, the daily look at everybody's; an RSA key costs a tenth of a millisecond.
    # Loaded here because its library is 33 modules, and few decisions look at a key.
    usable, refusals = import_module("provisioner.ssh_keys").parse_all(keys)
    return tuple(key.line for key in usable), refusals


def turn_of(
    event: Event | Requested, before: Ticket | None, step: Step, now: datetime, mail: LedgerEntry | None = None
) -> Turn:
    """A step as the transaction that makes it true; `before` is None for a new ticket, and a step without words changes no history."""
    state = before.state if before else None
    facts = {**facts_of(event), **step.facts}
    line = HistoryEntry(step.ticket.id, now, event.kind, state, step.ticket.state, event.by, step.summary, facts)
    return Turn(
        now=now,
        mail=mail,
        ticket=step.ticket,
        expected_revision=before.revision if before else None,
        effects=step.effects,
        history=(line,) if step.summary else (),
        cancel_keys=step.cancel,
    )


def facts_of(event: Event | Requested) -> Facts:
    """What an event says, as JSON: every field but who it was, and what is not to be shown."""
    shown = (one.name for one in fields(event) if one.name != "by" and one.repr)
    return {name: _json_able(getattr(event, name)) for name in shown}


def _json_able(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case Login():
            return {one.name: _json_able(getattr(value, one.name)) for one in fields(value)}
        case _:
            return value


def apply(
    context: TurnContext,
    ticket_id: int,
    event: Event,
    commit: Callable[[Turn], Ticket | None] | None = None,
    owner: OwnerSeen | None = None,
) -> Ticket | Refusal:
    """Read the ticket, decide, commit; decided again where somebody else was faster.

    `commit` writes the turn (default: `Store.commit`), `owner` is what the directory was asked for it.  Raises Conflict after `CONFLICT_TRIES`, and
    LookupError where there is no such ticket.
    """
    for _ in range(CONFLICT_TRIES):
        ticket = context.store.ticket(ticket_id)
        if ticket is None:
            msg = f"there is no ticket #{ticket_id}"
            raise LookupError(msg)
        now = context.clock.now()
        step = decide(ticket, event, context.circumstances(now, ticket, owner))
        if isinstance(step, Refusal):
            return step
        try:
            stored = (commit or context.store.commit)(turn_of(event, ticket, step, now))
        except Conflict:
            journal.ticket_contended(ticket_id, doing=type(event).__name__)
            continue
        return stored or step.ticket
    msg = f"ticket #{ticket_id} was changed by others {CONFLICT_TRIES} times while it was being decided"
    raise Conflict(msg)
