"""The command line: what each command says, what it changes, and the exit code that it ends with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

from mailbot import cli, journal
from mailbot.adapters.clock import MemoryClock
from mailbot.cli.app import app
from mailbot.cli.output import as_json, visible
from mailbot.config import load
from mailbot.model import Letter, TicketState
from mailbot.turns import announcements
from tests.world import START, World, request_words

ROOT = Path(__file__).resolve().parents[2]
MAILBOT = Path(sys.executable).with_name("mailbot")
UNTIL = (START + timedelta(days=200)).date()
CLOCK = MemoryClock(START)
"""The clock of the commands and of the bot beside them."""
main = partial(cli.main, clock=CLOCK)

ANSWERS = (
    "--imap=imap.example.org",
    "--address=support@testbed.example",
    "--admin=carol@testbed.example",
    "--domain=main.testbed.example",
)

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _log_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MAILBOT_CONFIG", raising=False)
    yield
    journal.configure()


@pytest.fixture
def config(tmp_path: Path, capsys: Capture) -> Path:
    """A configuration as `mailbot init` writes it, with the database in the test's folder."""
    (tmp_path / "password").write_text("hunter2\n")
    path = tmp_path / "etc" / "config.toml"
    assert main(["init", "-c", str(path), *ANSWERS, "--password-file", str(tmp_path / "password")]) == 0
    path.write_text(path.read_text() + f'\n[database]\nurl = "sqlite:///{tmp_path / "mailbot.sqlite"}"\n')
    capsys.readouterr()
    return path


@pytest.fixture
def world(config: Path, tmp_path: Path, capsys: Capture) -> Iterator[World]:
    """A bot on the same database, with one request that waits for an admin."""
    CLOCK.set(START)
    world = World(tmp_path, clock=CLOCK)
    world.writes("alice@example.org", request_words(until=UNTIL.isoformat()))
    assert world.ticket().state is TicketState.PENDING
    capsys.readouterr()
    yield world
    world.close()


# deciding and looking


def test_list_shows_each_ticket_on_a_line(config: Path, world: World, capsys: Capture) -> None:
    assert main(["list", "-c", str(config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["ticket", "state", "user"]
    assert lines[1].split()[:3] == ["#1", "pending", "alice"]


def test_list_can_be_limited_to_states(config: Path, world: World, capsys: Capture) -> None:
    assert main(["-c", str(config), "list", "--state", "active"]) == 0
    assert capsys.readouterr().out == "There are no tickets.\n"
    assert main(["-c", str(config), "list", "--state", "pending", "--json"]) == 0
    assert [json.loads(line)["username"] for line in capsys.readouterr().out.splitlines()] == ["alice"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], [1, 3]),
        (["--user", "bob"], [3]),
        (["--state", "active"], []),
        (["--site", "main"], []),
        (["--held"], []),
        (["--after", "1"], [3]),
        (["--limit", "1"], [1]),
        (["--all"], [1, 2, 3]),
        (["--state", "withdrawn"], [2]),
    ],
)
def test_list_is_limited_as_asked(
    config: Path, world: World, capsys: Capture, options: list[str], found: list[int]
) -> None:
    world.writes("bob@example.org", request_words("bob", until=UNTIL.isoformat()))
    world.answers(world.last(Letter.REQUEST_RECEIVED, "bob@example.org"), "withdraw")
    world.writes("bob@example.org", request_words("bob", until=UNTIL.isoformat()))
    capsys.readouterr()
    assert main(["-c", str(config), "list", "--json", *options]) == 0
    shown = capsys.readouterr()
    assert [json.loads(line)["id"] for line in shown.out.splitlines()] == found
    assert ("There are more: --after 1" in shown.err) == ("--limit" in options)


def test_list_says_whom_each_ticket_waits_for_and_what_comes_next(config: Path, world: World, capsys: Capture) -> None:
    assert main(["-c", str(config), "list"]) == 0
    assert "admins: a decision  reminder, or it lapses" in capsys.readouterr().out
    assert main(["approve", "1", "--as", "carol", "-c", str(config)]) == 0
    assert main(["-c", str(config), "list"]) == 0
    assert "site: the build" in capsys.readouterr().out
    world.once()
    world.later(minutes=1)
    capsys.readouterr()
    assert main(["-c", str(config), "list"]) == 0
    assert re.search(r"active +alice .* warning +20", capsys.readouterr().out)


