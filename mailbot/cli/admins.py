"""What `doctor` looks at of the admins: whether each is one person."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailbot.cli.findings import Finding, ok, warn
from mailbot.config import Config
from mailbot.contexts import make_directory
from mailbot.errors import DirectoryUnavailable
from mailbot.storage import system_clock

_OF_MANY = frozenset(
    {
        *(
            "admins",
            "administrators",
            "all",
            "everybody",
            "everyone",
            "group",
            "groups",
            "helpdesk",
            "list",
            "lists",
            "members",
        ),
        *("office", "operators", "ops", "staff", "support", "sysadmins", "team", "teams", "users"),
    }
)
"""Words in an address that more than one person reads."""
_WORD = re.compile(r"[a-z0-9]+")


def admins(config: Config) -> Iterator[Finding]:
    """Whether each admin is one person: a letter to a list gives its token to everybody who is on it."""
    what = "admins"
    directory = make_directory(config.directory, system_clock())
    try:
        lists = [
            admin.address
            for admin in config.admins
            if is_of_many(admin.address) and directory.by_address(admin.address) is None
        ]
    except DirectoryUnavailable:
        return  # told as the directory's own trouble
    finally:
        directory.close()
    for address in lists:
        said = (
            f"{address} looks like the address of several people: each of them can decide in the name of this one admin, "
            "and nobody can tell who it was"
        )
        yield warn(what, said, "name each admin with an address of their own")
    if not lists:
        yield ok(what, f"{len(config.admins)} by name, none of whose addresses looks like a list")


def is_of_many(address: str) -> bool:
    """Whether an address says of itself that several people read it: `admins@…`, `vm-team@…`, `…@lists.example.org`."""
    local, _, domain = address.lower().rpartition("@")
    words = {*_WORD.findall(local), domain.partition(".")[0]}
    return bool(words & _OF_MANY)
