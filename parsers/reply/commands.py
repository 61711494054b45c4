"""The closed grammar of replies: one whole line is one command, or it is nothing (law 4 of the design).

What is not clearly one known command changes nothing.  `parsers.reply.document` writes
docs/commands.md from the same tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from parsers.dates import Period, read_period
from parsers.reply import reasons
from parsers.reply.grammar import Grammar, grammar
from parsers.reply.language import Forms
from parsers.reply.reasons import EDGES, no_word_goes_on, starts_with_word
from parsers.reply.rest import EXPLAINED, refuses_by_sign, standing_against
from parsers.reply.words import DISK, PERIOD, REASON, RULES, UNTIL, WHY, Rule
from parsers.text.banners import without_banners
from parsers.text.endings import is_name
from parsers.text.folding import fold, phrases
from parsers.text.languages import language_of
from parsers.text.openings import is_greeting
from parsers.translatable import NOTHING, Translatable, as_one, say
from parsers.values import Command, ReadingRules, Unclear, Verb

_MAX_LINE = 400
_MAX_DATE = 60
_SHORT_WORD = 3
_NEGATIVE = re.compile(r"-\d")
_HEDGES = frozenset(
    phrases(
        "or | maybe | perhaps | about | around | roughly | if | unless | but | not | except | peut-etre | environ | ou | vers | si | sauf"
        "| mais | pas | only | seulement"
    )
)
#: Marks, bullets, emphasis and pictographs that clients and people put around words.
_DECORATION = re.compile(r"[*_`~\"'“”‘’‚„«»‹›「」『』《》•·●▪→⇒\U0001F300-\U0001FAFF\u2600-\u27BF\uFE0F\u200D]+")
_EDGES_BUT_BRACKETS = EDGES.replace("(", "").replace(")", "")
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_DASH = re.compile("[\u2013\u2014\u2015]")
_SMILEY = re.compile(r"(?<!\S)[:;=8xX][-o]?[)(DPp\]|/](?!\S)|(?<!\S)\^\^(?!\S)|<3(?!\S)")
_SIGNED = re.compile(r"[\s,.!]{0,3}(?:[-–—]{1,3}[ -]{0,3}|[/,(])\s{0,3}(?:[A-ZÀ-Þ][\w'’.-]{1,20} ?){1,3}\)?")
_LISTED_FIRST = re.compile(r"\(?\d{1,2}[.)]\s+|[-=]{1,2}>\s*")
_SEGMENT = re.compile(r"([^,:;.!?]{2,40})[,:!] {0,3}(?=\w)")
_NAME_AFTER_THANKS = re.compile(r"(?i:\b(thanks|thank you|thx|cheers|merci)),? [A-ZÀ-Þ][\w'-]{1,20}$")
_LONGEST_FORM = 48
_FIRST_SENTENCE = re.compile(r"([^.!?]{2,120}[.!]) +(\S.*)")
_FIRST_CLAUSE = re.compile(r"([^,.!?]{2,60}), *(\S.*)")
_BEFORE_A_SENTENCE = frozenset(Verb) - {Verb.DENY}
#: Who gives something back says why in the same sentence: "release, I do not need it any more".
_BEFORE_A_CLAUSE = frozenset({Verb.RELEASE, Verb.WITHDRAW})
_PLEASE = re.compile(r"(?:please|svp|s'il (?:vous|te) plait|bitte|por favor|per favore)[ ,]+")
#: "If you shorten it, I will approve it", behind a denial, is what is said of another request.
_SENTENCES = re.compile(r"(?<=[.!;]) ")
_MAY = re.compile(r"\b(?:will|would|can|could|may|might|shall)\b|'ll\b|'d\b|\b(?:able|happy|glad) to\b")
#: "Your supervisor did not approve": a no.
_NOT_YES = re.compile(
    r"(?:(?<!why )\bnot|\bnever|n't|\bpas)(?: (?:yet|been|be|encore|ete))? (?:approve|accept|grant|approuve|accepte)\w*"
)
_GIVEN = re.compile(r"\b(?:if|when|once|after|as soon as|with|without|less|smaller|shorter|\d{1,6}) ?(?:gb|gib)?\b")
_LINK = re.compile(r"https?://\S{1,300}")
#: The line of a letter that shows its code, which a link of the letter or a client puts into the answer: never words of the writer.
_CODE_LINE = re.compile(r"(?i)^\s*[\[(]?[^,]{1,60}, code [0-9]{1,12}-[a-z2-7]{4}-[a-z2-7]{4}[\])]?\.?\s*$")
#: The machine that a command may name: `alice-vm`, `alice-vm.nancy.testbed.example`.
_MACHINE = re.compile(r"(?:the )?(?P<name>[a-z][a-z0-9-]{0,40}-vm)(?:\.[a-z0-9.-]{1,200})?")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as read, as typed and in plain letters with single spaces; the two last have the same words in the same order."""

    read: str
    typed: str
    plain: str


