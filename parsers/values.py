"""What a mail can mean: the values that the parsers hand out.

Every type here is a frozen value.  Nothing in this package reads a clock, a file, a socket or the
environment; what a parser has to know of the site comes in as `ReadingRules`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from enum import StrEnum

from parsers.translatable import Translatable


class Kind(StrEnum):
    """What a mail is, as one word; the closed set of `mailbot explain`."""

    REQUEST = "request"
    DECISION = "decision"
    EXTENSION = "extension"
    RELEASE = "release"
    WITHDRAWAL = "withdrawal"
    CONFIRMATION = "confirmation"
    UNCLEAR = "unclear"
    AUTOMATIC = "automatic"
    NOT_FOR_US = "not-for-us"
    UNREADABLE = "unreadable"


class Verb(StrEnum):
    """The commands that the first line of a reply can give."""

    APPROVE = "approve"
    RETRY = "retry"
    DENY = "deny"
    CONFIRM = "confirm"
    EXTEND = "extend"
    RELEASE = "release"
    RESTORE = "restore"
    WITHDRAW = "withdraw"
    KEEP = "keep"
    START = "start"
    RESTART = "restart"
    CONSOLE = "console"
    REKEY = "rekey"
    REINSTALL = "reinstall"
    PROCEED = "proceed"
    ADOPT = "adopt"
    REBUILD = "rebuild"
    FORGET = "forget"
    STATUS = "status"
    HELP = "help"


class AutomaticKind(StrEnum):
    """Why nobody waits for an answer to a mail."""

    AUTO_REPLY = "auto-reply"
    BOUNCE = "bounce"
    DELAY = "delay"
    RECEIPT = "receipt"
    REPORT = "report"
    CHALLENGE = "challenge"
    CALENDAR = "calendar"
    LIST = "list"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """What the parsers must know of the site and the moment.

    `now` is an aware datetime, the moment against which relative dates are read; `timezone` is the
    site's.  `date_order` says how `03/04/2027` would be read if it were not asked back ("DMY" or
    "MDY").  `own_addresses` are lower-cased addresses that the bot sends from, `own_message_id_domain`
    the right-hand side of every Message-ID it writes.  `default_disk_gib` is the disk that every VM has.
    `relays` are the site's own mail servers, by the names that they write into `Received: … by …`;
    `banners` what its gateway writes above mails, as it stands there.
    """

    now: datetime
    timezone: tzinfo
    languages: tuple[str, ...] = ("en", "fr")
    date_order: str = "DMY"
    request_subject: str = "Persistent Virtual Machine Creation"
    own_addresses: frozenset[str] = frozenset()
    own_message_id_domain: str = ""
    default_disk_gib: int = 8
    relays: tuple[str, ...] = ()
    banners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """One mail address: `address` is `local@domain` with the domain lower-cased, `name` the display name."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Automatic:
    """A mail made by a machine: its kind, the header or structure that shows it, and what a bounce is about.

    `original_message_id` is the Message-ID (with angle brackets) of the letter that bounced, where
    the bounce says so; `failed_recipients` the addresses that did not get it.  `permanent` is None
    where the report does not say whether trying again could help (RFC 3464 status 5.x.x or 4.x.x).
    """

    kind: AutomaticKind
    why: str
    original_message_id: str | None = None
    failed_recipients: tuple[str, ...] = ()
    permanent: bool | None = None
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, read: headers that matter, the newest words, and what kind of sender wrote it.

    `references` holds every Message-ID (with angle brackets) of In-Reply-To and References, newest
    first, without doubles.  `recipients` are all addresses of To, Cc, Delivered-To and X-Original-To,
    in that order: a token may ride in one of them.  `text` is everything readable; `new_text` the
    newest words of a reply without quotes and signature, None where there are none; `below_text` what
    the writer added below the older mail or between its lines, where there are words above it.  `quotes` says
    that the text holds an older mail, quoted or forwarded.
    `parts_disagree` says that the text and the HTML part differ in their newest words: then nothing
    may be decided; it is not asked where the text fills in the whole template.  `authentication_results` are the raw values of the Authentication-Results
    headers above the first (topmost) Received header that is not one of our own relays', topmost first.
    `return_path` is the topmost Return-Path as it stands there (`<>` for the null one), empty where there is none.
    """

    sha256: str
    size_bytes: int
    message_id: str | None
    sender: Address
    subject: str
    recipients: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    sent_at: datetime | None = None
    text: str = ""
    new_text: str | None = None
    below_text: str = ""
    quotes: bool = False
    parts_disagree: bool = False
    automatic: Automatic | None = None
    attachments: tuple[str, ...] = ()
    authentication_results: tuple[str, ...] = ()
    return_path: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A mail that could not be read: it goes to quarantine and an admin is told `why`."""

    sha256: str
    size_bytes: int
    why: Translatable
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request: where, what was read, what would be accepted.

    `line` is the 1-based line of the mail's readable text, None where a line is missing altogether.
    `found` is the text as read, shortened; `allowed` an explanation with an example, worded for the user.
    """

    field: str
    line: int | None
    found: Translatable
    allowed: Translatable


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a request as far as they could be read; None where one could not."""

    username: str | None = None
    intended_usage: str | None = None
    expiration_date: date | None = None
    disk_gib: int | None = None
    disk_reason: str | None = None
    expiration_text: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A filled-in template, with every problem that reading alone can see; `language` is the one it is written in, where that is clear."""

    fields: Fields
    problems: tuple[Problem, ...] = ()
    notes: tuple[Translatable, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One known command, from the first line of the new words; `line` is that line as read.

    `machine` is the host name of the machine that the line names (`release alice-vm`), empty where it names none;
    `language` the language of its words where only one knows them.
    """

    verb: Verb
    line: str
    until: date | None = None
    period_months: int | None = None
    period_days: int | None = None
    disk_gib: int | None = None
    reason: str = ""
    machine: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """New words that are not clearly one command: changes nothing, is answered with `why` and `words`."""

    words: str
    why: Translatable
    language: str = ""


@dataclass(frozen=True, slots=True)
class NotForUs:
    """A mail that humans should read: neither a request nor a reply to one of our letters."""

    why: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """A mail and what it is understood to be.  `mail` is None only for `Unreadable`."""

    mail: Mail | None
    meaning: Request | Command | Unclear | Automatic | NotForUs | Unreadable
    kind: Kind
    why: str
    notes: tuple[str, ...] = field(default=())
