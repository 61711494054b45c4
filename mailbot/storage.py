"""The part of the wiring that every command needs: the database and the clock, and no other adapter.

Apart from `wiring`, so that `mailbot list` loads neither IMAP nor libvirt nor cryptography.
"""

from __future__ import annotations

from mailbot.adapters.clock import SystemClock
from mailbot.adapters.database.store import Database
from mailbot.config import Config
from mailbot.ports import Clock, Store


def open_store(config: Config) -> Store:
    """The database alone, for commands that only look; connects to nothing yet.  Raises ConfigurationError."""
    return Database(config.database.url.get_secret_value(), config.letters)


def system_clock() -> Clock:
    """This machine's clock."""
    return SystemClock()
