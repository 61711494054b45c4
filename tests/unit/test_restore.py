"""Rules about a removed machine that is wanted back: at once until its agreed last day, beyond that by an admin."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mailbot.commands import offered
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.recovery import recovered
from mailbot.model import (
    Action,
    Actor,
    Approved,
    Built,
    Denied,
    Event,
    ExtensionAsked,
    Freeze,
    Letter,
    NoticeOf,
    OwnerState,
    Proceeded,
    Purpose,
    Refusal,
    ReleaseAsked,
    Released,
    Restored,
    Role,
    Step,
    TicketState,
    TimePassed,
    Withdrawn,
)
from mailbot.rules import LeaseRules, Rules
from parsers.values import Verb
from tests.lives import BY_ADMIN, BY_OWNER, DAY, LOGIN, OWNER, READY_AT, Life
from tests.world import CAROL

S = TicketState
END = date(2027, 3, 31)
BEYOND = date(2027, 9, 30)
SOON = (READY_AT + 5 * DAY).date()
BY_OPERATOR = Actor(Role.OPERATOR, CAROL.address)
KEPT_DAYS = Rules().lease.keep_disk_days
LAPSE_DAYS = Rules().lease.lapse_days
NOTICE_DAYS = Rules().lease.notice_days


def done(life: Life, event: Event) -> Step:
    step = life.happens(event)
    assert isinstance(step, Step), step
    return step


def refused(life: Life, event: Event) -> str:
    step = life.happens(event)
    assert isinstance(step, Refusal)
    return step.why


def archived(end: date = END, *, after_days: int = 0, rules: Rules | None = None) -> Life:
    """A machine that its owner gave back, so many days ago."""
    life = Life(end, rules)
    done(life, ReleaseAsked(BY_OWNER))
    done(life, Released(BY_OWNER))
    life.pass_until(life.now + after_days * DAY)
    return life


def asked(*, after_days: int = 25) -> Life:
    """One whose agreed end is over, and that its owner wants back."""
    life = archived(SOON, after_days=after_days)
    done(life, Restored(BY_OWNER))
    return life


def actions(step: Step) -> set[Action]:
    return {one.action for one in step.effects} - {Action.LETTER}


@pytest.mark.parametrize("until", [None, END, date(2027, 1, 31)])
def test_within_what_was_agreed_it_comes_back_at_once(until: date | None) -> None:
    life = archived(after_days=10)
    step = done(life, Restored(BY_OWNER, until))
    assert actions(step) == {Action.BUILD}
    assert (life.ticket.state, life.ticket.end_date) == (S.APPROVED, until or END)
    assert life.last(Letter.VM_RESTORED).facts == {"end_date": f"{until or END}", "disk_gib": 8}


def test_beyond_what_was_agreed_admins_are_asked_and_nothing_is_built() -> None:
    life = archived()
    step = done(life, Restored(BY_OWNER, BEYOND, "the second part of the project"))
    assert actions(step) == set()
    assert (life.ticket.state, life.ticket.end_date, life.ticket.asked_end_date) == (S.ARCHIVED, END, BEYOND)
    question = life.last(Letter.ADMIN_DECISION).facts
    assert (question["question"], question["asked_end_date"], question["why"]) == (
        "restore", f"{BEYOND}", "the second part of the project",
    )  # fmt: skip
    received = life.last(Letter.EXTENSION_RECEIVED).facts
    assert (received["question"], received["asked_end_date"]) == ("restore", f"{BEYOND}")
    assert received["lapses_at"] == (life.now + LAPSE_DAYS * DAY).isoformat()
    assert "plan" not in received


def test_where_the_agreed_end_is_over_a_month_is_asked_for() -> None:
    life = asked()
    assert life.ticket.asked_end_date == life.now.date() + 30 * DAY


def test_on_the_agreed_last_day_itself_admins_are_asked() -> None:
    life = archived(SOON, after_days=5)
    done(life, Restored(BY_OWNER))
    assert life.ticket.asked_end_date is not None


def test_while_it_waits_no_other_day_is_taken() -> None:
    life = asked()
    assert "already asked for" in refused(life, Restored(BY_OWNER, BEYOND))
    assert Verb.RESTORE not in {one.verb for one in offered(life.ticket, Purpose.OWN, life.now, life.rules)}


def test_an_approval_is_a_new_agreement() -> None:
    life = asked()
    life.ticket = replace(life.ticket, delayed_days=50)
    step = done(life, Approved(BY_ADMIN, BEYOND))
    assert actions(step) == {Action.BUILD}
    after = life.ticket
    assert (after.state, after.end_date, after.asked_end_date, after.asked_at) == (S.APPROVED, BEYOND, None, None)
    assert (after.delayed_days, after.froze, after.due_at) == (0, Freeze.UNUSED, None)
    told = life.last(Letter.VM_RESTORED).facts
    assert (told["by"], told["end_date"], len(told["changed"])) == ("Carol Admin", f"{BEYOND}", 1)
    closed = life.last(Letter.ADMIN_DECIDED).facts
    assert (closed["question"], closed["decision"]) == ("restore", "approved")
    done(life, Built(LOGIN))
    assert (life.ticket.state, life.ticket.keep_until) == (S.ACTIVE, None)


def test_an_approval_as_asked_says_of_no_change() -> None:
    life = asked()
    wanted = life.ticket.asked_end_date
    done(life, Approved(BY_ADMIN))
    assert life.ticket.end_date == wanted
    assert "changed" not in life.last(Letter.VM_RESTORED).facts


def test_what_nobody_asked_for_is_not_approved_denied_or_taken_back() -> None:
    life = archived()
    for event in (Approved(BY_ADMIN), Denied(BY_ADMIN, "no"), Withdrawn(BY_OWNER)):
        assert refused(life, event)


def test_an_approval_until_a_day_that_needs_none_is_refused() -> None:
    life = archived()
    done(life, Restored(BY_OWNER, BEYOND))
    assert "already" in refused(life, Approved(BY_ADMIN, END))
    assert "cannot be changed" in refused(life, Approved(BY_ADMIN, None, 20))


def lapses(life: Life) -> None:
    asked_at = life.ticket.asked_at
    assert asked_at is not None
    life.pass_until(asked_at + LAPSE_DAYS * DAY + timedelta(hours=1))


def test_the_disk_is_kept_while_the_question_waits() -> None:
    life = asked(after_days=KEPT_DAYS - 1)
    life.pass_until(life.now + (LAPSE_DAYS - 1) * DAY)
    assert (life.ticket.state, life.ticket.frozen) == (S.ARCHIVED, True)
    assert life.told(Letter.ADMIN_REMINDER)


@pytest.mark.parametrize("left", [1, 5, 20])
@pytest.mark.parametrize("how", ["denied", "withdrawn", "lapsed"])
def test_after_a_no_the_disk_is_kept_for_what_was_left_and_its_owner_reads_how_long(how: str, left: int) -> None:
    life = asked(after_days=KEPT_DAYS - left)
    life.pass_until(life.now + 12 * DAY)
    match how:
        case "denied":
            done(life, Denied(BY_ADMIN, "the project is over"))
        case "withdrawn":
            done(life, Withdrawn(BY_OWNER))
        case _:
            lapses(life)
    kept = life.ticket.keep_until
    assert kept is not None
    assert kept - life.now >= min(left, NOTICE_DAYS) * DAY - timedelta(hours=1)
    assert kept <= max(READY_AT + (KEPT_DAYS + 1) * DAY, life.now + (min(left, NOTICE_DAYS) + 1) * DAY)
    kinds = {"denied": Letter.EXTENSION_DENIED, "withdrawn": Letter.VM_ARCHIVED, "lapsed": Letter.EXTENSION_LAPSED}
    notice = life.last(kinds[how]).notice
    assert notice is not None
    assert (notice.of, notice.at) == (NoticeOf.DISK, kept)
    assert life.last(kinds[how]).facts["plan"][0]["when"] == kept.isoformat()
    life.pass_until(kept + DAY)
    assert life.ticket.state is S.REMOVED


def test_a_time_that_the_disk_has_anyway_is_not_put_off() -> None:
    life = archived(SOON, after_days=21)
    done(life, Restored(BY_OWNER))
    before = life.ticket.keep_until
    life.pass_until(life.now + DAY)
    done(life, Denied(BY_ADMIN, "no"))
    assert before is not None
    assert (life.ticket.keep_until, life.ticket.delayed_days) == (before + timedelta(seconds=1), 0)
    notice = life.last(Letter.EXTENSION_DENIED).notice
    assert notice is not None
    assert notice.at == life.ticket.keep_until


def test_what_was_written_before_a_question_is_no_notice_after_it() -> None:
    life = archived(SOON, after_days=20)
    done(life, Restored(BY_OWNER))
    life.mail_works = False
    done(life, Denied(BY_ADMIN, "no"))
    life.pass_until(READY_AT + (KEPT_DAYS + 1) * DAY)
    assert life.ticket.state is S.ARCHIVED, "nobody has told the owner that the disk goes after all"


def test_what_was_written_before_a_return_is_no_notice_after_it_was_given_up() -> None:
    life = archived(after_days=20)
    done(life, Restored(BY_OWNER))
    life.mail_works = False
    done(life, Withdrawn(BY_OWNER))
    assert life.ticket.keep_until == READY_AT + KEPT_DAYS * DAY
    life.pass_until(READY_AT + (KEPT_DAYS + 1) * DAY)
    assert life.ticket.state is S.ARCHIVED


def test_a_question_that_keeps_no_disk_announces_nothing_when_it_ends() -> None:
    life = asked()
    done(life, Denied(BY_ADMIN, "no"))
    for _ in range(3):
        kept = life.ticket.keep_until
        done(life, Restored(BY_OWNER))
        step = done(life, Withdrawn(BY_OWNER))
        assert {one.letter for one in step.effects} == {Letter.ADMIN_DECIDED}
        assert life.ticket.keep_until == kept


def test_what_a_question_puts_off_counts() -> None:
    life = asked(after_days=KEPT_DAYS - 1)
    lapses(life)
    assert 13 <= life.ticket.delayed_days <= 16


def test_a_further_question_keeps_no_disk() -> None:
    life = asked(after_days=KEPT_DAYS - 1)
    done(life, Denied(BY_ADMIN, "no"))
    kept = life.ticket.keep_until
    assert kept is not None
    done(life, Restored(BY_OWNER))
    assert not life.ticket.frozen
    received = life.last(Letter.EXTENSION_RECEIVED).facts
    assert (received["plan"][0]["when"], received["lapses_at"]) == (kept.isoformat(), kept.isoformat())
    assert "not kept longer" in str(life.last(Letter.ADMIN_DECISION).facts["checks"])
    life.pass_until(kept + DAY)
    assert (life.ticket.state, life.ticket.asked_end_date) == (S.REMOVED, None)
    lapsed = life.last(Letter.ADMIN_LAPSED).facts
    assert (lapsed["question"], lapsed["gone"]) == ("restore", True)


def test_a_question_of_the_lease_before_counts_as_the_first() -> None:
    life = Life(SOON)
    done(life, ExtensionAsked(BY_OWNER, BEYOND))
    done(life, Denied(BY_ADMIN, "no"))
    done(life, ReleaseAsked(BY_OWNER))
    done(life, Released(BY_OWNER))
    done(life, Restored(BY_OWNER, BEYOND))
    assert (life.ticket.frozen, life.ticket.froze) == (False, Freeze.SPENT)


def test_coming_back_within_the_agreement_begins_no_new_one() -> None:
    life = archived()
    life.ticket = replace(life.ticket, delayed_days=33, froze=Freeze.ONCE)
    done(life, Restored(BY_OWNER))
    done(life, Built(LOGIN))
    assert (life.ticket.delayed_days, life.ticket.froze) == (33, Freeze.ONCE)


@pytest.mark.parametrize("by", [BY_ADMIN, BY_OPERATOR])
def test_an_admins_own_restore_is_an_agreement(by: Actor) -> None:
    life = archived(SOON, after_days=25)
    life.ticket = replace(life.ticket, delayed_days=33, froze=Freeze.SPENT)
    done(life, Restored(by))
    after = life.ticket
    assert (after.state, after.end_date) == (S.APPROVED, life.now.date() + 30 * DAY)
    assert (after.delayed_days, after.froze) == (0, Freeze.UNUSED)
    assert not [one for _, one in life.letters if one.letter is Letter.ADMIN_DECIDED], "nobody had been asked"


def test_an_admins_own_restore_answers_the_question() -> None:
    life = asked()
    wanted = life.ticket.asked_end_date
    done(life, Restored(BY_OPERATOR))
    assert (life.ticket.state, life.ticket.end_date, life.ticket.asked_end_date) == (S.APPROVED, wanted, None)
    assert life.last(Letter.ADMIN_DECIDED).facts["decision"] == "approved"


@pytest.mark.parametrize("role", [Role.OWNER, Role.CLOCK, Role.MACHINE])
def test_nobody_else_grants_a_day(role: Role) -> None:
    life = archived()
    done(life, Restored(Actor(role, "somebody"), BEYOND))
    assert (life.ticket.state, life.ticket.end_date) == (S.ARCHIVED, END)


def test_who_has_no_key_or_account_is_not_put_to_admins() -> None:
    life = archived()
    for state in (OwnerState.LOCKED, OwnerState.KEYLESS, OwnerState.GONE):
        seen = replace(life.about(), owner=replace(OWNER, state=state))
        assert isinstance(decide(life.ticket, Restored(BY_OWNER, BEYOND), seen), Refusal)


def test_what_is_offered_says_what_it_does() -> None:
    def meaning(life: Life) -> str:
        (restore,) = (
            one for one in offered(life.ticket, Purpose.OWN, life.now, life.rules) if one.verb is Verb.RESTORE
        )
        return restore.meaning

    ahead, over = archived(), archived(SOON, after_days=20)
    assert meaning(ahead) == "to bring the machine back with its disk, until Wednesday 31 March 2027"
    assert meaning(over).startswith("to ask the admins")
    assert Verb.RESTORE not in {one.verb for one in offered(ahead.ticket, Purpose.DECIDE, ahead.now, ahead.rules)}
    going = replace(ahead.ticket, keep_until=None)
    assert Verb.RESTORE not in {one.verb for one in offered(going, Purpose.OWN, ahead.now, ahead.rules)}


@pytest.mark.parametrize("froze", list(Freeze))
def test_a_reminder_that_is_late_leaves_time_to_answer(froze: Freeze) -> None:
    life = asked()
    life.ticket = replace(life.ticket, froze=froze, keep_until=life.now + 60 * DAY)
    life.pass_until(life.now + 20 * DAY, awake=False)
    life.wake()
    life.wake()
    reminded_at = life.told(Letter.ADMIN_REMINDER)[-1]
    says = life.last(Letter.ADMIN_REMINDER).facts["lapses_at"]
    assert says == (life.now + 2 * DAY).isoformat()
    assert life.ticket.asked_end_date is not None
    life.pass_until(reminded_at + 2 * DAY - timedelta(hours=1))
    assert life.ticket.asked_end_date is not None
    life.pass_until(reminded_at + 2 * DAY + timedelta(hours=1))
    assert life.ticket.asked_end_date is None


def test_days_by_which_an_end_was_put_off_are_not_agreed() -> None:
    life = Life(SOON)
    life.mail_works = False
    life.pass_until(READY_AT + 12 * DAY)
    assert life.ticket.end_date > life.now.date()
    assert (life.ticket.agreed_until, life.ticket.agreed_end) == (SOON, SOON)
    done(life, ReleaseAsked(BY_OWNER))
    done(life, Released(BY_OWNER))
    done(life, Restored(BY_OWNER))
    assert (life.ticket.state, life.ticket.frozen) == (S.ARCHIVED, True)
    last = life.ticket.end_date
    done(life, Approved(BY_ADMIN, last))
    assert (life.ticket.end_date, life.ticket.agreed_until) == (last, None)


def test_a_question_that_moves_the_end_agrees_on_nothing() -> None:
    life = Life(SOON)
    life.pass_until(READY_AT + 4 * DAY)
    done(life, ExtensionAsked(BY_OWNER, BEYOND))
    life.pass_until(READY_AT + 9 * DAY)
    done(life, Denied(BY_ADMIN, "no"))
    assert life.ticket.end_date > SOON
    assert life.ticket.agreed_end == SOON
    done(life, ExtensionAsked(BY_OWNER, BEYOND))
    done(life, Approved(BY_ADMIN))
    assert (life.ticket.agreed_until, life.ticket.agreed_end) == (None, BEYOND)


def test_a_day_that_is_over_is_not_offered_for_approval() -> None:
    life = archived()
    done(life, Restored(BY_OWNER, BEYOND))
    ticket = replace(life.ticket, asked_end_date=life.now.date())
    words = [str(one.words) for one in offered(ticket, Purpose.DECIDE, life.now, life.rules)]
    assert "approve" not in words
    assert any(one.startswith("approve until") for one in words)


def test_a_deletion_by_an_admins_word_closes_the_question() -> None:
    life = archived(SOON, after_days=25, rules=Rules(lease=LeaseRules(max_delay_days=20)))
    life.ticket = replace(life.ticket, froze=Freeze.ONCE, delayed_days=30)
    done(life, Restored(BY_OWNER))
    step = done(life, Proceeded(BY_ADMIN))
    assert actions(step) == {Action.DELETE_DISK}
    assert (life.ticket.state, life.ticket.asked_end_date) == (S.REMOVED, None)


def test_a_restored_backup_asks_again() -> None:
    life = asked()
    step = recovered(life.ticket, "another", life.about())
    letters = [one.letter for one in step.effects]
    assert Letter.ADMIN_DECISION in letters
    assert Letter.VM_ARCHIVED in letters
    assert step.ticket.version == life.ticket.version + 1
    assert step.ticket.due_at is not None
    assert step.ticket.due_at <= life.now + LAPSE_DAYS * DAY
    life.ticket = step.ticket
    life.pass_until(life.now + 5 * DAY)
    assert life.told(Letter.ADMIN_REMINDER)


def test_blind_no_question_lapses() -> None:
    life = asked()
    life.pass_until(life.now + LAPSE_DAYS * DAY - timedelta(hours=1))
    life.now += 2 * DAY
    done(life, TimePassed(blind="the mailbox is away"))
    assert life.ticket.asked_end_date is not None
