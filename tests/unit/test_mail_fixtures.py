"""Every mail of `fixtures/mail` is understood as the file beside it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.explain import explain
from parsers import ReadingRules, read, understand

FOLDER = Path(__file__).parents[2] / "fixtures" / "mail"
GROUPS = ("replies", "automatic", "people", "hostile")
MAILS = sorted(path for group in GROUPS for path in (FOLDER / group).glob("*.eml"))
RULES = ReadingRules(
    now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    timezone=UTC,
    own_addresses=frozenset({"support@testbed.example"}),
    own_message_id_domain="mailbot.testbed.example",
)


def explained(path: Path, raw: bytes | None = None) -> dict[str, object]:
    understood = understand(read(path.read_bytes() if raw is None else raw, RULES), RULES)
    return explain(understood, path.name, RULES, lambda _request, _rules: ())


@pytest.mark.parametrize("path", MAILS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_mail_is_understood_as_expected(path: Path) -> None:
    wanted = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    told = explained(path)

    automatic = wanted.pop("automatic", None)
    assert {key: told.get(key) for key in wanted} == wanted
    if automatic is not None:
        machine = told["automatic"]
        assert isinstance(machine, dict)
        assert {key: machine[key] for key in automatic} == automatic


@pytest.mark.parametrize("path", MAILS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_line_ends_do_not_change_what_a_mail_means(path: Path) -> None:
    raw = path.read_bytes()
    if b"\r" in raw or b"\0" in raw:
        return  # these are about line ends, or are no text
    without_sizes = {"why": ""}  # a refusal tells sizes, which line ends do change
    assert explained(path, raw.replace(b"\n", b"\r\n")) | without_sizes == explained(path, raw) | without_sizes


def test_there_are_enough_mails_to_learn_from() -> None:
    counts = {group: len(list((FOLDER / group).glob("*.eml"))) for group in GROUPS}

    assert sum(counts.values()) >= 150
    assert min(counts.values()) >= 10


def test_every_mail_has_an_expectation_and_every_expectation_a_mail() -> None:
    mails = {path.with_suffix("") for path in FOLDER.glob("*/*.eml")}
    expectations = {path.with_suffix("") for path in FOLDER.glob("*/*.json")}

    assert mails == expectations
