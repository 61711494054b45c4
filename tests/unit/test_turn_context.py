"""What every turn works with: who is an admin, what a turn may look at, and how a step becomes one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from mailbot import tokens
from mailbot.errors import DirectoryUnavailable
from mailbot.lifecycle.extended import EXTENDED
from mailbot.model import (
    WITH_A_DISK,
    Accepted,
    Admin,
    Approved,
    EventKind,
    Held,
    HistoryEntry,
    Letter,
    MailKey,
    Purpose,
    Refusal,
    Step,
    TicketState,
    Turn,
)
from mailbot.ports import Fetched
from mailbot.tokens import Reference
from mailbot.turns.brake_replies import number_of
from mailbot.turns.context import CLOSED, PAUSED, TurnContext, apply, turn_of
from provisioner.api import SiteHealth
from tests.lives import BY_ADMIN, Life
from tests.world import ALICE, CAROL, DAVE, World, request_words

GRACE = Admin("grace", "Grace Group", "grace@testbed.example")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Alice has asked; no test changes anything of it but notes."""
    world = World(tmp_path_factory.mktemp("asked"))
    world.directory.group = (replace(GRACE, address="Grace@Testbed.example"), CAROL)
    world.writes(ALICE.email, request_words())
    yield world
    world.close()


@pytest.fixture
def context(world: World) -> TurnContext:
    return world.bot.context


def test_what_an_admin_has_paused_or_closed_is_told_in_their_words(context: TurnContext) -> None:
    assert (context.paused(), context.closed()) == ("", "")
    context.store.put_note(PAUSED, "carol: a new room")
    context.store.put_note(CLOSED, "until May")
    assert (context.paused(), context.closed()) == ("carol: a new room", "until May")
    context.store.put_note(PAUSED, None)
    context.store.put_note(CLOSED, None)


def test_an_admin_is_known_by_the_address_of_the_configuration_or_of_the_group(context: TurnContext) -> None:
    assert context.admin("CAROL@testbed.example") == CAROL
    assert context.admin(DAVE.address) == DAVE
    grace = context.admin("grace@testbed.example")
    assert grace is not None
    assert grace.login == "grace"
    assert context.admin(ALICE.email) is None


@pytest.mark.parametrize(
    "member", [replace(CAROL, address="other@testbed.example"), replace(GRACE, address=CAROL.address.upper()), CAROL]
)
def test_a_member_of_the_group_whom_the_configuration_names_is_written_to_once(
    world: World, context: TurnContext, member: Admin
) -> None:
    before, world.directory.group = world.directory.group, (member,)
    assert context.all_admins() == (CAROL, DAVE)
    world.directory.group = before
    assert [one.login for one in context.all_admins()] == ["carol", "dave", "grace"]


def test_while_the_directory_is_away_the_admins_of_the_configuration_are_known(
    world: World, context: TurnContext
) -> None:
    world.directory.down = True
    assert context.all_admins() == (CAROL, DAVE)
    assert context.admin(CAROL.address) == CAROL
    with pytest.raises(DirectoryUnavailable):
        context.admin(ALICE.email)
    world.directory.down = False


def test_a_question_knows_the_room_of_sites_and_a_machine_its_letters(world: World, context: TurnContext) -> None:
    context.store.put_health(SiteHealth("north", reachable=True, free_disk_gib=40), world.now)
    ticket = world.ticket()
    asking = context.circumstances(world.now, ticket)
    assert [(one.site, one.free_disk_gib) for one in asking.sites][:1] == [("north", 40)]
    assert asking.accepted == ()
    living = context.circumstances(world.now, replace(ticket, state=TicketState.ACTIVE))
    assert living.sites == ()
    assert all(isinstance(one, Accepted) for one in living.accepted)
    assert {one.letter for one in living.accepted} >= {Letter.REQUEST_RECEIVED}
    assert context.circumstances(world.now, replace(ticket, id=0, state=TicketState.ACTIVE)).accepted == ()


def test_the_turns_of_a_pass_know_the_room_that_it_has_read(world: World, context: TurnContext) -> None:
    def room(one: TurnContext) -> int:
        return next(site.free_disk_gib for site in one.room() if site.site == "north")

    context.store.put_health(SiteHealth("north", reachable=True, free_disk_gib=40), world.now)
    a_pass = context.in_a_pass()
    assert room(a_pass) == 40
    context.store.put_health(SiteHealth("north", reachable=True, free_disk_gib=30), world.now)
    assert room(a_pass.in_a_turn(world.now)) == 40
    assert room(context.in_a_turn(world.now)) == 30


