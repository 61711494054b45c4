"""The keys of tokens and of stored mails, read when they are needed: not every command may read those files."""

from __future__ import annotations

from pathlib import Path

from mailbot.config.checks import LEAST_KEY_LENGTH
from mailbot.config.sections import Config
from mailbot.errors import ConfigurationError


def token_keys(config: Config) -> tuple[bytes, ...]:
    """All keys, the one that signs first.  Raises ConfigurationError, without showing any."""
    tokens = config.tokens
    if tokens.key_file is None:
        return tuple(key.get_secret_value().encode() for key in tokens.keys)
    return _in_file(tokens.key_file, "tokens.key_file")


def seal_keys(config: Config) -> tuple[bytes, ...]:
    """All keys that stored mails may be encrypted with, the one for new ones first.  Raises ConfigurationError.

    The token keys come last: with them mails were encrypted before there were keys of their own.
    """
    file = config.tokens.seal_key_file
    own = () if file is None else _in_file(file, "tokens.seal_key_file")
    return (*own, *token_keys(config))


def _in_file(file: Path, setting: str) -> tuple[bytes, ...]:
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError((f"{setting}: {file} cannot be read: {why}",)) from None
    if not lines:
        raise ConfigurationError((f"{setting}: {file} is empty",))
    if any(len(line) < LEAST_KEY_LENGTH for line in lines):
        raise ConfigurationError((f"{setting}: a key in {file} is shorter than {LEAST_KEY_LENGTH} characters",))
    return tuple(line.encode() for line in lines)
