"""Secrets stay secret: rows 5 and 28 of docs/threats.md.  Everything that is written anywhere is searched for them."""

from __future__ import annotations

import json
import sqlite3
import traceback
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot import journal, tokens
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.cli import main
from mailbot.config import load, token_keys
from mailbot.model import Letter, OutboundMail, TicketState
from mailbot.tokens import TokenKeys
from mailbot.turns.sealing import seal, unseal
from tests.world import CAROL, World, request_words
from tests.writing import bounce, read_letter, reply, words_of

PASSWORD = "hunter2-and-a-half"
DATABASE_PASSWORD = "swordfish-in-the-url"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _log_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MAILBOT_CONFIG", raising=False)
    yield
    journal.configure()


@pytest.fixture
def config(tmp_path: Path, capsys: Capture) -> Path:
    path = tmp_path / "etc" / "config.toml"
    (tmp_path / "password").write_text("in a file\n")
    answers = ("--imap=imap.example.org", "--address=support@testbed.example", f"--admin={CAROL.address}")
    more = ("--domain=main.testbed.example", "--password-file", str(tmp_path / "password"))
    assert main(["init", "-c", str(path), *answers, *more]) == 0
    text = path.read_text().replace(f'password_file = "{tmp_path / "password"}"', f'password = "{PASSWORD}"')
    assert text.count(PASSWORD) >= 1
    path.write_text(text + f'\n[database]\nurl = "sqlite:///{tmp_path / "mailbot.sqlite"}"\n')
    capsys.readouterr()
    return path


class TalkativePostman(MemoryPostman):
    """A mail server that repeats Message-IDs in its answers, as some do."""

    def send(self, letter: OutboundMail) -> str:
        super().send(letter)
        return f"250 2.6.0 {letter.message_id} Queued mail for delivery"


@pytest.fixture
def world(config: Path, tmp_path: Path) -> Iterator[World]:
    """A whole exchange under the keys of the configuration: asked, refused, asked, approved, built, come back, poisoned."""
    world = World(tmp_path, admins=(CAROL,))
    keys = TokenKeys(token_keys(load(config)))
    world.settings = replace(world.settings, keys=keys, plus_addresses=True)
    world.postman = TalkativePostman()
    world.restart()
    until = (world.now + timedelta(days=200)).date().isoformat()
    world.writes("alice@example.org", request_words(until=until))
    world.answers(world.last(Letter.ADMIN_DECISION), "deny ask again with more words")
    world.writes("alice@example.org", request_words(until=until))
    asked = world.last(Letter.ADMIN_DECISION)
    world.answers(asked, f"who wrote this: {asked.message_id} {read_letter(asked)['Reply-To']}?")
    world.answers(world.last(Letter.ADMIN_DECISION), "approve")
    world.later(minutes=5)
    world.arrives(bounce(world.last(Letter.VM_READY), world.now))
    world.answers(world.last(Letter.VM_READY), "status")
    world.arrives(world.last(Letter.VM_READY).data)
    world.arrives(reply(world.last(Letter.VM_READY), "mallory@elsewhere.example", "release", world.now))
    assert world.ticket(2).state is TicketState.ACTIVE
    yield world
    world.close()


def _secrets(world: World) -> dict[str, str]:
    """Every secret of the exchange, by what it is."""
    found = {"the mailbox's password": PASSWORD}
    for number, one in enumerate(world.settings.keys.keys):
        found[f"token key {number}"] = one.decode()
    for letter in world.letters:
        for reference in tokens.references_in([letter.message_id], [], world.settings):
            found[f"token of {letter.message_id}"] = reference.token
        for code in tokens.codes_in(words_of(letter)):
            found[f"code {code}"] = code
    assert len([name for name in found if name.startswith("token of")]) > 5
    return found


def _leaks(secrets: dict[str, str], text: str) -> list[str]:
    return [name for name, secret in secrets.items() if secret.lower() in text.lower()]


