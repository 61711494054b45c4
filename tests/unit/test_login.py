"""A login as people write it: decoration comes off, nothing is guessed."""

from __future__ import annotations

import pytest

from parsers.request.login import read_login


@pytest.mark.parametrize(
    "text",
    [
        "alice", " alice ", '"alice"', "'alice'", "`alice`", "«alice»", "“alice”", "<alice>", "(alice)", "[alice]", "*alice*",
        "alice.", "alice;", '"alice".', "alice (Alice, second floor)", "\u200balice\ufeff", "ALICE", "Alice",
    ],
)  # fmt: skip
def test_decoration_comes_off(text: str) -> None:
    assert read_login(text).value == "alice"


@pytest.mark.parametrize("text", ["a", "a1", "a-b", "a_b", "a.b", "jean.dupont", "jdoe2", "a" * 32])
def test_these_are_logins(text: str) -> None:
    assert read_login(text).value == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Nothing is filled in"),
        ("alice example", "more than one word"),
        ("alice, bob", "more than one word"),
        ("alice/bob", "more than one word"),
        ("my login is alice", "more than one word"),
        ("alice@example.org", "mail address"),
        ("alice <alice@example.org>", "mail address"),
        ("alice@example.org<mailto:alice@example.org>", "mail address"),
        ("alice;id", 'cannot contain ";"'),
        ("../alice", "more than one word"),
        ("alice$(id)", 'cannot contain "$()"'),
        ("1alice", "begins with a letter"),
        ("-alice", "begins with a letter"),
        ("alice-", "ends in a letter or digit"),
        (".alice", "begins with a letter"),
        ("a" * 33, "at most 32"),
        ("\u0430lice", "U+0430 CYRILLIC SMALL LETTER A"),
        ("ａlice", "U+FF41 FULLWIDTH LATIN SMALL LETTER A"),
        ("andré", "U+00E9 LATIN SMALL LETTER E WITH ACUTE"),
        ("ali\u200bce", "U+200B ZERO WIDTH SPACE"),
        ("ali\x00ce", "U+0000"),
        ("ali\ufffdce", "U+FFFD REPLACEMENT CHARACTER"),
        ("абвгдежз", "and 4 more"),
    ],
)
def test_what_is_no_login_is_refused_with_the_reason_and_an_example(text: str, words: str) -> None:
    reading = read_login(text)
    assert reading.value is None
    assert words in reading.problem
    assert "for example username: alice" in reading.problem


def test_upper_case_is_lowered_and_said() -> None:
    assert read_login("Alice").note == "the login was written Alice, and read as alice"
    assert read_login("alice").note == ""
