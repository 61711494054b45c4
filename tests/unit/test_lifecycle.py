"""The table of moves and what each decision makes of a ticket, up to the running machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest

from mailbot.commands import offered
from mailbot.letters.catalogue import KINDS, LETTERS
from mailbot.letters.kinds import Audience
from mailbot.letters.stored import from_json
from mailbot.lifecycle import request
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.moves import MOVES
from mailbot.lifecycle.steps import STATE_WORDS, called, standing
from mailbot.model import (
    FINAL,
    Action,
    Actor,
    Approved,
    Arrived,
    BuildFailed,
    Built,
    Confirmed,
    Denied,
    DiskDeleted,
    Effect,
    EffectFailed,
    EndDateSet,
    Ended,
    Event,
    ExtensionAsked,
    Held,
    Kept,
    Letter,
    Login,
    MachineAsked,
    MoveAsked,
    MoveBegun,
    MoveEnded,
    OwnerSeen,
    OwnerSet,
    OwnerState,
    Person,
    Placed,
    PowerSet,
    Proceeded,
    Purpose,
    RebuildAsked,
    Refusal,
    ReinstallAsked,
    Reinstalled,
    ReinstallWanted,
    ReleaseAsked,
    Released,
    Relocated,
    Replaced,
    Restored,
    Retired,
    Retried,
    Returned,
    Role,
    Step,
    Ticket,
    TicketState,
    TimePassed,
    Unheld,
    Withdrawn,
)
from mailbot.rules import LeaseRules, PolicyRules, Rules
from parsers.translatable import from_data, say
from tests.world import ADMINS, ALICE, CAROL, START

S = TicketState
BY_CAROL = Actor(Role.ADMIN, CAROL.address)
BY_ALICE = Actor(Role.OWNER, ALICE.email)
READY = Login("alice-vm.north.example", "192.0.2.10", (), ())
LATER = date(2027, 6, 30)

SAMPLES: dict[type[Event], Event] = {
    type(event): event
    for event in (
        Confirmed(BY_ALICE),
        Approved(BY_CAROL),
        Denied(BY_CAROL, "no room"),
        Withdrawn(BY_ALICE),
        Replaced(BY_ALICE, "Other words.", date(2027, 1, 31), 8),
        TimePassed(),
        Placed("south", instead_of="north"),
        Built(READY),
        BuildFailed("the pool is full", 3, ("north", "south")),
        Retried(BY_CAROL),
        ExtensionAsked(BY_ALICE, LATER),
        ReleaseAsked(BY_ALICE),
        Released(BY_ALICE),
        Kept(BY_ALICE),
        Restored(BY_ALICE, LATER),
        Retired(),
        DiskDeleted(),
        EffectFailed("stop", "the host does not answer"),
        Returned(ALICE.email, True, letter=Letter.WARNING),
        Held("a demonstration", BY_CAROL),
        Unheld(BY_CAROL),
        Ended(BY_CAROL, "it attacks others"),
        EndDateSet(BY_CAROL, LATER),
        PowerSet(BY_CAROL, on=False, reason="the cables are moved"),
        OwnerSet(
            BY_CAROL,
            "memory:bob",
            "bob",
            "Bob Durand",
            "bob@example.org",
            OwnerState.NAMESAKE,
            "",
            "she has left",
            "new",
        ),
        Proceeded(BY_CAROL),
        MachineAsked(BY_ALICE, Action.RESTART),
        RebuildAsked(BY_CAROL),
        MoveAsked(BY_CAROL, "south", START + timedelta(days=20)),
        MoveBegun("south"),
        Relocated("south"),
        Arrived(READY),
        MoveEnded("the pool is full", say("It could not be moved."), begun=True),
        ReinstallAsked(BY_ALICE),
        ReinstallWanted(BY_ALICE),
        Reinstalled(READY),
        OwnerSeen(OwnerState.LOCKED, "memory:alice", "alice", ALICE.name, ALICE.email, 1),
    )
}
"""One of every event."""

SURE = {
    (S.UNCONFIRMED, Confirmed): S.PENDING,
    (S.UNCONFIRMED, Withdrawn): S.WITHDRAWN,
    (S.UNCONFIRMED, TimePassed): S.UNCONFIRMED,
    (S.PENDING, Approved): S.APPROVED,
    (S.PENDING, Denied): S.DENIED,
    (S.PENDING, Withdrawn): S.WITHDRAWN,
    (S.PENDING, Replaced): S.PENDING,
    (S.PENDING, TimePassed): S.PENDING,
    (S.APPROVED, Placed): S.APPROVED,
    (S.APPROVED, Built): S.ACTIVE,
    (S.APPROVED, BuildFailed): S.FAILED,
    (S.APPROVED, TimePassed): S.APPROVED,
    (S.APPROVED, Withdrawn): S.RETIRING,
    (S.APPROVED, Ended): S.RETIRING,
    (S.APPROVED, Held): S.APPROVED,
    (S.APPROVED, Unheld): S.APPROVED,
    **{(state, OwnerSeen): state for state in (S.UNCONFIRMED, S.PENDING, S.APPROVED, S.FAILED)},
    (S.FAILED, Retried): S.APPROVED,
    (S.FAILED, Ended): S.RETIRING,
    (S.FAILED, Held): S.FAILED,
    (S.FAILED, Unheld): S.FAILED,
    (S.FAILED, Denied): S.RETIRING,
    (S.FAILED, Withdrawn): S.RETIRING,
    (S.FAILED, TimePassed): S.FAILED,
}
"""What must come of an event right after the ticket reached a state, from the request to the machine."""


def about(now: datetime = START, **rules: Any) -> Circumstances:
    return Circumstances(now, replace(Rules(), **rules), ADMINS)


def ticket(state: TicketState = S.PENDING, **changes: Any) -> Ticket:
    made = Ticket(
        id=7,
        state=state,
        username="alice",
        name=ALICE.name,
        email=ALICE.email,
        intended_usage="A web server.",
        end_date=date(2027, 3, 31),
        disk_gib=8,
        thread="<1@example.org>",
        subject="Persistent Virtual Machine Creation",
        opened_at=START,
        changed_at=START,
        asked_at=START if state in {S.PENDING, S.UNCONFIRMED} else None,
        site=None if state in {S.PENDING, S.UNCONFIRMED} else "north",
        revision=3,
        version=2,
    )
    return replace(made, **changes)


def made_of(before: Ticket, event: Event, now: datetime = START, **rules: object) -> Step:
    step = decide(before, event, about(now, **rules))
    assert isinstance(step, Step), step
    return step


def letters(effects: Sequence[Effect]) -> list[tuple[Letter, str]]:
    return [(effect.letter, effect.to) for effect in effects if effect.letter]


def to_all_admins(letter: Letter) -> list[tuple[Letter, str]]:
    return [(letter, admin.address) for admin in ADMINS]


# the table


def test_every_event_and_every_state_is_in_the_table() -> None:
    assert SAMPLES.keys() == set(get_args(Event))
    assert MOVES.keys() == set(TicketState) == STATE_WORDS.keys()


@pytest.mark.parametrize(
    ("state", "kind"), list(product(TicketState, SAMPLES)), ids=lambda one: getattr(one, "__name__", one)
)
def test_an_event_does_what_the_table_says_or_is_refused_with_words(state: TicketState, kind: type[Event]) -> None:
    before = ticket(state)
    step = decide(before, SAMPLES[kind], about())
    if kind not in MOVES[state]:
        assert isinstance(step, Refusal)
    elif isinstance(step, Step):
        assert step.ticket.state in MOVES[state][kind]
    if isinstance(step, Refusal):
        assert step.why.endswith(".")
        assert len(step.why.split()) > 3
    else:
        assert (step.ticket.id, step.ticket.revision) == (before.id, before.revision), "the store counts revisions"


@pytest.mark.parametrize(("state", "kind"), SURE, ids=lambda one: getattr(one, "__name__", one))
def test_the_way_from_a_request_to_a_machine(state: TicketState, kind: type[Event]) -> None:
    assert made_of(ticket(state), SAMPLES[kind]).ticket.state is SURE[state, kind]


def test_up_to_the_machine_nothing_else_is_possible() -> None:
    early = {S.UNCONFIRMED, S.PENDING, S.APPROVED, S.FAILED}
    assert {(state, kind) for state in early for kind in MOVES[state]} == SURE.keys()


def test_nothing_leaves_a_final_state() -> None:
    assert all(not MOVES[state] for state in FINAL)


def test_every_other_state_can_be_left() -> None:
    for state in set(TicketState) - FINAL:
        assert set().union(*MOVES[state].values()) - {state}, state


@pytest.mark.parametrize("state", TicketState)
@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
def test_letters_go_to_the_owner_and_the_admins_only_and_have_their_facts(
    state: TicketState, kind: type[Event]
) -> None:
    step = decide(ticket(state), SAMPLES[kind], about())
    for effect in step.effects if isinstance(step, Step) else ():
        if effect.letter is None:
            continue
        written = KINDS[effect.letter]
        expected = (
            {admin.address for admin in ADMINS}
            if written.audience is Audience.ADMIN
            else {ALICE.email, step.ticket.email}
        )
        assert effect.to in expected
        assert from_json(LETTERS[effect.letter], effect.facts).stored() == effect.facts


# versions


@pytest.mark.parametrize(("state", "kind"), SURE, ids=lambda one: getattr(one, "__name__", one))
def test_the_version_rises_exactly_when_something_changes_that_people_decide_upon(
    state: TicketState, kind: type[Event]
) -> None:
    before = ticket(state)
    after = made_of(before, SAMPLES[kind]).ticket
    assert after.version == before.version + (after.state is not before.state or kind is Replaced)


def test_a_decision_that_changes_date_and_disk_is_one_new_version() -> None:
    after = made_of(ticket(), Approved(BY_CAROL, LATER, 20)).ticket
    assert (after.end_date, after.disk_gib, after.version) == (LATER, 20, 3)


def test_keys_of_effects_differ_between_versions_and_recipients() -> None:
    first = made_of(ticket(), TimePassed(), START + timedelta(days=2)).effects
    second = made_of(ticket(version=3), TimePassed(), START + timedelta(days=2)).effects
    keys = [effect.key for effect in (*first, *second)]
    assert len(set(keys)) == len(keys) == 4


# questions


def opened(
    *, proven: bool, claimed_from: str = "alice@home.example", language: str = "", person: Person = ALICE
) -> Step:
    return request.opened(
        person,
        "A web server.",
        date(2027, 3, 31),
        8,
        "",
        thread="<1@example.org>",
        subject="x",
        proven=proven,
        claimed_from=claimed_from,
        notes=("The date was read as a Wednesday.",),
        circumstances=about(),
        language=language,
    )


def test_letters_are_in_the_language_that_somebody_writes_and_else_in_the_one_they_prefer() -> None:
    french = replace(ALICE, language="fr")
    assert opened(proven=True, person=french).ticket.language == "fr"
    assert opened(proven=True, person=french, language="en").ticket.language == "en"
    assert opened(proven=True).ticket.language == ""


def test_a_proven_request_is_asked_of_every_admin_and_receipted() -> None:
    step = opened(proven=True)
    assert (step.ticket.state, step.ticket.id, step.ticket.version) == (S.PENDING, 0, 1)
    assert letters(step.effects) == [(Letter.REQUEST_RECEIVED, ALICE.email), *to_all_admins(Letter.ADMIN_DECISION)]
    assert step.ticket.due_at == START + timedelta(days=2)
    assert step.ticket.reminders == 0
    asked = step.effects[1].facts
    assert (asked["question"], asked["sender"]) == ("request", "alice@home.example")
    assert asked["lapses_at"] == step.effects[0].facts["lapses_at"] == (START + timedelta(days=14)).isoformat()


def test_a_request_from_the_registered_address_names_no_other_sender() -> None:
    step = opened(proven=True, claimed_from=ALICE.email)
    assert not step.effects[1].facts.get("sender")


def test_an_unproven_request_bothers_nobody_but_the_registered_address() -> None:
    step = opened(proven=False)
    assert step.ticket.state is S.UNCONFIRMED
    assert letters(step.effects) == [(Letter.CONFIRM_REQUEST, ALICE.email)]
    assert step.ticket.due_at == START + timedelta(days=7)
    assert step.effects[0].facts["lapses_at"] == (START + timedelta(days=7)).isoformat()


def test_an_owner_who_asks_again_in_the_same_words_asks_another_question_in_the_same_thread() -> None:
    before = ticket(reminders=2)
    same = Replaced(BY_ALICE, before.intended_usage, before.end_date, before.disk_gib)
    after = made_of(before, same).ticket
    assert (after.version, after.reminders) == (before.version + 1, 0)
    assert (after.thread, after.subject) == (before.thread, before.subject)
    moved = made_of(before, replace(same, thread="<2@example.org>", subject="Again")).ticket
    assert (moved.thread, moved.subject) == ("<2@example.org>", "Again")


def test_a_confirmation_starts_the_time_of_the_question_anew() -> None:
    now = START + timedelta(days=6)
    step = made_of(ticket(S.UNCONFIRMED), Confirmed(BY_ALICE), now)
    assert (step.ticket.asked_at, step.ticket.due_at) == (now, now + timedelta(days=2))
    assert step.effects[0].facts["lapses_at"] == (now + timedelta(days=14)).isoformat()


def test_a_confirmation_of_a_date_that_has_passed_is_refused() -> None:
    waiting = ticket(S.UNCONFIRMED, end_date=date(2026, 11, 25))
    assert isinstance(decide(waiting, Confirmed(BY_ALICE), about(START + timedelta(days=3))), Refusal)


def test_an_unconfirmed_request_lapses_without_a_letter() -> None:
    step = made_of(ticket(S.UNCONFIRMED), TimePassed(), START + timedelta(days=7))
    assert (step.ticket.state, step.ticket.due_at, step.effects) == (S.LAPSED, None, ())


def test_an_approval_builds_once_and_tells_everybody() -> None:
    step = made_of(ticket(), Approved(BY_CAROL))
    assert [effect.action for effect in step.effects if effect.action is not Action.LETTER] == [Action.BUILD]
    assert letters(step.effects) == [(Letter.REQUEST_APPROVED, ALICE.email), *to_all_admins(Letter.ADMIN_DECIDED)]
    assert (step.ticket.due_at, step.ticket.asked_at) == (None, None)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Approved(BY_CAROL, until=date(2026, 11, 23)), "in the future"),
        (Approved(BY_CAROL, until=date(2028, 11, 24)), "at most 2 years"),
        (Approved(BY_CAROL, disk_gib=101), "up to 100 GiB"),
        (Approved(BY_CAROL, disk_gib=4), "of 8 GiB"),
        (Denied(BY_CAROL, " "), "needs a reason"),
    ],
)
def test_a_decision_outside_the_rules_is_refused(event: Event, words: str) -> None:
    refusal = decide(ticket(), event, about())
    assert isinstance(refusal, Refusal)
    assert words in refusal.why


def test_a_request_whose_end_date_has_passed_cannot_be_approved_as_it_is() -> None:
    stale = ticket(end_date=date(2026, 11, 24))
    now = START + timedelta(days=2)
    assert isinstance(decide(stale, Approved(BY_CAROL), about(now)), Refusal)
    assert isinstance(decide(stale, Approved(BY_CAROL, LATER), about(now)), Step)


def test_what_was_changed_is_said_in_the_history_and_to_the_owner() -> None:
    step = made_of(ticket(), Approved(BY_CAROL, LATER, 20))
    told = next(effect for effect in step.effects if effect.letter is Letter.REQUEST_APPROVED)
    assert told.facts["by"] == CAROL.name
    assert [from_data(one) for one in told.facts["changed"]] == [
        "The end date is Wednesday 30 June 2027, not Wednesday 31 March 2027.",
        "The disk has 20 GiB, not 8 GiB.",
    ]
    assert step.summary == f"approved by {CAROL.address}. " + " ".join(from_data(one) for one in told.facts["changed"])


def test_an_approval_as_it_was_asked_changes_nothing_and_says_no_more() -> None:
    step = made_of(ticket(), Approved(BY_CAROL))
    assert step.summary == f"approved by {CAROL.address}"
    assert (step.ticket.end_date, step.ticket.disk_gib) == (date(2027, 3, 31), 8)


def test_the_first_decision_wins() -> None:
    approved = made_of(ticket(), Approved(BY_CAROL)).ticket
    denied = made_of(ticket(), Denied(BY_CAROL, "no room")).ticket
    assert isinstance(decide(approved, Denied(BY_CAROL, "no room"), about()), Refusal)
    assert isinstance(decide(denied, Approved(BY_CAROL), about()), Refusal)


def test_a_denial_reaches_the_owner_with_its_reason() -> None:
    step = made_of(ticket(), Denied(BY_CAROL, " no room "))
    assert letters(step.effects) == [(Letter.REQUEST_DENIED, ALICE.email), *to_all_admins(Letter.ADMIN_DECIDED)]
    assert step.effects[0].facts["reason"] == "no room"


def test_admins_hear_of_a_withdrawal_only_where_they_were_asked() -> None:
    assert letters(made_of(ticket(S.UNCONFIRMED), Withdrawn(BY_ALICE)).effects) == [
        (Letter.REQUEST_WITHDRAWN, ALICE.email)
    ]
    assert letters(made_of(ticket(), Withdrawn(BY_ALICE)).effects) == [
        (Letter.REQUEST_WITHDRAWN, ALICE.email),
        *to_all_admins(Letter.ADMIN_DECIDED),
    ]


# time


def test_reminders_come_at_their_days_and_then_the_question_lapses() -> None:
    now, before, told = START, ticket(due_at=START + timedelta(days=2)), []
    while before.due_at is not None:
        now = before.due_at
        step = made_of(before, TimePassed(), now)
        told.append(((now - START).days, {letter for letter, _ in letters(step.effects)}))
        before = step.ticket
    assert told == [
        (2, {Letter.ADMIN_REMINDER}),
        (5, {Letter.ADMIN_REMINDER}),
        (14, {Letter.REQUEST_LAPSED, Letter.ADMIN_LAPSED}),
    ]
    assert before.state is S.LAPSED


def test_overdue_reminders_collapse_into_one() -> None:
    step = made_of(ticket(), TimePassed(), START + timedelta(days=8))
    assert letters(step.effects) == to_all_admins(Letter.ADMIN_REMINDER)
    assert (step.ticket.reminders, step.ticket.due_at) == (2, START + timedelta(days=14))


def test_after_a_long_pause_admins_are_reminded_before_a_question_lapses() -> None:
    back = START + timedelta(days=60)
    step = made_of(ticket(), TimePassed(), back)
    assert letters(step.effects) == to_all_admins(Letter.ADMIN_REMINDER)
    assert step.ticket.due_at == back + timedelta(days=2)
    assert step.effects[0].facts["lapses_at"] == step.ticket.due_at.isoformat()
    assert made_of(step.ticket, TimePassed(), back + timedelta(days=2)).ticket.state is S.LAPSED


@pytest.mark.parametrize("state", [S.UNCONFIRMED, S.PENDING])
def test_nothing_lapses_while_the_bot_is_blind(state: TicketState) -> None:
    late = START + timedelta(days=60)
    waiting = ticket(state=state, reminders=2)
    step = made_of(waiting, TimePassed(blind="the mailbox is away"), late)
    assert (step.ticket.state, step.effects) == (state, ())
    assert step.ticket.due_at is not None
    assert step.ticket.due_at == late + timedelta(minutes=10), "and it is looked at again soon"
    assert made_of(waiting, TimePassed(), late).ticket.state is S.LAPSED


def test_waking_too_early_writes_nothing_and_puts_it_right() -> None:
    step = made_of(ticket(due_at=START), TimePassed(), START + timedelta(hours=1))
    assert (step.effects, step.summary, step.ticket.due_at) == ((), "", START + timedelta(days=2))


def test_a_reminder_on_the_day_on_which_the_question_lapses_is_none() -> None:
    lease = LeaseRules(remind_days=(2, 14))
    late = START + timedelta(days=13)
    reminded = made_of(ticket(), TimePassed(), late, lease=lease).ticket
    assert (reminded.reminders, reminded.due_at) == (1, late + timedelta(days=2))
    assert made_of(reminded, TimePassed(), START + timedelta(days=14), lease=lease).ticket.state is S.PENDING
    assert made_of(reminded, TimePassed(), START + timedelta(days=15), lease=lease).ticket.state is S.LAPSED


def test_the_time_of_a_question_runs_from_when_it_was_asked_and_not_from_the_request() -> None:
    asked = ticket(asked_at=START + timedelta(days=6), reminders=1)
    step = made_of(asked, TimePassed(), START + timedelta(days=11))
    assert step.effects[0].facts["lapses_at"] == (START + timedelta(days=20)).isoformat()
    late = replace(step.ticket, reminders=2)
    assert made_of(late, TimePassed(), START + timedelta(days=19)).ticket.due_at == START + timedelta(days=20)
    lapsed = made_of(late, TimePassed(), START + timedelta(days=20))
    assert (lapsed.ticket.state, lapsed.effects[0].facts["days"]) == (S.LAPSED, 14)


def test_a_clock_that_goes_back_reminds_nobody_twice() -> None:
    reminded = made_of(ticket(), TimePassed(), START + timedelta(days=2)).ticket
    step = made_of(reminded, TimePassed(), START + timedelta(days=1))
    assert (step.effects, step.ticket.reminders) == ((), 1)


@pytest.mark.parametrize("days", [0, 1, 2, 3, 5, 13, 14, 15, 400])
@pytest.mark.parametrize("remind", [(), (2, 5), (20,), (5, 2), (3, 3)])
def test_waking_never_wants_to_be_woken_in_the_past(days: int, remind: tuple[int, ...]) -> None:
    now = START + timedelta(days=days)
    step = made_of(ticket(), TimePassed(), now, lease=LeaseRules(remind_days=remind))
    assert step.ticket.due_at is None or step.ticket.due_at > now


# building


def test_the_ready_letter_has_what_the_machine_showed_and_the_dates_of_the_ticket() -> None:
    (told,) = [effect for effect in made_of(ticket(S.APPROVED), Built(READY)).effects if effect.letter]
    assert (told.letter, told.to) == (Letter.VM_READY, ALICE.email)
    assert (told.facts["fqdn"], told.facts["address"]) == (READY.fqdn, READY.address)
    assert told.facts["end_date"] == "2027-03-31"
    assert told.facts["first_warning_on"] == "2027-01-30"


def test_the_ready_letter_names_no_warning_where_the_site_sends_none() -> None:
    step = made_of(ticket(S.APPROVED), Built(READY), lease=LeaseRules(warn_days=()))
    (told,) = [effect for effect in step.effects if effect.letter]
    assert told.facts.get("first_warning_on") is None


def test_a_failed_build_tells_the_admins_and_not_the_owner() -> None:
    step = made_of(ticket(S.APPROVED), BuildFailed("the pool is full", 3, ("north",)))
    assert letters(step.effects) == to_all_admins(Letter.ADMIN_BUILD_FAILED)


@pytest.mark.parametrize(
    ("event", "final"), [(SAMPLES[Denied], S.DENIED), (SAMPLES[Withdrawn], S.WITHDRAWN), (TimePassed(), S.LAPSED)]
)
def test_a_failed_build_that_is_given_up_is_over_when_nothing_of_it_is_left(event: Event, final: TicketState) -> None:
    late = START + timedelta(days=31)
    failed = ticket(S.FAILED, asked_at=START)
    going = made_of(failed, event, late)
    assert going.ticket.state is S.RETIRING
    assert [effect.action for effect in going.effects if effect.action is not Action.LETTER] == [Action.RETIRE]
    assert ALICE.email in {effect.to for effect in going.effects}, "she had a yes, and reads what became of it"
    gone = made_of(going.ticket, Retired(), late)
    assert (gone.ticket.state, gone.effects) == (S.REMOVED, ()), "nobody has used its disk"
    assert made_of(replace(failed, site=None), event, late).ticket.state is final


@pytest.mark.parametrize("event", [SAMPLES[Withdrawn], SAMPLES[Ended]])
def test_a_build_that_is_given_up_while_it_goes_on_is_taken_away_first(event: Event) -> None:
    building = ticket(S.APPROVED)
    going = made_of(building, event)
    assert going.ticket.state is S.RETIRING
    assert [one.action for one in going.effects if one.action is not Action.LETTER] == [Action.RETIRE]
    assert not going.destructive, "the brake counts only what the clock does"
    assert {one.to for one in going.effects if one.letter} == {ALICE.email, *(admin.address for admin in ADMINS)}
    assert made_of(going.ticket, Retired()).ticket.state is S.REMOVED
    over = made_of(replace(building, site=None), event).ticket
    assert over.state is (S.WITHDRAWN if isinstance(event, Withdrawn) else S.DENIED), "nothing was begun anywhere"
    for late in (Placed("south"), Built(READY), BuildFailed("too late")):
        assert isinstance(decide(going.ticket, late, about()), Refusal), "its worker hears that it is not wanted"
        assert isinstance(decide(over, late, about()), Refusal)


@pytest.mark.parametrize("state", [S.APPROVED, S.FAILED])
@pytest.mark.parametrize("event", [SAMPLES[Withdrawn], SAMPLES[Ended]])
def test_a_hold_holds_before_there_is_a_machine_too(state: TicketState, event: Event) -> None:
    held = made_of(ticket(state, asked_at=START), Held("evidence", BY_CAROL)).ticket
    refused = decide(held, event, about())
    assert isinstance(refused, Refusal)
    assert "evidence" in refused.why
    let_go = made_of(held, Unheld(BY_CAROL)).ticket
    assert made_of(let_go, event).ticket.state is S.RETIRING


def test_a_failed_build_that_is_held_is_not_given_up_by_the_clock() -> None:
    held = ticket(S.FAILED, asked_at=START, held="evidence", due_at=START)
    late = START + timedelta(days=31)
    waits = made_of(held, TimePassed(), late).ticket
    assert waits.state is S.FAILED
    assert waits.due_at is not None
    assert waits.due_at > late
    assert made_of(replace(waits, held=""), TimePassed(), late).ticket.state is S.RETIRING


def test_giving_up_a_return_keeps_the_disk_for_as_long_as_was_promised_and_no_longer() -> None:
    promised = START + timedelta(days=9)
    kept = ticket(S.ARCHIVED, lease_from=START - timedelta(days=90), keep_until=promised)
    for _ in range(3):
        back = made_of(kept, Restored(BY_ALICE)).ticket
        kept = made_of(made_of(back, Withdrawn(BY_ALICE)).ticket, Retired()).ticket
        assert (kept.state, kept.keep_until) == (S.ARCHIVED, promised)
    back = made_of(kept, Restored(BY_ALICE)).ticket
    assert made_of(back, Built(READY)).ticket.keep_until is None


def test_a_failed_build_waits_for_its_time_and_for_a_bot_that_sees() -> None:
    failed = made_of(ticket(S.APPROVED), BuildFailed("no room")).ticket
    assert failed.due_at == START + timedelta(days=30)
    assert made_of(failed, TimePassed(), START + timedelta(days=29)).ticket.due_at == failed.due_at
    blind = made_of(failed, TimePassed(blind="the mailbox is away"), START + timedelta(days=40))
    assert blind.ticket.state is S.FAILED
    assert made_of(failed, TimePassed(), START + timedelta(days=30)).ticket.state is not S.FAILED


def test_a_failure_from_before_failures_had_a_time_begins_to_wait_now() -> None:
    step = made_of(ticket(S.FAILED), TimePassed(), START + timedelta(days=400))
    assert (step.ticket.state, step.ticket.due_at) == (S.FAILED, START + timedelta(days=430))


def test_a_restored_machine_that_is_given_up_keeps_its_disk() -> None:
    failed = ticket(S.FAILED, lease_from=START, asked_at=START)
    going = made_of(failed, Withdrawn(BY_ALICE))
    assert going.effects[1].facts["begun"] == "restore"
    assert made_of(ticket(S.FAILED, asked_at=START), Withdrawn(BY_ALICE)).effects[1].facts["begun"] == "build"
    assert made_of(going.ticket, Retired()).ticket.state is S.ARCHIVED


def test_building_again_may_choose_any_site_and_is_a_new_effect() -> None:
    first = made_of(ticket(), Approved(BY_CAROL))
    failed = made_of(replace(first.ticket, site="north"), BuildFailed("no room"))
    again = made_of(failed.ticket, Retried(BY_CAROL))
    assert again.ticket.site is None
    assert again.effects[0].key != first.effects[0].key


# what an admin does unasked, and when nothing destructive may happen


@pytest.mark.parametrize(
    ("state", "until", "words"),
    [
        (S.ACTIVE, date(2027, 3, 30), "only a later one"),
        (S.ACTIVE, date(2027, 3, 31), "only a later one"),
        (S.ACTIVE, date(2027, 4, 1), ""),
        (S.EXPIRED, date(2027, 3, 30), "only a later one"),
        (S.EXPIRED, date(2027, 3, 31), ""),
        (S.ACTIVE, date(2031, 1, 1), "at most 2 years"),
    ],
)
def test_an_admin_sets_a_later_last_day_and_starts_a_stopped_machine_with_its_own(
    state: TicketState, until: date, words: str
) -> None:
    step = decide(ticket(state, lease_from=START), EndDateSet(BY_CAROL, until), about())
    if words:
        assert isinstance(step, Refusal)
        assert words in step.why
    else:
        assert isinstance(step, Step)
        assert (step.ticket.state, step.ticket.end_date) == (S.ACTIVE, until)


def test_an_admin_ends_a_machine_with_a_reason_and_not_while_it_is_held() -> None:
    running = ticket(S.ACTIVE, lease_from=START)
    assert made_of(running, Ended(BY_CAROL, "it attacks others")).ticket.state is S.RETIRING
    assert isinstance(decide(running, Ended(BY_CAROL, " "), about()), Refusal)
    held = decide(replace(running, held="a question of law"), Ended(BY_CAROL, "it attacks others"), about())
    assert isinstance(held, Refusal)


def test_what_goes_now_is_told_with_the_days_for_which_its_disk_is_kept() -> None:
    asked = made_of(ticket(S.ACTIVE, lease_from=START), ReleaseAsked(BY_ALICE))
    facts = asked.effects[0].facts
    assert facts["lapses_at"] == (START + timedelta(days=7)).isoformat()
    assert [one["when"] for one in facts["plan"]] == [START.isoformat(), (START + timedelta(days=30)).isoformat()]


def test_a_release_is_confirmed_to_the_last_moment_and_keeps_when_a_machine_was_stopped() -> None:
    asked = made_of(ticket(S.EXPIRED, lease_from=START, ended_at=START), ReleaseAsked(BY_ALICE)).ticket
    last = START + timedelta(days=7)
    assert made_of(asked, Released(BY_ALICE), last).ticket.ended_at == START
    assert isinstance(decide(asked, Released(BY_ALICE), about(last + timedelta(seconds=1))), Refusal)
    running = made_of(ticket(S.ACTIVE, lease_from=START), ReleaseAsked(BY_ALICE)).ticket
    assert made_of(running, Released(BY_ALICE), last).ticket.ended_at == last


@pytest.mark.parametrize(
    ("day", "weekends", "closed"),
    [
        (date(2026, 11, 27), True, False),
        (date(2026, 11, 28), True, True),
        (date(2026, 11, 29), True, True),
        (date(2026, 11, 28), False, False),
        (date(2026, 12, 23), False, False),
        (date(2026, 12, 24), False, True),
        (date(2027, 1, 3), False, True),
        (date(2027, 1, 4), False, False),
        (date(2026, 12, 26), True, True),
    ],
)
def test_a_site_is_closed_from_the_first_day_of_a_closure_to_the_last_and_at_weekends_where_it_wants_that(
    day: date, weekends: bool, closed: bool
) -> None:
    rules = Rules(lease=LeaseRules(quiet_weekends=weekends))
    site = Circumstances(START, rules, ADMINS, closed=((date(2026, 12, 24), date(2027, 1, 3)),))
    assert site.closed_on(day) is closed


def test_letters_call_people_by_name_and_anybody_else_as_the_history_does() -> None:
    assert called(BY_ALICE, ticket(), about()) == ALICE.name
    assert called(BY_ALICE, ticket(name=""), about()) == ALICE.email
    assert called(BY_CAROL, ticket(), about()) == CAROL.name
    assert called(Actor(Role.ADMIN, "gone@example.org"), ticket(), about()) == "gone@example.org"
    nameless = replace(about(), admins=(replace(CAROL, name=""),))
    assert called(BY_CAROL, ticket(), nameless) == CAROL.address


@pytest.mark.parametrize("state", TicketState)
def test_how_things_stand_is_a_sentence(state: TicketState) -> None:
    words = standing(ticket(state))
    assert words[0] == STATE_WORDS[state][0].upper()
    assert words[1:] == f"{STATE_WORDS[state][1:]}."


# what can be said


@pytest.mark.parametrize("purpose", [Purpose.DECIDE, Purpose.OWN, Purpose.CONFIRM])
@pytest.mark.parametrize("state", TicketState)
def test_whoever_may_answer_can_always_ask(state: TicketState, purpose: Purpose) -> None:
    assert "help" in {offer.words for offer in offered(ticket(state), purpose, START, Rules())}


def test_a_letter_without_a_purpose_takes_no_answer() -> None:
    assert offered(ticket(), Purpose.NONE, START, Rules()) == ()


def test_the_limits_of_the_rules_are_those_that_decide() -> None:
    strict = {"policy": PolicyRules(max_disk_gib=10)}
    assert isinstance(decide(ticket(), Approved(BY_CAROL, disk_gib=20), about(**strict)), Refusal)
    assert isinstance(decide(ticket(), Approved(BY_CAROL, disk_gib=20), about()), Step)


def test_a_site_that_was_chosen_for_a_machine_that_is_elsewhere_by_now_is_refused() -> None:
    nowhere = replace(ticket(S.APPROVED), site=None)
    placed = made_of(nowhere, Placed("north")).ticket
    assert placed.site == "north"
    refused = decide(placed, Placed("south"), about())
    assert isinstance(refused, Refusal)
    assert "placed at north meanwhile" in refused.why
    nowhere_now = decide(nowhere, Placed("south", instead_of="north"), about())
    assert isinstance(nowhere_now, Refusal)
    assert "placed at no site meanwhile" in nowhere_now.why
    assert made_of(placed, Placed("south", instead_of="north")).ticket.site == "south"


def test_a_removal_that_finds_no_disk_promises_none() -> None:
    going = made_of(ticket(S.ACTIVE, lease_from=START), Ended(BY_CAROL, "lost", disk_gone=True))
    assert [effect.facts.get("disk_gone") for effect in going.effects] == [None, True]
    gone = made_of(going.ticket, Retired(disk_gone=True))
    assert (gone.ticket.state, gone.ticket.keep_until) == (S.REMOVED, None)
    assert [effect.facts["disk_gone"] for effect in gone.effects] == [True]
