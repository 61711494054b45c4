"""What can go wrong between the bot and an SMTP server, and what must never go over the wire."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from contrib.demo.loopback import make_certificate
from contrib.demo.smtp_server import SmtpServer
from mailbot.adapters.smtp.postman import SmtpPostman, SmtpSettings
from mailbot.adapters.transport import Auth, Security, reconnect_delays
from mailbot.errors import ConfigurationError, LetterRefused, MailServerUnavailable
from mailbot.model import OutboundMail
from tests.wire import Script

TEXT = b"From: support@testbed.example\r\nSubject: hello\r\n\r\nwords\r\n"
LETTER = OutboundMail("support@testbed.example", "alice@example.org", "<1@testbed.example>", TEXT)
GREETING = b"220 mx.example.org ESMTP\r\n"
USERS = {"support": "pass word é"}


@dataclass
class World:
    server: SmtpServer
    settings: SmtpSettings
    arrived: list[tuple[str, str, bytes]] = field(default_factory=list)

    def postman(self, **changes: Any) -> SmtpPostman:
        return SmtpPostman(replace(self.settings, **changes))


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    running: list[SmtpServer] = []

    def start(**options: bool) -> World:
        arrived: list[tuple[str, str, bytes]] = []
        server = SmtpServer(USERS, lambda *letter: arrived.append(letter), make_certificate(tmp_path), **options)
        server.start()
        running.append(server)
        settings = SmtpSettings(
            "localhost", port=server.port, security=Security.PLAIN, ca_file=tmp_path / "cert.pem", timeout_seconds=20
        )
        return World(server, settings, arrived)

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def world(open_world: Callable[..., World]) -> World:
    return open_world()


def failure(postman: SmtpPostman, letter: OutboundMail = LETTER) -> MailServerUnavailable:
    with pytest.raises(MailServerUnavailable) as caught:
        postman.send(letter)
    postman.close()
    return caught.value


def refusal(postman: SmtpPostman, letter: OutboundMail = LETTER) -> LetterRefused:
    with pytest.raises(LetterRefused) as caught:
        postman.send(letter)
    return caught.value


def scripted(port: int, **changes: Any) -> SmtpPostman:
    settings = SmtpSettings("127.0.0.1", port=port, security=Security.PLAIN, timeout_seconds=5, final_seconds=5)
    return SmtpPostman(replace(settings, **changes))


# How the connection is protected, and who may use it


def test_starttls_and_login_with_letters_beyond_ascii_in_the_password(world: World) -> None:
    postman = world.postman(security=Security.STARTTLS, username="support", password=lambda: USERS["support"])
    assert postman.send(LETTER).startswith("250")
    postman.close()
    assert len(world.arrived) == 1


def test_tls_from_the_first_byte(open_world: Callable[..., World]) -> None:
    world = open_world(implicit_tls=True, auth_required=True)
    postman = world.postman(security=Security.TLS, username="support", password=lambda: USERS["support"])
    assert postman.send(LETTER).startswith("250")
    assert postman.check().startswith("250")
    postman.close()


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_that_nobody_vouches_for_is_refused_for_good(
    open_world: Callable[..., World], security: Security
) -> None:
    world = open_world(implicit_tls=security is Security.TLS)
    error = failure(world.postman(security=security, ca_file=None))

    assert error.permanent
    assert "certificate is not accepted" in str(error)


def test_a_certificate_for_another_host_is_refused_for_good(open_world: Callable[..., World], tmp_path: Path) -> None:
    make_certificate(tmp_path, "mail.example.org", "192.0.2.1")
    world = open_world(implicit_tls=True)
    error = failure(world.postman(security=Security.TLS))

    assert error.permanent
    assert "localhost" in str(error)


def test_a_server_without_starttls_gets_neither_password_nor_letter() -> None:
    def answer(line: bytes) -> bytes:
        return b"250-mx.example.org\r\n250 AUTH PLAIN\r\n" if line.startswith(b"EHLO") else b"250 ok\r\n"

    with Script(GREETING, answer) as server:
        error = failure(
            scripted(server.port, security=Security.STARTTLS, username="support", password=lambda: "secret")
        )
        heard = b"\n".join(server.heard)

    assert error.permanent
    assert b"AUTH" not in heard
    assert b"MAIL" not in heard


def test_an_unprotected_connection_to_another_machine_is_refused_in_the_settings() -> None:
    with pytest.raises(ConfigurationError, match=r"smtp\.security"):
        SmtpSettings("smtp.example.org", security=Security.PLAIN)


def test_a_wrong_password_is_permanent_and_says_whose(world: World) -> None:
    error = failure(world.postman(username="support", password=lambda: "not-the-secret"))

    assert error.permanent
    assert "does not accept the password of support" in str(error)
    assert "not-the-secret" not in str(error)


def test_a_refused_password_is_not_tried_again_at_once(world: World) -> None:
    postman = world.postman(username="support", password=lambda: "not-the-secret")
    for said in ("5.7.8", "not tried again for 1 min"):
        with pytest.raises(MailServerUnavailable, match=said):
            postman.check()


def test_a_token_logs_in_by_xoauth2_and_a_refused_one_is_permanent(open_world: Callable[..., World]) -> None:
    world = open_world(auth_required=True)
    good = world.postman(username="support", password=lambda: USERS["support"], auth=Auth.OAUTH2)
    assert good.send(LETTER).startswith("250")
    good.close()

    error = failure(world.postman(username="support", password=lambda: "old-token", auth=Auth.OAUTH2))
    assert error.permanent
    assert "does not accept the token of support" in str(error)


def test_a_server_that_wants_a_login_refuses_no_letter_for_good(open_world: Callable[..., World]) -> None:
    world = open_world(auth_required=True)
    error = failure(world.postman())

    assert error.permanent  # a person must set a password; the letter waits
    assert "530" in str(error)


def test_the_secret_is_asked_for_at_each_login(world: World) -> None:
    secrets = iter(["wrong", USERS["support"]])
    postman = world.postman(username="support", password=lambda: next(secrets))
    with pytest.raises(MailServerUnavailable):
        postman.send(LETTER)

    assert postman.send(LETTER).startswith("250")
    postman.close()


def test_neither_settings_nor_logs_nor_errors_show_a_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="mailbot")
    settings = replace(world.settings, username="support", password=lambda: "s3cret")
    error = failure(SmtpPostman(settings))
    encoded = base64.b64encode(b"\0support\0s3cret").decode()

    for text in (repr(settings), caplog.text, str(error), repr(error)):
        assert "s3cret" not in text
        assert encoded not in text


# Servers that fail


@pytest.mark.parametrize("greeting", ["421 4.3.2 too busy", "554 5.3.2 no service", "hello", "\xff\x00"])
def test_a_server_that_does_not_welcome_us_is_unavailable_for_now(greeting: str) -> None:
    with Script(f"{greeting}\r\n".encode("latin-1"), lambda _line: None) as server:
        assert not failure(scripted(server.port)).permanent


def test_a_server_that_is_not_there_is_unavailable_for_now() -> None:
    with Script(GREETING) as server:
        port = server.port
    assert not failure(scripted(port)).permanent


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    with Script(b"") as silent_at_once, Script(GREETING) as silent_later:
        for server in (silent_at_once, silent_later):
            assert not failure(scripted(server.port, timeout_seconds=0.3)).permanent


def test_a_server_that_never_answers_the_final_dot_is_given_up_in_time() -> None:
    with Script(GREETING, talker(final=b"")) as server:
        error = failure(scripted(server.port, final_seconds=0.3))
    assert not error.permanent


def talker(
    final: bytes | None = b"250 2.0.0 Ok: queued as 1\r\n",
    features: bytes = b"250 8BITMIME\r\n",
    **special: bytes | None,
) -> Callable[[bytes], bytes | None]:
    """A server that says yes to everything but `special` (by the first four letters of the command)."""
    texting = False

    def answer(line: bytes) -> bytes | None:
        nonlocal texting
        if texting:
            texting = line != b"."
            return b"" if texting else final
        verb = line[:4].decode().upper()
        if verb in special:
            return special[verb]
        if verb == "DATA":
            texting = True
            return b"354 go on\r\n"
        return b"250-mx.example.org\r\n" + features if verb == "EHLO" else b"250 ok\r\n"

    return answer


@pytest.mark.parametrize("features", [b"250 8BITMIME\r\n", b"250 PIPELINING\r\n"])
def test_a_server_that_hangs_up_at_any_command_is_unavailable(features: bytes) -> None:
    for verb in ("EHLO", "MAIL", "RCPT", "DATA"):
        with Script(GREETING, talker(features=features, **{verb: None})) as server:
            assert not failure(scripted(server.port)).permanent
    with Script(GREETING, talker(final=None, features=features)) as server:
        assert not failure(scripted(server.port)).permanent


@pytest.mark.parametrize("features", [b"250 8BITMIME\r\n", b"250 PIPELINING\r\n"])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("code", [452, 552])
def test_a_refusal_at_any_command_is_the_letters_own(features: bytes, verb: str, code: int) -> None:
    with Script(GREETING, talker(features=features, **{verb: f"{code} 0.0.0 not this one\r\n".encode()})) as server:
        postman = scripted(server.port)
        error = refusal(postman)
        postman.close()
        assert b"RSET" in server.heard

    assert (error.code, error.permanent) == (code, False)
    assert "not this one" in str(error)


@pytest.mark.parametrize("features", [b"250 8BITMIME\r\n", b"250 PIPELINING\r\n"])
@pytest.mark.parametrize("code", [550, 553, 554])
def test_a_server_that_does_not_take_our_sender_refuses_no_letter_for_good(features: bytes, code: int) -> None:
    answers = talker(features=features, MAIL=f"{code} 5.7.1 sender address rejected\r\n".encode())
    with Script(GREETING, answers) as server:
        error = failure(scripted(server.port))
    assert error.permanent  # a person must act; every letter waits
    assert "sender address rejected" in str(error)


@pytest.mark.parametrize("code", [451, 554])
def test_a_refusal_of_the_text_is_the_letters_own(world: World, code: int) -> None:
    world.server.trouble = lambda command, _argument: f"{code} 0.6.0 not liked" if command == "DATA" else None
    postman = world.postman()
    error = refusal(postman)
    world.server.trouble = lambda _command, _argument: None
    postman.send(LETTER)
    postman.close()

    assert (error.code, error.permanent) == (code, code == 554)
    assert world.server.sessions == 1


def test_when_all_recipients_are_refused_but_the_text_is_wanted_nothing_of_it_is_sent() -> None:
    answers = talker(features=b"250 PIPELINING\r\n", RCPT=b"550 5.1.1 no such user\r\n")
    with Script(GREETING, answers) as server:
        postman = scripted(server.port)
        assert refusal(postman).code == 550
        postman.close()
        assert server.heard[1:5] == [
            b"MAIL FROM:<support@testbed.example>",
            b"RCPT TO:<alice@example.org>",
            b"DATA",
            b".",
        ]


# One connection for many letters


def test_many_letters_go_over_one_connection(world: World) -> None:
    postman = world.postman()
    for _ in range(40):
        postman.send(LETTER)
    postman.close()

    assert world.server.sessions == 1
    assert len(world.arrived) == 40


def test_a_connection_that_the_server_closed_between_letters_is_made_anew(world: World) -> None:
    count = 0

    def five_at_most(command: str, _argument: str) -> str | None:
        nonlocal count
        count += command == "MAIL"
        return "421 4.7.0 enough for this connection" if command == "MAIL" and count % 6 == 0 else None

    world.server.trouble = five_at_most
    postman = world.postman()
    for number in range(20):
        postman.send(replace(LETTER, envelope_to=f"user{number}@example.org"))
    postman.close()

    assert [recipient for _sender, recipient, _text in world.arrived] == [
        f"user{number}@example.org" for number in range(20)
    ]
    assert world.server.sessions > 1


def test_a_server_that_was_restarted_between_letters_is_found_again(open_world: Callable[..., World]) -> None:
    with Script(GREETING, talker(QUIT=None)) as first:
        postman = scripted(first.port)
        postman.send(LETTER)
        for client in first._open:
            client.shutdown(2)
        assert postman.send(LETTER).startswith("250")
        postman.close()
        assert first.connections == 2


# What goes over the wire


@pytest.mark.parametrize(
    "address",
    [
        "alice@example.org>\r\nRCPT TO:<mallory@example.org",
        "alice@example.org\r\nDATA",
        "alice@example.org\nQUIT",
        "alice@example.org mallory@example.org",
        "<alice@example.org>",
        "alice\x00@example.org",
        "alice",
        "@example.org",
        "",
    ],
)
def test_an_address_that_could_be_more_than_an_address_is_refused_here(world: World, address: str) -> None:
    postman = world.postman()
    assert refusal(postman, replace(LETTER, envelope_to=address)).permanent
    if address:
        assert refusal(postman, replace(LETTER, envelope_from=address)).permanent
    postman.send(LETTER)
    postman.close()

    assert [recipient for _sender, recipient, _text in world.arrived] == ["alice@example.org"]


@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\n", b"\n.\r"])
def test_nothing_inside_a_letter_is_taken_for_its_end(world: World, end: bytes) -> None:
    smuggled = TEXT + b"before" + end + b"MAIL FROM:<mallory@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nafter"
    postman = world.postman()
    postman.send(replace(LETTER, data=smuggled))
    postman.close()

    assert len(world.arrived) == 1
    assert world.arrived[0][2].endswith(b"after\r\n")
    assert b"\r\n.\r\nMAIL FROM:<mallory@example.org>" in world.arrived[0][2]


def test_smtputf8_is_asked_for_only_where_it_is_needed() -> None:
    features = b"250-SMTPUTF8\r\n250 8BITMIME\r\n"
    with Script(GREETING, talker(features=features)) as server:
        postman = scripted(server.port)
        postman.send(LETTER)
        postman.send(replace(LETTER, envelope_to="zoé@example.org"))
        postman.send(replace(LETTER, envelope_to="zoe@exämple.org"))
        postman.send(replace(LETTER, data=TEXT + "café\r\n".encode()))
        postman.close()
        heard = [line.decode() for line in server.heard if line.startswith((b"MAIL", b"RCPT"))]

    assert heard == [
        "MAIL FROM:<support@testbed.example>",
        "RCPT TO:<alice@example.org>",
        "MAIL FROM:<support@testbed.example> SMTPUTF8",
        "RCPT TO:<zoé@example.org>",
        "MAIL FROM:<support@testbed.example>",
        "RCPT TO:<zoe@xn--exmple-cua.org>",
        "MAIL FROM:<support@testbed.example> BODY=8BITMIME",
        "RCPT TO:<alice@example.org>",
    ]


def test_an_address_that_the_server_cannot_take_is_refused_before_anything_is_sent() -> None:
    with Script(GREETING, talker()) as server:
        postman = scripted(server.port)
        assert refusal(postman, replace(LETTER, envelope_to="zoé@example.org")).permanent
        postman.close()
        assert not [line for line in server.heard if line.startswith(b"MAIL")]


def test_waiting_times_between_tries_grow_with_jitter_up_to_a_limit() -> None:
    delays = reconnect_delays(first_seconds=2, most_seconds=60)
    first = [next(delays) for _ in range(40)]

    assert 1 <= first[0] <= 2
    assert all(30 <= delay <= 60 for delay in first[6:])
    assert len(set(first)) > 30
