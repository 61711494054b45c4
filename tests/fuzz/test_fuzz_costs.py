"""The search for costly mails finds what it looks for; `python -m tests.fuzz.fuzz_costs --seconds 3600` is the long run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import fuzz_costs


def hungry(raw: bytes) -> None:
    """A target that takes memory for one kind of mail only."""
    if raw.count(b"<td>") > 1_000:
        assert len(bytearray(b"x") * (300 * 2**20)) > 0


def test_a_mail_that_takes_more_memory_than_it_may_is_found_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(AssertionError, match=r"costly-[0-9a-f]{40}\.eml"):
        fuzz_costs.fuzz(rounds=2_000, seconds=None, seed=20261123, limits=fuzz_costs.Limits(3_600, 200), target=hungry)

    (found,) = tmp_path.glob("costly-*.eml")
    assert found.read_bytes().count(b"<td>") > 1_000


def test_a_mail_grows_where_it_is_filled() -> None:
    chance = fuzz_costs.random.Random(1)

    sizes = [len(fuzz_costs.grown(b"From: a@example.org\n\nhello\n", chance)) for _ in range(50)]

    assert max(sizes) > 100_000
    assert max(sizes) <= 3 * fuzz_costs.SIZE
