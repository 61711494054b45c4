"""Many small mails: row 32 of docs/threats.md."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.model import Letter, Person, TicketState
from mailbot.rules import LetterRules, Rules, TrustRules
from tests.threats.site import OURS, genuine
from tests.world import ALICE, CAROL, DAVE, World, key_of, kind_of, request_words
from tests.writing import mail, reply, words_of

CROWD = tuple(Person(f"u{n}", f"User {n}", f"u{n}@example.org", ssh_keys=(key_of("alice"),)) for n in range(100))
LIMITS = LetterRules()
FEW = LetterRules(to_admins_per_hour=4)
SUBJECT = "Persistent Virtual Machine Creation"


def sent(world: World, address: str, before: int = 0) -> Counter[Letter]:
    return Counter(kind_of(one) for one in world.letters[before:] if one.envelope_to == address)


def test_a_hundred_forged_requests_are_not_a_hundred_questions(tmp_path: Path) -> None:
    world = World(tmp_path, people=CROWD)
    for person in CROWD:
        world.inbox.deliver(mail(person.email, SUBJECT, request_words(person.login), world.now))
    world.once()
    for admin in (CAROL, DAVE):
        asked = {Letter.ADMIN_DECISION: LIMITS.to_admins_per_hour, Letter.ADMIN_LETTERS_HELD: 1}
        assert sent(world, admin.address) == asked
    told = " ".join(words_of(world.last(Letter.ADMIN_LETTERS_HELD, CAROL.address)).split())
    assert f"more than {LIMITS.to_admins_per_hour} messages to the admins in an hour" in told
    assert "u99-vm" not in told
    assert "and 20 more" in told
    world.later(hours=2)
    assert sent(world, CAROL.address)[Letter.ADMIN_LETTERS_HELD] == 1, "told once"


@pytest.fixture
def flooded(tmp_path: Path) -> World:
    """A site that sees no alignment, after forged requests in ten names; four questions an hour may go."""
    world = World(tmp_path, people=CROWD[:10], rules=Rules(letters=FEW))
    for person in CROWD[:10]:
        world.writes(person.email, request_words(person.login))
    assert sent(world, CAROL.address) == {Letter.ADMIN_DECISION: 4, Letter.ADMIN_LETTERS_HELD: 1}
    return world


def test_further_held_letters_are_told_a_day_later_and_only_then(flooded: World) -> None:
    assert len(flooded.bot.context.store.held_letters(1000)) == 6 * 2
    flooded.later(hours=23, minutes=59)
    assert sent(flooded, CAROL.address)[Letter.ADMIN_LETTERS_HELD] == 1
    flooded.later(minutes=1)
    assert sent(flooded, CAROL.address)[Letter.ADMIN_LETTERS_HELD] == 2
    flooded.later(hours=20)
    assert sent(flooded, CAROL.address)[Letter.ADMIN_LETTERS_HELD] == 2, "nothing further was held"


def test_an_admins_word_lets_the_questions_go_and_only_those_that_are_still_open(flooded: World) -> None:
    letter = flooded.last(Letter.ADMIN_LETTERS_HELD, CAROL.address)
    withdrawn = flooded.ticket(flooded.bot.context.store.held_letters(1)[0].ticket_id or 0)
    receipts = (one for one in flooded.letters if kind_of(one) is Letter.REQUEST_RECEIVED)
    flooded.answers(next(one for one in receipts if one.envelope_to == withdrawn.email), "withdraw")
    before = len(flooded.letters)
    flooded.answers(letter, "proceed")
    assert sent(flooded, CAROL.address, before) == {Letter.ADMIN_DECISION: 5}
    assert flooded.bot.context.store.held_letters(1000) == []


def test_an_answer_to_an_older_letter_about_held_letters_lets_nothing_go(flooded: World) -> None:
    first = flooded.last(Letter.ADMIN_LETTERS_HELD, CAROL.address)
    flooded.later(days=1, minutes=1)
    held = flooded.bot.context.store.held_letters(1000)
    flooded.answers(first, "proceed")
    assert flooded.bot.context.store.held_letters(1000) == held
    flooded.answers(flooded.last(Letter.ADMIN_LETTERS_HELD, CAROL.address), "proceed")
    flooded.answers(flooded.last(Letter.ADMIN_LETTERS_HELD, DAVE.address), "proceed")
    for admin in (CAROL, DAVE):
        assert "changed nothing" in words_of(flooded.last(Letter.ADMIN_BRAKE_STAYS, admin.address))


def test_nobody_but_an_admin_lets_held_letters_go(flooded: World) -> None:
    letter = flooded.last(Letter.ADMIN_LETTERS_HELD, CAROL.address)
    held = flooded.bot.context.store.held_letters(1000)
    for sender in (CROWD[1].email, DAVE.address):
        flooded.arrives(reply(letter, sender, "proceed", flooded.now))
    flooded.answers(letter, "approve")
    assert flooded.bot.context.store.held_letters(1000) == held
    answer = words_of(flooded.last(Letter.ADMIN_BRAKE_STAYS, CAROL.address))
    assert "The messages are still held back" in answer
    assert "«proceed» to send everything" in answer


@pytest.fixture
def living(tmp_path: Path) -> World:
    """A site whose border checks mail, with alice's machine."""
    world = World(tmp_path, rules=Rules(trust=TrustRules(authserv_id=OURS)))
    world.arrives(genuine(mail(ALICE.email, SUBJECT, request_words(), world.now), ALICE.email))
    approval = reply(world.last(Letter.ADMIN_DECISION, CAROL.address), CAROL.address, "approve", world.now)
    world.arrives(genuine(approval, CAROL.address))
    world.later(minutes=5)
    assert world.ticket().state is TicketState.ACTIVE
    return world


def test_asking_and_withdrawing_again_and_again_makes_few_letters(tmp_path: Path) -> None:
    world = World(tmp_path, rules=Rules(trust=TrustRules(authserv_id=OURS)))
    for _ in range(30):
        world.arrives(genuine(mail(ALICE.email, SUBJECT, request_words(), world.now), ALICE.email))
        receipt = world.last(Letter.REQUEST_RECEIVED)
        world.arrives(genuine(reply(receipt, ALICE.email, "withdraw", world.now), ALICE.email))
    most = LIMITS.per_cause_and_day
    for reader in (ALICE.email, CAROL.address, DAVE.address):
        told = sent(world, reader)
        told.pop(Letter.ADMIN_LETTERS_HELD, None)
        assert 0 < told.total() <= most, (reader, told)


def test_releasing_and_keeping_again_and_again_makes_few_letters_and_history_tells_of_the_rest(living: World) -> None:
    before, ready = len(living.letters), living.last(Letter.VM_READY)
    for words in ("release", "keep") * 30:
        living.clock.advance(timedelta(seconds=5))
        living.arrives(reply(ready, ALICE.email, words, living.now))
    told = sent(living, ALICE.email, before)
    assert 0 < told.total() <= LIMITS.per_cause_and_day
    lines = [line for line in living.bot.context.store.history(1) if line.event == "LettersHeld"]
    assert len(lines) == 60 - told.total()


def test_warnings_go_out_whatever_the_brake_holds(living: World) -> None:
    living.clock.set(living.now.fromisoformat("2027-03-01T12:00+00:00"))
    ready = living.last(Letter.VM_READY)
    for words in ("release", "keep") * 20:
        living.clock.advance(timedelta(seconds=5))
        living.arrives(reply(ready, ALICE.email, words, living.now))
    living.later(hours=11)
    assert sent(living, ALICE.email)[Letter.WARNING] >= 1
