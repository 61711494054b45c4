"""An outbox row becomes a mail: subject, threading, token, both bodies, and nothing that a robot would answer."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

from mailbot import tokens
from mailbot.commands import OF_THE_BRAKE, OF_THE_LETTER_BRAKE, of_finding, offered
from mailbot.errors import MailbotError
from mailbot.letters.answers import Reply
from mailbot.letters.catalogue import KINDS, LETTERS
from mailbot.letters.kinds import About, Answer, LetterFacts, Snapshot, Thread
from mailbot.letters.languages import Language, chosen, language
from mailbot.letters.message import html_part, multipart, text_part
from mailbot.letters.questions import AdminDecided
from mailbot.letters.rendering import DECIDING, Mailto, Rendered, rendering
from mailbot.letters.settings import LetterSettings
from mailbot.letters.stored import UnreadableFacts, from_json
from mailbot.letters.subjects import last_day, said
from mailbot.letters.troubles import (
    AdminBrake,
    AdminBrakeStays,
    AdminFindingAnswered,
    AdminFindings,
    AdminLettersHeld,
    Held,
)
from mailbot.model import Letter, OutboundMail, OutboxItem, Purpose, Ticket
from mailbot.offers import Offer
from mailbot.timetable import today
from mailbot.tokens import Reference
from parsers.reply.grammar import listed_words, read_in
from parsers.text.folding import fold, one_line
from parsers.translatable import Translatable, say, words_of
from parsers.values import Verb

_MAX_REFERENCES = 10
LIST = "letters"
"""First label of the List-Id (RFC 2919), by which people filter."""
_PLAIN_WORDS = re.compile(r"[A-Za-z0-9 -]*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 '_+-]*")
_ADDRESS = re.compile(r'[^\x00-\x20\x7f-\U0010ffff<>(),;:"\\]+')
"""Printable ASCII without what would end it, part it or quote in it (RFC 5322 section 3.2.3)."""
_COMMAND_WORDS = frozenset(phrase for phrase in listed_words() if phrase.isalpha())


class LetterCannotBeWritten(MailbotError):
    """A letter lacks a fact, its ticket or a usable address: trying again cannot help."""

    permanent = True


@dataclass(frozen=True, slots=True)
class _Work:
    """One letter being written."""

    item: OutboxItem
    letter: Letter
    about: About
    facts: LetterFacts
    ticket: Ticket | None
    settings: LetterSettings
    now: datetime
    reference: Reference | None
    language: Language


def compose(item: OutboxItem, ticket: Ticket | None, settings: LetterSettings, now: datetime) -> OutboundMail:
    """Write the letter of an outbox row, in the language of the row; the same row always gives the same Message-ID.

    `now` (aware) becomes the Date, and what "in 30 days" is counted from.  Raises LetterCannotBeWritten where a fact is missing or not
    what the letter needs, where the letter needs a ticket and has none, or where the address is none.
    """
    pieces = composing(item, ticket, settings, now)
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            letter: OutboundMail = done.value
            return letter


def composing(
    item: OutboxItem, ticket: Ticket | None, settings: LetterSettings, now: datetime
) -> Generator[None, None, OutboundMail]:
    """`compose` in a few pieces, each a fifth of a millisecond or two: between two of them a server can be listened to."""
    work = _begin(item, ticket, settings, now)
    subject = _subject(work)
    message_id = tokens.message_id(settings.keys, work.reference, _identity(work), settings.message_id_domain)
    headers = _headers(work, subject, message_id)
    body = yield from _body(work, subject)
    message = _message(work, body, message_id, headers)
    return OutboundMail(settings.support_address, item.effect.to, message_id, message.encode("ascii"))


def _begin(item: OutboxItem, ticket: Ticket | None, settings: LetterSettings, now: datetime) -> _Work:
    letter = item.effect.letter
    if letter is None:
        raise LetterCannotBeWritten(say("Row {number} of the outbox is not a message.", number=item.id))
    about = KINDS[letter]
    if ticket is None and about.needs_ticket:
        raise LetterCannotBeWritten(say("It needs a ticket."))
    if ticket is not None and ticket.id == 0 and item.ticket_id:
        ticket = replace(ticket, id=item.ticket_id)
    try:
        facts = from_json(LETTERS[letter], item.effect.facts)
    except UnreadableFacts as error:
        raise LetterCannotBeWritten(say("Its facts cannot be used: {error}", error=words_of(error))) from error
    service = settings.rules.service
    spoken = language(chosen((item.effect.language, service.language), read_in(service.languages)))
    reference = _reference(item, facts, ticket, settings)
    return _Work(item, letter, about, spoken.value(facts), ticket, settings, now, reference, spoken)


def _reference(
    item: OutboxItem, facts: LetterFacts, ticket: Ticket | None, settings: LetterSettings
) -> Reference | None:
    purpose = facts.purpose if isinstance(facts, Reply) else facts.about.purpose
    if purpose is None or purpose is Purpose.NONE:
        return None
    day = tokens.day_of(item.created_at)  # not that of the attempt: the Message-ID must stay the same
    match facts:
        case AdminBrake(brake=number) | AdminLettersHeld(brake=number) | AdminBrakeStays(brake=number):
            of_the_bot = True
        case AdminFindings(letter=number) | AdminFindingAnswered(letter=number):
            of_the_bot = True
        case _:
            of_the_bot, number = False, None
    if of_the_bot:  # a question about no single ticket
        return None if number is None else tokens.reference(settings.keys, 0, number, item.effect.to, purpose, day=day)
    if ticket is None:
        return None
    return tokens.reference(
        settings.keys, ticket.id, item.version, item.effect.to, purpose, day=day, nonce=ticket.nonce
    )


def _identity(work: _Work) -> str:
    """What makes this letter one of its kind: the outbox key within its ticket, or within the mail it answers."""
    ticket, nonce = work.item.ticket_id, work.ticket.nonce if work.ticket else ""
    within = f"{ticket}{nonce and f'.{nonce}'}" if ticket else work.item.answers
    return "\0".join((within, work.item.effect.key, work.letter, work.item.effect.to.lower()))


# --- the words


def _body(work: _Work, subject: str) -> Generator[None, None, Rendered]:
    service, ticket = work.settings.rules.service, work.ticket
    values: dict[str, Any] = {one.name: getattr(work.facts, one.name) for one in fields(work.facts)}
    if ticket is not None and isinstance(work.facts, Snapshot):
        values["end_date"] = work.facts.end_date or ticket.end_date
        values["disk_gib"] = work.facts.disk_gib or ticket.disk_gib
    values |= _common(work)
    yield
    band = f"{service.name} · #{ticket.id} · {ticket.username}-vm" if ticket else service.name
    return (
        yield from rendering(
            work.letter.value,
            values,
            title=subject,
            band=one_line(band, 120),
            mailto=_mailto(work, subject, values["short_code"]),
            language=work.language,
            own=work.settings.templates,
        )
    )


def known_to_all(item: OutboxItem, ticket: Ticket | None, settings: LetterSettings, now: datetime) -> frozenset[str]:
    """The names that the template of any letter may use besides the facts of its own; from any row, as for `compose`."""
    return frozenset(_common(_begin(item, ticket, settings, now)))


def offers_of(item: OutboxItem, ticket: Ticket | None, settings: LetterSettings, now: datetime) -> tuple[Offer, ...]:
    """What can be answered to a letter, as `compose` would offer it."""
    return _offers(_begin(item, ticket, settings, now))


def _common(work: _Work) -> dict[str, Any]:
    spoken, ticket, zone = work.language, work.ticket, work.settings.rules.service.timezone
    return {
        "ticket": ticket,
        "vm": f"{ticket.username}-vm" if ticket else "",
        "rules": work.settings.rules,
        "service": spoken.value(work.settings.rules.service),
        "support": work.settings.support_address,
        "hello": "" if _is_to_an_admin(work) else spoken.words(_hello(work.item.effect.to_name)),
        "days_from_now": lambda day: spoken.days_ahead((day - today(work.now, zone)).days),
        "days_until_now": lambda at: spoken.count((work.now - at).days, "day"),
        "yours": isinstance(work.facts, AdminDecided) and work.facts.actor.lower() == work.item.effect.to.lower(),
        "moment": lambda value: spoken.moment(value, zone),
        "point": lambda value: spoken.point(value, zone),
        "when": lambda value: spoken.when(value, zone),
        "takes_answers": work.reference is not None,
        "commands": spoken.value(_offers(work)),
        "short_code": _short_code(work),
    }


def _mailto(work: _Work, subject: str, short_code: str) -> Mailto:
    """Gives the link that opens a reply with an offered line in it (RFC 6068); it acts on nothing by itself.

    Such a reply has no In-Reply-To: the address carries the token where the site has plus-addresses, and the body the
    visible code.  What the person has to fill in (`<reason>`) is left out.
    """
    settings = work.settings
    to = settings.support_address
    if work.reference is not None:
        to = tokens.reply_address(to, work.reference, plus=settings.plus_addresses)
    number = f" #{work.ticket.id}" if work.ticket else ""
    below = quote(f"\r\n\r\n{settings.rules.service.name}{number}, code {short_code}\r\n", safe="")
    answer = quote(subject if subject.lower().startswith("re:") else f"Re: {subject}", safe="")
    reply = f"mailto:{quote(to, safe='@+')}?subject={answer}&body="
    return lambda words: f"{reply}{_quoted(words.partition('<')[0])}{below}"


_quoted = lru_cache(maxsize=256)(partial(quote, safe=""))  # most lines are offered in many letters


def _short_code(work: _Work) -> str:
    nonce = work.ticket.nonce if work.ticket and work.reference and work.reference.ticket_id else ""
    keys, to = work.settings.keys, work.item.effect.to
    return tokens.short_code(keys, work.reference, to, nonce=nonce) if work.reference else ""


_TELLS_ALL = frozenset({Letter.STATUS, Letter.HELP})
"""Letters that say everything that can be answered; others leave out what is rarely wanted."""


_MOST_FINDINGS = 3
"""Findings whose answers stand on top of the letter, with a button each; those of all others stand beside them."""


def _offers(work: _Work) -> tuple[Offer, ...]:
    """What can be answered, as the ticket is now: a letter that waited still offers only what is accepted."""
    if work.reference is None:
        return ()
    if isinstance(work.facts, AdminFindings | AdminFindingAnswered):
        answered = [
            of_finding(one.machine, map(Verb, one.answers), known=one.known)
            for one in work.facts.findings
            if one.answers
        ]
        return tuple(offer for offers in answered[:_MOST_FINDINGS] for offer in offers)
    if work.ticket is None:
        return OF_THE_LETTER_BRAKE if _holds_letters(work.facts) else OF_THE_BRAKE
    found = offered(work.ticket, work.reference.purpose, work.now, work.settings.rules)
    offers = found if work.letter in _TELLS_ALL else tuple(offer for offer in found if not offer.rare)
    first = {offer.verb: offer for offer in reversed(offers)}
    # What decides comes first, each word once; what varies it follows.
    return tuple(sorted(offers, key=lambda one: one.verb not in DECIDING or first[one.verb] is not one))


def _holds_letters(facts: LetterFacts) -> bool:
    """Whether a letter about no ticket speaks of the brake on letters, and not of that on machines."""
    held = facts.held if isinstance(facts, AdminBrakeStays) else None
    return isinstance(facts, AdminLettersHeld) or held is Held.LETTERS


def _is_to_an_admin(work: _Work) -> bool:
    """Whether an admin reads it as one: those letters begin with what matters, and greet nobody."""
    return work.reference is not None and work.reference.purpose is Purpose.DECIDE


def _hello(name: str) -> Translatable:
    """The greeting; without the name where that could be read as a command ("Hello Approve,")."""
    name = one_line(name, 80)
    words = frozenset(re.findall(r"\w+", fold(name)))
    return say("Hello {name},", name=name) if name and not words & _COMMAND_WORDS else say("Hello,")


# --- the headers


def _subject(work: _Work) -> str:
    """Says the act; letters of one thread begin alike, and References hold it together."""
    service, ticket = work.settings.rules.service, work.ticket
    if work.about.subject is not None:
        words = work.language.words(work.about.subject.given(**said(work.facts, work.ticket, work.language)))
        about = f"[{service.name} #{ticket.id}] {ticket.username}-vm:" if ticket and work.about.needs_ticket else ""
        return one_line(f"{about or f'[{service.name}]'} {words}", 200)
    asked = work.facts.subject if isinstance(work.facts, Answer) else ""
    subject = one_line(str(asked or (ticket.subject if ticket else "") or service.request_subject), 200)
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _headers(work: _Work, subject: str, message_id: str) -> list[tuple[str, str]]:
    settings, effect = work.settings, work.item.effect
    answer = work.about.thread is Thread.ANSWER
    headers: list[tuple[str, str]] = [
        ("Date", format_datetime(work.now.astimezone(UTC))),
        ("From", _mailbox(settings.from_name or settings.rules.service.name, settings.support_address)),
        ("To", _mailbox(effect.to_name, effect.to)),
        ("Subject", _unstructured(subject)),
        ("Message-ID", message_id),
        *_threading(work),
        # RFC 3834 section 5; Precedence is left out: it is no standard, and gateways file such mail as bulk.
        ("Auto-Submitted", "auto-replied" if answer else "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Mailbot-Letter", work.letter.value),
        ("List-Id", _list_id(settings)),
    ]
    if work.reference is not None:
        address = tokens.reply_address(settings.support_address, work.reference, plus=settings.plus_addresses)
        headers.append(("Reply-To", address))
    return headers


def _list_id(settings: LetterSettings) -> str:
    """RFC 2919 section 3: a name for people, where it needs no encoding, and an id in a domain of ours."""
    name, identity = settings.rules.service.name, f"<{LIST}.{settings.message_id_domain}>"
    return f"{name} {identity}" if _PLAIN_WORDS.fullmatch(name) else identity


def _threading(work: _Work) -> list[tuple[str, str]]:
    """In-Reply-To and References (RFC 5322 section 3.6.4).

    Admins never see the owner's Message-IDs and the owner never those of admins: their letters hang
    on a Message-ID of their own that no letter has, which clients take as the missing root of a thread.
    """
    ticket, caused_by = work.ticket, _message_id_or_none(work.item.answers)
    opening = _message_id_or_none(ticket.thread) if ticket else ""
    admins = f"<mb.admins.{ticket.id}@{work.settings.message_id_domain}>" if ticket else ""
    match work.about.thread:
        case Thread.ANSWER:
            chain = [admins if _is_to_an_admin(work) else opening, caused_by]
        case Thread.OWNER:
            chain = [opening]
        case Thread.ADMINS:
            chain = [admins]
        case Thread.NONE:
            chain = []
    chain = list(dict.fromkeys(one for one in chain if one))[-_MAX_REFERENCES:]
    return [("In-Reply-To", chain[-1]), ("References", "\r\n ".join(chain))] if chain else []


def _message_id_or_none(written: str) -> str:
    """A Message-ID that can stand in a header, "" for anything else: it comes from somebody's mail."""
    written = written.strip()
    good = written.startswith("<") and written.endswith(">") and len(written) <= 250
    return written if good and written.isascii() and written.isprintable() and " " not in written else ""


