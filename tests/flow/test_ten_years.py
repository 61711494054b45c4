"""A small fleet over some years, with downtime, bounces and extensions: nobody is surprised; and the audit that says so can see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from random import Random

import pytest

from bench.ten_years import BLIND, Verdict, audit, blindness, outages, played, told
from mailbot.model import Action, Letter
from mailbot.simulate import Blindness, Entry, Future, Outage, What

SOME = {
    "warning",
    "stop",
    "retire",
    "delete-disk",
    "extension-granted",
    "Released",
    "vm-restored",
    "bounce",
    "date-moved",
}


@cache
def some_years(seed: int = 7) -> tuple[Future, Verdict, int]:
    return played(4, 25, seed)


def test_no_warning_is_skipped_or_doubled_and_nothing_goes_without_full_notice() -> None:
    _future, verdict, tickets = some_years()
    assert {name for name in SOME if verdict.counts[name] == 0} == set()
    assert tickets > 80
    assert verdict.late.total() > 10
    assert sum(verdict.late[why] for why in BLIND) > 10
    assert verdict.clean, "\n".join(told(verdict))


def test_with_a_tight_brake_nothing_goes_without_full_notice_either() -> None:
    _future, verdict, _tickets = played(3, 25, 5, brake=0)
    assert verdict.counts["admin-brake"] > 10
    assert verdict.late["the brake"] > 10
    assert verdict.clean, "\n".join(told(verdict))


def test_the_same_seed_gives_the_same_years() -> None:
    assert played(1, 5, 3)[0] == played(1, 5, 3)[0]
    assert played(1, 5, 3)[0] != played(1, 5, 4)[0]


def audited(entries: list[Entry]) -> Verdict:
    return audit(entries, ())


def untroubled() -> list[Entry]:
    """The diary of one ticket that was warned four times and stopped, without anything in between."""
    future, _verdict, _tickets = some_years()
    for number in {entry.ticket for entry in future.entries}:
        diary = [entry for entry in future.entries if entry.ticket == number]
        names = [entry.name for entry in diary]
        if names[:7] == ["build", "vm-ready", *["warning"] * 4, "stop"] and not any(one.late for one in diary):
            return diary[:7]
    raise AssertionError("there is no such ticket")


def test_an_untroubled_diary_is_clean() -> None:
    assert audited(untroubled()).clean


@pytest.mark.parametrize("missing", [0, 1, 2, 3])
def test_a_warning_that_is_missing_is_seen(missing: int) -> None:
    diary = untroubled()
    warnings = [entry for entry in diary if entry.name == Letter.WARNING]
    diary.remove(warnings[missing])
    assert audited(diary).skipped


def test_a_warning_that_goes_twice_is_seen() -> None:
    diary = untroubled()
    again = next(entry for entry in diary if entry.name == Letter.WARNING)
    assert audited([*diary, replace(again, at=again.at + timedelta(days=2))]).doubled


def test_a_stop_without_notice_is_seen() -> None:
    quiet = [entry for entry in untroubled() if entry.name != Letter.WARNING]
    assert audited(quiet).without_notice


def test_a_warning_that_came_back_is_no_notice() -> None:
    diary = untroubled()
    back = [
        replace(entry, what=What.MAIL, name="bounce", at=entry.at + timedelta(hours=1))
        for entry in diary
        if entry.name == Letter.WARNING
    ]
    assert audited([*diary, *back]).without_notice


def test_a_letter_that_is_late_without_a_cause_is_seen() -> None:
    diary = untroubled()
    late = [replace(entry, planned=entry.planned and entry.planned - timedelta(days=1)) for entry in diary]
    assert audited(late).unexplained


def test_a_warning_of_a_machine_that_was_not_there_when_it_was_due_comes_when_it_is_built() -> None:
    diary = untroubled()
    planned = next(entry.planned for entry in diary if entry.name == Letter.WARNING)
    assert planned is not None

    def warned(after: timedelta) -> list[Entry]:
        built = replace(
            diary[0], what=What.ACTION, name=Action.BUILD.value, at=planned + timedelta(hours=1), planned=None
        )
        late = [replace(entry, at=built.at + after) for entry in diary if entry.planned == planned]
        return [built, *late, *(entry for entry in diary if entry.planned != planned)]

    assert not audited(warned(timedelta(minutes=2))).unexplained
    assert audited(warned(timedelta(hours=1))).unexplained


def test_a_stop_on_a_closed_day_is_seen() -> None:
    diary = untroubled()
    day = diary[-1].at.date()
    assert audit(diary, (), ((day, day + timedelta(days=1)),)).on_closed_days


@pytest.mark.parametrize("what", ["stop", "extension-lapsed"])
def test_what_is_done_while_the_bot_is_blind_is_seen(what: str) -> None:
    *diary, last = untroubled()
    diary.append(replace(last, name=what))
    blind = Blindness(last.at - timedelta(hours=1), last.at + timedelta(hours=1))
    assert audit(diary, (), (), (blind,)).while_blind
    assert not audit(diary, (), (), (replace(blind, since=last.at + timedelta(minutes=1)),)).while_blind


def test_a_decision_that_is_lost_is_seen() -> None:
    diary = untroubled()
    yes = replace(diary[2], what=What.MAIL, name="Approved", note="extended")
    assert audited([*diary, yes]).decisions_lost
    granted = replace(yes, what=What.LETTER, name=Letter.EXTENSION_GRANTED.value)
    assert not audited([*diary, yes, granted]).decisions_lost
    lapsed = replace(granted, name=Letter.EXTENSION_LAPSED.value)
    assert audited([*diary, lapsed]).decisions_lost
    refused = replace(yes, note="refused: Expiration date: Friday 6 October 2034. Needed: a date in the future")
    assert not audited([*diary, refused, lapsed]).decisions_lost


def returns(*, agreed: bool) -> list[Entry]:
    """The diary of a ticket whose machine came back, within what was agreed or by an admin's word."""
    future, _verdict, _tickets = some_years()
    word = "restored" if agreed else "return"
    number = next(entry.ticket for entry in future.entries if entry.name == "Restored" and entry.note.startswith(word))
    return [entry for entry in future.entries if entry.ticket == number]


