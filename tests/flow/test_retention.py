"""What is old leaves by rule, once a night: what people wrote, strangers' lines, letters, tickets that are over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select

from mailbot.adapters.database.store import Database
from mailbot.adapters.database.tables import HISTORY, LEDGER, OUTBOX, RAW_MAILS, TICKETS
from mailbot.model import Letter, TicketState
from mailbot.rules import RetentionRules
from mailbot.turns.retention import NOTE
from tests.world import ALICE, BOB, CAROL, World, request_words

TABLES = {"tickets": TICKETS, "history": HISTORY, "ledger": LEDGER, "mails": RAW_MAILS, "letters": OUTBOX}


def rows(world: World) -> dict[str, int]:
    store = world.bot.context.store
    assert isinstance(store, Database)
    with store.engine.connect() as connection:
        counts = {name: select(func.count()).select_from(table) for name, table in TABLES.items()}
        return {name: int(connection.execute(count).scalar_one()) for name, count in counts.items()}


def denied(world: World, who: str) -> None:
    world.writes(f"{who}@example.org", request_words(who))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "deny no room at the moment")


def with_rules(world: World, **days: int) -> None:
    world.rules = replace(world.rules, retention=RetentionRules(**days))
    world.restart()


def test_a_stranger_leaves_a_line_and_no_mail(world: World) -> None:
    for number in range(3):
        world.writes(f"stranger{number}@elsewhere.example", request_words("nobody") + "\n" + "x" * 50_000)
    assert rows(world)["mails"] == 0
    assert rows(world)["ledger"] == 3
    world.writes(ALICE.email, request_words())
    assert rows(world)["mails"] == 1, "what opened a ticket is evidence"


def test_everything_has_its_time(world: World) -> None:
    with_rules(world, mail_days=100, ledger_days=200, letter_days=200, finished_days=300)
    denied(world, "alice")
    world.writes("stranger@elsewhere.example", request_words("nobody"))
    full = rows(world)
    world.later(days=99)
    assert rows(world) == full
    world.later(days=3)
    assert rows(world) == full | {"mails": 0}
    world.later(days=100)
    about_no_ticket = 1
    assert rows(world) == full | {"mails": 0, "ledger": 1, "letters": full["letters"] - about_no_ticket}
    world.later(days=100)
    assert rows(world) == {"tickets": 0, "history": 0, "mails": 0, "ledger": 1, "letters": 0}
    world.writes(BOB.email, request_words("bob", until="2028-03-31"))
    assert world.ticket(2).username == "bob", "a number is never given twice"


def test_the_mailbox_is_not_read_again_from_its_beginning(world: World) -> None:
    with_rules(world, ledger_days=1)
    for number in range(3):
        world.writes(ALICE.email, f"for people, number {number}", subject="lunch")
    assert rows(world)["ledger"] == 3
    world.later(days=5)
    assert rows(world)["ledger"] == 1
    world.writes(ALICE.email, "for people, number 4", subject="lunch")
    assert rows(world)["ledger"] == 2
    assert len(world.inbox.inbox()) == 4


def test_a_machine_that_lives_keeps_its_history_and_its_proofs(world: World) -> None:
    world.writes(ALICE.email, request_words(until="2028-10-31"))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    with_rules(world, mail_days=1, ledger_days=1, letter_days=1, finished_days=1)
    before = rows(world)
    world.later(days=30)
    after = rows(world)
    assert (after["tickets"], after["history"], after["letters"]) == (1, before["history"], before["letters"])
    assert world.ticket().state is TicketState.ACTIVE


def test_zero_is_for_ever(world: World) -> None:
    with_rules(world, mail_days=0, ledger_days=0, letter_days=0, finished_days=0)
    denied(world, "alice")
    full = rows(world)
    world.later(days=4000)
    assert rows(world) == full


def test_it_is_done_once_a_night_after_three(world: World) -> None:
    store = world.bot.context.store
    world.clock.set(world.now.replace(hour=1) + timedelta(days=1))  # two in the morning in Paris
    world.once()
    before = store.note(NOTE)
    world.later(hours=2)
    assert store.note(NOTE) == world.now.date().isoformat() != before
