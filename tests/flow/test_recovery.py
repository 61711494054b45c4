"""After a restored backup: nobody's number, machine or letter is taken for another's, and nothing is lost without a word."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.model import EventKind, Letter, OutboundMail, TicketState
from mailbot.recovery import CannotRecover, Recovery, recover
from provisioner.api import SiteHealth
from provisioner.fake import FakeSite
from tests.world import ALICE, BOB, CAROL, World, request_words
from tests.writing import mail


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, sites=("north",))
    yield world
    world.close()


def back_up(world: World) -> Path:
    file = Path(world.url.removeprefix("sqlite:///"))
    copy = file.with_suffix(".backup")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def restore(world: World, copy: Path) -> None:
    world.bot.close()
    file = Path(world.url.removeprefix("sqlite:///"))
    for beside in file.parent.glob(f"{file.name}-*"):
        beside.unlink()
    shutil.copy(copy, file)
    world.bot = world.build()


def recovered(world: World) -> Recovery:
    done = recover(world.bot.context, world.inbox, world.bot.sites, world.bot.account)
    operator.resume(world.bot.context, "carol")
    world.once()
    return done


def asked(world: World, who: str = "alice") -> OutboundMail:
    world.writes(f"{who}@example.org", request_words(who))
    return world.last(Letter.ADMIN_DECISION, CAROL.address)


def test_an_old_approval_approves_nothing_even_where_the_number_is_given_again(world: World) -> None:
    copy = back_up(world)
    old = asked(world, "alice")
    restore(world, copy)  # and nobody runs `db recover`
    world.inbox.deliver(mail(BOB.email, "Persistent Virtual Machine Creation", request_words("bob"), world.now))
    world.once()
    assert (world.ticket(1).username, world.ticket(1).state) == ("bob", TicketState.PENDING)
    world.answers(old, "approve")
    assert world.ticket(1).state is TicketState.PENDING
    assert len(world.inbox.inbox()) == 1, "people read the answer to a letter that nobody knows"


def test_numbers_go_on_above_those_of_machines_and_of_letters(world: World) -> None:
    copy = back_up(world)
    world.answers(asked(world, "alice"), "approve")
    world.later(minutes=5)
    world.answers(asked(world, "bob"), "deny another time")  # number 2 is only in the mails
    restore(world, copy)
    done = recovered(world)
    assert done.above == 2
    assert [(ticket.id, ticket.username) for ticket in world.bot.context.store.tickets()] == [(3, "alice"), (4, "bob")]


def test_handled_mails_of_since_are_read_again_and_their_tokens_count_for_nothing(world: World) -> None:
    question = asked(world, "alice")
    copy = back_up(world)
    world.later(hours=1)
    world.answers(question, "approve")
    world.later(minutes=5)
    assert world.ticket(1).state is TicketState.ACTIVE
    restore(world, copy)
    assert world.ticket(1).state is TicketState.PENDING
    before = len(world.letters)
    done = recovered(world)
    assert (done.mails, done.tickets, done.nameless) == (1, 1, 0)
    assert world.ticket(1).state is TicketState.PENDING, "the approval is for people to read"
    assert len(world.inbox.inbox()) == 1
    again = world.last(Letter.ADMIN_DECISION, CAROL.address)
    assert again in world.letters[before:]
    world.answers(again, "approve")
    world.later(minutes=5)
    assert world.ticket(1).state is TicketState.ACTIVE
    assert [name for name, one in world.machines().items() if one.defined] == ["alice-vm@north"], "the same machine"


def test_a_running_machine_gets_all_its_notice_again_and_an_extension_of_since_is_not_forgotten_in_silence(
    world: World,
) -> None:
    world.answers(asked(world), "approve")
    world.later(minutes=5)
    while world.ticket().stage < len(world.rules.lease.warn_days):
        world.later(days=1)
    end = world.ticket().end_date
    copy = back_up(world)
    world.answers(world.last(Letter.WARNING), "extend until 2027-07-31")
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    restore(world, copy)
    assert (world.ticket().end_date, world.ticket().state) == (end, TicketState.ACTIVE)
    since = world.now
    recovered(world)
    assert len(world.inbox.inbox()) == 2, "what was said since lies before people"
    for _ in range(40):
        if world.ticket().state is not TicketState.ACTIVE:
            break
        world.later(days=1)
    assert world.ticket().state is TicketState.EXPIRED
    assert world.now - since >= timedelta(days=world.rules.lease.notice_days)


def test_a_kept_disk_is_kept_longer_and_its_owner_is_told(world: World) -> None:
    world.answers(asked(world), "approve")
    world.later(minutes=5)
    while world.ticket().state is not TicketState.ARCHIVED:
        world.later(days=1)
    world.later(days=world.rules.lease.keep_disk_days - 2)
    restore(world, back_up(world))
    recovered(world)
    kept = world.ticket().keep_until
    assert kept is not None
    assert kept - world.now >= timedelta(days=world.rules.lease.notice_days)
    assert world.last(Letter.VM_ARCHIVED) is world.letters[-1]


def test_everything_waits_until_an_admin_has_looked(world: World) -> None:
    asked(world)
    restore(world, back_up(world))
    recover(world.bot.context, world.inbox, world.bot.sites, world.bot.account)
    assert "mailbot resume" in world.bot.context.paused()
    lines = [line.event for line in world.bot.context.store.history(1)]
    assert lines[-1] is EventKind.RECOVERED


def test_it_may_run_twice(world: World) -> None:
    asked(world)
    restore(world, back_up(world))
    recovered(world)
    done = recovered(world)
    assert (done.above, done.mails) == (1, 0)
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    assert world.ticket().state is not TicketState.PENDING


def test_a_number_that_somebody_made_up_does_not_use_up_the_numbers(world: World) -> None:
    world.arrives(
        mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), world.now,
             References=f"<mb.999999999999.1.d.20000.{'a' * 32}.{'b' * 16}@mailbot.testbed.example>")
    )  # fmt: skip
    assert recovered(world).above == 1


def test_a_site_that_does_not_answer_or_a_daemon_that_runs_is_said(world: World) -> None:
    class Silent(FakeSite):
        def health(self) -> SiteHealth:
            return SiteHealth("north", reachable=False)

    silent = {"north": replace(world.bot.sites["north"], provisioner=Silent("north"))}
    with pytest.raises(CannotRecover, match="north does not answer"):
        recover(world.bot.context, world.inbox, silent, world.bot.account)
    with (
        world.bot.context.store.mailbox_lock(world.bot.account),
        pytest.raises(CannotRecover, match="a daemon reads the mailbox"),
    ):
        recover(world.bot.context, world.inbox, world.bot.sites, world.bot.account)
    assert not world.bot.context.paused()
