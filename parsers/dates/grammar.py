"""The hand-written grammar of dates in English and French: finds every date and period, and weighs them.

`scan` walks once over the tokens; at each place the matchers are tried in a fixed order and the first
that fits takes its tokens.  A matcher looks at a bounded number of tokens, so the time is linear.
`Sentence.verdict` then says which one day the words name, or why they name none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from parsers.dates import words
from parsers.dates.found import Found, Period, add_period, month_name
from parsers.dates.numeric import iso, month_and_year, short, time_of_day
from parsers.dates.periods import period
from parsers.dates.phrases import day_first, end_of, middle_of, month_first, today, vague
from parsers.dates.tokens import Setting, Tokens
from parsers.translatable import NOTHING, Translatable, say

_MATCHERS: tuple[Callable[[Tokens, int], Found | None], ...] = (
    iso, time_of_day, short, month_and_year, period, day_first, month_first, end_of, middle_of, vague, today,
)  # fmt: skip
_BEFORE_A_DAY = words.ARTICLES | words.OF | {",", "'", ":", "day"}
_BESIDE = frozenset({",", ".", "the", "le", "-"})
# A period further than this from the date beside it contradicts it.
_TOLERANCE_DAYS = 45


def scan(tokens: Tokens) -> tuple[list[Found], list[int]]:
    """Every date and period in order, and the places of the tokens that belong to none."""
    found: list[Found] = []
    left: list[int] = []
    at = 0
    while at < len(tokens):
        hit = next((hit for matcher in _MATCHERS if (hit := matcher(tokens, at))), None)
        if hit is None:
            left.append(at)
            at += 1
            continue
        found.append(hit)
        at = hit.end
    return found, left


@dataclass(frozen=True, slots=True)
class Verdict:
    """One day with what was assumed; or several `readings`; or `why` there is none, as half a sentence."""

    value: date | None = None
    readings: tuple[date, ...] = ()
    why: Translatable = NOTHING
    assumed: Translatable = NOTHING


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of text, scanned: what was found in it, and the places of the tokens that belong to nothing."""

    tokens: Tokens
    found: tuple[Found, ...]
    left: tuple[int, ...]

    @classmethod
    def read(cls, folded: str, setting: Setting) -> Sentence:
        """Scan a folded text, and hold each date against a weekday beside it."""
        tokens = Tokens.of(folded, setting)
        found, left = scan(tokens)
        meaningful = tuple(_checked(one, tokens) for one in found if one.days or one.period or one.problem)
        return cls(tokens, meaningful, tuple(left))

    @property
    def is_bare(self) -> bool:
        """Nothing was found in it."""
        return not self.found

    @property
    def has_numbers(self) -> bool:
        """There are digits in it."""
        return any(token[:1].isdigit() for token in self.tokens.items)

    @property
    def names_a_year(self) -> bool:
        """A complete date was found in it."""
        return any(one.explicit and one.days for one in self.found)

    def verdict(self) -> Verdict:
        """The one day that these words name, or why they name none."""
        if not self.found:
            endless = any(self.tokens.at(i) in words.ENDLESS_WORDS for i in self.left)
            no_end = say("it names no day, and every VM has an end date")
            return Verdict(why=no_end if endless else say("no date could be read in it"))
        why = (
            next((one.problem for one in self.found if one.problem), NOTHING) or self._unexplained() or self._negation()
        )
        if why:
            return Verdict(why=why)
        starts = self._starts()
        ends = [one for one in self.found if one.days and one not in starts]
        periods = [one for one in self.found if one.period]
        if len(periods) > 1:
            return Verdict(why=say("it names more than one length of time"))
        if ends:
            return self._of_ends(ends, periods)
        if periods:
            return self._of_period(periods[0], starts)
        return Verdict(why=say("it says when it starts, not when it ends"))

    def _unexplained(self) -> Translatable:
        """A number, a month without a day, or a year without a number, that belongs to none of the dates found."""
        stray = words.STRAY_NUMBERS | words.STRAY_MONTHS | (frozenset() if self.names_a_year else words.STRAY_YEARS)
        for i in self.left:
            token = self.tokens.at(i)
            if token[:1].isdigit() or token in stray:
                return say("it is not clear what {word} means", word=token[:20])
        return NOTHING

    def _negation(self) -> Translatable:
        for i in self.left:
            if self.tokens.at(i) in words.NEGATIONS and self.tokens.at(i + 1) not in words.NEGATED_LIMITS:
                return say('the word "{word}" leaves open what is meant', word=self.tokens.at(i))
        return NOTHING

    def _starts(self) -> list[Found]:
        """The dates at which something starts: after "from", or before "to" and another, later date."""
        dated = [one for one in self.found if one.days]
        starts = [one for one in dated if self._is_after_a_start_word(one)]
        if len(dated) == 2 and not starts and len({*dated[0].days, *dated[1].days}) == 2:
            between = self.tokens.items[dated[0].end : dated[1].start]
            if (
                set(between) <= words.RANGE_WORDS
                and set(between) & words.RANGE_NEEDED
                and dated[0].days < dated[1].days
            ):
                return dated[:1]
        return starts

    def _is_after_a_start_word(self, one: Found) -> bool:
        at = one.start - 1
        for _ in range(4):
            if self.tokens.at(at) not in _BEFORE_A_DAY and self.tokens.at(at) not in words.WEEKDAYS:
                break
            at -= 1
        return self.tokens.at(at) in words.START_WORDS and self.tokens.at(at - 1) not in words.NEGATIONS

    def _of_ends(self, ends: list[Found], periods: list[Found]) -> Verdict:
        clear = dict.fromkeys(one.days[0] for one in ends if len(one.days) == 1)
        ambiguous = [one for one in ends if len(one.days) > 1]
        if not clear:
            shared = tuple(day for day in ambiguous[0].days if all(day in one.days for one in ambiguous))
            return Verdict(shared[0]) if len(shared) == 1 else Verdict(readings=shared or ambiguous[0].days)
        value = next(iter(clear))
        if len(clear) > 1 or any(value not in one.days for one in ambiguous):
            return Verdict(readings=tuple(dict.fromkeys(day for one in ends for day in one.days)))
        counted = [add_period(self.tokens.setting.today, one.period) for one in periods if one.period]
        if counted and not self._is_maximum(periods[0]):
            if odd := self._not_from_today():
                return Verdict(why=say('the word "{word}" leaves open which day is meant', word=odd))
            if abs((counted[0] - value).days) > _TOLERANCE_DAYS:
                return Verdict(readings=(value, counted[0]))
        # A date written twice was assumed nothing where one of the two was complete.
        remarks = [one.assumed for one in ends if one.days == (value,)]
        return Verdict(value, assumed=NOTHING if NOTHING in remarks else remarks[0])

    def _not_from_today(self) -> str:
        return next((self.tokens.at(i) for i in self.left if self.tokens.at(i) in words.NOT_FROM_TODAY), "")

    def _is_maximum(self, one: Found) -> bool:
        beside = {self.tokens.at(i) for i in (one.start - 2, one.start - 1, one.end, one.end + 1)}
        return bool(beside & words.MAXIMUM_WORDS)

    def _of_period(self, one: Found, starts: list[Found]) -> Verdict:
        odd = self._not_from_today()
        if odd and not starts:
            return Verdict(why=say('the word "{word}" leaves open from which day to count', word=odd))
        clear_start = len(starts) == 1 and len(starts[0].days) == 1 and not starts[0].whole_month
        if one.period == Period() or self.tokens.at(one.start - 1) == "-":
            return Verdict(why=say("it is not a period that starts today"))
        if one.period is None or (starts and not clear_start):
            return Verdict(why=say("it does not say from which day to count"))
        start = starts[0].days[0] if starts else self.tokens.setting.today
        return Verdict(add_period(start, one.period), assumed=say("counted from {day}", day=plain(start)))


