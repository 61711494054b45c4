"""A mail that our border's check has failed, with the token of a letter that got into other hands: row 37 of docs/threats.md."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot.model import Letter, OutboundMail, TicketState
from mailbot.rules import Proof, Rules, TrustRules
from tests.threats.site import OURS, approval, genuine, question, results, untouched
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import mail, reply, words_of

S = TicketState
UNTIL = date(2027, 6, 30)


def failed(sender: str, raw: bytes) -> bytes:
    return results(sender, "fail") + raw


@pytest.fixture
def living(world: World) -> World:
    """The same site, with alice's machine."""
    world.arrives(genuine(approval(world), CAROL.address))
    world.later(minutes=5)
    assert world.ticket().state is S.ACTIVE
    return world


def says(world: World, letter: OutboundMail, words: str) -> OutboundMail:
    """Write in alice's name, as an answer to that letter; the check fails.  The answer that she gets."""
    seen = len(world.letters)
    world.arrives(failed(ALICE.email, reply(letter, ALICE.email, words, world.now)))
    (told,) = [one for one in world.letters[seen:] if one.envelope_to == ALICE.email]
    return told


def test_a_denial_with_a_leaked_token_is_asked_back_at_the_admins_address(world: World) -> None:
    before, leaked = world.ticket(), question(world)
    for reason in ("no", "no, really"):
        world.arrives(failed(CAROL.address, reply(leaked, CAROL.address, f"deny {reason}", world.now)))
        assert untouched(world, before)
    told = world.last(Letter.COMMAND_REFUSED, CAROL.address)
    assert "failed the check" in " ".join(words_of(told).split())
    world.arrives(failed(CAROL.address, reply(told, CAROL.address, "deny there is no room", world.now)))
    assert world.ticket().state is S.DENIED
    evidence = world.bot.context.store.history(1)[-1].actor.evidence
    assert evidence["proofs"] == ["confirmed", "registered", "token"]
    assert evidence["needed"] == ["confirmed", "registered", "token"]


def test_a_refusal_is_no_proof_of_more_than_the_table_asks_for(world: World) -> None:
    before = world.ticket()
    world.arrives(failed(CAROL.address, approval(world)))
    told = world.last(Letter.COMMAND_REFUSED, CAROL.address)
    world.arrives(failed(CAROL.address, reply(told, CAROL.address, "approve", world.now)))
    assert untouched(world, before)
    assert "nothing proves that your message was sent by the mail service" in " ".join(words_of(told).split())


@pytest.mark.parametrize("words", [f"extend until {UNTIL}", "console", "rekey", "restart"])
def test_what_an_owner_may_say_is_asked_back_as_well(living: World, words: str) -> None:
    before, leaked = living.ticket(), living.last(Letter.VM_READY)
    told = says(living, leaked, words)
    assert kind_of(told) is Letter.COMMAND_REFUSED
    assert living.ticket() == before
    assert kind_of(says(living, leaked, f"{words}\n\nI mean it.")) is Letter.COMMAND_REFUSED


def test_the_owner_says_it_again_in_answer_to_the_refusal(living: World) -> None:
    told = says(living, living.last(Letter.VM_READY), f"extend until {UNTIL}")
    says(living, told, f"extend until {UNTIL}")
    assert living.ticket().asked_end_date == UNTIL
    leaked = living.last(Letter.EXTENSION_RECEIVED)
    assert kind_of(says(living, leaked, "withdraw")) is Letter.COMMAND_REFUSED
    assert living.ticket().asked_end_date == UNTIL, "one refusal lets answers to it count, and no others"


def test_a_refusal_counts_for_as_long_as_a_confirmation_does(living: World) -> None:
    told = says(living, living.last(Letter.VM_READY), f"extend until {UNTIL}")
    sent_at = living.bot.context.store.accepted(1)[-1].accepted_at
    last = sent_at + timedelta(days=living.rules.lease.confirm_days)
    living.clock.set(last + timedelta(seconds=1))
    again = says(living, told, f"extend until {UNTIL}")
    assert kind_of(again) is Letter.COMMAND_REFUSED
    assert living.ticket().asked_end_date is None
    living.clock.set(last)
    says(living, told, f"extend until {UNTIL}")
    assert living.ticket().asked_end_date == UNTIL


@pytest.mark.parametrize("head", [b"", results(ALICE.email, "none"), results(ALICE.email, "temperror")])
def test_who_proves_nothing_and_fails_nothing_needs_no_second_word(living: World, head: bytes) -> None:
    answer = reply(living.last(Letter.VM_READY), ALICE.email, f"extend until {UNTIL}", living.now)
    living.arrives(head + answer)
    assert living.ticket().asked_end_date == UNTIL


def test_giving_back_is_asked_back_by_its_own_letter_alone(living: World) -> None:
    confirm = says(living, living.last(Letter.VM_READY), "release")
    assert kind_of(confirm) is Letter.RELEASE_CONFIRM
    living.arrives(failed(ALICE.email, reply(confirm, ALICE.email, "confirm", living.now)))
    assert living.ticket().state in {S.RETIRING, S.ARCHIVED}


def test_a_form_that_failed_the_check_does_nothing_as_an_answer_to_a_leaked_letter(world: World) -> None:
    form = request_words(usage="What somebody else wants.")
    receipt = world.last(Letter.REQUEST_RECEIVED)
    before = world.ticket()
    told = says(world, receipt, form)
    assert untouched(world, before)
    assert kind_of(told) is Letter.COMMAND_REFUSED
    says(world, told, form)
    assert "somebody else" in world.ticket().intended_usage


def test_a_form_for_a_living_machine_that_failed_the_check_opens_no_extension(living: World) -> None:
    before = living.ticket()
    told = says(living, living.last(Letter.VM_READY), request_words(until=str(UNTIL)))
    assert living.ticket() == before
    says(living, told, f"extend until {UNTIL}")
    assert living.ticket().asked_end_date == UNTIL


def test_many_of_them_cost_the_owner_few_letters(living: World) -> None:
    leaked, seen = living.last(Letter.VM_READY), len(living.letters)
    for number in range(40):
        words = f"extend until {UNTIL + timedelta(days=number)}"
        living.arrives(failed(ALICE.email, reply(leaked, ALICE.email, words, living.now)))
    assert 0 < len(living.letters) - seen <= living.rules.answers.unproven_per_day


def test_a_table_that_asks_for_no_alignment_asks_a_failed_request_to_be_confirmed(tmp_path: Path) -> None:
    trust = TrustRules(authserv_id=OURS, open=(Proof.REGISTERED,))
    world = World(tmp_path, rules=Rules(trust=trust))
    world.arrives(
        failed(ALICE.email, mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), world.now))
    )
    assert world.ticket().state is S.UNCONFIRMED
    says(world, world.last(Letter.CONFIRM_REQUEST), "confirm")
    assert world.ticket().state is S.PENDING
    world.close()
