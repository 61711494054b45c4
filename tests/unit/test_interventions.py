"""Rules about what admins do to a running machine: an earlier last day, the switch, another owner, a machine built again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from mailbot.lifecycle.decide import decide
from mailbot.model import (
    Action,
    Built,
    EndDateSet,
    Event,
    ExtensionAsked,
    Letter,
    OwnerSet,
    OwnerState,
    PowerSet,
    RebuildAsked,
    Refusal,
    Step,
    TicketState,
    Withdrawn,
)
from mailbot.rules import LeaseRules
from mailbot.timetable import end_of
from tests.lives import BY_ADMIN, BY_OWNER, DAY, LOGIN, READY_AT, Life

S = TicketState
END = date(2027, 3, 31)
WISH = date(2027, 9, 30)
NOTICE = timedelta(days=LeaseRules().notice_days)
HOUR = timedelta(hours=1)
TO_BOB = OwnerSet(
    BY_ADMIN, "memory:bob", "bob", "Bob Durand", "bob@example.org", OwnerState.ACTIVE, "", "she left", "a nonce"
)


def life(**changes: Any) -> Life:
    """Alice's machine is ready, its owner known by the directory's id."""
    made = Life(END)
    made.ticket = replace(made.ticket, **{"person_id": "memory:alice", **changes})
    return made


def done(life: Life, event: Event) -> Step:
    step = life.happens(event)
    assert isinstance(step, Step), step
    return step


def refused(life: Life, event: Event) -> str:
    step = decide(life.ticket, event, life.about())
    assert isinstance(step, Refusal), step
    return step.why


def actions(step: Step) -> list[Action]:
    return [one.action for one in step.effects]


# an earlier last day


def earlier(until: date) -> EndDateSet:
    return EndDateSet(BY_ADMIN, until, "the room is needed")


@pytest.mark.parametrize(
    ("until", "room", "why"),
    [
        (END - DAY, timedelta(0), ""),
        (END, timedelta(0), "must be earlier"),
        (END + DAY, timedelta(0), "must be earlier"),
        (date(2027, 1, 15), timedelta(0), ""),
        (date(2027, 1, 15), -timedelta(seconds=1), "days' notice: Saturday 16 January 2027 is"),
    ],
)
def test_a_last_day_is_brought_forward_only_with_the_whole_notice(until: date, room: timedelta, why: str) -> None:
    """`room`: how much more time is left until the end of that day than notice needs."""
    machine = life()
    machine.now = end_of(date(2027, 1, 15), "Europe/Paris") - NOTICE - 2 * HOUR - room
    step = decide(machine.ticket, earlier(until), machine.about())
    if why:
        assert isinstance(step, Refusal)
        assert why in step.why
    else:
        assert isinstance(step, Step)
        assert (step.ticket.end_date, step.ticket.lease_from) == (until, machine.now)
        assert [one.letter for one in step.effects] == [Letter.END_EARLIER]


def test_the_letter_about_an_earlier_last_day_is_notice_of_it_and_warnings_follow() -> None:
    machine = life()
    done(machine, earlier(date(2027, 1, 15)))
    machine.pass_until(end_of(date(2027, 1, 15), "Europe/Paris") + HOUR)
    assert machine.ticket.state is S.EXPIRED
    assert len(machine.told(Letter.WARNING)) > 0


def test_a_last_day_is_not_brought_forward_while_more_time_is_asked_for_or_after_the_stop() -> None:
    asked = life()
    done(asked, ExtensionAsked(BY_OWNER, WISH))
    assert "approve or deny that first" in refused(asked, earlier(date(2027, 1, 15)))
    assert "already stopped" in refused(life(state=S.EXPIRED, ended_at=READY_AT), earlier(date(2027, 1, 15)))


# the switch


def test_a_machine_is_switched_off_with_a_reason_that_its_owner_reads_and_on_without() -> None:
    step = done(life(), PowerSet(BY_ADMIN, on=False, reason=" the cables are moved "))
    assert actions(step) == [Action.SWITCH_OFF, Action.LETTER]
    assert step.effects[1].facts["reason"] == "the cables are moved"
    assert "needs a reason" in refused(life(), PowerSet(BY_ADMIN, on=False, reason=" "))
    assert actions(done(life(), PowerSet(BY_ADMIN, on=True))) == [Action.START]


def test_a_machine_on_hold_is_not_switched_off_but_on() -> None:
    held = life(held="evidence")
    assert "evidence" in refused(held, PowerSet(BY_ADMIN, on=False, reason="the cables are moved"))
    assert actions(done(held, PowerSet(BY_ADMIN, on=True))) == [Action.START]


# another owner


def test_a_machine_that_is_passed_on_is_the_other_persons_with_a_lease_that_begins() -> None:
    machine = life(delayed_days=9, release_asked_at=READY_AT)
    machine.pass_until(READY_AT + 5 * DAY)
    before = machine.ticket
    after = decide(before, TO_BOB, machine.about())
    assert isinstance(after, Step)
    theirs = after.ticket
    assert (theirs.person_id, theirs.login, theirs.name, theirs.email) == (
        "memory:bob", "bob", "Bob Durand", "bob@example.org",
    )  # fmt: skip
    assert (theirs.username, theirs.end_date) == ("alice", END), "machine and last day keep their names"
    assert (theirs.version, theirs.nonce) == (before.version + 1, "a nonce"), "no earlier letter counts"
    assert (theirs.lease_from, theirs.delayed_days, theirs.release_asked_at) == (machine.now, 0, None)
    assert [(one.action, one.to) for one in after.effects] == [
        (Action.LETTER, before.email), (Action.REKEY, "bob@example.org"),
    ]  # fmt: skip


def test_a_machine_that_comes_back_to_whose_login_it_bears_is_not_called_renamed() -> None:
    bobs = life(person_id="memory:bob", renamed_to="bob")
    step = decide(bobs.ticket, replace(TO_BOB, person_id="memory:alice", login="alice"), bobs.about())
    assert isinstance(step, Step)
    assert (step.ticket.login, step.ticket.renamed_to) == ("alice", "")


@pytest.mark.parametrize(
    ("person_id", "event", "already"),
    [
        ("memory:alice", TO_BOB, False),
        ("memory:alice", replace(TO_BOB, login="alice"), False),  # a login that somebody else has now
        ("memory:bob", TO_BOB, True),
        ("memory:bob", replace(TO_BOB, login="bob2"), True),
        ("", replace(TO_BOB, person_id="", login="alice"), True),
        ("", replace(TO_BOB, person_id="", login="bob"), False),
        ("", TO_BOB, False),
    ],
)
def test_whose_a_machine_is_already_goes_by_the_directorys_id_and_by_the_login_where_there_is_none(
    person_id: str, event: OwnerSet, already: bool
) -> None:
    machine = life(person_id=person_id)
    step = decide(machine.ticket, event, machine.about())
    assert isinstance(step, Refusal) is already
    assert not already or "already belongs to" in refused(machine, event)


def test_what_still_waits_for_the_former_owner_is_not_sent_and_what_waits_for_admins_is() -> None:
    machine = life()
    machine.mail_works = False
    machine.happens(ExtensionAsked(BY_OWNER, WISH))
    machine.happens(Withdrawn(BY_OWNER))
    to_admins = {one.letter for one in machine.waiting if one.to != machine.ticket.email}
    assert to_admins == {Letter.ADMIN_DECISION, Letter.ADMIN_DECIDED}
    former = machine.ticket.email
    done(machine, TO_BOB)
    assert [one.letter for one in machine.waiting if one.to == former] == [Letter.VM_PASSED_ON]
    assert to_admins <= {one.letter for one in machine.waiting}


def test_a_change_of_owner_needs_a_reason_and_no_open_question() -> None:
    assert "needs a reason" in refused(life(), replace(TO_BOB, reason=" "))
    asked = life()
    done(asked, ExtensionAsked(BY_OWNER, WISH))
    assert "decide that first" in refused(asked, TO_BOB)


# built again


@pytest.mark.parametrize(("fresh", "how"), [(True, "on a fresh disk"), (False, "around its disk")])
def test_a_machine_that_disappeared_is_built_again_and_its_owner_reads_with_which_disk(fresh: bool, how: str) -> None:
    machine = life()
    step = decide(machine.ticket, RebuildAsked(BY_ADMIN, fresh=fresh), machine.about())
    assert isinstance(step, Step)
    assert f"building again {how}" in step.summary
    assert actions(step) == [Action.BUILD, Action.LETTER]
    ready = decide(step.ticket, Built(LOGIN, fresh=fresh), machine.about())
    assert isinstance(ready, Step)
    (letter,) = ready.effects
    assert ("reinstalled" in letter.facts, "restored" in letter.facts) == (fresh, not fresh)


def test_the_first_time_that_a_machine_is_ready_nothing_is_called_restored() -> None:
    facts = Life(END).last(Letter.VM_READY).facts
    assert not {"reinstalled", "restored"} & facts.keys()


def test_a_machine_is_not_built_again_while_more_time_is_asked_for() -> None:
    asked = life()
    done(asked, ExtensionAsked(BY_OWNER, WISH))
    assert "approve or deny that first" in refused(asked, RebuildAsked(BY_ADMIN))
