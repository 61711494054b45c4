"""Rules about what an owner can ask for: longer, back, not after all, again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from mailbot.model import (
    Action,
    Approved,
    BuildFailed,
    Built,
    Denied,
    Event,
    ExtensionAsked,
    Held,
    Kept,
    Letter,
    Refusal,
    ReinstallAsked,
    Reinstalled,
    ReinstallWanted,
    ReleaseAsked,
    Released,
    Restored,
    Retried,
    Step,
    TicketState,
    TimePassed,
    Withdrawn,
)
from mailbot.rules import LeaseRules, PolicyRules, Rules
from mailbot.timetable import end_of
from tests.lives import BY_ADMIN, BY_OWNER, DAY, LOGIN, READY_AT, Life
from tests.world import ADMINS

S = TicketState
END = date(2027, 3, 31)
LATER = date(2027, 9, 30)
STOP_AT = end_of(END, "Europe/Paris")
HOUR = timedelta(hours=1)


def done(life: Life, event: Event) -> Step:
    step = life.happens(event)
    assert isinstance(step, Step), step
    return step


def refused(life: Life, event: Event) -> str:
    step = life.happens(event)
    assert isinstance(step, Refusal)
    return step.why


def test_an_extension_is_asked_granted_and_warned_about_anew() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 5 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    assert life.last(Letter.EXTENSION_RECEIVED).facts["asked_end_date"] == "2027-09-30"
    done(life, Approved(BY_ADMIN))
    assert (life.ticket.end_date, life.ticket.stage, life.ticket.asked_end_date) == (LATER, 0, None)
    stop_at = end_of(LATER, "Europe/Paris")
    told = len(life.told(Letter.WARNING))
    life.pass_until(stop_at + HOUR)
    assert [round((stop_at - at) / DAY) for at in life.told(Letter.WARNING)[told:]] == [60, 30, 7, 1]
    assert life.ticket.state is S.EXPIRED


def test_the_clock_stands_still_while_admins_think_and_they_are_reminded() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 3 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    life.pass_until(STOP_AT + 9 * DAY)
    assert life.ticket.state is S.ACTIVE
    assert [effect.letter for _, effect in life.letters].count(Letter.ADMIN_REMINDER) == 4


@pytest.mark.parametrize("event", [Denied(BY_ADMIN, "no room"), Withdrawn(BY_OWNER), None])
def test_after_a_no_there_is_as_much_time_as_there_was(event: Event | None) -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 3 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    life.pass_until(STOP_AT + 10 * DAY)
    if event:
        done(life, event)
    else:
        life.pass_until(STOP_AT + 11 * DAY + HOUR)
    answered = life.now
    assert life.ticket.asked_end_date is None
    assert timedelta(days=3) <= end_of(life.ticket.end_date, "Europe/Paris") - answered <= 5 * DAY
    told = len(life.told(Letter.WARNING))
    life.pass_until(answered + 6 * DAY)
    assert life.ticket.state is S.EXPIRED
    assert len(life.told(Letter.WARNING)) == told + 1, "the last warning speaks of the date as it is now"


def test_a_no_long_before_the_end_changes_no_date() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 40 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    life.pass_until(life.now + 3 * DAY)
    done(life, Denied(BY_ADMIN, "no room"))
    assert life.ticket.end_date == END
    life.pass_until(STOP_AT + HOUR)
    assert [round((STOP_AT - at) / DAY) for at in life.told(Letter.WARNING)] == [60, 30, 7, 1]


def test_a_no_at_once_leaves_the_last_day_as_it_is() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 3 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    done(life, Denied(BY_ADMIN, "no room"))
    assert life.ticket.end_date == END


def test_after_a_no_the_last_warning_is_written_again_where_it_spoke_of_the_former_date() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 12 * HOUR)
    told = len(life.told(Letter.WARNING))
    done(life, ExtensionAsked(BY_OWNER, LATER))
    life.pass_until(life.now + 10 * DAY)
    done(life, Denied(BY_ADMIN, "no room"))
    last_day = life.ticket.end_date
    life.pass_until(life.now + 10 * DAY)
    assert (life.ticket.state, life.ticket.end_date) == (S.EXPIRED, last_day), "and nothing moves again"
    assert len(life.told(Letter.WARNING)) == told + 1


def test_a_question_lapses_at_the_moment_that_its_asker_was_told_and_not_before() -> None:
    life = Life(END, wake_delay=timedelta(0))
    done(life, ExtensionAsked(BY_OWNER, LATER))
    lapses_at = life.now + 14 * DAY
    assert life.last(Letter.EXTENSION_RECEIVED).facts["lapses_at"] == lapses_at.isoformat()
    life.now += DAY
    done(life, TimePassed())
    assert life.ticket.asked_end_date == LATER, "woken early, it goes on waiting"
    life.pass_until(lapses_at)
    assert life.ticket.asked_end_date is None
    assert life.last(Letter.EXTENSION_LAPSED).facts["days"] == 14


def test_a_warning_that_a_question_cancelled_is_written_after_a_no() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 61 * DAY)
    life.mail_works = False
    life.pass_until(STOP_AT - 59 * DAY)
    assert life.ticket.stage == 1
    done(life, ExtensionAsked(BY_OWNER, LATER))
    assert [one.key for one in life.waiting if one.key.startswith("warning:")] == []
    done(life, Denied(BY_ADMIN, "no room"))
    life.mail_works = True
    life.pass_until(STOP_AT - 58 * DAY)
    assert life.last(Letter.WARNING).facts["days_left"] == 59
    life.pass_until(STOP_AT + HOUR)
    assert len(life.told(Letter.WARNING)) == 4


def test_of_two_warnings_only_the_one_that_a_question_cancelled_is_written_again() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 31 * DAY)
    life.mail_works = False
    life.pass_until(STOP_AT - 29 * DAY)
    assert life.ticket.stage == 2
    done(life, ExtensionAsked(BY_OWNER, LATER))
    assert life.ticket.stage == 1


@pytest.mark.parametrize(("arrives", "stage"), [(True, 1), (False, 0)])
def test_a_letter_about_the_removal_that_a_question_cancelled_is_written_again(arrives: bool, stage: int) -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 6 * DAY)
    life.mail_works = arrives
    life.pass_until(STOP_AT + 8 * DAY)
    assert life.ticket.stage == 1
    done(life, ExtensionAsked(BY_OWNER, LATER))
    assert life.ticket.stage == stage


def test_an_old_warning_is_never_sent_after_an_extension() -> None:
    life = Life(END, Rules(policy=PolicyRules(auto_extend_days=400)))
    life.pass_until(STOP_AT - 61 * DAY)
    life.mail_works = False
    life.pass_until(STOP_AT - 59 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER, automatic=True))
    life.mail_works = True
    life.post()
    assert life.told(Letter.WARNING) == []
    assert life.last(Letter.EXTENSION_GRANTED).facts["until"] == "2027-09-30"


def test_an_expired_machine_starts_again_when_it_is_extended() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 3 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    life.pass_until(STOP_AT + 12 * DAY)
    assert life.ticket.state is S.EXPIRED
    step = done(life, Approved(BY_ADMIN))
    assert Action.START in {effect.action for effect in step.effects}
    assert (life.ticket.state, life.ticket.ended_at, life.ticket.remove_at) == (S.ACTIVE, None, None)
    assert life.last(Letter.EXTENSION_GRANTED).facts["started"] is True


def test_a_stopped_machine_whose_extension_is_denied_has_its_grace_period_back() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 12 * DAY)
    remove_at = life.ticket.remove_at
    done(life, ExtensionAsked(BY_OWNER, LATER))
    life.pass_until(life.now + 10 * DAY)
    done(life, Denied(BY_ADMIN, "no room"))
    assert remove_at is not None
    assert life.ticket.remove_at == remove_at + 10 * DAY
    told = len(life.told(Letter.REMOVAL_NEAR))
    life.pass_until(life.now + 20 * DAY)
    assert life.ticket.state is S.ARCHIVED
    assert len(life.told(Letter.REMOVAL_NEAR)) == told + 1
    assert life.moved_to(S.ARCHIVED) - remove_at < 10 * DAY + HOUR, "it moved by the time of the question alone"


def test_a_no_within_a_day_gives_a_stopped_machine_back_what_the_question_took() -> None:
    life = Life(END)
    life.pass_until(STOP_AT + 2 * DAY)
    remove_at = life.ticket.remove_at
    done(life, ExtensionAsked(BY_OWNER, LATER))
    life.pass_until(life.now + HOUR)
    done(life, Denied(BY_ADMIN, "no room"))
    assert remove_at is not None
    assert life.ticket.remove_at == remove_at + HOUR


def test_within_the_limit_of_policy_no_admin_is_asked() -> None:
    rules = Rules(policy=PolicyRules(auto_extend_days=30))
    life = Life(END, rules)
    life.pass_until(STOP_AT - 5 * DAY)
    done(life, ExtensionAsked(BY_OWNER, END + 30 * DAY, automatic=True))
    assert life.ticket.end_date == END + 30 * DAY
    done(life, ExtensionAsked(BY_OWNER, END + 61 * DAY, automatic=True))
    assert life.ticket.asked_end_date == END + 61 * DAY
    assert life.told(Letter.ADMIN_DECISION)


def test_extensions_without_an_admin_cannot_be_added_up() -> None:
    life = Life(END, Rules(policy=PolicyRules(auto_extend_days=30)))
    done(life, ExtensionAsked(BY_OWNER, END + 30 * DAY, automatic=True))
    assert (life.ticket.end_date, life.ticket.asked_end_date) == (END, END + 30 * DAY)
    done(life, Withdrawn(BY_OWNER))
    life.pass_until(STOP_AT - 29 * DAY)
    done(life, ExtensionAsked(BY_OWNER, END + 30 * DAY, automatic=True))
    assert life.ticket.end_date == END + 30 * DAY
    done(life, ExtensionAsked(BY_OWNER, END + 60 * DAY, automatic=True))
    assert life.ticket.asked_end_date == END + 60 * DAY


def test_a_second_template_always_asks_an_admin() -> None:
    life = Life(END, Rules(policy=PolicyRules(auto_extend_days=30)))
    done(life, ExtensionAsked(BY_OWNER, END + 10 * DAY))
    assert life.ticket.asked_end_date == END + 10 * DAY


@pytest.mark.parametrize(
    ("until", "words"),
    [
        (date(2026, 1, 1), "2026"),
        (END, "last day"),
        (END - 10 * DAY, "last day"),
        (date(2031, 1, 1), "2"),
    ],
)
def test_an_extension_that_policy_does_not_allow_is_refused_with_the_reason(until: date, words: str) -> None:
    life = Life(END)
    assert words in refused(life, ExtensionAsked(BY_OWNER, until))
    assert life.ticket.asked_end_date is None


def test_no_other_date_is_taken_while_one_is_asked() -> None:
    life = Life(END)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    before = life.ticket
    for until in (LATER, LATER - DAY, LATER + DAY):
        words = refused(life, ExtensionAsked(BY_OWNER, until, automatic=True))
        assert "already" in words
        assert "withdraw" in words
    assert life.ticket == before
    done(life, Withdrawn(BY_OWNER))
    done(life, ExtensionAsked(BY_OWNER, LATER - DAY))
    assert life.ticket.asked_end_date == LATER - DAY


def test_asking_again_does_not_stop_the_clock_for_longer() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 3 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    asked_at = life.ticket.asked_at
    life.pass_until(life.now + 10 * DAY)
    assert "already" in refused(life, ExtensionAsked(BY_OWNER, LATER - DAY))
    assert (life.ticket.asked_at, life.ticket.asked_end_date) == (asked_at, LATER)
    life.pass_until(life.now + 5 * DAY)
    assert life.ticket.asked_end_date is None
    assert life.told(Letter.EXTENSION_LAPSED)


def test_an_admin_grants_nothing_that_is_no_later_than_the_last_day_already() -> None:
    life = Life(END)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    assert "last day" in refused(life, Approved(BY_ADMIN, until=END))
    assert life.ticket.asked_end_date == LATER
    done(life, Approved(BY_ADMIN, until=END + DAY))
    assert life.ticket.end_date == END + DAY


def test_an_admin_may_grant_another_date_but_no_disk() -> None:
    life = Life(END)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    assert "disk" in refused(life, Approved(BY_ADMIN, disk_gib=20))
    done(life, Approved(BY_ADMIN, until=date(2027, 5, 31)))
    assert life.ticket.end_date == date(2027, 5, 31)
    (changed,) = life.last(Letter.EXTENSION_GRANTED).facts["changed"]
    assert changed["with"] == {"day": {"day": "2027-05-31"}, "asked": {"day": "2027-09-30"}}


def test_a_date_that_is_granted_as_it_was_asked_is_no_change() -> None:
    life = Life(END)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    done(life, Approved(BY_ADMIN))
    assert not life.last(Letter.EXTENSION_GRANTED).facts.get("changed")


@pytest.mark.parametrize(
    "event", [Approved(BY_ADMIN), Approved(BY_ADMIN, until=LATER), Denied(BY_ADMIN, "no"), Withdrawn(BY_OWNER)]
)
def test_nothing_can_be_decided_where_nothing_was_asked(event: Event) -> None:
    assert refused(Life(END), event)


def test_a_release_needs_a_confirmation_and_then_goes_at_once() -> None:
    life = Life(END)
    assert "release" in refused(life, Released(BY_OWNER))
    done(life, ReleaseAsked(BY_OWNER))
    assert life.ticket.state is S.ACTIVE
    done(life, Released(BY_OWNER))
    assert [state for _, state in life.moves][-2:] == [S.RETIRING, S.ARCHIVED]
    assert life.ticket.state is S.ARCHIVED
    assert life.told(Letter.VM_RELEASED)


def test_a_release_closes_the_question_about_an_extension_with_every_admin() -> None:
    life = Life(END)
    life.pass_until(STOP_AT - 20 * DAY)
    done(life, ExtensionAsked(BY_OWNER, LATER))
    done(life, ReleaseAsked(BY_OWNER))
    step = done(life, Released(BY_OWNER))
    told = [effect for effect in step.effects if effect.letter is Letter.ADMIN_DECIDED]
    assert {effect.to for effect in told} == {admin.address for admin in ADMINS}
    assert {(effect.facts["decision"], effect.facts["question"]) for effect in told} == {("withdrawn", "extension")}


def test_keep_takes_a_release_back() -> None:
    life = Life(END)
    done(life, ReleaseAsked(BY_OWNER))
    done(life, Kept(BY_OWNER))
    assert "release" in refused(life, Released(BY_OWNER))
    assert "not being given back" in refused(life, Kept(BY_OWNER))
    life.pass_until(STOP_AT - HOUR)
    assert life.ticket.state is S.ACTIVE


@pytest.mark.parametrize(
    ("event", "word"), [(ReleaseAsked(BY_OWNER), "release"), (ReinstallAsked(BY_OWNER), "reinstallation")]
)
def test_the_history_says_what_was_taken_back(event: Event, word: str) -> None:
    life = Life(END)
    done(life, event)
    assert done(life, Kept(BY_OWNER)).summary == f"{word} taken back by {BY_OWNER.who}"


def test_a_reinstallation_is_confirmed_to_the_last_moment_and_its_letter_names_the_warning_that_comes() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - 62 * DAY)
    done(life, ReinstallAsked(BY_OWNER))
    lapses_at = life.now + 7 * DAY
    assert life.last(Letter.REINSTALL_CONFIRM).facts["lapses_at"] == lapses_at.isoformat()
    life.pass_until(lapses_at + timedelta(seconds=1))
    assert "too old" in refused(life, ReinstallWanted(BY_OWNER))
    life.now = lapses_at
    step = done(life, ReinstallWanted(BY_OWNER))
    assert [one.action for one in step.effects] == [Action.REINSTALL]
    done(life, Reinstalled(LOGIN))
    told = life.last(Letter.VM_READY).facts
    assert (told["reinstalled"], told["first_warning_on"]) == (True, "2027-03-01")
    assert "restored" not in told


def test_a_ready_letter_at_the_very_moment_of_a_warning_names_the_next() -> None:
    life = Life(END, wake_delay=timedelta(0), mail_delay=timedelta(0))
    life.pass_until(STOP_AT - 60 * DAY - 2 * HOUR)
    done(life, Reinstalled(LOGIN))
    assert life.last(Letter.VM_READY).facts["first_warning_on"] == "2027-03-01"


def test_what_an_admin_holds_is_not_installed_again() -> None:
    life = Life(END)
    done(life, ReinstallAsked(BY_OWNER))
    done(life, Held("a question of law", BY_ADMIN))
    assert "a question of law" in refused(life, ReinstallWanted(BY_OWNER))
    assert "a question of law" in refused(life, ReinstallAsked(BY_OWNER))


def test_an_old_question_about_a_release_is_forgotten() -> None:
    life = Life(END)
    done(life, ReleaseAsked(BY_OWNER))
    life.pass_until(READY_AT + 30 * DAY)
    assert "too old" in refused(life, Released(BY_OWNER))
    assert life.ticket.state is S.ACTIVE


def test_an_extension_takes_a_release_back() -> None:
    life = Life(END)
    done(life, ReleaseAsked(BY_OWNER))
    done(life, ExtensionAsked(BY_OWNER, LATER))
    assert refused(life, Released(BY_OWNER))


def test_a_machine_that_is_being_removed_cannot_be_extended() -> None:
    life = Life(END)
    life.ticket = life.ticket.__class__(
        **{name: getattr(life.ticket, name) for name in life.ticket.__dataclass_fields__} | {"state": S.RETIRING}
    )
    assert "being removed" in refused(life, ExtensionAsked(BY_OWNER, LATER))


def archived() -> Life:
    life = Life(END)
    done(life, ReleaseAsked(BY_OWNER))
    done(life, Released(BY_OWNER))
    return life


def test_a_kept_disk_comes_back_where_it_is() -> None:
    life = archived()
    life.pass_until(life.now + 10 * DAY)
    step = done(life, Restored(BY_OWNER))
    assert [effect.action for effect in step.effects if effect.action is not Action.LETTER] == [Action.BUILD]
    assert (life.ticket.state, life.ticket.site) == (S.APPROVED, "north")
    assert life.ticket.keep_until is not None, "until the machine runs, the disk is kept as long as was promised"
    assert life.ticket.lease_from is not None, "what tells that a disk was in its owner's hands"
    done(life, Built(LOGIN))
    assert (life.ticket.state, life.ticket.keep_until) == (S.ACTIVE, None)
    assert life.last(Letter.VM_READY).facts["restored"] is True
    life.pass_until(STOP_AT + HOUR)
    assert life.ticket.state is S.EXPIRED
    assert life.told(Letter.WARNING)


def test_a_disk_that_is_being_deleted_cannot_be_brought_back() -> None:
    life = archived()
    life.pass_until(life.now + 29 * DAY)
    life.ticket = life.ticket.__class__(
        **{name: getattr(life.ticket, name) for name in life.ticket.__dataclass_fields__}
        | {"keep_until": None, "due_at": None}
    )
    assert "too late" in refused(life, Restored(BY_OWNER))


def test_a_restored_machine_that_cannot_be_built_keeps_its_disk_and_its_site() -> None:
    life = archived()
    done(life, Restored(BY_OWNER))
    done(life, BuildFailed("the site does not answer", 3, ("north",)))
    done(life, Retried(BY_ADMIN))
    assert life.ticket.site == "north"
    done(life, BuildFailed("the site does not answer", 3, ("north",)))
    step = done(life, Denied(BY_ADMIN, "the host is gone"))
    assert Action.DELETE_DISK not in {effect.action for effect in step.effects}
    assert life.ticket.state is S.ARCHIVED
    assert life.ticket.keep_until is not None
    assert life.ticket.keep_until - life.now >= 30 * DAY


def test_a_restore_to_a_day_that_policy_does_not_allow_is_refused() -> None:
    assert refused(archived(), Restored(BY_OWNER, date(2033, 1, 1)))


def test_a_lease_that_begins_anew_asks_for_notice_in_proportion() -> None:
    life = Life(END, Rules(policy=PolicyRules(auto_extend_days=400), lease=LeaseRules(notice_days=14)))
    life.pass_until(STOP_AT - HOUR)
    done(life, ExtensionAsked(BY_OWNER, END + 4 * DAY, automatic=True))
    life.pass_until(STOP_AT + 5 * DAY)
    assert life.ticket.state is S.EXPIRED
