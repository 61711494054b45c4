"""Mails that machines wrote: recognised by headers and structure first, by words last.

The order matters: our own mail, reports with a MIME type of their own (RFC 3464, 8098, 5965),
headers that say so (RFC 3834), bounces without any standard, calendar answers, challenges,
auto-replies that only their subject gives away, list software.
A header counts alone where only a machine's own answer can have it.  What relays and gateways put on a person's mail too
(`List-Id`, `Precedence: bulk`, `X-Auto-Response-Suppress`, the `X-Loop` of a list or of our own side) does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from itertools import islice

from parsers.mail import automatic_words as words
from parsers.mail.absence import begins_absent, waits
from parsers.mail.bounces import (
    ENCLOSED,
    Report,
    delivery_report,
    looks_like_bounce,
    original_message_id,
    report_parts,
    words_report,
)
from parsers.mail.headers import Fields, references
from parsers.mail.mime import ascii_text, children
from parsers.mail.robot_notes import is_robots_note
from parsers.reply.commands import read_command
from parsers.request.labels import read_label
from parsers.text import subjects
from parsers.text.folding import fold
from parsers.values import Automatic, AutomaticKind, Command, Mail, ReadingRules

_AUTO_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "autoreply"})
_NO = frozenset({"", "no", "false", "0", "none"})

_NO_REPLY = re.compile(r"(?:no-?reply|do-?not-?reply|ne-?pas-?repondre|nepasrepondre)\b", re.IGNORECASE)
_AUTO_FIELD = re.compile(
    r"x-[a-z0-9-]{0,40}(?:auto-?(?:repl|respon|answer|generat|submit)|vacation|out-?of-?office|autores)[a-z-]{0,30}"
)
_LIST_FIELDS = frozenset({"mailing-list", "x-mailing-list", "x-list", "x-mailman-version", "x-listname"})
_ABOUT_ANSWERS = frozenset({"x-auto-response-suppress"})
_PRECEDENCES = frozenset({"precedence", "x-precedence", "preference"})
_PROGRAMS = frozenset({"x-mailer", "user-agent"})
_MAILER = re.compile(words.MAILERS)
#: Exchange marks so what one of its rules sent in somebody's name.
_BY_A_RULE = ("x-ms-exchange-generated-message-source", "mailbox rules agent")
_HANDLED = re.compile(words.HANDLED_WORDS)
_ABSENT_BEFORE = re.compile(rf"(?:{'|'.join(map(re.escape, words.ABSENT_SUBJECTS))})[\w '’-]{{0,20}} ?:")
_RECEIVED = re.compile(rf"\byour {words.HANDLED_WORDS}\b")
_DECIDED = re.compile(r"\b(?:decided?|refus\w*|support|approve|accept|deny|reject|decidons|lehnen|stimmen)\b")
_ENDS_SENTENCE = re.compile(r"[.!?]")
_BRACKETS = re.compile(r"[\[(]([^\[\]()]{3,60})[\])]")
_LONGEST_SUBJECT = 300
_TEMPLATE_CHARACTERS = 20_000
_LABELS_OF_A_TEMPLATE = 2
_FIRST_LINES = 3
_FEWEST_SIGNS = 2
_METHOD = re.compile(r"(?im)^METHOD:([A-Z]{3,20})")
_LIST_ROBOTS = re.compile(
    r"(?:majordomo|listserv|listproc|sympa|mailman|ezmlm|mlmmj|listmaster|[a-z0-9._+-]{1,60}-(?:bounces|request|owner))@"
    r"|owner-[a-z0-9._-]{1,60}@"
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is to judge by."""

    message: Message
    fields: Fields
    mail: Mail
    rules: ReadingRules


def recognise(message: Message, fields: Fields, mail: Mail, rules: ReadingRules) -> Automatic | None:
    """Say what machine wrote a mail and by what one sees it; None for a person's mail.

    `mail` is the mail as read so far: sender, subject, text, newest words.
    """
    seen = _Seen(message, fields, mail, rules)
    for test in (_own, _report, _declared, _bounce, _calendar, _challenge, _marked, _worded_reply, _list_robot):
        found = test(seen)
        if found is not None:
            return found
    return None


