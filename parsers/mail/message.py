"""Bytes to a mail: limits first, then MIME, then everything the bot needs to know of it later.

`read` never raises: whatever cannot be read is `Unreadable`, with the reason in words.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from parsers.mail import headers
from parsers.mail.automatic import recognise
from parsers.mail.bodies import Bodies, TooDeep, read_bodies
from parsers.mail.limits import header_block, measure, refusal, without_ballast
from parsers.mail.mime import BeyondLimits, tame
from parsers.mail.parsing import parsed
from parsers.mail.signed import signed_entity
from parsers.reply.commands import read_command
from parsers.request.labels import REQUIRED, read_label
from parsers.text.quoting import Split, split
from parsers.translatable import say, words_of
from parsers.values import Address, Command, Mail, ReadingRules, Unreadable

_MOST_SIGNATURE_LINES = 24
_AMBIGUOUS = re.compile(rb"\r(?!\n)(?!\Z)|\x00")


def read(raw: bytes, rules: ReadingRules) -> Mail | Unreadable:
    """Read one raw mail (RFC 5322 bytes, any line ends).

    Steps: 1. measure and refuse what is beyond all limits; 2. parse; 3. sender: exactly one clean
    From, or a machine's; 4. bodies; 5. automatic or not; 6. newest words, of the text and of the HTML.
    """
    digest = hashlib.sha256(raw).hexdigest()
    why = refusal(measure(raw))
    head = header_block(raw)
    if why is None and not head.strip():
        why = say("It has no header.")
    if why is None and _AMBIGUOUS.search(head):
        why = say("Its header holds a NUL or a single carriage return, which programs read in different ways.")
    if why is not None:
        return Unreadable(digest, len(raw), why)
    try:
        return _read(raw, digest, rules)
    except BeyondLimits as beyond:
        return Unreadable(digest, len(raw), words_of(beyond))
    except TooDeep:
        return Unreadable(digest, len(raw), say("It nests or counts more parts than are read."))
    except Exception as error:  # noqa: BLE001  the boundary of the parsers: any input, never an exception
        return Unreadable(digest, len(raw), say("It could not be parsed ({error}).", error=type(error).__name__))


def _read(raw: bytes, digest: str, rules: ReadingRules) -> Mail | Unreadable:
    signed = signed_entity(raw)
    message = parsed(without_ballast(raw) if signed is None else signed.as_mail())
    tame(message)
    fields = headers.fields_of(message)
    told = headers.told(message)
    sender = headers.clean_sender(fields)
    message_id = headers.own_id(fields)
    from_fields = len(fields.get_all("from"))
    if from_fields > 1 and not isinstance(sender, Address):
        return Unreadable(digest, len(raw), sender, message_id)
    bodies = read_bodies(message)
    mail = Mail(
        sha256=digest,
        size_bytes=len(raw),
        message_id=message_id,
        sender=sender if isinstance(sender, Address) else headers.machine_sender(fields),
        subject=fields.get("subject"),
        recipients=headers.recipients(told, fields),
        reply_to=headers.addresses(told, fields, ("reply-to",)),
        references=headers.references(fields),
        sent_at=told.sent_at if told else None,
        attachments=bodies.attachments,
        authentication_results=headers.border_results(fields, rules.relays),
        return_path=fields.get("return-path")[:300],
    )
    mail = _with_words(mail, bodies, rules)
    automatic = recognise(message, fields, mail, rules)
    if automatic is None and not isinstance(sender, Address):
        return Unreadable(digest, len(raw), sender, message_id)
    return replace(mail, automatic=automatic)


def _with_words(mail: Mail, bodies: Bodies, rules: ReadingRules) -> Mail:
    """Add the readable text and the newest words; the plain text wins where it has words."""
    chosen, text = _with_typed_below(split(bodies.text), rules), bodies.text
    disagree = False
    if bodies.has_html and not _is_filled_in(chosen, rules):
        html_split = _with_typed_below(split(bodies.html or ""), rules)
        if not text.strip():
            chosen, text = html_split, bodies.html or ""
        elif not bodies.html_is_empty:
            disagree = not _same_words(chosen, html_split, rules)
    notes = bodies.notes
    if disagree:
        notes = (*notes, "The text and the HTML part of the message say different things.")
    return replace(
        mail,
        text=text,
        new_text=chosen.words or None,
        below_text=chosen.below,
        quotes=chosen.quotes,
        parts_disagree=disagree,
        notes=notes,
    )


def _with_typed_below(found: Split, rules: ReadingRules) -> Split:
    """Where an answer has no words but a signature: what was typed below that, from the first line that is a command.

    Claws puts the signature where the cursor goes: who answers below the older mail types under it.  The first line stays
    the signature's own, and what is no command stays signature.
    """
    lines = found.signature.split("\n")
    if found.words or not found.quotes or not found.signature:
        return found
    names = next((number for number, line in enumerate(lines[1:], 1) if line.strip()), len(lines))
    for number in range(names + 1, min(len(lines), _MOST_SIGNATURE_LINES)):
        typed = "\n".join(lines[number:]).strip()
        if typed and isinstance(read_command(typed, rules), Command):
            return replace(found, words=typed)
    return found


def _is_filled_in(text: Split, rules: ReadingRules) -> bool:
    """True where a plain text says all: each line of the template, and no command that the HTML could say otherwise.

    What it asks for is judged by people, who read what is in it.
    """
    labels = (read_label(line) for line in text.words.split("\n") if line)
    parts = {label.part for label in labels if label is not None and label.strong}
    return parts.issuperset(REQUIRED) and not isinstance(read_command(text.words, rules, text.below), Command)


def _same_words(text: Split, html: Split, rules: ReadingRules) -> bool:
    """True where both forms give the same command, or neither gives one."""
    one, other = (read_command(form.words, rules, form.below) for form in (text, html))
    if not isinstance(one, Command) or not isinstance(other, Command):
        return not isinstance(one, Command) and not isinstance(other, Command)
    return _essence(one) == _essence(other)


def _essence(command: Command) -> Command:
    """A command and its options; a reason is wrapped, linked and signed differently in two forms of one mail."""
    return replace(command, line="", reason="")
