"""The command line with real servers: Dovecot, SMTP, and libvirt's own test driver."""

from __future__ import annotations

import email
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer
from mailbot import journal
from mailbot.cli import main
from mailbot.model import Letter
from tests.clock import wall
from tests.world import key_of, request_words
from tests.writing import mail

MAILBOT = Path(sys.executable).with_name("mailbot")
PASSWORD = secrets.token_hex(8)

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    journal.configure()


@pytest.fixture(scope="module")
def servers() -> Iterator[MailServer]:
    users = dict.fromkeys(("support", "alice", "carol"), PASSWORD)
    with MailServer(users) as running:
        yield running


@pytest.fixture
def config(servers: MailServer, tmp_path: Path, capsys: Capture) -> Path:
    """A configuration for these servers, with a database and one user."""
    (tmp_path / "users.toml").write_text(
        f'[[person]]\nlogin = "alice"\nname = "Alice"\nmail = "alice@testbed.example"\nssh_keys = ["{key_of("alice")}"]\n'
    )
    path = tmp_path / "config.toml"
    path.write_text(f"""
[mailbox]
host = "127.0.0.1"
port = {servers.imap_port}
security = "plain"
username = "support"
password = "{PASSWORD}"

[smtp]
host = "127.0.0.1"
port = {servers.smtp_port}
security = "plain"
from_address = "support@testbed.example"

[database]
url = "sqlite:///{tmp_path / "mailbot.sqlite"}"

[directory]
path = "users.toml"

[tokens]
keys = ["{secrets.token_hex(32)}"]

[log]
format = "json"

[[admins]]
login = "carol"
name = "Carol"
address = "carol@testbed.example"

[[sites]]
name = "test"
dns_domain = "test.testbed.example"
uri = "test:///default"
pool = "default-pool"
""")
    assert main(["db", "upgrade", "-c", str(path)]) == 0
    capsys.readouterr()
    return path


def lines(capsys: Capture) -> dict[str, bool]:
    """What was looked at, and whether it is well."""
    told = (line for line in capsys.readouterr().out.splitlines() if not line.startswith("     "))
    return {line[5:].partition(":")[0]: line.startswith("ok ") for line in told}


def test_doctor_looks_at_every_server_and_finds_what_is_missing(config: Path, capsys: Capture) -> None:
    assert main(["doctor", "-c", str(config)]) == os.EX_UNAVAILABLE
    found = lines(capsys)
    assert found["mailbox"]
    assert found["smtp"]
    assert found["database"]
    assert not found["site test, image"], "libvirt's test driver has no base image"


def test_doctor_says_which_server_does_not_answer_and_looks_at_the_others(
    config: Path, servers: MailServer, capsys: Capture
) -> None:
    config.write_text(config.read_text().replace(f"port = {servers.imap_port}", "port = 1"))
    assert main(["doctor", "-c", str(config)]) == os.EX_UNAVAILABLE
    found = lines(capsys)
    assert not found["mailbox"]
    assert found["smtp"]


def test_doctor_never_shows_a_password_that_was_refused(config: Path, capsys: Capture) -> None:
    config.write_text(config.read_text().replace(PASSWORD, "hunter2"))
    assert main(["doctor", "-c", str(config)]) == os.EX_UNAVAILABLE
    captured = capsys.readouterr()
    assert "FAIL mailbox" in captured.out
    assert "hunter2" not in captured.out + captured.err


def test_once_handles_a_request_and_ends(config: Path, servers: MailServer, capsys: Capture) -> None:
    until = (wall() + timedelta(days=90)).date().isoformat()
    raw = mail("alice@testbed.example", "Persistent Virtual Machine Creation", request_words(until=until), wall())
    servers.dovecot.deliver("support", raw)
    code, said = main(["once", "-c", str(config)]), capsys.readouterr()
    assert (code, said.out.partition(",")[0]) == (0, "mails 1"), said.err
    assert len(servers.mailbox("support", "mailbot/handled")) == 1
    assert b"approve" in servers.mailbox("carol")[-1]
    assert main(["once", "-c", str(config)]) == 0
    assert capsys.readouterr().out.startswith("mails 0, ")


def test_once_ends_with_try_again_later_where_the_mailbox_does_not_answer(
    config: Path, servers: MailServer, capsys: Capture
) -> None:
    config.write_text(config.read_text().replace(f"port = {servers.imap_port}", "port = 1"))
    assert main(["once", "-c", str(config)]) == os.EX_TEMPFAIL
    assert "127.0.0.1" in capsys.readouterr().err


@contextmanager
def running(config: Path) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """A daemon that is ready, and what it tells systemd from then on."""
    address = f"\0mailbot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": f"@{address[1:]}"}
        command = [str(MAILBOT), "run", "-c", str(config)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as daemon:
            try:
                assert _told(listener, b"READY=1")
                yield daemon, listener
            finally:
                daemon.kill()


def test_run_tells_systemd_that_it_is_ready_and_ends_well_on_sigterm(config: Path) -> None:
    with running(config) as (daemon, listener):
        daemon.send_signal(signal.SIGTERM)
        assert _told(listener, b"STOPPING=1")
        _, log = daemon.communicate(timeout=60)
    assert daemon.returncode == 0
    assert [
        event for event in ("config_loaded", "senders_unproven", "daemon_started", "daemon_stopped") if event not in log
    ] == []
    assert PASSWORD not in log


def test_what_an_admin_does_at_the_command_line_is_carried_out_by_the_daemon_that_runs(
    config: Path, servers: MailServer
) -> None:
    def asks_and_gets(letter: Letter) -> bytes:
        until = (wall() + timedelta(days=90)).date().isoformat()
        ask = mail("alice@testbed.example", "Persistent Virtual Machine Creation", request_words(until=until), wall())
        servers.dovecot.deliver("support", ask)
        return gets(letter)

    def gets(letter: Letter) -> bytes:
        """The next letter to alice, which is this one."""
        deadline = time.monotonic() + 60
        while len(servers.mailbox("alice")) <= len(read):
            assert time.monotonic() < deadline, f"{letter} does not come"
            time.sleep(0.05)
        read.append(servers.mailbox("alice")[len(read)])
        assert email.message_from_bytes(read[-1])["X-Mailbot-Letter"] == letter
        return read[-1]

    def does(*words: str) -> None:
        assert main([*words, "--as", "carol", "-c", str(config)]) == 0

    read = servers.mailbox("alice")
    with running(config):
        does("close", "Back on Monday.")
        assert b"Back on Monday." in asks_and_gets(Letter.REQUEST_PROBLEMS)
        does("open")
        asks_and_gets(Letter.REQUEST_RECEIVED)
        does("deny", "1", "There is no room left.")
        gets(Letter.REQUEST_DENIED)
        asks_and_gets(Letter.REQUEST_RECEIVED)
        does("approve", "2")
        gets(Letter.REQUEST_APPROVED)


def _told(listener: socket.socket, state: bytes) -> bool:
    """Wait for one state; others, such as WATCHDOG=1, may come before it."""
    while state not in listener.recv(4096):
        pass
    return True