def plain(day: date) -> Translatable:
    """31 March 2027, for sentences."""
    return say("{day} {month} {year}", day=day.day, month=month_name(day.month), year=day.year)


_WEEKDAYS = (
    *(say("Monday"), say("Tuesday"), say("Wednesday"), say("Thursday"), say("Friday"), say("Saturday"), say("Sunday")),
)


def _checked(one: Found, tokens: Tokens) -> Found:
    """The finding, held against a weekday written beside it; a weekday may also settle an ambiguous date."""
    weekday = _weekday_beside(one, tokens)
    if weekday is None or not one.days:
        return one
    fitting = tuple(day for day in one.days if day.weekday() == weekday)
    if fitting:
        return replace(one, days=fitting)
    is_another = say("{day} is a {weekday}, not a {written}", day=plain(one.days[0]), written=_WEEKDAYS[weekday])
    return replace(one, days=(), problem=is_another.given(weekday=_WEEKDAYS[one.days[0].weekday()]))


def _weekday_beside(one: Found, tokens: Tokens) -> int | None:
    before = one.start - 1
    for _ in range(3):
        if tokens.at(before) not in _BESIDE:
            break
        before -= 1
    if tokens.at(before) in words.WEEKDAYS:
        return words.WEEKDAYS[tokens.at(before)]
    return words.WEEKDAYS.get(tokens.at(tokens.skip(one.end, _BESIDE)))
