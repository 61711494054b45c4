"""Where SQLite keeps the database, by its URL; asked before SQLAlchemy is loaded."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL (`sqlite:///FILE`, as SQLAlchemy reads it), None for PostgreSQL."""
    scheme, _, rest = url.partition("://")
    file = rest.partition("?")[0].partition("/")[2]
    if "%" in file:  # what that stands for depends on its version
        file = import_module("mailbot.adapters.database.engine").parse_url(url).database or ""
    return Path(file) if scheme.partition("+")[0] == "sqlite" and file else None
