"""Every file of `fixtures/conversations` is played against the real core and database; the sample letters are what they lead to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import templates_email
from mailbot.letters.samples import as_json
from mailbot.model import Letter
from tests.recorded import CONVERSATIONS, chosen, played

SAMPLES = Path(templates_email.__path__[0]) / "samples"


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
def test_the_conversation_goes_as_written(file: Path) -> None:
    played(file)


def test_there_are_conversations() -> None:
    assert len(CONVERSATIONS) > 40


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
