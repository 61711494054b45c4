"""Dates as people write them in a mail: a date, or the reason why it must be asked back.  Nothing is guessed silently.

English and French are read by our own grammar (`date_grammar`); other configured languages go to
dateparser, imported only then.  The rules, which the fixtures and properties hold:

- A text that names exactly one day has that day as value; words around it are allowed.
- What was supplied is said in `assumed`: a missing year (the next such day), a missing day (the month's
  last), a two-digit year (20xx), the middle of a month (its 15th), a period (counted from today).
- `03/04/2027` has two readings and is asked back; a weekday beside it decides.  `12/31/2026` at a site
  that writes the day first has one reading: it is taken, and said in `assumed`.
- A day that does not exist, a weekday that does not match, two different days, a start without an end,
  a number that belongs to nothing: each is a problem in words for the writer.
- Where a start and an end are named ("from 1 March 2027 to 31 May 2027"), the end counts.
- "Until the end of the year" is 31 December of the current year at the site.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from parsers import date_words as words
from parsers.date_grammar import Found, Period, Setting, Tokens, add_period, scan
from parsers.date_tokens import fold, tokens_of, without_brackets
from parsers.values import ReadingRules

__all__ = ["DateReading", "Period", "add_period", "long_form", "read_date", "read_period"]

LONGEST_TEXT = 300
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class DateReading:
    """What a text says as a date.

    `value` is the day, or None; then `problem` says why, in a sentence for the writer, and `readings`
    holds the days it could mean, if it could mean several.  `assumed` says what was supplied.
    """

    value: date | None = None
    readings: tuple[date, ...] = ()
    problem: str = ""
    assumed: str = ""


def read_date(text: str, rules: ReadingRules) -> DateReading:
    """The day that a text names, read against `rules.now` at the site's time zone.  Never raises."""
    text = text.strip()
    if not text:
        return DateReading(problem="No date is given.")
    if len(text) > LONGEST_TEXT:
        return DateReading(problem="The text is too long to be a date; please write only the date.")
    setting = Setting(rules.now.astimezone(rules.timezone).date(), rules.date_order)
    bracketed = without_brackets(fold(text))
    outside = _Sentence.read(bracketed.outside, setting)
    reading = outside.reading(text)
    if bracketed.inside:
        reading = _with_remark(text, outside, reading, _Sentence.read(bracketed.inside, setting))
    if reading.value is None and not reading.readings and outside.is_bare:
        return _in_other_languages(text, rules) or reading
    return reading


def read_period(text: str, rules: ReadingRules) -> Period | None:
    """A length of time and nothing else ("for 6 months", "un an", "2 weeks more"), or None.  Never raises."""
    if len(text) > LONGEST_TEXT:
        return None
    tokens = Tokens(tokens_of(fold(text)))
    found, left = scan(tokens, Setting(rules.now.date(), rules.date_order))
    if len(found) != 1 or found[0].period in {None, Period()}:
        return None
    return found[0].period if all(tokens.at(i) in _AROUND_A_PERIOD for i in left) else None


def long_form(day: date, language: str = "en") -> str:
    """The day in words with its weekday: `Wednesday 31 March 2027`, `jeudi 1er avril 2027`."""
    months, weekdays = words.MONTH_NAMES.get(language), words.WEEKDAY_NAMES.get(language)
    if months is None or weekdays is None:
        return _long_form_by_babel(day, language)
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{weekdays[day.weekday()]} {number} {months[day.month - 1]} {day.year:04d}"


