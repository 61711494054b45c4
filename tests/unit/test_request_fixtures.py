"""Every mail of `fixtures/mail/requests` is understood as the file beside it says.

The expectation names what matters: a key that it leaves out may be anything; a list must have just its items.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.explain import explain
from parsers import ReadingRules, read, understand

FOLDER = Path(__file__).parents[2] / "fixtures" / "mail" / "requests"
MAILS = sorted(FOLDER.glob("*.eml"))
RULES = ReadingRules(
    now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    timezone=UTC,
    own_addresses=frozenset({"support@testbed.example"}),
    own_message_id_domain="mailbot.testbed.example",
)


def differences(wanted: object, told: object, where: str = "") -> list[str]:
    """Where what was told is not what was wanted, as readable lines."""
    if isinstance(wanted, dict) and isinstance(told, dict):
        return [line for key in wanted for line in differences(wanted[key], told.get(key), f"{where}.{key}")]
    if isinstance(wanted, list) and isinstance(told, list) and len(wanted) == len(told):
        pairs = enumerate(zip(wanted, told, strict=True))
        return [line for i, (one, other) in pairs for line in differences(one, other, f"{where}[{i}]")]
    return [] if wanted == told else [f"{where}: wanted {wanted!r}, told {told!r}"]


def explained(raw: bytes) -> dict[str, object]:
    return explain(understand(read(raw, RULES), RULES), "mail", RULES, lambda _request, _rules: ())


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_request_is_understood_as_expected(path: Path) -> None:
    wanted = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert differences(wanted, explained(path.read_bytes())) == []


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_refused_part_is_told_with_an_example_or_the_readings(path: Path) -> None:
    told = explained(path.read_bytes())
    problems = told["problems"]
    assert isinstance(problems, list)
    for problem in problems:
        assert any(words in problem["allowed"] for words in ("for example", "Please "))


def test_there_are_enough_requests_to_learn_from() -> None:
    assert len(MAILS) >= 100
    assert {path.stem for path in FOLDER.glob("*.json")} == {path.stem for path in MAILS}
