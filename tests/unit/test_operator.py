"""Decisions at the command line: the same events, history and letters as by mail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.model import Letter, Role, TicketState
from provisioner.fake_machine import FakeStep, Faults
from provisioner.ssh_keys import fingerprint
from tests.world import ALICE, BOB, CAROL, World, kind_of, request_words
from tests.writing import reply, words_of


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.writes(ALICE.email, request_words())
    yield world
    world.close()


@pytest.mark.parametrize("name", ["carol", "CAROL", "carol@testbed.example", "Carol@Testbed.Example"])
def test_an_admin_approves_by_login_or_address(world: World, name: str) -> None:
    operator.approve(world.bot.context, 1, name, date(2027, 1, 31), 20)
    ticket = world.ticket()
    assert (ticket.state, ticket.end_date, ticket.disk_gib) == (TicketState.APPROVED, date(2027, 1, 31), 20)


def test_the_history_says_that_it_was_the_command_line(world: World) -> None:
    operator.approve(world.bot.context, 1, "carol")
    line = world.bot.context.store.history(1)[-1]
    assert (line.event, line.actor.role, line.actor.who) == ("Approved", Role.OPERATOR, CAROL.address)
    assert line.actor.evidence == {"command_line": True}


def test_everybody_gets_the_letters_of_a_decision_by_mail(world: World) -> None:
    before = len(world.letters)
    operator.deny(world.bot.context, 1, "carol", "the project has ended")
    world.once()
    told = sorted(kind_of(letter) for letter in world.letters[before:])
    assert told == sorted([Letter.ADMIN_DECIDED, Letter.ADMIN_DECIDED, Letter.REQUEST_DENIED])


def test_a_denial_without_a_reason_is_refused(world: World) -> None:
    with pytest.raises(operator.Refused, match="needs a reason"):
        operator.deny(world.bot.context, 1, "carol", "  ")
    assert world.ticket().state is TicketState.PENDING


def test_what_policy_forbids_is_refused(world: World) -> None:
    with pytest.raises(operator.Refused, match=r"Expiration date.*at most 2 years") as caught:
        operator.approve(world.bot.context, 1, "carol", date(2040, 1, 1), 4000)
    assert "4000 GiB" in str(caught.value)
    assert world.ticket().state is TicketState.PENDING


def test_who_is_no_admin_is_refused_and_told_who_is(world: World) -> None:
    with pytest.raises(operator.Refused, match=r"alice is not an admin.*carol, dave"):
        operator.approve(world.bot.context, 1, "alice")


def test_a_decided_request_cannot_be_decided_again(world: World) -> None:
    operator.deny(world.bot.context, 1, "carol", "no")
    with pytest.raises(operator.Refused, match="the request was refused"):
        operator.approve(world.bot.context, 1, "dave")


def test_a_ticket_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(operator.Refused, match="no ticket #99"):
        operator.approve(world.bot.context, 99, "carol")


def test_only_a_failed_build_can_be_tried_again(world: World) -> None:
    with pytest.raises(operator.Refused, match="is waiting for"):
        operator.retry(world.bot.context, 1, "carol")


def test_a_failed_build_is_tried_again_anywhere(world: World) -> None:
    for site in world.sites.values():
        site.faults = Faults(fail_at=frozenset({FakeStep.DEFINE}), permanent=True)
    operator.approve(world.bot.context, 1, "carol")
    world.once()
    assert world.ticket().state is TicketState.FAILED
    for site in world.sites.values():
        site.faults = Faults()
    assert operator.retry(world.bot.context, 1, "dave").site is None
    world.once()
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    assert len(world.machines()) == 1


# closing, and what else an admin does beside decisions


def test_a_closed_service_tells_requesters_why_and_takes_their_requests_again_when_it_is_open(tmp_path: Path) -> None:
    world = World(tmp_path)
    context = world.bot.context
    operator.close(context, "carol", "We move to another building until 4 January.")
    world.writes(ALICE.email, request_words())
    assert context.store.tickets() == []
    assert "We move to another building until 4 January." in " ".join(
        words_of(world.last(Letter.REQUEST_PROBLEMS)).split()
    )
    operator.reopen(context, "carol")
    world.writes(ALICE.email, request_words())
    assert world.ticket().state is TicketState.PENDING
    world.close()


def test_closing_needs_words_for_those_who_ask(world: World) -> None:
    with pytest.raises(operator.Refused, match="why, or until when"):
        operator.close(world.bot.context, "carol", " ")


def test_a_letter_is_sent_once_more_and_the_first_proof_stays(world: World) -> None:
    store, before = world.bot.context.store, len(world.letters)
    first = store.accepted(1)[0]
    row = next(
        number for number in range(1, 10) if (item := store.overview.row(number)) and item.effect.key == first.key
    )
    assert operator.resend(world.bot.context, row, "carol") == ALICE.email
    world.once()
    assert [kind_of(letter) for letter in world.letters[before:]] == [Letter.REQUEST_RECEIVED]
    assert store.accepted(1)[0] == first
    assert store.accepted(1)[-1].key.startswith("again:")


def test_a_letter_that_speaks_of_what_has_changed_is_not_sent_again(world: World) -> None:
    operator.deny(world.bot.context, 1, "carol", "the project has ended")
    with pytest.raises(operator.Refused, match="is out of date"):
        operator.resend(world.bot.context, 1, "carol")
    with pytest.raises(operator.Refused, match="is not a letter"):
        operator.resend(world.bot.context, 4711, "carol")


def test_an_operator_withdraws_a_request_and_brings_a_removed_machine_back(world: World) -> None:
    context = world.bot.context
    operator.withdraw(context, 1, "carol")
    assert world.ticket().state is TicketState.WITHDRAWN
    with pytest.raises(operator.Refused):
        operator.restore(context, 1, "carol")


def test_a_brake_that_is_not_pulled_cannot_be_released(world: World) -> None:
    with pytest.raises(operator.Refused, match="holds nothing back"):
        operator.release_brake(world.bot.context, "carol")


# taking away, and giving longer


_STILL = 10**6
"""So often that it is for good."""


@pytest.fixture
def running(world: World) -> World:
    operator.approve(world.bot.context, 1, "carol")
    world.once()
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    return world


def test_an_admin_takes_a_machine_away_and_its_owner_reads_why(running: World) -> None:
    operator.end(running.bot.context, 1, "carol", "It attacked another network.")
    running.once()
    running.later(minutes=5)
    machine = running.machines()["alice-vm@north"]
    assert (running.ticket().state, machine.defined, machine.disk) == (TicketState.ARCHIVED, False, True)
    words = " ".join(words_of(running.last(Letter.VM_ENDED)).split())
    assert "It attacked another network." in words
    assert "as you asked" not in words_of(running.last(Letter.VM_ARCHIVED))


def test_a_hold_holds_in_front_of_an_admin_too(running: World) -> None:
    operator.hold(running.bot.context, 1, "dave", "a demonstration")
    with pytest.raises(operator.Refused, match="on hold: a demonstration"):
        operator.end(running.bot.context, 1, "carol", "It attacked another network.")
    assert running.ticket().state is TicketState.ACTIVE


def test_taking_a_machine_away_needs_a_reason_and_a_machine(world: World) -> None:
    with pytest.raises(operator.Refused, match="is not possible now"):
        operator.end(world.bot.context, 1, "carol", "no machine yet")
    operator.approve(world.bot.context, 1, "carol")
    world.once()
    world.later(minutes=1)
    with pytest.raises(operator.Refused, match="needs a reason"):
        operator.end(world.bot.context, 1, "carol", " ")


def test_an_admin_gives_a_machine_a_later_end_but_no_earlier_one(running: World) -> None:
    context, before = running.bot.context, running.ticket().end_date
    after = operator.extend(context, 1, "carol", before + timedelta(days=30))
    running.once()
    assert (after.end_date, after.stage) == (before + timedelta(days=30), 0)
    assert "Carol Admin" in words_of(running.last(Letter.EXTENSION_GRANTED))
    for day in (after.end_date, after.end_date - timedelta(days=1)):
        with pytest.raises(operator.Refused, match="only a later one"):
            operator.extend(context, 1, "carol", day)


def test_a_stopped_machine_that_gets_a_later_end_starts_again(running: World) -> None:
    while running.ticket().state is TicketState.ACTIVE:
        running.later(days=1)
    assert running.ticket().state is TicketState.EXPIRED
    operator.extend(running.bot.context, 1, "carol", running.now.date() + timedelta(days=60))
    running.once()
    running.later(minutes=30)
    assert (running.ticket().state, running.machines()["alice-vm@north"].running) == (TicketState.ACTIVE, True)


def test_an_earlier_end_has_full_notice_from_its_letter_on_and_an_earlier_warning_is_none(running: World) -> None:
    context, lease = running.bot.context, running.rules.lease
    while not any(kind_of(letter) is Letter.WARNING for letter in running.letters):
        running.later(days=1)
    before = running.ticket().end_date
    until = (running.now + timedelta(days=lease.notice_days + 2)).date()
    assert until < before, "the first warning comes well before the last day"
    operator.shorten(context, 1, "carol", until, "The site closes in spring.")
    running.once()
    told = " ".join(words_of(running.last(Letter.END_EARLIER)).split())
    assert "The site closes in spring." in told
    written = running.now
    while running.ticket().state is TicketState.ACTIVE:
        running.later(hours=12)
    assert running.ticket().end_date == until
    assert running.now - written >= timedelta(days=lease.notice_days)
    assert running.machines()["alice-vm@north"].running is False


def test_an_earlier_end_whose_letter_no_server_took_moves_again(running: World) -> None:
    until = (running.now + timedelta(days=running.rules.lease.notice_days + 2)).date()
    operator.shorten(running.bot.context, 1, "carol", until, "The site closes in spring.")
    running.postman.refuse(ALICE.email, 451, "4.7.1 try later")
    for _ in range(running.rules.lease.notice_days + 4):
        running.later(days=1)
    assert running.ticket().state is TicketState.ACTIVE
    assert running.ticket().end_date > until


@pytest.mark.parametrize(
    ("days", "reason", "why"),
    [
        (5, "soon", "days' notice"),
        (900, "later", "at most 2 years ahead"),
        (60, " ", "needs a reason"),
    ],
)
def test_an_earlier_end_without_notice_or_reason_is_refused(running: World, days: int, reason: str, why: str) -> None:
    before = running.ticket()
    with pytest.raises(operator.Refused, match=why):
        operator.shorten(running.bot.context, 1, "carol", running.now.date() + timedelta(days=days), reason)
    assert running.ticket() == before


def test_a_later_day_is_no_earlier_end_and_a_question_comes_first(running: World) -> None:
    context, last = running.bot.context, running.ticket().end_date
    with pytest.raises(operator.Refused, match="must be earlier"):
        operator.shorten(context, 1, "carol", last + timedelta(days=1), "a slip")
    running.answers(running.last(Letter.VM_READY), f"extend until {last + timedelta(days=300)}")
    assert running.ticket().asked_end_date is not None
    with pytest.raises(operator.Refused, match="approve or deny that first"):
        operator.shorten(context, 1, "carol", last - timedelta(days=1), "a slip")


def test_an_admin_switches_a_machine_off_and_on_within_its_lease(running: World) -> None:
    context, before = running.bot.context, running.ticket()
    operator.stop(context, 1, "carol", "We move the cables.")
    running.once()
    running.later(minutes=30)
    assert "We move the cables." in words_of(running.last(Letter.VM_SWITCHED_OFF))
    assert running.machines()["alice-vm@north"].running is False
    operator.start(context, 1, "carol")
    running.once()
    running.later(minutes=30)
    after = running.ticket()
    assert running.machines()["alice-vm@north"].running is True
    assert (after.state, after.end_date, after.version) == (before.state, before.end_date, before.version)
    operator.stop(context, 1, "carol", "Once more.")
    running.once()
    running.later(minutes=30)
    assert running.machines()["alice-vm@north"].running is False, "the same word a second time is another act"


def test_the_owner_can_switch_on_what_an_admin_switched_off(running: World) -> None:
    operator.stop(running.bot.context, 1, "carol", "We move the cables.")
    running.once()
    running.later(minutes=30)
    running.answers(running.last(Letter.VM_SWITCHED_OFF), "start")
    running.later(minutes=30)
    assert running.machines()["alice-vm@north"].running is True


def test_a_hold_holds_a_machine_on_and_off_needs_a_reason(running: World) -> None:
    context = running.bot.context
    with pytest.raises(operator.Refused, match="needs a reason"):
        operator.stop(context, 1, "carol", " ")
    operator.hold(context, 1, "dave", "a demonstration")
    with pytest.raises(operator.Refused, match="on hold: a demonstration"):
        operator.stop(context, 1, "carol", "We move the cables.")


def given_to_bob(running: World) -> None:
    operator.change_owner(running.bot.context, 1, "carol", "bob", "Alice has left.")
    running.once()
    running.later(minutes=5)


def test_a_machine_goes_to_another_person_with_keys_and_lease_and_both_are_written_to(running: World) -> None:
    before, start = running.ticket(), running.now
    given_to_bob(running)
    after = running.ticket()
    assert (after.person_id, after.login, after.username, after.email) == ("memory:bob", "bob", "alice", BOB.email)
    assert (after.state, after.end_date, after.machine_id) == (before.state, before.end_date, before.machine_id)
    assert (after.nonce != before.nonce, after.lease_from, after.stage) == (True, start, 0)
    gone, yours = running.last(Letter.VM_PASSED_ON), running.last(Letter.VM_YOURS)
    assert (gone.envelope_to, yours.envelope_to) == (ALICE.email, BOB.email)
    for letter in (gone, yours):
        assert "Alice has left." in words_of(letter)
    bobs = [fingerprint(line) for line in BOB.ssh_keys]
    assert running.machines()["alice-vm@north"].fingerprints == bobs, "hers are taken out"
    assert bobs[0] in words_of(yours)
    line = running.bot.context.store.history(1)[-1]
    assert (line.event, line.facts["former_id"], "nonce" in line.facts) == ("OwnerSet", "memory:alice", False)


def test_no_letter_of_the_former_owner_gives_authority_not_even_in_the_new_ones_name(running: World) -> None:
    old = running.last(Letter.VM_READY)
    given_to_bob(running)
    before, letters = running.ticket(), len(running.letters)
    for sender in (ALICE.email, BOB.email):
        running.arrives(reply(old, sender, "release", running.now))
    assert running.ticket() == before
    assert len(running.letters) == letters
    running.answers(running.last(Letter.VM_YOURS), "release")
    assert running.ticket().release_asked_at is not None, "the new owner's own letter does"


def test_what_the_former_owner_was_asked_or_was_to_be_told_is_void(running: World) -> None:
    running.postman.faults.plan("send", times=_STILL)
    running.answers(running.last(Letter.VM_READY), "release")
    assert running.ticket().release_asked_at is not None
    operator.change_owner(running.bot.context, 1, "carol", "bob", "Alice has left.")
    letters = len(running.letters)
    running.postman.faults.planned.clear()
    running.later(minutes=30)
    assert running.ticket().release_asked_at is None
    assert sorted(kind_of(one) for one in running.letters[letters:]) == [Letter.VM_PASSED_ON, Letter.VM_YOURS]


def test_answers_that_wait_go_to_no_former_owner_but_to_an_admin_they_do(running: World) -> None:
    asked = running.last(Letter.ADMIN_DECISION, CAROL.address)
    running.postman.faults.plan("send", times=_STILL)
    for words in ("perhaps later", "status", "keys"):
        running.answers(running.last(Letter.VM_READY), words)
    running.answers(asked, "help")
    operator.change_owner(running.bot.context, 1, "carol", "bob", "Alice has left.")
    letters = len(running.letters)
    running.postman.faults.planned.clear()
    running.later(minutes=30)
    sent = sorted((kind_of(one).value, one.envelope_to) for one in running.letters[letters:])
    assert sent == [("help", CAROL.address), ("vm-passed-on", ALICE.email), ("vm-yours", BOB.email)]


def test_a_new_owner_gets_the_notice_that_the_former_one_had(running: World) -> None:
    while running.now.date() < running.ticket().end_date - timedelta(days=3):
        running.later(days=1)
    assert running.ticket().stage > 0
    given_to_bob(running)
    while running.ticket().state is TicketState.ACTIVE:
        running.later(hours=6)
    warned = [one for one in running.letters if kind_of(one) is Letter.WARNING and one.envelope_to == BOB.email]
    assert warned
    assert running.last(Letter.VM_STOPPED).envelope_to == BOB.email


def test_the_letter_to_who_had_it_goes_to_their_address_of_now(running: World) -> None:
    running.postman.faults.plan("send", times=_STILL)
    operator.change_owner(running.bot.context, 1, "carol", "bob", "Alice has moved on.")
    running.directory.put(replace(ALICE, id="memory:alice", email="alice@elsewhere.example"))
    running.postman.faults.planned.clear()
    running.later(hours=1)
    assert running.last(Letter.VM_PASSED_ON).envelope_to == "alice@elsewhere.example"


def test_who_cannot_have_a_machine_is_not_given_one(running: World) -> None:
    context, before = running.bot.context, running.ticket()
    for login, reason, why in (
        ("nobody", "a reason", "nobody in the directory has the login"),
        ("alice", "a reason", "already belongs to alice"),
        ("bob", " ", "needs a reason"),
    ):
        with pytest.raises(operator.Refused, match=why):
            operator.change_owner(context, 1, "carol", login, reason)
    running.directory.put(replace(BOB, locked=True))
    with pytest.raises(operator.Refused, match="locked"):
        operator.change_owner(context, 1, "carol", "bob", "a reason")
    running.directory.put(BOB)
    running.answers(running.last(Letter.VM_READY), f"extend until {before.end_date + timedelta(days=300)}")
    with pytest.raises(operator.Refused, match="extension has been requested"):
        operator.change_owner(context, 1, "carol", "bob", "a reason")
    operator.withdraw(context, 1, "carol")
    running.writes(BOB.email, request_words("bob"))
    with pytest.raises(operator.Refused, match="bob already has ticket #2"):
        operator.change_owner(context, 1, "carol", "bob", "a reason")
    assert running.ticket().person_id == before.person_id
