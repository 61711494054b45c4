"""A mail to ourselves with a forged Authentication-Results header: would the bot believe it? (RFC 8601 section 5)"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from email.utils import format_datetime

import parsers
from mailbot.adapters.imap.session import Client, ImapSettings, folder_names, log_out, open_session, wire_errors
from mailbot.model import OutboundMail
from mailbot.ports import Postman
from mailbot.rules import TrustRules
from mailbot.trust import read_border
from parsers.values import Mail, ReadingRules

_PAUSE_SECONDS = 1.0


def believed(
    postman: Postman, inbox: ImapSettings, letter: OutboundMail, domain: str, *, trust: TrustRules, seconds: float = 60
) -> bool | None:
    """Send the forged mail and read how it arrives: True where the bot would believe it, None where it does not come in time.

    Looks in the inbox and where a running bot puts it meanwhile; changes no mark.  Raises LetterRefused, MailServerUnavailable.
    """
    postman.send(letter)
    client = open_session(inbox)
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with wire_errors(inbox):
                names = folder_names(client)
                for folder in (inbox.folder, inbox.handled_folder):
                    header = _header(client, names.on_server(folder), letter.message_id)
                    if header is not None:
                        return _believes(header, domain, trust)
            time.sleep(_PAUSE_SECONDS)
    finally:
        log_out(client)
    return None


def forged_mail(support: str, message_id_domain: str, trust: TrustRules) -> tuple[OutboundMail, str]:
    """The mail, and the made-up domain for which it claims a pass.  It has one of our own Message-IDs: the bot drops it."""
    mark = secrets.token_hex(8)
    domain, message_id = f"{mark}.invalid", f"<mb.{mark}@{message_id_domain}>"
    lines = (
        f"Authentication-Results: {trust.authserv_id}; dkim=pass header.d={domain}; dmarc=pass header.from={domain}",
        f"Date: {format_datetime(datetime.now(UTC))}",
        f"From: {support}",
        f"To: {support}",
        "Subject: mailbot doctor: a forged header",
        f"Message-ID: {message_id}",
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "mailbot doctor has sent this mail to see whether a forged header would be believed.",
        "Nothing has to be done with it.",
        "",
    )
    return OutboundMail(support, support, message_id, "\r\n".join(lines).encode("ascii")), domain


def _header(client: Client, folder: str, message_id: str) -> bytes | None:
    """The header of that mail in that folder, None where it is not there."""
    if not client.folder_exists(folder):
        return None
    client.select_folder(folder, readonly=True)
    for uid in client.search(["HEADER", "Message-ID", message_id])[:1]:
        fetched = client.fetch([uid], ["BODY.PEEK[HEADER]"])
        header = fetched.get(uid, {}).get(b"BODY[HEADER]")
        return header if isinstance(header, bytes) else None
    return None


def _believes(header: bytes, domain: str, trust: TrustRules) -> bool:
    read = parsers.read(header + b"\r\n", ReadingRules(datetime.now(UTC), UTC, relays=trust.relays))
    return isinstance(read, Mail) and bool(read_border(read.authentication_results, f"x@{domain}", trust).proofs)
