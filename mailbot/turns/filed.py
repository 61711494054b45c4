"""What the header of a mail in one of the bot's folders says, read without parsing a mail: it is only compared."""

from __future__ import annotations

import re

from mailbot.ports import Filed

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE)


def message_id(filed: Filed) -> str:
    """Its Message-ID with angle brackets; empty where it has none that can be compared."""
    found = _MESSAGE_ID.search(filed.header)
    return found[1].decode("ascii", "replace") if found else ""
