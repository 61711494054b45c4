"""Reading each part of a request from its template lines, with every problem and note on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from parsers.dates import DateReading, read_date
from parsers.request import complaints
from parsers.request.complaints import shortened
from parsers.request.disk import read_disk
from parsers.request.labels import IN_WORDS, REQUIRED, Part
from parsers.request.login import read_login, undecorated
from parsers.request.placeholders import Stripped, strip_placeholder
from parsers.request.template import Entry, Line
from parsers.request.usage import LONGEST_USAGE, usage_text
from parsers.text.folding import fold, visible
from parsers.translatable import NOTHING, Translatable, say
from parsers.values import Fields, Problem, ReadingRules, Request

_FAR_BELOW = 6
_LONGEST_WRAPPED = 40


@dataclass(frozen=True, slots=True)
class _SoFar:
    """The request as far as it is read."""

    fields: Fields
    problems: tuple[Problem, ...] = ()
    notes: tuple[Translatable, ...] = ()

    def wrong(self, problem: Problem) -> _SoFar:
        return replace(self, problems=(*self.problems, problem))

    def noted(self, *notes: Translatable) -> _SoFar:
        return replace(self, notes=(*self.notes, *filter(None, notes)))


def read_parts(by_level: list[list[Entry]], rules: ReadingRules) -> Request:
    """Each part from the first level that answers it; all problems, in the template's order."""
    so_far = _SoFar(Fields())
    usage_line: int | None = None
    for part in REQUIRED:
        candidates = _candidates(part, by_level, rules)
        so_far = _with_part(part, candidates, so_far, rules)
        if part is Part.USAGE and candidates:
            usage_line = candidates[0].line.number
    disks = [entry for entries in by_level for entry in entries if entry.part is Part.DISK]
    so_far = _with_disk(disks, _loose_words(by_level[0]), usage_line, so_far, rules)
    return Request(so_far.fields, so_far.problems, so_far.notes)


def is_readable(entry: Entry, rules: ReadingRules) -> bool:
    """Whether the value is of the right kind, good or bad: a login-like word, a date-like text, or nothing."""
    text = answer_of(entry).text
    if entry.part is Part.USERNAME:
        return len(undecorated(text).split()) <= 1
    if entry.part is Part.DATE:
        reading = read_date(text, rules)
        return reading.value is not None or bool(reading.readings) or len(text.split()) <= 4
    return True


def answer_of(entry: Entry) -> Stripped:
    """The value of a one-line entry: on the line, in the first line below it, or in the sender's line under a quote."""
    below = [line.text.strip() for line in entry.following]
    value, taken = entry.label.value, 0
    while value.count("<") > value.count(">") and taken < min(_FAR_BELOW, len(below)) and below[taken]:
        value = f"{value} {below[taken]}"
        taken += 1
    stripped = strip_placeholder(entry.part, value)
    if stripped.text:
        return stripped
    answer = _answer_below(entry, below[taken:]) or _first_words([line.text.strip() for line in entry.below])
    after = strip_placeholder(entry.part, answer)
    return Stripped(after.text, stripped.was_there or after.was_there)


def _answer_below(entry: Entry, below: list[str]) -> str:
    """The first written line below a label without answer, unless it looks like the end of the mail.

    After an empty line at the end of the template stands rather a signature than a login, and rather prose
    than a date.
    """
    answer = _first_words(below)
    adjacent = bool(below) and below[0] == answer
    if adjacent or not entry.is_last:
        return answer
    is_date_like = len(answer.split()) <= 4 or any(char.isdigit() for char in answer)
    return answer if entry.part is Part.DATE and is_date_like and len(answer) <= _LONGEST_WRAPPED else ""


def _first_words(texts: list[str]) -> str:
    return next((text for text in texts[:_FAR_BELOW] if text), "")


def _candidates(part: Part, by_level: list[list[Entry]], rules: ReadingRules) -> list[Entry]:
    """The entries of a part at the first level that answers it, without empty doubles and repeated answers.

    A weak label there ("date:", as in a signature) does not quietly win over a good quoted answer: both are given.
    """
    same = [[entry for entry in entries if entry.part is part] for entries in by_level]
    answered = [list(_by_answer(entries).values()) for entries in same]
    chosen, *deeper = [entries for entries in answered if entries] or [[]]
    if chosen and deeper and not any(entry.label.strong for entry in chosen):
        good = [entry for entry in deeper[0] if _is_good(entry, rules)]
        chosen = list(_by_answer([*chosen, *good]).values())
    return chosen or next((entries[:1] for entries in same if entries), [])


def _by_answer(entries: list[Entry]) -> dict[str, Entry]:
    """The first entry of each different answer."""
    answers: dict[str, Entry] = {}
    for entry in entries:
        answer = fold(_text_of(entry))
        if answer:
            answers.setdefault(answer, entry)
    return answers


def _is_good(entry: Entry, rules: ReadingRules) -> bool:
    text = _text_of(entry)
    if entry.part is Part.DATE:
        return read_date(text, rules).value is not None
    return entry.part is not Part.USERNAME or read_login(text).value is not None


def _text_of(entry: Entry) -> str:
    return (usage_text(entry) if entry.part is Part.USAGE else answer_of(entry)).text


