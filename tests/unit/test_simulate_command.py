"""`mailbot simulate`: what its options mean, and that it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from mailbot import cli, journal
from mailbot.adapters.clock import MemoryClock
from mailbot.model import Letter, TicketState
from tests.world import START, World, request_words

DAY = timedelta(days=1)
CLOCK = MemoryClock(START)
"""The clock of the command and of the bot beside it."""
main = partial(cli.main, clock=CLOCK)
Capture = pytest.CaptureFixture[str]
ANSWERS = (
    "--imap=imap.example.org",
    "--address=support@testbed.example",
    "--admin=carol@testbed.example",
    "--domain=main.testbed.example",
)


@pytest.fixture
def config(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("MAILBOT_CONFIG", raising=False)
    (tmp_path / "password").write_text("hunter2\n")
    path = tmp_path / "etc" / "config.toml"
    assert main(["init", "-c", str(path), *ANSWERS, "--password-file", str(tmp_path / "password")]) == 0
    path.write_text(path.read_text() + f'\n[database]\nurl = "sqlite:///{tmp_path / "mailbot.sqlite"}"\n')
    capsys.readouterr()
    yield path
    journal.configure()


@pytest.fixture
def world(config: Path, tmp_path: Path, capsys: Capture) -> Iterator[World]:
    """A bot on the same database, with a machine that runs for 200 days more."""
    CLOCK.set(START)
    world = World(tmp_path, clock=CLOCK)
    world.writes("alice@example.org", request_words(until=f"{world.now + 200 * DAY:%Y-%m-%d}"))
    world.answers(world.last(Letter.ADMIN_DECISION), "approve")
    while world.ticket().state is not TicketState.ACTIVE:
        world.later(seconds=5)
    capsys.readouterr()
    yield world
    world.close()


def foretold(config: Path, capsys: Capture, *words: str) -> list[dict[str, str]]:
    """The entries, as JSON has them."""
    assert main(["simulate", "-c", str(config), "--format", "json", *words]) == 0
    entries: list[dict[str, str]] = json.loads(capsys.readouterr().out)["entries"]
    return entries


def names(entries: list[dict[str, str]]) -> list[str]:
    return [entry["name"] for entry in entries]


def test_the_whole_life_is_told_and_nothing_is_changed(config: Path, world: World, capsys: Capture) -> None:
    before = world.ticket()
    told = names(foretold(config, capsys))
    assert told[:4] == ["warning"] * 4
    assert told[-1] == "vm-removed"
    assert world.ticket() == before


def test_one_ticket_can_be_asked_for_until_a_day(config: Path, world: World, capsys: Capture) -> None:
    until = f"{world.ticket().end_date - 20 * DAY}"
    assert names(foretold(config, capsys, "1", "--until", until)) == ["warning", "warning"]


def test_downtime_moves_what_falls_into_it(config: Path, world: World, capsys: Capture) -> None:
    end = world.ticket().end_date
    told = foretold(config, capsys, "--down", f"{end - 40 * DAY}..{end - 20 * DAY}")
    assert "the bot was off" in told[1]["late"]
    assert told[1]["at"][:10] in {f"{end - 21 * DAY}", f"{end - 20 * DAY}"}


def test_letters_come_back_and_owners_ask_for_more(config: Path, world: World, capsys: Capture) -> None:
    end = world.ticket().end_date
    told = names(foretold(config, capsys, "--bounce", "1:warning", "--extend", f"{end - 5 * DAY}={end + 90 * DAY}"))
    assert told.index("bounce") < told.index("ExtensionAsked") < told.index("extension-granted")
    assert told[-1] == "vm-removed"


def test_shares_follow_the_seed(config: Path, world: World, capsys: Capture) -> None:
    shares = ("--bounce", "30%", "--extend", "50%")
    one, same, other = (names(foretold(config, capsys, *shares, "--seed", seed)) for seed in ("1", "1", "3"))
    assert one == same
    assert one != other


def test_the_table_says_when_and_why(config: Path, world: World, capsys: Capture) -> None:
    assert main(["simulate", "-c", str(config), "1"]) == 0
    shown = capsys.readouterr().out
    assert "letter warning" in shown
    assert "alice@example.org" in shown
    assert "stopped at the end of the lease" in shown
    assert "\x1b" not in shown


def test_the_picture_goes_to_a_file(config: Path, world: World, capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "fleet.svg"
    assert main(["simulate", "-c", str(config), "--format", "svg", "--out", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert file.read_text().startswith("<svg ")


def test_a_ticket_that_is_not_there_is_said(config: Path, world: World, capsys: Capture) -> None:
    assert main(["simulate", "-c", str(config), "9"]) == 65
    assert capsys.readouterr().err == "There is no ticket #9.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--down", "2027-01-31"], "2027-01-31 is not a period"),
        (["--down", "2027-02-01..2027-01-01"], "is not a period"),
        (["--bounce", "wörning"], "neither a letter"),
        (["--bounce", "7:warning"], "ticket #7 is not simulated"),
        (["--extend", "soon"], "neither two days"),
        (["--extend", "soon=later"], "is not a date"),
        (["--until", "tomorrow"], "tomorrow is not a date"),
    ],
)
def test_what_cannot_be_read_is_said(config: Path, world: World, capsys: Capture, words: list[str], said: str) -> None:
    assert main(["simulate", "-c", str(config), *words]) == 64
    assert said in capsys.readouterr().err
