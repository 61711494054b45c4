"""The mails that are stored encrypted, as they came."""

from __future__ import annotations

from mailbot.config import Config, seal_keys
from mailbot.tokens import TokenKeys
from mailbot.turns.sealing import unseal


def opened(config: Config, stored: bytes) -> bytes:
    """The bytes of a stored mail.  Raises LookupError where no key opens it, ConfigurationError."""
    return unseal(TokenKeys(seal_keys(config)), stored)
