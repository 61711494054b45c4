"""Word tables as patterns: compiled when they are first used."""

from __future__ import annotations

import re

from parsers.text import tables


def test_a_table_is_compiled_when_it_is_first_used_and_is_a_pattern_from_then_on() -> None:
    waiting = len(tables._WAITING)
    words = tables.whole_words("no longer | not* | yes")
    assert len(tables._WAITING) == waiting + 1

    assert [found[0] for found in words.finditer("no  longer, nothing; yesterday, yes")] == [
        "no  longer",
        "nothing",
        "yes",
    ]
    assert len(tables._WAITING) == waiting
    assert words.search("yes")
    assert not words.match(" yes")
    assert re.compile(words.pattern).search("yes")


def test_all_that_wait_are_compiled_together() -> None:
    first = tables.later(r"a(b)")
    tables.compile_all()
    assert not tables._WAITING
    assert first.sub(r"\1", "ab") == "b"
