"""What may be asked, and how refusals are worded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from mailbot import policy
from mailbot.model import Ticket, TicketState
from mailbot.rules import PolicyRules, Rules
from parsers.request.labels import Part
from parsers.values import Fields, Problem, Request
from provisioner.naming import legacy_machine_id
from tests.world import ALICE, ERIN, START

RULES = Rules()
TODAY = date(2026, 11, 23)


def asked(**changes: object) -> Request:
    known: dict[str, Any] = {
        "username": "alice",
        "intended_usage": "A web server.",
        "expiration_date": date(2027, 3, 31),
    }
    return Request(Fields(**(known | changes)))


def fields(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.field for problem in problems]


def test_a_good_request_has_no_problem() -> None:
    assert policy.problems(asked(), RULES, START) == ()


@pytest.mark.parametrize(
    ("day", "good"),
    [
        (TODAY - timedelta(days=1), False),
        (TODAY, False),
        (TODAY + timedelta(days=1), True),
        (date(2028, 11, 23), True),
        (date(2028, 11, 24), False),
    ],
)
def test_an_end_date_lies_after_today_and_at_most_two_years_ahead(day: date, good: bool) -> None:
    assert fields(policy.problems(asked(expiration_date=day), RULES, START)) == ([] if good else [Part.DATE])


def test_today_is_the_sites_day_and_not_that_of_utc() -> None:
    late_evening = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)  # half past midnight in Paris
    assert policy.end_date_problems(date(2026, 11, 24), RULES, late_evening)
    assert not policy.end_date_problems(date(2026, 11, 24), RULES, late_evening - timedelta(hours=1))


@pytest.mark.parametrize(("gib", "good"), [(7, False), (8, True), (100, True), (101, False)])
def test_a_disk_is_at_least_the_usual_size_and_at_most_the_limit(gib: int, good: bool) -> None:
    assert fields(policy.problems(asked(disk_gib=gib), RULES, START)) == ([] if good else [Part.DISK])


@pytest.mark.parametrize("login", ["-alice", "alicé", "a" * 80])
def test_a_login_that_no_host_can_be_named_after_is_refused(login: str) -> None:
    assert fields(policy.problems(asked(username=login), RULES, START)) == [Part.USERNAME]


def test_everything_is_refused_at_once() -> None:
    request = asked(username="alicé", expiration_date=date(2040, 1, 1), disk_gib=4000)
    assert fields(policy.problems(request, RULES, START)) == [Part.USERNAME, Part.DATE, Part.DISK]


def test_what_reading_refused_is_not_refused_twice() -> None:
    seen = (Problem(Part.DATE.value, 5, "yesterday", "a date"), Problem(Part.DISK.value, 3, "1 TB", "a size"))
    request = Request(Fields("alice", "A web server.", date(2020, 1, 1), 4000), seen)
    assert policy.problems(request, RULES, START) == seen
    name = (Problem(Part.USERNAME.value, 1, "al_ice", "a login"),)
    assert policy.problems(Request(Fields("al_ice", "A web server.", date(2027, 3, 31)), name), RULES, START) == name


def test_a_locked_account_and_missing_keys_are_told_together() -> None:
    assert fields(policy.person_problems(ERIN, (), ("it is a DSA key",))) == [Part.USERNAME, policy.SSH_KEY]
    assert policy.person_problems(ALICE, ALICE.ssh_keys, ()) == ()


def test_why_a_key_cannot_be_used_is_said() -> None:
    (problem,) = policy.person_problems(ALICE, (), ("it is a DSA key",))
    assert "it is a DSA key" in problem.found


def test_fields_have_names_that_people_read() -> None:
    assert [policy.in_words(name) for name in (*Part, policy.SSH_KEY)] == [
        "username", "intended usage", "expiration date", "disk", "request", "SSH key",
    ]  # fmt: skip


def test_the_limits_are_the_sites() -> None:
    rules = Rules(policy=PolicyRules(max_years=1, max_disk_gib=20))
    assert fields(policy.problems(asked(expiration_date=date(2028, 1, 1), disk_gib=30), rules, START)) == [
        Part.DATE,
        Part.DISK,
    ]


def test_a_refused_decision_says_what_can_be() -> None:
    words = policy.refusal(policy.disk_problems(500, RULES.policy))
    assert words == "Disk: 500 GiB. Needed: a disk of 8 GiB (the usual size) up to 100 GiB."
    assert policy.refusal(()) == ""


def ticket(**changes: object) -> Ticket:
    made = Ticket(
        7, TicketState.PENDING, "alice", "Alice", "alice@example.org", "", date(2027, 3, 31), 8, "<1@x>", "x", START, START
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("disk_gib", "said"),
    [
        (8, "The disk has the usual size, 8 GiB."),
        (9, "More disk than usual is requested: 9 GiB instead of 8 GiB (limit 100 GiB)."),
    ],
)
def test_who_decides_reads_whether_a_disk_is_larger_than_usual(disk_gib: int, said: str) -> None:
    assert policy.checks(ticket(disk_gib=disk_gib), None, RULES, START)[-1] == said


def test_a_machine_has_the_identity_of_its_ticket_and_one_of_version_0_1_that_of_its_names() -> None:
    own = UUID(int=5)
    spec = policy.vm_spec(ticket(machine_id=own), "north", "north.example", (), RULES.policy)
    assert (spec.machine_id, spec.restored) == (own, False)
    old = policy.vm_spec(ticket(lease_from=START), "north", "north.example", (), RULES.policy)
    assert (old.machine_id, old.restored) == (legacy_machine_id("north", "alice", "7"), True)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (TODAY, "a date in the future, at the latest Thursday 23 November 2028"),
        (TODAY - timedelta(days=1), "a date in the future"),
        (date(2028, 11, 24), "at most 2 years ahead, that is Thursday 23 November 2028 at the latest"),
    ],
)
def test_of_a_day_that_cannot_be_it_is_said_which_can(day: date, said: str) -> None:
    (problem,) = policy.end_date_problems(day, RULES, START)
    assert said in problem.allowed


@pytest.mark.parametrize(
    ("day", "said"), [(date(2027, 9, 30), "at most 2 years ahead"), (TODAY, "no longer be granted")]
)
def test_who_decides_reads_whether_the_day_that_is_asked_for_can_still_be_granted(day: date, said: str) -> None:
    for asks in ({"end_date": day}, {"end_date": date(2027, 3, 31), "asked_end_date": day}):
        assert said in policy.checks(ticket(**asks), None, RULES, START)[1]


def test_a_removed_machine_is_measured_by_what_was_agreed_on_and_any_other_by_its_end() -> None:
    moved = {"end_date": date(2027, 4, 7), "agreed_until": date(2027, 3, 31)}
    assert policy.last_day(ticket(state=TicketState.ARCHIVED, **moved)) == date(2027, 3, 31)
    assert policy.last_day(ticket(state=TicketState.ACTIVE, **moved)) == date(2027, 4, 7)


@pytest.mark.parametrize(("agreed", "ahead"), [(TODAY, False), (TODAY + timedelta(days=1), True)])
def test_a_machine_comes_back_without_an_admin_until_its_agreed_last_day(agreed: date, ahead: bool) -> None:
    kept = ticket(state=TicketState.ARCHIVED, end_date=date(2027, 4, 7), agreed_until=agreed)
    assert policy.is_agreed(kept, RULES, START) is ahead
