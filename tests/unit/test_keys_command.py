"""A site's own command for SSH keys: what it is given, what counts, and that nothing of it goes on running."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mailbot.adapters.directory.keys_command import MOST_BYTES, KeysByCommand
from mailbot.adapters.directory.memory import MemoryDirectory
from mailbot.errors import DirectoryUnavailable
from mailbot.model import Admin, Person

ALICE = Person("alice", "Alice", "alice@example.org", ssh_keys=("ssh-ed25519 OLD alice",))
KEY = "ssh-ed25519 AAAA alice"


def script(folder: Path, body: str) -> str:
    path = folder / "keys-of"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def by(*argv: str, timeout_seconds: float = 30, cache_seconds: float = 0) -> KeysByCommand:
    people = MemoryDirectory([ALICE])
    return KeysByCommand(people, argv, timeout_seconds=timeout_seconds, cache_seconds=cache_seconds)


def test_the_keys_of_the_command_take_the_place_of_those_in_the_directory(tmp_path: Path) -> None:
    program = script(tmp_path, f'printf "# keys of $1\\n\\n  {KEY}  \\nssh-ed25519 BBBB $2\\n"')
    found = by(program, "{login}", "{login}@{login}").by_login("alice")
    assert found is not None
    assert found.ssh_keys == (KEY, "ssh-ed25519 BBBB alice@alice")


def test_no_keys_are_no_keys(tmp_path: Path) -> None:
    found = by("/bin/true", "{login}").by_address("alice@example.org")
    assert found is not None
    assert found.ssh_keys == ()


def test_nobody_is_asked_about_who_is_nobody(tmp_path: Path) -> None:
    program = script(tmp_path, f"touch {tmp_path}/asked")
    assert by(program, "{login}").by_login("nobody") is None
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize("login", ["-h", "../alice", "alice; true", "$(id)", "a b", "", "alice\n", "аlice"])
def test_a_login_that_could_mean_more_is_never_given_to_the_command(tmp_path: Path, login: str) -> None:
    program = script(tmp_path, f"touch {tmp_path}/asked")
    with pytest.raises(DirectoryUnavailable, match="no login that a command may be given"):
        by(program, "{login}").keys(login)
    assert not (tmp_path / "asked").exists()


def test_the_command_is_given_none_of_the_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILBOT_SMTP__PASSWORD", "hunter2")
    keys = by("/usr/bin/env", "-u", "{login}").keys("alice")
    assert {line.partition("=")[0] for line in keys} == {"PATH", "LANG"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo ssh-ed25519 AAAA; exit 3", "ended with status 3"),
        ("kill -9 $$", "ended with status -9"),
        ("yes ssh-ed25519 AAAA", f"printed more than {MOST_BYTES} bytes"),
        (f"head -c {MOST_BYTES + 1} /dev/zero", f"printed more than {MOST_BYTES} bytes"),
    ],
)
def test_a_command_that_fails_makes_the_directory_unavailable(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(DirectoryUnavailable, match=said) as caught:
        by(script(tmp_path, body), "{login}").by_login("alice")
    assert not caught.value.permanent


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(DirectoryUnavailable, match="/nowhere/keys-of cannot be run: No such file"):
        by("/nowhere/keys-of", "{login}").by_login("alice")


@pytest.mark.parametrize("body", ["sleep 600", "sleep 600 & echo $! > {pid}; exit 0", "exec >&-; sleep 600"])
def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path, body: str) -> None:
    pid = tmp_path / "pid"
    program = script(tmp_path, f"echo $$ > {pid}\n" + body.replace("{pid}", str(pid)))
    with pytest.raises(DirectoryUnavailable, match=r"did not end within 0\.5 s"):
        by(program, "{login}", timeout_seconds=0.5).by_login("alice")
    process = Path("/proc") / pid.read_text().strip()
    until = time.monotonic() + 10
    while alive(process) and time.monotonic() < until:
        time.sleep(0.01)
    assert not alive(process)


def alive(process: Path) -> bool:
    """False also for one that only waits to be reaped by whoever adopted it."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_as_much_as_is_allowed_is_taken(tmp_path: Path) -> None:
    line = "x" * 63 + "\n"
    (tmp_path / "keys").write_text(line * (MOST_BYTES // 64))
    assert len(by("/bin/cat", f"{tmp_path}/keys", "--", os.devnull).keys("alice")) == MOST_BYTES // 64


def test_keys_are_remembered_for_a_while_and_failures_are_not(tmp_path: Path) -> None:
    program = script(tmp_path, f"cat {tmp_path}/keys")
    directory = by(program, "{login}", cache_seconds=600)
    with pytest.raises(DirectoryUnavailable):
        directory.keys("alice")
    (tmp_path / "keys").write_text(KEY)
    assert directory.keys("alice") == (KEY,)
    (tmp_path / "keys").write_text("")
    assert directory.keys("alice") == (KEY,)


def test_the_group_of_admins_is_that_of_the_directory() -> None:
    people = MemoryDirectory([ALICE])
    people.group = (Admin("alice", "Alice", "alice@example.org"),)
    assert KeysByCommand(people, ["/bin/true", "{login}"]).admins() == people.group
