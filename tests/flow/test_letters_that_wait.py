"""Letters that wait: nothing is given up because nobody answered, nothing untrue is sent late, and each goes where its reader is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mailbot import operator, passes
from mailbot.errors import LetterRefused, MailServerUnavailable
from mailbot.model import Letter, TicketState
from mailbot.ports import Folder, OutboxState
from mailbot.turns.deliver import MOST_ATTEMPTS, deliver
from tests.flow.test_accidents import Failing
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import mail

S = TicketState
GONE = MailServerUnavailable("smtp.example.org does not answer")


def asked(world: World) -> None:
    world.writes(ALICE.email, request_words())


def states(world: World) -> dict[OutboxState, int]:
    return {one.state: one.rows for one in world.bot.context.store.outbox_counts()}


def test_a_mail_server_that_is_away_for_three_weeks_loses_no_letter(world: World) -> None:
    world.postman.faults.plan("send", GONE, times=10**6)
    asked(world)
    for _ in range(21):
        world.later(days=1)
    assert world.letters == []
    world.postman.faults.planned.clear()
    world.later(minutes=5)
    assert {Letter.REQUEST_RECEIVED, Letter.ADMIN_DECISION} & {
        kind_of(one) for one in world.letters
    } or world.ticket().state is S.LAPSED
    assert OutboxState.FAILED not in states(world)


def test_a_letter_is_given_up_after_enough_answers(world: World) -> None:
    world.postman.faults.plan("send", LetterRefused(451, "4.3.0 try later"), times=10**6)
    asked(world)
    for _ in range(MOST_ATTEMPTS + 3):
        world.later(hours=5)
    assert states(world)[OutboxState.FAILED] > 0


@pytest.mark.parametrize(
    ("code", "answer", "permanent"),
    [
        (552, "5.2.2 mailbox full", False),
        (552, "quota exceeded", False),
        (550, "5.2.2 over quota", False),
        (552, "5.3.4 message too big", True),
        (550, "5.1.1 no such user", True),
        (452, "4.2.2 mailbox full", False),
    ],
)
def test_a_full_mailbox_is_passing(code: int, answer: str, permanent: bool) -> None:
    assert LetterRefused(code, answer).permanent is permanent


def test_a_question_that_was_answered_meanwhile_is_not_sent_any_more(world: World) -> None:
    world.postman.faults.plan("send", GONE, times=10**6)
    asked(world)
    operator.approve(world.bot.context, 1, CAROL.login)
    world.postman.faults.planned.clear()
    world.later(minutes=10)
    kinds = {kind_of(one) for one in world.letters}
    assert Letter.ADMIN_DECISION not in kinds
    assert Letter.REQUEST_RECEIVED not in kinds
    assert Letter.REQUEST_APPROVED in kinds
    assert OutboxState.FAILED not in states(world)


def test_a_letter_goes_to_the_address_that_the_directory_has_when_it_is_sent(world: World) -> None:
    asked(world)
    world.directory.put(replace(ALICE, email="alice@new.example.org", aliases=()))
    operator.approve(world.bot.context, 1, CAROL.login)
    world.once()
    assert world.last(Letter.REQUEST_APPROVED).envelope_to == "alice@new.example.org"


def test_a_daemon_that_ends_puts_the_rest_of_a_batch_back(world: World) -> None:
    world.postman.faults.plan("send", GONE)
    asked(world)
    world.clock.advance(timedelta(minutes=10))
    assert deliver(world.bot.context, world.postman, lambda: True) == 0
    assert world.letters == []
    world.once()
    assert world.last(Letter.ADMIN_DECISION, CAROL.address)


def test_what_a_person_moves_back_from_quarantine_is_read_again(world: World) -> None:
    raw = mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), world.now)
    reader = Failing(world.bot.context.reading(world.now), b"", MemoryError)
    broken = replace(world.bot, reader=reader)
    world.inbox.deliver(raw)
    for _ in range(4):
        passes.tick(broken)
        world.clock.advance(timedelta(minutes=10))
    assert len(world.inbox._folders.uids(Folder.QUARANTINE)) == 1
    world.inbox.deliver(raw)
    world.once()
    assert world.ticket().state is S.PENDING


def test_a_held_machine_is_not_given_back(world: World) -> None:
    asked(world)
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    world.answers(world.last(Letter.VM_READY), "release")
    operator.hold(world.bot.context, 1, CAROL.login, "evidence for the security team")
    world.answers(world.last(Letter.RELEASE_CONFIRM), "confirm")
    assert world.ticket().state is S.ACTIVE
    assert "evidence for the security team" in str(world.letters[-1].data)


def test_an_extension_never_shortens_a_lease(world: World) -> None:
    asked(world)
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    world.answers(world.last(Letter.VM_READY), "extend until 2027-09-30")
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve until 2027-01-31")
    assert world.ticket().end_date.isoformat() == "2027-03-31"
    assert world.ticket().asked_end_date is not None