@pytest.mark.parametrize("state", list(TicketState))
def test_how_often_a_machine_was_extended_is_read_where_more_can_be_asked(tmp_path: Path, state: TicketState) -> None:
    world = World(tmp_path)
    ticket = replace(Life(date(2027, 3, 31)).ticket, id=0, revision=0, state=state, due_at=None)
    extended = HistoryEntry(
        0, world.now, EventKind.APPROVED, TicketState.ACTIVE, TicketState.ACTIVE, BY_ADMIN, "extended", {EXTENDED: "x"}
    )
    store = world.bot.context.store
    stored = store.commit(Turn(now=world.now, ticket=ticket, history=(extended,)))
    assert stored is not None
    assert world.bot.context.circumstances(world.now, stored).extensions.granted == (state in WITH_A_DISK)
    world.close()


def test_a_site_that_is_closed_is_closed_for_its_own_machines(world: World, context: TurnContext) -> None:
    days = ((date(2026, 12, 24), date(2027, 1, 3)),)
    closed = replace(context, closures={"north": days})
    assert closed.circumstances(world.now, replace(world.ticket(), site="north")).closed == days
    assert closed.circumstances(world.now, replace(world.ticket(), site="south")).closed == ()
    assert closed.circumstances(world.now, replace(world.ticket(), site=None)).closed == ()


def test_a_step_without_words_changes_no_history(world: World) -> None:
    ticket = world.ticket()
    silent = turn_of(Approved(BY_ADMIN), ticket, Step(ticket, (), ""), world.now)
    assert (silent.history, silent.expected_revision) == ((), ticket.revision)
    told = turn_of(Approved(BY_ADMIN), ticket, Step(ticket, (), "approved"), world.now)
    assert [line.summary for line in told.history] == ["approved"]
    assert turn_of(Approved(BY_ADMIN), None, Step(ticket, (), ""), world.now).expected_revision is None


def test_what_was_stored_is_given_back_and_a_refusal_stores_nothing(world: World, context: TurnContext) -> None:
    kept: list[Turn] = []

    def nothing_stored(turn: Turn) -> None:
        kept.append(turn)

    after = apply(context, 1, Approved(BY_ADMIN), commit=nothing_stored)
    assert not isinstance(after, Refusal)
    assert (after.state, len(kept)) == (TicketState.APPROVED, 1)
    stored = replace(world.ticket(), revision=77)
    assert apply(context, 1, Approved(BY_ADMIN), commit=lambda _turn: stored) is stored
    assert isinstance(apply(context, 1, Held("why", BY_ADMIN), commit=nothing_stored), Refusal)
    assert len(kept) == 1
    with pytest.raises(LookupError):
        apply(context, 9, Approved(BY_ADMIN))


# whose answer to a brake's letter it is


def reference(context: TurnContext, *, ticket: int = 0, purpose: Purpose = Purpose.DECIDE, days: int = 0) -> Reference:
    """What the letter carries that was written to carol so many days ago."""
    sent = context.clock.now() - timedelta(days=days)
    return tokens.reference(context.letters.keys, ticket, 7, CAROL.address, purpose, day=tokens.day_of(sent))


def test_an_admin_answers_the_brake_whose_letter_was_written_to_them(context: TurnContext) -> None:
    assert number_of(context, (reference(context),), CAROL) == 7
    assert number_of(context, (reference(context, ticket=1), reference(context)), CAROL) == 7
    assert number_of(context, (reference(context),), DAVE) == 0
    assert number_of(context, (), CAROL) == 0


@pytest.mark.parametrize(("ticket", "purpose"), [(1, Purpose.DECIDE), (0, Purpose.OWN), (0, Purpose.CONFIRM)])
def test_another_letter_is_no_brake(context: TurnContext, ticket: int, purpose: Purpose) -> None:
    assert number_of(context, (reference(context, ticket=ticket, purpose=purpose),), CAROL) == 0


def test_a_letter_counts_until_it_has_expired(context: TurnContext) -> None:
    days = context.letters.expiry_days
    assert number_of(context, (reference(context, days=days),), CAROL) == 7
    assert number_of(context, (reference(context, days=days + 1),), CAROL) == 0
    came = context.clock.now() - timedelta(days=1)
    in_time = context.in_a_turn(came)
    assert number_of(in_time, (reference(context, days=days + 1),), CAROL) == 7, "whenever it is read"
    assert number_of(in_time, (reference(context, days=days + 2),), CAROL) == 0


def test_a_mail_came_when_its_server_says_and_never_later_than_now(context: TurnContext) -> None:
    now = context.clock.now()
    for arrived, came in (
        (None, now),
        (now - timedelta(days=3), now - timedelta(days=3)),
        (now + timedelta(days=1), now),
    ):
        assert Fetched(MailKey("a", "INBOX", 1, 1), b"", 0, arrived=arrived).came(now) == came
