"""Who can read and write what a site keeps: secrets, the database's files, the way to PostgreSQL."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from mailbot.cli.as_service import database_folder
from mailbot.cli.findings import Finding, fail, ok
from mailbot.config import Config
from mailbot.config.checks import is_loopback


def owners(config: Config, path: Path) -> Iterator[Finding]:
    """What others can read and should not, what the service cannot write and must, and what goes unproven over a network."""
    wrong = [*_readable(config, path), *_foreign(config), *_unproven(config)]
    yield from wrong
    if not wrong:
        yield ok(
            "owners and modes", "nobody else can read the secrets, and all files of the database have the same owner"
        )


def _readable(config: Config, path: Path) -> Iterator[Finding]:
    """Secrets that every user of this machine can read."""
    files = [*_secret_files(config), *([path] if _has_secrets(path, config) else [])]
    for file in files:
        if _mode(file) & stat.S_IROTH and _reachable(file):
            fix = f"chgrp mailbot {file}; chmod 640 {file}"
            yield fail("owners and modes", f"every user here can read {file}", fix, os.EX_CONFIG)


def _secret_files(config: Config) -> Iterator[Path]:
    sections = (config.mailbox, config.smtp, config.directory)
    named = [section.password_file for section in sections]
    named += [config.mailbox.oauth2_token_file, config.smtp.oauth2_token_file, config.tokens.key_file]
    named += [config.tokens.seal_key_file, *(zone.key_file for zone in config.zones)]
    yield from dict.fromkeys(file for file in named if file is not None)


def _has_secrets(path: Path, config: Config) -> bool:
    """Whether one of the secrets in force stands in the configuration file itself."""
    passwords = [section.password for section in (config.mailbox, config.smtp, config.directory)]
    passwords += [zone.key for zone in config.zones]
    secrets = [one.get_secret_value() for one in (*passwords, *config.tokens.keys) if one is not None]
    password = urlsplit(config.database.url.get_secret_value()).password
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return False
    return any(secret and secret in text for secret in (*secrets, password))


def _foreign(config: Config) -> Iterator[Finding]:
    """Files beside the database that belong to somebody else than their folder does: a command of root left them."""
    folder = database_folder(config)
    if folder is None:
        return
    owner = folder.stat().st_uid
    name = Path(urlsplit(config.database.url.get_secret_value()).path).name
    for file in sorted(folder.glob(f"{name}*")):
        if file.stat().st_uid != owner:
            fix = f"chown --reference={folder} {file}"
            yield fail("owners and modes", f"{file} belongs to another user than {folder}", fix, os.EX_NOPERM)


def _unproven(config: Config) -> Iterator[Finding]:
    """A PostgreSQL on another host whose name nobody checks: whoever is in between reads everything."""
    url = urlsplit(config.database.url.get_secret_value())
    host = url.hostname or ""
    if not url.scheme.startswith("postgresql") or not host or is_loopback(host):
        return
    if parse_qs(url.query).get("sslmode") != ["verify-full"]:
        said = f"the connection to PostgreSQL on {host} does not prove that it is {host}"
        fix = "add ?sslmode=verify-full&sslrootcert=system (or a file) to database.url"
        yield fail("database", said, fix, os.EX_CONFIG)


def _mode(file: Path) -> int:
    try:
        return file.stat().st_mode
    except OSError:
        return 0


def _reachable(file: Path) -> bool:
    """Whether every user may go through the folders above a file."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in file.absolute().parents)
