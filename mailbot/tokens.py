"""Tokens that say which letter a mail answers, and the addresses and Message-IDs that carry them.  Pure.

A token is an HMAC-SHA256 (RFC 2104) over ticket, version, recipient, purpose, day and the ticket's nonce,
cut to 160 bits and written in lower-case base32 (32 characters), so that it survives servers that change
the case of a local part.  The nonce is random and stored with the ticket: another ticket that gets the same
number after a restored backup accepts no letter of the first.  It proves that the writer has a letter that was sent to that recipient; it is worth
nothing without that sender (`trust` asks for more).  It is never stored: what it is bound to is
enough to make it again, so a copy of the database holds none.  A decision uses it up, because the
version rises; it expires by its day.  It rides in two places of a letter:

- Message-ID: `<mb.TICKET.VERSION.PURPOSE.DAY.TOKEN.LETTER@domain>`, which replies quote in
  In-Reply-To and References (RFC 5322 section 3.6.4);
- Reply-To: `support+TICKET.VERSION.PURPOSE.DAY.TOKEN@example.org` (RFC 5233), where the site has it.

As a last resort every letter that takes answers shows a short code of 40 bits behind the ticket's
number (`12-k7q2-m4xp`), bound to the same.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mailbot.model import Purpose

_TOKEN_BYTES = 20
_CODE_BYTES = 5
_LETTER_BYTES = 10
_MAX_LOCAL_PART = 64  # RFC 5321 section 4.5.3.1.1

_PURPOSE_TO_MARK = {Purpose.DECIDE: "d", Purpose.OWN: "o", Purpose.CONFIRM: "c", Purpose.NONE: "n"}
_MARK_TO_PURPOSE = {mark: purpose for purpose, mark in _PURPOSE_TO_MARK.items()}

_BODY = r"([0-9]{1,12})\.([0-9]{1,9})\.([doc])\.([0-9]{1,6})\.([a-z2-7]{32})"
_MESSAGE_ID = re.compile(rf"<mb\.{_BODY}\.[a-z2-7]{{16}}@([^<>@\s]{{1,255}})>", re.IGNORECASE)
_OWN_MESSAGE_ID = re.compile(r"<mb\.[0-9a-z.]{1,120}@([^<>@\s]{1,255})>", re.IGNORECASE)
_WITHOUT_TOKEN = re.compile(r"<mb\.[a-z2-7]{16}@[^<>@\s]{1,255}>", re.IGNORECASE)
_TOKEN = re.compile(r"\b([0-9]{1,12}\.[0-9]{1,9}\.[doc]\.[0-9]{1,6})\.[a-z2-7]{32}(?![a-z2-7])", re.IGNORECASE)
_SHORTEST_TOKEN = len("1.1.d.1.") + 32
_DOTS_OF_TOKEN = "1.1.d.1.".count(".")
_DETAIL = re.compile(_BODY, re.IGNORECASE)
_CODE = re.compile(r"(?<![\w-])([0-9]{1,12})-([a-z2-7]{4})-([a-z2-7]{4})(?![\w-])", re.IGNORECASE)
_MOST_CODES = 5
"""Codes of one mail that are looked at: each costs a look at its ticket."""


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """Secret keys of at least 16 bytes each: the first signs, all verify, so that a key can be replaced."""

    keys: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) < 16 for key in self.keys):
            raise ValueError("at least one token key is needed, each of at least 16 bytes")


class OwnMail(Protocol):
    """How our own mail is known (`letters.LetterSettings` is one)."""

    @property
    def support_address(self) -> str: ...

    @property
    def message_id_domain(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Reference:
    """What a mail says it answers: a letter of that `day` (counted from 1970-01-01, UTC).

    Worth nothing before `verify` has seen it with its sender.
    """

    ticket_id: int
    version: int
    purpose: Purpose
    day: int
    token: str = field(repr=False)


def day_of(moment: datetime) -> int:
    """The day of an aware moment, counted from 1970-01-01, UTC."""
    return (moment.astimezone(UTC).date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days


def moment_of(day: int) -> datetime:
    """The first moment of such a day, aware UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


