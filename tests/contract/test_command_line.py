"""The command line with real servers: Dovecot, SMTP, and libvirt's own test driver."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer
from mailbot import journal
from mailbot.cli import main
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


def test_run_tells_systemd_that_it_is_ready_and_ends_well_on_sigterm(config: Path, tmp_path: Path) -> None:
    address = f"\0mailbot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": f"@{address[1:]}"}
        command = [str(MAILBOT), "run", "-c", str(config)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as daemon:
            try:
                assert _told(listener, b"READY=1")
                daemon.send_signal(signal.SIGTERM)
                assert _told(listener, b"STOPPING=1")
                _, log = daemon.communicate(timeout=60)
            finally:
                daemon.kill()
    assert daemon.returncode == 0
    assert [
        event for event in ("config_loaded", "senders_unproven", "daemon_started", "daemon_stopped") if event not in log
    ] == []
    assert PASSWORD not in log


def _told(listener: socket.socket, state: bytes) -> bool:
    """Wait for one state; others, such as WATCHDOG=1, may come before it."""
    while state not in listener.recv(4096):
        pass
    return True