@pytest.mark.parametrize("agreed", [True, False])
def test_a_machine_that_comes_back_beyond_what_was_agreed_without_an_admin_is_seen(agreed: bool) -> None:
    diary = returns(agreed=agreed)
    assert any(entry.name == Letter.VM_RESTORED for entry in diary)
    assert not audited(diary).not_agreed
    unasked = [entry for entry in diary if entry.name != "Approved"]
    assert bool(audited(unasked).not_agreed) is not agreed


def test_what_its_owner_gave_back_needs_no_notice_and_what_nobody_gave_back_does() -> None:
    diary = returns(agreed=True)
    assert not audited(diary).without_notice
    assert audited([entry for entry in diary if entry.name != "Released"]).without_notice


def whole() -> list[Entry]:
    """The diary of a ticket from its machine to its last disk."""
    future, _verdict, _tickets = some_years()
    for number in {entry.ticket for entry in future.entries}:
        diary = [entry for entry in future.entries if entry.ticket == number]
        if [entry.name for entry in diary if entry.what is What.ACTION] == ["build", "stop", "retire", "delete-disk"]:
            return diary
    raise AssertionError("there is no such ticket")


@pytest.mark.parametrize("missing", ["retire", "delete-disk"])
def test_what_a_ticket_leaves_behind_is_seen(missing: str) -> None:
    assert not audited(whole()).orphans
    kept = [entry for entry in whole() if entry.name not in {missing, "delete-disk"}]
    over = replace(whole()[-1], what=What.MOVE, name="over")
    assert audited([*kept, over]).orphans


def test_a_machine_that_is_built_beside_another_is_seen() -> None:
    first = next(entry for entry in whole() if entry.name == "build")
    assert audited([first, *whole()]).orphans


def test_a_machine_that_nobody_stops_is_seen_unless_nothing_could_be_done() -> None:
    diary = untroubled()[:-1]
    end = diary[0].end_date
    assert end is not None
    late = replace(diary[-1], at=datetime.combine(end, time(), UTC) + timedelta(days=200), name="seen")
    assert audited([*diary, late]).endless
    assert not audited(diary).endless
    off = Outage(late.at - timedelta(days=150), late.at)
    assert not audit([*diary, late], (off,)).endless
    more = replace(diary[-1], what=What.LETTER, name=Letter.EXTENSION_GRANTED, end_date=end + timedelta(days=180))
    assert not audited([*diary, more, late]).endless


def test_a_machine_that_runs_when_the_years_are_over_is_looked_at_too() -> None:
    diary = untroubled()[:-1]
    assert audit(diary, (), until=diary[-1].at + timedelta(days=800)).endless
    assert not audit(untroubled(), (), until=diary[-1].at + timedelta(days=800)).endless


def test_the_bot_is_blind_for_hours_and_for_weeks() -> None:
    lengths = sorted(one.until - one.since for one in blindness(10, Random(1)))
    assert lengths[0] < timedelta(days=1)
    assert lengths[-1] > timedelta(days=21)
    assert {one.why for one in blindness(10, Random(1))} == set(BLIND)


def test_outages_do_not_overlap() -> None:
    off = outages(10, Random(1))
    assert len(off) > 100
    assert all(one.until < two.since for one, two in pairwise(off))
