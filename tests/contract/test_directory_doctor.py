"""What `check` and `doctor` tell about a directory on an LDAP server, and about a command for the keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot import journal
from mailbot.adapters.clock import MemoryClock
from mailbot.cli import main
from mailbot.config import load
from mailbot.contexts import make_directory
from tests import slapd
from tests.slapd import GROUPS, PEOPLE, Slapd, person, private_slapd
from tests.world import START

Capture = pytest.CaptureFixture[str]

REST = """
[mailbox]
host = "127.0.0.1"
port = 1
security = "plain"
username = "support"
password = "secret"
idle = false

[smtp]
host = "127.0.0.1"
port = 1
security = "plain"
from_address = "support@testbed.example"

[tokens]
keys = ["a key for tests only, that is 32 bytes long or more"]

[[admins]]
login = "carol"
name = "Carol"
address = "carol@testbed.example"

[[sites]]
name = "test"
dns_domain = "test.testbed.example"
uri = "test:///default"
pool = "default-pool"
"""


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    journal.configure()


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with private_slapd() as server:
        server.put(*person("alice", sshPublicKey=["ssh-ed25519 AAAA alice"]))
        server.put(*person("bob", nsAccountLock=["true"], sshPublicKey=["ssh-ed25519 BBBB bob"]))
        server.put(*person("daemon", mail=[]))
        server.put(
            f"cn=admins,{GROUPS}",
            {"objectClass": ["groupOfNames"], "cn": ["admins"], "member": [f"uid=alice,{PEOPLE}"]},
        )
        yield server


@pytest.fixture
def config(server: Slapd, tmp_path: Path) -> Path:
    (tmp_path / "directory.password").write_text(f"{slapd.PASSWORD}\n")
    path = tmp_path / "config.toml"
    directory = {
        "kind": "ldap",
        "host": server.host,
        "ca_file": server.ca_file,
        "bind_dn": slapd.READER_DN,
        "password_file": "directory.password",
        "base": PEOPLE,
        "admin_group": f"cn=admins,{GROUPS}",
    }
    lines = [f'{name} = "{value}"' for name, value in directory.items()]
    database = f'[database]\nurl = "sqlite:///{tmp_path}/mailbot.sqlite"\n'
    path.write_text("\n".join(["[directory]", *lines, f"port = {server.port}", "", database, REST]))
    return path


def told(capsys: Capture) -> list[str]:
    """What was said about the directory."""
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if line[5:].startswith(("directory", "keys command"))]


def test_check_asks_no_server(config: Path, capsys: Capture) -> None:
    config.write_text(config.read_text().replace("port = ", "port = 1 # "))
    main(["check", "-c", str(config)])
    assert told(capsys) == ["ok   directory: people come from 127.0.0.1, which `mailbot doctor` asks"]


def test_doctor_counts_users_and_admins(config: Path, capsys: Capture) -> None:
    main(["doctor", "-c", str(config)])
    assert told(capsys)[1:] == [
        "ok   directory 127.0.0.1: 2 users, 1 of them unlocked and with an SSH key; "
        "1 without login or address count as nobody",
        f"ok   directory 127.0.0.1: admins by cn=admins,{GROUPS}: alice",
    ]


def test_doctor_tells_of_addresses_that_two_users_have(server: Slapd, config: Path, capsys: Capture) -> None:
    with server.cleaned():
        server.put(*person("eve", mail=["alice@example.org"]))
        main(["doctor", "-c", str(config)])
    assert "warn directory 127.0.0.1: more than one entry has the address alice@example.org" in told(capsys)


def test_doctor_tells_why_the_server_cannot_be_asked_and_shows_no_password(config: Path, capsys: Capture) -> None:
    (config.parent / "directory.password").write_text("hunter2\n")
    assert main(["doctor", "-c", str(config)]) != 0
    (line,) = told(capsys)[1:]
    assert line.startswith(
        f"FAIL directory 127.0.0.1: 127.0.0.1:{load(config).directory.port} refuses the login of cn="
    )
    assert "hunter2" not in line


def test_doctor_tells_of_a_group_that_is_not_there(config: Path, capsys: Capture) -> None:
    config.write_text(config.read_text().replace("cn=admins", "cn=chiefs"))
    main(["doctor", "-c", str(config)])
    assert told(capsys)[-1].startswith(f"FAIL directory 127.0.0.1: The group cn=chiefs,{GROUPS} is not there")


@pytest.mark.parametrize(("program", "said"), [("/bin/cat", "ok  "), ("/nowhere/keys-of", "FAIL")])
def test_doctor_looks_for_the_command_of_the_keys(config: Path, capsys: Capture, program: str, said: str) -> None:
    text = config.read_text().replace("[directory]\n", f'[directory]\nkeys_command = ["{program}", "{{login}}"]\n')
    config.write_text(text)
    main(["doctor", "-c", str(config)])
    assert told(capsys)[-1].startswith(f"{said} keys command: {program}")


def test_the_configuration_becomes_the_directory_that_it_describes(config: Path, tmp_path: Path) -> None:
    (tmp_path / "alice.keys").write_text("ssh-ed25519 CCCC alice\n")
    command = f'keys_command = ["/bin/cat", "{tmp_path}/{{login}}.keys"]\n'
    config.write_text(config.read_text().replace("[directory]\n", f"[directory]\n{command}"))
    directory = make_directory(load(config).directory, MemoryClock(START))
    try:
        alice = directory.by_address("alice@example.org")
        assert alice is not None
        assert alice.ssh_keys == ("ssh-ed25519 CCCC alice",)
        assert [admin.login for admin in directory.admins()] == ["alice"]
    finally:
        directory.close()


def test_the_password_can_be_a_credential(config: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "directory.password").write_text(slapd.PASSWORD)
    config.write_text(config.read_text().replace('password_file = "directory.password"', ""))
    section = load(config, {**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}).directory
    assert section.password_file is None
    assert slapd.PASSWORD not in repr(section)
    directory = make_directory(section, MemoryClock(START))
    try:
        assert directory.by_login("alice")
    finally:
        directory.close()