def test_a_dump_of_the_database_has_no_secret(world: World, tmp_path: Path) -> None:
    world.bot.close()
    with closing(sqlite3.connect(tmp_path / "mailbot.sqlite")) as database:
        dump = "\n".join(database.iterdump())
        blobs = [row[0] for row in database.execute("SELECT data FROM raw_mails")]
    assert len(blobs) >= 5
    for blob in blobs:
        dump += zlib.decompress(blob).decode("latin-1")
    for file in tmp_path.glob("mailbot.sqlite*"):
        dump += file.read_bytes().decode("latin-1")
    assert "alice@example.org" in dump
    assert "Queued mail for delivery" in dump
    assert "who wrote this" in dump
    assert _leaks(_secrets(world), dump) == []


def test_the_log_has_no_secret(world: World, capsys: Capture) -> None:
    told = capsys.readouterr()
    assert "letter_sent" in told.err + told.out
    assert _leaks(_secrets(world), told.err + told.out) == []


def test_what_commands_show_has_no_secret(world: World, config: Path, capsys: Capture) -> None:
    secrets = _secrets(world)
    capsys.readouterr()
    for arguments in (
        ["show", "1"],
        ["show", "2"],
        ["show", "2", "--json"],
        ["list", "--json"],
        ["--print-config"],
        ["check"],
        ["approve", "2", "--as", "nobody"],
    ):
        main(["-c", str(config), *arguments])
        told = capsys.readouterr()
        assert told.out + told.err
        assert _leaks(secrets, told.out + told.err) == [], arguments


def test_a_mail_of_the_history_can_be_read_with_the_key_and_only_with_it(
    world: World, config: Path, capsys: Capture
) -> None:
    approved = next(one for one in world.bot.context.store.history(2) if one.event == "Approved")
    capsys.readouterr()
    assert main(["-c", str(config), "show", "2", "--mail", approved.actor.mail[:12]]) == 0
    shown = capsys.readouterr().out.encode()
    assert b"\r\napprove\r\n" in shown
    assert main(["-c", str(config), "show", "2", "--mail", "feed"]) != 0
    stored = world.bot.context.store.raw_mail(approved.actor.mail)
    assert stored is not None
    with pytest.raises(LookupError, match="none of the keys"):
        unseal(TokenKeys((b"another key, also long enough",)), stored)
    rotated = TokenKeys((b"another key, also long enough", *world.settings.keys.keys))
    assert unseal(rotated, stored) == shown
    assert seal(world.settings.keys, shown) == stored, "the same mail is stored once"


def test_a_traceback_has_no_secret(world: World, config: Path, capsys: Capture) -> None:
    """A configuration, keys or a reference in the frames of an error: nothing of them is shown, with locals too."""
    loaded, keys = load(config), world.settings.keys
    reference = tokens.references_in([world.letters[-1].message_id], [], world.settings)
    try:
        raise ValueError(f"{loaded!r} {keys!r} {reference!r} {world.settings!r}")
    except ValueError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    # What a test itself holds in its frame is left out: letters are people's mail.
    shown = "\n".join(line for line in told.splitlines() if "letters" not in line.partition("=")[0])
    assert _leaks(_secrets(world), shown) == []


def test_a_database_password_is_never_printed(config: Path, capsys: Capture) -> None:
    text = config.read_text()
    url = f"postgresql://mailbot:{DATABASE_PASSWORD}@127.0.0.1:9/none"
    config.write_text(text.partition("\n[database]")[0] + f'\n[database]\nurl = "{url}"\n')
    for arguments in (["--print-config"], ["check"], ["list"], ["db", "upgrade"]):
        main(["-c", str(config), *arguments])
        told = capsys.readouterr()
        assert DATABASE_PASSWORD not in told.out + told.err, arguments


def test_evidence_is_shown_in_words(world: World, config: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert main(["-c", str(config), "show", "2"]) == 0
    shown = capsys.readouterr().out
    assert f"evidence: registered, token for {CAROL.address}; proven: approve needs registered, token" in shown
    assert main(["-c", str(config), "show", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["actor"]["evidence"].get("verdict") for one in told["history"] if one["event"] == "Approved"] == [
        "proven"
    ]
