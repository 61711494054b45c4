"""What every `Postman` does: the stand-ins in memory and on disk, and SMTP with a real server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from smtplib import SMTP, SMTPException
from time import monotonic, sleep
from typing import Protocol

import pytest

from contrib.demo.smtp_server import SmtpServer
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.adapters.smtp.postman import SmtpPostman, SmtpSettings
from mailbot.adapters.smtp.wire import Wire
from mailbot.adapters.spool import SpoolPostman
from mailbot.adapters.transport import Security
from mailbot.errors import LetterRefused, MailServerUnavailable
from mailbot.model import OutboundMail
from mailbot.ports import Handover, Postman

TEXT = b"From: support@testbed.example\r\nMessage-ID: <1@testbed.example>\r\nSubject: hello\r\n\r\nwords\r\n"
LETTER = OutboundMail("support@testbed.example", "alice@example.org", "<1@testbed.example>", TEXT)


class PostmanWorld(Protocol):
    postman: Postman

    def arrived(self) -> list[tuple[str, str, bytes]]:
        """Sender, recipient and text of each letter that the server has taken."""

    def refuse(self, address: str, code: int, answer: str) -> None: ...
    def accept(self, address: str) -> None: ...
    def break_next(self) -> None:
        """The server does not answer to the next letter."""

    def lose_next_answer(self) -> None:
        """The server takes the next letter, and its answer is lost."""


class FakePostmanWorld:
    def __init__(self, postman: MemoryPostman) -> None:
        self.postman = postman
        self.refuse = postman.refuse
        self.accept = postman.accept

    def arrived(self) -> list[tuple[str, str, bytes]]:
        return [(letter.envelope_from, letter.envelope_to, letter.data) for letter in self.postman.letters]

    def break_next(self) -> None:
        self.postman.faults.plan("send")

    def lose_next_answer(self) -> None:
        self.postman.faults.plan("answer")


class SmtpWorld:
    def __init__(self) -> None:
        self._arrived: list[tuple[str, str, bytes]] = []
        self._refusals: dict[str, str] = {}
        self._breaks = 0
        self._answers_lost = 0
        self.server = SmtpServer({}, lambda *letter: self._arrived.append(letter))
        self.server.trouble = self._trouble
        settings = SmtpSettings("127.0.0.1", port=self.server.port, security=Security.PLAIN)
        self.postman = SmtpPostman(settings)

    def arrived(self) -> list[tuple[str, str, bytes]]:
        return list(self._arrived)

    def refuse(self, address: str, code: int, answer: str) -> None:
        self._refusals[address] = f"{code} {answer}"

    def accept(self, address: str) -> None:
        del self._refusals[address]

    def break_next(self) -> None:
        self._breaks = 2  # a kept connection may be made anew once

    def lose_next_answer(self) -> None:
        self._answers_lost = 1

    def _trouble(self, command: str, argument: str) -> str | None:
        if command == "ANSWER" and self._answers_lost:
            self._answers_lost -= 1
            return ""
        if command == "MAIL" and self._breaks:
            self._breaks -= 1
            return "421 4.3.2 shutting down"
        if command == "RCPT":
            return next((answer for address, answer in self._refusals.items() if f"<{address}>" in argument), None)
        return None


@contextmanager
def smtp_world() -> Iterator[SmtpWorld]:
    real = SmtpWorld()
    real.server.start()
    try:
        yield real
    finally:
        real.postman.close()
        real.server.stop()


@pytest.fixture(params=["memory", "spool", "smtp"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PostmanWorld]:
    if request.param == "memory":
        yield FakePostmanWorld(MemoryPostman())
    elif request.param == "spool":
        yield FakePostmanWorld(SpoolPostman(tmp_path))
    else:
        with smtp_world() as real:
            yield real


def test_a_letter_arrives_as_it_was_written_and_the_answer_is_the_proof(world: PostmanWorld) -> None:
    answer = world.postman.send(LETTER)

    assert answer.startswith("250 ")
    assert "queued as" in answer
    assert world.arrived() == [("support@testbed.example", "alice@example.org", TEXT)]


def test_many_letters_arrive_in_order(world: PostmanWorld) -> None:
    for number in range(30):
        world.postman.send(replace(LETTER, envelope_to=f"user{number}@example.org"))

    assert [recipient for _sender, recipient, _text in world.arrived()] == [
        f"user{number}@example.org" for number in range(30)
    ]


def test_the_envelope_may_have_no_sender(world: PostmanWorld) -> None:
    world.postman.send(replace(LETTER, envelope_from=""))

    assert world.arrived()[0][0] == ""


def test_dots_at_the_beginning_of_lines_survive(world: PostmanWorld) -> None:
    text = TEXT + b".\r\n..\r\n...dots\r\nQUIT\r\n.end\r\n"
    world.postman.send(replace(LETTER, data=text))

    assert world.arrived()[0][2] == text


@pytest.mark.parametrize(("code", "permanent"), [(550, True), (450, False)])
def test_a_refused_address_is_told_with_the_servers_words(world: PostmanWorld, code: int, permanent: bool) -> None:
    world.refuse("alice@example.org", code, "5.1.1 nobody here by that name")

    with pytest.raises(LetterRefused) as caught:
        world.postman.send(LETTER)

    assert caught.value.code == code
    assert caught.value.permanent is permanent
    assert "nobody here by that name" in caught.value.answer
    assert world.arrived() == []


def test_after_a_refused_letter_the_next_one_goes(world: PostmanWorld) -> None:
    world.refuse("nobody@example.org", 550, "5.1.1 no such user")
    for _ in range(2):
        with pytest.raises(LetterRefused):
            world.postman.send(replace(LETTER, envelope_to="nobody@example.org"))
        world.postman.send(LETTER)
    world.accept("nobody@example.org")
    world.postman.send(replace(LETTER, envelope_to="nobody@example.org"))

    assert [recipient for _sender, recipient, _text in world.arrived()] == [
        "alice@example.org",
        "alice@example.org",
        "nobody@example.org",
    ]


def test_a_server_that_breaks_off_is_unavailable_and_the_next_try_succeeds(world: PostmanWorld) -> None:
    world.postman.send(LETTER)
    world.break_next()
    with pytest.raises(MailServerUnavailable) as caught:
        world.postman.send(LETTER)
    assert not caught.value.permanent

    world.postman.send(LETTER)
    assert len(world.arrived()) == 2


def test_a_letter_whose_answer_was_lost_is_not_sent_again_unasked(world: PostmanWorld) -> None:
    world.postman.send(LETTER)
    world.lose_next_answer()
    with pytest.raises(MailServerUnavailable):
        world.postman.send(LETTER)
    assert len(world.arrived()) == 2

    world.postman.send(LETTER)
    assert [text for _sender, _recipient, text in world.arrived()] == [TEXT] * 3


def test_closing_twice_is_harmless_and_the_postman_can_be_used_again(world: PostmanWorld) -> None:
    world.postman.close()
    world.postman.send(LETTER)
    world.postman.close()
    world.postman.close()
    world.postman.send(LETTER)

    assert len(world.arrived()) == 2


def on_its_way(handover: Handover) -> None:
    """Go on until the server has answered; bounded in time."""
    until = monotonic() + 30
    while not handover.go_on():
        assert monotonic() < until
        sleep(0.001)


@pytest.mark.parametrize("pipelines", [True, False])
def test_a_letter_is_on_its_way_while_nobody_waits_for_it(pipelines: bool) -> None:
    with smtp_world() as world:
        world.server.pipelining = pipelines
        handover = world.postman.begin(LETTER)
        on_its_way(handover)
        assert len(world.arrived()) == 1
        assert handover.answer().startswith("250 ")
        world.refuse("nobody@example.org", 550, "5.1.1 no such user")
        refused = world.postman.begin(replace(LETTER, envelope_to="nobody@example.org"))
        on_its_way(refused)
        for _ in range(2):
            with pytest.raises(LetterRefused):
                refused.answer()
        world.lose_next_answer()
        lost = world.postman.begin(LETTER)
        with pytest.raises(MailServerUnavailable):
            lost.answer()
        assert len(world.arrived()) == 2


def test_a_letter_that_was_broken_off_in_the_middle_counts_as_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    with smtp_world() as world:
        handover = world.postman.begin(LETTER)
        with monkeypatch.context() as broken:
            broken.setattr(Wire, "answer", interrupted)
            with pytest.raises(KeyboardInterrupt):
                handover.go_on()
        for _ in range(2):
            with pytest.raises(MailServerUnavailable, match="broken off"):
                handover.answer()
        assert world.postman.send(LETTER).startswith("250 "), "over a connection of its own"


def test_a_letter_larger_than_what_the_kernel_takes_at_once_arrives_whole() -> None:
    text = TEXT + b"a line of words that goes on\r\n" * 200_000
    with smtp_world() as world:
        world.postman.send(LETTER)
        on_its_way(world.postman.begin(replace(LETTER, data=text)))
        assert world.postman.send(replace(LETTER, data=text)).startswith("250 ")
        assert [letter == text for _sender, _recipient, letter in world.arrived()] == [False, True, True]


def test_a_server_that_says_nothing_is_waited_for_only_where_that_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = SmtpSettings("127.0.0.1", port=port, security=Security.PLAIN, timeout_seconds=0.2)
        with ThreadPoolExecutor(1) as servers:
            served = servers.submit(_greets_and_falls_silent, silent)
            handover = SmtpPostman(settings).begin(LETTER)
            assert [handover.go_on() for _ in range(5)] == [False] * 5
            with pytest.raises(MailServerUnavailable, match="no answer in time"):
                handover.answer()
            assert handover.go_on()
            served.result(30)


def interrupted(*_arguments: object) -> None:
    raise KeyboardInterrupt


def _greets_and_falls_silent(silent: socket.socket) -> None:
    connection, _ = silent.accept()
    with connection, connection.makefile("rb") as commands:
        connection.sendall(b"220 here\r\n")
        commands.readline()
        connection.sendall(b"250-here\r\n250 SIZE\r\n")
        while commands.readline():
            pass


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ([b"250 2.0.0 Ok\r\n"], [(250, b"2.0.0 Ok")]),
        ([b"250-one\r\n", b"250-two\r\n25", b"0 three\r\n"], [(250, b"one\ntwo\nthree")]),
        ([b"250 one\r\n354 two\r\n"], [(250, b"one"), (354, b"two")]),
        ([b"250\n"], [(250, b"")]),
        ([b"what?\r\n250 one\r\n"], [(-1, b"?"), (250, b"one")]),
    ],
)
def test_an_answer_is_whole_at_its_last_line(said: list[bytes], heard: list[tuple[int, bytes]]) -> None:
    with _wire() as (wire, server):
        assert wire.answer(0) is None
        for part in said[:-1]:
            server.sendall(part)
            assert wire.answer(0.01) is None
        server.sendall(said[-1])
        assert [wire.answer(30) for _ in heard] == heard
        assert wire.answer(0) is None


def test_an_answer_without_end_is_none() -> None:
    with _wire() as (wire, server), ThreadPoolExecutor(1) as servers:
        endless = servers.submit(server.sendall, b"250-and so on\r\n" * 10_000)
        with pytest.raises(SMTPException, match="too long"):
            wire.answer(30)
        server.shutdown(socket.SHUT_RDWR)
        assert endless.exception(30) is None or isinstance(endless.exception(), OSError)


@contextmanager
def _wire() -> Iterator[tuple[Wire, socket.socket]]:
    ours, server = socket.socketpair()
    smtp = SMTP()
    smtp.sock = ours
    with ours, server:
        yield Wire(smtp), server


def test_an_answer_that_nobody_heard_is_never_taken_for_the_next_one() -> None:
    with smtp_world() as world:
        world.postman.begin(LETTER)
        world.refuse("alice@example.org", 550, "5.1.1 no such user")
        with pytest.raises(LetterRefused):
            world.postman.send(LETTER)
