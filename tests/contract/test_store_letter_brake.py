"""The store counts letters in the transaction that writes them, and holds what would pass a limit."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.exc import StatementError

from mailbot.adapters.database.store import Database
from mailbot.model import Actor, Effect, EventKind, HistoryEntry, Letter, Role, Ticket, TicketState, Turn
from mailbot.rules import LetterRules
from tests.contract.test_store import ALICE, LETTERS, NOW, a_letter, a_mail, a_ticket, changed, claimed_keys, opened
from tests.databases import callers_clock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = LetterRules(per_person_and_day=4, per_cause_and_day=3, to_admins_per_hour=2, total_per_hour=8, total_per_day=9)
CAROL, DAVE = "carol@testbed.example", "dave@testbed.example"


@pytest.fixture
def store(url: str) -> Iterator[Database]:
    store = Database(url, LIMITS, clock=callers_clock)
    yield store
    store.close()


def answered(store: Database, uid: int, *effects: Effect, now: datetime = NOW, sender: str = ALICE) -> None:
    """A mail that changes nothing and makes letters."""
    store.commit(Turn(now=now, mail=a_mail(uid, sender=sender), effects=effects))


def to(address: str, key: str, letter: Letter = Letter.HELP) -> Effect:
    return a_letter(key, letter, address)


def held(store: Database) -> list[str]:
    return [one.to for one in store.held_letters(100)]


def decision(now: datetime = NOW) -> HistoryEntry:
    admin = Actor(Role.ADMIN, CAROL)
    return HistoryEntry(0, now, EventKind.APPROVED, TicketState.PENDING, TicketState.APPROVED, admin, "approved")


def test_one_person_gets_so_many_letters_in_a_day(store: Database) -> None:
    for number in range(6):
        answered(store, number + 1, to(ALICE.upper(), f"to-{number}"), sender=f"somebody{number}@example.org")
    assert claimed_keys(store, LETTERS) == ["to-0", "to-1", "to-2", "to-3"]
    assert held(store) == [ALICE.upper()] * 2
    assert {one.why for one in store.held_letters(9)} == {"more than 4 messages to one person in 24 hours"}
    answered(store, 9, to("bob@example.org", "bob"), sender="x@example.org")
    answered(store, 10, to(ALICE, "next"), now=NOW + DAY - timedelta(seconds=1), sender="y@example.org")
    assert len(held(store)) == 3
    answered(store, 11, to(ALICE, "later"), now=NOW + DAY, sender="z@example.org")
    assert claimed_keys(store, LETTERS, NOW + DAY + HOUR)[-1] == "later", "what was held has used nothing up"


def test_the_limits_hold_for_each_of_many_readers_of_one_turn(store: Database) -> None:
    limits = LetterRules(
        per_person_and_day=1, per_cause_and_day=50, to_admins_per_hour=2, total_per_hour=60, total_per_day=90
    )
    everybody = [f"person{number}@example.org" for number in range(20)]
    many = Database(store.engine.url.render_as_string(hide_password=False), limits, clock=callers_clock)
    answered(many, 1, to(everybody[13], "before"))
    answered(many, 2, *(to(one, f"to-{one}") for one in everybody), to(CAROL, "admins", Letter.ADMIN_DECISION))
    assert held(many) == [everybody[13]]
    many.close()


def test_one_sender_causes_so_many_letters_to_each_reader(store: Database) -> None:
    for number in range(5):
        answered(store, number + 1, to(ALICE, f"to-{number}"), sender="Loud@example.org")
    assert len(held(store)) == 2
    assert {one.why for one in store.held_letters(9)} == {
        "more than 3 messages to one recipient for one cause in 24 hours"
    }
    answered(store, 8, to("bob@example.org", "bob"), sender="loud@example.org")
    answered(store, 9, to(ALICE, "of-another"), sender="other@example.org")
    assert len(held(store)) == 2


def test_one_ticket_causes_so_many_letters_to_each_reader_whoever_writes(store: Database) -> None:
    ticket = opened(store, a_letter("0"))
    for number in range(1, 5):
        mail = a_mail(number, sender=f"alias{number}@example.org")
        ticket = changed(store, ticket, a_letter(str(number), Letter.VM_KEPT), mail=mail)
    assert len(held(store)) == 2
    said = [line.summary for line in store.history(ticket.id) if line.event == "LettersHeld"]
    assert (
        said
        == ["held by the brake on letters (more than 3 messages to one recipient for one cause in 24 hours): vm-kept"]
        * 2
    )


def test_a_letter_to_all_admins_counts_once_and_is_held_for_all(store: Database) -> None:
    for number in range(3):
        question = [to(one, f"{number}:{one}", Letter.ADMIN_DECISION) for one in (CAROL, DAVE)]
        opened(
            store, *question, ticket=a_ticket(f"user{number}"), mail=a_mail(number + 1, sender=f"{number}@x.example")
        )
    assert len(claimed_keys(store, LETTERS)) == 4
    assert held(store) == [CAROL, DAVE]
    store.commit(
        Turn(
            now=NOW + HOUR,
            ticket=a_ticket("later"),
            mail=a_mail(9),
            effects=(to(CAROL, "later", Letter.ADMIN_DECISION),),
        )
    )
    assert len(held(store)) == 2


def test_letters_to_an_admin_do_not_use_up_what_the_same_person_gets_as_a_user(store: Database) -> None:
    for number in range(2):
        opened(store, to(CAROL, "q", Letter.ADMIN_DECISION), ticket=a_ticket(f"user{number}"))
    for number in range(3):
        answered(store, number + 1, to(CAROL, f"own-{number}"), sender=CAROL)
    assert held(store) == []


def test_what_an_admin_decides_is_no_cause_of_its_own(store: Database) -> None:
    for number in range(5):
        ticket = opened(store, ticket=a_ticket(f"user{number}", state=TicketState.PENDING))
        told = to("one@example.org", "told", Letter.VM_RESTORED) if number < 4 else to("two@example.org", "told")
        changed(store, ticket, told, mail=a_mail(number + 1, sender=CAROL), history=(decision(),))
    assert held(store) == []


def test_all_letters_together_have_a_limit_by_the_hour_and_by_the_day(store: Database) -> None:
    for number in range(9):
        answered(store, number + 1, to(f"{number}@example.org", f"{number}"), sender=f"{number}@example.org")
    assert held(store) == ["8@example.org"]
    for number in (10, 11):
        later = NOW + HOUR
        answered(store, number, to(f"{number}@example.org", f"{number}"), now=later, sender=f"{number}@example.org")
    assert held(store) == ["8@example.org", "11@example.org"]
    assert store.held_letters(9)[-1].why == "more than 9 messages in 24 hours"


def test_letters_of_one_turn_count_too(store: Database) -> None:
    opened(store, *(a_letter(str(number)) for number in range(5)))
    assert len(held(store)) == 2


def test_warnings_are_neither_held_nor_counted(store: Database) -> None:
    ticket = opened(store)
    for number in range(12):
        ticket = changed(store, ticket, a_letter(f"warning:{number}", Letter.WARNING))
    ticket = changed(store, ticket, a_letter("kept", Letter.VM_KEPT))
    assert held(store) == []
    assert len(claimed_keys(store, LETTERS)) == 13


def _three_held(store: Database) -> tuple[Ticket, list[int]]:
    ticket = opened(store, *(a_letter(str(number)) for number in range(6)))
    claimed_keys(store, LETTERS)
    return ticket, [one.row for one in store.held_letters(100)]


def test_what_is_held_is_not_sent_until_it_is_let_go(store: Database) -> None:
    _ticket, rows = _three_held(store)
    assert claimed_keys(store, LETTERS, NOW + DAY / 2) == ["0", "1", "2"], "their leases are over"
    store.commit(Turn(now=NOW + HOUR, let_go=tuple(rows[:1]), drop=tuple(rows[1:2])))
    assert [one.row for one in store.held_letters(100)] == rows[2:]
    assert claimed_keys(store, LETTERS, NOW + DAY / 2) == ["3"]
    store.commit(Turn(now=NOW + HOUR, let_go=tuple(rows[:2])))
    assert claimed_keys(store, LETTERS, NOW + DAY / 2) == [], "what was dropped does not come back"


def test_only_so_many_held_letters_are_given_the_oldest_first(store: Database) -> None:
    _ticket, rows = _three_held(store)
    assert [one.row for one in store.held_letters(2)] == rows[:2]


def test_a_turn_that_is_refused_counts_nothing(store: Database) -> None:
    ticket = opened(store)
    stale = dataclasses.replace(ticket, revision=99)
    for number in range(6):
        with pytest.raises(Exception, match="changed by somebody else"):
            changed(store, stale, a_letter(f"lost-{number}"))
    changed(store, ticket, a_letter("kept"))
    assert held(store) == []


STEP = st.tuples(
    st.sampled_from([timedelta(seconds=30), timedelta(minutes=7), timedelta(minutes=40), -timedelta(minutes=20), DAY]),
    st.sampled_from([ALICE, "bob@example.org", CAROL]),
    st.integers(0, 1),
    st.booleans(),
)


@given(st.lists(STEP, min_size=8, max_size=30))
@settings(max_examples=20)
def test_what_a_process_remembers_of_its_counts_changes_no_decision(
    sqlite_template: Path, steps: list[tuple[timedelta, str, int, bool]]
) -> None:
    """Two processes that remember what they counted, beside one that counts anew each time: by a clock that goes on, jumps and goes back."""
    limits = LetterRules(
        per_person_and_day=6, per_cause_and_day=4, to_admins_per_hour=3, total_per_hour=7, total_per_day=12
    )
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("remembered", "anew")]
        for file in files:
            shutil.copy(sqlite_template, file)
        both = [Database(f"sqlite:///{files[0]}", limits, clock=callers_clock) for _ in range(2)]
        now = NOW
        for number, (step, reader, which, fails) in enumerate(steps, 1):
            now += step
            letter = to(reader, f"l-{number}", Letter.ADMIN_DECISION if reader == CAROL else Letter.HELP)
            anew = Database(f"sqlite:///{files[1]}", limits, clock=callers_clock)
            for store in (both[which], anew):
                if fails:  # a turn that is taken back leaves nothing, and its row's number is used again
                    notes: Any = {"what no column holds": 1}
                    with pytest.raises(StatementError):
                        store.commit(Turn(now=now, effects=(letter,), notes=notes))
                answered(store, number, letter, now=now, sender=reader)
            anew.close()
            assert held(both[0]) == held(anew), f"after {number} letters"
        for store in both:
            store.close()


def test_counting_looks_only_at_what_was_written_since(sqlite_template: Path, tmp_path: Path) -> None:
    file = tmp_path / "many"
    shutil.copy(sqlite_template, file)
    free = LetterRules(to_admins_per_hour=10_000, total_per_hour=10_000, total_per_day=10_000, per_cause_and_day=1_000)
    store = Database(f"sqlite:///{file}", free, clock=callers_clock)
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda _c, _cursor, text, *_: asked.append(text))
    for number in range(1, 5):
        answered(store, number, to(CAROL, f"l-{number}", Letter.ADMIN_DECISION), sender=f"p{number}@example.org")
    counts = [text for text in asked if "count(" in text]
    assert ["since" if "outbox.id > ?" in text else "all" for text in counts] == [
        *("all", "all", "since", "since")  # before the first one there was none in the day
    ]
    store.close()
