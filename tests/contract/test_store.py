"""What `ports.Store` promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, StatementError

from mailbot.adapters.database import ledger
from mailbot.adapters.database.store import Database
from mailbot.errors import ConfigurationError, Conflict, DatabaseNotReady, LeaseLost
from mailbot.model import (
    MACHINE_ACTIONS,
    Action,
    Actor,
    Effect,
    EventKind,
    Freeze,
    HistoryEntry,
    LedgerEntry,
    Letter,
    MailKey,
    OwnerState,
    Role,
    Ticket,
    TicketState,
    Turn,
    Verdict,
)
from mailbot.ports import Leaving, OutboxCount, OutboxState, Settled, Store
from mailbot.rules import LetterRules
from provisioner.api import SiteHealth
from tests.databases import empty

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE = MailKey("bot@testbed.example", "INBOX", 7, 0)
LETTERS = (Action.LETTER,)
WORK = tuple(MACHINE_ACTIONS)
ALICE = "alice@example.org"
UNLIMITED = LetterRules(per_person_and_day=1000, per_cause_and_day=1000)
"""For stores that write hundreds of letters to one person."""


def a_ticket(username: str = "alice", state: TicketState = TicketState.PENDING, **changes: object) -> Ticket:
    ticket = Ticket(
        id=0,
        state=state,
        username=username,
        name=username.title(),
        email=f"{username}@example.org",
        intended_usage="A web service.\nWith a database.",
        end_date=date(2027, 3, 31),
        disk_gib=8,
        thread=f"<request-{username}@example.org>",
        subject="Persistent Virtual Machine Creation",
        opened_at=NOW,
        changed_at=NOW,
        due_at=NOW + timedelta(days=2),
    )
    return dataclasses.replace(ticket, **changes)


def a_mail(uid: int = 1, verdict: Verdict = Verdict.HANDLED, **changes: object) -> LedgerEntry:
    raw = f"Subject: mail {uid}\r\n\r\nHello\r\n".encode()
    entry = LedgerEntry(
        key=dataclasses.replace(HERE, uid=uid),
        message_id=f"<mail-{uid}@example.org>",
        sha256=hashlib.sha256(raw).hexdigest(),
        verdict=verdict,
        seen_at=NOW,
        sender=ALICE,
        subject=f"mail {uid}",
        kind="request",
        why="because",
        raw=raw if verdict in (Verdict.HANDLED, Verdict.QUARANTINED) else None,
    )
    return dataclasses.replace(entry, **changes)


def a_letter(key: str, letter: Letter = Letter.REQUEST_RECEIVED, to: str = ALICE, **changes: object) -> Effect:
    return dataclasses.replace(Effect(Action.LETTER, key, letter, to, "Alice", {"number": 1}), **changes)


def opened(store: Store, *effects: Effect, ticket: Ticket | None = None, **changes: object) -> Ticket:
    stored = store.commit(Turn(now=NOW, ticket=ticket or a_ticket(), effects=effects, **changes))
    assert stored is not None
    return stored


def changed(store: Store, ticket: Ticket, *effects: Effect, now: datetime = NOW, **turn: object) -> Ticket:
    stored = store.commit(Turn(now=now, ticket=ticket, expected_revision=ticket.revision, effects=effects, **turn))
    assert stored is not None
    return stored


def claimed_keys(store: Store, actions: tuple[Action, ...], now: datetime = NOW, limit: int = 100) -> list[str]:
    return [item.effect.key for item in store.claim(actions, now, limit, 600)]


def entry(event: EventKind = EventKind.REQUESTED, **changes: object) -> HistoryEntry:
    actor = Actor(Role.OWNER, "alice", "ab12", "<request-alice@example.org>", {"dkim": "pass", "spoken": ["é"]})
    return dataclasses.replace(
        HistoryEntry(0, NOW, event, None, TicketState.PENDING, actor, "alice asked for a machine"), **changes
    )


# schema


def test_a_database_that_was_upgraded_passes_the_check(store: Database) -> None:
    store.check()


def test_a_database_without_a_schema_does_not_pass_the_check(empty_url: str) -> None:
    store = Database(empty_url)
    with pytest.raises(DatabaseNotReady, match="mailbot db upgrade"):
        store.check()
    store.close()


def test_other_databases_and_sqlite_in_memory_are_refused_without_showing_the_password() -> None:
    for url in ("sqlite://", "sqlite:///:memory:", "mysql://bot:hunter2@localhost/mailbot", "what:hunter2"):
        with pytest.raises(ConfigurationError) as caught:
            Database(url)
        assert "hunter2" not in str(caught.value)


# tickets


def test_a_ticket_comes_back_as_it_was_written_with_a_number_and_revision_one(store: Store) -> None:
    samples: dict[str, object] = {"datetime": NOW + MINUTE, "date": date(2028, 2, 29), "int": 17, "str": "é\n<x> "}
    samples |= {"UUID": uuid5(UUID(int=0), "a machine"), "OwnerState": OwnerState.LOCKED, "Freeze": Freeze.ONCE}
    samples |= {"tuple[int, ...]": (60, 30, 7, 1)}
    ticket = a_ticket()
    own = {"id", "state", "revision"}
    kinds = {field.name: str(field.type).removesuffix(" | None") for field in dataclasses.fields(ticket)}
    ticket = dataclasses.replace(ticket, **{name: samples[kind] for name, kind in kinds.items() if name not in own})
    stored = opened(store, ticket=ticket)
    assert stored.id > 0
    assert stored == dataclasses.replace(ticket, id=stored.id, revision=1)
    assert store.ticket(stored.id) == stored
    assert store.ticket(stored.id + 1) is None


def test_every_ticket_gets_a_machine_id_and_a_nonce_of_its_own_and_keeps_them(store: Store) -> None:
    first, second = (opened(store, ticket=a_ticket(username=name)) for name in ("alice", "bob"))
    assert first.machine_id is not None
    assert len(first.nonce) == 32
    assert {first.machine_id, first.nonce}.isdisjoint({second.machine_id, second.nonce})
    changed = dataclasses.replace(first, intended_usage="Another")
    store.commit(Turn(now=NOW, ticket=changed, expected_revision=first.revision))
    again = store.ticket(first.id)
    assert again is not None
    assert (again.machine_id, again.nonce) == (first.machine_id, first.nonce)


def test_moments_come_back_in_utc_whatever_zone_they_were_given_in(store: Store) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    stored = store.ticket(opened(store, ticket=a_ticket(due_at=there)).id)
    assert stored is not None
    assert stored.due_at == NOW
    assert stored.due_at.utcoffset() == timedelta(0)
    assert stored.due_at.tzinfo is UTC


def test_a_ticket_comes_back_under_its_number_where_that_is_free(store: Store) -> None:
    store.go_on_above(9)
    back = store.commit(Turn(now=NOW, ticket=a_ticket("bob", id=7), expected_revision=0))
    assert back is not None
    assert (back.id, back.revision) == (7, 1)
    assert store.ticket(7) == back
    with pytest.raises(Conflict, match="ticket 7 already"):
        store.commit(Turn(now=NOW, ticket=a_ticket("carol", id=7), expected_revision=0))
    with pytest.raises(Conflict, match="bob has another"):
        store.commit(Turn(now=NOW, ticket=a_ticket("bob", id=8), expected_revision=0))
    new = store.commit(Turn(now=NOW, ticket=a_ticket("carol")))
    assert new is not None
    assert new.id == 10


def test_a_naive_moment_is_refused_and_nothing_is_written(store: Store) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        opened(store, ticket=a_ticket(due_at=NOW.replace(tzinfo=None)))
    assert store.tickets() == []


def test_a_change_raises_the_revision_by_one_and_keeps_the_number(store: Store) -> None:
    ticket = opened(store)
    later = changed(store, dataclasses.replace(ticket, state=TicketState.APPROVED, version=2, due_at=None))
    assert later.id == ticket.id
    assert (later.revision, later.version, later.state) == (2, 2, TicketState.APPROVED)
    assert store.ticket(ticket.id) == later


def test_a_change_of_another_revision_is_a_conflict_and_writes_nothing_at_all(store: Store) -> None:
    ticket = opened(store)
    changed(store, dataclasses.replace(ticket, state=TicketState.APPROVED))
    turn = Turn(
        now=NOW,
        mail=a_mail(5),
        ticket=dataclasses.replace(ticket, state=TicketState.DENIED),
        expected_revision=ticket.revision,
        effects=(a_letter("denied"),),
        history=(entry("denied"),),
    )
    with pytest.raises(Conflict):
        store.commit(turn)
    assert [found.state for found in store.tickets()] == [TicketState.APPROVED]
    assert store.history(ticket.id) == []
    assert store.cursor(HERE) is None
    assert claimed_keys(store, LETTERS) == []


def test_a_change_without_the_revision_that_was_read_is_refused(store: Store) -> None:
    ticket = opened(store)
    with pytest.raises(ValueError, match="revision"):
        store.commit(Turn(now=NOW, ticket=ticket))


def test_a_user_has_one_place(store: Store) -> None:
    first = opened(store)
    with pytest.raises(Conflict, match="alice"):
        opened(store, ticket=a_ticket())
    waiting = opened(store, ticket=a_ticket(state=TicketState.UNCONFIRMED))
    with pytest.raises(Conflict, match="alice"):
        changed(store, dataclasses.replace(waiting, state=TicketState.PENDING))
    assert store.open_ticket_of("alice") == first
    assert store.open_ticket_of("bob") is None
    changed(store, dataclasses.replace(first, state=TicketState.DENIED))
    assert store.open_ticket_of("alice") is None
    second = changed(store, dataclasses.replace(waiting, state=TicketState.PENDING))
    assert store.open_ticket_of("alice") == second


def test_a_person_has_one_place_whatever_the_login(store: Store) -> None:
    first = opened(store, ticket=a_ticket(person_id="memory:alice"))
    with pytest.raises(Conflict):
        opened(store, ticket=a_ticket(username="alice.durand", person_id="memory:alice"))
    other = opened(store, ticket=a_ticket(username="alice.durand", person_id="memory:other"))
    assert store.open_ticket_of("alice.durand", "memory:alice") == first
    assert store.open_ticket_of("alice.durand", "memory:nobody") == other
    assert store.open_ticket_of("alice.durand") == other


def test_tickets_with_an_odd_owner_are_found(store: Store) -> None:
    opened(store, ticket=a_ticket())
    locked = opened(store, ticket=a_ticket(username="bob", owner=OwnerState.LOCKED))
    gone = opened(store, ticket=a_ticket(username="carol", owner=OwnerState.GONE))
    assert store.with_odd_owner(10) == [locked, gone]
    assert store.with_odd_owner(1) == [locked]


def test_two_threads_that_open_a_ticket_for_one_user_get_one_ticket(store: Store) -> None:
    together, outcomes = threading.Barrier(4), []

    def ask() -> None:
        together.wait()
        try:
            outcomes.append(opened(store).id)
        except Conflict:
            outcomes.append(None)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([number for number in outcomes if number]) == 1
    assert len(store.tickets()) == 1


def test_what_waits_for_a_ticket_is_known_with_its_next_attempt(store: Store) -> None:
    ticket = opened(store, a_letter("one"), a_letter("two"))
    first = store.claim(LETTERS, NOW, 1, 60)[0]
    assert [(one.key, one.not_before) for one in store.waiting(ticket.id)] == [("one", NOW + MINUTE), ("two", NOW)]
    store.settle([Settled(first, done=True)], NOW)
    assert [one.key for one in store.waiting(ticket.id)] == ["two"]
    assert store.waiting(ticket.id + 1) == []


def test_tickets_are_counted_as_far_as_it_matters(store: Store) -> None:
    for name in ("alice", "bob", "carol"):
        opened(store, ticket=a_ticket(username=name))
    assert [store.count((TicketState.PENDING,), most) for most in (2, 3, 4)] == [2, 3, 3]
    assert store.count((TicketState.ACTIVE, TicketState.EXPIRED), 4) == 0


def test_tickets_are_listed_by_state(store: Store) -> None:
    pending = opened(store)
    active = opened(store, ticket=a_ticket("bob", TicketState.ACTIVE))
    assert store.tickets() == [pending, active]
    assert store.tickets([TicketState.ACTIVE]) == [active]
    assert store.tickets([TicketState.ACTIVE, TicketState.PENDING]) == [pending, active]
    assert store.tickets([TicketState.DENIED]) == []


def test_due_tickets_come_most_overdue_first_and_no_more_than_asked(store: Store) -> None:
    moments = {"a": 3, "b": 1, "c": 2, "d": -1, "e": None}
    for name, minutes in moments.items():
        due_at = None if minutes is None else NOW - minutes * MINUTE
        opened(store, ticket=a_ticket(name, due_at=due_at))
    assert [ticket.username for ticket in store.due(NOW, 10)] == ["a", "c", "b"]
    assert [ticket.username for ticket in store.due(NOW, 2)] == ["a", "c"]
    assert [ticket.username for ticket in store.due(NOW + MINUTE, 10)] == ["a", "c", "b", "d"]


def test_a_postponed_ticket_is_due_later_and_its_old_revision_is_a_conflict(store: Store) -> None:
    ticket = opened(store, ticket=a_ticket(due_at=NOW))
    store.postpone(ticket.id, NOW + MINUTE, "it raised")
    assert store.due(NOW, 10) == []
    assert [found.id for found in store.due(NOW + MINUTE, 10)] == [ticket.id]
    with pytest.raises(Conflict):
        changed(store, ticket)


def test_history_keeps_order_actor_and_evidence(store: Store) -> None:
    ticket = opened(store, history=(entry(EventKind.REQUESTED), entry(EventKind.CONFIRMED)))
    admin = Actor(Role.ADMIN, "root", "cd34", "<yes@example.org>", {"token": "ok"})
    last = entry(
        EventKind.APPROVED,
        facts={"until": "2027-05-31"},
        before=TicketState.PENDING,
        after=TicketState.APPROVED,
        actor=admin,
        at=NOW + MINUTE,
    )
    changed(store, ticket, history=(last,))
    first, second, third = store.history(ticket.id)
    assert first == dataclasses.replace(entry(EventKind.REQUESTED), ticket_id=ticket.id)
    assert second.event == EventKind.CONFIRMED
    assert third == dataclasses.replace(last, ticket_id=ticket.id)
    assert store.history(ticket.id + 1) == []


@pytest.mark.parametrize("statement", ["UPDATE history SET summary = 'nothing happened'", "DELETE FROM history"])
def test_history_cannot_be_rewritten(store: Database, statement: str) -> None:
    ticket = opened(store, history=(entry(),))
    with pytest.raises(DatabaseError, match="append-only"), store.engine.begin() as connection:
        connection.execute(text(statement))
    assert [found.summary for found in store.history(ticket.id)] == ["alice asked for a machine"]


def test_words_that_no_database_holds_are_stored_as_replacement_characters(store: Store) -> None:
    ticket = opened(
        store, a_letter("a", facts={"words": "nul \0 lone \ud800"}), ticket=a_ticket(subject="a\0b \udcff é 😀")
    )
    stored = store.ticket(ticket.id)
    assert stored is not None
    assert stored.subject == "a\ufffdb \ufffd é 😀"
    (item,) = store.claim(LETTERS, NOW, 1, 60)
    assert item.effect.facts == {"words": "nul \0 lone \ud800"}


# mail


def test_the_cursor_is_the_highest_mail_of_that_folder_and_uidvalidity(store: Store) -> None:
    assert store.cursor(HERE) is None
    for uid, verdict in ((3, Verdict.LEFT), (9, Verdict.RETRY), (4, Verdict.HANDLED)):
        store.commit(Turn(now=NOW, mail=a_mail(uid, verdict)))
    assert store.cursor(HERE) == dataclasses.replace(HERE, uid=9)
    assert store.cursor(dataclasses.replace(HERE, uidvalidity=8)) is None
    assert store.cursor(dataclasses.replace(HERE, folder="Other")) is None
    assert store.cursor(dataclasses.replace(HERE, account="other")) is None


def test_a_mail_acts_once(store: Store) -> None:
    store.commit(Turn(now=NOW, mail=a_mail(1), effects=(a_letter("1:help"),)))
    with pytest.raises(Conflict):
        store.commit(Turn(now=NOW, mail=a_mail(1), ticket=a_ticket(), effects=(a_letter("again"),)))
    assert store.tickets() == []
    assert claimed_keys(store, LETTERS) == ["1:help"]


def test_a_mail_to_be_retried_comes_back_when_its_time_has_come_and_may_be_handled_then(store: Store) -> None:
    retry = a_mail(1, Verdict.RETRY, attempts=1, retry_at=NOW + MINUTE, why="it raised")
    store.commit(Turn(now=NOW, mail=retry))
    assert store.retries(HERE, NOW) == []
    assert store.retries(HERE, NOW + MINUTE) == [retry]
    assert store.retries(dataclasses.replace(HERE, uidvalidity=8), NOW + MINUTE) == []
    second = dataclasses.replace(retry, attempts=2, retry_at=NOW + 2 * MINUTE)
    store.commit(Turn(now=NOW, mail=second))
    assert store.retries(HERE, NOW + 2 * MINUTE) == [second]
    store.commit(Turn(now=NOW, mail=a_mail(1)))
    assert store.retries(HERE, NOW + 2 * MINUTE) == []
    assert store.unmoved(HERE) == [(a_mail(1).key, "handled")]


def test_a_mail_was_handled_before_when_another_with_its_message_id_or_bytes_was(store: Store) -> None:
    store.commit(Turn(now=NOW, mail=a_mail(1)))
    store.commit(Turn(now=NOW, mail=a_mail(2, Verdict.LEFT)))
    store.commit(Turn(now=NOW, mail=a_mail(3, Verdict.QUARANTINED, message_id="")))
    one, two, three, four = a_mail(1), a_mail(2), a_mail(3), a_mail(4)
    assert store.handled_before(one.message_id, four.sha256, four.key)
    assert store.handled_before(four.message_id, one.sha256, four.key)
    assert not store.handled_before(four.message_id, three.sha256, four.key), "what a person moves back is read again"
    assert store.handled_before("", one.sha256, four.key)
    assert not store.handled_before("", four.sha256, four.key)
    assert not store.handled_before(one.message_id, one.sha256, one.key)
    assert not store.handled_before(two.message_id, two.sha256, four.key)
    assert store.handled_before(one.message_id, one.sha256, dataclasses.replace(one.key, uidvalidity=8))


def test_a_mail_acts_once_whatever_copies_of_it_come(store: Store) -> None:
    one = a_mail(1)
    left, waiting = (a_mail(uid, message_id=one.message_id) for uid in (9, 2))
    copies = (
        waiting,
        a_mail(3, message_id=one.message_id),
        dataclasses.replace(a_mail(4), sha256=one.sha256),
        dataclasses.replace(a_mail(5, message_id=""), sha256=one.sha256),
        dataclasses.replace(one, key=dataclasses.replace(one.key, uidvalidity=8)),
    )
    store.commit(Turn(now=NOW, mail=dataclasses.replace(left, verdict=Verdict.LEFT)))
    store.commit(Turn(now=NOW, mail=dataclasses.replace(waiting, verdict=Verdict.RETRY, retry_at=NOW)))
    store.commit(Turn(now=NOW, mail=one, history=(entry(),), ticket=a_ticket()))
    for copy in copies:
        with pytest.raises(Conflict, match="a copy of it"):
            store.commit(Turn(now=NOW, mail=copy, ticket=a_ticket(username="bob")))
        assert store.open_ticket_of("bob") is None, "the whole turn is taken back"
        store.commit(Turn(now=NOW, mail=dataclasses.replace(copy, verdict=Verdict.DUPLICATE)))
        assert (copy.key, "duplicate") in store.unmoved(copy.key)
    for other in (a_mail(6), a_mail(7, message_id=""), a_mail(8, message_id="")):
        store.commit(Turn(now=NOW, mail=other))


@pytest.mark.parametrize("same", ["message_id", "sha256"])
def test_a_copy_waits_for_the_turn_in_which_the_mail_acts(store: Database, same: str) -> None:
    one = a_mail(1)
    copy = dataclasses.replace(a_mail(2), **{same: getattr(one, same)})
    begun, refused = threading.Event(), threading.Event()

    def act() -> None:
        begun.set()
        with suppress(Conflict):
            store.commit(Turn(now=NOW, mail=copy))
            return
        refused.set()

    other = threading.Thread(target=act)
    with store._write() as connection:
        ledger.write(connection, one)
        other.start()
        assert begun.wait(60)
        other.join(0.3)  # it would be written by now
    other.join(60)
    assert refused.is_set()
    assert store.handled_before(one.message_id, one.sha256, copy.key)
    assert not store.handled_before(copy.message_id, copy.sha256, one.key)


def test_the_place_and_a_note_are_read_at_once(store: Store) -> None:
    assert store.place_and_note("alice", "memory:alice", "closed") == (None, None)
    store.put_note("closed", "until Monday")
    assert store.place_and_note("alice", "memory:alice", "closed") == (None, "until Monday")
    own = opened(store, ticket=a_ticket(person_id="memory:alice"))
    other = opened(store, ticket=a_ticket(username="alice.durand", person_id="memory:other"))
    assert store.place_and_note("alice.durand", "memory:alice", "closed") == (own, "until Monday")
    assert store.place_and_note("alice.durand", "memory:nobody", "paused") == (other, None)


def test_tickets_are_read_together_by_their_numbers(store: Store) -> None:
    first, second = opened(store), opened(store, ticket=a_ticket(username="bob"))
    numbers = [first.id, second.id, second.id + 1]
    assert store.tickets_by_number(numbers) == {first.id: first, second.id: second}
    assert store.tickets_by_number([]) == {}


def test_a_monstrous_message_id_is_recognised_again_and_not_taken_for_another(store: Store) -> None:
    long = "<" + "é\ud800" * 8000
    store.commit(Turn(now=NOW, mail=a_mail(1, message_id=long + "1>")))
    other = a_mail(2)
    assert store.handled_before(long + "1>", other.sha256, other.key)
    assert not store.handled_before(long + "2>", other.sha256, other.key)


def test_committed_mails_are_moved_once(store: Store) -> None:
    verdicts = [Verdict.HANDLED, Verdict.LEFT, Verdict.QUARANTINED, Verdict.DUPLICATE, Verdict.RETRY]
    for uid, verdict in enumerate(verdicts, 1):
        store.commit(Turn(now=NOW, mail=a_mail(uid, verdict)))
    keys = [a_mail(uid).key for uid in (1, 3, 4)]
    wanted = list(zip(keys, ["handled", "quarantined", "duplicate"], strict=True))
    assert store.unmoved(HERE) == wanted
    assert store.unmoved(dataclasses.replace(HERE, uidvalidity=8)) == []
    store.mark_moved(keys[:2])
    store.mark_moved(keys[:1])
    store.mark_moved([])
    assert store.unmoved(HERE) == wanted[2:]


def test_the_bytes_of_a_mail_are_kept_once(store: Store) -> None:
    store.commit(Turn(now=NOW, mail=a_mail(1)))
    again = dataclasses.replace(a_mail(2, Verdict.DUPLICATE), sha256=a_mail(1).sha256, raw=b"other bytes")
    store.commit(Turn(now=NOW, mail=again))
    store.commit(Turn(now=NOW, mail=a_mail(3, Verdict.LEFT)))
    assert store.raw_mail(a_mail(1).sha256) == a_mail(1).raw
    assert store.raw_mail(a_mail(3).sha256) is None


def test_answers_of_the_last_day_are_counted_per_address(store: Store) -> None:
    def answer(uid: int, now: datetime, *effects: Effect) -> None:
        store.commit(Turn(now=now, mail=a_mail(uid), effects=effects))

    answer(1, NOW - timedelta(hours=25), a_letter("1:old", Letter.HELP))
    answer(2, NOW - timedelta(hours=23), a_letter("2:new", Letter.HELP, to="Alice@Example.org"))
    answer(3, NOW, a_letter("3:new"), a_letter("3:admin", Letter.ADMIN_DECISION, to="root@example.org"))
    opened(store, a_letter("warning"))
    assert store.answers_today("alice@example.ORG", NOW) == 2
    assert store.answers_today("root@example.org", NOW) == 0, "being asked is no answer"
    told = a_letter("4:told", Letter.ADMIN_ALREADY_DECIDED, to="root@example.org")
    store.commit(Turn(now=NOW, mail=a_mail(4, sender="root@example.org"), effects=(told,)))
    assert store.answers_today("root@example.org", NOW) == 1


# effects


def test_a_claimed_letter_carries_what_it_needs(store: Store) -> None:
    effect = a_letter("received", facts={"until": "2027-03-31", "problems": [{"line": 1, "found": None}]})
    ticket = opened(store, effect, ticket=a_ticket(version=4), mail=a_mail(1))
    (item,) = store.claim(LETTERS, NOW + MINUTE, 10, 60)
    assert (item.ticket_id, item.version, item.attempts) == (ticket.id, 4, 1)
    assert item.effect == effect
    assert item.created_at == NOW
    assert item.answers == a_mail(1).message_id


def test_a_letter_without_a_mail_answers_the_ticket_and_one_without_a_ticket_has_version_zero(store: Store) -> None:
    ticket = opened(store, a_letter("warning"))
    store.commit(Turn(now=NOW, mail=a_mail(1), effects=(a_letter("1:help", Letter.HELP),)))
    first, second = store.claim(LETTERS, NOW, 10, 60)
    assert first.answers == ticket.thread
    assert (second.ticket_id, second.version, second.answers) == (None, 0, a_mail(1).message_id)


def test_letters_about_a_ticket_leave_it_as_it_is_and_get_its_present_version(store: Store) -> None:
    ticket = opened(store, ticket=a_ticket(version=4))
    told = store.commit(Turn(now=NOW, mail=a_mail(1), about_ticket=ticket.id, effects=(a_letter("1:told"),)))
    assert told == ticket == store.ticket(ticket.id)
    (item,) = store.claim(LETTERS, NOW, 10, 60)
    assert (item.ticket_id, item.version, item.answers) == (ticket.id, 4, a_mail(1).message_id)
    with pytest.raises(Conflict):
        store.commit(Turn(now=NOW, mail=a_mail(2), about_ticket=ticket.id + 1, effects=(a_letter("2:told"),)))
    assert store.cursor(HERE) == a_mail(1).key


def test_an_effect_is_written_once_per_ticket_and_key(store: Store) -> None:
    ticket = opened(store, a_letter("warn"), a_letter("warn", to="bob@example.org"))
    ticket = changed(store, ticket, a_letter("warn"), a_letter("stop"))
    opened(store, a_letter("warn"), ticket=a_ticket("bob"))
    assert claimed_keys(store, LETTERS) == ["warn", "stop", "warn"]
    for uid in (1, 2):
        store.commit(Turn(now=NOW, mail=a_mail(uid), effects=(a_letter("digest"),)))
    assert claimed_keys(store, LETTERS) == ["digest"]


def test_rows_are_claimed_oldest_first_and_no_more_than_asked(store: Store) -> None:
    opened(store, a_letter("later", not_before=NOW + MINUTE), a_letter("a"), a_letter("b"), a_letter("c"))
    assert claimed_keys(store, LETTERS, limit=2) == ["a", "b"]
    assert claimed_keys(store, LETTERS) == ["c"]
    assert claimed_keys(store, LETTERS) == []
    assert claimed_keys(store, LETTERS, NOW + MINUTE) == ["later"]


def test_letters_and_work_are_claimed_apart(store: Store) -> None:
    opened(store, a_letter("letter"), Effect(Action.BUILD, "build"))
    assert claimed_keys(store, (Action.STOP,)) == []
    assert claimed_keys(store, WORK) == ["build"]
    assert claimed_keys(store, LETTERS) == ["letter"]
    opened(store, a_letter("letter"), Effect(Action.BUILD, "build"), ticket=a_ticket("bob"))
    assert sorted(claimed_keys(store, tuple(Action))) == ["build", "letter"]


def test_a_claim_that_is_never_settled_ends_with_its_lease(store: Store) -> None:
    opened(store, a_letter("letter"))
    (first,) = store.claim(LETTERS, NOW, 10, 60)
    assert store.claim(LETTERS, NOW + timedelta(seconds=59), 10, 60) == []
    (second,) = store.claim(LETTERS, NOW + timedelta(seconds=60), 10, 60)
    assert (first.attempts, second.attempts) == (1, 2)
    assert first.id == second.id


def test_work_on_one_ticket_is_done_in_order_and_never_at_the_same_time(store: Store) -> None:
    opened(store, Effect(Action.BUILD, "build"), Effect(Action.STOP, "stop"), Effect(Action.RETIRE, "retire"))
    opened(store, Effect(Action.BUILD, "other"), ticket=a_ticket("bob"))
    build, other = store.claim(WORK, NOW, 10, 60)
    assert [build.effect.key, other.effect.key] == ["build", "other"]
    assert claimed_keys(store, WORK) == []
    store.settle([Settled(build, retry_at=NOW + MINUTE, error="busy")], NOW)
    assert claimed_keys(store, WORK) == [], "a row that waits for its next attempt keeps the later ones waiting"
    (build,) = store.claim(WORK, NOW + MINUTE, 1, 60)
    store.settle([Settled(build, done=True)], NOW + MINUTE)
    (stop,) = store.claim((Action.STOP, Action.RETIRE), NOW + MINUTE, 10, 6000)
    assert stop.effect.key == "stop"
    store.settle([Settled(stop, error="cannot be done")], NOW + MINUTE)
    assert claimed_keys(store, WORK, NOW + MINUTE) == ["retire", "other"]


def test_the_work_of_a_site_is_claimed_apart_from_that_of_the_others(store: Store) -> None:
    for site in ("north", "south", None):
        opened(store, Effect(Action.BUILD, f"build at {site}"), ticket=a_ticket(f"user-{site}", site=site))
    opened(store, Effect(Action.RETIRE, "later", not_before=NOW + MINUTE), ticket=a_ticket("eve", site="west"))
    assert store.sites_with_work(NOW) == {"north", "south", None}
    for site in ("north", None):
        (item,) = store.claim_at(site, WORK, NOW, 10, 60)
        assert item.effect.key == f"build at {site}"
        assert store.claim_at(site, WORK, NOW, 10, 60) == []
    assert store.sites_with_work(NOW) == {"south"}
    assert store.claim_at("south", (Action.STOP,), NOW, 10, 60) == []
    assert store.sites_with_work(NOW + MINUTE) == {"north", "south", "west", None}


def test_an_accepted_letter_leaves_its_proof(store: Store) -> None:
    ticket = opened(store, a_letter("one"), a_letter("two"), a_letter("three"), Effect(Action.BUILD, "build"))
    one, two, _three = store.claim(LETTERS, NOW, 10, 60)
    (build,) = store.claim(WORK, NOW, 10, 60)
    store.settle(
        [
            Settled(one, done=True, message_id="<1@testbed.example>", proof="250 2.0.0 Ok: queued as 4B1F"),
            Settled(two, error="550 no such user", message_id="<2@testbed.example>"),
            Settled(build, done=True, proof="built"),
        ],
        NOW + MINUTE,
    )
    (proof,) = store.accepted(ticket.id)
    assert (proof.letter, proof.key, proof.to) == ("request-received", "one", ALICE)
    assert (proof.message_id, proof.answer) == ("<1@testbed.example>", "250 2.0.0 Ok: queued as 4B1F")
    assert (proof.accepted_at, proof.bounced_at, proof.bounce_permanent) == (NOW + MINUTE, None, None)
    assert store.accepted(ticket.id + 1) == []


def test_a_row_is_tried_again_when_its_time_has_come_and_an_attempt_can_be_given_back(store: Store) -> None:
    opened(store, a_letter("letter"))
    (item,) = store.claim(LETTERS, NOW, 10, 60)
    store.settle([Settled(item, retry_at=NOW + MINUTE, error="451 later")], NOW)
    assert claimed_keys(store, LETTERS) == []
    (item,) = store.claim(LETTERS, NOW + MINUTE, 10, 60)
    assert item.attempts == 2
    store.settle([Settled(item, retry_at=NOW + 2 * MINUTE, counted=False)], NOW)
    (item,) = store.claim(LETTERS, NOW + 2 * MINUTE, 10, 60)
    assert item.attempts == 2


def test_a_row_that_was_tried_is_tried_again_at_once_and_only_while_nobody_holds_it(store: Store) -> None:
    store.commit(Turn(now=NOW, effects=(a_letter("x"),)))
    assert store.overview.row_state(1) is OutboxState.WAITING
    assert not store.hasten(1, NOW), "it was never tried"
    (item,) = store.claim(LETTERS, NOW, 10, 60)
    assert not store.hasten(1, NOW), "somebody holds it"
    store.settle([Settled(item, retry_at=NOW + 60 * MINUTE, error="away", counted=False)], NOW)
    assert store.claim(LETTERS, NOW, 10, 60) == []
    assert store.hasten(1, NOW)
    (item,) = store.claim(LETTERS, NOW, 10, 60)
    store.settle([Settled(item, done=True, proof="250")], NOW)
    assert not store.hasten(1, NOW)
    assert store.overview.row_state(1) is OutboxState.DONE
    assert store.overview.row_state(2) is None


def test_mails_that_wait_are_tried_again_at_once_one_or_all(store: Store) -> None:
    for uid in (1, 2):
        entry = a_mail(uid, Verdict.RETRY, retry_at=NOW + 60 * MINUTE)
        store.commit(Turn(now=NOW, mail=dataclasses.replace(entry, message_id=f"<{uid}@x.example>")))
    assert store.retries(HERE, NOW) == []
    assert store.retry_now("<2@x.example>", NOW) == 1
    assert [one.key.uid for one in store.retries(HERE, NOW)] == [2]
    assert store.retry_now("<3@x.example>", NOW) == 0
    assert store.retry_now("", NOW) == 2
    assert len(store.retries(HERE, NOW)) == 2


def test_a_worker_that_was_too_slow_cannot_put_back_what_another_holds_or_has_done(store: Store) -> None:
    ticket = opened(store, a_letter("letter"))
    (slow,) = store.claim(LETTERS, NOW, 10, 60)
    (quick,) = store.claim(LETTERS, NOW + MINUTE, 10, 60)
    store.settle([Settled(slow, retry_at=NOW, error="timeout")], NOW + MINUTE)
    store.settle([Settled(slow, error="given up")], NOW + MINUTE)
    assert claimed_keys(store, LETTERS, NOW + MINUTE) == []
    assert store.failed_effects() == []
    store.settle([Settled(quick, done=True, message_id="<1@testbed.example>", proof="250 first")], NOW + MINUTE)
    store.settle([Settled(slow, done=True, message_id="<1@testbed.example>", proof="250 second")], NOW + 2 * MINUTE)
    assert [proof.answer for proof in store.accepted(ticket.id)] == ["250 first"]


def test_a_turn_cancels_waiting_rows_by_the_start_of_their_key_before_it_writes_its_own(store: Store) -> None:
    ticket = opened(store, a_letter("warn:60"), a_letter("warn:30"), a_letter("warm"), a_letter("ready"))
    opened(store, a_letter("warn:60"), ticket=a_ticket("bob"))
    changed(store, ticket, a_letter("warn:new"), cancel_keys=("warn:", "read"))
    assert claimed_keys(store, LETTERS) == ["warm", "warn:60", "warn:new"]


def test_wildcards_in_a_key_cancel_nothing_else(store: Store) -> None:
    ticket = opened(store, a_letter("a%b"), a_letter("a_b"), a_letter("axb"))
    changed(store, ticket, cancel_keys=("a%", "a_", ""))
    assert claimed_keys(store, LETTERS) == ["axb"]


def test_a_cancelled_letter_that_had_left_already_still_leaves_its_proof(store: Store) -> None:
    ticket = opened(store, a_letter("warn"))
    (item,) = store.claim(LETTERS, NOW, 10, 60)
    changed(store, ticket, cancel_keys=("warn",))
    store.settle([Settled(item, retry_at=NOW, error="451")], NOW)
    assert claimed_keys(store, LETTERS) == []
    store.settle([Settled(item, done=True, message_id="<1@testbed.example>", proof="250 ok")], NOW)
    assert [proof.key for proof in store.accepted(ticket.id)] == ["warn"]


def test_a_bounce_marks_the_letter_and_a_permanent_one_stays_permanent(store: Store) -> None:
    ticket = opened(store, a_letter("one"), a_letter("two"))
    one, two = store.claim(LETTERS, NOW, 10, 60)
    results = [Settled(item, done=True, message_id=f"<{item.id}@testbed.example>") for item in (one, two)]
    store.settle(results, NOW)
    for minutes, permanent in ((1, False), (2, True), (3, False), (4, None)):
        turn = Turn(now=NOW + minutes * MINUTE, bounced=f"<{one.id}@testbed.example>", bounce_permanent=permanent)
        store.commit(turn)
    store.commit(Turn(now=NOW, bounced="<nobody@testbed.example>", bounce_permanent=True))
    proofs = {proof.key: (proof.bounced_at, proof.bounce_permanent) for proof in store.accepted(ticket.id)}
    assert proofs == {"one": (NOW + MINUTE, True), "two": (None, None)}


def test_settling_and_its_turn_are_one(store: Store) -> None:
    ticket = opened(store, Effect(Action.BUILD, "build"))
    (item,) = store.claim(WORK, NOW, 10, 60)
    active = dataclasses.replace(ticket, state=TicketState.ACTIVE)
    stale = Turn(now=NOW, ticket=active, expected_revision=ticket.revision + 1, effects=(a_letter("ready"),))
    with pytest.raises(Conflict):
        store.settle_with(Settled(item, done=True), stale)
    (item,) = store.claim(WORK, NOW + timedelta(seconds=60), 10, 60)
    turn = dataclasses.replace(stale, expected_revision=ticket.revision)
    stored = store.settle_with(Settled(item, done=True), turn)
    assert stored is not None
    assert stored.state is TicketState.ACTIVE
    assert claimed_keys(store, LETTERS) == ["ready"]
    assert claimed_keys(store, WORK, NOW + timedelta(days=1)) == []


@pytest.mark.parametrize("again", [{"done": True}, {"error": "no"}, {"retry_at": NOW}])
def test_a_row_that_somebody_else_settled_is_lost_to_its_turn(store: Store, again: dict[str, object]) -> None:
    opened(store, Effect(Action.BUILD, "build"))
    (item,) = store.claim(WORK, NOW, 10, 60)
    store.settle([Settled(item, done=True)], NOW)
    with pytest.raises(LeaseLost):
        store.settle_with(Settled(item, **again), Turn(now=NOW, effects=(a_letter("twice"),)))
    assert claimed_keys(store, LETTERS) == []


@pytest.mark.parametrize("result", [{"done": True}, {"error": "no"}, {"retry_at": NOW, "counted": False}])
def test_only_whoever_claimed_work_last_writes_what_became_of_it(store: Store, result: dict[str, object]) -> None:
    ticket = opened(store, Effect(Action.BUILD, "build"))
    (first,) = store.claim(WORK, NOW, 10, 60)
    store.settle(
        [Settled(first, retry_at=NOW, counted=False)], NOW
    )  # the attempt is given back: the number is no proof
    (second,) = store.claim(WORK, NOW, 10, 60)
    assert first.attempts == second.attempts
    for _ in range(2):
        store.settle([Settled(first, **result)], NOW)
        with pytest.raises(LeaseLost):
            store.settle_with(Settled(first, **result), Turn(now=NOW, about_ticket=ticket.id))
        with pytest.raises(LeaseLost):
            store.commit(Turn(now=NOW, about_ticket=ticket.id, held=first))
    store.commit(Turn(now=NOW, about_ticket=ticket.id, held=second))
    store.settle_with(Settled(second, done=True), Turn(now=NOW, about_ticket=ticket.id))
    assert store.outbox_counts() == []


def test_a_lease_that_is_renewed_goes_on_and_what_was_lost_is_not_renewed(store: Store) -> None:
    opened(store, a_letter("sent"), a_letter("kept"), a_letter("lost"))
    items = store.claim(LETTERS, NOW, 10, 60)
    sent, kept, lost = items
    store.settle([Settled(sent, done=True), Settled(lost, retry_at=NOW)], NOW)
    assert claimed_keys(store, LETTERS) == ["lost"]
    assert store.renew(items, NOW + timedelta(seconds=50), 60) == {kept.id}
    assert claimed_keys(store, LETTERS, NOW + timedelta(seconds=109)) == []
    assert claimed_keys(store, LETTERS, NOW + timedelta(seconds=110)) == ["kept"]


@pytest.mark.parametrize("wrong", [timedelta(minutes=-11), timedelta(minutes=11), timedelta(days=400)])
def test_leases_go_by_the_clock_of_the_database_whatever_that_of_a_daemon_says(
    postgresql_url: str, wrong: timedelta
) -> None:
    one, two = Database(postgresql_url), Database(postgresql_url)
    try:
        long_ago = NOW - timedelta(days=4000)
        opened(one, a_letter("letter", not_before=long_ago))
        (item,) = one.claim(LETTERS, NOW, 10, 60)
        assert two.claim(LETTERS, NOW + wrong, 10, 60) == []
        with one.engine.begin() as connection:
            connection.execute(text("UPDATE outbox SET next_attempt_at = next_attempt_at - interval '59 seconds'"))
        assert two.claim(LETTERS, NOW + wrong, 10, 60) == []
        with one.engine.begin() as connection:
            connection.execute(text("UPDATE outbox SET next_attempt_at = next_attempt_at - interval '1 second'"))
        assert [taken.id for taken in two.claim(LETTERS, NOW + wrong, 10, 60)] == [item.id]
        assert one.renew([item], NOW, 60) == frozenset()
    finally:
        one.close()
        two.close()
        empty(postgresql_url)


def test_operators_see_what_waits_and_what_was_given_up(store: Store) -> None:
    ticket = opened(store, *(a_letter(f"letter {n}") for n in range(4)), Effect(Action.BUILD, "build"))
    one, two, three = store.claim(LETTERS, NOW, 3, 60)
    store.settle([Settled(one, done=True), Settled(two, error="550 no"), Settled(three, error="554 no")], NOW + MINUTE)
    counts = store.outbox_counts()
    assert len(counts) == 3
    assert set(counts) == {
        OutboxCount(Action.LETTER, OutboxState.WAITING, 1),
        OutboxCount(Action.LETTER, OutboxState.FAILED, 2),
        OutboxCount(Action.BUILD, OutboxState.WAITING, 1),
    }
    latest, earlier = store.failed_effects()
    assert (latest.error, earlier.error) == ("554 no", "550 no")
    assert (latest.at, latest.item.ticket_id, latest.item.attempts) == (NOW + MINUTE, ticket.id, 1)
    assert store.failed_effects(limit=1) == [latest]


def test_the_next_due_moment_is_the_earliest_of_tickets_and_rows_that_can_be_claimed(store: Store) -> None:
    assert store.next_due() is None
    ticket = opened(store, ticket=a_ticket(due_at=NOW + 9 * MINUTE))
    assert store.next_due() == NOW + 9 * MINUTE
    ticket = changed(store, ticket, a_letter("a", not_before=NOW + 5 * MINUTE))
    assert store.next_due() == NOW + 5 * MINUTE
    build = Effect(Action.BUILD, "build", not_before=NOW + 2 * MINUTE)
    changed(store, ticket, build, Effect(Action.STOP, "stop"))
    assert store.next_due() == NOW + 2 * MINUTE, "the stop is due, but has to wait for the build"
    (item,) = store.claim(WORK, NOW + 2 * MINUTE, 1, 60)
    assert store.next_due() == NOW + 3 * MINUTE
    store.settle([Settled(item, done=True)], NOW + 2 * MINUTE)
    assert store.next_due() == NOW


def test_two_stores_that_claim_at_once_share_the_rows(url: str) -> None:
    first = Database(url, UNLIMITED)
    opened(first, *(a_letter(f"letter {n}") for n in range(200)))
    together, taken, stores = threading.Barrier(4), [], [Database(url) for _ in range(4)]

    def work(store: Store) -> None:
        together.wait()
        while items := store.claim(LETTERS, NOW, 7, 60):
            taken.extend(items)
            store.settle([Settled(item, done=True) for item in items], NOW)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 200
    assert len({item.id for item in taken}) == 200
    assert {item.attempts for item in taken} == {1}
    for store in (first, *stores):
        store.close()


WRITER = """
import sys
from tests.contract.test_store import *

