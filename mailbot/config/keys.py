"""The token keys, read when they are needed: not every command may read that file."""

from __future__ import annotations

from mailbot.config.checks import LEAST_KEY_LENGTH
from mailbot.config.sections import Config
from mailbot.errors import ConfigurationError


def token_keys(config: Config) -> tuple[bytes, ...]:
    """All keys, the one that signs first.  Raises ConfigurationError, without showing any."""
    tokens = config.tokens
    if tokens.key_file is None:
        return tuple(key.get_secret_value().encode() for key in tokens.keys)
    try:
        lines = tokens.key_file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError((f"tokens.key_file: {tokens.key_file} cannot be read: {why}",)) from None
    if not lines:
        raise ConfigurationError((f"tokens.key_file: {tokens.key_file} is empty",))
    if any(len(line) < LEAST_KEY_LENGTH for line in lines):
        problem = f"a key in {tokens.key_file} is shorter than {LEAST_KEY_LENGTH} characters"
        raise ConfigurationError((f"tokens.key_file: {problem}",))
    return tuple(line.encode() for line in lines)
