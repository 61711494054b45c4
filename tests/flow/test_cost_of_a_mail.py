"""What a mail costs the database, in statements: a figure that no busy machine changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import event

from mailbot.adapters.database.store import Database
from mailbot.rules import LetterRules, Rules
from mailbot.turns.deliver import deliver
from mailbot.turns.receive import receive
from tests.world import ADMINS, ALICE, World, key_of, request_words
from tests.writing import mail

FEW, MANY = 10, 60


def statements_of(root: Path, requests: int) -> tuple[int, int]:
    """How many statements so many requests take, and how many their two letters each."""
    root.mkdir()
    logins = [f"person{number}" for number in range(requests)]
    people = [
        replace(ALICE, id=f"memory:{one}", login=one, email=f"{one}@example.org", ssh_keys=(key_of(one),))
        for one in logins
    ]
    free = LetterRules(to_admins_per_hour=1000, total_per_hour=1000, total_per_day=1000)
    world = World(root, rules=Rules(letters=free), people=people, admins=ADMINS[:1])
    for one in logins:
        words = request_words(username=one)
        world.inbox.deliver(mail(f"{one}@example.org", "Persistent Virtual Machine Creation", words, world.now))
    context, store = world.bot.context, world.bot.context.store
    seen: list[str] = []
    assert isinstance(store, Database)

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    assert receive(context, world.inbox, world.bot.reader) == requests
    of_mails = len(seen)
    assert deliver(context, world.postman) == 2 * requests
    world.close()
    return of_mails, len(seen) - of_mails


def test_a_request_takes_eight_statements_and_its_two_letters_one(tmp_path: Path) -> None:
    few, many = statements_of(tmp_path / "few", FEW), statements_of(tmp_path / "many", MANY)
    more = MANY - FEW
    # who has the place and whether requests are taken; then BEGIN, ledger, raw mail, ticket, history, limits and outbox
    assert many[0] - few[0] == 8 * more
    assert many[1] - few[1] <= more
