"""`export`, `erase` and `audit verify`, beside a bot that works on the same database."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from mailbot import cli, journal
from mailbot.adapters.clock import MemoryClock
from mailbot.model import TicketState
from tests.world import PEOPLE, START, World, key_of, request_words
from tests.writing import mail

CLOCK = MemoryClock(START)
main = partial(cli.main, clock=CLOCK)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    journal.configure()


@pytest.fixture
def config(tmp_path: Path, capsys: Capture) -> Path:
    """A configuration as `mailbot init` writes it, with the database in the test's folder, and alice in the directory."""
    (tmp_path / "password").write_text("hunter2\n")
    path = tmp_path / "etc" / "config.toml"
    answers = (
        *("--imap=imap.example.org", "--address=support@testbed.example", "--admin=carol@testbed.example"),
        *("--domain=main.testbed.example", f"--password-file={tmp_path}/password"),
    )
    assert main(["init", "-c", str(path), *answers]) == 0
    path.write_text(path.read_text() + f'\n[database]\nurl = "sqlite:///{tmp_path / "mailbot.sqlite"}"\n')
    (path.parent / "users.toml").write_text(
        f'[[person]]\nlogin = "alice"\nname = "Alice Martin"\nmail = "alice@example.org"\nssh_keys = ["{key_of("alice")}"]\n'
    )
    capsys.readouterr()
    return path


@pytest.fixture
def world(config: Path, tmp_path: Path, capsys: Capture) -> Iterator[World]:
    """A bot on the same database, with one request that waits for an admin."""
    CLOCK.set(START)
    world = World(tmp_path, clock=CLOCK, people=[replace(one, id=f"file:{one.login}") for one in PEOPLE])
    world.writes("alice@example.org", request_words(until=(START + timedelta(days=200)).date().isoformat()))
    assert world.ticket().state is TicketState.PENDING
    capsys.readouterr()
    yield world
    world.close()


