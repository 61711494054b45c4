"""Trying again by an admin's word: rows that wait or were given up, tickets that were put off, mails that wait or lie in quarantine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mailbot import operator, passes
from mailbot.adapters.directory.memory import MemoryDirectory
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.errors import MailServerUnavailable
from mailbot.letters.troubles import AdminMailTrouble
from mailbot.model import Action, Letter, TicketState, Turn
from mailbot.ports import Folder
from mailbot.turns.deliver import deliver
from provisioner.fake_machine import FakeStep, Faults
from tests.world import ALICE, BOB, CAROL, PEOPLE, Raising, World, kind_of, request_words
from tests.writing import mail

SUBJECT = "Persistent Virtual Machine Creation"


def requeue_row(world: World, row: int) -> str:
    return operator.requeue_row(world.bot.context, row, CAROL.login)


def row_of(world: World, letter: Letter, to: str = "") -> int:
    """The newest row of that letter that waits or was given up."""
    look = world.bot.context.store.overview
    rows = [*look.queue(), *look.given_up()]
    return max(one.id for one in rows if one.letter is letter and to in {"", one.to})


def to_alice(world: World) -> list[Letter]:
    return [kind_of(one) for one in world.letters if one.envelope_to == ALICE.email]


# rows


@pytest.mark.parametrize("refused", [True, False], ids=["refused for now", "server away"])
def test_a_letter_that_waits_for_its_next_attempt_is_sent_at_once(world: World, refused: bool) -> None:
    if refused:
        world.postman.refuse(ALICE.email, 451, "4.7.1 greylisted")
    else:
        world.postman.faults.plan("send", MailServerUnavailable("away"))
    world.writes(ALICE.email, request_words())
    world.postman.accept(ALICE.email)
    row = row_of(world, Letter.REQUEST_RECEIVED)
    world.once()
    assert to_alice(world) == []
    assert requeue_row(world, row) == f"row {row} will be tried again now"
    world.once()
    assert to_alice(world) == [Letter.REQUEST_RECEIVED]
    with pytest.raises(operator.Refused, match="is done"):
        requeue_row(world, row)


def test_what_a_daemon_works_on_is_left_to_it(world: World) -> None:
    world.postman.refuse(ALICE.email, 451, "4.7.1 greylisted")
    world.writes(ALICE.email, request_words())
    row = row_of(world, Letter.REQUEST_RECEIVED)
    world.clock.advance(timedelta(hours=1))
    claimed = world.bot.context.store.claim((Action.LETTER,), world.now, 10, 60)
    assert row in {one.id for one in claimed}
    with pytest.raises(operator.Refused, match="being worked on"):
        requeue_row(world, row)
    # The daemon that had it is killed: the next one takes it over when the lease is over, whatever was said meanwhile.
    world.restart()
    world.postman.accept(ALICE.email)
    world.later(minutes=2)
    assert to_alice(world) == [Letter.REQUEST_RECEIVED]


def test_a_daemon_that_claims_it_meanwhile_sends_it_once(world: World) -> None:
    world.postman.refuse(ALICE.email, 451, "4.7.1 greylisted")
    world.writes(ALICE.email, request_words())
    world.postman.accept(ALICE.email)
    requeue_row(world, row_of(world, Letter.REQUEST_RECEIVED))
    second = world.build()
    postman = MemoryPostman(lambda _letter: second_delivers())

    def second_delivers() -> None:
        deliver(second.context, postman)

    passes.once(replace(world.bot, postman=postman))
    second.close()
    assert [one.envelope_to for one in postman.letters] == [ALICE.email]


def test_what_was_never_tried_waits_for_its_own_time(world: World) -> None:
    later = world.now + timedelta(days=1)
    told = AdminMailTrouble(why="a test", folder="Quarantine")
    (effect, *_) = world.bot.context.letter_to_admins(told, "later")
    turn = Turn(now=world.now, effects=(replace(effect, not_before=later),))
    world.bot.context.store.commit(turn)
    world.once()
    with pytest.raises(operator.Refused, match="not been tried yet"):
        requeue_row(world, row_of(world, Letter.ADMIN_MAIL_TROUBLE))
    assert world.letters == []


def test_a_letter_that_was_given_up_begins_again(world: World) -> None:
    world.postman.refuse(ALICE.email, 550, "5.1.1 no such user")
    world.writes(ALICE.email, request_words())
    world.postman.accept(ALICE.email)
    row = row_of(world, Letter.REQUEST_RECEIVED)
    assert requeue_row(world, row) == f"the letter will be sent to {ALICE.email} again"
    world.once()
    assert to_alice(world) == [Letter.REQUEST_RECEIVED]


def test_a_build_that_was_given_up_begins_again(world: World) -> None:
    for site in world.sites.values():
        site.faults = Faults(fail_at=frozenset({FakeStep.DEFINE}), permanent=True)
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, to=CAROL.address), "approve")
    for _ in range(4):
        world.later(minutes=5)
    assert world.ticket().state is TicketState.FAILED
    for site in world.sites.values():
        site.faults = Faults()
    (given_up,) = (one for one in world.bot.context.store.overview.given_up() if one.action is Action.BUILD)
    assert requeue_row(world, given_up.id) == "the machine of ticket #1 will be built again"
    for _ in range(4):
        world.later(minutes=5)
    assert world.ticket().state is TicketState.ACTIVE
    with pytest.raises(operator.Refused, match="is not possible now"):
        requeue_row(world, given_up.id)


def test_there_is_no_such_row_and_only_admins_requeue(world: World) -> None:
    with pytest.raises(operator.Refused, match="no row 4711"):
        requeue_row(world, 4711)
    with pytest.raises(operator.Refused, match="not an admin"):
        operator.requeue_row(world.bot.context, 4711, "mallory")


# tickets


def test_a_ticket_that_was_put_off_is_looked_at_now(world: World) -> None:
    world.writes(ALICE.email, request_words())
    due = world.ticket().due_at
    assert due is not None
    with pytest.raises(operator.Refused, match="was not put off"):
        operator.requeue_ticket(world.bot.context, 1, CAROL.login)
    world.clock.set(due)
    world.bot.context.store.postpone(1, due + timedelta(hours=1), "LookupError: broken")
    world.once()
    before = world.ticket()
    operator.requeue_ticket(world.bot.context, 1, CAROL.login)
    world.once()
    assert world.ticket().reminders == before.reminders + 1
    with pytest.raises(operator.Refused, match="no ticket #9"):
        operator.requeue_ticket(world.bot.context, 9, CAROL.login)


# mails


def requeue_mails(world: World, message_id: str = "") -> int:
    return operator.requeue_mails(world.bot.context, world.inbox, message_id, CAROL.login)


@pytest.fixture
def quarantined(world: World) -> World:
    """Two requests lie in quarantine, because a fault broke whatever read their senders' accounts; it was put right."""
    world.directory = Raising(AssertionError("not foreseen"))
    world.restart()
    for number, sender in enumerate((ALICE.email, BOB.email)):
        world.inbox.deliver(
            mail(
                sender, SUBJECT, request_words(sender.partition("@")[0]), world.now, Message_ID=f"<{number}@x.example>"
            )
        )
    for _ in range(4):
        world.later(minutes=10)
    world.directory = MemoryDirectory(PEOPLE)
    world.restart()
    assert len(world.inbox.folder(Folder.QUARANTINE)) == 2
    return world