def make(keys: TokenKeys, recipient: str, bound: Reference, *, nonce: str = "") -> str:
    """The token for one recipient (case-insensitive address) and what `bound` says: 32 characters, 160 bits."""
    return _token(keys.keys[0], _bound(bound, recipient, nonce))


def reference(
    keys: TokenKeys, ticket_id: int, version: int, recipient: str, purpose: Purpose, *, day: int = 0, nonce: str = ""
) -> Reference:
    """What a letter of that day to that recipient carries."""
    bound = Reference(ticket_id, version, purpose, day, "")
    return replace(bound, token=make(keys, recipient, bound, nonce=nonce))


def verify(keys: TokenKeys, reference: Reference, recipient: str, *, nonce: str = "") -> bool:
    """True where the token was made, with any of the keys, for exactly this ticket, version, recipient, purpose, day and nonce."""
    if reference.purpose is Purpose.NONE:
        return False
    found = reference.token.lower().encode("utf-8", "replace")
    bound = _bound(reference, recipient, nonce)
    good = False
    for key in keys.keys:  # every key is tried: how long it takes tells nothing
        good |= hmac.compare_digest(_token(key, bound).encode(), found)
    return good


def expired(reference: Reference, came: datetime, now: datetime, expiry_days: int) -> bool:
    """True where the answer came more days after the letter, or the letter is of a day that has not begun.

    By the clock of the mail server, which says when it came, it may have come on the day before the letter.
    """
    return day_of(now) < reference.day or day_of(came) - reference.day > expiry_days


def short_code(keys: TokenKeys, reference: Reference, recipient: str, *, nonce: str = "") -> str:
    """The visible code, number and two groups of four: for people whose client lost every header.  Never enough alone."""
    return f"{reference.ticket_id}-{_code(keys.keys[0], _bound(reference, recipient, nonce))}"


def codes_in(text: str) -> tuple[str, ...]:
    """Everything in a text that looks like a visible code, in order, without doubles, at most five."""
    found = dict.fromkeys(f"{int(number)}-{a}-{b}".lower() for number, a, b in _CODE.findall(text))
    return tuple(found)[:_MOST_CODES]


def ticket_of_code(code: str) -> int:
    """The ticket that a visible code names."""
    return int(code.partition("-")[0])


def reference_of_code(
    keys: TokenKeys,
    code: str,
    version: int,
    recipients: Iterable[str],
    *,
    came: datetime,
    now: datetime,
    expiry_days: int,
    nonce: str = "",
) -> Reference | None:
    """What a visible code stands for: tried for every purpose, every day that has not expired, and each of the recipients.

    `version` and `nonce` are the ticket's present ones: an older code is used up.
    """
    ticket_id, days = ticket_of_code(code), range(day_of(now), day_of(came) - expiry_days - 1, -1)
    for recipient in recipients:
        for purpose in _MARK_TO_PURPOSE.values():
            for day in days:
                found = Reference(ticket_id, version, purpose, day, "")
                if purpose is not Purpose.NONE and verify_code(keys, code, found, recipient, nonce=nonce):
                    return replace(found, token=make(keys, recipient, found, nonce=nonce))
    return None


def verify_code(keys: TokenKeys, code: str, reference: Reference, recipient: str, *, nonce: str = "") -> bool:
    """True where the visible code is the one for the ticket, version, purpose and day of `reference` (its token is not read)."""
    found = code.lower().encode("utf-8", "replace")
    bound = _bound(reference, recipient, nonce)
    good = False
    for key in keys.keys:
        good |= hmac.compare_digest(f"{reference.ticket_id}-{_code(key, bound)}".encode(), found)
    return good


def without_token(text: str) -> str:
    """Any text as it may be stored: every Message-ID and address of ours in it without its token.

    A Message-ID stays unique by its last part.  Servers repeat them in their answers, people quote them.
    """
    # That most texts have none is seen at once: every column of every row is asked.
    if len(text) < _SHORTEST_TOKEN or text.count(".") < _DOTS_OF_TOKEN:
        return text
    return _TOKEN.sub(r"\1", text)


