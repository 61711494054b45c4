"""The request template in a mail, filled in by a person: what is asked, and everything that is wrong with it.

A mail is a request where
- its subject is the request subject (`Re:`, `Fwd:`, `TR:`, `AW:` and list tags do not matter), and it has
  template lines, or is not a reply and has none (then every part is reported as missing); or
- it has the line "intended usage" and another template line, and one of them is filled in, whatever the
  subject; a template that is only quoted needs the subject as well.

It is none where the template is only quoted from another person's mail above which the sender wrote words
of their own: that is people talking.  What the sender wrote counts before what is quoted, part by part, so
that a reply may correct a single line; a line written right under a quoted one answers it.
"""

from __future__ import annotations

import re

from parsers.request import complaints
from parsers.request.labels import REQUIRED, Part
from parsers.request.parts import answer_of, is_readable, read_parts
from parsers.request.placeholders import filled_template, strip_placeholder
from parsers.request.template import Entry, blocks_of, demote_lookalikes, find_entries, read_lines
from parsers.text import subjects
from parsers.text.folding import fold
from parsers.values import Fields, Mail, ReadingRules, Request

__all__ = ["filled_template", "find_request", "is_request", "is_request_subject"]

_AFTER_SUBJECT = re.compile(r"\s?[-–—:(/,.!#]|\s(?:request|for|pour|of|demande)\b", re.IGNORECASE)


def find_request(mail: Mail, rules: ReadingRules) -> Request | None:
    """The request that a mail makes, with all its problems; None where the mail is no request at all."""
    entries = _entries(mail, rules)
    if entries is None:
        return None
    if not any(entry.part in REQUIRED for entry in entries):
        return _empty_request(mail, rules)
    return _read_entries(entries, rules)


def is_request(mail: Mail, rules: ReadingRules) -> bool:
    """Whether a mail makes a request at all, good or bad: the same question without reading the answers."""
    return _entries(mail, rules) is not None


def _entries(mail: Mail, rules: ReadingRules) -> list[Entry] | None:
    """The template lines of a request; None where the mail is none."""
    right_subject = is_request_subject(mail.subject, rules)
    if not right_subject and not _may_have_template(mail.text):
        return None
    entries = _own_words(find_entries(read_lines(mail.text)), mail, rules)
    return entries if _is_request(entries, mail, right_subject=right_subject) else None


def is_request_subject(subject: str, rules: ReadingRules) -> bool:
    """Whether a subject is the request subject, with any reply marks, tags or a remark after a dash."""
    folded, wanted = " ".join(fold(subjects.bare(subject)).split()), " ".join(fold(rules.request_subject).split())
    rest = folded.removeprefix(wanted)
    return bool(wanted) and folded.startswith(wanted) and (not rest or bool(_AFTER_SUBJECT.match(rest)))


def _may_have_template(text: str) -> bool:
    lowered = text.lower()
    return "usage" in lowered or "intended" in lowered or "utilisation" in lowered


def _is_request(entries: list[Entry], mail: Mail, *, right_subject: bool) -> bool:
    if right_subject:
        return not subjects.is_reply(mail.subject) or _has_own_lines(entries)
    forwarded = subjects.is_forward(mail.subject)
    written = [entry for entry in entries if entry.line.level == 0 or entry.line.forwarded or forwarded]
    sure = [entry for entry in written if not entry.label.guessed]
    strong = {entry.part for entry in sure if entry.label.strong}
    return (
        Part.USAGE in strong
        and len({entry.part for entry in sure} & set(REQUIRED)) > 1
        and any(answer_of(entry).text for entry in written)
    )


def _has_own_lines(entries: list[Entry]) -> bool:
    """A reply needs a label of the template, or two other words for one ("login:", "until:") from the sender."""
    weak = {entry.part for entry in entries if entry.line.level == 0 and entry.part is not Part.DISK}
    return any(entry.label.strong for entry in entries) or len(weak) > 1


def _own_words(entries: list[Entry], mail: Mail, rules: ReadingRules) -> list[Entry]:
    """Without the parts that only quote somebody's mail, where the sender wrote something above them."""
    talking = bool(mail.new_text and mail.new_text.strip()) and not subjects.is_forward(mail.subject)
    if not talking or any(entry.line.level == 0 or _is_answered_below(entry) for entry in entries):
        return entries
    own = rules.own_addresses
    return [entry for entry in entries if entry.line.forwarded or not entry.line.author or entry.line.author in own]


def _is_answered_below(entry: Entry) -> bool:
    """A quoted placeholder with the sender's own words right under it."""
    quoted = strip_placeholder(entry.part, entry.label.value)
    return bool(entry.below and not quoted.text and answer_of(entry).text)


def _empty_request(mail: Mail, rules: ReadingRules) -> Request:
    problems = tuple(complaints.missing(part, rules) for part in REQUIRED)
    if mail.attachments:
        problems = (complaints.only_attached(mail.attachments[0]), *problems)
    return Request(Fields(), problems)


def _read_entries(entries: list[Entry], rules: ReadingRules) -> Request:
    if len({(entry.part, entry.line.level) for entry in entries}) < len(entries) or any(
        entry.part is Part.DISK for entry in entries
    ):
        readable = frozenset(entry.line.number for entry in entries if is_readable(entry, rules))
        entries = demote_lookalikes(entries, readable)
    levels = sorted({entry.line.level for entry in entries})
    by_level = [[entry for entry in entries if entry.line.level == level] for level in levels]
    requests = _several(by_level[0])
    return _several_requests(requests, rules) if requests else read_parts(by_level, rules)


def _several(entries: list[Entry]) -> list[list[Entry]]:
    """Two or more different filled-in templates at one level, or nothing."""
    blocks = [block for block in blocks_of(entries) if len({entry.part for entry in block}) >= 2]
    blocks = [block for block in blocks if any(answer_of(entry).text for entry in block)]
    answers = {tuple(answer_of(entry).text for entry in block if entry.part is not Part.USAGE) for block in blocks}
    return blocks if len(answers) > 1 else []


def _several_requests(blocks: list[list[Entry]], rules: ReadingRules) -> Request:
    readings = [read_parts([block], rules) for block in blocks]
    told = complaints.several([block[0].line.number for block in blocks])
    problems = tuple(problem for reading in readings for problem in reading.problems)
    return Request(readings[0].fields, (told, *problems), readings[0].notes)
