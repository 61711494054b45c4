"""The brake on letters: which letter passes which limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailbot.lifecycle.lease import NOTICES
from mailbot.lifecycle.letter_brake import Written, why_held
from mailbot.model import Letter, Weight
from mailbot.rules import LetterRules

LIMITS = LetterRules(
    per_person_and_day=5, per_cause_and_day=3, to_admins_per_hour=4, total_per_hour=10, total_per_day=20
)
ANY = Written(reader=2, cause=2, in_hour=9, in_day=19)
"""One more of everything may go."""


def held(letter: Letter, written: Written) -> str:
    return why_held(letter, written, LIMITS, to_admins=letter.value.startswith("admin-"))


@pytest.mark.parametrize("letter", Letter)
def test_the_last_one_within_every_limit_goes(letter: Letter) -> None:
    assert held(letter, ANY) == ""


def test_what_proves_notice_is_never_held() -> None:
    everything = Written(reader=10**6, cause=10**6, in_hour=10**6, in_day=10**6)
    assert {Letter(name).weight for name in NOTICES} == {Weight.NOTICE}
    assert {letter for letter in Letter if not held(letter, everything)} == {
        letter for letter in Letter if letter.weight is Weight.NOTICE
    }


@pytest.mark.parametrize(
    ("letter", "over", "why"),
    [
        (Letter.VM_KEPT, {"cause": 3}, "more than 3 messages to one recipient for one cause in 24 hours"),
        (Letter.VM_KEPT, {"reader": 5}, "more than 5 messages to one person in 24 hours"),
        (Letter.VM_KEPT, {"in_hour": 10}, "more than 10 messages in an hour"),
        (Letter.VM_KEPT, {"in_day": 20}, "more than 20 messages in 24 hours"),
        (Letter.ADMIN_DECISION, {"reader": 4}, "more than 4 messages to the admins in an hour"),
        (Letter.ADMIN_DECISION, {"cause": 3}, "more than 3 messages to one recipient for one cause in 24 hours"),
        (Letter.REQUEST_DENIED, {"in_hour": 10}, "more than 10 messages in an hour"),
    ],
)
def test_each_limit_holds_by_itself(letter: Letter, over: dict[str, int], why: str) -> None:
    assert held(letter, replace(ANY, **over)) == why


def test_users_are_counted_by_the_day_and_admins_by_the_hour() -> None:
    assert held(Letter.VM_KEPT, replace(ANY, reader=4)) == ""
    assert held(Letter.ADMIN_DECISION, replace(ANY, reader=3)) == ""


def test_how_something_ended_is_told_whatever_else_its_reader_got() -> None:
    flooded = replace(ANY, reader=100, cause=100)
    told = {letter for letter in Letter if letter.weight is Weight.OUTCOME}
    assert Letter.REQUEST_DENIED in told
    assert {held(letter, flooded) for letter in told} == {""}


def test_every_question_to_an_admin_is_a_question_to_the_brake() -> None:
    assert {letter for letter in Letter if letter.weight is Weight.QUESTION} == {
        Letter.ADMIN_DECISION,
        Letter.ADMIN_REMINDER,
        Letter.ADMIN_BUILD_FAILED,
        Letter.ADMIN_FINDINGS,
        Letter.ADMIN_UNPROVEN,
    }