@lru_cache(maxsize=8)  # the same words of one mail are asked about by each step of reading it
def read_command(newest: str | None, rules: ReadingRules, below: str = "") -> Command | Unclear | None:
    """Read the first line of the newest words; None where there are no words at all.

    A greeting and a gateway's banner before it are passed over.  All other words of the writer are judged, those in
    `below` (below or between the quoted lines) too: what limits the command, takes it back or says the opposite makes it unclear.
    """
    lines = [line.strip() for line in (newest or "").split("\n") if not _CODE_LINE.search(line[:_MAX_LINE])]
    below = "\n".join(line for line in below.split("\n") if not _CODE_LINE.search(line[:_MAX_LINE]))
    words = grammar(rules.languages)
    lines = without_banners(lines, words.commanding, rules.banners)
    at = _first_words(lines, words)
    if at is None:
        return None
    read, rest = _read_first(lines[at], lines[at + 1 :], rules)
    if isinstance(read, Command):
        read = replace(read, reason=read.reason.translate({ord(_FILLED_UP[0]): None}))
    else:
        unclear = "\n".join(line for line in lines if line)[:500]
        return Unclear(unclear, read, language_of(unclear))
    explained = [f"because {read.reason}"] if read.verb in EXPLAINED and reasons.in_line(read.line, words) else []
    others = [line for line in (*rest, "", *below.split("\n")) if not _says_it_again(line, read.line)]
    against = standing_against(read.verb, [*explained, *others])
    if against:
        unclear = "\n".join([read.line, *(line for line in rest if line)])[:500]
        why = say("“{words}” does not go with “{command}”.", words=against, command=read.line[:80])
        if read.verb in EXPLAINED:
            why = as_one(why, say("If it is your reason, begin it with the word “because”."))
        return Unclear(unclear, why, read.language or language_of(unclear))
    return reasons.with_more(read, below)


def is_command(line: str, rules: ReadingRules) -> bool:
    """Whether a line that stands alone is a command; for who asks about many that are none.

    Only of one that reads as a command is it asked whether a gateway has written it, whose words are many.
    """
    read, _ = _read_first(line.strip(), [], rules)
    return isinstance(read, Command) and isinstance(read_command(line, rules), Command)


_FILLED_UP = "\N{WORD JOINER}" * 17
"""What stands behind a letter that several plain ones stand for (at most 18 in Unicode), while a line is read."""


def _read_first(line: str, rest: list[str], rules: ReadingRules) -> tuple[Command | Translatable, list[str]]:
    """The command of the first line, and what else is judged: of `Release. The project is over.` the second sentence too."""
    read = _read_line(line, rest, rules)
    if not isinstance(read, Translatable):
        return read, rest
    for pattern, verbs in ((_FIRST_SENTENCE, _BEFORE_A_SENTENCE), (_FIRST_CLAUSE, _BEFORE_A_CLAUSE)):
        first = pattern.fullmatch(line)
        alone = _read_line(first.group(1), [], rules) if first else None
        if first and isinstance(alone, Command) and alone.verb in verbs:
            return alone, [first.group(2), *rest]
    return read, rest


def _says_it_again(line: str, said: str) -> bool:
    """Whether a line is the command once more, as who answers above and below the older mail writes it."""
    return len(line) == len(said) and bool(line) and fold(line) == fold(said)


def _first_words(lines: list[str], words: Grammar) -> int | None:
    """The number of the first line that is neither empty, nor marks, nor a greeting with something below it."""
    numbers = [number for number, line in enumerate(lines) if _DECORATION.sub("", line).strip(EDGES)]
    if len(numbers) > 1 and is_greeting(lines[numbers[0]]) and not words.commanding.search(fold(lines[numbers[0]])):
        return numbers[1]
    return numbers[0] if numbers else None


