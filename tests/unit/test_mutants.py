"""`make mutants` changes what it says, one thing at a time, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

from contrib import mutants

SOURCE = '''
def late(now: int | None, due: int, held: bool = False) -> bool:
    """Whether 3 is late."""
    if held:
        return not held
    return now is not None and now + 1 >= due
'''


def test_every_place_is_changed_once_and_annotations_and_docstrings_never(tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text(SOURCE, encoding="utf-8")
    changes = [(one.line, one.before, one.after) for one in mutants.mutants_of(file, tmp_path)]
    assert changes == [
        (2, "False", "True"),
        (4, "if held:\n    return not held", "if not held:\n    return not held"),
        (5, "not held", "held"),
        (6, "now is not None and now + 1 >= due", "now is not None or now + 1 >= due"),
        (6, "now is not None", "now is None"),
        (6, "now + 1 >= due", "now + 1 > due"),
        (6, "now + 1", "now - 1"),
        (6, "1", "2"),
    ]


def test_each_mutant_is_the_whole_file_with_that_one_change(tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text(SOURCE, encoding="utf-8")
    original = ast.unparse(ast.parse(SOURCE)).splitlines()
    for one in mutants.mutants_of(file, tmp_path):
        changed = [pair for pair in zip(original, one.text.splitlines(), strict=True) if pair[0] != pair[1]]
        assert len(changed) == 1, one


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    drawn = [mutants.chosen(sample=5, seed=seed, only="letter_brake") for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all("letter_brake" in one.file for one in drawn[0])
    assert len(mutants.chosen(sample=None, seed=1, only="tokens.py")) > 50
