"""Trying letters: the shipped samples, and settings of a site to write them with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mailbot.letters.languages import languages
from mailbot.letters.samples import Sample, samples
from mailbot.letters.settings import LetterSettings
from mailbot.model import Letter, Ticket
from mailbot.rules import Rules, ServiceRules
from mailbot.tokens import TokenKeys
from tests.world import CAROL

SETTINGS = LetterSettings(
    support_address="support@testbed.example",
    message_id_domain="mailbot.testbed.example",
    keys=TokenKeys((b"a key for golden files only, 1234",)),
    rules=Rules(),
    from_name="Testbed support",
    plus_addresses=True,
)
EVERY_LANGUAGE = replace(SETTINGS, rules=Rules(service=ServiceRules(languages=languages())))
"""A site that reads commands in every language that letters can be in."""
SAMPLES = samples()
ADMIN = CAROL.address


_ENGLISH = re.compile(
    r"(?i)\b(?:the|is|was|were|are|of|with|has|have|and|than|from|could|cannot|does|did|nobody|there|this|that|until|which|not|more|your|you)\b"
)
_SAME_IN_BOTH = {"de": {"was"}}
_WORDS_OF_OTHERS = re.compile(r"«[^«»]*»|“[^“”]*”|\"[^\"]*\"|„[^„“]*“|\([^()]*\.example[^()]*\)")


def own_words(message: str) -> str:
    """A letter without what is marked as somebody's words, or as lines to copy."""
    lines = (line for line in message.splitlines() if "│" not in line and not line.startswith("    "))
    return " ".join(" ".join(lines).split())


def english_in(text: str, code: str) -> set[str]:
    """The English words of a text in another language; what is quoted is somebody's own."""
    found = {word.lower() for word in _ENGLISH.findall(_WORDS_OF_OTHERS.sub(" ", text))}
    return found - _SAME_IN_BOTH.get(code, set())


def sample_of(letter: Letter) -> Sample:
    """The first sample of a letter."""
    return next(sample for sample in SAMPLES if sample.letter is letter)


def changed(sample: Sample, *, to: tuple[str, str] | None = None, **changes: Any) -> Sample:
    """The sample with other facts or another ticket."""
    effect = sample.item.effect
    if to is not None:
        effect = replace(effect, to=to[0], to_name=to[1])
    facts: Mapping[str, Any] | None = changes.get("facts")
    if facts is not None:
        effect = replace(effect, facts=facts)
    ticket: Ticket | None = changes.get("ticket", sample.ticket)
    return replace(sample, item=replace(sample.item, effect=effect), ticket=ticket)
