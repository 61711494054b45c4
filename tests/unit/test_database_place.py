"""Where the database is, by its URL, as SQLAlchemy would read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailbot.adapters.database.engine import parse_url
from mailbot.adapters.database.place import sqlite_file

URLS = (
    "sqlite:////var/lib/mailbot/mailbot.db",
    "sqlite:///mailbot.db",
    "sqlite:///folder/mailbot.db",
    "sqlite:////srv/mailbot.db?timeout=5",
    "sqlite:////srv/a b/é.db",
    "sqlite:////srv/a%20b/mailbot.db",
    "postgresql://mailbot:p%40ss@db.example/mailbot",
    "postgresql://mailbot@db.example/mailbot",
    "postgresql+psycopg:///mailbot?host=/run/postgresql",
)


@pytest.mark.parametrize("url", URLS)
def test_the_file_is_the_one_that_sqlalchemy_opens(url: str) -> None:
    parsed = parse_url(url)
    expected = parsed.database if parsed.get_backend_name() == "sqlite" else None
    assert sqlite_file(url) == (Path(expected) if expected else None)