def reply_address(support_address: str, reference: Reference | None, *, plus: bool) -> str:
    """Where answers go: `support+12.1.d.TOKEN@example.org`, or the plain address.

    Plain where the site has no plus-addresses, the letter takes no command, or the local part would
    be longer than RFC 5321 allows; the Message-ID still carries the token then.
    """
    if reference is None or not plus or reference.purpose is Purpose.NONE:
        return support_address
    local, _, domain = support_address.rpartition("@")
    tagged = f"{local}+{_body(reference)}"
    return f"{tagged}@{domain}" if len(tagged) <= _MAX_LOCAL_PART else support_address


def message_id(keys: TokenKeys, reference: Reference | None, key: str, domain: str) -> str:
    """The Message-ID of a letter, the same for every attempt: `key` names the letter (ticket, outbox key, recipient).

    Keyed, so that nobody can guess it and forge a bounce of a letter they have not seen.
    """
    letter = _base32(hmac.digest(keys.keys[0], b"letter\0" + key.encode("utf-8", "replace"), "sha256")[:_LETTER_BYTES])
    body = f"{_body(reference)}.{letter}" if reference and reference.purpose is not Purpose.NONE else letter
    return f"<mb.{body}@{domain}>"


def is_own_message_id(message_id: str, own: OwnMail) -> bool:
    """True for a Message-ID of the form that `message_id` gives, with or without a token in it."""
    found = _OWN_MESSAGE_ID.fullmatch(message_id.strip())
    return found is not None and found.group(1).lower() == own.message_id_domain.lower()


def has_no_token(message_id: str) -> bool:
    """True for the Message-ID of a letter that takes no answer: none of ours whose token was left out."""
    return _WITHOUT_TOKEN.fullmatch(message_id.strip()) is not None


def references_in(message_ids: Iterable[str], recipients: Iterable[str], own: OwnMail) -> tuple[Reference, ...]:
    """Every reference to a letter of ours that a mail carries: by recipient address first, then by Message-ID in the order given."""
    found: dict[Reference, None] = {}
    for address in recipients:
        if detail := _own_detail(address, own.support_address):
            _remember(found, _DETAIL.fullmatch(detail))
    for written in message_ids:
        match = _MESSAGE_ID.fullmatch(written.strip())
        if match and match.group(6).lower() == own.message_id_domain.lower():
            _remember(found, match)
    return tuple(found)


def _own_detail(address: str, support_address: str) -> str:
    """What stands after the plus in an address of ours, "" in any other."""
    local, _, domain = address.strip().lower().rpartition("@")
    own_local, _, own_domain = support_address.lower().rpartition("@")
    if domain != own_domain or not local.startswith(f"{own_local}+"):
        return ""
    return local[len(own_local) + 1 :]


def _remember(found: dict[Reference, None], match: re.Match[str] | None) -> None:
    if match:
        ticket_id, version, mark, day, token = match.group(1, 2, 3, 4, 5)
        purpose = _MARK_TO_PURPOSE[mark.lower()]
        found[Reference(int(ticket_id), int(version), purpose, int(day), token.lower())] = None


def _body(reference: Reference) -> str:
    mark = _PURPOSE_TO_MARK[reference.purpose]
    return f"{reference.ticket_id}.{reference.version}.{mark}.{reference.day}.{reference.token}"


def _bound(reference: Reference, recipient: str, nonce: str) -> bytes:
    # NUL cannot stand in an address (RFC 5321 section 4.1.2), so no two bindings give the same bytes.
    numbers = (str(reference.ticket_id), str(reference.version), str(reference.day))
    # Without a nonce (a ticket of version 0.1) they are those of that version.
    parts = (*numbers, recipient.strip().lower(), reference.purpose.value, *filter(None, (nonce,)))
    return "\0".join(parts).encode("utf-8", "replace")


def _token(key: bytes, bound: bytes) -> str:
    return _base32(hmac.digest(key, b"token\0" + bound, "sha256")[:_TOKEN_BYTES])


def _code(key: bytes, bound: bytes) -> str:
    code = _base32(hmac.digest(key, b"code\0" + bound, "sha256")[:_CODE_BYTES])
    return f"{code[:4]}-{code[4:]}"


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()
