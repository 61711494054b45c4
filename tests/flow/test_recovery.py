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
from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.errors import MailServerUnavailable
from mailbot.machines.progress import Sites
from mailbot.model import EventKind, Letter, OutboundMail, Ticket, TicketState
from mailbot.recovery import CannotRecover, Recovery, recover
from provisioner.api import SiteHealth
from provisioner.fake import FakeSite
from provisioner.fake_machine import FakeMachine
from tests.world import ALICE, BOB, CAROL, World, kind_of, request_words
from tests.writing import SUPPORT, mail, words_of


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


def run_recover(world: World, sites: Sites | None = None) -> Recovery:
    bot = world.bot
    return recover(bot.context, bot.inbox, bot.reader, bot.sites if sites is None else sites, account=bot.account)


def recovered(world: World) -> Recovery:
    done = run_recover(world)
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
    assert [(ticket.id, ticket.username) for ticket in world.bot.context.store.tickets()] == [(1, "alice"), (3, "bob")]


# machines that were built after the backup


def built_after(world: World, copy: Path | None = None) -> Ticket:
    """Alice asks and gets her machine; then the backup of before is restored.  Gives her ticket as it was."""
    copy = copy or back_up(world)
    world.answers(asked(world), "approve until 2027-02-28")
    world.later(minutes=5)
    was = world.ticket()
    assert was.state is TicketState.ACTIVE
    restore(world, copy)
    return was


def machine_of(world: World) -> FakeMachine:
    (machine,) = world.machines().values()
    return machine


def test_a_machine_that_was_built_since_has_its_ticket_again(world: World) -> None:
    was = built_after(world)
    assert world.bot.context.store.tickets() == []
    before = len(world.letters)
    done = recovered(world)
    now = world.ticket()
    assert [one.id for one in done.adopted] == [was.id]
    assert (now.state, now.username, now.site, now.machine_id) == (was.state, "alice", "north", was.machine_id)
    assert (now.end_date, now.disk_gib) == (was.end_date, was.disk_gib)
    assert (now.intended_usage, now.thread, now.subject) == (was.intended_usage, was.thread, was.subject)
    assert (done.mails, done.unknown) == (1, ()), "the approval is for people to read; the request began this ticket"
    assert machine_of(world).running
    assert world.bot.context.store.history(1)[0].event is EventKind.RECOVERED
    told = [one for one in world.letters[before:] if one.envelope_to == ALICE.email]
    assert [kind_of(one) for one in told] == [Letter.STATUS]
    assert "earlier messages about it can no longer be answered" in " ".join(words_of(told[0]).split())
    world.answers(told[0], "release")
    world.answers(world.last(Letter.RELEASE_CONFIRM), "confirm")
    for _ in range(4):
        world.later(minutes=5)
    assert world.ticket().state is TicketState.ARCHIVED, "it is the same machine to the site"


def test_a_request_of_before_the_backup_whose_machine_was_built_since_is_active_again(world: World) -> None:
    question = asked(world)
    copy = back_up(world)
    world.answers(question, "approve until 2027-02-28")
    world.later(minutes=5)
    restore(world, copy)
    assert world.ticket().state is TicketState.PENDING
    before = len(world.letters)
    done = recovered(world)
    assert (world.ticket().state, str(world.ticket().end_date)) == (TicketState.ACTIVE, "2027-02-28")
    assert [one.id for one in done.adopted] == [1]
    assert Letter.ADMIN_DECISION not in {kind_of(one) for one in world.letters[before:]}, "that question has its answer"
    world.later(minutes=5)
    assert machine_of(world).running


def test_a_machine_whose_last_day_went_by_meanwhile_gets_all_its_notice(world: World) -> None:
    copy = back_up(world)
    world.answers(asked(world), "approve until 2026-12-24")
    world.later(minutes=5)
    restore(world, copy)
    world.clock.advance(timedelta(days=60))
    recovered(world)
    since = world.now
    assert world.ticket().state is TicketState.ACTIVE
    assert "A backup of the service was restored." in " ".join(
        words_of(world.last(Letter.DATE_MOVED, ALICE.email)).split()
    )
    for _ in range(40):
        if world.ticket().state is not TicketState.ACTIVE:
            break
        world.later(days=1)
    assert world.now - since >= timedelta(days=world.rules.lease.notice_days)


def test_without_the_mail_that_asked_for_it_the_mark_is_enough(world: World) -> None:
    built_after(world)
    world.inbox = MemoryInbox(SUPPORT)
    world.restart()
    recovered(world)
    assert world.ticket().username == "alice"
    assert world.ticket().intended_usage == ""


def test_a_number_that_somebody_else_has_by_now_is_not_taken_from_them(world: World) -> None:
    built_after(world)
    asked(world, "bob")  # and nobody ran `db recover` before that
    done = recovered(world)
    assert world.ticket(1).username == "bob"
    assert [(one.username, one.state) for one in done.adopted] == [("alice", TicketState.ACTIVE)]
    assert done.adopted[0].id > 1


def test_a_machine_whose_owner_has_begun_again_is_told_and_stays(world: World) -> None:
    built_after(world)
    world.writes(ALICE.email, request_words())
    done = recovered(world)
    assert done.adopted == ()
    (sentence,) = done.unknown
    assert "alice-vm at north" in sentence
    assert machine_of(world).running


def test_a_machine_of_nobody_and_a_disk_of_nobody_are_told_and_stay(world: World) -> None:
    built_after(world)
    world.directory.remove("alice")
    (machine_id,) = world.sites["north"].machines()
    done = recovered(world)
    assert [sentence.partition(":")[0] for sentence in done.unknown] == ["alice-vm at north"]
    machine = world.sites["north"].machines()[machine_id]
    machine.defined = machine.running = False
    (sentence,) = recovered(world).unknown
    assert "disk" in sentence
    assert machine_of(world).disk


def test_adopting_may_be_killed_in_between_and_run_twice(world: World) -> None:
    built_after(world)
    world.inbox.faults.plan("bring_back")
    with pytest.raises(MailServerUnavailable):
        run_recover(world)
    world.restart()
    again = recovered(world)
    assert (again.adopted, again.mails, again.unknown) == ((), 1, ())
    assert [(one.id, one.state) for one in world.bot.context.store.tickets()] == [(1, TicketState.ACTIVE)]
    last = recovered(world)
    assert (last.adopted, last.mails, last.unknown) == ((), 0, ())
    assert machine_of(world).running


def test_handled_mails_of_since_are_read_again_and_their_tokens_count_for_nothing(world: World) -> None:
    question = asked(world, "alice")
    copy = back_up(world)
    world.later(hours=1)
    world.answers(question, "deny another time")
    assert world.ticket(1).state is TicketState.DENIED
    restore(world, copy)
    assert world.ticket(1).state is TicketState.PENDING
    before = len(world.letters)
    done = recovered(world)
    assert (done.mails, done.tickets, done.nameless) == (1, 1, 0)
    assert world.ticket(1).state is TicketState.PENDING, "the denial is for people to read"
    assert len(world.inbox.inbox()) == 1
    again = world.last(Letter.ADMIN_DECISION, CAROL.address)
    assert again in world.letters[before:]
    world.answers(again, "approve")
    world.later(minutes=5)
    assert world.ticket(1).state is TicketState.ACTIVE


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
    run_recover(world)
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
        run_recover(world, silent)
    with (
        world.bot.context.store.mailbox_lock(world.bot.account),
        pytest.raises(CannotRecover, match="a daemon reads the mailbox"),
    ):
        run_recover(world)
    assert not world.bot.context.paused()
