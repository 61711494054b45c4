"""Requests: no mail raises, what is sent back is read again, and no answer is made up."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from parsers.request.disk import read_disk
from parsers.request.login import LOGIN, read_login
from parsers.request.reading import filled_template, find_request
from parsers.values import Address, Fields, Mail, ReadingRules, Request

RULES = ReadingRules(
    now=datetime(2026, 11, 22, 11, tzinfo=UTC),
    timezone=ZoneInfo("Europe/Paris"),
    own_addresses=frozenset({"support@testbed.example"}),
)
SUBJECT = "Persistent Virtual Machine Creation"

logins = st.from_regex(re.compile(r"[a-z](?:[a-z0-9_-]{0,14}[a-z0-9])?", re.ASCII), fullmatch=True).filter(
    lambda login: (
        login not in {"todo", "tbd", "tba", "xxx", "xxxx", "na", "none", "null", "nil", "fill", "empty", "login"}
    )
)
coming_days = st.dates(date(2026, 11, 22), date(2026, 11, 22) + timedelta(days=800))
prose = st.lists(
    st.sampled_from(
        ["runner", "tests", "of", "our", "scheduler", "and", "a", "web", "server", "with", "users:", "at", "night,"]
    ),
    min_size=2,
    max_size=12,
).map(lambda words: "Our " + " ".join(words) + ".")
usages = st.lists(prose, min_size=1, max_size=5).map("\n".join)
filled = st.builds(Fields, logins, usages, coming_days)
pieces = st.sampled_from(
    [
        *(
            "username: alice\n",
            "username:\n",
            "intended usage: a server\n",
            "expiration date: 2027-03-31\n",
            "> ",
            "\n",
            "\n\n",
        ),
        *(
            "<Fill with your login>",
            "date: ",
            "user: ",
            "From: Bob <bob@example.org>\nTo: Alice\n",
            "-- \n",
            "Regards,\n",
            "disk: 40 GB",
        ),
        *(
            "I need 40 GB. ",
            "| ",
            "\t",
            "  ",
            "*",
            ":",
            "：",
            "<",
            ">",
            "31 February 2027\n",
            "Nom d'utilisateur : ",
            "On x, a@b.c wrote:\n",
        ),
    ]
)


def a_mail(text: str, subject: str = SUBJECT, new_text: str | None = None) -> Mail:
    return Mail("", 0, None, Address("alice@example.org"), subject, text=text, new_text=new_text)


def read(text: str, subject: str = SUBJECT) -> Request:
    request = find_request(a_mail(text, subject), RULES)
    assert request is not None
    return request


def _is_sound(request: Request, text: str) -> None:
    """Every part is either there or complained about, and what is there stands in the mail."""
    told = {problem.field for problem in request.problems}
    fields = request.fields
    for name in ("username", "intended_usage", "expiration_date"):
        assert (getattr(fields, name) is None) == (name in told) or "request" in told
    assert fields.username is None or fields.username in text.lower()
    assert fields.disk_gib is None or fields.disk_gib > RULES.default_disk_gib
    for problem in request.problems:
        assert problem.allowed
        assert len(problem.found) <= 80
        assert problem.line is None or 1 <= problem.line <= text.count("\n") + 1


@given(
    st.text(max_size=300), st.sampled_from([SUBJECT, f"Re: {SUBJECT}", "", "Fwd: VM"]), st.none() | st.text(max_size=20)
)
def test_any_text_is_a_sound_request_or_none(text: str, subject: str, new_text: str | None) -> None:
    request = find_request(a_mail(text, subject, new_text), RULES)
    if request is not None:
        _is_sound(request, text)


@given(st.lists(pieces, max_size=25).map("".join), st.sampled_from([SUBJECT, f"Re: {SUBJECT}", "VM"]))
def test_any_pieces_of_a_template_are_a_sound_request_or_none(text: str, subject: str) -> None:
    request = find_request(a_mail(text, subject), RULES)
    if request is not None:
        _is_sound(request, text)


@given(filled)
def test_a_filled_in_template_reads_back_plain_quoted_forwarded_and_signed(fields: Fields) -> None:
    text = filled_template(fields)
    quoted = "".join(f"> {line}\n" for line in text.splitlines())
    forms = [
        text,
        quoted,
        text.replace("\n", "\r\n").replace("\r", ""),
        f"Hello,\n\n{text}\n\nBest regards,\nAlice\n-- \nAlice",
        f"-- Forwarded message --\nFrom: Alice <alice@example.org>\nTo: Bob\n\n{text}",
        f"On Monday, support@testbed.example wrote:\n{quoted}",
        f"*{text.replace(': ', ':* ', 1)}",
    ]
    for form in forms:
        request = read(form)
        assert (form, request.problems) == (form, ())
        assert request.fields.username == fields.username
        assert request.fields.expiration_date == fields.expiration_date
        assert (request.fields.intended_usage or "").split() == (fields.intended_usage or "").split()


@given(filled, logins)
def test_a_line_above_the_quote_wins_over_the_quoted_one(fields: Fields, login: str) -> None:
    quoted = "".join(f"> {line}\n" for line in filled_template(fields).splitlines())
    request = read(f"username: {login}\n\nOn Monday, support@testbed.example wrote:\n{quoted}", f"Re: {SUBJECT}")
    assert (request.fields.username, request.fields.expiration_date) == (login, fields.expiration_date)


@given(filled, filled)
def test_two_different_requests_in_one_mail_are_never_one(one: Fields, other: Fields) -> None:
    request = read(f"{filled_template(one)}\n\n{filled_template(other)}")
    same = (one.username, one.expiration_date) == (other.username, other.expiration_date)
    assert bool(request.problems) == (not same or one.intended_usage.split() != other.intended_usage.split())  # type: ignore[union-attr]


@given(st.text(max_size=60))
def test_any_text_is_a_login_or_refused(text: str) -> None:
    reading = read_login(text)
    assert (reading.value is None) == bool(reading.problem)
    if reading.value is not None:
        assert LOGIN.fullmatch(reading.value)
        assert reading.value in text.lower()


@given(st.text(max_size=200), st.integers(min_value=1, max_value=100))
def test_any_text_is_a_wish_for_more_disk_or_none(text: str, default_gib: int) -> None:
    reading = read_disk(text, default_gib)
    assert reading.gib is None or reading.gib > default_gib
    assert reading.gib is not None or reading.reason is None


@given(st.integers(min_value=9, max_value=999_999))
def test_an_amount_that_is_needed_is_read_exactly(gib: int) -> None:
    assert read_disk(f"I need {gib} GB because of the traces.", 8).gib == gib
    assert read_disk(f"I process {gib} GB of data a day.", 8).gib is None
