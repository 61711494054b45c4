"""Letters as a telephone shows them: what is asked and what to answer come first, in light and dark."""

from __future__ import annotations

import email
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailbot.letters.compose import compose
from mailbot.letters.languages import languages
from tests.browser import measured
from tests.trying import EVERY_LANGUAGE, SAMPLES

TELEPHONE, DESK = 390, 700
FIRST_ANSWER = 420
"""CSS pixels from the top of the message within which the first thing to answer begins on a telephone."""
TELLING = ("vm-ready.", "request-approved.", "root-keys.", "vm-yours.", "vm-moved.")
"""Letters that ask nothing: how to log in comes before what can be answered, too."""


def shown(code: str) -> dict[str, str]:
    letters = {}
    for sample in SAMPLES:
        message = email.message_from_bytes(
            compose(sample.spoken(code).item, sample.ticket, EVERY_LANGUAGE, sample.now).data, policy=policy.default
        )
        assert isinstance(message, EmailMessage)
        part = message.get_body(("html",))
        assert part is not None
        letters[sample.name] = str(part.get_content())
    return letters


@pytest.mark.parametrize("code", languages())
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_to_answer_is_seen_at_once_and_nothing_is_too_wide(tmp_path: Path, dark: bool, code: str) -> None:
    letters = shown(code)
    for width in (TELEPHONE, DESK):
        found = measured(tmp_path, letters, width, dark=dark)
        assert found.keys() == letters.keys()
        assert {name: one["wide"] for name, one in found.items() if one["wide"] > width} == {}
        assert len({one["card"] for one in found.values()}) == 1
        bright = [sum(int(part) for part in str(one["ink"]).strip("rgb()").split(",")) > 380 for one in found.values()]
        assert set(bright) == {dark}
        if width == TELEPHONE:
            offers = {name: one["offer"] for name, one in found.items() if one["offer"] is not None}
            tops = {name: top for name, top in offers.items() if not name.startswith(TELLING)}
            assert len(tops) > 20
            assert {name: top for name, top in tops.items() if top > FIRST_ANSWER} == {}
