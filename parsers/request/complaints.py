"""What is said to a user about a part of the request that could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from parsers.request.labels import IN_WORDS, Part
from parsers.text.folding import one_line
from parsers.translatable import NOTHING, Translatable, as_one, say
from parsers.values import Problem, ReadingRules

LONGEST_FOUND = 80

_WANTED = {
    Part.USERNAME: say("your login"),
    Part.USAGE: say("what the VM is for, in a few lines"),
    Part.DATE: say("the last day on which you need the VM"),
}


def shortened(text: str, longest: int = LONGEST_FOUND) -> str:
    """One line of at most `longest` characters."""
    line = one_line(text[: longest * 4])
    return line if len(line) <= longest else line[: longest - 1] + "…"


def missing(part: Part, rules: ReadingRules) -> Problem:
    """The part's line is not there."""
    allowed = say(
        'The line "{label}:" is missing. Please add it with {wanted}, for example {example}',
        label=IN_WORDS[part],
        wanted=_WANTED[part],
        example=_example(part, rules),
    )
    return Problem(part.value, None, NOTHING, allowed)


def unfilled(part: Part, line: int, found: str, rules: ReadingRules, *, left: bool) -> Problem:
    """The line is there and empty, or with the placeholder `left` in it."""
    why = say("The placeholder is still there.") if left else say("Nothing is filled in here.")
    ask = say("Please write {wanted}, for example {example}", wanted=_WANTED[part], example=_example(part, rules))
    return Problem(part.value, line, Translatable(shortened(found)), as_one(why, ask))


def doubled(part: Part, lines: Sequence[int], answers: Sequence[str]) -> Problem:
    """The line is there several times, with different words."""
    found = shortened(" / ".join(shortened(answer, 30) for answer in answers[:3]))
    allowed = say(
        'The line "{label}:" is there more than once (lines {lines}) with different words. Please keep one.',
        label=IN_WORDS[part],
        lines=reduce(_and, map(str, lines[:5])),
    )
    return Problem(part.value, lines[1], Translatable(found), allowed)


def _and(some: str, last: str) -> Translatable:
    return say("{some} and {last}", some=some, last=last)


def several(starts: Sequence[int]) -> Problem:
    """The mail holds several requests, beginning at these lines."""
    found = say("{number} requests, at lines {lines}", number=len(starts), lines=", ".join(map(str, starts[:5])))
    allowed = say("One message can request one VM. Please send a separate message for each, with its own three lines.")
    return Problem(Part.WHOLE.value, starts[1], found, allowed)


def only_attached(name: str) -> Problem:
    """The mail has no template lines, but an attachment may."""
    allowed = say(
        "The message itself has no filled-in lines, and attachments ({name}) are not opened. Please write the lines in the message itself.",
        name=shortened(name, 40),
    )
    return Problem(Part.WHOLE.value, None, Translatable(shortened(name)), allowed)


def _example(part: Part, rules: ReadingRules) -> Translatable:
    examples = {
        Part.USERNAME: "alice",
        Part.USAGE: say("a test server for the software of our project"),
        Part.DATE: f"{rules.now.year + 1}-03-31",
    }
    return as_one(say("{label}:", label=IN_WORDS[part]), examples[part])
