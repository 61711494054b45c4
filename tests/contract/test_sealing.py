"""Stored mails have keys of their own: one can be replaced, and what is stored is encrypted again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mailbot import cli, journal
from mailbot.adapters.clock import MemoryClock
from mailbot.adapters.database.store import Database
from mailbot.model import Turn, Verdict
from mailbot.ports import Store
from mailbot.tokens import TokenKeys
from mailbot.turns.sealing import Resealed, reseal, seal, unseal
from tests.contract.test_store import NOW, a_mail
from tests.world import START

OLD, NEW, LOST = b"the old key, long enough", b"the new key, long enough", b"a key that nobody has any more"
main = partial(cli.main, clock=MemoryClock(START))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    journal.configure()


def keep(store: Store, key: bytes, numbers: range) -> list[str]:
    entries = [a_mail(number, Verdict.HANDLED, raw=seal(TokenKeys((key,)), b"mail %d" % number)) for number in numbers]
    for entry in entries:
        store.commit(Turn(now=NOW, mail=entry))
    return [entry.sha256 for entry in entries]


def test_everything_that_some_key_opens_is_encrypted_with_the_first(store: Store) -> None:
    old, new = keep(store, OLD, range(1, 8)), keep(store, NEW, range(8, 10))
    (lost,) = keep(store, LOST, range(10, 11))
    rotated = TokenKeys((NEW, OLD))
    assert reseal(store, rotated, at_once=3) == Resealed(7, 1)
    assert reseal(store, rotated, at_once=3) == Resealed(0, 1)
    for number, sha256 in enumerate([*old, *new], start=1):
        stored = store.raw_mail(sha256)
        assert stored is not None
        assert unseal(TokenKeys((NEW,)), stored) == b"mail %d" % number
    assert unseal(TokenKeys((LOST,)), store.raw_mail(lost) or b"") == b"mail 10"


def test_a_mail_that_is_gone_meanwhile_does_not_come_back(store: Store) -> None:
    store.replace_raw_mails({"0" * 64: b"anything"})
    assert store.raw_mail("0" * 64) is None


def test_the_command_makes_old_keys_superfluous(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILBOT_CONFIG", raising=False)
    (tmp_path / "password").write_text("hunter2\n")
    path = tmp_path / "etc" / "config.toml"
    answers = ["--imap=imap.example.org", "--address=support@testbed.example", "--admin=carol@testbed.example"]
    words = ["init", "-c", str(path), *answers, "--domain=main.testbed.example"]
    assert main([*words, "--password-file", str(tmp_path / "password")]) == 0
    url = f"sqlite:///{tmp_path / 'mailbot.sqlite'}"
    path.write_text(path.read_text() + f'\n[database]\nurl = "{url}"\n')
    assert main(["-c", str(path), "db", "upgrade"]) == 0
    keys = path.parent / "seal.keys"
    first = keys.read_text().strip()
    assert first not in (path.parent / "tokens.keys").read_text(), "not the key of the tokens"
    store = Database(url)
    (sha256,) = keep(store, first.encode(), range(1, 2))

    keys.write_text("a-second-key-of-more-than-enough-letters\n" + first + "\n")
    capsys.readouterr()
    assert main(["-c", str(path), "db", "reseal"]) == 0
    assert capsys.readouterr().out == "Messages that were encrypted again: 1.\n"
    keys.write_text("a-second-key-of-more-than-enough-letters\n")
    assert main(["-c", str(path), "db", "reseal"]) == 0
    assert unseal(TokenKeys((b"a-second-key-of-more-than-enough-letters",)), store.raw_mail(sha256) or b"") == b"mail 1"

    keys.write_text("a-third-key-that-was-never-there-before\n")
    assert main(["-c", str(path), "db", "reseal"]) == 65
    assert "no key can decrypt: 1" in capsys.readouterr().err
    store.close()
