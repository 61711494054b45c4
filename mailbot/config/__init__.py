"""The configuration: one frozen value, read once at start, checked whole, and safe to print.

config = load(Path("/etc/mailbot/config.toml"))
"""

from __future__ import annotations

from mailbot.config.keys import seal_keys, token_keys
from mailbot.config.loading import DEFAULT_PATH, default_path, load, load_rules
from mailbot.config.printing import as_toml
from mailbot.config.sections import (
    AdminSection,
    Config,
    DatabaseSection,
    DirectorySection,
    ImageSection,
    LogSection,
    MailboxSection,
    MetricsSection,
    OAuth2Section,
    SmtpSection,
    TokensSection,
)
from mailbot.config.sites import LOCAL_URI, SiteSection
from mailbot.config.zones import ZoneSection

__all__ = [
    "DEFAULT_PATH",
    "LOCAL_URI",
    "AdminSection",
    "Config",
    "DatabaseSection",
    "DirectorySection",
    "ImageSection",
    "LogSection",
    "MailboxSection",
    "MetricsSection",
    "OAuth2Section",
    "SiteSection",
    "SmtpSection",
    "TokensSection",
    "ZoneSection",
    "as_toml",
    "default_path",
    "load",
    "load_rules",
    "seal_keys",
    "token_keys",
]