def _decides(tokens: list[str], words: Grammar) -> bool:
    return any(token in words.yes or token in words.no for token in tokens)


def _prepared(line: str) -> _Line:
    """Decoration gone, white space single; apostrophes inside words are kept."""
    bare = _LISTED_FIRST.sub("", line, count=1) if _LISTED_FIRST.match(line) else line
    kept = re.sub(r"(?<=\w)['’](?=\w)", "\u02bc", _SMILEY.sub(" ", _DASH.sub(" - ", bare)))
    typed = " ".join(_DECORATION.sub(" ", kept).replace("\u02bc", "'").split()).strip(_EDGES_BUT_BRACKETS)
    if _IN_BRACKETS.fullmatch(typed):
        typed = typed[1:-1].strip()
    typed = _NAME_AFTER_THANKS.sub(r"\1", _without_greeting(typed))
    return _Line(line, typed, fold(typed))


def _in_step(line: _Line) -> _Line:
    """The line with what was typed as long as its plain letters: a letter that has two of them (ß) is filled up."""
    typed = "".join((one + _FILLED_UP)[: len(fold(one))] for one in line.typed)
    return replace(line, typed=typed if len(typed) == len(line.plain) else line.plain)


def _without_greeting(typed: str) -> str:
    """`Hi Bob, approved` without the greeting; its words must be a greeting and at most a few names."""
    found = _SEGMENT.match(typed)
    return typed[found.end() :] if found and is_greeting(found.group(1)) else typed


def _read_line(line: str, rest: list[str], rules: ReadingRules) -> Command | Translatable:
    """The command of one line, or why it is none."""
    if len(line) > _MAX_LINE:
        return say("The first line is longer than a command.")
    if "?" in _LINK.sub("", line):
        return say("The first line is a question.")
    ready = _prepared(line)
    if len(ready.plain) != len(ready.typed):
        ready = _in_step(ready)
    words = grammar(rules.languages)
    begins = {denial: _after_politeness(ready.plain, words, denial=denial) for denial in (False, True)}
    for rule in RULES:
        found = _match(rule, ready, rest, rules, polite=begins[rule.verb is Verb.DENY])
        if found is not None and (rule.verb is Verb.DENY or not refuses_by_sign(line)):
            return found
    return say("The first line is not a known command.")


def _match(
    rule: Rule, line: _Line, rest: list[str], rules: ReadingRules, *, polite: int
) -> Command | Translatable | None:
    """This rule's command, a sentence where the line begins like it but goes on wrongly, None otherwise.

    `polite` is where the line goes on after "OK," and "please".
    """
    words = grammar(rules.languages)
    forms = words.forms[rule.verb]
    start, end = polite, _end_of_form(forms, line.plain, polite)
    if end is None and polite:
        start, end = 0, _end_of_form(forms, line.plain, 0)
    if end is None:
        return None
    if REASON in rule.options:
        found = _with_reason(rule, line, end, rest, words)
    elif WHY in rule.options:
        found = _with_why(rule, line, end, rest, rules)
    else:
        tail = _before_politeness(line.plain[end:], words)
        found = _with_options(rule, _Line(line.read, line.typed[end : end + len(tail)], tail), rules)
    if isinstance(found, Translatable):
        return found
    return replace(found, language=words.language_of(rule.verb, line.plain[start:end]))


def _end_of_form(forms: Forms, plain: str, start: int) -> int | None:
    """Where the longest known form of this verb that begins at `start` ends; None where none does."""
    starts = _starts(plain, start)
    if forms.beginnings.isdisjoint(starts):  # most lines begin like no command
        return None
    return next((start + len(one) for one in starts if one in forms), None)


@lru_cache(maxsize=4)  # a line is compared with the forms of each verb
def _starts(plain: str, start: int) -> tuple[str, ...]:
    """What stands there up to the end of each word, as far as a form can go: the longest first."""
    ends = range(min(len(plain), start + _LONGEST_FORM), start, -1)
    return tuple(plain[start:end] for end in ends if no_word_goes_on(plain, end))


