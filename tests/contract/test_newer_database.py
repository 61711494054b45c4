"""A database that a newer program has upgraded is refused in words, and left as it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from sqlalchemy import text

from mailbot.adapters.database import migrate
from mailbot.adapters.database.engine import make_engine
from mailbot.cli import main

ROOT = Path(__file__).resolve().parents[2]
NEWER = "9999"


@pytest.fixture
def newer_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of a later program, and a configuration that names it."""
    url = f"sqlite:///{tmp_path}/mailbot.db"
    migrate.upgrade(url)
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :newer"), {"newer": NEWER})
    engine.dispose()
    example = (ROOT / "mailbot" / "examples" / "config.example.toml").read_text(encoding="utf-8")
    path = tmp_path / "config.toml"
    path.write_text(example.replace('#url = "sqlite:////var/lib/mailbot/mailbot.db"', f'url = "{url}"'))
    monkeypatch.setenv("MAILBOT_CONFIG", str(path))
    return url


@pytest.mark.parametrize("command", [["db", "upgrade"], ["list"]], ids=" ".join)
def test_an_older_program_says_that_the_database_is_newer_and_exits_78(
    command: list[str], newer_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == os.EX_CONFIG
    said = capsys.readouterr().err
    assert f"revision {NEWER}, newer than this program" in said
    assert "db upgrade" not in said
    engine = make_engine(newer_database)
    with engine.connect() as connection:
        assert migrate.current(connection) == NEWER
    engine.dispose()


def test_revisions_are_numbers_of_four_digits_which_order_as_text() -> None:
    files = list((ROOT / "migrations" / "versions").glob("m*.py"))
    assert files
    for file in files:
        assert re.search(r"^revision(: str)? = \"\d{4}\"$", file.read_text(), re.MULTILINE), file
