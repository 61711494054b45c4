"""`mailbot explain`: what a mail is understood to be, without database or network.

It reads words, not authority: a decision is reported as read even when no ticket is known.
Imports stay light here, because a process is often started for a single mail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from parsers.values import (
    Automatic,
    Command,
    Problem,
    ReadingRules,
    Request,
    Understanding,
    Verb,
)

#: What policy refuses in a request without asking the directory.
Check = Callable[[Request, ReadingRules], tuple[Problem, ...]]

_DECISIONS = frozenset({Verb.APPROVE, Verb.DENY})


def explain(understood: Understanding, file: str, rules: ReadingRules, check: Check) -> dict[str, object]:
    """The JSON-able object of `mailbot explain --json` for one mail: every key is always there.

    `check` gives the problems that policy sees in a request; they follow those that reading saw,
    unless the same field was refused there already.
    """
    meaning = understood.meaning
    told: dict[str, object] = {
        "file": file,
        "kind": str(understood.kind),
        "decision": None,
        "command": None,
        "reason": None,
        "new_text": understood.mail.new_text if understood.mail else None,
        "fields": None,
        "until": None,
        "disk_gib": None,
        "problems": [],
        "why": understood.why,
        "notes": list(understood.notes),
    }
    if isinstance(meaning, Command):
        told |= _command(meaning)
    elif isinstance(meaning, Request):
        told |= _request(meaning, rules, check)
    elif isinstance(meaning, Automatic):
        told |= _automatic(meaning)
    return told


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _command(command: Command) -> dict[str, object]:
    return {
        "decision": str(command.verb) if command.verb in _DECISIONS else None,
        "command": str(command.verb),
        "reason": command.reason or None,
        "until": _day(command.until),
        "period_months": command.period_months,
        "period_days": command.period_days,
        "disk_gib": command.disk_gib,
    }


def _request(request: Request, rules: ReadingRules, check: Check) -> dict[str, object]:
    fields = request.fields
    refused = {problem.field for problem in request.problems}
    problems = (*request.problems, *(problem for problem in check(request, rules) if problem.field not in refused))
    told: dict[str, object] = {
        "fields": {
            "username": fields.username,
            "intended_usage": fields.intended_usage,
            "expiration_date": _day(fields.expiration_date),
            "disk_gib": fields.disk_gib,
            "disk_reason": fields.disk_reason,
        },
        "problems": [_problem(problem) for problem in problems],
    }
    if len(problems) != len(request.problems):
        told["why"] = f"It is a request for a virtual machine; {len(problems)} of its answers must be corrected."
    return told


def _problem(problem: Problem) -> dict[str, object]:
    return {"field": problem.field, "line": problem.line, "found": problem.found, "allowed": problem.allowed}


def _automatic(automatic: Automatic) -> dict[str, object]:
    return {
        "automatic": {
            "kind": str(automatic.kind),
            "original_message_id": automatic.original_message_id,
            "failed_recipients": list(automatic.failed_recipients),
            "permanent": automatic.permanent,
            "diagnostic": automatic.diagnostic or None,
        }
    }


def in_words(told: dict[str, object]) -> str:
    """The same object as lines for a person."""
    lines = [f"{told['file']}: {told['kind']}", f"  {told['why']}"]
    for key, label in _LABELS:
        value = told.get(key)
        if value not in (None, "", [], {}):
            lines += _entry(label, value)
    return "\n".join(lines)


_LABELS = (
    ("command", "command"),
    ("reason", "reason"),
    ("until", "until"),
    ("period_months", "months"),
    ("period_days", "days"),
    ("disk_gib", "disk (GiB)"),
    ("fields", "asked"),
    ("problems", "to correct"),
    ("automatic", "machine"),
    ("notes", "notes"),
    ("new_text", "newest words"),
)


def _entry(label: str, value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"  {label}:", *(f"    {key}: {item}" for key, item in value.items() if item not in (None, "", []))]
    if isinstance(value, list):
        return [f"  {label}:", *(f"    - {_item(item)}" for item in value)]
    if isinstance(value, str) and "\n" in value:
        return [f"  {label}:", *(f"    | {line}" for line in value.split("\n"))]
    return [f"  {label}: {value}"]


def _item(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    where = f"line {item['line']}, " if item.get("line") else ""
    found = f" (found: {item['found']})" if item.get("found") else ""
    return f"{where}{item['field']}: {item['allowed']}{found}"
