"""The ticket that a machine gets by its mark, and the line in its history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid5

import pytest

from mailbot.model import CLOCK, Actor, TicketState
from mailbot.turns.adopting import Told, adoption, ticket_of
from mailbot.turns.drift import Mark
from tests.lives import BY_ADMIN
from tests.world import ALICE, World, request_words

MARK = Mark(uuid5(UUID(int=0), "a machine"), "7", "alice", date(2027, 3, 31), 20)
KNOWN = Told("A web server.", "A machine for us", "<1@example.org>")


def test_what_the_mark_and_the_mail_say_is_the_tickets(world: World) -> None:
    ticket = ticket_of(world.bot.context, ALICE, MARK, replace(KNOWN, opened_at=world.now - timedelta(days=3)))
    assert (ticket.id, ticket.end_date, ticket.disk_gib) == (7, date(2027, 3, 31), 20)
    assert (ticket.subject, ticket.thread) == ("A machine for us", "<1@example.org>")
    assert (ticket.opened_at, ticket.changed_at) == (world.now - timedelta(days=3), world.now)


def test_what_they_do_not_say_is_as_for_anybody_who_asks_now(world: World) -> None:
    mark = replace(MARK, expires_on=None, disk_gib=None)
    ticket = ticket_of(world.bot.context, ALICE, mark, Told("not known"))
    assert (ticket.end_date, ticket.disk_gib) == (world.now.date(), world.rules.policy.disk_gib)
    assert (ticket.subject, ticket.opened_at) == (world.rules.service.request_subject, world.now)


@pytest.mark.parametrize("reference", ["", "seven", "²", "-1"])
def test_a_mark_without_a_number_gives_none(world: World, reference: str) -> None:
    assert ticket_of(world.bot.context, ALICE, replace(MARK, reference=reference), KNOWN).id == 0


def test_a_number_that_somebody_has_is_not_given_again(world: World) -> None:
    world.writes(ALICE.email, request_words())
    assert ticket_of(world.bot.context, ALICE, replace(MARK, reference="1"), KNOWN).id == 0


def test_a_new_ticket_had_no_state_before_and_one_of_the_backup_had_its_own(world: World) -> None:
    context = world.bot.context
    made = ticket_of(context, ALICE, replace(MARK, reference="1"), KNOWN)
    (line,) = adoption(context, "north", MARK, made, CLOCK).history
    assert (line.before, line.after) == (None, TicketState.ACTIVE)
    world.writes(ALICE.email, request_words())
    (line,) = adoption(context, "north", MARK, world.ticket(), CLOCK).history
    assert (line.before, line.after) == (TicketState.PENDING, TicketState.ACTIVE)


def test_letters_from_before_the_adoption_count_no_more(world: World) -> None:
    world.writes(ALICE.email, request_words())
    turn = adoption(world.bot.context, "north", MARK, world.ticket(), CLOCK)
    assert turn.ticket is not None
    assert turn.ticket.nonce not in {"", world.ticket().nonce}


def test_the_history_of_an_adopted_machine_is_that_of_its_own_ticket(world: World) -> None:
    context = world.bot.context
    context.store.commit(adoption(context, "north", MARK, ticket_of(context, ALICE, MARK, KNOWN), CLOCK))
    assert [line.facts["site"] for line in context.store.history(7)] == ["north"]


@pytest.mark.parametrize(("by", "why"), [(CLOCK, "a backup was restored"), (BY_ADMIN, "adopted")])
def test_the_history_says_whether_an_admin_wanted_it_or_a_backup_was_restored(
    world: World, by: Actor, why: str
) -> None:
    turn = adoption(world.bot.context, "north", MARK, ticket_of(world.bot.context, ALICE, MARK, KNOWN), by)
    assert turn.history[0].summary.startswith(f"{why}: ")


def test_its_last_day_is_that_of_its_mark_and_else_that_of_its_ticket(world: World) -> None:
    world.writes(ALICE.email, request_words(until="2027-06-30"))
    for mark, day in ((MARK, date(2027, 3, 31)), (replace(MARK, expires_on=None), date(2027, 6, 30))):
        turn = adoption(world.bot.context, "north", mark, world.ticket(), CLOCK)
        assert turn.ticket is not None
        assert turn.ticket.end_date == day
