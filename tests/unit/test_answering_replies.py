"""One answer to one letter of ours: what it does, and what whoever wrote it reads where it does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot import operator, tokens
from mailbot.model import Action, Admin, EventKind, Letter, OutboundMail, TicketState
from mailbot.rules import Rules, TrustRules
from mailbot.turns.receive import receive
from tests.threats.site import OURS, genuine
from tests.world import ALICE, BOB, CAROL, DAVE, World, kind_of, request_words
from tests.writing import forwarded, mail, reply, words_of

S = TicketState
FORM = "Persistent Virtual Machine Creation"


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[World]:
    """Alice has asked for a machine."""
    world = World(tmp_path)
    world.writes(ALICE.email, request_words(until="2027-12-31"))
    yield world
    world.close()


@pytest.fixture
def living(asked: World) -> World:
    """Alice has a machine."""
    operator.approve(asked.bot.context, 1, CAROL.login)
    asked.once()
    asked.later(minutes=1)
    assert asked.ticket().state is S.ACTIVE
    return asked


def read(world: World, before: int) -> tuple[Letter, str]:
    """The one letter that came of it, and its words in one line."""
    (letter,) = world.letters[before:]
    return kind_of(letter), " ".join(words_of(letter).split())


def answer(world: World, letter: OutboundMail, words: str, sender: str | None = None) -> tuple[Letter, str]:
    before = len(world.letters)
    world.answers(letter, words, sender)
    return read(world, before)


# what the words are about


def test_a_machine_that_is_named_must_be_the_one_of_the_letter(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    kind, words = answer(living, ready, "release bob-vm")
    assert kind is Letter.COMMAND_REFUSED
    assert "This is about alice-vm, and you wrote about bob-vm." in words
    assert answer(living, ready, "release alice-vm")[0] is Letter.RELEASE_CONFIRM


def test_a_word_for_admins_is_nothing_in_an_owners_letter(living: World) -> None:
    kind, words = answer(living, living.last(Letter.VM_READY), "approve")
    assert kind is Letter.COMMAND_REFUSED
    assert "“approve” is not possible now" in words


def test_a_word_that_is_not_offered_is_refused_by_how_things_stand(living: World) -> None:
    kind, words = answer(living, living.last(Letter.VM_READY), "confirm")
    assert kind is Letter.COMMAND_REFUSED
    assert "“confirm” is not possible now: the machine is running" in words
    assert "lapsed" not in words


def test_whoever_asks_again_while_the_question_is_open_reads_until_when_was_asked(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    living.answers(ready, "extend until 2028-06-30")
    kind, words = answer(living, ready, "extend until 2028-07-31")
    assert kind is Letter.COMMAND_REFUSED
    assert "30 June 2028" in words
    kind, words = answer(living, ready, "confirm")
    assert "30 June 2028" not in words.partition("Reply")[0]


def test_how_things_stand_of_a_request_names_no_dates_of_a_machine(asked: World) -> None:
    kind, words = answer(asked, asked.last(Letter.REQUEST_RECEIVED), "status")
    assert kind is Letter.STATUS
    assert "What will happen when" not in words
    operator.approve(asked.bot.context, 1, CAROL.login)
    asked.once()
    asked.later(minutes=1)
    asked.answers(asked.last(Letter.VM_READY), "status")
    asked.later(minutes=1)
    assert "What will happen when" in " ".join(words_of(asked.last(Letter.STATUS)).split())


def test_other_words_that_are_no_command_are_answered_again_and_the_same_are_not(asked: World) -> None:
    receipt = asked.last(Letter.REQUEST_RECEIVED)
    for words in ("What is this about?", "Who are you?"):
        assert answer(asked, receipt, words)[0] is Letter.UNCLEAR_REPLY
        asked.later(minutes=1)
    before = len(asked.letters)
    asked.answers(receipt, "Who are  YOU?")
    assert len(asked.letters) == before


def waiting(world: World) -> list[tuple[Action, Letter | None]]:
    return [(one.action, one.letter) for one in world.bot.context.store.waiting(1)]


def test_how_a_request_stands_is_answered_without_asking_any_host(asked: World) -> None:
    receipt = asked.last(Letter.REQUEST_RECEIVED)
    asked.inbox.deliver(reply(receipt, ALICE.email, "status", asked.now))
    receive(asked.bot.context, asked.inbox, asked.bot.reader)
    assert waiting(asked) == [(Action.LETTER, Letter.STATUS)]


# which letter is answered


def test_an_answer_to_a_question_of_before_is_refused_although_the_same_is_asked_again(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    living.answers(ready, "release")
    first = living.last(Letter.RELEASE_CONFIRM)
    living.answers(first, "keep")
    living.later(days=1)
    living.answers(ready, "release")
    kind, words = answer(living, first, "confirm")
    assert kind is Letter.COMMAND_REFUSED
    assert "has changed since the message that you replied to" in words
    assert living.ticket().state is S.ACTIVE
    assert answer(living, first, "keep")[0] is Letter.VM_KEPT, "to keep it is never too late"
    living.answers(ready, "release")
    living.answers(living.last(Letter.RELEASE_CONFIRM), "confirm")
    assert living.ticket().state is not S.ACTIVE


@pytest.mark.parametrize(("first", "then"), [("release", "reinstall"), ("reinstall", "release")])
@pytest.mark.parametrize("by_code", [False, True])
def test_what_is_confirmed_is_what_the_letter_asks_and_nothing_else(
    living: World, first: str, then: str, by_code: bool
) -> None:
    ready = living.last(Letter.VM_READY)
    asks = {"release": Letter.RELEASE_CONFIRM, "reinstall": Letter.REINSTALL_CONFIRM}
    living.answers(ready, first)
    living.answers(ready, then)
    before = living.ticket()
    if by_code:
        without_headers(living, living.last(asks[first]), ALICE.email, "confirm")
    else:
        living.answers(living.last(asks[first]), "confirm")
    assert living.ticket() == before
    assert kind_of(living.letters[-1]) is Letter.COMMAND_REFUSED
    living.answers(living.last(asks[then]), "confirm")
    assert living.ticket() != before


def test_a_wish_for_a_fresh_disk_leaves_an_open_question_to_admins_as_it_is(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    living.answers(ready, "extend until 2028-06-30")
    question = living.last(Letter.ADMIN_DECISION, CAROL.address)
    living.answers(ready, "reinstall")
    living.answers(question, "approve")
    assert str(living.ticket().end_date) == "2028-06-30"
    assert living.ticket().reinstall_asked_at is not None


def test_the_code_of_a_day_before_confirms_no_release_of_today(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    living.answers(ready, "release")
    first = living.last(Letter.RELEASE_CONFIRM)
    living.answers(first, "keep")
    living.later(days=1)
    living.answers(ready, "release")
    without_headers(living, first, ALICE.email, "confirm")
    assert living.ticket().state is S.ACTIVE
    without_headers(living, living.last(Letter.RELEASE_CONFIRM), ALICE.email, "confirm")
    assert living.ticket().state is not S.ACTIVE


def test_a_question_that_a_colleague_answered_is_told_even_while_the_next_one_is_open(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    living.answers(ready, "extend until 2028-06-30")
    old = living.last(Letter.ADMIN_DECISION, CAROL.address)
    living.later(minutes=5)
    living.answers(living.last(Letter.ADMIN_DECISION, DAVE.address), "deny no room")
    living.later(days=1)
    living.answers(ready, "extend until 2028-07-31")
    kind, words = answer(living, old, "approve")
    assert kind is Letter.ADMIN_ALREADY_DECIDED
    assert f"was denied by {DAVE.address}" in words
    assert living.ticket().asked_end_date is not None


def test_a_request_that_its_owner_wrote_anew_is_decided_by_its_newest_letter(tmp_path: Path) -> None:
    world = World(tmp_path, rules=Rules(trust=TrustRules(authserv_id=OURS)))
    for until in ("2027-12-31", "2027-10-31"):
        world.arrives(genuine(mail(ALICE.email, FORM, request_words(until=until), world.now), ALICE.email))
        world.later(minutes=5)
    old, _dave, new, *_ = [one for one in world.letters if kind_of(one) is Letter.ADMIN_DECISION]
    assert old.envelope_to == new.envelope_to == CAROL.address
    before = len(world.letters)
    world.arrives(genuine(reply(old, CAROL.address, "approve", world.now), CAROL.address))
    kind, words = read(world, before)
    assert kind is Letter.COMMAND_REFUSED
    assert "The request has changed since" in words
    world.arrives(genuine(reply(new, CAROL.address, "approve", world.now), CAROL.address))
    assert world.ticket().state is not S.PENDING
    world.close()


def test_the_history_names_the_mail_that_decided(asked: World) -> None:
    asked.arrives(reply(asked.last(Letter.ADMIN_DECISION, CAROL.address), CAROL.address, "deny no room", asked.now))
    line = asked.bot.context.store.history(1)[-1]
    assert line.event is EventKind.DENIED
    assert line.actor.message_id.endswith("@testbed.example>")


# who answers


def without_headers(world: World, letter: OutboundMail, sender: str, words: str) -> None:
    """A mail that has nothing of the letter but the code that is to be seen in it."""
    (code,) = {one for one in words_of(letter).split() if tokens.codes_in(one)}
    world.arrives(mail(sender, "My machine", f"{words}\n\n> {code}", world.now))


@pytest.mark.parametrize("sender", [ALICE.email, *ALICE.aliases])
def test_the_code_that_is_seen_counts_from_every_address_of_the_owner(living: World, sender: str) -> None:
    before = len(living.letters)
    without_headers(living, living.last(Letter.VM_READY), sender, "help")
    assert read(living, before)[0] is Letter.HELP


def test_the_code_that_is_seen_counts_from_the_address_that_the_owner_has_now(living: World) -> None:
    ready, before = living.last(Letter.VM_READY), len(living.letters)
    living.directory.put(replace(ALICE, email="alice@new.example.org", aliases=()))
    without_headers(living, ready, "alice@new.example.org", "help")
    assert read(living, before)[0] is Letter.HELP
    without_headers(living, ready, BOB.email, "release")
    assert living.ticket().release_asked_at is None


def test_the_code_of_an_admins_letter_counts_from_that_admin_alone(asked: World) -> None:
    question = asked.last(Letter.ADMIN_DECISION, CAROL.address)
    for stranger in (BOB.email, DAVE.address, ALICE.email):
        without_headers(asked, question, stranger, "approve")
        assert asked.ticket().state is S.PENDING
    without_headers(asked, question, CAROL.address, "approve")
    assert asked.ticket().state is not S.PENDING


def test_whoever_was_written_to_and_is_registered_no_more_is_told_that_and_nobody_else_is(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    before = len(living.letters)
    living.answers(forwarded(ready, ALICE.email, "mallory@elsewhere.example", living.now), "status")
    assert len(living.letters) == before
    living.later(days=2)
    living.directory.remove("alice")
    assert answer(living, ready, "status")[0] is Letter.UNKNOWN_SENDER


def test_a_token_that_others_have_asks_and_does_nothing_else(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    living.arrives(reply(ready, ALICE.email, "help", living.now, Cc=BOB.email))
    kind, words = answer(living, ready, "release")
    assert kind is Letter.COMMAND_REFUSED
    assert "also went to other people" in words
    assert answer(living, ready, "help")[0] is Letter.HELP


def test_while_the_directory_is_away_admins_decide_and_everybody_else_waits(asked: World) -> None:
    receipt = asked.last(Letter.REQUEST_RECEIVED)
    asked.directory.down = True
    asked.answers(receipt, "status")
    assert len(asked.inbox.inbox()) == 1
    asked.answers(asked.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    assert asked.ticket().state is not S.PENDING
    assert len(asked.inbox.inbox()) == 1
    asked.directory.down = False
    asked.later(hours=1)
    assert asked.inbox.inbox() == []


def test_while_the_directory_is_away_an_admin_who_has_a_machine_waits_with_it_like_everybody(tmp_path: Path) -> None:
    both = Admin("bob", BOB.name, BOB.email)
    world = World(tmp_path, admins=(CAROL, both))
    world.writes(BOB.email, request_words("bob"))
    world.directory.down = True
    world.answers(world.last(Letter.REQUEST_RECEIVED), "withdraw")
    assert world.ticket().state is S.PENDING
    assert len(world.inbox.inbox()) == 1
    world.directory.down = False
    world.later(hours=1)
    assert world.ticket().state is S.WITHDRAWN
    world.close()


# whether they may still have a machine


def test_whoever_is_locked_by_now_confirms_no_request_and_gets_no_keys_in(tmp_path: Path) -> None:
    world = World(tmp_path, rules=Rules(trust=TrustRules(authserv_id=OURS)))
    world.writes(ALICE.email, request_words())
    world.directory.put(replace(ALICE, locked=True))
    kind, words = answer(world, world.last(Letter.CONFIRM_REQUEST), "confirm")
    assert (kind, world.ticket().state) == (Letter.COMMAND_REFUSED, S.UNCONFIRMED)
    assert "is locked" in words
    world.directory.put(ALICE)
    world.answers(world.last(Letter.CONFIRM_REQUEST), "confirm")
    assert world.ticket().state is S.PENDING
    world.close()


@pytest.mark.parametrize(("locked", "refused"), [(True, True), (False, False)])
def test_keys_are_put_in_again_for_somebody_who_may_log_in(living: World, locked: bool, refused: bool) -> None:
    living.directory.put(replace(ALICE, locked=locked))
    before = len(living.letters)
    living.answers(living.last(Letter.VM_READY), "rekey")
    living.later(minutes=1)
    kind, words = read(living, before)
    assert (kind is Letter.COMMAND_REFUSED) is refused
    assert ("is locked" in words) is refused


@pytest.mark.parametrize(("words", "letter"), [("console", Letter.CONSOLE), ("restart", Letter.STATUS)])
def test_what_only_the_machine_can_answer_is_answered_by_one_letter(living: World, words: str, letter: Letter) -> None:
    before = len(living.letters)
    living.answers(living.last(Letter.VM_READY), words)
    for _ in range(3):
        living.later(minutes=5)
    assert read(living, before)[0] is letter


# a machine that was removed


@pytest.fixture
def removed(living: World) -> World:
    """Alice has given her machine back, which admins had agreed to until the end of 2027."""
    living.answers(living.last(Letter.VM_READY), "release")
    living.answers(living.last(Letter.RELEASE_CONFIRM), "confirm")
    for _ in range(5):
        living.later(minutes=2)
    assert living.ticket().state is S.ARCHIVED
    return living


def test_it_comes_back_where_nobody_has_its_place(removed: World) -> None:
    removed.answers(removed.last(Letter.VM_ARCHIVED), "restore")
    removed.later(minutes=2)
    assert removed.ticket().state is S.ACTIVE


def test_whoever_answers_late_reads_who_answered_and_not_that_it_was_asked(removed: World) -> None:
    removed.answers(removed.last(Letter.VM_ARCHIVED), "restore until 2028-06-30")
    assert removed.ticket().state is S.ARCHIVED
    late = removed.last(Letter.ADMIN_DECISION, DAVE.address)
    removed.answers(removed.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    removed.later(minutes=2)
    kind, words = answer(removed, late, "approve")
    assert kind is Letter.ADMIN_ALREADY_DECIDED
    assert f"was approved by {CAROL.address}" in words


def test_whoever_answers_late_reads_that_a_colleague_had_it_brought_back(removed: World) -> None:
    removed.answers(removed.last(Letter.VM_ARCHIVED), "restore until 2028-06-30")
    late = removed.last(Letter.ADMIN_DECISION, DAVE.address)
    operator.restore(removed.bot.context, 1, CAROL.login)
    removed.later(minutes=2)
    kind, words = answer(removed, late, "approve")
    assert kind is Letter.ADMIN_ALREADY_DECIDED
    assert f"because the machine was brought back by {CAROL.address}" in words


def test_somebody_elses_letter_is_nothing_to_answer_for_another_user(living: World) -> None:
    before = len(living.letters)
    living.answers(forwarded(living.last(Letter.VM_READY), ALICE.email, BOB.email, living.now), "release")
    assert living.ticket().release_asked_at is None
    assert len(living.letters) == before
    assert len(living.inbox.inbox()) == 1


# another one in its place


def test_a_kept_disk_does_not_come_back_beside_another_machine_of_the_same_person(living: World) -> None:
    living.answers(living.last(Letter.VM_READY), "release")
    living.answers(living.last(Letter.RELEASE_CONFIRM), "confirm")
    for _ in range(5):
        living.later(minutes=2)
    archived = living.last(Letter.VM_ARCHIVED)
    living.writes(ALICE.email, request_words(until="2027-12-31"))
    kind, words = answer(living, archived, "restore")
    assert kind is Letter.COMMAND_REFUSED
    assert "There is already another one for alice (#2)" in words


def test_nor_beside_one_of_somebody_who_has_the_login_now(living: World) -> None:
    living.answers(living.last(Letter.VM_READY), "release")
    living.answers(living.last(Letter.RELEASE_CONFIRM), "confirm")
    for _ in range(5):
        living.later(minutes=2)
    archived = living.last(Letter.VM_ARCHIVED)
    new = replace(ALICE, id="memory:another", name="Alice Nguyen", email="nguyen@example.org", aliases=())
    living.directory.remove("alice")
    living.directory.put(replace(ALICE, login="alice.martin", id="memory:alice"))
    living.directory.put(new)
    living.writes(new.email, request_words(until="2027-12-31"))
    assert living.ticket(2).person_id == "memory:another"
    kind, words = answer(living, archived, "restore")
    assert kind is Letter.COMMAND_REFUSED
    assert "There is now another alice-vm, which is not yours." in words


def test_what_was_found_about_the_sender_stands_in_the_note_of_a_refusal(tmp_path: Path) -> None:
    world = World(tmp_path, rules=Rules(trust=TrustRules(authserv_id=OURS)))
    world.arrives(genuine(mail(ALICE.email, FORM, request_words(), world.now), ALICE.email))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    assert world.ticket().state is S.PENDING
    with world.bot.context.store.engine.connect() as connection:
        (why,) = connection.exec_driver_sql("SELECT why FROM ledger ORDER BY seen_at DESC, id DESC LIMIT 1").scalars()
    assert why.startswith("refused: Nothing was done")
    assert why.endswith("(border: no result of ours)")
    world.close()
