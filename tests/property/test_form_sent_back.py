"""The form that a letter about problems hands out: what was clear stays, and with the rest filled in it is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot import policy
from mailbot.letters.languages import languages
from mailbot.rules import PolicyRules, Rules
from parsers.request.form import FORMS, answers, form_lines
from parsers.request.labels import Part
from parsers.request.reading import find_request
from parsers.values import Address, Fields, Mail, ReadingRules, Request

NOW = datetime(2026, 11, 22, 11, tzinfo=UTC)
SITE = Rules(policy=PolicyRules(disk_gib=8, max_disk_gib=100))
RULES = ReadingRules(now=NOW, timezone=ZoneInfo("Europe/Paris"))
SUBJECT = "Persistent Virtual Machine Creation"

USAGES = (
    "A web server.",
    "Our runner of tests at night: it compiles,\n\nand writes a report.",
    "date: none is known yet, as a server",
)
WISHES = ("40 GB", "40 GB because the traces are large", "I need 40 GB of disk, since the images take 30 GB.")


@dataclass(frozen=True)
class Written:
    """What somebody writes behind each label (None: the line is missing), and whether it can be accepted."""

    login: tuple[str | None, bool]
    usage: tuple[str | None, bool]
    day: tuple[str | None, bool]
    disk: tuple[str | None, bool]

    def text(self) -> str:
        lines = (
            ("username", self.login),
            ("intended usage", self.usage),
            ("expiration date", self.day),
            ("disk", self.disk),
        )
        return "\n\n".join(f"{label}: {value}" for label, (value, _) in lines if value is not None)


def part(good: tuple[str, ...], bad: tuple[str, ...]) -> st.SearchStrategy[tuple[str | None, bool]]:
    wrong: list[tuple[str | None, bool]] = [(None, False), ("", False), *((one, False) for one in bad)]
    return st.sampled_from([*((one, True) for one in good), *wrong])


written = st.builds(
    Written,
    login=part(("alice", "bob-2"), ("<Fill with your login>", "Alice Martin of the lab", "al!ce")),
    usage=part(USAGES, ("TODO", "<what the VM is for, in 5 to 10 lines; if you need more disk, how much and why>")),
    day=part(("2027-03-31", "31 January 2028"), ("03/04/2027", "soon", "2020-01-01", "2040-01-01", "31 February 2027")),
    disk=st.sampled_from([(None, True), *((one, True) for one in WISHES), ("400 GB", False), ("20 or 40 GB", False)]),
).filter(lambda said: any(one[0] is not None for one in (said.login, said.usage, said.day)))


def read(text: str) -> Request:
    request = find_request(Mail("", 0, None, Address("alice@example.org"), f"Re: {SUBJECT}", text=text), RULES)
    assert request is not None, text
    return request


def wrong_fields(request: Request) -> frozenset[str]:
    return frozenset(problem.field for problem in policy.problems(request, SITE, NOW))


def form(request: Request, language: str) -> list[str]:
    return form_lines(answers(request.fields, wrong_fields(request), RULES), language)


def filled_in(lines: list[str], language: str) -> str:
    """The form with an answer in place of each placeholder."""
    good = {
        Part.USERNAME: "carol",
        Part.USAGE: "A mirror.",
        Part.DATE: "2027-05-31",
        Part.DISK: "20 GB because of logs",
    }
    text = "\n".join(lines)
    for which, placeholder in FORMS[language].placeholders.items():
        text = text.replace(f"<{placeholder}>", good[which])
    return text


@given(written, st.sampled_from(sorted(FORMS)))
def test_what_was_clear_stays_and_with_the_rest_filled_in_the_form_is_accepted(said: Written, language: str) -> None:
    request = read(said.text())
    lines = form(request, language)
    for text in (filled_in(lines, language), "\n".join(f"> {one}" for one in filled_in(lines, language).split("\n"))):
        again = read(text)
        assert wrong_fields(again) == frozenset(), text
        fields = again.fields
        if said.login[1]:
            assert fields.username == said.login[0]
        if said.usage[1]:
            assert (fields.intended_usage or "").split() == (said.usage[0] or "").split()
        if said.day[1]:
            assert fields.expiration_date == request.fields.expiration_date
        if said.disk[0] is not None:
            assert fields.disk_gib == (40 if said.disk[1] else 20)


@given(written, st.sampled_from(sorted(FORMS)))
def test_only_what_is_wrong_has_to_be_written(said: Written, language: str) -> None:
    lines = form(read(said.text()), language)
    asked = sum(f"<{one}>" in line for line in lines for one in FORMS[language].placeholders.values())
    assert asked == sum(not good for _, good in (said.login, said.usage, said.day, said.disk))


@pytest.mark.parametrize("language", sorted(FORMS))
def test_a_form_that_comes_back_as_it_is_lacks_what_it_asks_for(language: str) -> None:
    blank = form_lines(dict.fromkeys(FORMS[language].placeholders, ""), language)
    assert wrong_fields(read("\n".join(blank))) == {"username", "intended_usage", "expiration_date"}


def test_a_size_that_the_usage_says_needs_no_line() -> None:
    usage = "I need 40 GB of disk because the traces are large."
    fields = Fields("alice", usage, date(2027, 3, 31), 40, usage)
    assert Part.DISK not in answers(fields, frozenset(), RULES)
    assert "disk: <" in form_lines(answers(fields, frozenset({Part.DISK}), RULES), "en")[-1]


def test_every_language_of_letters_has_its_form() -> None:
    assert set(languages()) == set(FORMS)


def test_a_long_usage_is_kept_whole() -> None:
    usage = " ".join(f"word{number}" for number in range(600))
    fields = Fields("alice", usage, (NOW + timedelta(days=90)).date())
    assert read("\n".join(form_lines(answers(fields, frozenset(), RULES), "fr"))).fields.intended_usage == usage
