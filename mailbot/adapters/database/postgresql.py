"""Connections to PostgreSQL that are given up where the server does not answer.

The kernel notices a host that is gone (tcp(7): TCP_USER_TIMEOUT, keepalives), and the server itself ends a statement that
takes too long.  Neither helps where something in between goes on acknowledging what it passes on to nobody: a proxy, a
firewall, a server process that is stopped.  So every wait for an answer has an end on this side as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from time import monotonic
from typing import Any, TypeVar

import psycopg

RV = TypeVar("RV")
UNANSWERED_SECONDS = 60
_KEEPALIVE = "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
"""The server, too, notices a client that vanished: otherwise it kept its lock for hours, and nobody read the mailbox."""
_STATEMENTS = "-c statement_timeout=45000 -c idle_in_transaction_session_timeout=300000"
"""A server that lives gives up before its client does."""
_ALWAYS: Mapping[str, int | str] = {
    "application_name": "mailbot",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def parameters(*, patient: bool) -> dict[str, int | str]:
    """What libpq is told; every statement of the bot takes milliseconds, and only those of a `patient` connection may take long."""
    if patient:
        return {**_ALWAYS, "options": _KEEPALIVE}
    return {**_ALWAYS, "tcp_user_timeout": UNANSWERED_SECONDS * 1000, "options": f"{_STATEMENTS} {_KEEPALIVE}"}


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed where the server has not answered for so long.

    What waited then raises psycopg.OperationalError, as where the kernel has noticed that the server is gone.
    """

    answer_seconds: float = UNANSWERED_SECONDS

    def wait(self, gen: Generator[Any, Any, RV], *arguments: Any, **named: Any) -> RV:
        """What psycopg waits with for every answer: it comes back to the generator several times a second."""
        return super().wait(_until(monotonic() + self.answer_seconds, gen, self._unanswered), *arguments, **named)

    def _unanswered(self) -> psycopg.OperationalError:
        self.pgconn.finish()  # what still comes would be taken for the answer to the next statement
        return psycopg.OperationalError(f"the server has not answered for {self.answer_seconds:g} seconds")


def connect(*arguments: Any, **named: Any) -> BoundedConnection:
    """As `psycopg.connect`; the limit is libpq's `tcp_user_timeout` (milliseconds, 0 for none), for what the kernel cannot notice too."""
    connection = BoundedConnection.connect(*arguments, **named)
    connection.answer_seconds = int(named["tcp_user_timeout"]) / 1000 or math.inf
    return connection


def _until(end: float, gen: Generator[Any, Any, RV], unanswered: Callable[[], Exception]) -> Generator[Any, Any, RV]:
    """The same generator; raises once it has to wait after that moment."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and monotonic() >= end:
                raise unanswered()
            wanted = gen.send(ready)
    except StopIteration as last:
        result: RV = last.value
        return result