def _with_part(part: Part, candidates: list[Entry], so_far: _SoFar, rules: ReadingRules) -> _SoFar:
    if not candidates:
        return so_far.wrong(complaints.missing(part, rules))
    if len(candidates) > 1:
        lines = [entry.line.number for entry in candidates]
        return so_far.wrong(complaints.doubled(part, lines, [_text_of(entry) for entry in candidates]))
    entry = candidates[0]
    if entry.label.guessed:
        so_far = so_far.noted(
            say('the label "{label}" was read as {part}', label=shortened(entry.label.guessed, 30), part=IN_WORDS[part])
        )
    answer = usage_text(entry) if part is Part.USAGE else answer_of(entry)
    if not answer.text:
        left = entry.label.value
        return so_far.wrong(complaints.unfilled(part, entry.line.number, left, rules, left=answer.was_there))
    if part is Part.USERNAME:
        return _with_username(entry, answer.text, so_far)
    if part is Part.DATE:
        return _with_date(entry, answer.text, so_far, rules)
    cut = say("the usage was cut after {most} characters", most=LONGEST_USAGE)
    so_far = replace(so_far, fields=replace(so_far.fields, intended_usage=answer.text))
    return so_far.noted(cut) if len(answer.text) >= LONGEST_USAGE - 1 else so_far


def _with_username(entry: Entry, text: str, so_far: _SoFar) -> _SoFar:
    reading = read_login(text)
    if reading.value is None:
        corrected = read_login(_first_words([line.text.strip() for line in entry.below]))
        if corrected.value is None:
            found = Translatable(shortened(text) or text[:20])
            return so_far.wrong(Problem(Part.USERNAME.value, entry.line.number, found, reading.problem))
        reading = corrected
    return replace(so_far, fields=replace(so_far.fields, username=reading.value)).noted(reading.note)


def _with_date(entry: Entry, text: str, so_far: _SoFar, rules: ReadingRules) -> _SoFar:
    reading, text = _corrected_date(entry.below, *_wrapped_date(entry, text, rules), rules)
    fields = replace(so_far.fields, expiration_text=shortened(text, 200))
    if reading.value is None:
        problem = Problem(Part.DATE.value, entry.line.number, Translatable(shortened(text)), reading.problem)
        return replace(so_far, fields=fields).wrong(problem)
    note = say("expiration date: {assumed}", assumed=reading.assumed) if reading.assumed else NOTHING
    return replace(so_far, fields=replace(fields, expiration_date=reading.value)).noted(note)


def _wrapped_date(entry: Entry, text: str, rules: ReadingRules) -> tuple[DateReading, str]:
    """The date on the line, together with the next line where only both make it complete ("31 March" / "2027")."""
    reading = read_date(text, rules)
    if reading.value is not None and not reading.assumed:
        return reading, text
    texts = [entry.label.value, *(line.text.strip() for line in entry.following)]
    place = next((i for i, one in enumerate(texts) if one and text.endswith(one)), None)
    after = texts[place + 1] if place is not None and place + 1 < len(texts) else ""
    if after and len(after) <= _LONGEST_WRAPPED:
        longer = read_date(f"{text} {after}", rules)
        if longer.value is not None and (reading.value is None or not longer.assumed):
            return longer, f"{text} {after}"
    return reading, text


def _corrected_date(
    below: tuple[Line, ...], reading: DateReading, text: str, rules: ReadingRules
) -> tuple[DateReading, str]:
    """A date that the sender wrote right under the quoted line is newer than the quoted one."""
    newer_text = _first_words([line.text.strip() for line in below])
    newer = read_date(newer_text, rules) if newer_text else None
    return (newer, newer_text) if newer and newer.value else (reading, text)


def _with_disk(entries: list[Entry], loose: str, usage_line: int | None, so_far: _SoFar, rules: ReadingRules) -> _SoFar:
    """The disk by its label; else what the usage, or `loose` words below the template, wish for."""
    labelled = "\n\n".join(
        strip_placeholder(Part.DISK, " ".join([entry.label.value, *_paragraph(entry)])).text for entry in entries
    )
    reading = read_disk(visible(labelled), rules.default_disk_gib, labelled=True)
    line = entries[0].line.number if entries else None
    if reading.gib is None and not reading.problem:
        words = f"{so_far.fields.intended_usage or ''}\n\n{so_far.fields.expiration_text}\n\n{loose}"
        reading = read_disk(words, rules.default_disk_gib)
        line = usage_line
    if reading.problem:
        problem = Problem(Part.DISK.value, line, Translatable(shortened(reading.found)), reading.problem)
        return so_far.noted(*reading.notes).wrong(problem)
    fields = replace(so_far.fields, disk_gib=reading.gib, disk_reason=reading.reason)
    return replace(so_far, fields=fields).noted(*reading.notes)


def _loose_words(entries: list[Entry]) -> str:
    """What the sender wrote below the lines for login and date, beside their answers."""
    short = (entry for entry in entries if entry.part in (Part.USERNAME, Part.DATE) and entry.line.level == 0)
    return visible("\n\n".join("\n".join(line.text for line in entry.following) for entry in short))


def _paragraph(entry: Entry) -> list[str]:
    taken: list[str] = []
    for line in entry.following[:5]:
        if not line.text.strip():
            break
        taken.append(line.text.strip())
    return taken
