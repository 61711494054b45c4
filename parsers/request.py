"""The request template in a mail, filled in by a person: what is asked, and everything that is wrong with it.

A mail is a request where
- its subject is the request subject (`Re:`, `Fwd:`, `TR:`, `AW:` and list tags do not matter), and it has
  template lines, or is not a reply and has none (then every part is reported as missing); or
- it has the line "intended usage" and another template line, whatever the subject; a template that is only
  quoted needs the subject as well.

It is none where the template is only quoted from another person's mail above which the sender wrote words
of their own: that is people talking.  What the sender wrote counts before what is quoted, part by part, so
that a reply may correct a single line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from parsers.date_tokens import fold
from parsers.dates import read_date
from parsers.disk import read_disk
from parsers.labels import REQUIRED, Part
from parsers.login import read_login, undecorated
from parsers.placeholders import LABELS, Stripped, filled_template, strip_placeholder
from parsers.template import Entry, blocks_of, demote_lookalikes, find_entries, read_lines
from parsers.usage import usage_text
from parsers.values import Fields, Mail, Problem, ReadingRules, Request

__all__ = ["filled_template", "find_request", "is_request_subject"]

_PREFIX = re.compile(
    r"\s{0,3}(?:(?:re|fwd?|tr|aw|wg|rv|sv|vs|antw|rif|i|enc)\s?(?:\[\d{1,3}\])?\s?[:：]|\[[^\[\]]{1,40}\]|\(ext\))\s{0,3}",
    re.IGNORECASE,
)
_REPLY = re.compile(
    r"\s{0,3}(?:\[[^\[\]]{1,40}\]\s?)?(?:re|aw|sv|vs|antw|rif)\s?(?:\[\d{1,3}\])?\s?[:：]", re.IGNORECASE
)
_FORWARD = re.compile(r"\b(?:fwd?|tr|wg|rv|enc)\s?:", re.IGNORECASE)
_AFTER_SUBJECT = re.compile(r"(?:\s?[-–—:(/,.!#]|\s(?:request|for|pour|of|demande)\b)", re.IGNORECASE)
_LONGEST_FOUND = 80


def find_request(mail: Mail, rules: ReadingRules) -> Request | None:
    """The request that a mail makes, with all its problems; None where the mail is no request at all."""
    right_subject = is_request_subject(mail.subject, rules)
    if not right_subject and not _mentions_usage(mail.text):
        return None
    lines = read_lines(mail.text)
    entries = _own_words(find_entries(lines), mail, rules)
    if not _is_request(entries, mail, right_subject=right_subject):
        return None
    if not any(entry.part in REQUIRED for entry in entries):
        return _empty_request(mail, rules)
    return _read_entries(entries, mail, rules, right_subject=right_subject)


def is_request_subject(subject: str, rules: ReadingRules) -> bool:
    """Whether a subject is the request subject, with any reply marks, tags or a remark after a dash."""
    bare = subject[:300]
    for _ in range(8):
        shorter = _PREFIX.sub("", bare, count=1) if _PREFIX.match(bare) else bare
        if shorter == bare:
            break
        bare = shorter
    folded, wanted = " ".join(fold(bare).split()), " ".join(fold(rules.request_subject).split())
    rest = folded.removeprefix(wanted)
    return folded.startswith(wanted) and (not rest or bool(_AFTER_SUBJECT.match(rest)))


def _mentions_usage(text: str) -> bool:
    lowered = text.lower()
    return "usage" in lowered or "intended use" in lowered or "utilisation" in lowered


def _is_request(entries: list[Entry], mail: Mail, *, right_subject: bool) -> bool:
    parts = {entry.part for entry in entries if entry.part is not Part.DISK}
    if right_subject:
        return bool(parts) or not _REPLY.match(mail.subject)
    written = [entry for entry in entries if entry.line.level == 0 or entry.line.forwarded]
    strong = {entry.part for entry in written if entry.label.strong}
    return Part.USAGE in strong and len(parts) > 1 and any(_answer(entry).text for entry in written)


def _own_words(entries: list[Entry], mail: Mail, rules: ReadingRules) -> list[Entry]:
    """Without the parts that only quote somebody's mail, where the sender wrote something above them."""
    talking = bool(mail.new_text and mail.new_text.strip()) and not _FORWARD.search(mail.subject[:100])
    if not talking or any(entry.line.level == 0 for entry in entries):
        return entries
    return [
        entry
        for entry in entries
        if entry.line.forwarded or not entry.line.author or entry.line.author in rules.own_addresses
    ]


