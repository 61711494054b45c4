"""Tables for people: what drops, what stacks, what is coloured, and a reader who has gone away."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.cli.columns import Cell, Column, Look, columns, field, moment, painted

ROOT = Path(__file__).resolve().parents[2]
HEADS = (Column("ticket"), Column("user"), Column("ends on", 1), Column("site", 2))
ROWS = [("#1", "alice", "2027-01-31", "main"), ("#12", "bob", "2027-02-28", "north")]


def test_where_there_is_room_every_column_is_as_wide_as_its_widest_cell() -> None:
    assert columns(HEADS, ROWS) == (
        "ticket  user   ends on     site\n#1      alice  2027-01-31  main\n#12     bob    2027-02-28  north"
    )


def test_columns_drop_by_their_rank_until_the_rest_fits() -> None:
    assert columns(HEADS, ROWS, room=30).splitlines()[0] == "ticket  user   ends on"
    assert columns(HEADS, ROWS, room=20).splitlines()[0] == "ticket  user"


def test_where_even_the_last_columns_do_not_fit_each_row_becomes_lines_and_nothing_is_lost() -> None:
    told = columns(HEADS, [("#1", "a" * 70, "2027-01-31", "main")], room=60)
    assert "ticket   #1" in told
    assert "site     main" in told
    assert "a" * 70 in "".join(told.split())


@pytest.mark.parametrize("room", range(60, 201, 7))
def test_no_line_is_wider_than_the_terminal(room: int) -> None:
    heads = tuple(Column(f"head {number}", number) for number in range(10))
    rows = [tuple("word " * (number % 4 + 1) for number in range(10)) for _ in range(3)]
    assert max(map(len, columns(heads, rows, room=room).splitlines())) <= room


def test_a_column_without_a_value_is_left_out() -> None:
    assert "site" not in columns(HEADS, [("#1", "alice", "2027-01-31", None)])


def test_text_of_a_mail_cannot_bend_a_table() -> None:
    assert columns((Column("a"), Column("b")), [("1\x07", "2\n3")]) == "a        b\n1\\u0007  2 ⏎ 3"


def test_a_colour_changes_no_width_and_is_only_there_where_it_is_shown() -> None:
    rows = [(Cell("failed", Look.BAD), "x"), ("ok", "y")]
    plain = columns((Column("state"), Column("b")), rows)
    coloured = columns((Column("state"), Column("b")), rows, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[31mfailed\x1b[0m" in coloured
    assert painted("", Look.BAD, colour=True) == ""


def test_a_long_value_goes_on_below_its_beginning() -> None:
    assert field("held", "one two three four", 4, room=16) == "held  one two\n      three four"


def test_moments_are_the_sites_to_the_minute() -> None:
    assert moment(datetime(2026, 7, 1, 22, 30, 59, tzinfo=UTC), "Europe/Paris") == "2026-07-02 00:30"
    assert moment(None, "Europe/Paris") == ""


def test_a_reader_who_has_gone_away_is_no_error() -> None:
    command = [sys.executable, "-c", "import sys; from mailbot.cli import main; sys.exit(main(['--help']))"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
