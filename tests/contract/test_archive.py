"""The history is a chain in which a changed line shows, and what is kept about a person can be had and erased; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from mailbot.adapters.database.store import Database
from mailbot.archive import Erased, Namesake, Whom
from mailbot.model import Action, Actor, Effect, EventKind, HistoryEntry, Letter, Role, TicketState, Turn, Verdict
from mailbot.ports import Settled
from tests.contract.test_store import LETTERS, NOW, a_letter, a_mail, a_ticket, opened

OPERATOR = Actor(Role.OPERATOR, "carol@testbed.example")
HASH = a_mail(1).sha256
REQUESTED = HistoryEntry(
    0, NOW, EventKind.REQUESTED, None, TicketState.PENDING,
    Actor(Role.OWNER, "alice@example.org", HASH, "<1@example.org>", {"registered": True, "name": "Zoë \0 \ud800"}),
    "alice asked for a machine", {"sites": ["north"], "disk_gib": 8},
)  # fmt: skip
DENIED = HistoryEntry(
    0, NOW + timedelta(minutes=1), EventKind.DENIED, TicketState.PENDING, TicketState.DENIED,
    Actor(Role.ADMIN, "carol@testbed.example", "", "<2@testbed.example>"), "denied by Carol: alice has one", {"reason": "alice has one"},
)  # fmt: skip


def denied_ticket(store: Database, username: str = "alice", **changes: object) -> int:
    """A ticket that is over, with two lines, a mail, and two letters that were accepted."""
    ticket = opened(
        store,
        a_letter("received"),
        Effect(
            Action.LETTER,
            "admin-decision:1",
            Letter.ADMIN_DECISION,
            "carol@testbed.example",
            "Carol",
            {"usage": "alice"},
        ),
        ticket=a_ticket(username, **changes),
        mail=a_mail(1, Verdict.HANDLED, raw=b"the words of alice") if username == "alice" and not changes else None,
        history=(replace(REQUESTED, actor=replace(REQUESTED.actor, who=f"{username}@example.org")),),
    )
    store.commit(
        Turn(
            now=NOW,
            ticket=replace(ticket, state=TicketState.DENIED),
            expected_revision=ticket.revision,
            history=(DENIED,),
        )
    )
    for item in store.claim(LETTERS, NOW, 10, 60):
        store.settle([Settled(item, done=True, message_id=f"<{item.id}@x>", proof="250 queued for alice")], NOW)
    return ticket.id


def tamper(store: Database, statement: str) -> None:
    """What somebody does who can write the database: past the triggers."""
    with store.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))
        else:
            for name in ("history_no_update", "history_no_delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        connection.execute(text(statement))
    store.engine.dispose()


def broken(store: Database) -> list[str]:
    return [chain.broken for chain in store.archive.chains() if chain.broken]


def test_what_was_written_is_as_it_was_sealed(store: Database) -> None:
    number = denied_ticket(store)
    (chain,) = store.archive.chains()
    assert (chain.ticket, chain.lines, chain.erased, chain.broken) == (number, 2, 0, "")
    assert store.archive.seals(number)[-1] == chain.seal


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("UPDATE history SET summary = 'alice asked for two' WHERE id = 1", "line 1 (Requested of 2026-11-22 10:00 UTC"),
        ("UPDATE history SET who = 'dave@testbed.example' WHERE id = 2", "line 2 (Denied"),
        ("UPDATE history SET after = 'approved' WHERE id = 2", "line 2 (Denied"),
        ("UPDATE history SET at = '2026-11-21 10:00:00.000000' WHERE id = 2", "line 2 (Denied"),
        ("UPDATE history SET facts = '{}' WHERE id = 2", "line 2 (Denied"),
        ("UPDATE history SET words_salt = NULL, words_hash = 'x' WHERE id = 2", "line 2 (row 2) was erased and says something"),
        ("DELETE FROM history WHERE id = 1", "line 1 (Denied"),
    ],
)  # fmt: skip
def test_the_first_line_that_was_changed_is_named(store: Database, change: str, line: str) -> None:
    denied_ticket(store)
    denied_ticket(store, "bob")
    tamper(store, change)
    (why,) = broken(store)
    assert why.startswith(line)


def test_a_last_line_that_is_gone_shows_in_what_was_kept_elsewhere(store: Database) -> None:
    number = denied_ticket(store)
    kept = store.archive.seals(number)
    tamper(store, "DELETE FROM history WHERE id = 2")
    assert broken(store) == []
    assert store.archive.seals(number) == kept[:1]


def test_history_refuses_every_change_but_an_erasure(store: Database) -> None:
    number = denied_ticket(store)
    for statement in (
        "UPDATE history SET who = 'x'",
        "UPDATE history SET words_salt = NULL, words_hash = 'x'",
        "UPDATE history SET words_salt = NULL, words_hash = 'x', summary = '', mail = '', message_id = '', after = 'active'",
    ):
        with pytest.raises(DatabaseError, match="append-only"), store.engine.begin() as connection:
            connection.execute(text(statement))
    assert len(store.history(number)) == 2


def test_what_is_kept_about_a_person_is_theirs_alone(store: Database) -> None:
    number = denied_ticket(store)
    denied_ticket(store, "bob")
    about = store.archive.about(Whom("alice"))
    assert [ticket.id for ticket in about.tickets] == [number]
    assert {line.ticket_id for line in about.history} == {number}
    assert [letter.letter for letter in about.letters] == ["request-received", "admin-decision"]
    assert [mail.sha256 for mail in about.mails] == [HASH]
    assert about.words == {HASH: b"the words of alice"}
    assert "alice@example.org" in about.addresses
    assert "carol@testbed.example" not in about.addresses
    assert about.deeds == ()
    assert len(store.archive.about(Whom("carol"), ["carol@testbed.example"]).deeds) == 2


OLD, NEW = Whom("alice", ("entryuuid:1",)), Whom("alice", ("entryuuid:2",))


def test_two_people_who_had_the_same_login_are_two(store: Database) -> None:
    old = denied_ticket(store, person_id=OLD.ids[0], name="Alice the Elder", email="elder@example.org")
    new = denied_ticket(store, person_id=NEW.ids[0], name="Alice the Younger", email="younger@example.org")
    renamed = denied_ticket(store, "al", person_id=OLD.ids[0], renamed_to="alix", email="elder@example.org")
    unknown = denied_ticket(store)
    assert store.archive.namesakes("alice") == [
        Namesake("entryuuid:1", "Alice the Elder", (old,)),
        Namesake("entryuuid:2", "Alice the Younger", (new,)),
        Namesake("", "Alice", (unknown,)),
    ]
    assert [one.id for one in store.archive.about(OLD).tickets] == [old, renamed], "whatever the login was"
    assert [one.id for one in store.archive.about(Whom("alice")).tickets] == [unknown]
    both = Whom("alice", OLD.ids + NEW.ids)
    assert [one.id for one in store.archive.about(both).tickets] == [old, new, renamed], (
        "one whom the directory had twice"
    )
    assert store.archive.erase(OLD, "erased-1", OPERATOR, NOW).tickets == 2
    assert [one.id for one in store.archive.about(NEW).tickets] == [new]
    assert [one.id for one in store.archive.about(Whom("alice")).tickets] == [unknown]
    assert "younger@example.org" in everything(store)
    assert broken(store) == []


def everything(store: Database) -> str:
    """All that stands in the database, as text."""
    told = []
    with store.engine.connect() as connection:
        for table in ("tickets", "history", "ledger", "raw_mails", "outbox", "notes"):
            told += [repr(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {table}"))]
    return "\n".join(told)


def test_after_an_erasure_nothing_of_the_person_is_left_and_the_chain_still_holds(store: Database) -> None:
    number = denied_ticket(store)
    before = store.archive.seals(number)
    done = store.archive.erase(Whom("alice"), "erased-1", OPERATOR, NOW)
    assert done == Erased(tickets=1, lines=2, letters=2, mails=1)
    left = everything(store)
    for words in ("alice", "Alice", "Zoë", "A web service"):
        assert words not in left
    assert store.raw_mail(HASH) is None
    assert store.archive.seals(number)[:2] == before
    chains = {chain.ticket: chain for chain in store.archive.chains()}
    assert (chains[number].lines, chains[number].erased, chains[number].broken) == (3, 2, "")
    who = [(line.event, line.actor.who) for line in store.history(number)]
    assert who == [
        (EventKind.REQUESTED, "erased-1"), (EventKind.DENIED, "carol@testbed.example"), (EventKind.ERASED, "carol@testbed.example")
    ]  # fmt: skip
    assert store.handled_before("", HASH, a_mail(9).key), "the same mail still acts once"


def test_words_that_are_written_into_an_erased_line_show(store: Database) -> None:
    denied_ticket(store)
    store.archive.erase(Whom("alice"), "erased-1", OPERATOR, NOW)
    tamper(store, "UPDATE history SET summary = 'alice threatened us' WHERE id = 1")
    (why,) = broken(store)
    assert why.startswith("line 1 (row 1) was erased and says something")


def test_nothing_is_erased_while_a_ticket_is_not_over_or_a_letter_waits(store: Database) -> None:
    first = denied_ticket(store)
    second = opened(store, ticket=a_ticket("alice"))
    assert store.archive.erase(Whom("alice"), "erased-1", OPERATOR, NOW) == Erased(open=(second.id,))
    store.commit(Turn(now=NOW, about_ticket=first, effects=(a_letter("late"),)))
    assert store.archive.erase(Whom("alice"), "erased-1", OPERATOR, NOW) == Erased(open=(first, second.id))
    assert len(store.archive.about(Whom("alice")).tickets) == 2


def test_an_erasure_may_run_twice(store: Database) -> None:
    number = denied_ticket(store)
    store.archive.erase(Whom("alice"), "erased-1", OPERATOR, NOW)
    assert store.archive.erase(Whom("alice"), "erased-2", OPERATOR, NOW) == Erased()
    assert len(store.history(number)) == 3
    assert broken(store) == []


def test_two_turns_that_only_add_to_a_ticket_seal_one_after_the_other(store: Database) -> None:
    ticket = opened(store, ticket=a_ticket("alice"), history=(REQUESTED,))
    for _ in range(3):
        store.commit(Turn(now=NOW, about_ticket=ticket.id, history=(DENIED, DENIED)))
    (chain,) = store.archive.chains()
    assert (chain.lines, chain.broken) == (7, "")
