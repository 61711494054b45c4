"""From file, credentials and environment to a `Config`, or to everything that is wrong with them.

The TOML file has its say, the environment (`MAILBOT_MAILBOX__PASSWORD`) wins over it, and the credentials directory
(systemd.exec(5), LoadCredential=; a file `mailbox.password` sets that key) fills what both left open: a unit that
somebody else wrote never takes the place of what a site has configured.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from mailbot.config import checks, schema
from mailbot.config.checking import WrongSettings, checked
from mailbot.config.sections import Config
from mailbot.errors import ConfigurationError
from mailbot.rules import Rules

DEFAULT_PATH = Path("/etc/mailbot/config.toml")

Tree: TypeAlias = dict[str, Any]
S = TypeVar("S")

_PREFIX = "MAILBOT_"
_LOGIN = frozenset({"password", "password_file", "oauth2", "oauth2_token_file"})
_ALTERNATIVES = {
    "mailbox": _LOGIN,
    "smtp": _LOGIN,
    "directory": _LOGIN,
    "tokens": frozenset({"keys", "key_file"}),
    "oauth2": frozenset({"client_secret", "client_secret_file"}),
}
"""Keys of which one is needed: a later source that gives one takes the place of what earlier ones gave."""

_LOGIN_NAMES = {"smtp": "username", "directory": "bind_dn"}
"""Sections that may go without a login, and the key that names one."""

_SECTIONS = tuple(schema.names(Config))
_RULE_SECTIONS = frozenset(schema.names(Rules))


def default_path(environment: Mapping[str, str] = os.environ) -> Path:
    """The file that is read when none is named: $MAILBOT_CONFIG, else /etc/mailbot/config.toml."""
    return Path(environment.get("MAILBOT_CONFIG") or DEFAULT_PATH)


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read and check the whole configuration.  Raises ConfigurationError with all problems, one a line."""
    sources = _sources(path, environment)
    try:
        config = checked(Config, _merged(sources))
    except WrongSettings as error:
        raise _refused(error, sources) from None
    base = path.absolute().parent
    config = replace(config, **{name: _resolved(getattr(config, name), base) for name in _SECTIONS})
    wrong = tuple(f"{schema.source_of(place, sources)}{place}: {text}" for place, text in checks.across(config))
    if wrong:
        raise ConfigurationError(wrong)
    return config


def load_rules(path: Path, environment: Mapping[str, str] = os.environ) -> Rules:
    """Read only the site's rules; the rest of the file may be missing or wrong.  Raises ConfigurationError."""
    sources = _sources(path, environment)
    merged = {name: value for name, value in _merged(sources).items() if name in _RULE_SECTIONS}
    try:
        rules = checked(Rules, merged)
    except WrongSettings as error:
        raise _refused(error, sources) from None
    wrong = tuple(f"{schema.source_of(place, sources)}{place}: {text}" for place, text in checks.of_rules(rules))
    if wrong:
        raise ConfigurationError(wrong)
    return rules


def _refused(error: WrongSettings, sources: Mapping[str, Tree]) -> ConfigurationError:
    """Every problem as `config.toml: mailbox.hots: unknown key (did you mean host?)`, without doubles."""
    said = [(schema.written(place), why) for place, why in error.wrong]
    lines = (f"{schema.source_of(place, sources)}{place}: {why}" for place, why in said)
    return ConfigurationError(tuple(dict.fromkeys(lines)))


def _sources(path: Path, environment: Mapping[str, str]) -> dict[str, Tree]:
    """What each source says, by the words that a problem with it begins with; later sources win."""
    directory = environment.get("CREDENTIALS_DIRECTORY")
    file, variables = _from_file(path), _from_environment(environment)
    credentials = _from_credentials(Path(directory)) if directory else {}
    said = _merged({"file": file, "environment": variables})
    gaps = {name: _gaps(name, said.get(name, {}), found) for name, found in credentials.items()}
    return {
        f"{path.name}: ": file,
        "credentials: ": {name: found for name, found in gaps.items() if found},
        "environment: ": variables,
    }


def _gaps(section: str, said: Any, found: Tree) -> Tree:
    """Of a section's credentials those that nothing else gave, neither by their own name nor by an alternative.

    A password for a login that nobody asked for is none: SMTP without a `username` is without a login.
    """
    if not isinstance(said, dict):
        return {}
    rivals = _ALTERNATIVES.get(section, frozenset())
    given = set(said) | (rivals if rivals & said.keys() else frozenset())
    login = _LOGIN_NAMES.get(section)
    if login is not None and not (said.get(login) or found.get(login)):
        given |= rivals
    return {key: value for key, value in found.items() if key not in given}


def _from_file(path: Path) -> Tree:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "there is no such file; `mailbot init` writes one"
        raise ConfigurationError((f"{path}: {hint}",)) from None
    except OSError as error:
        raise ConfigurationError((f"{path}: cannot be read: {error.strerror}",)) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError((f"{path.name}: is not UTF-8 text (byte {error.start})",)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError((f"{path.name}: is not TOML: {error}",)) from None


def _from_credentials(directory: Path) -> Tree:
    """Files named `section.key`; the last line break is not part of the value."""
    tree: Tree = {}
    for file in sorted(directory.glob("*.*")):
        section, _, key = file.name.partition(".")
        if section not in _SECTIONS:
            continue  # credentials of something else that the unit runs
        try:
            value = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError((f"credentials: {file.name}: cannot be read: {type(error).__name__}",)) from None
        tree.setdefault(section, {})[key] = value.splitlines() if (section, key) == ("tokens", "keys") else value
    return tree


def _from_environment(environment: Mapping[str, str]) -> Tree:
    """`MAILBOT_SECTION__KEY=value`; lists, and whole sections such as MAILBOT_ADMINS, are written as JSON."""
    tree: Tree = {}
    for name, text in environment.items():
        section, _, key = name.removeprefix(_PREFIX).lower().partition("__")
        ours = name.startswith(_PREFIX) and (key or section in _SECTIONS)
        if ours and key:
            tree.setdefault(section, {})[key] = _value(text)
        elif ours:
            tree[section] = _value(text)
    return tree


def _value(text: str) -> Any:
    """A JSON list or object where it is one, else the text itself (a password may well begin with a bracket)."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _merged(sources: Mapping[str, Tree]) -> Tree:
    """All sources as one tree, sections merged key by key."""
    merged: Tree = {}
    for tree in sources.values():
        for name, value in tree.items():
            before = merged.get(name)
            if isinstance(value, dict) and isinstance(before, dict):
                merged[name] = {**_without_rivals(name, before, value), **value}
            else:
                merged[name] = value
    return merged


def _without_rivals(section: str, before: Tree, after: Tree) -> Tree:
    """What an earlier source says, without the alternatives to what a later one gives."""
    rivals = _ALTERNATIVES.get(section, frozenset())
    return before if rivals.isdisjoint(after) else {key: value for key, value in before.items() if key not in rivals}


def _resolved(value: S, base: Path) -> S:
    """The same section, or list of them, with relative paths taken from the directory of the file."""
    if isinstance(value, tuple):
        return cast("S", tuple(_resolved(one, base) for one in value))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    return replace(value, **dict(_absolute(value, base)))


def _absolute(section: Any, base: Path) -> Iterator[tuple[str, Path]]:
    for field in fields(section):
        path = getattr(section, field.name)
        if isinstance(path, Path):
            yield field.name, base / path
