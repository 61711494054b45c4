"""Rules about the end of a lease: when its owner is warned, when it is stopped, and what puts that off."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from mailbot.lifecycle.notice import plan
from mailbot.model import ExtensionAsked, Held, Letter, Refusal, Returned, TicketState, TimePassed, Unheld
from mailbot.rules import LeaseRules, Rules, ServiceRules
from mailbot.timetable import end_of, in_zone, today
from parsers.translatable import from_data
from tests.lives import BY_ADMIN, BY_OWNER, DAY, NOTICE, READY_AT, Life

S = TicketState
END = date(2027, 3, 31)
STOP_AT = end_of(END, "Europe/Paris")
HOUR = timedelta(hours=1)


def days_before(life: Life, moment: datetime) -> list[int]:
    return [round((moment - at) / DAY) for at in life.told(Letter.WARNING)]


def test_a_long_lease_is_warned_four_times_and_stopped_at_the_end_of_its_last_day() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + HOUR)
    assert days_before(life, STOP_AT) == [60, 30, 7, 1]
    assert [effect.facts["days_left"] for _, effect in life.letters if effect.letter is Letter.WARNING] == [
        60,
        30,
        7,
        1,
    ]
    assert [effect.facts.get("last", False) for _, effect in life.letters if effect.letter is Letter.WARNING] == [
        False, False, False, True,
    ]  # fmt: skip
    assert life.ticket.state is S.EXPIRED
    assert timedelta(0) <= life.moved_to(S.EXPIRED) - STOP_AT < timedelta(minutes=2)
    assert life.ticket.end_date == END


def test_a_bot_that_is_woken_to_the_second_warns_and_stops_to_the_second() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT)
    assert [STOP_AT - at for at in life.told(Letter.WARNING)] == [days * DAY + 2 * HOUR for days in (60, 30, 7, 1)]
    assert life.moved_to(S.EXPIRED) == STOP_AT
    assert [words for _, words in life.steps][1:] == [
        *(f"warned: {left} left" for left in ("60 days", "30 days", "7 days", "1 day")),
        "stopped at the end of the lease",
    ]


def test_warnings_a_day_apart_are_both_written() -> None:
    life = Life(END, Rules(lease=LeaseRules(warn_days=(2, 1), notice_days=2)))
    life.pass_until(STOP_AT + HOUR)
    assert days_before(life, STOP_AT) == [2, 1]


def test_letters_tell_each_step_that_is_ahead_and_when() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT + 60 * DAY)
    ahead = [STOP_AT, STOP_AT + 14 * DAY, STOP_AT + 44 * DAY]
    for letter, left in (
        (Letter.WARNING, ahead),
        (Letter.VM_STOPPED, ahead[1:]),
        (Letter.REMOVAL_NEAR, ahead[1:]),
        (Letter.VM_ARCHIVED, ahead[2:]),
    ):
        assert [one["when"] for one in life.last(letter).facts["plan"]] == [at.isoformat() for at in left], letter


@pytest.mark.parametrize(("hours_before", "told_again"), [(10, False), (12, True), (36, True)])
def test_after_a_late_warning_the_next_is_left_out_where_it_would_come_within_half_a_day(
    hours_before: int, told_again: bool
) -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - 40 * DAY)
    life.pass_until(STOP_AT - 7 * DAY - 2 * HOUR - hours_before * HOUR, awake=False)
    life.pass_until(STOP_AT - 2 * DAY)
    assert len(life.told(Letter.WARNING)) == 2 + told_again


@pytest.mark.parametrize(("minutes_before", "moved"), [(23 * 60, False), (22 * 60, False), (22 * 60 - 1, True)])
def test_a_last_warning_that_is_hours_late_moves_nothing_and_is_waited_for(minutes_before: int, moved: bool) -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - 2 * DAY)
    life.pass_until(STOP_AT - timedelta(minutes=minutes_before), awake=False)
    told = life.now
    life.pass_until(STOP_AT + 4 * DAY)
    assert bool(life.told(Letter.DATE_MOVED)) is moved
    if not moved:
        assert life.moved_to(S.EXPIRED) == told + DAY


@pytest.mark.parametrize("days", [100, 40, 20, 2])
def test_a_machine_that_is_woken_early_goes_on_waiting(days: int) -> None:
    life = Life(END)
    life.pass_until(STOP_AT - days * DAY)
    before, told = life.ticket, len(life.letters)
    life.happens(TimePassed())
    assert (life.ticket.stage, life.ticket.due_at, len(life.letters)) == (before.stage, before.due_at, told)


@pytest.mark.parametrize(("late", "excused"), [(2 * HOUR, False), (2 * HOUR + timedelta(minutes=1), True)])
def test_a_warning_excuses_itself_where_it_is_more_than_two_hours_late(late: timedelta, excused: bool) -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - 60 * DAY + late, awake=False)
    life.wake()
    assert ("late" in life.last(Letter.WARNING).facts) is excused


def test_a_bot_that_missed_the_last_two_warnings_gives_as_much_time_as_the_first_of_them() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - 20 * DAY)
    life.pass_until(STOP_AT - HOUR, awake=False)
    life.wake()
    assert life.told(Letter.DATE_MOVED) == [STOP_AT - HOUR]
    assert life.ticket.end_date == END + timedelta(days=8), "the day on which seven days and two hours are over"


def test_where_every_warning_came_back_the_whole_notice_is_given_again() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - HOUR)
    life.accepted = [replace(one, bounced_at=life.now, bounce_permanent=True) for one in life.accepted]
    life.pass_until(STOP_AT)
    assert (life.ticket.state, life.ticket.end_date) == (S.ACTIVE, END + timedelta(days=8))
    assert len(life.told(Letter.DATE_MOVED)) == 1


def test_where_the_last_warning_came_back_a_day_is_given() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - HOUR)
    life.comes_back()
    life.pass_until(STOP_AT)
    assert (life.ticket.state, life.ticket.end_date) == (S.ACTIVE, END + timedelta(days=2))
    assert len(life.told(Letter.DATE_MOVED)) == 1


def test_where_a_server_took_the_last_warning_late_a_day_is_given() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=13 * HOUR)
    life.pass_until(STOP_AT)
    assert (life.ticket.state, life.ticket.end_date) == (S.ACTIVE, END + timedelta(days=2))
    assert from_data(life.last(Letter.DATE_MOVED).facts["why"]) == "The warning came later than it should have."


@pytest.mark.parametrize(("late", "stopped"), [(30 * DAY, True), (30 * DAY + timedelta(minutes=1), False)])
def test_a_stop_that_is_a_month_late_is_announced_again(late: timedelta, stopped: bool) -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - HOUR)
    life.pass_until(STOP_AT + late, awake=False)
    life.wake()
    assert (life.ticket.state is S.EXPIRED) is stopped


def test_the_letter_that_moves_a_date_is_the_last_warning_where_another_would_come_within_a_day() -> None:
    rules = Rules(lease=LeaseRules(notice_days=1))
    life = Life(END, rules, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.happens(Held("a demonstration", BY_ADMIN))
    life.pass_until(STOP_AT + 10 * DAY - 2 * HOUR)
    told = len(life.told(Letter.WARNING))
    life.happens(Unheld(BY_ADMIN))
    stop_at = life.now + 2 * DAY + 2 * HOUR
    life.pass_until(stop_at)
    assert (len(life.told(Letter.WARNING)), len(life.told(Letter.DATE_MOVED))) == (told, 1)
    assert life.moved_to(S.EXPIRED) == stop_at


def test_nothing_moves_because_a_clock_ticks_late_and_mail_takes_its_time() -> None:
    life = Life(END, wake_delay=timedelta(minutes=40), mail_delay=timedelta(minutes=40))
    life.pass_until(STOP_AT + DAY)
    assert life.told(Letter.DATE_MOVED) == []
    assert life.moved_to(S.EXPIRED) - STOP_AT < timedelta(hours=1)


@pytest.mark.parametrize("days", [5, 10, 20, 45, 89])
def test_a_short_lease_is_warned_in_proportion(days: int) -> None:
    end = READY_AT.date() + timedelta(days=days)
    life = Life(end)
    stop_at = end_of(end, "Europe/Paris")
    life.pass_until(stop_at + HOUR)
    before = [stop_at - at for at in life.told(Letter.WARNING)]
    assert len(before) >= 2
    assert before == sorted(before, reverse=True)
    assert all(first - second >= timedelta(hours=20) for first, second in pairwise(before))
    assert before[0] < days * DAY * 0.7 + DAY
    assert DAY <= before[-1] <= 2 * DAY
    assert life.ticket.state is S.EXPIRED
    assert life.ticket.end_date == end


@pytest.mark.parametrize("days", [0, 1, 2])
def test_a_lease_of_a_day_or_two_still_has_a_day_of_notice(days: int) -> None:
    life = Life(READY_AT.date() + timedelta(days=days))
    life.pass_until(READY_AT + 10 * DAY)
    told = life.told(Letter.WARNING, Letter.DATE_MOVED)
    assert life.ticket.state is S.EXPIRED
    assert life.moved_to(S.EXPIRED) - told[-1] >= DAY
    assert life.moved_to(S.EXPIRED) < READY_AT + 4 * DAY


def test_the_day_ends_in_the_zone_of_the_site() -> None:
    life = Life(date(2027, 3, 28), Rules(service=ServiceRules(timezone="Pacific/Auckland")))
    life.pass_until(READY_AT + 300 * DAY)
    # Auckland is 13 hours ahead of UTC until 4 April.
    assert life.moved_to(S.EXPIRED).replace(second=0) == datetime(2027, 3, 28, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize("end", [date(2027, 3, 28), date(2027, 10, 31), date(2028, 2, 29), date(2027, 12, 31)])
def test_summer_time_leap_days_and_the_end_of_the_year_change_nothing(end: date) -> None:
    life = Life(end)
    stop_at = end_of(end, "Europe/Paris")
    life.pass_until(stop_at + HOUR)
    assert days_before(life, stop_at) == [60, 30, 7, 1]
    assert life.moved_to(S.EXPIRED) - stop_at < timedelta(minutes=2)


def test_overdue_warnings_collapse_into_the_most_urgent_one_that_says_why_it_is_late() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 20 * DAY, awake=False)
    life.pass_until(STOP_AT - 20 * DAY + HOUR)
    letter = life.last(Letter.WARNING)
    assert len(life.told(Letter.WARNING)) == 1
    assert letter.facts["days_left"] == 20
    assert "could not send messages then" in from_data(letter.facts["late"])
    assert from_data(letter.facts["late"]).values == (("when", in_zone(STOP_AT - 30 * DAY, "Europe/Paris")),)
    life.pass_until(STOP_AT + HOUR)
    assert days_before(life, STOP_AT) == [20, 7, 1]
    assert life.told(Letter.DATE_MOVED) == []


def test_a_warning_in_time_does_not_excuse_itself() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 59 * DAY)
    assert "late" not in life.last(Letter.WARNING).facts


@pytest.mark.parametrize("off_days", [70, 200, 800])
def test_a_bot_that_was_off_over_the_end_date_gives_full_notice_first(off_days: int) -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 65 * DAY)
    back = life.now + off_days * DAY
    life.pass_until(back, awake=False)
    life.pass_until(back + 30 * DAY)
    assert life.ticket.state in {S.EXPIRED, S.RETIRING, S.ARCHIVED}
    assert len(life.told(Letter.DATE_MOVED)) == 1
    assert life.moved_to(S.EXPIRED) - back >= 7 * DAY
    burst = [at for at, _ in life.letters if back <= at < back + DAY]
    assert len(burst) == 1


def test_a_bot_that_was_off_over_the_last_warning_alone_gives_a_day_more() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 3 * DAY)
    life.pass_until(STOP_AT - 6 * HOUR, awake=False)
    life.pass_until(STOP_AT + 10 * DAY)
    assert days_before(life, STOP_AT)[:3] == [60, 30, 7]
    assert len(life.told(Letter.DATE_MOVED)) == 1
    assert DAY < life.moved_to(S.EXPIRED) - life.told(Letter.DATE_MOVED)[0] < 3 * DAY


def test_a_bot_that_was_off_only_at_the_end_stops_without_another_letter() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - HOUR)
    life.pass_until(STOP_AT + 3 * DAY, awake=False)
    life.pass_until(STOP_AT + 3 * DAY + HOUR)
    assert life.ticket.state is S.EXPIRED
    assert life.told(Letter.DATE_MOVED) == []


def test_what_should_have_happened_months_ago_is_announced_anew() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - HOUR)
    life.pass_until(STOP_AT + 700 * DAY, awake=False)
    life.pass_until(STOP_AT + 700 * DAY + HOUR)
    assert life.ticket.state is S.ACTIVE
    assert "long ago" in from_data(life.last(Letter.DATE_MOVED).facts["why"])
    life.pass_until(life.now + 12 * DAY)
    assert life.ticket.state is S.EXPIRED


def test_without_a_mail_server_the_date_moves_by_a_week_at_a_time_and_letters_do_not_pile_up() -> None:
    life = Life(END)
    life.mail_works = False
    life.pass_until(STOP_AT + 60 * DAY)
    assert life.ticket.state is S.ACTIVE
    assert len([one for one in life.waiting if one.to == life.ticket.email]) == 1
    moves = [at for at, what in life.steps if "end date moved" in what]
    assert 5 <= len(moves) <= 10
    life.mail_works = True
    life.post()
    assert [effect.letter for _, effect in life.letters if effect.to == life.ticket.email][1:] == [Letter.DATE_MOVED]
    accepted = life.now
    life.pass_until(life.now + 40 * DAY)
    assert life.ticket.state is S.EXPIRED
    assert life.moved_to(S.EXPIRED) - accepted >= 7 * DAY


def test_a_mail_server_that_is_away_for_a_day_over_the_last_warning_moves_the_date_once() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 3 * DAY)
    life.mail_works = False
    life.pass_until(STOP_AT - 5 * HOUR)
    life.mail_works = True
    life.post()
    life.pass_until(STOP_AT + 5 * DAY)
    assert len(life.told(Letter.DATE_MOVED)) == 1
    assert "later than it should" in from_data(life.last(Letter.DATE_MOVED).facts["why"])
    assert life.ticket.state is S.EXPIRED


def test_a_moved_date_is_warned_about_again_where_there_is_time() -> None:
    life = Life(END)
    life.pass_until(STOP_AT, awake=False)
    life.pass_until(STOP_AT + HOUR)
    moved = end_of(life.ticket.end_date, "Europe/Paris")
    life.pass_until(moved + HOUR)
    assert days_before(life, moved) == [1]
    assert life.ticket.state is S.EXPIRED


def test_a_closure_puts_the_stop_off_and_letters_say_so() -> None:
    closed = (date(2027, 3, 30), date(2027, 4, 11))
    life = Life(END, closed=(closed,))
    life.pass_until(STOP_AT - DAY)
    opens = end_of(closed[1], "Europe/Paris")
    assert life.last(Letter.WARNING).facts["plan"][0]["when"] == opens.isoformat()
    life.pass_until(opens + HOUR)
    assert life.told(Letter.DATE_MOVED) == []
    assert timedelta(0) <= life.moved_to(S.EXPIRED) - opens < timedelta(minutes=2)


def test_weekends_may_be_kept_free_of_stops() -> None:
    friday = date(2027, 4, 2)
    life = Life(friday, Rules(lease=LeaseRules(quiet_weekends=True)))
    life.pass_until(end_of(friday, "Europe/Paris") + 4 * DAY)
    assert life.moved_to(S.EXPIRED) - end_of(date(2027, 4, 4), "Europe/Paris") < timedelta(minutes=2)


def test_a_held_machine_is_warned_and_not_stopped() -> None:
    life = Life(END)
    life.happens(Held("a demonstration", BY_ADMIN))
    life.pass_until(STOP_AT + 100 * DAY)
    assert life.ticket.state is S.ACTIVE
    assert days_before(life, STOP_AT) == [60, 30, 7, 1]


@pytest.mark.parametrize("late", [timedelta(0), 10 * DAY])
def test_a_machine_that_is_let_go_after_its_end_date_gets_notice_anew(late: timedelta) -> None:
    life = Life(END)
    life.happens(Held("a demonstration", BY_ADMIN))
    life.pass_until(STOP_AT + late)
    life.happens(Unheld(BY_ADMIN))
    let_go = life.now
    assert life.ticket.state is S.ACTIVE
    assert from_data(life.last(Letter.DATE_MOVED).facts["why"]).startswith("It was exempt")
    life.pass_until(let_go + 12 * DAY)
    assert life.moved_to(S.EXPIRED) - let_go >= 7 * DAY


def test_a_moved_date_leaves_room_for_the_notice_and_for_slow_mail() -> None:
    life = Life(END)
    life.happens(Held("a demonstration", BY_ADMIN))
    life.pass_until(STOP_AT + 10 * DAY - HOUR)
    life.happens(Unheld(BY_ADMIN))
    assert life.ticket.end_date == today(life.now, "Europe/Paris") + 8 * DAY, (
        "seven days later it is an hour before midnight"
    )


def test_a_held_machine_is_looked_at_once_a_day() -> None:
    life = Life(END)
    life.happens(Held("a demonstration", BY_ADMIN))
    life.pass_until(STOP_AT + HOUR)
    assert life.ticket.due_at is not None
    assert timedelta(hours=22) < life.ticket.due_at - life.now < DAY


def test_a_machine_that_is_let_go_before_its_end_date_keeps_it() -> None:
    life = Life(END)
    life.happens(Held("a demonstration", BY_ADMIN))
    life.pass_until(STOP_AT - 10 * DAY)
    life.happens(Unheld(BY_ADMIN))
    life.pass_until(STOP_AT + HOUR)
    assert life.told(Letter.DATE_MOVED) == []
    assert life.ticket.state is S.EXPIRED


def test_a_clock_that_jumps_back_repeats_nothing() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 29 * DAY)
    life.now -= 50 * DAY
    life.ticket = life.ticket.__class__(**{**_values(life), "due_at": life.now})
    life.pass_until(STOP_AT + HOUR)
    assert len(life.told(Letter.WARNING)) == 4
    assert life.ticket.state is S.EXPIRED


def test_a_clock_that_jumps_forward_and_back_stops_nothing_early() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 100 * DAY)
    life.now += 400 * DAY
    life.wake()
    life.now -= 400 * DAY
    life.pass_until(STOP_AT + DAY)
    assert life.ticket.state is S.ACTIVE


def test_a_warning_that_came_back_goes_to_another_address_at_once() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 29 * DAY)
    life.comes_back("a.martin@lab.example.org")
    assert life.ticket.stage == 1, "the first warning did arrive"
    life.pass_until(life.now + timedelta(minutes=1))
    again = life.last(Letter.WARNING)
    assert (again.to, again.facts["days_left"]) == ("a.martin@lab.example.org", 29)
    life.pass_until(STOP_AT + HOUR)
    assert life.ticket.state is S.EXPIRED


def test_what_a_server_says_of_a_letter_that_came_back_is_cut_to_what_people_read() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 29 * DAY)
    words = "".join(chr(ord("a") + number % 26) for number in range(600))
    for permanent, said in ((False, "is delayed"), (True, "came back")):
        life.happens(Returned("old@example.org", permanent, words, Letter.VM_READY, ""))
        assert life.steps[-1][1] == f"a letter to old@example.org {said}: {words[:200]}"
    told = life.last(Letter.ADMIN_NOTICE_BOUNCED).facts
    assert told["answer"] == words[:500]
    assert "effect" not in told, "that letter is no notice"
    assert life.ticket.email != "old@example.org"


def test_a_letter_that_is_no_notice_comes_back_and_nothing_is_announced_again() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 29 * DAY)
    before = life.ticket
    life.happens(Returned(before.email, True, "5.1.1", Letter.VM_READY, "a.martin@lab.example.org"))
    assert (life.ticket.stage, life.ticket.due_at) == (before.stage, before.due_at)
    assert life.ticket.email == "a.martin@lab.example.org"


def test_a_warning_that_came_back_is_not_repeated_while_an_extension_is_asked() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 29 * DAY)
    life.happens(ExtensionAsked(BY_OWNER, date(2027, 9, 30)))
    before = life.ticket
    life.happens(Returned(before.email, True, "5.1.1", Letter.WARNING, "a.martin@lab.example.org"))
    assert (life.ticket.stage, life.ticket.due_at) == (before.stage, before.due_at)


def test_an_owner_whom_no_letter_reaches_keeps_the_machine() -> None:
    life = Life(END)
    while life.now < STOP_AT + 60 * DAY:
        life.pass_until(life.now + DAY / 2)
        if any(one.letter in NOTICE and one.bounced_at is None for one in life.accepted):
            life.comes_back()
    assert len(life.told(Letter.DATE_MOVED)) >= 6
    assert life.ticket.state is S.ACTIVE


def test_a_delayed_letter_still_counts() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 29 * DAY)
    newest = life.accepted[-1]
    life.accepted[-1] = newest.__class__(
        newest.letter, newest.key, newest.to, newest.message_id, newest.accepted_at, newest.answer, life.now, False
    )
    life.pass_until(STOP_AT + HOUR)
    assert life.told(Letter.DATE_MOVED) == []


def test_proofs_of_an_earlier_lease_are_worth_nothing() -> None:
    rules = Rules()
    life = Life(END)
    life.pass_until(STOP_AT - HOUR)
    life.rules = Rules(policy=rules.policy.__class__(auto_extend_days=400))
    assert not isinstance(life.happens(ExtensionAsked(BY_OWNER, END + timedelta(days=5), automatic=True)), Refusal)
    life.pass_until(life.now + 60 * DAY)
    assert len(life.told(Letter.WARNING)) >= 6
    assert life.moved_to(S.EXPIRED) >= end_of(END + timedelta(days=5), "Europe/Paris")


def test_the_calendar_rises_with_every_change_and_is_cancelled_in_the_end() -> None:
    life = Life(END)
    life.pass_until(STOP_AT, awake=False)
    life.pass_until(STOP_AT + 40 * DAY)
    entries = [effect.facts["calendar"] for _, effect in life.letters if effect.facts.get("calendar")]
    numbers = [entry["sequence"] for entry in entries]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) >= 3
    assert [entry["status"] for entry in entries][-1] == "CANCELLED"


def test_every_plan_has_a_warning_a_day_before_and_room_for_slow_mail() -> None:
    for days in range(800):
        life = Life(READY_AT.date() + timedelta(days=days % 700))
        dates = plan(life.ticket, life.rules)
        assert dates.stop_at - dates.warnings[-1] > DAY
        assert dates.notice <= dates.stop_at - dates.warnings[0]
        assert list(dates.warnings) == sorted(set(dates.warnings))


def _values(life: Life) -> dict[str, object]:
    return {name: getattr(life.ticket, name) for name in life.ticket.__dataclass_fields__}
