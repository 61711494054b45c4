"""Header fields: who wrote a mail, to whom, in answer to what.

mail-parser reads what leaves something to interpret; the stdlib's `email` decides what it cannot say: whether there
is exactly one clean From (mail-parser shows only the first of two).
"""

from __future__ import annotations

import logging
import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.errors import MessageError
from email.message import Message

import mailparser

from parsers.text.charsets import decode, repair_mojibake
from parsers.text.folding import one_line
from parsers.translatable import Translatable, say
from parsers.values import Address

logging.getLogger("mailparser").addHandler(logging.NullHandler())
logging.getLogger("mailparser").propagate = False

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_BARE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DELIMITER = re.compile(r'\\.?|["()]', re.DOTALL)
_NAMES_SOMEBODY = re.compile(r"[^\s@]@[^\s@]")
_COMMENT = re.compile(r"\([^()]*\)")
_BY = re.compile(r"(?:^|\s)by\s+([A-Za-z0-9.-]{1,255})(?=\s|$)", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,500}>")
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_RECIPIENT_FIELDS = ("to", "cc", "delivered-to", "x-original-to")
_READ_BY_MAIL_PARSER = frozenset({*_RECIPIENT_FIELDS, "reply-to", "date"})
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDR_SPEC = rf"{_ATOM}(?:\.{_ATOM})*@{_ATOM}(?:\.{_ATOM})*"
#: One mailbox of a list (RFC 5322 section 3.4) without comments, groups, routes and escapes, and what parts it from the next.
_PLAIN_MAILBOX = re.compile(
    rf"""[ \t\r\n]*(?:(?:[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~. -]{{0,200}}|"[ !#-\[\]-~]{{0,200}}"[ \t\r\n]*)<({_ADDR_SPEC})>"""
    rf"|({_ADDR_SPEC}))[ \t\r\n]*(?:,|\Z)"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: A date as RFC 5322 section 3.3 wants it, in a year and a zone that leave nothing to interpret.
_PLAIN_DATE = re.compile(
    rf" *(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), +)?([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ((?:19|2[0-9])[0-9]{{2}})"
    r" ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))? ([+-])([0-9]{2})([0-5][0-9])(?: \([A-Za-z]{1,8}\))? *"
)


@dataclass(frozen=True, slots=True)
class Fields:
    """The header of one mail, decoded: lower-cased names to raw unfolded values, in order."""

    all: tuple[tuple[str, str], ...]

    def get_all(self, name: str) -> list[str]:
        """Every value of a field, topmost first."""
        return [value for key, value in self.all if key == name]

    def get(self, name: str) -> str:
        """The topmost value of a field, decoded on one line; empty where there is none."""
        for key, value in self.all:
            if key == name:
                return decoded(value)
        return ""


def fields_of(message: Message) -> Fields:
    """The fields of a parsed message, unfolded, raw bytes kept as surrogates."""
    return Fields(tuple((name.lower(), _unfold(str(value))) for name, value in message.raw_items()))


def _unfold(value: str) -> str:
    return value.replace("\r", "").replace("\n", "")


def decoded(value: str) -> str:
    """A raw field value as text on one line: encoded words (RFC 2047) and raw 8-bit bytes read."""
    if not value.isascii() and any("\udc80" <= c <= "\udcff" for c in value):
        value = decode(value.encode("utf-8", "surrogateescape"), None)[0]
    if "=?" in value:
        value = _ENCODED_WORD.sub(_decode_word, _BETWEEN_WORDS.sub(r"\1", value))
    return one_line(repair_mojibake(value)[0])


def _decode_word(found: re.Match[str]) -> str:
    charset, encoding, data = found.groups()
    raw = data.encode("ascii", "ignore")
    try:
        octets = a2b_base64(raw + b"==") if encoding in "bB" else a2b_qp(raw, header=True)
    except (Error, ValueError):
        return found.group()
    return decode(octets, charset.partition("*")[0])[0]


@dataclass(frozen=True, slots=True)
class Told:
    """What a header says of people and time: the addresses of the topmost field of each name, and the Date in aware UTC."""

    addresses: Mapping[str, tuple[str, ...]]
    sent_at: datetime | None = None


def told(message: Message) -> Told | None:
    """What mail-parser reads of the few fields that it is asked for; None where it cannot read the header.

    (It raises on broken base64 in an address, for instance; then plain patterns must do.)  Fields in the form in which nearly
    every program writes them are read here: the library takes half a millisecond to make its view of a whole mail.
    """
    asked = [(low, str(value)) for name, value in message.raw_items() if (low := name.lower()) in _READ_BY_MAIL_PARSER]
    return _plainly(asked) or by_mail_parser(asked)


def _plainly(asked: list[tuple[str, str]]) -> Told | None:
    """The same, of fields that leave nothing to interpret; None where one of them does, or comes twice."""
    addresses: dict[str, tuple[str, ...]] = {}
    moment = None
    if len({name for name, _ in asked}) < len(asked):
        return None
    for name, value in asked:
        found = _plain_moment(value) if name == "date" else _plain_addresses(value)
        if found is None:
            return None
        if isinstance(found, datetime):
            moment = found
        else:
            addresses[name] = found
    return Told(addresses, moment)


def _plain_addresses(value: str) -> tuple[str, ...] | None:
    """The addresses of `Bob <bob@example.org>, carol@example.org`; None for what is written in any other way."""
    found: list[str] = []
    at = 0
    while at < len(value):
        mailbox = _PLAIN_MAILBOX.match(value, at)
        if mailbox is None or "=?" in mailbox[0]:
            return None
        found.append(mailbox[1] or mailbox[2])
        at = mailbox.end()
    return tuple(found) if found and not value.endswith(",") else None


def _plain_moment(value: str) -> datetime | None:
    """The moment of `Mon, 23 Nov 2026 10:12:13 +0100`; None for what is written in any other way, or is no moment."""
    found = _PLAIN_DATE.fullmatch(value)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    try:
        local = datetime(
            int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC
        )
        return local + ahead if sign == "-" else local - ahead
    except (ValueError, OverflowError):
        return None


def by_mail_parser(asked: list[tuple[str, str]]) -> Told | None:
    """What the library says of these fields, whatever they are; None where it raises."""
    header = Message()
    for name, value in asked:
        header.set_raw(name, value)
    try:
        parser = mailparser.MailParser(header)
    except (MessageError, ValueError, LookupError, TypeError, AttributeError):
        return None
    addresses = {}
    for name, _ in asked:
        pairs = getattr(parser, name.replace("-", "_"), None)
        if isinstance(pairs, list):
            addresses[name] = tuple(str(pair[1]) for pair in pairs if len(pair) == 2)
    date = parser.date if isinstance(parser.date, datetime) else None
    aware = date.replace(tzinfo=UTC) if date is not None and date.tzinfo is None else date
    return Told(addresses, aware.astimezone(UTC) if aware is not None else None)


def normal_address(text: str) -> str | None:
    """`local@domain` with the domain lower-cased, None where the text is no plain ASCII address."""
    text = text.strip()
    if not _ADDRESS.fullmatch(text) or ".." in text.rpartition("@")[2]:
        return None
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


_NOT_ONE = say("Its From field does not name exactly one address.")


def clean_sender(fields: Fields) -> Address | Translatable:
    """The one author of a mail, or why there is none, as a sentence for an admin.

    Clean means: one From field, in it one address (RFC 5322 mailbox), plain ASCII, and no second
    one anywhere but in a quoted display name or a comment (RFC 6854 groups are refused too).
    """
    values = fields.get_all("from")
    if len(values) != 1:
        several = say("It has {number} From fields.", number=len(values))
        return several if values else say("It has no From field.")
    bare = _without_quotes_and_comments(values[0])
    if bare is None:
        return _NOT_ONE
    bracketed = re.findall(r"<([^<>]*)>", bare)
    if len(bracketed) > 1 or bare.count("<") != len(bracketed) or bare.count(">") != len(bracketed):
        return _NOT_ONE
    outside = _ENCODED_WORD.sub(" ", re.sub(r"<[^<>]*>", " ", bare))
    named = bracketed[0].strip() if bracketed else outside.strip()
    address = normal_address(named)
    others = {word.strip(",;'<>") for word in outside.split() if _NAMES_SOMEBODY.search(word)} - {named}
    if address is None and "@" in named and not named.isascii():
        return say("Its From field has an address with letters beyond ASCII (SMTPUTF8), to which mailbot cannot write.")
    phrase_alone = not bracketed and '"' in values[0]  # a name and an address, and nothing that joins them
    if address is None or others or phrase_alone or (":" in outside and ";" in outside):
        return _NOT_ONE
    return Address(address, _display_name(values[0], named))


def _without_quotes_and_comments(value: str) -> str | None:
    """A field with a space for each quoted string and comment (RFC 5322 section 3.2); None where one does not end.

    Read sign by sign: which of them begins first decides, a comment may hold a quote and a quoted string a bracket.
    """
    kept: list[str] = []
    quoted, depth, start = False, 0, 0
    for found in _DELIMITER.finditer(value):
        mark = found.group()
        if mark[0] == "\\":
            continue
        outside = not quoted and not depth
        if mark == '"' and not depth:
            quoted = not quoted
        elif mark == "(" and not quoted:
            depth += 1
        elif mark == ")" and not quoted and depth:
            depth -= 1
        if outside and (quoted or depth):
            kept += (value[start : found.start()], " ")
        elif not outside and not quoted and not depth:
            start = found.end()
    return None if quoted or depth else "".join((*kept, value[start:]))


def _display_name(value: str, address: str) -> str:
    name = decoded(value)
    for piece in (f"<{address}>", address):
        name = name.replace(piece, " ")
    return one_line(name.replace('"', " ").strip(" ()"), 200)


def machine_sender(fields: Fields) -> Address:
    """Who an automatic mail says it is from, as far as it can be read; never used as an authority."""
    value = decoded(" ".join(fields.get_all("from")[:1]))
    found = _ADDRESS.search(value)
    address = normal_address(found.group()) if found else None
    if address is None:
        bare = _BARE_NAME.search(value)
        address = bare.group() if bare else ""
    return Address(address, one_line(value, 200))


def addresses(read: Told | None, fields: Fields, names: tuple[str, ...]) -> tuple[str, ...]:
    """All plain addresses of these fields, in order, without doubles."""
    found: dict[str, None] = {}
    for name in names:
        values = fields.get_all(name)
        candidates = read.addresses.get(name, ()) if read else ()
        if len(values) > 1 or not candidates:
            candidates = tuple(hit for value in values for hit in _ADDRESS.findall(value))
        found.update((address, None) for text in candidates if (address := normal_address(text)))
    return tuple(found)


def recipients(read: Told | None, fields: Fields) -> tuple[str, ...]:
    """Everyone this mail was sent or delivered to."""
    return addresses(read, fields, _RECIPIENT_FIELDS)


def message_ids(values: list[str]) -> tuple[str, ...]:
    """Message-IDs with angle brackets (RFC 5322 section 3.6.4), in order, without doubles."""
    return tuple(dict.fromkeys(found for value in values for found in _MESSAGE_ID.findall(value)))


def own_id(fields: Fields) -> str | None:
    """The Message-ID of this mail, None where it has none or several."""
    found = message_ids(fields.get_all("message-id"))
    return found[0] if len(found) == 1 else None


def references(fields: Fields) -> tuple[str, ...]:
    """What this mail answers, newest first: In-Reply-To, then References from its end."""
    newest = message_ids(fields.get_all("in-reply-to"))
    older = message_ids(fields.get_all("references"))[::-1]
    return tuple(dict.fromkeys((*newest, *older)))


def border_results(fields: Fields, relays: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Authentication-Results above the topmost Received that none of our own `relays` wrote (RFC 8601 section 5).

    Only what stands there can be of our own border: everything below came with the mail.
    """
    own = {relay.lower() for relay in relays}
    found = []
    for name, value in fields.all:
        if name == "received" and _received_by(value) not in own:
            break
        if name == "authentication-results":
            found.append(value.strip())
    return tuple(found)


def _received_by(value: str) -> str:
    """Who wrote a Received header: what follows the last `by` outside comments, lower-case; "" where there is none."""
    bare = _COMMENT.sub(" ", value.partition(";")[0])
    found = _BY.findall(bare)
    return found[0].lower().rstrip(".") if len(found) == 1 else ""
