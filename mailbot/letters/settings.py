"""What every letter needs to know of the site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailbot.config import Config, token_keys
from mailbot.rules import Rules
from mailbot.tokens import TokenKeys


@dataclass(frozen=True, slots=True)
class LetterSettings:
    """The site as a sender of letters.

    `support_address` is the shared mailbox that letters come from and answers go to; `from_name` its
    display name (the service's name where empty).  `message_id_domain` is the right-hand side of our
    Message-IDs.  `plus_addresses` says that mail to `support+anything@…` arrives in that mailbox.
    `expiry_days` is how long after it was written a letter can be answered.  Templates in the folder `templates`
    replace those of the program.
    """

    support_address: str
    message_id_domain: str
    keys: TokenKeys
    rules: Rules
    from_name: str = ""
    plus_addresses: bool = False
    expiry_days: int = 90
    templates: Path | None = None


def letter_settings(config: Config) -> LetterSettings:
    """The same from the configuration.  Raises ConfigurationError where there are no token keys."""
    return LetterSettings(
        support_address=config.smtp.from_address,
        message_id_domain=config.smtp.message_ids,
        keys=TokenKeys(token_keys(config)),
        rules=config.rules,
        from_name=config.smtp.from_name,
        plus_addresses=config.smtp.plus_addressing,
        expiry_days=config.tokens.expiry_days,
        templates=config.smtp.templates,
    )
