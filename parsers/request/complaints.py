"""What is said to a user about a part of the request that could not be read."""

from __future__ import annotations

from collections.abc import Sequence

from parsers.request.labels import LABELS, Part
from parsers.text.folding import one_line
from parsers.values import Problem, ReadingRules

LONGEST_FOUND = 80

_WANTED = {
    Part.USERNAME: "your login",
    Part.USAGE: "what the VM is for, in a few lines",
    Part.DATE: "the last day on which you need the VM",
}


def shortened(text: str, longest: int = LONGEST_FOUND) -> str:
    """One line of at most `longest` characters."""
    line = one_line(text[: longest * 4])
    return line if len(line) <= longest else line[: longest - 1] + "…"


def missing(part: Part, rules: ReadingRules) -> Problem:
    """The part's line is not there."""
    allowed = f'The line "{LABELS[part]}:" is missing. Please add it with {_WANTED[part]}, for example {_example(part, rules)}'
    return Problem(part.value, None, "", allowed)


def unfilled(part: Part, line: int, found: str, rules: ReadingRules, *, left: bool) -> Problem:
    """The line is there and empty, or with the placeholder `left` in it."""
    why = "The placeholder is still there" if left else "Nothing is filled in here"
    allowed = f"{why}. Please write {_WANTED[part]}, for example {_example(part, rules)}"
    return Problem(part.value, line, shortened(found), allowed)


def doubled(part: Part, lines: Sequence[int], answers: Sequence[str]) -> Problem:
    """The line is there several times, with different words."""
    where = " and ".join(map(str, lines[:5]))
    found = shortened(" / ".join(shortened(answer, 30) for answer in answers[:3]))
    allowed = (
        f'The line "{LABELS[part]}:" is there more than once (lines {where}) with different words. Please keep one.'
    )
    return Problem(part.value, lines[1], found, allowed)


def several(starts: Sequence[int]) -> Problem:
    """The mail holds several requests, beginning at these lines."""
    found = f"{len(starts)} requests, at lines {', '.join(map(str, starts[:5]))}"
    allowed = "One mail can ask for one VM. Please send one mail for each, with its own three lines."
    return Problem(Part.WHOLE.value, starts[1], found, allowed)


def only_attached(name: str) -> Problem:
    """The mail has no template lines, but an attachment may."""
    allowed = (
        f"The mail itself has no filled-in lines, and attachments ({shortened(name, 40)}) are not opened. "
        "Please write the lines into the mail itself."
    )
    return Problem(Part.WHOLE.value, None, shortened(name), allowed)


def _example(part: Part, rules: ReadingRules) -> str:
    examples = {
        Part.USERNAME: "alice",
        Part.USAGE: "a test server for the software of our project",
        Part.DATE: f"{rules.now.year + 1}-03-31",
    }
    return f"{LABELS[part]}: {examples[part]}"
