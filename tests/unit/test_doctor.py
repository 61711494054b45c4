"""What `doctor` reads in the database, and what it says of the admins' addresses; the servers are in tests/contract."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from mailbot import cli, journal, operator
from mailbot.adapters.clock import MemoryClock
from mailbot.adapters.database.store import Database
from mailbot.cli.admins import admins, is_of_many
from mailbot.cli.findings import Finding, Level, ok
from mailbot.cli.record import on_record
from mailbot.cli.servers import _begun
from mailbot.cli.site import Settings
from mailbot.config import load
from mailbot.model import TicketState
from mailbot.turns import drift, sight
from tests.world import ALICE, START, World, key_of, request_words

CLOCK = MemoryClock(START)


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    journal.configure()


@pytest.fixture
def config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A configuration as `mailbot init` writes it, with the database in the test's folder."""
    (tmp_path / "password").write_text("hunter2\n")
    path = tmp_path / "etc" / "config.toml"
    answers = (
        *("--imap=imap.example.org", "--address=support@testbed.example", "--admin=carol@testbed.example"),
        *("--domain=main.testbed.example", f"--password-file={tmp_path}/password"),
    )
    assert cli.main(["init", "-c", str(path), *answers]) == 0
    path.write_text(path.read_text() + f'\n[database]\nurl = "sqlite:///{tmp_path / "mailbot.sqlite"}"\n')
    capsys.readouterr()
    return path


@pytest.fixture
def world(config: Path, tmp_path: Path) -> Iterator[World]:
    """A bot on the same database, with one request that waits for an admin."""
    CLOCK.set(START)
    world = World(tmp_path, clock=CLOCK)
    world.writes("alice@example.org", request_words(until=(START + timedelta(days=200)).date().isoformat()))
    assert world.ticket().state is TicketState.PENDING
    yield world
    world.close()


def found(config: Path) -> list[Finding]:
    return list(on_record(Settings(config, CLOCK)))


def not_well(config: Path) -> dict[str, tuple[Level, str]]:
    return {one.what: (one.level, one.said) for one in found(config) if one.level is not Level.OK}


def test_without_a_database_nothing_is_on_record(config: Path) -> None:
    assert found(config) == []


def test_a_bot_that_works_has_nothing_to_tell(world: World, config: Path) -> None:
    told = found(config)
    assert {one.what: one.level for one in told} == dict.fromkeys(("daemon", "stuck", "drift"), Level.OK)
    assert told[0].said == "read the mailbox to its end at 2026-11-23 09:00"


def test_what_the_daemon_could_not_do_is_a_failure(world: World, config: Path) -> None:
    why = sight.Trouble(sight.Sense.DIRECTORY, START, "ldap.example.org does not answer")
    world.bot.context.store.put_note(why.note, why.written(told=True))
    (directory,) = [one for one in found(config) if one.what == "the directory of users"]
    assert directory.level is Level.FAIL
    assert directory.said == "has not worked since 2026-11-23 09:00: ldap.example.org does not answer"
    assert "no request will lapse" in directory.fix


def test_a_daemon_that_does_not_run_is_noticed_although_it_can_put_nothing_on_record(
    world: World, config: Path
) -> None:
    CLOCK.set(START + timedelta(hours=2))
    level, said = not_well(config)["daemon"]
    assert level is Level.FAIL
    assert "last read to its end at 2026-11-23 09:00" in said


def test_work_that_does_not_get_on_is_a_warning_with_its_reason(world: World, config: Path) -> None:
    operator.approve(world.bot.context, 1, "carol")
    world.postman.refuse(ALICE.email, 451, "4.7.1 try later")
    world.later(minutes=1)
    world.later(minutes=30)
    level, said = not_well(config)["stuck, in the queue"]
    assert level is Level.WARN
    assert "#1, the message that a request was approved: tried" in said
    assert "try later" in said


def test_a_ticket_whose_turn_fails_is_named_with_the_reason(world: World, config: Path) -> None:
    world.bot.context.store.postpone(1, START + timedelta(hours=1), "ValueError: no such day")
    assert not_well(config) == {
        "stuck, not understood": (
            Level.WARN,
            "#1: its last turn failed, and is tried again: ValueError: no such day",
        )
    }


def test_what_drifts_is_a_warning(world: World, config: Path) -> None:
    one = drift.Finding(drift.Drift.OFF, 1, "alice", "#1, alice: it is switched off within its lease.")
    drift.keep(world.bot.context.store, "north", [one])
    assert not_well(config) == {"site north, drift": (Level.WARN, one.said)}


def test_what_an_admin_has_stopped_is_not_forgotten(world: World, config: Path) -> None:
    operator.pause(world.bot.context, "carol", "the move")
    operator.close(world.bot.context, "carol", "We move until Monday.")
    told = not_well(config)
    assert told["pause"][0] is told["requests"][0] is Level.WARN
    assert "the move" in told["pause"][1]
    assert told["requests"][1] == "no new ones are accepted: We move until Monday."


@pytest.mark.parametrize(
    ("address", "many"),
    [
        ("carol@testbed.example", False),
        ("admin@example.org", False),
        ("teamann@example.org", False),
        ("admins@example.org", True),
        ("vm-team@example.org", True),
        ("Testbed.Support@example.org", True),
        ("carol@lists.example.org", True),
    ],
)
def test_an_address_of_several_people_is_known_by_its_words(address: str, many: bool) -> None:
    assert is_of_many(address) is many


def test_an_admin_who_is_a_list_is_a_warning_unless_the_directory_knows_one_person_by_it(config: Path) -> None:
    assert [one.level for one in admins(load(config))] == [Level.OK]
    config.write_text(config.read_text().replace("carol@testbed.example", "team@testbed.example"))
    (finding,) = admins(load(config))
    assert finding.level is Level.WARN
    assert "each of them can decide in the name of this one admin" in finding.said
    (config.parent / "users.toml").write_text(
        f'[[person]]\nlogin = "tea"\nname = "Tea M"\nmail = "team@testbed.example"\nssh_keys = ["{key_of("tea")}"]\n'
    )
    assert [one.level for one in admins(load(config))] == [Level.OK]


def test_a_database_of_another_revision_tells_nothing_here(config: Path) -> None:
    Database(load(config).database.url.get_secret_value()).close()
    assert found(config) == []


def test_servers_are_asked_at_once_and_told_in_their_order() -> None:
    both_are_asked = threading.Barrier(2, timeout=20)

    def asked(what: str) -> Iterator[Finding]:
        both_are_asked.wait()
        yield ok(what, "answers")

    first, second = (_begun(partial(asked, what)) for what in ("mailbox", "smtp"))
    assert [one.what for found in (first, second) for one in found.result(20)] == ["mailbox", "smtp"]


def test_an_error_of_a_look_is_raised_where_its_result_is_told() -> None:
    def broken() -> Iterator[Finding]:
        raise AssertionError("a fault of ours")
        yield

    with pytest.raises(AssertionError, match="a fault of ours"):
        _begun(broken).result(20)
