"""Commands run as root harm nothing: before anything is opened, root becomes the user to whom the database belongs.

What root makes (the database's journal, a lock) the service could not write any more, and what root can read says nothing
about what the service can read.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from mailbot.adapters.database.place import sqlite_file
from mailbot.config import Config
from mailbot.errors import MailbotError

SERVICE = "mailbot"
"""The user that the unit runs the service as; with PostgreSQL there is no file that says so."""


class NobodyOwns(MailbotError):
    """The database belongs to a number that no user has."""

    permanent = True


def become_service(config: Config) -> str:
    """Become the database's user, for good, and give the name; empty where we are not root, or that user is root.

    With SQLite that is who owns the folder that the database is in, which systemd and `adduser` give to the service; with
    PostgreSQL the user `mailbot`, where there is one.  Raises NobodyOwns.
    """
    if os.geteuid() != 0:
        return ""
    user = owner(config)
    if user is None or user.pw_uid == 0:
        return ""
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.umask(0o077)
    os.environ["HOME"] = user.pw_dir
    return user.pw_name


def owner(config: Config) -> pwd.struct_passwd | None:
    """Whose the database is; None where nothing says so.  Raises NobodyOwns."""
    folder = database_folder(config)
    try:
        return pwd.getpwnam(SERVICE) if folder is None else pwd.getpwuid(folder.stat().st_uid)
    except KeyError:
        if folder is None:
            return None
        number = folder.stat().st_uid
        raise NobodyOwns(
            f"{folder} belongs to user number {number}, and there is no such user: give it to one"
        ) from None


def database_folder(config: Config) -> Path | None:
    """The folder that SQLite's file is in, or the first above it that exists; None with PostgreSQL."""
    file = sqlite_file(config.database.url.get_secret_value())
    if file is None:
        return None
    return next(folder for folder in file.absolute().parents if folder.is_dir())
