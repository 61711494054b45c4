"""What counts as notice, and what follows a stop: announced, removed, the disk kept, then deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from mailbot.lifecycle.notice import (
    not_before,
    of_disk,
    of_end_date,
    of_last_call,
    of_lease,
    of_removal,
    proofs,
    whole_days,
)
from mailbot.model import (
    Accepted,
    Held,
    Letter,
    Notice,
    NoticeOf,
    NoticeStage,
    Refusal,
    ReleaseAsked,
    Released,
    TicketState,
    TimePassed,
    Unheld,
)
from mailbot.rules import LeaseRules, Rules
from mailbot.timetable import end_of
from tests.lives import BY_ADMIN, BY_OWNER, DAY, Life

S = TicketState
END = date(2027, 3, 31)
STOP_AT = end_of(END, "Europe/Paris")
HOUR = timedelta(hours=1)
AT = datetime(2027, 1, 1, tzinfo=UTC)


LEASE = Notice(NoticeOf.STOP, NoticeStage.WARNING, since=AT, day=END, number=1)


def of_the_lease(notice: Notice) -> bool:
    return notice == LEASE


def proof(days: int, notice: Notice = LEASE, *, bounced: bool | None = None, back: bool = False) -> Accepted:
    at = AT + days * DAY
    return Accepted(
        "warning", "any key", "alice@example.org", "<1>", at, "250 Ok", at if back else None, bounced, notice
    )


def test_the_first_proof_has_to_be_as_old_as_the_notice_and_the_last_a_day() -> None:
    week = 7 * DAY
    assert not_before([], of_the_lease, week) is None
    assert not_before([proof(0)], of_the_lease, week) == AT + week
    assert not_before([proof(0), proof(5)], of_the_lease, week) == AT + week
    assert not_before([proof(6), proof(0), proof(20)], of_the_lease, week) == AT + 21 * DAY


def test_a_letter_that_came_back_is_no_notice_unless_it_is_only_delayed() -> None:
    lost = proof(0, bounced=True, back=True)
    unknown = proof(1, bounced=None, back=True)
    delayed = proof(2, bounced=False, back=True)
    assert proofs([lost, unknown, delayed], of_the_lease) == [delayed]


def test_only_letters_about_the_same_thing_as_it_is_now_are_notice() -> None:
    ticket = replace(
        Life(END).ticket, lease_from=AT, ended_at=AT + DAY, remove_at=AT + 9 * DAY, keep_until=AT + 40 * DAY
    )
    moved = replace(LEASE, stage=NoticeStage.MOVED, number=0, day=END - DAY)
    half = Notice(NoticeOf.REMOVAL, NoticeStage.HALF, since=ticket.ended_at, at=ticket.remove_at)
    last = replace(half, stage=NoticeStage.LAST)
    early = replace(last, at=AT + 8 * DAY)
    kept = Notice(NoticeOf.DISK, NoticeStage.KEPT, at=ticket.keep_until)
    known = [LEASE, moved, half, last, early, kept]
    strange = [
        *(replace(one, since=AT - DAY) for one in known if one.since),
        replace(kept, at=AT),
        replace(LEASE, of=NoticeOf.REMOVAL),
    ]
    every = [*known, *strange]
    assert [one for one in every if of_lease(ticket)(one)] == [LEASE, moved]
    assert [one for one in every if of_end_date(ticket)(one)] == [LEASE]
    assert [one for one in every if of_removal(ticket)(one)] == [half, last, early]
    assert [one for one in every if of_last_call(ticket)(one)] == [last]
    assert [one for one in every if of_disk(ticket)(one)] == [kept]


def test_an_announcement_is_about_the_dates_that_act_and_its_key_holds_them_all() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 60 * DAY)
    announced = [effect for _, effect in life.letters if effect.notice is not None]
    stages = [one.notice.stage for one in announced if one.notice]
    assert stages[-4:] == [NoticeStage.STOPPED, NoticeStage.HALF, NoticeStage.LAST, NoticeStage.KEPT]
    assert set(stages[:-4]) == {NoticeStage.WARNING}
    assert len({one.key for one in announced}) == len(announced)
    for one in announced:
        if one.notice and one.notice.of is NoticeOf.STOP:
            assert one.facts["end_date"] == END.isoformat() == one.notice.day.isoformat()


@pytest.mark.parametrize(("hours", "days"), [(25, 1), (24, 1), (22, 1), (21, 0), (60 * 24 + 2, 60), (0, 0), (-30, 0)])
def test_days_are_counted_as_people_count_them(hours: int, days: int) -> None:
    assert whole_days(timedelta(hours=hours)) == days


def test_a_stopped_machine_is_announced_twice_and_then_removed() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 14 * DAY + HOUR)
    stopped = life.moved_to(S.EXPIRED)
    letters = (Letter.VM_STOPPED, Letter.GRACE_HALF, Letter.REMOVAL_NEAR)
    assert [round((at - stopped) / DAY) for at in life.told(*letters)] == [0, 7, 11]
    assert life.last(Letter.GRACE_HALF).facts["days_left"] == 7
    assert life.last(Letter.REMOVAL_NEAR).facts["days_left"] == 3
    assert [state for _, state in life.moves][-2:] == [S.RETIRING, S.ARCHIVED]
    assert life.moved_to(S.ARCHIVED) - stopped - 14 * DAY < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("grace_days", "announced"),
    [
        (1, []),
        (2, [timedelta(hours=22)]),
        (4, [2 * DAY, 2.4 * DAY]),
        (6, [3 * DAY, 4 * DAY]),
        (10, [5 * DAY, 7.5 * DAY]),
        (14, [7 * DAY, 11 * DAY]),
        (30, [15 * DAY, 27 * DAY]),
    ],
)
def test_a_removal_is_announced_in_the_middle_and_before_the_end_however_exactly_the_bot_is_woken(
    grace_days: int, announced: list[timedelta]
) -> None:
    rules = Rules(lease=LeaseRules(grace_days=grace_days))
    life = Life(END, rules, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT + (grace_days + 40) * DAY)
    assert life.moved_to(S.EXPIRED) == STOP_AT
    assert [at - STOP_AT for at in life.told(Letter.GRACE_HALF, Letter.REMOVAL_NEAR)] == announced
    assert life.moved_to(S.ARCHIVED) - STOP_AT == grace_days * DAY
    assert life.moved_to(S.REMOVED) - life.moved_to(S.ARCHIVED) == 30 * DAY


@pytest.mark.parametrize("grace_days", [1, 2, 3, 4, 7, 14, 30, 90])
def test_any_grace_period_is_kept_and_never_moves_by_itself(grace_days: int) -> None:
    life = Life(END, Rules(lease=LeaseRules(grace_days=grace_days)))
    life.pass_until(STOP_AT + (grace_days + 1) * DAY)
    assert life.moved_to(S.ARCHIVED) - life.moved_to(S.EXPIRED) - grace_days * DAY < timedelta(minutes=2)
    letters = life.told(Letter.VM_STOPPED, Letter.GRACE_HALF, Letter.REMOVAL_NEAR)
    assert len(letters) <= 3
    assert life.moved_to(S.ARCHIVED) - letters[-1] >= DAY


def test_a_bot_that_was_off_during_the_grace_period_announces_first() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + HOUR)
    back = STOP_AT + 60 * DAY
    life.pass_until(back, awake=False)
    life.pass_until(back + 10 * DAY)
    near = life.told(Letter.REMOVAL_NEAR)
    assert len(near) == 1
    assert life.told(Letter.GRACE_HALF) == []
    assert life.moved_to(S.ARCHIVED) - near[0] >= 3 * DAY


def to_the_second(**lease: int) -> Life:
    return Life(END, Rules(lease=LeaseRules(**lease)), wake_delay=timedelta(0), mail_delay=timedelta(0))


def woken_at(life: Life, moment: datetime) -> Life:
    """Off until then."""
    life.pass_until(moment, awake=False)
    life.wake()
    return life


@pytest.mark.parametrize("days", [1, 8, 12])
def test_a_stopped_machine_that_is_woken_early_goes_on_waiting(days: int) -> None:
    life = to_the_second()
    life.pass_until(STOP_AT + days * DAY)
    before, told = life.ticket, len(life.letters)
    life.happens(TimePassed())
    assert (life.ticket.stage, life.ticket.due_at, len(life.letters)) == (before.stage, before.due_at, told)


@pytest.mark.parametrize(("grace_days", "days_left"), [(14, 3), (4, 2), (2, 1)])
def test_a_last_letter_that_is_late_leaves_three_days_or_half_the_grace_period(grace_days: int, days_left: int) -> None:
    life = to_the_second(grace_days=grace_days)
    life.pass_until(STOP_AT)
    woken_at(life, STOP_AT + 20 * DAY)
    assert life.ticket.remove_at == life.now + days_left * DAY + 2 * HOUR
    assert life.last(Letter.REMOVAL_NEAR).facts["days_left"] == days_left
    before = life.ticket
    life.happens(TimePassed())
    assert (life.ticket.stage, life.ticket.due_at) == (before.stage, before.remove_at), "woken early, it waits"
    life.pass_until(life.ticket.remove_at)
    assert life.ticket.state is S.ARCHIVED


@pytest.mark.parametrize(("grace_days", "later"), [(14, 7 * DAY), (4, 2 * DAY)])
def test_where_every_letter_about_the_removal_came_back_it_is_announced_again(
    grace_days: int, later: timedelta
) -> None:
    life = to_the_second(grace_days=grace_days)
    life.pass_until(STOP_AT + grace_days * DAY - HOUR)
    life.accepted = [replace(one, bounced_at=life.now, bounce_permanent=True) for one in life.accepted]
    life.pass_until(STOP_AT + grace_days * DAY)
    assert (life.ticket.state, life.ticket.remove_at) == (S.EXPIRED, life.now + later + 2 * HOUR)


def test_where_the_last_letter_before_the_removal_came_back_a_day_is_given() -> None:
    life = to_the_second()
    life.pass_until(STOP_AT + 14 * DAY - HOUR)
    life.comes_back()
    life.pass_until(STOP_AT + 14 * DAY)
    assert (life.ticket.state, life.ticket.remove_at) == (S.EXPIRED, life.now + DAY + 2 * HOUR)
    assert len(life.told(Letter.REMOVAL_NEAR)) == 2


@pytest.mark.parametrize(
    ("before", "waited"), [(23 * HOUR, HOUR), (22 * HOUR, 2 * HOUR), (22 * HOUR - timedelta(minutes=1), None)]
)
def test_a_last_letter_that_a_server_took_hours_late_is_waited_for(before: timedelta, waited: timedelta | None) -> None:
    life = to_the_second()
    life.pass_until(STOP_AT + 10 * DAY)
    life.mail_works = False
    remove_at = STOP_AT + 14 * DAY
    life.pass_until(remove_at - before)
    life.mail_works = True
    life.post()
    life.pass_until(remove_at + 3 * HOUR)
    if waited is None:
        assert life.ticket.remove_at == remove_at + DAY + 2 * HOUR
    else:
        assert life.moved_to(S.ARCHIVED) == remove_at + waited


@pytest.mark.parametrize(("late", "goes"), [(30 * DAY, True), (30 * DAY + timedelta(minutes=1), False)])
def test_a_removal_or_a_deletion_that_is_a_month_late_is_announced_again(late: timedelta, goes: bool) -> None:
    life = to_the_second()
    life.pass_until(STOP_AT + 14 * DAY - HOUR)
    woken_at(life, STOP_AT + 14 * DAY + late)
    assert (life.ticket.state is S.ARCHIVED) is goes
    if not goes:
        assert life.ticket.remove_at == life.now + 7 * DAY + 2 * HOUR
        return
    assert life.ticket.keep_until is not None
    woken_at(life, life.ticket.keep_until + late)
    assert life.ticket.state is S.REMOVED


def test_a_deletion_that_is_more_than_a_month_late_is_announced_again() -> None:
    life = to_the_second()
    life.pass_until(STOP_AT + 15 * DAY)
    woken_at(life, STOP_AT + 44 * DAY + 30 * DAY + timedelta(minutes=1))
    assert (life.ticket.state, life.ticket.keep_until) == (S.ARCHIVED, life.now + 7 * DAY + 2 * HOUR)


def test_letters_after_the_removal_say_whether_the_machine_was_given_back() -> None:
    life = to_the_second()
    life.pass_until(STOP_AT + 50 * DAY)
    given_back = to_the_second()
    given_back.happens(ReleaseAsked(BY_OWNER))
    given_back.happens(Released(BY_OWNER))
    given_back.pass_until(STOP_AT + 50 * DAY)
    for letter in (Letter.VM_ARCHIVED, Letter.VM_REMOVED):
        assert life.last(letter).facts.get("released", False) is False
        assert given_back.last(letter).facts["released"] is True


def test_a_removal_without_a_mail_server_waits_and_letters_do_not_pile_up() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - HOUR)
    life.mail_works = False
    life.pass_until(STOP_AT + 90 * DAY)
    assert life.ticket.state is S.EXPIRED
    assert len([one for one in life.waiting if one.key.startswith("removal:")]) == 1
    life.mail_works = True
    life.post()
    life.pass_until(life.now + 40 * DAY)
    assert life.ticket.state is S.ARCHIVED


def test_an_announcement_that_came_back_goes_to_another_address() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 8 * DAY)
    life.comes_back("a.martin@lab.example.org")
    life.pass_until(life.now + timedelta(minutes=1))
    again = life.last(Letter.GRACE_HALF)
    assert (again.to, again.facts["days_left"]) == ("a.martin@lab.example.org", 6)


def test_a_held_machine_is_not_removed_and_gets_notice_when_it_is_let_go() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + DAY)
    life.happens(Held("a question of law", BY_ADMIN))
    life.pass_until(STOP_AT + 100 * DAY)
    assert life.ticket.state is S.EXPIRED
    life.happens(Unheld(BY_ADMIN))
    let_go = life.now
    life.pass_until(let_go + 20 * DAY)
    assert life.moved_to(S.ARCHIVED) - let_go >= 7 * DAY


def test_a_machine_that_is_let_go_before_its_removal_keeps_that_date() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + DAY)
    remove_at, told = life.ticket.remove_at, len(life.letters)
    life.happens(Held("a question of law", BY_ADMIN))
    life.happens(Unheld(BY_ADMIN))
    assert (life.ticket.remove_at, len(life.letters)) == (remove_at, told)


def test_a_disk_that_is_let_go_before_its_end_keeps_that_date() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 20 * DAY)
    keep_until, told = life.ticket.keep_until, len(life.letters)
    life.happens(Held("a question of law", BY_ADMIN))
    life.happens(Unheld(BY_ADMIN))
    assert (life.ticket.keep_until, len(life.letters)) == (keep_until, told)


def test_a_disk_is_kept_as_long_as_the_letter_says() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 60 * DAY)
    kept = life.last(Letter.VM_ARCHIVED).facts["keep_until"]
    assert life.ticket.state is S.REMOVED
    assert life.moved_to(S.REMOVED) - datetime.fromisoformat(kept) < timedelta(minutes=2)
    assert datetime.fromisoformat(kept) - life.moved_to(S.ARCHIVED) == 30 * DAY


def test_a_disk_that_is_not_kept_stays_until_the_letter_is_a_day_old() -> None:
    life = Life(END, Rules(lease=LeaseRules(keep_disk_days=0)))
    life.pass_until(STOP_AT + 18 * DAY)
    assert len(life.told(Letter.VM_ARCHIVED)) == 1
    assert DAY <= life.moved_to(S.REMOVED) - life.told(Letter.VM_ARCHIVED)[0] < 2 * DAY


def test_a_disk_that_is_not_kept_is_deleted_as_soon_as_a_slow_letter_about_it_is_a_day_old() -> None:
    life = Life(END, Rules(lease=LeaseRules(keep_disk_days=0)), wake_delay=timedelta(0), mail_delay=timedelta(hours=2))
    life.pass_until(STOP_AT + 18 * DAY)
    archived = life.moved_to(S.ARCHIVED)
    assert life.last(Letter.VM_ARCHIVED).facts["keep_until"] == (archived + 26 * HOUR).isoformat()
    assert life.moved_to(S.REMOVED) == archived + 26 * HOUR


def test_a_disk_whose_owner_could_not_be_told_is_kept_on() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 13 * DAY)
    life.mail_works = False
    life.pass_until(STOP_AT + 100 * DAY)
    assert life.ticket.state is S.ARCHIVED
    assert len([one for one in life.waiting if one.key.startswith("archive:")]) == 1
    life.mail_works = True
    life.pass_until(life.now + 10 * DAY)
    assert life.ticket.state is S.REMOVED


def test_a_held_disk_is_kept_and_announced_anew_when_it_is_let_go() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 20 * DAY)
    life.happens(Held("a question of law", BY_ADMIN))
    life.pass_until(STOP_AT + 200 * DAY)
    assert life.ticket.state is S.ARCHIVED
    told = len(life.told(Letter.VM_ARCHIVED))
    life.happens(Unheld(BY_ADMIN))
    assert len(life.told(Letter.VM_ARCHIVED)) == told + 1
    assert life.ticket.keep_until is not None
    assert life.ticket.keep_until - life.now >= 7 * DAY


def test_letting_go_of_a_disk_that_is_being_deleted_does_not_bring_it_within_reach() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 20 * DAY)
    life.ticket = replace(life.ticket, keep_until=None, due_at=None, held="too late")
    assert not isinstance(life.happens(Unheld(BY_ADMIN)), Refusal)
    assert life.ticket.due_at is None
    assert isinstance(life.happens(Held("really", BY_ADMIN)), Refusal)


def test_what_is_gone_stays_gone() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 90 * DAY)
    assert life.ticket.state is S.REMOVED
    assert life.ticket.due_at is None
    assert isinstance(life.happens(Unheld(BY_ADMIN)), Refusal)