def _own(seen: _Seen) -> Automatic | None:
    domain = seen.rules.own_message_id_domain.lower()
    if domain and seen.mail.message_id and seen.mail.message_id.lower().endswith(f"@{domain}>"):
        return Automatic(AutomaticKind.OWN, "its Message-ID is one of ours")
    if seen.mail.sender.address.lower() in seen.rules.own_addresses:
        return Automatic(AutomaticKind.OWN, "it comes from our own address")
    return None


def _report(seen: _Seen) -> Automatic | None:
    """A report by its MIME type: the root itself, or a direct part of it; a forwarded one is deeper."""
    kinds = report_parts(seen.message)
    subtype = (
        str(seen.message.get_param("report-type") or "").lower()
        if seen.message.get_content_type() == "multipart/report"
        else ""
    )
    if "message/delivery-status" in kinds or "message/global-delivery-status" in kinds:
        return _from_report(delivery_report(seen.message, seen.mail.text), "it has a delivery status report (RFC 3464)")
    if "message/disposition-notification" in kinds or "disposition-notification" in subtype:
        return Automatic(AutomaticKind.RECEIPT, "it is a read receipt (RFC 8098)", _original(seen.message, seen.fields))
    if "message/feedback-report" in kinds or "feedback-report" in subtype:
        return Automatic(AutomaticKind.REPORT, "it is an abuse report (RFC 5965)", _original(seen.message, seen.fields))
    if subtype == "delivery-status":
        return _from_report(words_report(seen.message, seen.mail), "it is a delivery report (RFC 3464)")
    if seen.message.get_content_type() == "multipart/report":
        return Automatic(AutomaticKind.REPORT, "it is a machine's report (RFC 6522)")
    subject = fold(seen.mail.subject).strip()
    if subject.startswith(words.COMPLAINTS) and any(
        part.get_content_type() in ENCLOSED for part in report_children(seen.message)
    ):
        return Automatic(AutomaticKind.REPORT, "it encloses a mail that somebody complained about")
    return None


def _original(message: Message, fields: Fields) -> str | None:
    return original_message_id(message, "") or next(iter(references(fields)), None)


def _from_report(report: Report, why: str) -> Automatic:
    kind = AutomaticKind.DELAY if report.delayed else AutomaticKind.BOUNCE
    return Automatic(kind, why, report.message_id, report.recipients, report.permanent, report.diagnostic)


def _declared(seen: _Seen) -> Automatic | None:
    if seen.fields.get("x-failed-recipients") or seen.fields.get("x-ms-exchange-message-is-ndr"):
        return _from_report(
            words_report(seen.message, seen.mail, seen.fields.get("x-failed-recipients")),
            "a header lists failed recipients",
        )
    submitted = seen.fields.get("auto-submitted").partition(";")[0].strip().lower()
    if submitted not in _NO:
        if looks_like_bounce(seen.fields, seen.mail):
            return _from_report(words_report(seen.message, seen.mail), "it is a delivery report")
        return Automatic(
            AutomaticKind.AUTO_REPLY,
            f"its Auto-Submitted header says {submitted[:40]} (RFC 3834)",
            _original(seen.message, seen.fields),
        )
    declared = [name for name, value in seen.fields.all if _says_automatic(name, value.strip().lower())]
    if declared:
        return Automatic(
            AutomaticKind.AUTO_REPLY,
            f"its header {declared[0]} says so",
            _original(seen.message, seen.fields),
        )
    if (
        "autoresponder" in seen.fields.get("x-post-messageclass").lower()
        or "autoresponder" in seen.fields.get("delivered-to").lower()
    ):
        return Automatic(AutomaticKind.AUTO_REPLY, "an autoresponder marked it", _original(seen.message, seen.fields))
    return None


def _says_automatic(name: str, value: str) -> bool:
    """Whether a header field says that a machine answered; name and value in small letters."""
    if value in _NO or name in _ABOUT_ANSWERS:
        return False
    if name in _PRECEDENCES:
        return value in _AUTO_PRECEDENCE
    if name in _PROGRAMS:
        return bool(_MAILER.match(value))
    return name in words.AUTO_FIELDS or bool(_AUTO_FIELD.fullmatch(name)) or (name, value) == _BY_A_RULE


