"""The migrations lead to the tables of the models and back, on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DatabaseError

import migrations
from mailbot.adapters.database import migrate
from mailbot.adapters.database.engine import make_engine
from mailbot.adapters.database.place import sqlite_file
from mailbot.adapters.database.schema import schema


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    engine = make_engine(empty_url)
    yield engine
    engine.dispose()


def revisions() -> list[str]:
    """Every revision, oldest first."""
    (folder,) = migrations.__path__
    return [script.revision for script in reversed(list(ScriptDirectory(folder).walk_revisions()))]


def tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def indexes(engine: Engine) -> dict[str, str]:
    """Every index with its definition, conditions included, which autogenerate does not compare."""
    query = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename <> 'alembic_version'"
        " AND schemaname = 'public'",
    }
    with engine.connect() as connection:
        rows = connection.execute(text(query[engine.dialect.name])).all()
    return {name: re.sub(r"\s+", " ", sql) for name, sql in rows}


def test_the_program_needs_the_newest_revision() -> None:
    assert revisions()[-1] == migrate.head()


def test_autogenerate_finds_no_difference_after_the_upgrade(empty_url: str, engine: Engine) -> None:
    assert migrate.upgrade(empty_url) == migrate.head()
    assert migrate.differences(engine) == []


def test_autogenerate_would_find_a_lost_index_and_a_lost_column(empty_url: str, engine: Engine) -> None:
    migrate.upgrade(empty_url)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_ledger_sha256"))
        connection.execute(text("ALTER TABLE tickets DROP COLUMN trouble"))
    assert len(migrate.differences(engine)) == 2


def test_the_upgrade_makes_the_same_indexes_with_the_same_conditions_as_the_models(
    empty_url: str, engine: Engine
) -> None:
    migrate.upgrade(empty_url)
    upgraded = indexes(engine)
    migrate.downgrade(empty_url, "base")
    with engine.begin() as connection:
        schema().create_all(connection)
    assert upgraded == indexes(engine)
    assert "state" in upgraded["uq_tickets_place"]


def test_every_step_goes_up_down_and_up_again(empty_url: str, engine: Engine) -> None:
    before = "base"
    for revision in revisions():
        assert migrate.upgrade(empty_url, revision) == revision
        there = tables(engine)
        assert migrate.downgrade(empty_url, before) == before
        assert migrate.upgrade(empty_url, revision) == revision
        assert tables(engine) == there
        before = revision
    assert before == migrate.head()
    assert migrate.downgrade(empty_url, "base") == "base"
    assert tables(engine) == set()
    assert migrate.upgrade(empty_url) == migrate.head()


def test_an_upgrade_may_run_twice_and_keeps_what_is_stored(empty_url: str, engine: Engine) -> None:
    migrate.upgrade(empty_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO notes (name, value) VALUES ('a', 'b')"))
    assert migrate.upgrade(empty_url) == migrate.head()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT value FROM notes")).scalar() == "b"


def test_an_upgrade_that_fails_leaves_nothing_half_done(empty_url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (in_the_way INTEGER)"))
    with pytest.raises(DatabaseError):
        migrate.upgrade(empty_url)
    assert tables(engine) == {"notes"}


def test_two_upgrades_at_once_are_one_upgrade(empty_url: str, engine: Engine) -> None:
    reached: list[str] = []
    threads = [threading.Thread(target=lambda: reached.append(migrate.upgrade(empty_url))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reached == [migrate.head()] * 2
    assert migrate.differences(engine) == []


def test_a_new_sqlite_database_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.sqlite"
    migrate.upgrade(url)
    file = sqlite_file(url)
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
