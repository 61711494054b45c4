"""The whole bot with people on an LDAP server: real mailbox, real SMTP, real directory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from contrib.demo.mailserver import MailServer
from mailbot import journal
from mailbot.cli import main
from tests import slapd
from tests.clock import wall
from tests.slapd import GROUPS, PEOPLE, Slapd, person, private_slapd
from tests.world import key_of, request_words
from tests.writing import mail

Capture = pytest.CaptureFixture[str]
SECRET = "only for the tests"

CONFIG = """
[mailbox]
host = "127.0.0.1"
port = {imap_port}
security = "plain"
username = "support"
password = "{secret}"

[smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "plain"
from_address = "support@testbed.example"

[database]
url = "sqlite:///{folder}/mailbot.sqlite"

[directory]
kind = "ldap"
host = "{ldap.host}"
port = {ldap.port}
ca_file = "{ldap.ca_file}"
bind_dn = "{reader}"
password = "{secret}"
base = "{people}"
admin_group = "cn=admins,{groups}"

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


@pytest.fixture
def ldap() -> Iterator[Slapd]:
    with private_slapd() as server:
        server.put(*person("alice", mail=["alice@testbed.example"], sshPublicKey=[key_of("alice")]))
        server.put(*person("grace", mail=["grace@testbed.example"]))
        members = [f"uid=grace,{PEOPLE}"]
        server.put(f"cn=admins,{GROUPS}", {"objectClass": ["groupOfNames"], "cn": ["admins"], "member": members})
        yield server


@pytest.fixture
def servers() -> Iterator[MailServer]:
    with MailServer(dict.fromkeys(("support", "alice", "carol", "grace"), SECRET)) as running:
        yield running


@pytest.fixture
def config(servers: MailServer, ldap: Slapd, tmp_path: Path, capsys: Capture) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        CONFIG.format(
            imap_port=servers.imap_port,
            smtp_port=servers.smtp_port,
            secret=slapd.PASSWORD,
            folder=tmp_path,
            ldap=ldap,
            reader=slapd.READER_DN,
            people=PEOPLE,
            groups=GROUPS,
        )
    )
    assert main(["db", "upgrade", "-c", str(path)]) == 0
    capsys.readouterr()
    return path


def test_a_request_waits_while_the_directory_is_down_and_is_handled_once_it_is_back(
    config: Path, servers: MailServer, ldap: Slapd, capsys: Capture
) -> None:
    now = wall()
    words = request_words(until=(now + timedelta(days=90)).date().isoformat())
    servers.dovecot.deliver("support", mail("alice@testbed.example", "Persistent Virtual Machine Creation", words, now))
    ldap.stop()
    assert main(["once", "-c", str(config)]) == 0
    assert len(servers.mailbox("support")) == 1
    assert [servers.mailbox(user) for user in ("alice", "carol", "grace")] == [[], [], []]

    ldap.start()
    with time_machine.travel(now + timedelta(minutes=10)):
        assert main(["once", "-c", str(config)]) == 0
    assert servers.mailbox("support") == []
    assert [len(servers.mailbox(user)) for user in ("alice", "carol", "grace")] == [1, 1, 1]
    assert b"approve" in servers.mailbox("grace")[0]
    capsys.readouterr()
    assert main(["list", "--json", "-c", str(config)]) == 0
    assert [json.loads(line)["username"] for line in capsys.readouterr().out.splitlines()] == ["alice"]


def test_a_member_of_the_group_is_named_at_the_command_line(config: Path, capsys: Capture) -> None:
    assert main(["approve", "1", "--as", "mallory", "-c", str(config)]) != os.EX_OK
    assert "carol, grace" in capsys.readouterr().err
