"""Dates as people write them in a mail: a date, or the reason why it must be asked back.

English and French are read by our own grammar (`parsers.dates.grammar`); other configured languages go to
dateparser, imported only then.  The rules, held by `tests/unit/test_dates.py` and the properties:

- A text that names exactly one day has that day as value; words around it are allowed.
- What was supplied is said in `assumed`: a missing year (the next such day), a missing day (the month's
  last), a two-digit year (20xx), the middle of a month (its 15th), a period (counted from today).
- `03/04/2027` has two readings and is asked back; a weekday beside it decides.  `12/31/2026` at a site
  that writes the day first has one reading: it is taken, and said in `assumed`.
- A day that does not exist, a weekday that does not match, two different days, a start without an end,
  a number that belongs to nothing: each is a problem in words for the writer.
- Where a start and an end are named ("from 1 March 2027 to 31 May 2027"), the end counts.
- "Until the end of the year" is 31 December of the current year at the site.
- A remark in brackets gives the day where the words outside give none, and may not contradict them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from parsers.dates import words
from parsers.dates.found import Period, add_period
from parsers.dates.grammar import Sentence, Verdict, plain, scan
from parsers.dates.tokens import Setting, Tokens, without_brackets
from parsers.text.folding import fold
from parsers.translatable import NOTHING, Translatable, as_one, say
from parsers.values import ReadingRules

LONGEST_TEXT = 300
_SHOWN = 60
_AROUND_A_PERIOD = frozenset(
    {
        *("for", "in", "another", "more", "other", "further", "of", "the", "about", "additional", "extra", "please"),
        *(
            "dans",
            "pendant",
            "pour",
            "de",
            "d",
            "encore",
            "environ",
            "supplementaire",
            "supplementaires",
            "plus",
            "svp",
        ),
        *("'", ".", ",", "!", "-"),
    }
)


@dataclass(frozen=True, slots=True)
class DateReading:
    """What a text says as a date.

    `value` is the day, or None; then `problem` says why, in a sentence for the writer, and `readings`
    holds the days it could mean, if it could mean several.  `assumed` says what was supplied.
    """

    value: date | None = None
    readings: tuple[date, ...] = ()
    problem: Translatable = NOTHING
    assumed: Translatable = NOTHING


def read_date(text: str, rules: ReadingRules) -> DateReading:
    """The day that a text names, read against `rules.now` at the site's time zone.  Never raises."""
    text = text.strip()
    if not text:
        return DateReading(problem=say("No date is given."))
    if len(text) > LONGEST_TEXT:
        return DateReading(problem=say("The text is too long to be a date; please write only the date."))
    setting = Setting(rules.now.astimezone(rules.timezone).date(), rules.date_order)
    bracketed = without_brackets(fold(text))
    outside = Sentence.read(bracketed.outside, setting)
    verdict = outside.verdict()
    if bracketed.inside:
        verdict = _with_remark(outside, verdict, Sentence.read(bracketed.inside, setting))
    if verdict.value is not None:
        return DateReading(verdict.value, assumed=verdict.assumed)
    if outside.is_bare and not verdict.readings:
        other = _in_other_languages(text, rules)
        if other is not None:
            return other
    return _asked_back(text, verdict, setting)


def read_period(text: str, rules: ReadingRules) -> Period | None:
    """A length of time and nothing else ("for 6 months", "un an", "2 weeks more"), or None.  Never raises."""
    if len(text) > LONGEST_TEXT:
        return None
    tokens = Tokens.of(fold(text), Setting(rules.now.astimezone(rules.timezone).date(), rules.date_order))
    found, left = scan(tokens)
    if len(found) != 1 or found[0].period in {None, Period()}:
        return None
    return found[0].period if all(tokens.at(i) in _AROUND_A_PERIOD for i in left) else None


def long_form(day: date, language: str = "en") -> str:
    """The day in words with its weekday: `Wednesday 31 March 2027`, `jeudi 1er avril 2027`.

    An unknown language gives English.
    """
    months, weekdays = words.MONTH_NAMES.get(language), words.WEEKDAY_NAMES.get(language)
    if months is None or weekdays is None:
        from parsers.dates.languages import long_form_in  # noqa: PLC0415 - slow to import, rarely needed

        return long_form_in(day, language) or long_form(day)
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{weekdays[day.weekday()]} {number} {months[day.month - 1]} {day.year}"


def _with_remark(outside: Sentence, verdict: Verdict, remark: Sentence) -> Verdict:
    """A remark in brackets may give the day that the words do not, and may not contradict the day that they give."""
    said = remark.verdict()
    if outside.is_bare:
        return verdict if remark.is_bare or outside.has_numbers else said
    if verdict.readings and said.value in verdict.readings:
        return Verdict(said.value, assumed=said.assumed)
    if verdict.value and said.value and remark.names_a_year and said.value != verdict.value:
        return Verdict(readings=(verdict.value, said.value))
    return verdict


def _asked_back(text: str, verdict: Verdict, setting: Setting) -> DateReading:
    """The problem in words; with an example half a year ahead, so that the example could be used as it is."""
    if verdict.readings:
        shown = verdict.readings[:4]
        many = say("{words} can mean {meanings}. Please write {written}.", words=_quoted(text))
        meanings, written = _either([plain(day) for day in shown]), _either([day.isoformat() for day in shown])
        return DateReading(readings=verdict.readings, problem=many.given(meanings=meanings, written=written))
    example = add_period(setting.today, Period(months=6))
    why = say("{words}: {why}.", words=_quoted(text), why=verdict.why)
    ask = say("Please write the day in full, for example {date} or {day}.", date=str(example), day=plain(example))
    return DateReading(problem=as_one(why, ask))


def _either(choices: Sequence[str]) -> Translatable:
    """`a or b or c`."""
    either = Translatable(choices[0])
    if isinstance(choices[0], Translatable):
        either = choices[0]
    for one in choices[1:]:
        either = say("{one} or {other}", one=either, other=one)
    return either


def _quoted(text: str) -> str:
    shown = " ".join(text.split())
    return f'"{shown[:_SHOWN]}…"' if len(shown) > _SHOWN else f'"{shown}"'


def _in_other_languages(text: str, rules: ReadingRules) -> DateReading | None:
    others = tuple(language for language in rules.languages if language not in words.MONTH_NAMES)
    if not others:
        return None
    from parsers.dates.languages import read_in  # noqa: PLC0415 - slow to import, rarely needed

    found = read_in(text, others, rules)
    return DateReading(found[0], assumed=found[1]) if found else None
