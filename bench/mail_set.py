"""Requests as people's programs send them, 3 to 30 kB each, the same ones for the same numbers.

Each has the lines of Received and DKIM that a mail collects on its way, and carries what people leave in a mail: a
signature, an older conversation below the words, an HTML form with a style sheet, an attachment.  One sender a mail.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from textwrap import fill

_POLICY = policy.SMTP.clone(cte_type="8bit")
_WORDS = [
    "our",
    "group",
    "measures",
    "how",
    "the",
    "new",
    "cluster",
    "behaves",
    "under",
    "load",
    "and",
    "keeps",
    "the",
    "results",
    "of",
    "every",
    "night",
    "on",
    "one",
    "small",
    "host",
    "which",
    "the",
    "students",
    "may",
    "read",
    "und",
    "die",
    "Größe",
    "der",
    "Daten",
    "wächst",
    "chaque",
    "été",
    "à",
    "l'équipe",
    "de",
    "données",
    "in",
    "a",
    "table",
    "that",
    "everybody",
    "trusts",
    "more",
    "than",
    "the",
    "old",
    "one",
    "although",
    "nobody",
    "remembers",
    "who",
    "wrote",
    "it",
]
_FORMS = {
    "text, quoted-printable": 15,
    "text, 8bit, flowed": 15,
    "text, base64": 10,
    "text and HTML": 30,
    "HTML alone": 20,
    "text, HTML, attachment": 10,
}


def requests(count: int, domain: str, support: str, first: int = 0) -> Iterator[bytes]:
    """So many mails with CRLF, from `user<number>@domain` each, numbered from `first`."""
    return (request(number, domain, support) for number in range(first, first + count))


def request(number: int, domain: str, support: str) -> bytes:
    """One filled-in template: the form, the size and the words follow from the number."""
    chance = random.Random(number)
    form = chance.choices(list(_FORMS), list(_FORMS.values()))[0]
    size = int(chance.triangular(3_000, 30_000, 7_000))
    mail = EmailMessage(_POLICY)
    _write_body(mail, form, number, size, chance)
    sender = f"user{number}@{domain}"
    mail["From"] = f"Jörg Müller {number} <{sender}>" if number % 3 == 0 else f"User {number} <{sender}>"
    mail["To"] = f"Testbed support <{support}>"
    mail["Subject"] = f"Persistent Virtual Machine Creation ({'für ' if number % 4 == 0 else ''}user{number})"
    mail["Date"] = f"Wed, 25 Nov 2026 {number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d} +0100"
    mail["Message-ID"] = f"<{number}.{chance.getrandbits(64):x}@laptop.{domain}>"
    mail["User-Agent"] = "Mozilla Thunderbird"
    return _way_here(sender, domain, chance) + mail.as_bytes()


def _write_body(mail: EmailMessage, form: str, number: int, size: int, chance: random.Random) -> None:
    lines = _template(number, chance)
    match form:
        case "text, quoted-printable":
            mail.set_content(_text(lines, size, chance), cte="quoted-printable")
        case "text, 8bit, flowed":
            mail.set_content(_text(lines, size, chance), cte="8bit", params={"format": "flowed"})
        case "text, base64":
            mail.set_content(_text(lines, size * 3 // 4, chance), cte="base64")
        case "HTML alone":
            mail.set_content(_html(lines, size * 3 // 4, chance), subtype="html")
        case _:
            mail.set_content(_text(lines, size // 3, chance))
            mail.add_alternative(_html(lines, size // 2, chance), subtype="html")
            if form == "text, HTML, attachment":
                plan = chance.randbytes(size // 4)
                mail.add_attachment(plan, maintype="application", subtype="pdf", filename="plan.pdf")


def _template(number: int, chance: random.Random) -> list[tuple[str, str]]:
    usage = " ".join(chance.choices(_WORDS, k=40))
    day = f"2027-{chance.randint(6, 12):02d}-{chance.randint(1, 28):02d}"
    return [("username", f"user{number}"), ("intended usage", usage), ("expiration date", day)]


def _text(lines: list[tuple[str, str]], size: int, chance: random.Random) -> str:
    pieces = ["Dear support,\n\nplease create a machine for me.\n\n"]
    pieces += [f"{label}: {value}\n\n" for label, value in lines]
    pieces.append("Best regards\n\n-- \nSomebody\nExample Institute, room 4.12\n")
    while sum(map(len, pieces)) < size:
        quoted = fill(" ".join(chance.choices(_WORDS, k=70)), 70).replace("\n", "\n> ")
        pieces.append(f"\nOn Mon, 23 Nov 2026 at 10:12, Somebody Else wrote:\n> {quoted}\n")
    return "".join(pieces)


def _html(lines: list[tuple[str, str]], size: int, chance: random.Random) -> str:
    styles = "".join(
        f'p.Text{n}, li.Text{n} {{margin: 0cm; font-size: {9 + n % 4}.0pt; font-family: "Calibri", sans-serif}}\n'
        for n in range(20)
    )
    pieces = [
        f"<html><head><meta charset='utf-8'><style><!--\n{styles}--></style></head><body lang='en'><div class='Page'>",
        "<p class='Text1'>Dear support,</p>\n<p class='Text1'>please create a machine for me.</p>\n<table border='1'>",
        *(f"<tr><td><b>{label}:</b>&nbsp;</td><td><span>{value}</span></td></tr>\n" for label, value in lines),
        "</table><p class='Text1'>Best regards</p>\n",
    ]
    while sum(map(len, pieces)) < size:
        quoted = fill(" ".join(chance.choices(_WORDS, k=60)), 72).replace("\n", "<br>\n")
        pieces.append(
            f"<blockquote type='cite'><p class='Text2'><b>Somebody Else</b> wrote:</p>{quoted}</blockquote>\n"
        )
    return "".join(pieces) + "</div></body></html>\n"


def _way_here(sender: str, domain: str, chance: random.Random) -> bytes:
    """Return-Path, three to six hops, and a signature that proves nothing."""
    lines = [f"Return-Path: <{sender}>"]
    for hop in range(chance.randint(3, 6)):
        lines += [
            f"Received: from out{hop}.{domain} (out{hop}.{domain} [192.0.2.{chance.randint(1, 250)}])",
            f"\tby in{hop}.{domain} (Postfix) with ESMTPS id {chance.getrandbits(40):010X}",
            f"\tfor <support@{domain}>; Wed, 25 Nov 2026 10:{hop:02d}:07 +0100 (CET)",
        ]
    signature = base64.b64encode(chance.randbytes(128)).decode()
    lines += [
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=elsewhere.example; s=s1;",
        f"\th=from:to:subject:date; bh={base64.b64encode(chance.randbytes(32)).decode()};",
        f"\tb={signature[:70]}\r\n\t {signature[70:140]}\r\n\t {signature[140:]}",
        "X-Spam-Status: No, score=-1.9",
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n"
