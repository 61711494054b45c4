"""`mailbot backup`: one file, taken while the bot runs, from which a bot is brought back."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mailbot import cli, journal, operator
from mailbot.adapters.clock import MemoryClock
from mailbot.adapters.database.backup import CannotBackUp, back_up
from mailbot.model import Letter, TicketState
from mailbot.recovery import recover
from mailbot.tokens import TokenKeys
from tests.world import CAROL, START, World, request_words

main = partial(cli.main, clock=MemoryClock(START))
ANSWERS = (
    "--imap=imap.example.org",
    "--address=support@testbed.example",
    "--admin=carol@testbed.example",
    "--domain=main.testbed.example",
)


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    journal.configure()


def test_a_bot_that_runs_is_backed_up_and_brought_back_elsewhere(tmp_path: Path) -> None:
    """What lies only in the write-ahead log is in it; the restored bot asks again, and approves with its own keys."""
    world = World(tmp_path)
    world.writes("alice@example.org", request_words())
    log = Path(world.url.removeprefix("sqlite:///") + "-wal")
    assert log.stat().st_size > 0
    (key,) = world.settings.keys.keys
    target = tmp_path / "mailbot.tar"
    back_up(tmp_path / "mailbot.sqlite", {"tokens.keys": key + b"\n"}, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    world.writes("bob@example.org", request_words("bob"))  # after the backup

    (tmp_path / "elsewhere").mkdir()
    other = World(tmp_path / "elsewhere", clock=world.clock)
    other.bot.close()
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "-xf", str(target), "-C", str(unpacked)], check=True)
    assert sorted(file.name for file in unpacked.iterdir()) == ["mailbot.db", "tokens.keys"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in unpacked.iterdir())
    (unpacked / "mailbot.db").replace(tmp_path / "elsewhere" / "mailbot.sqlite")
    kept = TokenKeys(((unpacked / "tokens.keys").read_bytes().strip(),))
    other.settings = replace(other.settings, keys=kept)
    other.inbox = world.inbox
    other.bot = other.build()
    done = recover(other.bot.context, other.inbox, other.bot.reader, other.bot.sites, account=other.bot.account)
    assert (done.above, done.tickets, done.mails) == (1, 1, 1)
    operator.resume(other.bot.context, "carol")
    other.once()
    assert [(one.id, one.username) for one in other.bot.context.store.tickets()] == [(1, "alice"), (2, "bob")]
    raw = other.bot.context.store.history(1)[0].actor.mail
    assert other.bot.context.store.raw_mail(raw) is not None
    question = next(one for one in other.letters if one.envelope_to == CAROL.address and b"alice" in one.data)
    other.answers(question, "approve")
    other.later(minutes=5)
    assert other.ticket(1).state is TicketState.ACTIVE
    assert other.last(Letter.VM_READY).envelope_to == "alice@example.org"
    other.close()
    world.close()


def test_a_damaged_database_is_not_written_over_an_earlier_backup(tmp_path: Path) -> None:
    database, target = tmp_path / "mailbot.db", tmp_path / "mailbot.tar"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT)")
        connection.executemany("INSERT INTO notes VALUES (?, ?)", [(f"name {n}", "x" * 300) for n in range(500)])
    back_up(database, {}, target)
    good = target.read_bytes()
    with database.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"\xff" * 4096 * 4)
    with pytest.raises(CannotBackUp, match=r"damaged|cannot be copied"):
        back_up(database, {}, target)
    with pytest.raises(CannotBackUp, match="there is no database"):
        back_up(tmp_path / "nowhere.db", {}, target)
    assert target.read_bytes() == good
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mailbot.db", "mailbot.tar"]


def test_the_command_writes_the_database_and_the_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILBOT_CONFIG", raising=False)
    (tmp_path / "password").write_text("hunter2\n")
    path = tmp_path / "etc" / "config.toml"
    assert main(["init", "-c", str(path), *ANSWERS, "--password-file", str(tmp_path / "password")]) == 0
    path.write_text(path.read_text() + f'\n[database]\nurl = "sqlite:///{tmp_path / "mailbot.sqlite"}"\n')
    assert main(["-c", str(path), "db", "upgrade"]) == 0
    capsys.readouterr()
    assert main(["-c", str(path), "backup", str(tmp_path / "b.tar")]) == 0
    assert "the database" in capsys.readouterr().out
    with tarfile.open(tmp_path / "b.tar") as tar:
        keys = tar.extractfile("tokens.keys")
        assert keys is not None
        assert keys.read().split() == (path.parent / "tokens.keys").read_bytes().split()