def test_everything_that_is_kept_about_a_person_is_written_as_json(world: World, config: Path, capsys: Capture) -> None:
    assert main(["export", "alice", "-c", str(config)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tickets"][0]["intended_usage"] == "A web server for the results of our campaign."
    assert [line["event"] for line in told["history"]] == ["Requested"]
    assert {letter["letter"] for letter in told["letters"]} == {"request-received", "admin-decision"}
    assert [mail["sender"] for mail in told["mails"]] == ["alice@example.org"]
    assert "nonce" not in told["tickets"][0]
    assert list(told["words"]) == [told["history"][0]["actor"]["mail"]]


def test_of_somebody_who_is_not_known_nothing_is_written(world: World, config: Path, capsys: Capture) -> None:
    assert main(["export", "nobody", "-c", str(config)]) == os.EX_DATAERR
    assert capsys.readouterr().err == "Nothing is stored about nobody.\n"


def given_again(config: Path) -> None:
    """The login alice went to somebody else, whom the directory knows by another id."""
    users = config.parent / "users.toml"
    users.write_text(
        users.read_text().replace('login = "alice"', 'login = "alice"\nid = "2"').replace("Martin", "Young")
    )


def test_a_login_that_two_people_had_is_asked_back_with_both(world: World, config: Path, capsys: Capture) -> None:
    given_again(config)
    for words in (["export"], ["erase", "--as", "carol", "--yes"]):
        assert main([*words, "alice", "-c", str(config)]) == os.EX_DATAERR
        asked = capsys.readouterr().err
        assert "2 people have or had the login alice: say which with --id" in asked
        assert "--id file:2  Alice Young, who has it now" in asked
        assert "--id file:alice  Alice Martin, ticket #1" in asked
    assert main(["export", "alice", "--id", "file:alice", "-c", str(config)]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["tickets"]] == [1]
    assert main(["export", "alice", "--id", "file:2", "-c", str(config)]) == os.EX_DATAERR
    capsys.readouterr()
    assert main(["export", "alice", "--id", "file:3", "-c", str(config)]) == os.EX_DATAERR
    assert "nobody with the id file:3 has or had the login alice" in capsys.readouterr().err


def test_an_erasure_spares_who_has_the_login_now(world: World, config: Path, capsys: Capture) -> None:
    assert main(["deny", "1", "no room this year", "--as", "carol", "-c", str(config)]) == 0
    world.later(minutes=1)
    given_again(config)
    assert main(["erase", "alice", "--id", "file:2", "--as", "carol", "--yes", "-c", str(config)]) == os.EX_DATAERR
    assert "Alice Martin" in json.dumps(_exported(config, capsys, "file:alice"))
    assert main(["erase", "alice", "--id", "file:alice", "--as", "carol", "--yes", "-c", str(config)]) == 0


def _exported(config: Path, capsys: Capture, identity: str) -> object:
    capsys.readouterr()
    assert main(["export", "alice", "--id", identity, "-c", str(config)]) == 0
    return json.loads(capsys.readouterr().out)


def test_nobody_is_erased_who_still_has_something_here(world: World, config: Path, capsys: Capture) -> None:
    assert main(["erase", "alice", "--as", "carol", "--yes", "-c", str(config)]) == os.EX_DATAERR
    assert "alice still has open tickets (#1)" in capsys.readouterr().err
    assert main(["export", "alice", "-c", str(config)]) == 0


def test_an_erasure_asks_first_and_leaves_nothing_but_what_happened(
    world: World, config: Path, capsys: Capture
) -> None:
    assert main(["deny", "1", "no room this year", "--as", "carol", "-c", str(config)]) == 0
    world.later(minutes=1)
    assert main(["erase", "alice", "--as", "carol", "-c", str(config)]) == os.EX_USAGE
    assert "--yes" in capsys.readouterr().err
    assert main(["erase", "alice", "--as", "carol", "--yes", "-c", str(config)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Erased: 1 tickets, 2 lines of history,")
    assert "alice" not in captured.err, "the log does not say who it was"
    assert main(["export", "alice", "-c", str(config)]) == os.EX_DATAERR
    assert main(["audit", "verify", "-c", str(config)]) == 0
    assert "3 lines of 1 tickets are unchanged, 2 of them erased." in capsys.readouterr().out
    assert main(["show", "1", "-c", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "erased-" in shown
    assert "alice" not in shown.lower()
    assert "no room" not in shown


def test_a_mail_that_comes_a_second_time_still_acts_once_after_an_erasure(world: World, config: Path) -> None:
    raw = mail("bob@example.org", "Persistent Virtual Machine Creation", request_words("bob"), world.now)
    world.arrives(raw)
    assert main(["deny", "2", "no room", "--as", "carol", "-c", str(config)]) == 0
    world.later(minutes=1)
    assert main(["erase", "bob", "--as", "carol", "--yes", "-c", str(config)]) == 0
    world.arrives(raw)
    assert len(world.bot.context.store.tickets()) == 2


def test_a_changed_line_is_named_and_ends_with_65(world: World, config: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["audit", "verify", "--json", "-c", str(config)]) == 0
    kept = tmp_path / "seals"
    kept.write_text(capsys.readouterr().out)
    assert main(["audit", "verify", "--against", str(kept), "-c", str(config)]) == 0
    with closing(sqlite3.connect(tmp_path / "mailbot.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER history_no_update")
        connection.execute("UPDATE history SET who = 'bob@example.org'")
    assert main(["audit", "verify", "-c", str(config)]) == os.EX_DATAERR
    assert (
        "ticket #1: line 1 (Requested of 2026-11-23 09:00 UTC, row 1) is not as it was sealed"
        in capsys.readouterr().err
    )


def test_a_history_that_was_sealed_again_as_a_whole_shows_in_what_was_kept(
    world: World, config: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["audit", "verify", "--json", "-c", str(config)]) == 0
    told = json.loads(capsys.readouterr().out)
    kept = tmp_path / "seals"
    kept.write_text(json.dumps({**told, "seal": "0" * 64}))
    assert main(["audit", "verify", "--against", str(kept), "-c", str(config)]) == os.EX_DATAERR
    assert f"ticket #1: line 1 is not the one that {kept} knows" in capsys.readouterr().err
