"""A site's own templates: they replace those of the program, and are tried before they are used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.letters.compose import compose
from mailbot.letters.trying import problems, replaced
from mailbot.model import Letter
from tests.trying import SETTINGS, sample_of
from tests.writing import words_of

REMOVED = "! {{ vm }} is gone for good.\n\nThe team of {{ service.name }} wishes you well.\n"


def test_the_programs_own_templates_have_no_problem() -> None:
    assert list(problems(SETTINGS)) == []


def test_a_template_in_the_sites_folder_replaces_that_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "vm-removed.txt.j2").write_text(REMOVED, encoding="utf-8")
    mine = replace(SETTINGS, templates=tmp_path)
    sample = sample_of(Letter.VM_REMOVED)
    written = words_of(compose(sample.item, sample.ticket, mine, sample.now))
    assert written.startswith("alice-vm is gone for good.")
    other = sample_of(Letter.REQUEST_LAPSED)
    assert compose(other.item, other.ticket, mine, other.now) == compose(other.item, other.ticket, SETTINGS, other.now)
    assert replaced(tmp_path) == ["vm-removed.txt.j2"]
    assert list(problems(mine)) == []


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        (
            "vm-removed.txt.j2",
            "! Gone.\n{% if false %}{{ keep_untill }}{% endif %}\n",
            "vm-removed.txt.j2: this letter has no keep_untill",
        ),
        ("vm-removed.txt.j2", "! Gone {{ vm\n", "vm-removed.txt.j2: "),
        ("vm-gone.txt.j2", "! Gone.\n", "vm-gone.txt.j2: there is no letter of that name"),
        ("vm-removed.txt.j2", "! Gone.\n\napprove\n", "vm-removed: the line “approve” would be a command"),
        ("_small.txt.j2", "~ {{ nobody }}\n", "_small.txt.j2: this letter has no nobody"),
    ],
)
def test_what_is_wrong_with_a_template_is_named(tmp_path: Path, file: str, text: str, wrong: str) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")
    found = list(problems(replace(SETTINGS, templates=tmp_path)))
    assert found
    assert found[0].startswith(wrong)


def test_a_site_without_such_a_folder_has_the_programs_templates(tmp_path: Path) -> None:
    assert list(problems(replace(SETTINGS, templates=tmp_path / "none"))) == []