store = Database(sys.argv[1], UNLIMITED)
for uid in range(1, 100000):
    letters = [a_letter(name) for name in ("one", "two", "three")]
    opened(store, *letters, ticket=a_ticket(f"user{uid}"), mail=a_mail(uid), history=(entry(),))
    print(uid, flush=True)
"""


def test_a_writer_that_is_killed_leaves_every_turn_that_it_had_committed_and_no_half_of_one(
    url: str, store: Database
) -> None:
    command = [sys.executable, "-c", WRITER, url]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as writer:
        assert writer.stdout is not None
        while int(writer.stdout.readline() or 40) < 40:
            pass
        writer.kill()
        said = [int(line) for line in writer.stdout.read().split()]
    last = max(said, default=40)
    position = store.cursor(HERE)
    assert position is not None
    assert last <= position.uid <= last + 1
    found = store.tickets()
    assert [ticket.username for ticket in found] == [f"user{uid}" for uid in range(1, position.uid + 1)]
    assert {len(store.history(ticket.id)) for ticket in found} == {1}
    assert store.raw_mail(a_mail(position.uid).sha256) == a_mail(position.uid).raw
    assert len(store.claim(LETTERS, NOW, 10**6, 60)) == 3 * position.uid


# locks, sites, notes


def test_one_reader_holds_a_mailbox(url: str) -> None:
    one, two = Database(url), Database(url)
    with one.mailbox_lock("bot@testbed.example") as first:
        assert first
        with two.mailbox_lock("bot@testbed.example") as second:
            assert not second
        with one.mailbox_lock("bot@testbed.example") as again:
            assert not again
        with two.mailbox_lock("other@testbed.example") as other:
            assert other
    with two.mailbox_lock("bot@testbed.example") as later:
        assert later
    one.close()
    two.close()


def test_a_restarted_postgresql_costs_the_lock_of_the_mailbox_and_nothing_else(postgresql_url: str) -> None:
    one, two = Database(postgresql_url), Database(postgresql_url)
    with one.mailbox_lock("bot@testbed.example") as first:
        assert first
        one.put_note("before", "it ended")
        empty(postgresql_url)  # ends every connection
        assert one.note("before") is None
        with two.mailbox_lock("bot@testbed.example") as second:
            assert second
    with one.mailbox_lock("bot@testbed.example") as again:
        assert again
    one.close()
    two.close()


def test_the_latest_health_of_each_site_is_kept(store: Store) -> None:
    south = SiteHealth("south", reachable=False, problems=("it does not answer",))
    north = SiteHealth("north", reachable=True, free_memory_mib=4096, free_disk_gib=100, machines=3, image="debian-13")
    store.put_health(south, NOW)
    store.put_health(dataclasses.replace(north, machines=2), NOW)
    store.put_health(north, NOW + MINUTE)
    assert store.health() == [(north, NOW + MINUTE), (south, NOW)]
    store.forget_site("south")
    store.forget_site("south")
    assert store.health() == [(north, NOW + MINUTE)]


def test_notes_are_kept_replaced_and_forgotten(store: Store) -> None:
    assert store.note("paused") is None
    store.put_note("paused", "since Monday")
    store.put_note("paused", "since Tuesday")
    store.put_note("digest", "on Monday")
    assert store.notes(("paused", "digest", "nothing")) == {"paused": "since Tuesday", "digest": "on Monday"}
    assert store.notes(()) == {}
    assert store.note("paused") == "since Tuesday"
    store.put_note("paused", None)
    store.put_note("paused", None)
    assert store.note("paused") is None


def test_a_store_can_be_closed_and_used_again(store: Database) -> None:
    store.put_note("a", "b")
    store.close()
    assert store.note("a") == "b"


def test_numbers_go_on_above_what_is_known_elsewhere_and_never_go_back(store: Store) -> None:
    store.go_on_above(40)
    assert opened(store).id >= 41
    store.go_on_above(7)
    assert opened(store, ticket=a_ticket("bob")).id >= 42


def test_the_newest_mail_of_the_ledger_is_known(store: Store) -> None:
    assert store.newest() is None
    for minutes in (3, 9, 5):
        store.commit(Turn(now=NOW, mail=a_mail(minutes, seen_at=NOW + minutes * MINUTE)))
    assert store.newest() == NOW + 9 * MINUTE


def test_history_leaves_with_a_ticket_that_is_over_and_never_before(store: Database) -> None:
    living = opened(store, a_letter("a"), history=(entry(),))
    over = opened(store, a_letter("b"), ticket=a_ticket("bob", TicketState.DENIED), history=(entry(),))
    later = NOW + timedelta(days=1)
    assert store.forget(Leaving.TICKETS, NOW, 10) == 0, "not old enough"
    assert store.forget(Leaving.TICKETS, later, 10) == 1
    assert (store.ticket(over.id), store.history(over.id), store.waiting(over.id)) == (None, [], [])
    assert (len(store.history(living.id)), len(store.waiting(living.id))) == (1, 1)
    assert store.forget(Leaving.TICKETS, later, 10) == 0


def test_old_lines_leave_but_for_those_that_are_still_needed(store: Store) -> None:
    mails = [
        a_mail(1),
        a_mail(2, Verdict.LEFT),
        a_mail(3, Verdict.RETRY, retry_at=NOW),
        a_mail(4),
        a_mail(5, Verdict.LEFT),
    ]
    for mail in mails:
        store.commit(Turn(now=NOW, mail=mail))
    store.mark_moved([mails[0].key])
    later = NOW + timedelta(days=1)
    assert store.forget(Leaving.LEDGER, later, 10) == 2, (
        "the moved and the left one, not those to be moved or tried again"
    )
    assert store.cursor(HERE) == mails[-1].key
    assert [one.key for one in store.retries(HERE, NOW)] == [mails[2].key]
    assert [key for key, _ in store.unmoved(HERE)] == [mails[3].key]
    assert store.forget(Leaving.MAILS, later, 10) == 2
    assert store.raw_mail(mails[0].sha256) is None


def test_the_oldest_leave_first_and_no_more_than_asked(store: Store) -> None:
    for number in range(5):
        store.commit(Turn(now=NOW, mail=a_mail(number + 1, seen_at=NOW + number * MINUTE)))
    later = NOW + timedelta(days=1)
    assert [store.forget(Leaving.MAILS, later, 2) for _ in range(3)] == [2, 2, 1]
