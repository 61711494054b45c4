"""`make mutants` changes what it says, one thing at a time, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from contrib import mutations as mutants
from contrib.mutant_trials import Functions, Seen, Trials, statement_of

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
        (4, "if held:", "if not held:"),
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
        changed = [
            pair for pair in zip(original, ast.unparse(one.tree()).splitlines(), strict=True) if pair[0] != pair[1]
        ]
        assert len(changed) == 1, one


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    drawn = [mutants.chosen(sample=5, seed=seed, only=("letter_brake",)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all("letter_brake" in one.file for one in drawn[0])
    assert len(mutants.chosen(sample=None, seed=1, only=("tokens.py",))) > 50


def test_a_mutant_is_found_by_its_statement_and_what_is_made_at_import_by_none(tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text(SOURCE, encoding="utf-8")
    assert [(one.line, statement_of(one)) for one in mutants.mutants_of(file, tmp_path)] == [
        (2, None), (4, 4), (5, 5), (6, 6), (6, 6), (6, 6), (6, 6), (6, 6),
    ]  # fmt: skip


def test_the_tests_for_a_mutant_are_those_that_execute_its_statement_or_of_the_whole_file_where_it_has_changed(
    tmp_path: Path,
) -> None:
    file = tmp_path / "late.py"
    file.write_text(SOURCE, encoding="utf-8")
    at_import, held, *others = mutants.mutants_of(file, tmp_path)
    seen = Seen(sources={"late.py": mutants.state_of(SOURCE)})
    seen.add("held", 1.0, [("late.py", 4), ("late.py", 5)])
    seen.add("late", 2.0, [("late.py", 4), ("late.py", 6)])
    assert seen.tests_for(held) == seen.tests_for(at_import) == {"held", "late"}
    assert seen.tests_for(others[0]) == {"held"}
    assert seen.tests_for(others[1]) == {"late"}
    seen.sources["late.py"] = mutants.state_of(SOURCE + "# changed since")
    assert seen.tests_for(others[0]) == {"held", "late"}


def test_what_noticed_a_mutant_before_comes_first_and_nothing_that_is_no_test(tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text(SOURCE, encoding="utf-8")
    at_import, held, *_ = mutants.mutants_of(file, tmp_path)
    seen = Seen(sources={"late.py": mutants.state_of(SOURCE)})
    seen.add("short", 1.0, [("late.py", 4)])
    seen.add("long", 2.0, [("late.py", 4)])
    for noticed, order in (
        ({held.change: "long"}, ["long", "short"]),
        ({held.change: "it cannot be imported"}, ["short", "long"]),
        ({}, ["short", "long"]),
    ):
        trials = Trials(tmp_path, (), 10.0, 1, noticed, lambda *_: None, _seen=seen)
        assert trials.tests_for(held, ()) == order
        assert trials.tests_for(at_import, ()) == ["short", "long"]


def test_the_code_of_a_living_function_is_changed_wherever_it_was_taken_to(tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text(SOURCE, encoding="utf-8")
    module: dict[str, Any] = {}
    exec(compile(SOURCE, str(file), "exec"), module)
    taken = module["late"]
    assert taken(2, 3)
    Functions.living().change(list(mutants.mutants_of(file, tmp_path))[-2].tree(), file)
    assert not taken(2, 3), "now + 1 is now - 1"
