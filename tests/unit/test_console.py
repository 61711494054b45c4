"""What a machine wrote to its console, as a letter shows it: the last lines, without what only a terminal understands."""

from __future__ import annotations

import pytest

from provisioner.api import CONSOLE_LINES
from provisioner.libvirt_driver.guest import shown_lines


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ("", ()),
        ("login: ", ("login:",)),
        ("one\r\n\r\ntwo\r\n", ("one", "two")),
        (
            "\x1b[0;1;31mFailed\x1b[0m to start \x1b[2J\x1b[H\x1b]0;title\x07x.service\r\n",
            ("Failed to start x.service",),
        ),
        ("10 %\r50 %\r100 %\r\n", ("100 %",)),
        ("half of an escape \x1b[", ("half of an escape",)),
        ("bell\x07 and nul\x00", ("bell and nul",)),
    ],
)
def test_lines_are_shown_as_a_person_would_have_seen_them(said: str, lines: tuple[str, ...]) -> None:
    assert shown_lines(said) == lines


def test_only_the_last_lines_are_shown_and_none_is_endless() -> None:
    lines = shown_lines("\n".join(f"line {number} {'x' * 5000}" for number in range(500)))
    assert len(lines) == CONSOLE_LINES
    assert lines[-1].startswith("line 499 ")
    assert max(map(len, lines)) <= 200


def test_whatever_a_guest_prints_costs_little() -> None:
    for hostile in ("\x1b]" * 30_000, "\x1b[" + "0;" * 30_000, "\r" * 65_000, "\x1b" * 65_000):
        assert len(shown_lines(hostile)) <= CONSOLE_LINES
