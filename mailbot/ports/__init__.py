"""What the handlers need of the world.  Each docstring is a contract: the effect, whether it may run twice, what it raises."""

from __future__ import annotations

from mailbot.ports.mail import Authenticator, EarlyPostman, Fetched, Filed, Folder, Handover, Inbox, Postman, Reader
from mailbot.ports.store import (
    Coming,
    FailedEffect,
    Leaving,
    OutboxCount,
    OutboxState,
    Overview,
    Queued,
    Settled,
    Store,
    Wanted,
)
from mailbot.ports.surroundings import Clock, Directory, Records, Zones

__all__ = [
    "Authenticator",
    "Clock",
    "Coming",
    "Directory",
    "EarlyPostman",
    "FailedEffect",
    "Fetched",
    "Filed",
    "Folder",
    "Handover",
    "Inbox",
    "Leaving",
    "OutboxCount",
    "OutboxState",
    "Overview",
    "Postman",
    "Queued",
    "Reader",
    "Records",
    "Settled",
    "Store",
    "Wanted",
    "Zones",
]
