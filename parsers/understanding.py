"""What a mail means: one `Understanding` for every mail, by fixed precedence.

Unreadable > automatic > a command on the first new line > a request > unclear (a reply) > not for us.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from parsers.reply.commands import read_command
from parsers.text import subjects
from parsers.text.endings import without_own_name
from parsers.text.languages import language_of
from parsers.text.quote_marks import depth, is_forward_divider
from parsers.text.quoting import split
from parsers.translatable import say
from parsers.values import (
    Automatic,
    Command,
    Kind,
    Mail,
    NotForUs,
    ReadingRules,
    Request,
    Unclear,
    Understanding,
    Unreadable,
    Verb,
)

#: No request is longer; what follows is a thread, or an attack.
_REQUEST_CHARACTERS = 50_000

#: What a command is reported as by `mailbot explain`.
KIND_OF_VERB: dict[Verb, Kind] = {
    Verb.APPROVE: Kind.DECISION,
    Verb.RETRY: Kind.DECISION,
    Verb.DENY: Kind.DECISION,
    Verb.EXTEND: Kind.EXTENSION,
    Verb.RESTORE: Kind.EXTENSION,
    Verb.RELEASE: Kind.RELEASE,
    Verb.WITHDRAW: Kind.WITHDRAWAL,
    Verb.KEEP: Kind.WITHDRAWAL,
    Verb.CONFIRM: Kind.CONFIRMATION,
    Verb.PROCEED: Kind.CONFIRMATION,
    Verb.ADOPT: Kind.DECISION,
    Verb.REBUILD: Kind.DECISION,
    Verb.FORGET: Kind.DECISION,
    Verb.START: Kind.UNCLEAR,
    Verb.RESTART: Kind.UNCLEAR,
    Verb.CONSOLE: Kind.UNCLEAR,
    Verb.REKEY: Kind.UNCLEAR,
    Verb.REINSTALL: Kind.UNCLEAR,
    Verb.STATUS: Kind.UNCLEAR,
    Verb.HELP: Kind.UNCLEAR,
}


def understand(mail: Mail | Unreadable, rules: ReadingRules) -> Understanding:
    """Say what a mail is.  Reads words, not authority: who may say them is decided elsewhere."""
    if isinstance(mail, Unreadable):
        return Understanding(None, mail, Kind.UNREADABLE, mail.why)
    try:
        meaning = _meaning(mail, rules)
    except Exception as error:  # noqa: BLE001  the boundary of the parsers: any input, never an exception
        why = say("It could not be understood ({error}).", error=type(error).__name__)
        return Understanding(mail, Unreadable(mail.sha256, mail.size_bytes, why, mail.message_id), Kind.UNREADABLE, why)
    return Understanding(mail, meaning, _kind(meaning), _why(meaning), mail.notes + _request_notes(meaning))


def is_reply(mail: Mail) -> bool:
    """True where a mail answers or forwards an older one: by its headers, its subject or a quote in it."""
    return bool(mail.references) or subjects.is_reply(mail.subject) or mail.quotes


def is_forward(mail: Mail) -> bool:
    """True where the subject says that a mail is passed on."""
    return subjects.is_forward(mail.subject)


def _meaning(mail: Mail, rules: ReadingRules) -> Request | Command | Unclear | Automatic | NotForUs:
    if mail.automatic is not None:
        return mail.automatic
    command = read_command(without_own_name(mail.new_text or "", mail.sender), rules, mail.below_text)
    if mail.parts_disagree:
        return Unclear(
            (mail.new_text or "")[:500], say("The text and the HTML part of the message say different things.")
        )
    if isinstance(command, Command):
        return command
    request = _request(mail, rules)
    if request is not None:
        return request
    if not is_reply(mail):
        return NotForUs("It is neither a request nor a reply.")
    return command or Unclear("", say("It contains no new text."))


def _request(mail: Mail, rules: ReadingRules) -> Request | None:
    from parsers.request.reading import find_request, is_request  # noqa: PLC0415  imported here: replies need none of it
    from parsers.request.signature import above_the_signature  # noqa: PLC0415

    bounded = replace(mail, text=above_the_signature(mail.text[:_REQUEST_CHARACTERS], mail.sender))
    own = _words_above_the_quote(bounded, rules)
    if own is not None and not is_request(own, rules):
        return None
    request = find_request(_with_marked_quotes(bounded), rules)
    return None if request is None else replace(request, language=_language(request, bounded))


def _language(request: Request, mail: Mail) -> str:
    """The language of what it is for, else of all words of the writer."""
    return language_of(request.fields.intended_usage or "") or language_of(mail.new_text or mail.text)


def _words_above_the_quote(mail: Mail, rules: ReadingRules) -> Mail | None:
    """The mail with only the sender's words above an older mail that is not known to be ours; None otherwise.

    Who writes above other people's template is talking about it.  Who answers one of our letters, passes
    a mail on, or writes between the quoted lines may be filling it in.
    """
    domain = rules.own_message_id_domain.lower()
    ours = bool(domain) and any(reference.lower().endswith(f"@{domain}>") for reference in mail.references)
    if ours or is_forward(mail) or not mail.quotes or not mail.new_text or _passes_on(mail):
        return None
    kept = split(mail.text).kept
    lines = mail.text.split("\n")
    if not kept or any(lines[number].strip() for number in range(kept[0], kept[-1]) if number not in kept):
        return None
    if next((depth(line) for line in lines[kept[-1] + 1 :] if line.strip()), 0):
        return None  # nobody is named whose words these would be: the sender's own template, pasted with quote marks
    return replace(mail, text="\n".join(lines[: kept[-1] + 1]))


def _passes_on(mail: Mail) -> bool:
    """True where the text itself says that a mail is passed on, whatever the subject says."""
    return any(is_forward_divider(line) for line in mail.text.split("\n", 200)[:200])


def _with_marked_quotes(mail: Mail) -> Mail:
    """The mail with `>` before what Outlook and others quote without any mark.

    Forwarded words stay as they are: a forwarded request is a request.
    """
    if not mail.quotes or is_forward(mail) or not mail.new_text:
        return mail
    lines = mail.text.split("\n")
    kept = split(mail.text).kept
    if not kept:
        return mail
    last = kept[-1]
    marked = [
        line if at <= last or line.startswith(">") or not line.strip() else f"> {line}" for at, line in enumerate(lines)
    ]
    return replace(mail, text="\n".join(marked))


def _kind(meaning: Request | Command | Unclear | Automatic | NotForUs) -> Kind:
    match meaning:
        case Request():
            return Kind.REQUEST
        case Command():
            return KIND_OF_VERB[meaning.verb]
        case Unclear():
            return Kind.UNCLEAR
        case Automatic():
            return Kind.AUTOMATIC
        case NotForUs():
            return Kind.NOT_FOR_US
        case _:
            assert_never(meaning)


def _why(meaning: Request | Command | Unclear | Automatic | NotForUs) -> str:
    match meaning:
        case Request():
            count = len(meaning.problems)
            found = (
                "nothing is wrong with it"
                if not count
                else f"{count} thing{'s' if count > 1 else ''} must be corrected"
            )
            return f"It is a request for a virtual machine; {found}."
        case Command():
            return f"Its first new line is the command “{meaning.verb}”."
        case Automatic():
            return f"A machine wrote it: {meaning.why}."
        case Unclear() | NotForUs():
            return meaning.why
        case _:
            assert_never(meaning)


def _request_notes(meaning: object) -> tuple[str, ...]:
    return meaning.notes if isinstance(meaning, Request) else ()