def _empty_request(mail: Mail, rules: ReadingRules) -> Request:
    problems = tuple(_missing(part, rules) for part in REQUIRED)
    if mail.attachments:
        name = mail.attachments[0]
        told = Problem(
            Part.WHOLE.value,
            None,
            _shortened(name),
            f"The mail itself has no filled-in lines, and attachments ({_shortened(name)}) are not opened. "
            "Please write the lines into the mail itself.",
        )
        problems = (told, *problems)
    return Request(Fields(), problems)


def _read_entries(entries: list[Entry], mail: Mail, rules: ReadingRules, *, right_subject: bool) -> Request | None:
    readable = frozenset(entry.line.number for entry in entries if _is_readable(entry, rules))
    entries = demote_lookalikes(entries, readable)
    levels = sorted({entry.line.level for entry in entries})
    by_level = [[entry for entry in entries if entry.line.level == level] for level in levels]
    requests = _several(by_level[0]) if len(by_level[0]) > 3 else []
    if requests:
        return _several_requests(requests, mail, rules)
    return _one_request(by_level, mail, rules)


def _is_readable(entry: Entry, rules: ReadingRules) -> bool:
    """Whether the value is of the right kind, good or bad: a login-like word, a date-like text, or nothing."""
    answer = _answer(entry).text
    if entry.part is Part.USERNAME:
        return len(undecorated(answer).split()) <= 1
    if entry.part is Part.DATE:
        reading = read_date(answer, rules)
        return reading.value is not None or bool(reading.readings) or len(answer.split()) <= 4
    return True


def _answer(entry: Entry) -> Stripped:
    """The value of a one-line entry: on the line, or in the first written line below it."""
    lines = [entry.label.value, *(line.text.strip() for line in entry.following)]
    value, below = lines[0], lines[1:]
    taken = 0
    while value.count("<") > value.count(">") and taken < min(6, len(below)) and below[taken]:
        value = f"{value} {below[taken]}"
        taken += 1
    stripped = strip_placeholder(entry.part, value)
    if stripped.text:
        return stripped
    after = next((text for text in below[taken:][:6] if text), "")
    again = strip_placeholder(entry.part, after)
    return Stripped(again.text, stripped.was_there or again.was_there)


def _several(entries: list[Entry]) -> list[list[Entry]]:
    """Two or more different filled-in templates at one level, or nothing."""
    blocks = [block for block in blocks_of(entries) if len({entry.part for entry in block}) >= 2]
    blocks = [block for block in blocks if any(_answer(entry).text for entry in block)]
    different = {tuple(_answer(entry).text for entry in block if entry.part is not Part.USAGE) for block in blocks}
    return blocks if len(different) > 1 else []


def _several_requests(blocks: list[list[Entry]], mail: Mail, rules: ReadingRules) -> Request:
    readings = [_one_request([block], mail, rules) for block in blocks]
    starts = [block[0].line.number for block in blocks]
    told = Problem(
        Part.WHOLE.value,
        starts[1],
        f"{len(blocks)} requests, at lines {', '.join(map(str, starts[:5]))}",
        "One mail can ask for one VM. Please send one mail for each, with its own three lines.",
    )
    problems = tuple(problem for reading in readings for problem in reading.problems)
    return Request(readings[0].fields, (told, *problems), readings[0].notes)


@dataclass(frozen=True, slots=True)
class _PartReading:
    """One part of a request: the fields that it fills, what is wrong, and what admins should know."""

    fields: Fields
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def _one_request(by_level: list[list[Entry]], mail: Mail, rules: ReadingRules) -> Request:
    """Each part from the first level that has it; all problems, in the template's order."""
    reading = _PartReading(Fields())
    for part in REQUIRED:
        candidates = _candidates(part, by_level)
        reading = _with_part(part, candidates, reading, rules)
    disks = [entry for entries in by_level for entry in entries if entry.part is Part.DISK]
    reading = _with_disk(disks, reading, rules)
    return Request(reading.fields, reading.problems, reading.notes)


def _candidates(part: Part, by_level: list[list[Entry]]) -> list[Entry]:
    """The entries of a part at the first level that answers it, without empty doubles and repeated answers."""
    for entries in by_level:
        same = [entry for entry in entries if entry.part is part]
        answered = [entry for entry in same if _answer(entry).text]
        if answered:
            return list({fold(_answer(entry).text): entry for entry in reversed(answered)}.values())[::-1]
        if same and entries is by_level[-1]:
            return same[:1]
    return next(([entry] for entries in by_level for entry in entries if entry.part is part), [])


