"""The file of people: what may stand in it, and what is said about what may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.adapters.directory import file
from mailbot.adapters.directory.file import FileDirectory
from mailbot.errors import DirectoryUnavailable
from mailbot.letters.languages import language
from parsers.translatable import Translatable, words_of
from tests.trying import english_in

ALICE = '[[person]]\nlogin = "alice"\nname = "Alice"\nmail = "Alice@Example.org"\n'
BOB = '[[person]]\nlogin = "bob"\nname = "Bob"\nmail = "bob@example.org"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.toml"


def error(path: Path, text: str) -> Translatable:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DirectoryUnavailable) as caught:
        FileDirectory(path).people()
    return words_of(caught.value)


def problem(path: Path, text: str) -> str:
    return error(path, text).replace(f"{path}", "people.toml")


def test_the_example_in_the_documentation_is_valid(path: Path) -> None:
    lines = (file.__doc__ or "").splitlines()
    path.write_text("\n".join(line[4:] for line in lines if line.startswith("    ")), encoding="utf-8")
    (path.parent / "keys").mkdir()
    (path.parent / "keys" / "alice.pub").write_text("ssh-ed25519 BBBB alice@desk\n")

    (alice,) = FileDirectory(path).people()

    assert alice.login == "alice"
    assert alice.aliases == ("a.martin@lab.example.org",)
    assert alice.ssh_keys == ("ssh-ed25519 AAAA… alice@laptop", "ssh-ed25519 BBBB alice@desk")


def test_addresses_are_kept_in_lower_case_and_what_is_left_out_is_empty(path: Path) -> None:
    path.write_text(ALICE)
    (alice,) = FileDirectory(path).people()

    assert alice.email == "alice@example.org"
    assert (alice.aliases, alice.ssh_keys, alice.locked) == ((), (), False)


def test_an_empty_file_knows_nobody(path: Path) -> None:
    path.write_text("# nobody yet\n")
    assert FileDirectory(path).people() == ()


def test_a_keys_file_is_read_again_when_it_changes_and_comments_in_it_are_left_out(path: Path) -> None:
    keys = path.parent / "alice.pub"
    keys.write_text("# laptop\n\nssh-ed25519 AAAA alice\n  # desk\n")
    path.write_text(ALICE + 'ssh_keys_file = "alice.pub"\n')
    directory = FileDirectory(path)
    assert directory.people()[0].ssh_keys == ("ssh-ed25519 AAAA alice",)

    keys.write_text("ssh-ed25519 AAAA alice\nssh-ed25519 BBBB alice\n")

    assert directory.people()[0].ssh_keys == ("ssh-ed25519 AAAA alice", "ssh-ed25519 BBBB alice")


def test_a_file_that_an_edit_has_broken_answers_nothing_from_memory(path: Path) -> None:
    path.write_text(ALICE)
    directory = FileDirectory(path)
    assert directory.by_login("alice")

    path.write_text(ALICE + "[[person]\n")
    for _ in range(2):
        with pytest.raises(DirectoryUnavailable):
            directory.by_login("alice")

    path.write_text(ALICE)
    assert directory.by_login("alice")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[[person]\n",
            "people.toml is not TOML: “Expected ']]' at the end of an array declaration (at line 1, column 9)”",
        ),
        (ALICE + BOB.replace("mail", "#"), "people.toml, line 5, person 2 (bob): mail is missing"),
        (
            '[[person]]\nname = "A"\nmail = "a@example.org"\n',
            "people.toml, line 1, person 1 (no login): login is missing",
        ),
        (ALICE + 'logn = "x"\n', "people.toml, line 1, person 1 (alice): unknown key logn (did you mean login?)"),
        (ALICE + "colour = 1\n", "people.toml, line 1, person 1 (alice): unknown key colour"),
        (ALICE + 'locked = "no"\n', "people.toml, line 1, person 1 (alice): locked must be true or false"),
        (ALICE + 'aliases = "x@example.org"\n', "person 1 (alice): aliases must be a list of texts in quotes"),
        (ALICE + "ssh_keys = [1]\n", "person 1 (alice): ssh_keys must be a list of texts in quotes"),
        (ALICE.replace('"Alice"', "7"), "person 1 (alice): name must be a text in quotes"),
        (ALICE.replace('"Alice"', '" "'), "person 1 (alice): name is empty"),
        (ALICE + 'aliases = ["alice"]\n', "person 1 (alice): “alice” is not an email address"),
        (BOB.replace("bob@example.org", "b@x, c@x"), "person 1 (bob): “b@x, c@x” is not an email address"),
        (
            ALICE + ALICE.replace("Alice@", "al@"),
            "people.toml, line 5, person 2 (alice): the login alice is there twice",
        ),
        (
            ALICE + BOB + 'aliases = ["ALICE@example.org"]\n',
            "people.toml, line 5, person 2 (bob): alice already has the address alice@example.org",
        ),
        (ALICE + 'ssh_keys_file = "gone.pub"\n', "person 1 (alice): ssh_keys_file: "),
        ("[people]\n", "people.toml: unknown key people; people are written as [[person]], one such heading each"),
        ("person = 3\n", "people.toml: people are written as [[person]], one such heading each"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path: Path, text: str, said: str) -> None:
    assert said in problem(path, text)
    for code in ("fr", "de"):  # admins read it in the letter that the directory does not work
        words = language(code).words(error(path, text)).replace(f"{path.parent}", "")
        assert english_in(words, code) == set(), words


def test_everything_that_is_wrong_is_told_at_once(path: Path) -> None:
    lines = problem(path, ALICE.replace("login", "logn") + BOB.replace("mail", "mial")).splitlines()

    assert len(lines) == 4
    assert all(line.startswith("people.toml, line ") for line in lines)


def test_a_file_that_is_not_there_or_not_text_is_named(path: Path) -> None:
    with pytest.raises(DirectoryUnavailable, match=r"people\.toml cannot be read: No such file"):
        FileDirectory(path).people()
    path.write_bytes(b'[[person]]\nname = "\xff"\n')
    with pytest.raises(DirectoryUnavailable, match=r"people\.toml is not UTF-8 text \(byte 19\)"):
        FileDirectory(path).people()
    path.unlink()
    path.mkdir()
    with pytest.raises(DirectoryUnavailable, match=r"people\.toml cannot be read"):
        FileDirectory(path).people()
