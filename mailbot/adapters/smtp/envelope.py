"""The envelope of a letter (RFC 5321 sections 3.3 and 4.1.1), and its text as it goes over the wire."""

from __future__ import annotations

import re
import smtplib
from typing import Final

from mailbot.errors import LetterRefused
from mailbot.model import OutboundMail

# Exactly one address without anything that could end the command or its argument.
_ADDRESS: Final = re.compile(r"[^\s<>\x00-\x20\x7f]+@[^\s<>@\x00-\x20\x7f]+")


def envelope(smtp: smtplib.SMTP, letter: OutboundMail, data: bytes) -> tuple[bytes, bytes]:
    """MAIL and RCPT with the parameters that this letter needs and this server knows.  Raises LetterRefused."""
    sender, recipient = _mailbox(letter.envelope_from), _mailbox(letter.envelope_to)
    if not recipient:
        raise LetterRefused(553, "5.1.3 the letter has no recipient")
    head = data.partition(b"\r\n\r\n")[0]
    parameters = [f"SIZE={len(data)}"] if smtp.has_extn("size") else []
    if not data.isascii() and smtp.has_extn("8bitmime"):
        parameters.append("BODY=8BITMIME")
    if not (sender.isascii() and recipient.isascii() and head.isascii()):
        if not smtp.has_extn("smtputf8"):
            raise LetterRefused(550, "5.6.7 the server does not take addresses or headers beyond ASCII (SMTPUTF8)")
        parameters.append("SMTPUTF8")
    return " ".join([f"MAIL FROM:<{sender}>", *parameters]).encode(), f"RCPT TO:<{recipient}>".encode()


def _mailbox(address: str) -> str:
    """An address that is safe in a command, its domain in ASCII (RFC 5891); empty for the null reverse-path."""
    if not address:
        return ""
    if not _ADDRESS.fullmatch(address):
        raise LetterRefused(553, "5.1.3 the address cannot be used in an envelope")
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise LetterRefused(553, "5.1.3 the domain of the address cannot exist") from None


def transparent(data: bytes) -> bytes:
    """The text as it goes over the wire: every line ends in CRLF, a leading dot is doubled (RFC 5321 section 4.5.2).

    Bare CR and LF are made whole, so that no server can take something inside the text for its end.
    """
    lines = b"\r\n".join(data.splitlines()).replace(b"\r\n.", b"\r\n..")
    return b"." * lines.startswith(b".") + lines + b"\r\n"
