"""Dates: no text raises, every supported form reads back, and a reading never silently differs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from parsers.dates import Period, add_period, long_form, read_date, read_period
from parsers.dates.reading import LONGEST_TEXT
from parsers.dates.words import MONTH_NAMES, WEEKDAY_NAMES
from parsers.values import ReadingRules

RULES = ReadingRules(now=datetime(2026, 11, 22, 11, tzinfo=UTC), timezone=ZoneInfo("Europe/Paris"))
AMERICAN = ReadingRules(now=RULES.now, timezone=RULES.timezone, date_order="MDY")
TODAY = date(2026, 11, 22)

days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
coming_days = st.dates(TODAY, TODAY + timedelta(days=800))
words_of_dates = st.sampled_from(
    [
        *(
            "end",
            "of",
            "fin",
            "mid",
            "the",
            "le",
            "de",
            "until",
            "jusqu'au",
            "from",
            "to",
            "au",
            "or",
            "and",
            "in",
            "dans",
        ),
        *(
            "March",
            "mars",
            "may",
            "sept",
            "Friday",
            "mercredi",
            "2027",
            "31",
            "3",
            "03/04/2027",
            "2027-03-31",
            "1er",
            "31st",
        ),
        *(
            "months",
            "ans",
            "year",
            "half",
            "a",
            "un",
            "six",
            "next",
            "today",
            "not",
            "(",
            ")",
            "-",
            "/",
            ".",
            ",",
            "'",
            ":",
        ),
    ]
)


def _written(day: date) -> list[str]:
    """The complete forms that name a day without question."""
    english, french = MONTH_NAMES["en"][day.month - 1], MONTH_NAMES["fr"][day.month - 1]
    weekday, jour = WEEKDAY_NAMES["en"][day.weekday()], WEEKDAY_NAMES["fr"][day.weekday()]
    return [
        day.isoformat(),
        f"{day:%Y/%m/%d}",
        f"{day:%Y%m%d}",
        f"{day.isoformat()}T12:00:00Z",
        f"{day.day} {english} {day.year}",
        f"{day.day}th of {english}, {day.year}",
        f"{english} {day.day}, {day.year}",
        f"{day.day}-{english[:3]}-{day.year}",
        f"{weekday}, {english} {day.day} {day.year}",
        f"{day.day} {french} {day.year}",
        f"jusqu'au {jour} {day.day} {french} {day.year} (fin de stage)",
        f"until {day.day:02d} {english} {day.year} at the latest",
        long_form(day),
        long_form(day, "fr"),
    ]


@given(st.text(max_size=400))
def test_any_text_is_a_date_or_a_problem_in_words(text: str) -> None:
    for rules in (RULES, AMERICAN):
        reading = read_date(text, rules)
        assert (reading.value is None) == bool(reading.problem)
        assert len(reading.problem) < 400
        read_period(text, rules)


@given(st.lists(words_of_dates, max_size=12))
def test_any_words_of_dates_are_a_date_or_a_problem_in_words(words: list[str]) -> None:
    text = " ".join(words)
    reading = read_date(text, RULES)
    assert (reading.value is None) == bool(reading.problem)
    assert reading.value not in reading.readings


@given(days)
def test_every_complete_form_reads_back_and_assumes_nothing(day: date) -> None:
    for text in _written(day):
        reading = read_date(text, RULES)
        assert (text, reading.value, reading.assumed) == (text, day, "")


@given(days, st.sampled_from("/.-"), st.sampled_from([RULES, AMERICAN]))
def test_a_short_date_is_the_day_or_asked_back_with_the_day_among_its_readings(
    day: date, mark: str, rules: ReadingRules
) -> None:
    written = (day.day, day.month) if rules.date_order == "DMY" else (day.month, day.day)
    reading = read_date(f"{written[0]:02d}{mark}{written[1]:02d}{mark}{day.year}", rules)
    assert day in (reading.value, *reading.readings)
    certain = mark == "." and rules.date_order == "DMY"
    assert (reading.value is None) == (day.day <= 12 and day.day != day.month and not certain)
    assert reading.assumed == ""


@given(days)
def test_a_date_in_the_other_order_is_never_flipped_in_silence(day: date) -> None:
    reading = read_date(f"{day.month}/{day.day}/{day.year}", RULES)
    if reading.value is not None and day.day != day.month:
        assert reading.value == day
        assert "month first" in reading.assumed


@given(coming_days)
def test_a_missing_year_is_supplied_and_said(day: date) -> None:
    reading = read_date(f"{day.day} {MONTH_NAMES['en'][day.month - 1]}", RULES)
    assert reading.value is not None
    assert reading.value >= TODAY
    assert (reading.value.day, reading.value.month) == (day.day, day.month)
    assert str(reading.value.year) in reading.assumed


@given(days, st.integers(min_value=1, max_value=6))
def test_a_wrong_weekday_is_always_noticed(day: date, shift: int) -> None:
    wrong = WEEKDAY_NAMES["en"][(day.weekday() + shift) % 7]
    for text in (f"{wrong} {day.isoformat()}", f"{wrong}, {day.day} {MONTH_NAMES['en'][day.month - 1]} {day.year}"):
        reading = read_date(text, RULES)
        assert reading.value is None
        assert wrong in reading.problem


@given(days)
def test_a_weekday_settles_a_short_date_unless_both_readings_fall_on_it(day: date) -> None:
    reading = read_date(f"{WEEKDAY_NAMES['en'][day.weekday()]} {day:%d/%m/%Y}", RULES)
    assert day in (reading.value, *reading.readings)
    assert all(one.weekday() == day.weekday() for one in reading.readings)


@given(days, days)
def test_two_different_days_are_asked_back(one: date, other: date) -> None:
    reading = read_date(f"{one.isoformat()} or {other.isoformat()}", RULES)
    assert reading.value == (one if one == other else None)
    assert reading.readings == (() if one == other else (one, other))


@given(st.integers(min_value=1, max_value=40), st.sampled_from(["day", "week", "month", "year"]))
def test_a_length_of_time_reads_back(count: int, unit: str) -> None:
    text = f"{count} {unit}s"
    period = read_period(text, RULES)
    assert period is not None
    assert read_date(f"in {text}", RULES).value == add_period(TODAY, period)
    assert (period.days > 0) == (unit in {"day", "week"})


@given(st.dates(), st.integers(min_value=0, max_value=2000), st.integers(min_value=0, max_value=40_000))
def test_adding_a_period_never_goes_back_and_never_leaves_the_month(start: date, months: int, days_more: int) -> None:
    end = add_period(start, Period(months, days_more))
    assert end >= start
    by_months = add_period(start, Period(months))
    assert by_months == date.max or (by_months.year * 12 + by_months.month) - (start.year * 12 + start.month) == months


@given(days, st.integers(min_value=0, max_value=999), st.sampled_from(["before", "behind"]))
def test_a_number_that_belongs_to_nothing_is_asked_back(day: date, number: int, where: str) -> None:
    written = f"{day.day} {MONTH_NAMES['en'][day.month - 1]} {day.year}"
    reading = read_date(f"{number} and {written}" if where == "before" else f"{written} and {number}", RULES)
    assert reading.value is None


@given(st.sampled_from(["1 ", "a ", "31/", "March ", "(", "end of ", "2027-", "- ", "'"]))
def test_the_longest_text_of_one_kind_is_read(piece: str) -> None:
    reading = read_date((piece * LONGEST_TEXT)[:LONGEST_TEXT], RULES)
    assert reading.value is None