@lru_cache(maxsize=256)
def _by_first_letter(phrases: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The same phrases in their order, by first letter: most lines begin like none of them, and are not compared."""
    found: dict[str, list[str]] = {}
    for phrase in phrases:
        found.setdefault(phrase[0], []).append(phrase)
    return {letter: tuple(some) for letter, some in found.items()}


def _after_politeness(plain: str, words: Grammar, *, denial: bool) -> int:
    """The index after "OK," and "please" in front; sorry-words only before a denial."""
    allowed = words.before_denial if denial else words.before
    at = 0
    for _ in range(4):
        for phrase in _by_first_letter(allowed).get(plain[at : at + 1], ()):
            if starts_with_word(plain, at, phrase) and plain[at:].strip(EDGES) != phrase:
                at += len(phrase)
                while at < len(plain) and plain[at] in " ,.!;:-–—":
                    at += 1
                break
        else:
            break
    return at


def _before_politeness(tail: str, words: Grammar) -> str:
    """The tail without thanks behind it; leading separators are left for the caller."""
    for _ in range(4):
        shorter = tail.rstrip(EDGES)
        for phrase in words.after:
            before = shorter[: -len(phrase)]
            if (
                shorter.endswith(phrase)
                and (not before or not before[-1].isalnum())
                and not before.endswith(("'", "_", "@", "/"))
            ):
                shorter = shorter[: -len(phrase)]
                break
        else:
            return shorter
        tail = shorter
    return tail.rstrip(EDGES)


def _with_reason(rule: Rule, line: _Line, end: int, rest: list[str], words: Grammar) -> Command | Translatable:
    tail = _before_politeness(line.plain[end:], words)
    begun = line.typed[end : end + len(tail)].strip(EDGES)
    reason = reasons.of_denial(begun, rest, words, joint=line.read.strip()[-1:])
    said = _NOT_YES.sub(" ", fold(tail))
    sentences = (part for part in _SENTENCES.split(said) if not (_MAY.search(part) and _GIVEN.search(part)))
    tokens = " ".join(sentences).replace(",", " ").split()
    if any(token.strip(EDGES) in words.yes for token in tokens):
        return say("The first line says both yes and no.")
    return Command(rule.verb, line.read, reason=reason)


def _with_why(rule: Rule, line: _Line, end: int, rest: list[str], rules: ReadingRules) -> Command | Translatable:
    """The options, with the reason behind them (`… because …`) or below; none is needed."""
    words = grammar(rules.languages)
    stop = end + reasons.before_reason(line.plain[end:], words)
    tail = _before_politeness(line.plain[end:stop], words)
    found = _with_options(rule, _Line(line.read, line.typed[end : end + len(tail)], tail), rules)
    if isinstance(found, Translatable):
        return found
    return replace(found, reason=reasons.of_extension(line.typed[stop:].strip(EDGES), rest, words))


def _with_options(rule: Rule, tail: _Line, rules: ReadingRules) -> Command | Translatable:
    """Read `until DATE`, `for PERIOD` and `disk N`, in any order, or a machine's name; anything else makes the line no command."""
    words = grammar(rules.languages)
    plain, typed, machine = _after_machine(tail.plain.strip(EDGES), tail.typed.strip(EDGES))
    signed = is_name(typed) and _SIGNED.fullmatch(tail.typed) and not standing_against(rule.verb, [typed])
    if signed:  # `Approve - Carol`
        plain = typed = ""
    until_text, period_text, disk_text, stray = _options(plain, typed, words)
    given = {name for name, text in ((UNTIL, until_text), (PERIOD, period_text), (DISK, disk_text)) if text is not None}
    if stray and not given and PERIOD in rule.options and _read_period(typed, rules) is not None:
        period_text, given, stray = typed, {PERIOD}, False  # `extend 6 months`
    if stray or given - rule.options:
        return say("“{words}” is not part of this command.", words=typed)
    if rule.verb is Verb.EXTEND and len(given) != 1:
        return say("An extension needs either “until” and a date or “for” and a period.")
    until, problem = _date(until_text, rules)
    if problem:
        return problem
    disk = _disk(disk_text, words)
    if disk_text is not None and disk is None:
        return say("The disk size is not a whole number of GiB.")
    months, days, problem = _period(period_text, rules)
    if problem:
        return problem
    return Command(
        rule.verb, tail.read, until=until, period_months=months, period_days=days, disk_gib=disk, machine=machine
    )


def _after_machine(plain: str, typed: str) -> tuple[str, str, str]:
    """What stands behind the machine's name and a "please", and the name: `release alice-vm`, `extend alice-vm until …`."""
    named = _MACHINE.match(plain)
    if named and (named.end() == len(plain) or plain[named.end()] in " ,"):
        end = named.end()
        plain, typed = plain[end:].strip(EDGES), typed[end:].strip(EDGES)
    else:
        named = None
    asked = _PLEASE.match(plain)
    if asked:
        plain, typed = plain[asked.end() :], typed[asked.end() :]
    return plain, typed, named["name"] if named else ""


def _options(plain: str, typed: str, words: Grammar) -> tuple[str | None, str | None, str | None, bool]:
    """Split the tail at its option words; the fourth value is True where words before the first stay over."""
    starts: list[tuple[int, int, str]] = []
    at = 0
    for token in plain.split(" "):
        inside = bool(starts) and at < starts[-1][1]  # the "de" of "avec un disque de" begins no period
        kind = None if inside else _option_at(plain, at, {name for _, _, name in starts}, words)
        if kind is not None:
            starts.append((at, at + kind[1], kind[0]))
        at += len(token) + 1
    if not starts:
        return None, None, None, bool(plain)
    stray = bool(plain[: starts[0][0]].strip(EDGES + "&").removesuffix("with").removesuffix("and").strip(EDGES))
    found: dict[str, str] = {}
    for number, (_, begin, name) in enumerate(starts):
        stop = starts[number + 1][0] if number + 1 < len(starts) else len(plain)
        text = typed[begin:stop].strip(EDGES)
        for joint in (" and", " with", " et", " avec"):
            text = text.removesuffix(joint).strip(EDGES)
        taken_off = typed[begin:stop].lstrip()
        found[name] = f"-{text}" if name == DISK and _NEGATIVE.match(taken_off) else text
    return found.get(UNTIL), found.get(PERIOD), found.get(DISK), stray


def _option_at(plain: str, at: int, taken: set[str], words: Grammar) -> tuple[str, int] | None:
    for name, known in ((DISK, words.disk), (UNTIL, words.until), (PERIOD, words.period)):
        if name in taken or (name != DISK and taken & {UNTIL, PERIOD}):
            continue
        for phrase in known:
            if starts_with_word(plain, at, phrase) or (phrase.endswith("'") and plain.startswith(phrase, at)):
                return name, len(phrase)
    return None


def _date(text: str | None, rules: ReadingRules) -> tuple[date | None, Translatable]:
    if text is None:
        return None, NOTHING
    tokens = fold(text).replace(",", " ").split()
    words = grammar(rules.languages)
    again = any(len(phrase) > _SHORT_WORD and f" {phrase}" in fold(text) for phrase in words.until)
    if len(text) > _MAX_DATE or again or _HEDGES.intersection(tokens) or _decides(tokens, words):
        return None, say("There is more than a date after “until”.")
    from parsers.dates import read_date  # noqa: PLC0415  imported here: most replies have no date

    reading = read_date(text, rules)
    if reading.value is None:
        return None, reading.problem or say("The date is not clear.")
    return reading.value, NOTHING


def _period(text: str | None, rules: ReadingRules) -> tuple[int | None, int | None, Translatable]:
    if text is None:
        return None, None, NOTHING
    period = _read_period(text, rules)
    if period is None:
        return None, None, say("The period is not clear; write for example “for 6 months”.")
    return period.months or None, period.days or None, NOTHING


def _read_period(text: str, rules: ReadingRules) -> Period | None:
    """The period as written, or with the units and counts of the site's other languages in English."""
    units = grammar(rules.languages).units
    if not units:
        return read_period(text, rules)
    return read_period(text, rules) or read_period(
        " ".join(units.get(word, word) for word in fold(text).split()), rules
    )


def _disk(text: str | None, words: Grammar) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"[:= ]{0,3}(\d{1,5}) ?([a-z]{0,12})", fold(text))
    return int(found.group(1)) if found and found.group(2) in ("", *words.disk_units) else None
