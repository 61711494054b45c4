"""A site's own templates: they replace those of the program, and are tried before they are used."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailbot.letters.compose import compose
from mailbot.letters.languages import languages
from mailbot.letters.own_words import problems, replaced
from mailbot.letters.samples import samples
from mailbot.letters.settings import LetterSettings
from mailbot.letters.trying import SHOWING_THE_SITE, badly_written
from mailbot.model import Letter
from mailbot.rules import Rules, ServiceRules
from parsers.reply.grammar import ALWAYS, BY_CONFIGURATION, read_in
from tests.trying import SAMPLES, SETTINGS, sample_of
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


# what the site says of itself, in the program's own templates


READ = tuple(language.code for language in (*ALWAYS, *BY_CONFIGURATION))
OF_THE_SITE = re.compile("qname|qcontact|qhint|qterms|qsupport", re.IGNORECASE)
WORDS = ServiceRules(name="Qname", contact="Qcontact", login_hint="Qhint", terms=("Qterms one.",), languages=READ)


def paragraphs(code: str) -> dict[Letter, set[str]]:
    """By letter, the paragraphs with words of the site, without numbers and codes."""
    site = replace(SETTINGS, rules=Rules(service=WORDS), support_address="qsupport@testbed.example")
    found: dict[Letter, set[str]] = {}
    for sample in SAMPLES:
        words = words_of(compose(sample.spoken(code).item, sample.ticket, site, sample.now))
        plain = (
            " ".join(re.sub(r"\bcode \S+|\d+", "…", one, flags=re.IGNORECASE).split())
            for one in re.split(r"\n\s*\n", words)
        )
        found.setdefault(sample.letter, set()).update(filter(OF_THE_SITE.search, plain))
    return found


@pytest.mark.parametrize("code", languages())
def test_the_letters_that_are_always_tried_show_each_paragraph_with_words_of_the_site(code: str) -> None:
    found = paragraphs(code)
    assert set(found) == set(Letter)
    assert set().union(*found.values()) == set().union(*(found[letter] for letter in SHOWING_THE_SITE))


def test_the_programs_own_lines_are_commands_in_no_language_that_can_be_read() -> None:
    with_all_letters = ServiceRules(languages=READ, banners=("what a gateway writes above mails",))
    assert list(problems(replace(SETTINGS, rules=Rules(service=with_all_letters)))) == []


def as_written(settings: LetterSettings) -> bool:
    """Whether a line of the letters themselves would be a command."""
    read = read_in(settings.rules.service.languages)
    tried = ((one, code) for one in samples(SHOWING_THE_SITE) for code in languages() if code in read)
    return any(wrong for one, code in tried for wrong in badly_written(one, settings, code))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "release"},
        {"name": "Approve"},
        {"name": "Extend for 6 months"},
        {"contact": "approve"},
        {
            "contact": "the operators of a testbed with a name that is so long that every line breaks elsewhere than before"
        },
        {"contact": "a team; please approve"},
        {"login_hint": "status"},
        {"terms": ("Keep a copy.", "Please release what you do not need.")},
        {"terms": ("statut",)},
        {"terms": ("verlängern bis 2027-09-30",), "languages": READ},
    ],
    ids=str,
)
def test_the_words_of_a_site_are_judged_as_in_the_letters_themselves(change: dict[str, Any]) -> None:
    site = replace(SETTINGS, rules=Rules(service=replace(ServiceRules(), **change)))
    assert bool(list(problems(site))) == as_written(site)


@pytest.mark.parametrize("change", [{"name": "release"}, {"terms": ("You manage it.", "release")}])
def test_words_of_the_site_that_would_be_a_command_are_refused(change: dict[str, Any]) -> None:
    rules = Rules(service=replace(ServiceRules(), **change))
    assert any("would be a command" in one for one in problems(replace(SETTINGS, rules=rules)))


def test_the_layout_of_the_site_is_tried_with_every_letter(tmp_path: Path) -> None:
    (tmp_path / "layout.html.j2").write_text("{{ nothing_like_that }}\n", encoding="utf-8")
    found = list(problems(replace(SETTINGS, templates=tmp_path)))
    assert {one.partition(":")[0] for one in found} >= {letter.value for letter in Letter}
