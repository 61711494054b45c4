"""What must hold between the settings of `[directory]`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TypeAlias

from mailbot.config.sections import DirectorySection

Problem: TypeAlias = tuple[str, str]

_DN = re.compile(r"[a-z][a-z0-9-]*=[^,=]+(?:[,+][a-z][a-z0-9-]*=[^,=]+)*", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9-]*|[0-9]+(?:\.[0-9]+)+", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9][a-z0-9.-]*|\[?[0-9a-f:.]+\]?", re.IGNORECASE)
_OF_LDAP = ("host", "base", "bind_dn", "admin_group", "locked_filter")


def of_directory(directory: DirectorySection) -> Iterator[Problem]:
    """Everything but how the connection is protected."""
    yield from _keys_command(directory.keys_program)
    if directory.kind != "ldap":
        for name in _OF_LDAP:
            if getattr(directory, name):
                yield (
                    f"directory.{name}",
                    'is given, but directory.kind is "file": write kind = "ldap", or leave it out',
                )
        return
    if not directory.host:
        yield "directory.host", 'is missing: with kind = "ldap", the server\'s name'
    elif not _HOST.fullmatch(directory.host):
        yield "directory.host", f'"{directory.host}" is not the name of a server alone, such as ldap.example.org'
    if not directory.base:
        yield "directory.base", 'is missing: with kind = "ldap", where people are, such as ou=people,dc=example,dc=org'
    yield from _login(directory)
    yield from _names(directory)


def _login(directory: DirectorySection) -> Iterator[Problem]:
    ways = [name for name in ("password", "password_file") if getattr(directory, name) is not None]
    if directory.bind_dn and not ways:
        yield "directory.password", "is missing: with a bind_dn, give password or password_file"
    if ways and not directory.bind_dn:
        yield "directory.bind_dn", f"is missing: {ways[0]} is given"
    if len(ways) > 1:
        yield f"directory.{ways[1]}", f"cannot be given together with {ways[0]}"
    if directory.password is not None and not directory.password.get_secret_value():
        yield "directory.password", "is empty: a server would take that for an anonymous login"


def _names(directory: DirectorySection) -> Iterator[Problem]:
    for name in ("base", "bind_dn", "admin_group"):
        value = getattr(directory, name)
        if value and not _DN.fullmatch(re.sub(r"\\.", "_", re.sub(r"\s*([,=+])\s*", r"\1", value))):
            yield f"directory.{name}", f'"{value}" is not a DN such as cn=mailbot,dc=example,dc=org'
    for name in ("user_filter", "locked_filter"):
        value = getattr(directory, name)
        if value and not _is_filter(value):
            yield f"directory.{name}", f'"{value}" is not a filter such as (objectClass=posixAccount)'
    singles = (
        *("login_attribute", "id_attribute", "name_attribute", "mail_attribute", "key_attribute"),
        "language_attribute",
    )
    for name, value in [(name, getattr(directory, name)) for name in singles]:
        yield from _attribute(name, value)
    for name in ("alias_attributes", "locked_attributes"):
        for number, value in enumerate(getattr(directory, name), start=1):
            yield from _attribute(f"{name}[{number}]", value)


def _attribute(name: str, value: str) -> Iterator[Problem]:
    if not _ATTRIBUTE.fullmatch(value):
        yield f"directory.{name}", f'"{value}" is not the name of an attribute such as uid'


def _is_filter(text: str) -> bool:
    """True where it is one expression in balanced brackets; the rest is for the server to judge."""
    depth = 0
    for place, character in enumerate(text, start=1):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and place < len(text):
            return False
    return depth == 0 and len(text) > 2


def _keys_command(argv: tuple[str, ...]) -> Iterator[Problem]:
    if not argv:
        return
    if not PurePosixPath(argv[0]).is_absolute():
        yield "directory.keys_command[1]", f'"{argv[0]}" is not the whole path of a program, such as /usr/bin/keys-of'
    if not any("{login}" in argument for argument in argv[1:]):
        yield "directory.keys_command", "nowhere says {login}: it would print the same keys for everybody"
