"""Every file of `fixtures/conversations` is played against the real core and database; the sample letters are what they lead to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import templates_email
from mailbot.letters.compose import compose
from mailbot.letters.languages import languages
from mailbot.letters.samples import Sample, as_json
from mailbot.model import Letter
from mailbot.rules import ENGLISH
from tests.recorded import CONVERSATIONS, chosen, played
from tests.trying import EVERY_LANGUAGE, english_in, own_words
from tests.writing import words_of

SAMPLES = Path(templates_email.__path__[0]) / "samples"


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
def test_the_conversation_goes_as_written(file: Path) -> None:
    played(file)


def _of_the_request(sample: Sample) -> str:
    """What the requester wrote and a letter shows in its rows, not marked as theirs."""
    found = [problem.get("found") for problem in sample.item.effect.facts.get("problems", ())]
    return f"{found} {sample.ticket.disk_reason if sample.ticket else ''}".replace('"', " ")


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
def test_no_letter_of_it_would_be_partly_in_english_in_another_language(file: Path) -> None:
    for code in set(languages()) - {ENGLISH}:
        for one in (one for one in played(file) if one.letter is not Letter.ANNOUNCEMENT):  # an admin's own title
            own = own_words(words_of(compose(one.spoken(code).item, one.ticket, EVERY_LANGUAGE, one.now)))
            assert english_in(own, code) - english_in(_of_the_request(one), code) == set(), own


def test_there_are_conversations() -> None:
    assert len(CONVERSATIONS) > 40


@pytest.mark.timeout(1200)
def test_the_samples_are_the_letters_of_the_conversations(regenerate_golden: bool) -> None:
    """Nothing in them is made by hand; `--regenerate-golden` writes them again."""
    letters = chosen([one for file in CONVERSATIONS for one in played(file)])
    for letter in Letter:
        rows = [as_json(one) for one in letters if one.letter is letter]
        now = json.dumps(rows, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        file = SAMPLES / f"{letter.value}.json"
        if regenerate_golden:
            file.parent.mkdir(exist_ok=True)
            file.write_text(now, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == now, f"{letter}: run pytest --regenerate-golden, read the difference"
