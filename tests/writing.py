"""Mails as people and their servers write them: new ones, replies, forwarded letters, out-of-office answers, bounces."""

from __future__ import annotations

import email
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from itertools import count

from mailbot.model import OutboundMail

SUPPORT = "support@testbed.example"
_POLICY = SMTP.clone(max_line_length=998)
_numbers = count(1)


def number_from_one() -> None:
    """The next mail is the first again: what is played then gives the same letters, whatever was played before."""
    global _numbers  # noqa: PLW0603 - one count for every kind of mail
    _numbers = count(1)


def read_letter(letter: OutboundMail) -> EmailMessage:
    """A letter as its recipient's client reads it."""
    read = email.message_from_bytes(letter.data, policy=_POLICY)
    assert isinstance(read, EmailMessage)
    return read


def words_of(letter: OutboundMail) -> str:
    """The plain text of a letter."""
    body = read_letter(letter).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def mail(
    sender: str, subject: str, words: str, at: datetime, *, to: str = SUPPORT, html: bool = False, **headers: str
) -> bytes:
    """A new mail; further headers by name, with `_` for `-`."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(at)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if "Message-ID" not in names:
        message["Message-ID"] = f"<{next(_numbers)}.{at:%Y%m%d%H%M%S}@{parseaddr(sender)[1].partition('@')[2]}>"
    for name, value in names.items():
        message[name] = value
    if html:
        message.set_content(words, subtype="html")
    else:
        message.set_content(words)
    return message.as_bytes()


def reply(letter: OutboundMail, sender: str, words: str, at: datetime, **headers: str) -> bytes:
    """What a common client makes of "Reply": the new words on top, the letter quoted below, the thread kept."""
    original = read_letter(letter)
    quoted = "\n".join(f"> {line}".rstrip() for line in words_of(letter).splitlines())
    subject = str(original["Subject"])
    return mail(
        sender,
        subject if subject.lower().startswith("re:") else f"Re: {subject}",
        f"{words}\n\nOn {at:%a, %d %b %Y at %H:%M}, {original['From']} wrote:\n\n{quoted}\n",
        at,
        to=str(original["Reply-To"] or original["From"]),
        In_Reply_To=letter.message_id,
        References=" ".join((*str(original["References"] or "").split(), letter.message_id)),
        **headers,
    )


def forwarded(letter: OutboundMail, sender: str, to: str, at: datetime) -> OutboundMail:
    """The letter as somebody gets it who was not meant to: it keeps its Message-ID and Reply-To."""
    return OutboundMail(sender, to, letter.message_id, letter.data)


def out_of_office(letter: OutboundMail, sender: str, at: datetime, words: str = "I am away until Monday.") -> bytes:
    """A vacation responder's answer (RFC 3834): it quotes nothing and names the letter."""
    return mail(
        sender,
        f"Automatic reply: {read_letter(letter)['Subject']}",
        words,
        at,
        to=str(read_letter(letter)["From"]),
        In_Reply_To=letter.message_id,
        References=letter.message_id,
        Auto_Submitted="auto-replied",
    )


def bounce(letter: OutboundMail, at: datetime, status: str = "5.1.1") -> bytes:
    """The report of a server that could not deliver the letter (RFC 3464); a status of 4.x.x says not yet."""
    permanent = status.startswith("5")
    boundary = "=_report"
    lines = [
        "From: Mail Delivery System <MAILER-DAEMON@example.org>",
        f"To: {SUPPORT}",
        f"Subject: {'Undelivered Mail Returned to Sender' if permanent else 'Delayed Mail (still being retried)'}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: <bounce.{next(_numbers)}@example.org>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"Your letter to <{letter.envelope_to}> could not be delivered.",
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.org",
        "",
        f"Final-Recipient: rfc822; {letter.envelope_to}",
        f"Action: {'failed' if permanent else 'delayed'}",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {'550' if permanent else '451'} {status} no such user here",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
        letter.data.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n"),
        "",
        f"--{boundary}--",
        "",
    ]
    return "\n".join(lines).replace("\n", "\r\n").encode("ascii")
