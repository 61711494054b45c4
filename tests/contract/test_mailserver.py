"""The mail service of the tests and the demonstration: a letter goes in by SMTP and comes out by IMAP."""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from contrib.demo.mailserver import Dovecot, MailServer
from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.smtp.postman import SmtpPostman, SmtpSettings
from mailbot.adapters.transport import Security
from mailbot.model import OutboundMail

TEXT = b"From: alice@testbed.example\r\nSubject: hello\r\n\r\nwords\r\n.\r\n"


def letter(to: str, sender: str = "alice@testbed.example") -> OutboundMail:
    return OutboundMail(sender, to, "<1@testbed.example>", TEXT)


def test_a_letter_travels_from_the_postman_to_the_inbox() -> None:
    seen: list[tuple[str, str, bytes]] = []
    users = {"support": "secret", "alice": "word"}
    with MailServer(users, "testbed.example", on_letter=lambda *one: seen.append(one)) as server:
        postman = SmtpPostman(
            SmtpSettings(
                "localhost",
                "support",
                lambda: "secret",
                port=server.smtp_port,
                security=Security.STARTTLS,
                ca_file=server.ca_file,
            )
        )
        inbox = ImapInbox(
            ImapSettings("localhost", "support", lambda: "secret", port=server.imaps_port, ca_file=server.ca_file)
        )
        postman.send(letter("Support+token@Testbed.example"))
        postman.send(letter("support@testbed.example", sender=""))
        postman.send(letter("alice@testbed.example"))
        postman.send(letter("bob@example.org"))
        postman.close()
        first, second = (one.raw or b"" for one in inbox.fetch(None))
        inbox.close()

        assert first == (
            b"Return-Path: <alice@testbed.example>\r\nDelivered-To: Support+token@Testbed.example\r\n" + TEXT
        )
        assert second.startswith(b"Return-Path: <>\r\n")
        assert len(server.mailbox("alice")) == 1
        assert server.elsewhere == [("alice@testbed.example", "bob@example.org", TEXT)]
        assert len(seen) == 4
        home = server.home
    assert not home.exists()


def test_the_command_prints_its_ports_and_ends_when_it_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "contrib.demo.mailserver", "support:secret", "--domain", "example.org"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        with smtplib.SMTP(said["host"], said["smtp"], timeout=20) as client:
            client.sendmail("alice@example.org", ["support@example.org"], TEXT)
        inbox = ImapInbox(
            ImapSettings("127.0.0.1", "support", lambda: "secret", port=said["imap"], security=Security.PLAIN)
        )
        assert len(list(inbox.fetch(None))) == 1
        inbox.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not Path(said["ca_file"]).exists()


@pytest.mark.parametrize(("version", "words"), [((2, 3), "ssl_cert = <"), ((2, 4), "ssl_server_cert_file = ")])
def test_both_syntaxes_of_dovecot_are_known(tmp_path: Path, version: tuple[int, int], words: str) -> None:
    server = Dovecot(tmp_path, {"support": "secret"}, (tmp_path / "cert.pem", tmp_path / "key.pem"))
    text = server.configuration(version)

    assert words in text
    assert f"port = {server.imap_port}" in text
    assert "listen = 127.0.0.1" in text
