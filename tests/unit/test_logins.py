"""A refused secret is not tried many times a minute, and another one is tried at once."""

from __future__ import annotations

import pytest

from mailbot.adapters.logins import LONGEST_PAUSE_SECONDS, LoginGate
from mailbot.errors import MailServerUnavailable


class Server:
    """Tries logins through a gate, as both connections of an account do, and counts what reaches it."""

    def __init__(self) -> None:
        self.now, self.logins, self.secret = 0.0, 0, "right"
        self.gate = LoginGate(lambda: self.now)

    def log_in(self, secret: str) -> bool:
        try:
            self.gate.check(secret)
        except MailServerUnavailable:
            return False
        self.logins += 1
        if secret == self.secret:
            self.gate.accepted()
            return True
        self.gate.refused(secret, "it does not accept the password of support")
        return False


def test_a_wrong_password_reaches_the_server_a_few_times_in_the_first_hour_and_then_once_an_hour() -> None:
    server = Server()
    for _ in range(60 * 60):
        server.now += 1
        server.log_in("wrong")
    first = server.logins
    assert first == 6  # after 0, 1, 3, 7, 15 and 31 minutes
    for _ in range(10 * 60):
        server.now += 60
        server.log_in("wrong")
    assert server.logins - first in {10, 11}


def test_another_password_is_tried_at_once_and_what_works_is_never_held_up() -> None:
    server = Server()
    assert not server.log_in("wrong")
    assert not server.log_in("wrong")
    assert server.log_in("right")
    assert server.log_in("right")
    assert server.logins == 3


def test_who_is_held_up_reads_what_the_server_said_and_for_how_long() -> None:
    server = Server()
    server.log_in("wrong")
    with pytest.raises(
        MailServerUnavailable, match=r"it does not accept the password of support \(not tried again for 1 min"
    ):
        server.gate.check("wrong")


def test_of_two_connections_that_wait_one_tries() -> None:
    server = Server()
    server.log_in("wrong")
    server.now = 60.0
    server.gate.check("wrong")
    with pytest.raises(MailServerUnavailable):
        server.gate.check("wrong")


def test_the_pause_begins_anew_after_a_login_that_worked() -> None:
    server = Server()
    for _ in range(10):
        server.log_in("wrong")
        server.now += LONGEST_PAUSE_SECONDS
    assert server.log_in("right")
    server.secret = "another"
    server.log_in("right")
    tried = server.logins
    server.now += 61
    server.log_in("right")
    assert server.logins == tried + 1