def test_a_mail_in_quarantine_is_read_again(quarantined: World) -> None:
    assert requeue_mails(quarantined, "1@x.example") == 1
    quarantined.once()
    assert [one.username for one in quarantined.bot.context.store.tickets()] == ["bob"]
    assert len(quarantined.inbox.folder(Folder.QUARANTINE)) == 1
    with pytest.raises(operator.Refused, match="no message <1@x"):
        requeue_mails(quarantined, "<1@x.example>")


@pytest.mark.parametrize("moved", [0, 1])
def test_an_interrupted_word_is_given_again_and_every_mail_acts_once(quarantined: World, moved: int) -> None:
    quarantined.inbox.faults.plan("bring_back", after=moved)
    with pytest.raises(MailServerUnavailable):
        requeue_mails(quarantined)
    quarantined.once()
    assert requeue_mails(quarantined) == 2 - moved
    quarantined.once()
    assert requeue_mails(quarantined) == 0
    assert sorted(one.username for one in quarantined.bot.context.store.tickets()) == ["alice", "bob"]
    assert not quarantined.inbox.folder(Folder.QUARANTINE)
    assert not quarantined.inbox.inbox()


def test_a_mail_that_waits_for_another_try_is_read_now(world: World) -> None:
    world.directory.down = True
    world.writes(ALICE.email, request_words())
    world.directory.down = False
    world.once()
    assert world.bot.context.store.tickets() == []
    assert requeue_mails(world) == 1
    world.once()
    assert world.ticket().state is TicketState.PENDING
