"""SIGHUP: the configuration is read again, or refused with words, and what needs a restart is named."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot import journal, wiring
from mailbot.adapters.database.migrate import upgrade
from mailbot.cli.reloading import Reloading
from mailbot.cli.site import Settings
from mailbot.config import load
from mailbot.wiring import Bot

CONFIG = """
[mailbox]
host = "imap.example.org"
username = "support@example.org"
password = "x"
poll_seconds = {poll}

[smtp]
host = "smtp.example.org"
from_address = "support@example.org"

[database]
url = "sqlite:///{folder}/bot.db"

[tokens]
keys = ["0123456789012345678901234567890123456789"]

[metrics]
port = {port}

[[admins]]
login = "root"
name = "Root"
address = "admin@example.org"

[[sites]]
name = "main"
dns_domain = "main.testbed.example"
"""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    journal.configure("console", "info", stream)
    yield stream
    journal.configure()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, Bot, Reloading]]:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(folder=tmp_path, poll=60, port=0))
    settings = Settings(path)
    upgrade(settings.config.database.url.get_secret_value())
    bot = wiring.build(load(path), settings.clock)
    yield path, bot, Reloading(settings)
    bot.close()


def test_what_was_changed_is_in_force_on_the_same_database(site: tuple[Path, Bot, Reloading], tmp_path: Path) -> None:
    path, bot, reload = site
    path.write_text(CONFIG.format(folder=tmp_path, poll=5, port=0))
    after = reload(bot)
    assert after is not None
    assert after.poll_seconds == 5
    assert after.context.store is bot.context.store
    after.close()


def test_a_broken_file_changes_nothing_and_is_told(site: tuple[Path, Bot, Reloading], log: io.StringIO) -> None:
    path, bot, reload = site
    path.write_text("[mailbox]\nhots = 1\n")
    assert reload(bot) is None
    assert "config_refused" in log.getvalue()
    assert "did you mean" in log.getvalue()


def test_what_needs_a_restart_is_named(
    site: tuple[Path, Bot, Reloading], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, bot, reload = site
    path.write_text(CONFIG.format(folder=f"{tmp_path}/other", poll=60, port=9100))
    after = reload(bot)
    assert after is not None
    after.close()
    said = capsys.readouterr().err
    assert "config_reloaded" in said
    assert "database.url, metrics.port" in said
    journal.configure()