def _with_part(part: Part, candidates: list[Entry], so_far: _PartReading, rules: ReadingRules) -> _PartReading:
    if not candidates:
        return replace(so_far, problems=(*so_far.problems, _missing(part, rules)))
    if len(candidates) > 1:
        return replace(so_far, problems=(*so_far.problems, _doubled(part, candidates)))
    entry = candidates[0]
    answer = usage_text(entry) if part is Part.USAGE else _answer(entry)
    if not answer.text:
        return replace(so_far, problems=(*so_far.problems, _unfilled(part, entry, rules, left=answer.was_there)))
    if part is Part.USERNAME:
        return _with_username(entry, answer.text, so_far)
    if part is Part.DATE:
        return _with_date(entry, answer.text, so_far, rules)
    return replace(so_far, fields=replace(so_far.fields, intended_usage=answer.text))


def _with_username(entry: Entry, text: str, so_far: _PartReading) -> _PartReading:
    reading = read_login(text)
    if reading.value is None:
        problem = Problem(Part.USERNAME.value, entry.line.number, _shortened(text), reading.problem)
        return replace(so_far, problems=(*so_far.problems, problem))
    notes = (*so_far.notes, reading.note) if reading.note else so_far.notes
    return replace(so_far, fields=replace(so_far.fields, username=reading.value), notes=notes)


def _with_date(entry: Entry, text: str, so_far: _PartReading, rules: ReadingRules) -> _PartReading:
    reading = read_date(text, rules)
    if reading.value is None or reading.assumed:
        following = entry.following[0].text.strip() if entry.following and entry.label.value else ""
        longer = read_date(f"{text} {following}", rules) if following else reading
        if longer.value is not None and (reading.value is None or not longer.assumed):
            reading, text = longer, f"{text} {following}"
    fields = replace(so_far.fields, expiration_text=text)
    if reading.value is None:
        problem = Problem(Part.DATE.value, entry.line.number, _shortened(text), reading.problem)
        return replace(so_far, fields=fields, problems=(*so_far.problems, problem))
    notes = (*so_far.notes, f"expiration date: {reading.assumed}") if reading.assumed else so_far.notes
    return replace(so_far, fields=replace(fields, expiration_date=reading.value), notes=notes)


def _with_disk(entries: list[Entry], so_far: _PartReading, rules: ReadingRules) -> _PartReading:
    labelled = "\n".join(" ".join([entry.label.value, *_paragraph(entry)]) for entry in entries)
    reading = read_disk(labelled, rules.default_disk_gib, labelled=True)
    line = entries[0].line.number if entries else None
    if reading.gib is None and not reading.problem:
        reading = read_disk(so_far.fields.intended_usage or "", rules.default_disk_gib)
    notes = (*so_far.notes, *reading.notes)
    if reading.problem:
        problem = Problem(Part.DISK.value, line, _shortened(reading.found), reading.problem)
        return replace(so_far, problems=(*so_far.problems, problem), notes=notes)
    fields = replace(so_far.fields, disk_gib=reading.gib, disk_reason=reading.reason)
    return replace(so_far, fields=fields, notes=notes)


def _paragraph(entry: Entry) -> list[str]:
    taken: list[str] = []
    for line in entry.following[:5]:
        if not line.text.strip():
            break
        taken.append(line.text.strip())
    return taken


# --- what is said to the user --------------------------------------------------------------------------------


def _example(part: Part, rules: ReadingRules) -> str:
    if part is Part.DATE:
        return f"{LABELS[part]}: {rules.now.year + 1}-03-31"
    return (
        f"{LABELS[part]}: alice"
        if part is Part.USERNAME
        else f"{LABELS[part]}: a test server for the build of our thesis"
    )


_WANTED = {
    Part.USERNAME: "your login",
    Part.USAGE: "what the VM is for, in a few lines",
    Part.DATE: "the last day on which you need the VM",
}


def _missing(part: Part, rules: ReadingRules) -> Problem:
    allowed = f'The line "{LABELS[part]}:" is missing. Please add it with {_WANTED[part]}, for example {_example(part, rules)}'
    return Problem(part.value, None, "", allowed)


def _unfilled(part: Part, entry: Entry, rules: ReadingRules, *, left: bool) -> Problem:
    why = "The placeholder is still there" if left else "Nothing is filled in here"
    allowed = f"{why}. Please write {_WANTED[part]}, for example {_example(part, rules)}"
    return Problem(part.value, entry.line.number, _shortened(entry.label.value), allowed)


def _doubled(part: Part, entries: list[Entry]) -> Problem:
    lines = " and ".join(str(entry.line.number) for entry in entries[:5])
    found = " / ".join(_shortened(_answer(entry).text, 30) for entry in entries[:3])
    allowed = (
        f'The line "{LABELS[part]}:" is there more than once (lines {lines}) with different words. Please keep one.'
    )
    return Problem(part.value, entries[1].line.number, found, allowed)


def _shortened(text: str, longest: int = _LONGEST_FOUND) -> str:
    one_line = " ".join(text[: longest * 4].split())
    return one_line if len(one_line) <= longest else one_line[: longest - 1] + "…"
