"""A PostgreSQL behind something that goes on acknowledging and passes nothing on: the kernel notices nothing, the bot has to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mailbot import daemon, passes
from mailbot.adapters.database.engine import make_engine
from mailbot.adapters.database.store import Database
from mailbot.model import Letter
from mailbot.wiring import Bot
from tests.databases import empty
from tests.postgresql import PrivateServer
from tests.world import ALICE, Listening, World, kind_of, request_words
from tests.writing import mail

FOREVER_SECONDS = 3600


class Proxy:
    """Stands between; while `silent` it takes what comes and passes nothing on, and refuses whoever connects."""

    def __init__(self, server: PrivateServer) -> None:
        self._to = str(next(Path(server.folder).glob(".s.PGSQL.*[0-9]")))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.silent = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database: str, patience_milliseconds: int) -> str:
        port = self._listener.getsockname()[1]
        return f"postgresql://postgres@127.0.0.1:{port}/{database}?tcp_user_timeout={patience_milliseconds}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                if self.silent.is_set():
                    client.close()
                    continue
                behind = socket.socket(socket.AF_UNIX)
                behind.connect(self._to)
                self._open += [client, behind]
                for one, other in ((client, behind), (behind, client)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if not self.silent.is_set():
                    other.sendall(data)

    def close(self) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def proxy(server: PrivateServer) -> Iterator[Proxy]:
    between = Proxy(server)
    yield between
    between.close()


@pytest.fixture
def bot(proxy: Proxy, postgresql_url: str, tmp_path: Path) -> Iterator[tuple[World, Bot]]:
    """A bot whose database is behind the proxy, and is waited for for a second."""
    assert postgresql_url.startswith("postgresql://postgres@/postgres?")
    world = World(tmp_path)
    store = Database(proxy.url("postgres", 1000))
    yield world, replace(world.bot, context=replace(world.bot.context, store=store))
    proxy.silent.clear()
    store.close()
    world.close()
    empty(postgresql_url)


def test_a_statement_that_nobody_answers_fails(proxy: Proxy, postgresql_url: str) -> None:
    assert postgresql_url
    store = Database(proxy.url("postgres", 1000))
    assert store.note("paused") is None
    proxy.silent.set()
    with pytest.raises(OperationalError):
        store.note("paused")
    proxy.silent.clear()
    assert store.note("paused") is None
    store.close()


def test_the_daemon_tells_it_and_comes_back_with_the_database(bot: tuple[World, Bot], proxy: Proxy) -> None:
    world, behind = bot
    passes.tick(behind)
    proxy.silent.set()
    world.inbox.deliver(mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), world.now))
    assert any("OperationalError" in one for one in passes.tick(behind).troubles)
    assert not world.letters
    proxy.silent.clear()
    assert not passes.once(behind).troubles
    assert Letter.REQUEST_RECEIVED in {kind_of(one) for one in world.letters}


def test_no_thread_ends_with_the_database_and_all_go_on_with_it(bot: tuple[World, Bot], proxy: Proxy) -> None:
    world, behind = bot
    passes.tick(behind)
    pulse = Listening()
    loop = daemon.Loop(replace(behind, poll_seconds=FOREVER_SECONDS), pulse)
    proxy.silent.set()
    world.inbox.deliver(mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(), world.now))
    loop.start()
    assert "OperationalError" in pulse.said.get()  # and a thread that ends by an error fails the test
    proxy.silent.clear()
    loop.soon()
    while "all is well" not in pulse.said.get():
        loop.soon()
    loop.stop()
    assert behind.context.store.open_ticket_of(ALICE.login) is not None


def test_an_answer_that_comes_late_is_not_taken_for_the_next_one(proxy: Proxy, postgresql_url: str) -> None:
    assert postgresql_url
    engine = make_engine(proxy.url("postgres", 500))
    with engine.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT 'late' FROM pg_sleep(1)")).scalar()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 'next'")).scalar() == "next"
    engine.dispose()


@pytest.mark.parametrize(("patience", "patient"), [(500, True), (0, False)])
def test_a_migration_and_whoever_wants_it_waits_as_long_as_it_takes(
    proxy: Proxy, postgresql_url: str, patience: int, patient: bool
) -> None:
    assert postgresql_url
    engine = make_engine(proxy.url("postgres", patience), patient=patient)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 'done' FROM pg_sleep(1)")).scalar() == "done"
        ends = connection.execute(text("SHOW statement_timeout")).scalar()
    assert (ends == "0") is patient
    engine.dispose()