def _bounce(seen: _Seen) -> Automatic | None:
    if not looks_like_bounce(seen.fields, seen.mail):
        return None
    return _from_report(words_report(seen.message, seen.mail), "a mail system returned it")


def _calendar(seen: _Seen) -> Automatic | None:
    """An answer to an invitation (RFC 5546 REPLY, COUNTER, DECLINECOUNTER); an invitation itself is a person's."""
    for part in [seen.message, *report_children(seen.message)]:
        if part.get_content_type() != "text/calendar":
            continue
        method = str(part.get_param("method") or "").strip().upper() or _method_inside(part)
        if method in ("REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"):
            return Automatic(AutomaticKind.CALENDAR, f"it is a calendar answer (METHOD:{method})")
    return None


def _method_inside(part: Message) -> str:
    found = _METHOD.search(ascii_text(part, 4000))
    return found.group(1).upper() if found else ""


def report_children(message: Message) -> list[Message]:
    """Parts of the first two levels, attached messages not opened."""
    if message.get_content_maintype() != "multipart":
        return []
    found = []
    for child in children(message)[:50]:
        found.append(child)
        if child.get_content_maintype() == "multipart":
            found += children(child)[:50]
    return found


def _marked(seen: _Seen) -> Automatic | None:
    """What only a machine's answer carries, whatever its words are; after the reports, which carry it too."""
    if any(value.strip() in ("<>", "") for value in seen.fields.get_all("return-path")):
        return _answered(seen, "its return path is empty (RFC 3834)")
    if _loops(seen):
        return _answered(seen, "a robot marked it with X-Loop, so as to know it again")
    return None


def _loops(seen: _Seen) -> bool:
    """Whether an X-Loop is that of who answered: lists have their own, and so have filters that pass mail on to us."""
    values = [value.lower() for value in seen.fields.get_all("x-loop") if value.strip()]
    relayed = any(name.startswith("list-") or name in _LIST_FIELDS for name, _ in seen.fields.all)
    if not values or relayed or _LIST_ROBOTS.search(seen.fields.get("sender").lower()):
        return False
    ours = {*seen.rules.own_addresses, *(address.lower() for address in seen.mail.recipients)}
    return not any(address in value for value in values for address in ours)


def _challenge(seen: _Seen) -> Automatic | None:
    if seen.mail.quotes:
        return None
    text = fold(" ".join(seen.mail.text[:3000].split()))
    if not any(phrase in text for phrase in words.STRONG_CHALLENGE):
        return None  # nearly every mail
    hits = sum(1 for phrase in words.CHALLENGE_WORDS if phrase in text)
    asks = any(phrase in text for phrase in ("click", "cliqu", "http", "reply to this", "empty message"))
    if hits >= 2 and asks:
        return Automatic(AutomaticKind.CHALLENGE, "it asks to prove that a person wrote")
    return None


def _worded_reply(seen: _Seen) -> Automatic | None:
    """Replies of machines that declare nothing: by their subject, or by what they begin with.

    The words of a text alone never make a machine of somebody who filled in the template or wrote a command first.
    """
    forms = _subjects(seen.mail.subject)
    newest = fold(" ".join((seen.mail.new_text or "")[:2000].split()))
    if any(_is_an_answerers(form) for form in forms) or (_names_an_absence(forms) and not waits(newest)):
        # who answers a note of absence has its subject
        is_marked = subjects.is_marked(seen.mail.subject)
        answers = is_marked and (_fills_in_the_template(seen) or _begins_with_a_command(seen))
        return None if answers else _answered(seen, "its subject is that of an automatic reply")
    if _fills_in_the_template(seen):
        return None
    found = _by_subject(seen, forms) or _by_its_words(seen, newest)
    return None if found is None or _begins_with_a_command(seen) else found


def _by_subject(seen: _Seen, forms: Sequence[str]) -> Automatic | None:
    if any(form.startswith(words.DELIVERY_SUBJECTS) for form in forms[:2]):
        return _answered(seen, "its subject is that of a mail server that could not deliver")
    if any(form.startswith(words.HANDLED_SUBJECTS) or _HANDLED.match(form) for form in forms):
        return _answered(seen, "its subject is that of a machine that took a mail in")
    return None