@pytest.mark.parametrize("name", ["1", "#1", "alice", "alice-vm", "alice-vm.main.testbed.example"])
def test_show_finds_a_ticket_by_number_login_or_machine(config: Path, world: World, capsys: Capture, name: str) -> None:
    assert main(["show", name, "-c", str(config)]) == 0
    assert capsys.readouterr().out.startswith("Ticket #1: ")
    assert main(["show", "nobody-vm.main.testbed.example", "-c", str(config)]) == os.EX_DATAERR


def test_show_and_queue_tell_attempts_last_error_and_next_try(config: Path, world: World, capsys: Capture) -> None:
    world.postman.refuse("alice@example.org", 451, "4.7.1 try later")
    assert main(["approve", "1", "--as", "carol", "-c", str(config)]) == 0
    world.once()
    capsys.readouterr()
    assert main(["show", "1", "-c", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "In progress" in shown
    assert "request-approved to alice@example.org: tried once, next try 2" in shown
    assert "4.7.1 try later" in shown
    assert main(["queue", "-c", str(config)]) == 0
    assert re.search(r"#1 +request-approved +alice@example.org .* 1 .*4.7.1 try later", capsys.readouterr().out)
    assert main(["queue", "--failed", "-c", str(config)]) == 0
    assert capsys.readouterr().out == "Nothing was given up.\n"


def test_show_gives_the_history_with_its_evidence_and_the_letters_with_their_proof(
    config: Path, world: World, capsys: Capture
) -> None:
    assert main(["show", "1", "-c", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "evidence: " in shown
    assert "registered" in shown
    assert "request-received to alice@example.org" in shown
    assert "  | A web server for the results of our campaign." in shown


def test_a_state_that_does_not_exist_is_named_with_those_that_do(config: Path, capsys: Capture) -> None:
    assert main(["list", "--state", "dead", "-c", str(config)]) == os.EX_USAGE
    assert "mailbot list: --state: 'dead' is not one of 'unconfirmed', 'pending'," in capsys.readouterr().err


def test_show_in_json_has_ticket_history_and_letters(config: Path, world: World, capsys: Capture) -> None:
    assert main(["show", "1", "--json", "-c", str(config)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ticket"]["username"] == "alice"
    assert told["history"][0]["after"] == "pending"
    assert told["letters"][0]["answer"]


def test_show_tells_the_dates_of_a_machine_and_what_holds_them_up(config: Path, world: World, capsys: Capture) -> None:
    assert main(["approve", "1", "--as", "carol", "-c", str(config)]) == 0
    world.once()
    world.later(minutes=1)
    assert main(["hold", "1", "--as", "carol", "--why", "a demonstration", "-c", str(config)]) == 0
    capsys.readouterr()
    assert main(["show", "1", "-c", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "What happens when" in shown
    goes_on, held = shown.split("  not while it is held:\n")
    assert goes_on.count("A warning is sent.") >= 2
    assert "A warning" not in held
    assert "  The machine will be removed; its disk will be kept." in held


def test_an_admin_cordons_a_site_and_the_list_and_its_history_say_so(
    config: Path, world: World, capsys: Capture
) -> None:
    assert main(["site", "cordon", "nowhere", "--as", "carol", "--why", "x", "-c", str(config)]) == os.EX_USAGE
    name = load(config, {}).hosts[0].name
    assert main(["site", "cordon", name, "--as", "carol", "--why", "new disks", "-c", str(config)]) == 0
    capsys.readouterr()
    assert main(["site", "list", "-c", str(config)]) == 0
    assert "cordoned" in capsys.readouterr().out
    assert main(["site", "history", name, "-c", str(config)]) == 0
    assert "carol@testbed.example: new disks" in capsys.readouterr().out


def test_check_refuses_a_configuration_without_the_site_of_a_machine(
    config: Path, world: World, capsys: Capture
) -> None:
    assert main(["approve", "1", "--as", "carol", "-c", str(config)]) == 0
    world.once()
    world.later(minutes=1)
    where = world.ticket().site
    assert where is not None
    capsys.readouterr()
    main(["check", "-c", str(config)])
    told = " ".join(capsys.readouterr().out.split())
    assert f"at sites that are not in it: {where} (1 of them)" in told


def test_an_unknown_ticket_cannot_be_shown(config: Path, world: World, capsys: Capture) -> None:
    assert main(["show", "7", "-c", str(config)]) == os.EX_DATAERR
    assert capsys.readouterr().err == "There is no ticket #7.\n"


def test_an_admin_approves_at_the_command_line_and_the_history_says_who(
    config: Path, world: World, capsys: Capture
) -> None:
    until = UNTIL - timedelta(days=10)
    assert main(["approve", "1", "--as", "carol", "--until", until.isoformat(), "--disk=20", "-c", str(config)]) == 0
    assert capsys.readouterr().out.startswith("Ticket #1 (approved): approved by")
    ticket = world.ticket()
    assert (ticket.state, ticket.end_date, ticket.disk_gib) == (TicketState.APPROVED, until, 20)
    assert world.bot.context.store.history(1)[-1].actor.who == "carol@testbed.example"


def test_a_denial_needs_a_reason_and_the_requester_gets_it(config: Path, world: World, capsys: Capture) -> None:
    assert main(["deny", "1", "--as", "carol@testbed.example", "-c", str(config)]) == os.EX_USAGE
    assert main(["deny", "1", "No room until May.", "--as", "carol@testbed.example", "-c", str(config)]) == 0
    assert world.ticket().state is TicketState.DENIED
    world.once()
    assert b"No room until May." in world.letters[-1].data + world.letters[-2].data + world.letters[-3].data


def test_a_pause_is_told_until_the_bot_acts_again(config: Path, world: World, capsys: Capture) -> None:
    assert main(["pause", "--as", "carol", "--why", "The pool is being moved.", "-c", str(config)]) == 0
    assert world.bot.context.paused() == "carol@testbed.example: The pool is being moved."
    assert main(["list", "-c", str(config)]) == 0
    assert "paused by carol@testbed.example: The pool is being moved." in capsys.readouterr().err
    assert main(["resume", "--as", "carol", "-c", str(config)]) == 0
    assert world.bot.context.paused() == ""


def test_only_admins_decide(config: Path, world: World, capsys: Capture) -> None:
    assert main(["approve", "1", "--as", "mallory", "-c", str(config)]) == os.EX_DATAERR
    assert "mallory is not an admin of this site" in capsys.readouterr().err
    assert world.ticket().state is TicketState.PENDING


def test_what_the_state_does_not_allow_is_refused_with_the_reason(config: Path, world: World, capsys: Capture) -> None:
    assert main(["retry", "1", "--as", "carol", "-c", str(config)]) == os.EX_DATAERR
    assert "is not possible now" in capsys.readouterr().err


def test_an_announcement_is_shown_before_it_is_begun_and_asks_first(
    config: Path, world: World, capsys: Capture, tmp_path: Path
) -> None:
    words, store = tmp_path / "words.txt", world.bot.context.store
    words.write_text("The site is off on Tuesday.\n\nMachines start by themselves.\n", encoding="utf-8")
    command = ["announce", "Maintenance", str(words), "--as", "carol", "-c", str(config)]
    assert main([*command, "--yes"]) == os.EX_DATAERR
    assert "nobody has a machine there" in capsys.readouterr().err
    assert main(["approve", "1", "--as", "carol", "-c", str(config)]) == 0
    capsys.readouterr()
    assert main([*command, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "#1  alice  alice@example.org" in shown
    assert "Maintenance\n\nThe site is off on Tuesday.\n\nMachines start by themselves." in shown
    assert main(command) == os.EX_USAGE, "nobody can be asked without a terminal"
    assert main([*command, "--site", "nowhere", "--yes"]) == os.EX_USAGE
    assert announcements.current(store) is None
    assert main([*command, "--yes"]) == 0
    begun = announcements.current(store)
    assert begun is not None
    assert (begun.subject, begun.address) == ("Maintenance", "carol@testbed.example")
    words.write_text("release\n", encoding="utf-8")
    assert main([*command, "--dry-run"]) == os.EX_DATAERR


def test_without_a_terminal_the_end_of_a_machine_has_to_be_confirmed(
    config: Path, world: World, capsys: Capture
) -> None:
    assert main(["end", "1", "broken", "--as", "carol", "-c", str(config)]) == os.EX_USAGE
    told = capsys.readouterr().err
    assert told.startswith("mailbot end: The machine of ticket #1 will be stopped and removed now;")
    assert "nothing was done; confirm it with --yes." in told


def test_a_date_that_is_none_is_wrong_usage(config: Path, world: World, capsys: Capture) -> None:
    assert main(["approve", "1", "--as=carol", "--until=tomorrow", "-c", str(config)]) == os.EX_USAGE
    assert "tomorrow is not a date such as 2027-01-31" in capsys.readouterr().err


# setting up


def test_init_writes_a_configuration_that_loads_with_its_secrets_apart(config: Path) -> None:
    made = load(config, {})
    assert made.smtp.from_address == "support@testbed.example"
    assert made.admins[0].address == "carol@testbed.example"
    assert {path.name: path.stat().st_mode & 0o777 for path in config.parent.iterdir()} == {
        "config.toml": 0o644,
        "tokens.keys": 0o600,
        "seal.keys": 0o600,
        "users.toml": 0o644,
    }


def test_what_an_admin_does_to_a_machine_beside_a_running_bot(world: World, config: Path, capsys: Capture) -> None:
    def deed(*words: str) -> str:
        assert main([*words, "--as", "carol", "-c", str(config)]) == 0, capsys.readouterr().err
        world.once()
        world.later(minutes=30)
        return capsys.readouterr().out

    deed("approve", "1")
    machine = "alice-vm@north"
    assert "Ticket #1 (active): switched off by carol@" in deed("stop", "1", "We move the cables.")
    assert world.machines()[machine].running is False
    assert "switched on by" in deed("start", "1")
    assert world.machines()[machine].running is True
    sooner, later = UNTIL - timedelta(days=60), UNTIL + timedelta(days=30)
    assert f"end date brought forward to {sooner}" in deed("shorten", "1", str(sooner), "The site closes.")
    assert f"end date set to {later}" in deed("extend", "1", str(later))
    assert "Ticket #1 (retiring): ended by" in deed("end", "1", "It attacks others.", "--yes")
    assert world.ticket().state is TicketState.ARCHIVED


def test_init_never_writes_over_a_configuration_without_force(config: Path, tmp_path: Path, capsys: Capture) -> None:
    before = config.read_text(), (config.parent / "tokens.keys").read_text()
    words = ["init", "-c", str(config), *ANSWERS, "--password-file", str(tmp_path / "password")]
    assert main(words) == os.EX_DATAERR
    assert "--force writes over it" in capsys.readouterr().err
    assert (config.read_text(), (config.parent / "tokens.keys").read_text()) == before


def test_init_with_force_keeps_the_token_key_because_open_questions_depend_on_it(config: Path, tmp_path: Path) -> None:
    key = (config.parent / "tokens.keys").read_text()
    assert main(["init", "--force", "-c", str(config), *ANSWERS, "--password-file", str(tmp_path / "password")]) == 0
    assert (config.parent / "tokens.keys").read_text() == key


def test_init_refuses_answers_that_make_no_configuration_and_writes_nothing(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "new" / "config.toml"
    words = ["init", "-c", str(path), *ANSWERS, "--admin=not an address", f"--password-file={tmp_path}"]
    assert main(words) == os.EX_CONFIG
    assert "is not a mail address" in capsys.readouterr().err
    assert not path.parent.exists()


def test_init_without_a_terminal_names_the_options_that_are_missing(tmp_path: Path) -> None:
    command = [MAILBOT, "init", "-c", tmp_path / "config.toml", "--imap=imap.example.org"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_USAGE
    assert "give --address, --admin, --domain, --password-file" in done.stderr


def test_the_database_is_made_and_its_revision_told(config: Path, capsys: Capture) -> None:
    assert main(["list", "-c", str(config)]) == os.EX_CONFIG
    assert "mailbot db upgrade" in capsys.readouterr().err
    assert main(["db", "current", "-c", str(config)]) == 0
    assert capsys.readouterr().out.startswith("at none, needed ")
    assert main(["db", "upgrade", "-c", str(config)]) == 0
    assert "database_upgraded" in capsys.readouterr().err
    assert main(["db", "upgrade", "-c", str(config)]) == 0
    assert "database_upgraded" not in capsys.readouterr().err
    assert main(["list", "-c", str(config)]) == 0


def test_check_says_how_everything_is_and_how_to_put_right_what_is_not_well(config: Path, capsys: Capture) -> None:
    assert main(["check", "-c", str(config)]) == os.EX_CONFIG
    lines = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in lines[:-1]] == [*["ok  "] * 5, "FAIL", "    ", "warn", "    "]
    assert lines[6].strip() == "fix: mailbot db upgrade"
    assert "nothing detects a forged sender" in lines[7]
    assert lines[-1] == "7 looked at: 5 ok, 1 warning, 1 failure"


def test_a_warning_is_no_failure_and_json_has_the_level_of_each(config: Path, capsys: Capture) -> None:
    assert main(["db", "upgrade", "-c", str(config)]) == 0
    capsys.readouterr()
    assert main(["check", "--json", "-c", str(config)]) == 0
    levels = [json.loads(line)["level"] for line in capsys.readouterr().out.splitlines()]
    assert levels == [*["ok"] * 7, "warn"]


def test_check_tells_every_problem_of_a_configuration(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[mailbox]\nhots = 'x'\n")
    assert main(["check", "-c", str(path)]) == os.EX_CONFIG
    assert "mailbox.hots: unknown key (did you mean host?)" in capsys.readouterr().out


def test_the_configuration_is_printed_without_its_secrets(config: Path, capsys: Capture) -> None:
    config.write_text(
        config.read_text().replace(f'password_file = "{config.parent.parent}/password"', 'password = "hunter2"')
    )
    assert main(["-c", str(config), "--print-config"]) == 0
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    assert 'password = "**********"' in shown


# errors


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nope"], os.EX_USAGE, "No such command 'nope'"),
        (["show"], os.EX_USAGE, "Missing argument"),
        (["approve", "x"], os.EX_USAGE, "mailbot approve: TICKET: x is not a whole number"),
        (["approve", "0"], os.EX_USAGE, "mailbot approve: TICKET: 0 is too small (at least 1)"),
        (["extend", "1", "soon", "--as", "carol"], os.EX_USAGE, "DATE: soon is not a date such as 2027-01-31"),
        (["requeue", "mail", "--as", "carol"], os.EX_USAGE, "mailbot requeue mail: Name one Message-ID, or say --all."),
        (["reconcile", "--answer", "forget"], os.EX_USAGE, "mailbot reconcile: say --as ADMIN, whose answer it is"),
        ([], os.EX_USAGE, "Usage: mailbot"),
        (["list", "-c", "/nowhere/config.toml"], os.EX_CONFIG, "`mailbot init` writes one"),
        (["explain"], os.EX_USAGE, "files"),
    ],
)
def test_a_wrong_command_ends_with_the_code_of_sysexits_and_a_word_about_it(
    words: list[str], code: int, said: str, capsys: Capture
) -> None:
    assert main(words) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_the_version_is_told(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mailbot ")


def test_the_installed_program_gives_its_exit_code() -> None:
    done = subprocess.run([MAILBOT, "list", "-c", "/nowhere/config.toml"], capture_output=True, check=False)
    assert done.returncode == os.EX_CONFIG


# explain


REQUEST = b"""From: alice@example.org
To: support@example.org
Subject: Persistent Virtual Machine Creation
Message-ID: <1@example.org>

username: alice

intended usage: builds

expiration date: in 6 months
"""


def test_explain_gives_one_object_for_each_file_in_order_also_where_one_cannot_be_opened(
    tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "a.eml").write_bytes(REQUEST)
    (tmp_path / "b.eml").write_bytes(b"")
    files = [str(tmp_path / name) for name in ("a.eml", "missing.eml", "b.eml", "a.eml")]
    assert main(["explain", "--json", "--now", "2026-11-22T09:00", *files]) == os.EX_NOINPUT
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["file"] for one in told] == files
    assert told[0]["fields"]["expiration_date"] == "2027-05-22"
    assert told[1]["why"] == "The file cannot be opened: No such file or directory."
    assert {"kind", "decision", "reason", "new_text", "fields", "until", "disk_gib", "problems", "why"} <= set(told[1])


def test_explain_applies_the_limits_of_a_configuration(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.eml").write_bytes(REQUEST.replace(b"in 6 months", b"2028-11-01"))
    words = ["explain", "--json", "--now=2026-11-22", str(tmp_path / "a.eml")]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    (tmp_path / "config.toml").write_text("[policy]\nmax_years = 1\n")
    assert main([*words, "-c", str(tmp_path / "config.toml")]) == 0
    assert "at most 1 year" in json.loads(capsys.readouterr().out)["problems"][0]["allowed"]


def test_explain_counts_more_disk_from_what_a_machine_of_this_site_has(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.eml").write_bytes(REQUEST + b"\nextra disk: 10 GB more for the archive\n")
    (tmp_path / "config.toml").write_text("[policy]\ndisk_gib = 20\n")
    assert (
        main(["explain", "--json", "--now=2026-11-22", str(tmp_path / "a.eml"), "-c", str(tmp_path / "config.toml")])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["fields"]["disk_gib"] == 30


def test_explain_reads_standard_input() -> None:
    command = [MAILBOT, "explain", "-", "--json"]
    done = subprocess.run(command, input=REQUEST, capture_output=True, check=True)
    assert json.loads(done.stdout)["kind"] == "request"


def test_explain_says_when_a_moment_is_none(tmp_path: Path, capsys: Capture) -> None:
    assert main(["explain", "--now", "noon", str(tmp_path)]) == os.EX_USAGE
    assert "noon is not a moment" in capsys.readouterr().err


def test_the_short_and_the_long_way_to_explain_have_the_same_options(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.eml").write_bytes(REQUEST)
    rest = ["--json", "--now", "2026-11-22", str(tmp_path / "a.eml")]
    assert main(["explain", *rest]) == 0
    short = capsys.readouterr().out
    (tmp_path / "config.toml").write_text("")
    assert main(["-c", str(tmp_path / "config.toml"), "explain", *rest]) == 0
    assert capsys.readouterr().out == short
    group: Any = typer.main.get_command(app)
    command = group.commands["explain"]
    assert {option for parameter in command.params for option in parameter.opts} >= {
        "--json",
        "--now",
        "--config",
        "-c",
    }


def test_the_service_is_closed_in_words_for_those_who_ask_and_opened_again(
    config: Path, world: World, capsys: Capture
) -> None:
    assert main(["close", "We move until Monday.", "--as", "carol", "-c", str(config)]) == 0
    assert world.bot.context.closed() == "We move until Monday."
    assert main(["open", "--as", "carol", "-c", str(config)]) == 0
    assert world.bot.context.closed() == ""


def test_a_letter_is_sent_again_by_its_row(config: Path, world: World, capsys: Capture) -> None:
    assert main(["resend", "1", "--as", "carol", "-c", str(config)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "The letter will be sent to alice@example.org again."


def test_what_waits_is_tried_again_by_its_row(config: Path, world: World, capsys: Capture) -> None:
    assert main(["requeue", "row", "1", "--as", "carol", "-c", str(config)]) == 65
    assert "row 1 is done: nothing can be tried again" in capsys.readouterr().err
    assert main(["requeue", "ticket", "1", "--as", "carol", "-c", str(config)]) == 65
    assert "ticket #1 was not put off" in capsys.readouterr().err
    world.bot.context.store.postpone(1, CLOCK.now() + timedelta(hours=1), "LookupError: broken")
    assert main(["requeue", "ticket", "1", "--as", "carol", "-c", str(config)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Ticket #1 will be processed now."


def test_a_mail_is_named_or_all_are(config: Path, capsys: Capture) -> None:
    for words in ([], ["<1@x.example>", "--all"]):
        assert main(["requeue", "mail", *words, "--as", "carol", "-c", str(config)]) == 64
        assert "Name one Message-ID, or say --all." in capsys.readouterr().err


# output


def test_text_of_a_mail_cannot_bend_the_terminal() -> None:
    assert visible("a\x1b[2Jb\u202ec\nd") == "a\\u001b[2Jb\\u202ec ⏎ d"


def test_json_is_ascii_with_dates_in_iso_form() -> None:
    assert as_json({"day": UNTIL, "who": "é"}) == f'{{"day": "{UNTIL.isoformat()}", "who": "\\u00e9"}}'