_AROUND_A_PERIOD = frozenset(
    "for in dans pendant pour de d ' encore another more other further of the about environ supplementaire supplementaires"
    " additional extra plus please svp . , ! -".split()
)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A piece of text, scanned: what was found in it, and the indices of the tokens that belong to nothing."""

    tokens: Tokens
    found: tuple[Found, ...]
    left: tuple[int, ...]
    setting: Setting

    @classmethod
    def read(cls, folded: str, setting: Setting) -> _Sentence:
        tokens = Tokens(tokens_of(folded))
        found, left = scan(tokens, setting)
        meaningful = tuple(_checked(one, tokens) for one in found if one.days or one.period or one.problem)
        return cls(tokens, meaningful, tuple(left), setting)

    @property
    def is_bare(self) -> bool:
        """Nothing of ours was found in it."""
        return not self.found

    def reading(self, text: str) -> DateReading:
        """The one day that this piece names, or why it names none."""
        for one in self.found:
            if one.problem:
                return DateReading(problem=_sentence(f"{_quoted(text)}: {one.problem}", self.setting))
        if not self.found:
            return DateReading(problem=self._nothing_found(text))
        stray = next((self.tokens.at(i) for i in self.left if self.tokens.at(i)[:1].isdigit()), None)
        if stray is not None:
            why = f"{_quoted(text)}: it is not clear what the number {stray[:_SHOWN]} means"
            return DateReading(problem=_sentence(why, self.setting))
        return self._combined(text)

    def _nothing_found(self, text: str) -> str:
        if any(self.tokens.at(i) in words.ENDLESS_WORDS for i in self.left):
            return _sentence(f"{_quoted(text)} names no day, and every VM has an end date", self.setting)
        return _sentence(f"{_quoted(text)} is not a date that could be read", self.setting)

    def _combined(self, text: str) -> DateReading:
        starts = [one for one in self.found if one.days and self._is_start(one)]
        ends = [one for one in self.found if one.days and one not in starts]
        periods = [one for one in self.found if one.period]
        negated = self._negation()
        if negated:
            return DateReading(
                problem=_sentence(f'{_quoted(text)}: the word "{negated}" makes it unclear', self.setting)
            )
        if len(periods) > 1:
            return DateReading(problem=_sentence(f"{_quoted(text)} names more than one length of time", self.setting))
        if ends:
            return self._of_ends(text, ends, periods)
        if periods:
            return self._of_period(text, periods[0], starts)
        return DateReading(problem=_sentence(f"{_quoted(text)} says when it starts, not when it ends", self.setting))

    def _of_ends(self, text: str, ends: list[Found], periods: list[Found]) -> DateReading:
        clear = dict.fromkeys(one.days[0] for one in ends if len(one.days) == 1)
        vague = [one for one in ends if len(one.days) > 1]
        if not clear:
            shared = [day for day in vague[0].days if all(day in one.days for one in vague)]
            return _ambiguous(text, tuple(shared or vague[0].days), self.setting)
        value = next(iter(clear))
        if len(clear) > 1 or any(value not in one.days for one in vague):
            every = dict.fromkeys(day for one in ends for day in one.days)
            return _ambiguous(text, tuple(every), self.setting)
        if periods and periods[0].period:
            counted = add_period(self.setting.today, periods[0].period)
            if abs((counted - value).days) > 45:
                return _ambiguous(text, (value, counted), self.setting)
        assumed = next((one.assumed for one in ends if one.days == (value,) and not one.assumed), None)
        return DateReading(
            value, assumed=next(one.assumed for one in ends if len(one.days) == 1) if assumed is None else ""
        )

    def _of_period(self, text: str, one: Found, starts: list[Found]) -> DateReading:
        odd = next((self.tokens.at(i) for i in self.left if self.tokens.at(i) in words.NOT_FROM_TODAY), None)
        if odd and not starts:
            why = f'{_quoted(text)}: the word "{odd}" leaves open from which day to count'
            return DateReading(problem=_sentence(why, self.setting))
        if len(starts) > 1 or any(len(start.days) > 1 for start in starts) or one.period is None:
            return DateReading(problem=_sentence(f"{_quoted(text)}: from which day?", self.setting))
        start = starts[0].days[0] if starts else self.setting.today
        return DateReading(add_period(start, one.period), assumed=f"counted from {long_form(start)}")

    def _is_start(self, one: Found) -> bool:
        """Whether a word like "from" or "à partir du" stands right before it."""
        at = one.start - 1
        while at >= max(0, one.start - 5) and (
            self.tokens.at(at) in _BEFORE_A_DAY or self.tokens.at(at) in words.WEEKDAYS
        ):
            at -= 1
        return self.tokens.at(at) in words.START_WORDS and self.tokens.at(at - 1) not in words.NEGATIONS

    def _negation(self) -> str:
        for i in self.left:
            if self.tokens.at(i) in words.NEGATIONS and self.tokens.at(i + 1) not in words.NEGATED_LIMITS:
                if self.tokens.at(i) != "t" or self.tokens.at(i - 1) == "'":
                    return self.tokens.at(i)
        return ""


_BEFORE_A_DAY = words.ARTICLES | words.OF | {",", "'", ":", "day"}


def _checked(one: Found, tokens: Tokens) -> Found:
    """The finding, held against a weekday written beside it."""
    weekday = _weekday_beside(one, tokens)
    if weekday is None or not one.days:
        return one
    fitting = tuple(day for day in one.days if day.weekday() == weekday)
    if fitting:
        return replace(one, days=fitting)
    said = words.WEEKDAY_NAMES["en"][weekday]
    return replace(
        one, days=(), problem=f"{_plain(one.days[0])} is a {long_form(one.days[0]).split()[0]}, not a {said}"
    )


def _weekday_beside(one: Found, tokens: Tokens) -> int | None:
    before = one.start - 1
    while before >= max(0, one.start - 3) and tokens.at(before) in _BESIDE:
        before -= 1
    if tokens.at(before) in words.WEEKDAYS:
        return words.WEEKDAYS[tokens.at(before)]
    after = tokens.skip(one.end, _BESIDE)
    return words.WEEKDAYS.get(tokens.at(after))


_BESIDE = frozenset({",", ".", "the", "le", "-"})


def _with_remark(text: str, outside: _Sentence, reading: DateReading, remark: _Sentence) -> DateReading:
    """A remark in brackets may give the day that the words do not, and may not contradict the day that they give."""
    said = remark.reading(text)
    if outside.is_bare:
        return said if not remark.is_bare else reading
    if reading.readings and said.value in reading.readings:
        return DateReading(said.value, assumed=said.assumed)
    explicit = any(one.explicit and one.days for one in remark.found)
    if reading.value and said.value and explicit and said.value != reading.value:
        return _ambiguous(text, (reading.value, said.value), outside.setting)
    return reading


def _ambiguous(text: str, days: tuple[date, ...], setting: Setting) -> DateReading:
    if len(days) == 1:
        return DateReading(days[0])
    shown = days[:4]
    meanings = " or ".join(_plain(day) for day in shown)
    written = " or ".join(day.isoformat() for day in shown)
    return DateReading(readings=days, problem=f"{_quoted(text)} can mean {meanings}. Please write {written}.")


def _sentence(why: str, setting: Setting) -> str:
    """A complaint with an example half a year ahead, so that the example could be used."""
    example = add_period(setting.today, Period(months=6))
    return f"{why}. Please write the day in full, for example {example.isoformat()} or {_plain(example)}."


def _plain(day: date) -> str:
    return f"{day.day} {words.MONTH_NAMES['en'][day.month - 1]} {day.year}"


def _quoted(text: str) -> str:
    shown = " ".join(text.split())
    return f'"{shown[:_SHOWN]}…"' if len(shown) > _SHOWN else f'"{shown}"'


def _in_other_languages(text: str, rules: ReadingRules) -> DateReading | None:
    others = tuple(language for language in rules.languages if language not in words.MONTH_NAMES)
    if not others:
        return None
    from parsers.date_languages import read_in  # dateparser takes long to import

    return read_in(text, others, rules)


def _long_form_by_babel(day: date, language: str) -> str:
    from babel.core import UnknownLocaleError
    from babel.dates import format_date

    try:
        return format_date(day, "EEEE d MMMM y", locale=language)
    except (UnknownLocaleError, ValueError):
        return long_form(day)