def _is_an_answerers(subject: str) -> bool:
    """`Automatic reply: …`, `Out of office Re: …`: a person puts nothing before the mark of an answer."""
    return subject.startswith(words.AUTO_SUBJECTS) or (subject.startswith(words.ABSENT_SUBJECTS) and " re: " in subject)


def _names_an_absence(forms: Sequence[str]) -> bool:
    """`Fuori sede: …`, `Je suis absent : …`, before the subject of an older mail: people who want something put it so too."""
    return any(_ABSENT_BEFORE.match(form) for form in forms)


def _by_its_words(seen: _Seen, newest: str) -> Automatic | None:
    subject = fold(seen.mail.subject).strip()
    absent = any(phrase in newest for phrase in words.ABSENT_WORDS)
    bulk = seen.fields.get("precedence").lower() in ("bulk", "junk") or bool(
        seen.fields.get("x-auto-response-suppress")
    )
    unattended = bool(_NO_REPLY.match(seen.mail.sender.address))
    signs = (subject.startswith(words.ABSENT_SUBJECTS), absent, bulk, unattended)
    if _says_so_itself(newest) or (absent and sum(signs) >= _FEWEST_SIGNS):
        return _answered(seen, "it says itself that nobody is there")
    if begins_absent(newest) or is_robots_note(seen.mail.new_text or ""):
        return _answered(seen, "it is a note of absence or receipt")
    if subject.startswith(words.RECEIPT_SUBJECTS) and any(phrase in newest for phrase in words.RECEIPT_WORDS):
        return Automatic(AutomaticKind.RECEIPT, "it says that a message was read", _original(seen.message, seen.fields))
    return None


def _says_so_itself(newest: str) -> bool:
    """Whether one of the sentences is there that only machines write."""
    told = [phrase for phrase in words.AUTOMATED_WORDS if phrase in newest]
    if "your " in newest and _RECEIVED.search(newest):
        return True
    return any(_is_told(phrase, newest) for phrase in told)


def _is_told(phrase: str, newest: str) -> bool:
    """Whether words stand in a sentence that asks nothing: "we have received your message and wonder who pays?" is a person's."""
    after = newest.index(phrase) + len(phrase)
    end = _ENDS_SENTENCE.search(newest, after)
    rest = newest[after : end.start() if end else len(newest)]
    return (end is None or end.group() != "?") and not _DECIDED.search(rest)


def _begins_with_a_command(seen: _Seen) -> bool:
    """Whether one of the first of the newest lines is a command."""
    first = [line for line in (seen.mail.new_text or "").split("\n") if line.strip()][:_FIRST_LINES]
    return any(isinstance(read_command(line, seen.rules), Command) for line in first)


def _fills_in_the_template(seen: _Seen) -> bool:
    """Whether two lines of the template stand in the text, neither quoted nor indented."""
    lines = seen.mail.text[:_TEMPLATE_CHARACTERS].split("\n")
    labelled = (line for line in lines if line and line[0] not in "> " and read_label(line))
    return next(islice(labelled, _LABELS_OF_A_TEMPLATE - 1, None), None) is not None


def _subjects(subject: str) -> tuple[str, ...]:
    """A subject in plain letters as it is, without tags and marks, what stands in its first brackets, and in its last ones."""
    forms = [
        subject,
        subjects.without_tags(subject),
        subjects.bare(subject),
        *_BRACKETS.findall(subject[:_LONGEST_SUBJECT]),
    ]
    return tuple(fold(form).strip(" -:*") for form in forms)


def _answered(seen: _Seen, why: str) -> Automatic:
    return Automatic(AutomaticKind.AUTO_REPLY, why, _original(seen.message, seen.fields))


def _list_robot(seen: _Seen) -> Automatic | None:
    if _LIST_ROBOTS.match(seen.mail.sender.address.lower()) or seen.fields.get("x-list-administrivia").lower() == "yes":
        return Automatic(AutomaticKind.LIST, "list software wrote it")
    return None
