"""Mail in an owner's name against the owner: row 33 of docs/threats.md."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailbot.model import Letter, TicketState
from mailbot.rules import Rules, TrustRules
from tests.threats.site import OURS, genuine, results
from tests.world import ALICE, BOB, CAROL, World, kind_of, request_words
from tests.writing import mail, reply, words_of

SUBJECT = "Persistent Virtual Machine Creation"
STRICT = Rules(trust=TrustRules(authserv_id=OURS))


@pytest.fixture
def living(tmp_path: Path) -> World:
    """A site that sees no alignment, with alice's machine."""
    world = World(tmp_path)
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    assert world.ticket().state is TicketState.ACTIVE
    return world


def test_a_forged_template_changes_nothing_of_a_machine_and_does_not_end_a_release(living: World) -> None:
    living.answers(living.last(Letter.VM_READY), "release")
    before, letters = living.ticket(), len(living.letters)
    assert before.release_asked_at is not None
    living.writes(ALICE.email, request_words(until="2027-06-01"))
    assert living.ticket() == before
    (told,) = living.letters[letters:]
    assert (kind_of(told), told.envelope_to) == (Letter.COMMAND_REFUSED, ALICE.email)
    assert "extend until 2027-06-01" in " ".join(words_of(told).split())


def test_the_owner_confirms_it_by_answering(living: World) -> None:
    living.writes(ALICE.email, request_words(until="2027-06-01"))
    living.answers(living.last(Letter.COMMAND_REFUSED, ALICE.email), "extend until 2027-06-01")
    assert living.ticket().asked_end_date == date(2027, 6, 1)


def test_sixty_forged_templates_with_other_dates_bother_no_admin_and_the_owner_little(living: World) -> None:
    before = len(living.letters)
    for number in range(60):
        living.writes(ALICE.email, request_words(until=("2027-05-01", "2027-05-02")[number % 2]))
    letters = living.letters[before:]
    assert {one.envelope_to for one in letters} == {ALICE.email}
    assert 0 < len(letters) <= living.rules.answers.unproven_per_day
    assert living.ticket().asked_end_date is None


def test_another_date_within_an_open_question_makes_no_new_question(living: World) -> None:
    ready = living.last(Letter.VM_READY)
    living.answers(ready, "extend until 2027-05-01")
    asked = [one for one in living.letters if kind_of(one) is Letter.ADMIN_DECISION]
    living.answers(ready, "extend until 2027-05-02")
    assert [one for one in living.letters if kind_of(one) is Letter.ADMIN_DECISION] == asked
    assert living.ticket().asked_end_date == date(2027, 5, 1)
    told = " ".join(words_of(living.last(Letter.COMMAND_REFUSED, ALICE.email)).split())
    assert "already asked for" in told


def test_a_template_whose_sender_is_proven_asks_for_more_time(tmp_path: Path) -> None:
    world = World(tmp_path, rules=STRICT)
    world.arrives(genuine(mail(ALICE.email, SUBJECT, request_words(), world.now), ALICE.email))
    question = world.last(Letter.ADMIN_DECISION, CAROL.address)
    world.arrives(genuine(reply(question, CAROL.address, "approve", world.now), CAROL.address))
    world.later(minutes=5)
    before, words = world.ticket(), request_words(until="2027-06-01")
    world.arrives(results(ALICE.email, "fail") + mail(ALICE.email, SUBJECT, words, world.now))
    assert world.ticket() == before
    world.arrives(genuine(mail(ALICE.email, SUBJECT, words, world.now), ALICE.email))
    assert world.ticket().asked_end_date == date(2027, 6, 1)


@pytest.fixture
def forged(tmp_path: Path) -> World:
    """A site that sees no alignment, with a forged request in bob's name that waits for the admins."""
    world = World(tmp_path)
    world.writes(BOB.email, request_words("bob", usage="Something forged."))
    assert world.ticket().state is TicketState.PENDING
    return world


