"""What dates in a mail are understood to be.  The moment of all of them is noon of Sunday 22 November 2026 in Paris."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from parsers.dates import Period, add_period, long_form, read_date, read_period
from parsers.values import ReadingRules

RULES = ReadingRules(now=datetime(2026, 11, 22, 11, tzinfo=UTC), timezone=ZoneInfo("Europe/Paris"))
MARCH = date(2027, 3, 31)


@pytest.mark.parametrize(
    "text",
    [
        "2027-03-31", "2027/03/31", "2027.3.31", "20270331", "2027-03-31T23:59:00Z", "2027-03-31 00:00:00+01:00",
        "31/03/2027", "31.3.2027", "31-03-2027", "31 March 2027", "31st of March, 2027", "March 31st, 2027",
        "31-Mar-2027", "Mar. 31, 2027", "2027 March 31", "the thirty-first of March 2027", "le 31 mars 2027",
        "31 du mois de mars 2027", "trente et un mars 2027", "Wednesday 31 March 2027", "mercredi 31 mars 2027",
        "31 March 2027 (Wed)", "end of March 2027", "fin mars 2027", "end of the month of March 2027", "fin 03/2027",
        "end of Q1 2027", "until 31 March 2027", "jusqu'au 31 mars 2027", "au plus tard le 31/03/2027",
        "no later than 31 March 2027", "until 31 March 2027 (end of my internship)", "end of my contract (31/03/2027)",
        "31 March 2027 at 18:00", "31 mars 2027 à 18h", "31 March 2027, i.e. 31/03/2027", "31 mars 2027 inclus",
        "from 1 January 2027 to 31 March 2027", "du 1er janvier 2027 au 31 mars 2027", "1 January 2027 - 31 March 2027",
        "between 1 January 2027 and 31 March 2027", "31 March 2027, maximum 2 years", "４ months, until 31 March 2027",
        "\u200e31\u00a0mars\u202f2027\ufeff", "*31 March 2027*", "<31 March 2027>", "2027\u201103\u201131",
    ],
)  # fmt: skip
def test_these_all_mean_31_march_2027_and_nothing_is_assumed(text: str) -> None:
    reading = read_date(text, RULES)
    assert reading.value == MARCH
    assert (reading.assumed, reading.problem, reading.readings) == ("", "", ())


@pytest.mark.parametrize(
    ("text", "day", "assumed"),
    [
        ("31 March", MARCH, "no year"),
        ("31/03", MARCH, "no year"),
        ("fin mars", MARCH, "no year"),
        ("22 November", date(2026, 11, 22), "no year"),
        ("21 November", date(2027, 11, 21), "no year"),
        ("29 February", date(2028, 2, 29), "no year"),
        ("March 2027", MARCH, "no day"),
        ("03/2027", MARCH, "no day"),
        ("2027-03", MARCH, "no day"),
        ("I may need it until May 2027", date(2027, 5, 31), "no day"),
        ("from January 2027 to March 2027", MARCH, "no day"),
        ("31/03/27", MARCH, "the year was read as 2027"),
        ("31-Mar-27", MARCH, "the year was read as 2027"),
        ("12/31/2026", date(2026, 12, 31), "month first"),
        ("mid-June 2027", date(2027, 6, 15), "its 15th"),
        ("mi-juin 2027", date(2027, 6, 15), "its 15th"),
    ],
)
def test_what_was_not_written_is_said(text: str, day: date, assumed: str) -> None:
    reading = read_date(text, RULES)
    assert reading.value == day
    assert assumed in reading.assumed


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("in 18 months", date(2028, 5, 22)),
        ("18months", date(2028, 5, 22)),
        ("1.5 years", date(2028, 5, 22)),
        ("1,5 an", date(2028, 5, 22)),
        ("a year and a half", date(2028, 5, 22)),
        ("un an et demi", date(2028, 5, 22)),
        ("dix-huit mois", date(2028, 5, 22)),
        ("1 year and 6 months", date(2028, 5, 22)),
        ("dans 6 mois", date(2027, 5, 22)),
        ("six months from now", date(2027, 5, 22)),
        ("half a year", date(2027, 5, 22)),
        ("for the duration of my internship (6 months)", date(2027, 5, 22)),
        ("2 years", date(2028, 11, 22)),
        ("2 years max", date(2028, 11, 22)),
        ("in 2 years' time", date(2028, 11, 22)),
        ("un an renouvelable", date(2027, 11, 22)),
        ("2 weeks", date(2026, 12, 6)),
    ],
)
def test_a_length_of_time_is_counted_from_today(text: str, day: date) -> None:
    reading = read_date(text, RULES)
    assert reading.value == day
    assert reading.assumed == "counted from 22 November 2026"


def test_a_length_of_time_is_counted_from_the_day_that_is_named() -> None:
    assert read_date("6 months from 1 December 2026", RULES).value == date(2027, 6, 1)
    assert read_date("2 weeks after 5 December 2026", RULES).value == date(2026, 12, 19)
    assert read_date("6 mois à compter d'aujourd'hui", RULES).value == date(2027, 5, 22)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("until the end of the year", date(2026, 12, 31)),
        ("fin d'année", date(2026, 12, 31)),
        ("end of 2027", date(2027, 12, 31)),
        ("fin de l'année 2027 au plus tard", date(2027, 12, 31)),
        ("year end 2027", date(2027, 12, 31)),
        ("end of next year", date(2027, 12, 31)),
        ("fin de l'année prochaine", date(2027, 12, 31)),
        ("end of this month", date(2026, 11, 30)),
        ("fin du mois prochain", date(2026, 12, 31)),
        ("31 December next year", date(2027, 12, 31)),
        ("31 décembre de l'année prochaine", date(2027, 12, 31)),
        ("end of December this year", date(2026, 12, 31)),
        ("Thu, 31 Dec 2026 23:59:59 +0100", date(2026, 12, 31)),
        ("tomorrow", date(2026, 11, 23)),
        ("aujourd'hui", date(2026, 11, 22)),
    ],
)
def test_ends_of_this_year_and_month_are_days(text: str, day: date) -> None:
    assert read_date(text, RULES).value == day


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("03/04/2027", (date(2027, 4, 3), date(2027, 3, 4))),
        ("3-4-2027", (date(2027, 4, 3), date(2027, 3, 4))),
        ("03/04", (date(2027, 4, 3), date(2027, 3, 4))),
        ("27-03-31", (date(2031, 3, 27), MARCH)),
        ("March 27", (date(2027, 3, 27), MARCH)),
        ("06/27", (date(2027, 6, 27), date(2027, 6, 30))),
        ("31 March 2027 or 30 June 2027", (MARCH, date(2027, 6, 30))),
        ("31 March 2027 (my contract ends on 30 June 2027)", (MARCH, date(2027, 6, 30))),
        ("31 March 2027, 2 years", (MARCH, date(2028, 11, 22))),
    ],
)
def test_what_can_mean_several_days_is_asked_back_with_all_of_them(text: str, readings: tuple[date, ...]) -> None:
    reading = read_date(text, RULES)
    assert reading.value is None
    assert reading.readings == readings
    for day in readings:
        assert day.isoformat() in reading.problem
        assert f"{day.day} {day:%B %Y}" in reading.problem


@pytest.mark.parametrize(
    "text", ["Saturday 03/04/2027", "03/04/2027 (3 April 2027)", "03/04/2027, samedi", "3 April 2027 = 03/04/2027"]
)
def test_a_weekday_or_a_second_form_settles_an_ambiguous_date(text: str) -> None:
    assert read_date(text, RULES).value == date(2027, 4, 3)


def test_the_site_says_which_reading_of_a_short_date_comes_first() -> None:
    american = replace(RULES, date_order="MDY")
    assert read_date("03/04/2027", american).readings == (date(2027, 3, 4), date(2027, 4, 3))
    assert read_date("12/31/2026", american).assumed == ""
    assert "day first" in read_date("31/12/2026", american).assumed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("31 February 2027", "there is no 31 February 2027, that month has 28 days"),
        ("31/02/2027", "there is no 31 February 2027"),
        ("29/02/2027", "there is no 29 February 2027"),
        ("31 April", "there is no 31 April"),
        ("2027-31-03", "there is no month 31"),
        ("00/00/2027", "there is no month 0"),
        ("Friday 31 March 2027", "31 March 2027 is a Wednesday, not a Friday"),
        ("jeudi 31/03/2027", "31 March 2027 is a Wednesday, not a Thursday"),
        ("from 31 March 2027", "when it starts, not when it ends"),
        ("early March 2027", '"early" with a month names no day'),
        ("the first week of March 2027", "names no day of that month"),
        ("the end of the 2027 season", '"season" leaves open'),
        ("not 31 March 2027", '"not" leaves open'),
        ("6 months after the start of the project", '"after" leaves open'),
        ("2 weeks before 5 December 2026", '"before" leaves open'),
        ("more than 1 year", '"than" leaves open'),
        ("2 months ago", '"ago" leaves open'),
        ("half a month", '"half" leaves open'),
        ("6-12 months", "not clear what 6 means"),
        ("a week or two", "not clear what two means"),
        ("5-10 March 2027", "not clear what 5 means"),
        ("31 March 10 GB", "not clear what 10 means"),
        ("2 years of my thesis remain, until October", "not clear what october means"),
        ("31 December of the coming year", "not clear what year means"),
        ("6 months and then 2 weeks", "more than one length of time"),
        ("999999 years", "longer than a century"),
        ("0 days", "not a period that starts today"),
        ("-3 months", "not a period that starts today"),
        ("unlimited", "every VM has an end date"),
        ("as long as possible", "every VM has an end date"),
        ("May", "no date could be read"),
        ("2027", "no date could be read"),
        ("8am", "no date could be read"),
        ("12:00", "no date could be read"),
        ("next year", "no date could be read"),
        ("Friday", "no date could be read"),
        ("when my contract ends", "no date could be read"),
        ("99999999999999999999", "no date could be read"),
        ("", "No date is given"),
        ("until 31 March 2027 " * 20, "too long"),
    ],
)
def test_what_names_no_day_is_asked_back_with_the_reason(text: str, words: str) -> None:
    reading = read_date(text, RULES)
    assert reading.value is None
    assert words in reading.problem


def test_the_example_in_a_problem_is_itself_a_date_that_would_be_accepted() -> None:
    problem = read_date("soon", RULES).problem
    assert problem.endswith("for example 2027-05-22 or 22 May 2027.")
    assert read_date("2027-05-22 or 22 May 2027", RULES).value == date(2027, 5, 22)


def test_today_is_the_day_at_the_site() -> None:
    late = replace(RULES, now=datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    assert read_date("today", late).value == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("31. März 2027", MARCH),
        ("bis zum 31. März 2027 (Ende)", MARCH),
        ("31 de marzo de 2027", MARCH),
        ("in 6 Monaten", date(2027, 5, 22)),
    ],
)
def test_another_configured_language_is_read(text: str, day: date) -> None:
    assert read_date(text, replace(RULES, languages=("en", "fr", "de", "es"))).value == day
    assert read_date(text, RULES).value is None


@pytest.mark.parametrize("text", ["8 Uhr", "2027", "März", "31.02.2027", "31. Februar 2027", "Ende", "x" * 80])
def test_another_language_makes_no_date_of_what_is_none(text: str) -> None:
    assert read_date(text, replace(RULES, languages=("en", "fr", "de"))).value is None


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("6 months", Period(6)), ("for 6 months", Period(6)), ("un an", Period(12)), ("18 mois", Period(18)),
        ("2 weeks more", Period(0, 14)), ("another 3 months please", Period(3)), ("1 year, 2 weeks", Period(12, 14)),
        ("2 ans et demi", Period(30)), ("one and a half years", Period(18)), ("10 jours", Period(0, 10)),
    ],
)  # fmt: skip
def test_a_length_of_time_alone_is_read(text: str, period: Period) -> None:
    assert read_period(text, RULES) == period


@pytest.mark.parametrize(
    "text", ["", "6", "months", "31 March 2027", "6 months ago", "6 to 12 months", "0 months", "6 months or so"]
)
def test_anything_but_one_length_of_time_is_none(text: str) -> None:
    assert read_period(text, RULES) is None


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        (date(2027, 1, 31), Period(1), date(2027, 2, 28)),
        (date(2027, 8, 31), Period(6), date(2028, 2, 29)),
        (date(2028, 2, 29), Period(12), date(2029, 2, 28)),
        (date(2026, 12, 31), Period(2, 1), date(2027, 3, 1)),
        (date(2026, 11, 22), Period(0, 14), date(2026, 12, 6)),
        (date(9999, 6, 1), Period(12), date.max),
        (date(9999, 12, 31), Period(0, 1), date.max),
    ],
)
def test_adding_a_period_keeps_to_the_ends_of_months_and_of_the_calendar(
    start: date, period: Period, end: date
) -> None:
    assert add_period(start, period) == end


def test_the_long_form_has_the_weekday_in_each_language() -> None:
    assert long_form(MARCH) == "Wednesday 31 March 2027"
    assert long_form(MARCH, "fr") == "mercredi 31 mars 2027"
    assert long_form(date(2027, 4, 1), "fr") == "jeudi 1er avril 2027"
    assert long_form(MARCH, "de") == "Mittwoch, 31. März 2027"
    assert long_form(MARCH, "no-such-language") == "Wednesday 31 March 2027"


def test_english_and_french_never_import_dateparser() -> None:
    code = (
        "import sys; from datetime import UTC, datetime; from parsers.dates import read_date;"
        "from parsers.values import ReadingRules;"
        "read_date('gibberish', ReadingRules(now=datetime(2026, 11, 22, tzinfo=UTC), timezone=UTC));"
        "sys.exit('dateparser' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
