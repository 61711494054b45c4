"""A short run of the fuzz target; `python -m tests.fuzz.fuzz_parsers --seconds 3600` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import fuzz_parsers


def test_three_hundred_mutated_mails_surprise_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a crash is written where the run is
    start = fuzz_parsers.seeds()[::6]

    done, kept, lines = fuzz_parsers.fuzz(rounds=300, seconds=None, seed=20261123, start=start)

    assert done == 300
    assert kept > 0, "the run is not guided by coverage: no mutated mail reached a new line"
    assert lines > 500


def test_the_target_tells_an_unforeseen_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(raw: bytes, rules: object) -> object:
        return fuzz_parsers.Unreadable("0" * 64, len(raw), "It could not be parsed (KeyError).")

    monkeypatch.setattr(fuzz_parsers, "read", raising)

    with pytest.raises(fuzz_parsers.Found):
        fuzz_parsers.one_mail(b"From: a@example.org\n\nhello")
