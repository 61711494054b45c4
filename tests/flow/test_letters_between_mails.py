"""Letters to a real SMTP server while a long pass over the mailbox goes on: each arrives once, whatever the server does between two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest

from mailbot import passes
from mailbot.model import Action, Effect, Letter, Turn
from mailbot.ports import OutboxState
from mailbot.sending import MAILS_BETWEEN
from tests.contract.test_postman import SmtpWorld, smtp_world
from tests.world import ALICE, World
from tests.writing import mail

LETTERS = 60
REFUSED = "a7@x.example"


@pytest.fixture
def letters() -> Iterator[SmtpWorld]:
    with smtp_world() as made:
        yield made


def taken(letters: SmtpWorld) -> Counter[str]:
    """How many letters the mail server took, by recipient."""
    return Counter(recipient for _sender, recipient, _text in letters.arrived())


def full_mailbox(world: World) -> None:
    """Letters that are due, and more mails than a batch of letters waits for."""
    facts = {"why": "a reason", "folder": "Quarantine"}
    addresses = (f"a{number}@x.example" for number in range(LETTERS))
    effects = tuple(Effect(Action.LETTER, to, Letter.ADMIN_MAIL_TROUBLE, to, "A", facts) for to in addresses)
    world.bot.context.store.commit(Turn(now=world.now, effects=effects))
    for number in range(3 * MAILS_BETWEEN):
        world.inbox.deliver(mail(ALICE.email, f"lunch {number}", "At noon?", world.now))


def tenth_closes() -> Callable[[str, str], str | None]:
    mails = count(1)
    return lambda command, _argument: "421 4.7.0 enough for now" if command == "MAIL" and not next(mails) % 10 else None


@pytest.mark.parametrize("pipelines", [True, False], ids=["pipelining", "one by one"])
@pytest.mark.parametrize("trouble", [lambda _command, _argument: None, tenth_closes()], ids=["quiet", "closes"])
def test_each_letter_arrives_once(
    world: World, letters: SmtpWorld, pipelines: bool, trouble: Callable[[str, str], str | None]
) -> None:
    full_mailbox(world)
    letters.server.pipelining = pipelines
    letters.server.trouble = trouble
    tally = passes.tick(replace(world.bot, postman=letters.postman))
    assert (tally.mails, tally.letters, tally.troubles) == (3 * MAILS_BETWEEN, LETTERS, [])
    assert taken(letters) == Counter(f"a{number}@x.example" for number in range(LETTERS))
    assert world.bot.context.store.outbox_counts() == []


def test_one_that_is_refused_or_whose_answer_is_lost_holds_up_no_other(world: World, letters: SmtpWorld) -> None:
    full_mailbox(world)
    lost = iter(["", *([None] * LETTERS)])

    def trouble(command: str, argument: str) -> str | None:
        if command == "RCPT" and re.search(rf"<{REFUSED}>", argument):
            return "452 4.2.2 mailbox full"
        return next(lost) if command == "ANSWER" and len(letters.arrived()) > 20 else None

    letters.server.trouble = trouble
    tally = passes.tick(replace(world.bot, postman=letters.postman))
    assert tally.mails == 3 * MAILS_BETWEEN
    assert REFUSED not in taken(letters)
    assert set(taken(letters).values()) == {1}, "none is sent twice in one pass"
    (waiting,) = world.bot.context.store.outbox_counts()
    assert (waiting.state, waiting.rows) == (OutboxState.WAITING, LETTERS - tally.letters)
    letters.server.trouble = lambda _command, _argument: None
    while world.bot.context.store.outbox_counts():
        world.clock.set(max(world.bot.context.store.next_due() or world.now, world.now))
        passes.tick(replace(world.bot, postman=letters.postman))
    assert sorted(taken(letters)) == sorted(f"a{number}@x.example" for number in range(LETTERS))
    assert sum(taken(letters).values()) == LETTERS + 1, "the one whose answer was lost"
