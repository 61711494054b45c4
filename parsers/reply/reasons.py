"""Why somebody says what they say: the words behind a command, or the first paragraph below it.

A denial has a reason that its requester reads; who asks for more time may give one, which admins read.
"""

from __future__ import annotations

import re
from dataclasses import replace

from parsers.reply.grammar import Grammar
from parsers.reply.harmless import is_signature
from parsers.text.boilerplate import is_disclaimer
from parsers.text.endings import is_closing, is_contact, is_mobile_footer, is_name
from parsers.text.folding import fold, phrases
from parsers.text.openings import is_greeting
from parsers.values import Command, Verb

EDGES = " \t.,;:!-–—()[]<>|。、，！：；"
_CLAUSE_END = re.compile(r"\s*[.,;!–—-]\s+")
_LONGEST_REASON = 1_000
_WRAPPED_FROM = 55
_NAMES = re.compile(r"(?:^|(?<= )|(?<=\*))[A-ZÀ-Þ][^\W\d_]+")
_LISTED = re.compile(r"(?:[-*•]|\(?\d{1,2}[.)]|[a-z][.)]) ?\S")
_NOT_ALONE = frozenset(phrases("as | since"))
"""Behind a date these may mean something else than "because"."""


def of_denial(begun: str, rest: list[str], words: Grammar, *, joint: str) -> str:
    """The reason that begins behind the word, or stands in the first paragraph below; "" where there is none."""
    reason = _closed(itself(_whole_reason(_without_closing(itself(begun, words)), rest, joint=joint), words))
    return f"{reason}:" if reason and joint == ":" and not any(rest) else reason


def of_extension(begun: str, rest: list[str], words: Grammar) -> str:
    """Why more time is asked for; "" where nobody says."""
    return itself(_whole_reason(_without_closing(itself(begun, words)), rest, joint=""), words)


def before_reason(plain: str, words: Grammar) -> int:
    """Where `because …` begins behind the options of a command; the length of the text where it does not."""
    known = "|".join(re.escape(word) for word in words.reason if word not in _NOT_ALONE)
    found = re.search(rf"(?<![\w'-])(?:{known})(?![\w-])", plain)
    return found.start() if found else len(plain)


def in_line(line: str, words: Grammar) -> bool:
    """Whether the line of an extension says why itself."""
    plain = fold(line)
    return before_reason(plain, words) < len(plain)


def with_more(command: Command, below: str) -> Command:
    """A reason that introduces a quotation goes on below it, and a denial that has none above has it there."""
    paragraph = below.strip().split("\n\n")[0]
    if command.verb is Verb.DENY and not command.reason:
        return replace(command, reason=_whole_reason("", below.strip().split("\n"), joint=""))
    if not command.reason.endswith(":") or not paragraph:
        return replace(command, reason=command.reason.removesuffix(":"))
    return replace(command, reason=f"{command.reason} {' '.join(paragraph.split())}"[:_LONGEST_REASON])


def _closed(reason: str) -> str:
    """With the bracket that was cut off as the end of a line."""
    return f"{reason})" if reason.count("(") == reason.count(")") + 1 else reason


def itself(reason: str, words: Grammar) -> str:
    """`Reason: no room`, `sorry, no room`, `because there is no room` without what only introduces it."""
    folded = fold(reason)
    for word in (*words.reason, *words.before_denial):
        introduces = word in words.reason or folded[len(word) : len(word) + 1] in (",", ":")
        if introduces and starts_with_word(folded, 0, word):
            return reason[len(word) :].strip(EDGES)
    return reason


def _without_closing(reason: str) -> str:
    """`no room. Best, Carol` without what only closes the mail."""
    ends = (found for found in _CLAUSE_END.finditer(reason) if is_closing(reason[found.end() :]))
    found = next(ends, None)
    return reason[: found.start()] if found else reason


def _whole_reason(begun: str, rest: list[str], *, joint: str) -> str:
    """The reason as one paragraph: what stands behind the word and goes on below it, or the first paragraph below.

    Names, closings, contacts, disclaimers, footers and our own code line are no reason.
    """
    paragraph = list(rest)
    if not begun:
        while paragraph and (not paragraph[0] or is_contact(paragraph[0]) or _is_spoken_to(paragraph)):
            paragraph.pop(0)
    end = next((number for number, line in enumerate(paragraph) if not line), len(paragraph))
    if not begun and (is_disclaimer(" ".join(paragraph[:end])) or _is_a_full_signature(paragraph[:end])):
        return ""
    kept = [begun] if begun else []
    for line in paragraph[:end]:
        if _ends_reason(line, kept):
            break
        kept.append(line)
    if begun and len(kept) > 1:
        kept[0] += joint if joint in ",;:" else ""  # what was cut off as the end of a command goes on
        return " ".join(kept)[:_LONGEST_REASON].strip(EDGES)
    return " ".join(kept)[:_LONGEST_REASON].strip()


def _is_spoken_to(paragraph: list[str]) -> bool:
    """`Hello Alice,` above the words to her."""
    return is_greeting(paragraph[0]) and any(paragraph[1:])


def _is_a_full_signature(paragraph: list[str]) -> bool:
    """A first and a last name with a title or an office: one word beside a dash begins a reason ("Budget - there is none")."""
    return bool(paragraph) and len(_NAMES.findall(paragraph[0])) > 1 and is_signature(paragraph)


def _ends_reason(line: str, kept: list[str]) -> bool:
    """Whether a line is no part of the reason that was `kept` so far."""
    if is_closing(line) or is_contact(line) or is_mobile_footer(line) or (kept and is_disclaimer(line)):
        return True
    goes_on = bool(kept) and (len(kept[-1]) >= _WRAPPED_FROM or bool(_LISTED.match(line)) or line[:1].islower())
    return is_name(line) and not goes_on


def starts_with_word(text: str, at: int, phrase: str) -> bool:
    return text.startswith(phrase, at) and no_word_goes_on(text, at + len(phrase))


def no_word_goes_on(text: str, at: int) -> bool:
    return at == len(text) or not (text[at].isalnum() or text[at] in "'-_@/")