def _mailbox(name: str, address: str) -> str:
    """`Alice Example <alice@example.org>`, the name quoted or encoded as it needs (RFC 5322 section 3.4, RFC 2047)."""
    if not (_ADDRESS.fullmatch(address) and address.count("@") == 1):
        raise LetterCannotBeWritten(say("No message can be sent to the address “{address}”.", address=address))
    name = one_line(name, 80)
    if not name:
        return address
    if not name.isascii() or "=?" in name:  # a client would decode what looks like an encoded word
        encoded = Header(name, "utf-8", maxlinelen=70, header_name="To").encode(linesep="\r\n")
        return f"{encoded}\r\n <{address}>"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f"{name} <{address}>" if _PLAIN_NAME.fullmatch(name) else f'"{escaped}" <{address}>'


def _unstructured(words: str) -> str:
    """A subject, folded at 76 columns; encoded words only where they are needed (RFC 2047)."""
    if words.isascii() and len(words) <= 66 and "=?" not in words:
        return words
    charset = "us-ascii" if words.isascii() and "=?" not in words else "utf-8"
    return Header(words, charset, maxlinelen=76, header_name="Subject").encode(linesep="\r\n")


# --- the whole


def _message(work: _Work, body: Rendered, message_id: str, headers: list[tuple[str, str]]) -> str:
    """multipart/alternative with text first (RFC 2046 section 5.1.4); with a calendar, that inside multipart/mixed."""
    boundary = message_id.strip("<>").partition("@")[0].rpartition(".")[2]
    both, further = (text_part("plain", body.text), html_part(body.html)), (("MIME-Version", "1.0"), *headers)
    calendar = getattr(work.facts, "calendar", None)
    if calendar is None or work.ticket is None:
        return multipart("alternative", f"=_a_{boundary}", both, further)
    from mailbot.letters.calendar import end_of_lease  # noqa: PLC0415 - icalendar is 83 modules, and few letters need it

    day = last_day(work.facts, work.ticket)
    attached = end_of_lease(work.ticket, day, calendar, work.settings, now=work.now, spoken=work.language)
    return multipart("mixed", f"=_m_{boundary}", (multipart("alternative", f"=_a_{boundary}", both), attached), further)
