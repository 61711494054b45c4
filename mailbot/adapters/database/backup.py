"""One file with all that cannot be had again: the database as it was at one moment, and the keys that go with it."""

from __future__ import annotations

import io
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from mailbot.errors import MailbotError

DATABASE = "mailbot.db"


class CannotBackUp(MailbotError):
    """There is nothing that could be written, or what was written is not whole: the message says why."""

    permanent = True


def back_up(database: Path, keys: Mapping[str, bytes], target: Path) -> None:
    """Write a tar archive, readable by its owner only, whole or not at all; the bot may run meanwhile.

    SQLite's own copying (https://sqlite.org/backup.html) takes what was committed when it ends, also what still lies in the
    write-ahead log, and blocks no writer; the copy is checked before it becomes the backup.  `keys` are files by name.
    Raises CannotBackUp, OSError.
    """
    if not database.exists():
        raise CannotBackUp(f"there is no database {database}")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        copy, archive = Path(folder) / DATABASE, Path(folder) / target.name
        _copy(database, copy)
        with open(archive, "xb", opener=_for_its_owner) as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                tar.add(copy, DATABASE, filter=_plain)
                for name, content in keys.items():
                    member = _plain(tarfile.TarInfo(name))
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
            file.flush()
            os.fsync(file.fileno())
        archive.replace(target)
    _sync_folder(target.parent)


def _copy(database: Path, copy: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, with no log beside it
            (said,) = target.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise CannotBackUp(f"the database {database} cannot be copied: {error}") from error
    if said != "ok":
        raise CannotBackUp(f"the database {database} is damaged, and was not copied over an earlier backup: {said}")


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whoever unpacks it owns it, and nobody else reads it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