def test_the_owners_own_request_displaces_a_forged_one_by_the_letter_about_it(forged: World) -> None:
    old = forged.last(Letter.ADMIN_DECISION, CAROL.address)
    receipt = forged.last(Letter.REQUEST_RECEIVED)
    own = request_words("bob", usage="What bob really wants.", until="2027-01-31")
    forged.arrives(reply(receipt, BOB.email, own, forged.now))
    ticket = forged.ticket()
    assert (ticket.state, ticket.end_date) == (TicketState.PENDING, date(2027, 1, 31))
    assert "really wants" in ticket.intended_usage
    assert "really wants" in words_of(forged.last(Letter.ADMIN_DECISION, CAROL.address))
    forged.answers(old, "approve")
    assert forged.ticket().state is TicketState.PENDING, "the old letter asked something else"
    forged.answers(forged.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    forged.later(minutes=5)
    assert forged.ticket().state is TicketState.ACTIVE


def test_other_words_alone_make_older_letters_void_too(forged: World) -> None:
    old = forged.last(Letter.ADMIN_DECISION, CAROL.address)
    own = request_words("bob", usage="What bob really wants.")
    forged.arrives(reply(forged.last(Letter.REQUEST_RECEIVED), BOB.email, own, forged.now))
    forged.answers(old, "approve")
    assert forged.ticket().state is TicketState.PENDING


def test_another_forged_request_displaces_nothing(forged: World) -> None:
    before = forged.ticket()
    receipt = forged.last(Letter.REQUEST_RECEIVED)
    other = request_words("bob", usage="Forged again.")
    forged.writes(BOB.email, other)
    assert kind_of(forged.letters[-1]) is Letter.REQUEST_PROBLEMS, "bob reads that one waits in his name"
    assert forged.letters[-1].envelope_to == BOB.email
    for sender in (ALICE.email, "mallory@elsewhere.example"):
        forged.arrives(reply(receipt, sender, other, forged.now))
    question = forged.last(Letter.ADMIN_DECISION, CAROL.address)
    forged.arrives(reply(question, BOB.email, other, forged.now))
    assert forged.ticket() == before


def test_a_letter_that_went_to_others_displaces_nothing_afterwards(forged: World) -> None:
    receipt = forged.last(Letter.REQUEST_RECEIVED)
    mine = request_words("bob", usage="What bob really wants.")
    forged.arrives(reply(receipt, BOB.email, mine, forged.now, Cc=ALICE.email))
    assert "really wants" in forged.ticket().intended_usage
    forged.arrives(reply(receipt, BOB.email, request_words("bob", usage="What alice wants."), forged.now))
    assert "really wants" in forged.ticket().intended_usage


def test_a_proven_mail_displaces_what_waits_in_the_owners_name(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.writes(BOB.email, request_words("bob", usage="Something forged."))
    world.rules = STRICT
    world.restart()
    own = request_words("bob", usage="What bob really wants.")
    world.arrives(results(BOB.email, "fail") + mail(BOB.email, SUBJECT, own, world.now))
    assert "forged" in world.ticket().intended_usage
    world.arrives(genuine(mail(BOB.email, SUBJECT, own, world.now), BOB.email))
    assert "really wants" in world.ticket().intended_usage


def test_after_many_forged_requests_the_owners_own_still_gets_an_answer(tmp_path: Path) -> None:
    world = World(tmp_path, rules=STRICT)
    for number in range(world.rules.answers.unproven_per_day + 5):
        words = request_words("bob", usage=f"forged {number}")
        world.arrives(results(BOB.email, "fail") + mail(BOB.email, SUBJECT, words, world.now))
    before = len(world.letters)
    assert before == world.rules.answers.unproven_per_day
    world.arrives(mail(BOB.email, SUBJECT, request_words("bob", usage="real; the provider signs nothing"), world.now))
    assert [(kind_of(one), one.envelope_to) for one in world.letters[before:]] == [(Letter.CONFIRM_REQUEST, BOB.email)]
    world.arrives(genuine(mail(BOB.email, SUBJECT, request_words("bob", usage="real, signed"), world.now), BOB.email))
    ticket = world.bot.context.store.open_ticket_of("bob")
    assert ticket is not None
    assert ticket.intended_usage == "real, signed"
