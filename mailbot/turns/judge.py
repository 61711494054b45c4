"""What a new mail leads to: for us or not, request or reply, made by a machine or unreadable."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import assert_never

from mailbot import tokens
from mailbot.letters.troubles import AdminMailTrouble
from mailbot.model import MailKey, Turn, Verdict
from mailbot.ports import Fetched
from mailbot.turns.bounces import judge_bounce
from mailbot.turns.context import TurnContext
from mailbot.turns.evidence import look_at
from mailbot.turns.judgement import Judgement, counted, left
from mailbot.turns.replies import judge_reply
from mailbot.turns.requests import explained, judge_request
from parsers.request.labels import Part
from parsers.translatable import Translatable, as_one, say
from parsers.values import (
    Automatic,
    AutomaticKind,
    Command,
    Fields,
    Mail,
    NotForUs,
    Problem,
    Request,
    Unclear,
    Understanding,
    Unreadable,
)

_TROUBLES = "troubles"
"""The store's note of the day and how many letters about mails in quarantine it has seen."""


def judge(
    context: TurnContext, fetched: Fetched, understood: Understanding, now: datetime, *, patient: bool = True
) -> Judgement:
    """What a mail leads to.

    Raises DirectoryUnavailable, and SenderUncertain where only name servers could tell who wrote and the bot is `patient`.
    """
    read = understood.mail
    if read is None:
        return _unreadable(context, understood.meaning, now)
    if fetched.raw is None:
        return _header_alone(context, fetched, read, now)
    if _was_here_before(context, fetched, read, now):
        return left("was in the mailbox long before the bot was")
    look = look_at(context, fetched.raw, read, now, patient=patient)
    match understood.meaning:
        case Request() as request:
            return judge_request(context, read, request, now, look)
        case Command() | Unclear() as said:
            return judge_reply(context, read, said, now, look)
        case Automatic() as automatic:
            return _automatic(context, read, automatic, now)
        case NotForUs(why):
            return left(why)
        case Unreadable(why=why):
            return quarantined(context, read.sha256, why, now, mail=read)
        case _:
            assert_never(understood.meaning)


def _unreadable(context: TurnContext, meaning: object, now: datetime) -> Judgement:
    if not isinstance(meaning, Unreadable):
        raise TypeError("without a mail, an `Understanding` says why it could not be read")
    return quarantined(context, meaning.sha256, meaning.why, now, message_id=meaning.message_id or "")


def first_look(context: TurnContext, key: MailKey, now: datetime) -> datetime:
    """When the bot first looked at this folder: remembered, so that a folder that is made anew is no first look."""
    name = _first_look_note(key)
    known = context.store.note(name)
    if known is None:
        context.store.put_note(name, now.isoformat())
    return datetime.fromisoformat(known) if known else now


def oldest_wanted(context: TurnContext, first: datetime) -> date:
    """The first day whose mails are looked at, by the day on which they came; two days early, for servers in other time zones."""
    days = timedelta(days=context.rules.answers.first_look_days + 2)
    earliest = datetime.min.replace(tzinfo=UTC)
    return (first - days if first - earliest > days else earliest).date()


def _first_look_note(key: MailKey) -> str:
    return f"first-look:{key.account}:{key.folder}"


def _was_here_before(context: TurnContext, fetched: Fetched, mail: Mail, now: datetime) -> bool:
    """True for a mail much older than the bot's first look at this folder: people have dealt with it.

    A shared mailbox may hold years of mail when the bot comes to it.  When a mail came, the server says: what came after
    the first look is new, whatever a wrong clock has written into its Date.  Of what was there already, the older of both
    counts, because a mailbox that was moved to another server may have lost when its mails came.
    """
    moments = [one for one in (fetched.arrived, mail.sent_at) if one is not None]
    earliest_wanted = now - timedelta(days=context.rules.answers.first_look_days)
    # The first look cannot be later than now: only old mails need it.
    if not moments or min(moments) >= earliest_wanted:
        return False
    known = context.store.note(_first_look_note(fetched.key))
    first = datetime.fromisoformat(known) if known else now
    if fetched.arrived is not None and fetched.arrived >= first:
        return False
    return min(moments) < first - timedelta(days=context.rules.answers.first_look_days)


def _automatic(context: TurnContext, mail: Mail, automatic: Automatic, now: datetime) -> Judgement:
    """No machine changes a ticket; a bounce of ours is noted, what machines say about our letters is put away."""
    original = automatic.original_message_id or ""
    returned = automatic.kind in {AutomaticKind.BOUNCE, AutomaticKind.DELAY}  # an absence note or a receipt is none
    if returned and original and tokens.is_own_message_id(original, context.letters):
        return judge_bounce(context, mail, automatic, now)
    # People write from this address too: what is of our address and not one of our letters is theirs.
    ours = (
        tokens.is_own_message_id(mail.message_id or "", context.letters)
        or tokens.references_in(mail.references, mail.recipients, context.letters)
        or any(tokens.is_own_message_id(one, context.letters) for one in mail.references)
    )
    return Judgement(Verdict.HANDLED if ours else Verdict.LEFT, automatic.why)


def _header_alone(context: TurnContext, fetched: Fetched, header: Mail, now: datetime) -> Judgement:
    """A mail that was not fetched whole: judged by its header; only one that seems to be for the bot is moved.

    Whoever is registered and asked for a machine is told, so that nobody waits for nothing.
    """
    ours = tokens.references_in(header.references, header.recipients, context.letters)
    wanted = context.rules.service.request_subject.casefold() in header.subject.casefold()
    mib, most = fetched.size_bytes // (1024 * 1024), context.rules.answers.mail_max_mib
    why = (
        say("The mail server has not handed it over for hours: {error}", error=fetched.refused)
        if fetched.refused
        else say("The message is too large to be read: {size} MiB, at most {most} MiB.", size=mib, most=most)
    )
    if not (ours or wanted):
        return left(why)
    outcome = quarantined(context, header.sha256, why, now, mail=header)
    sender = context.directory.by_address(header.sender.address)
    if sender is None or not wanted or fetched.refused:
        return outcome
    allowed = say("a message of at most {most} MiB; please leave out the attachments and send only the text", most=most)
    too_large = Problem(Part.WHOLE.value, None, say("{size} MiB", size=mib), allowed)
    told = explained(context, header, sender, now, request=Request(Fields(username=sender.login), (too_large,)))
    letters = [effect for one in (outcome, told) if one.turn for effect in one.turn.effects]
    return outcome.with_turn(now, effects=tuple(letters))


def quarantined(
    context: TurnContext,
    sha256: str,
    why: Translatable,
    now: datetime,
    *,
    mail: Mail | None = None,
    message_id: str = "",
) -> Judgement:
    """The mail is put where a person finds it, and every admin is told why; not without end on one day."""
    most = context.rules.answers.troubles_per_day
    count = counted(context, _TROUBLES, now)
    if count.number > most:
        return Judgement(Verdict.QUARANTINED, f"{why}; admins had {most} such letters today")
    if count.number == most:
        last = say("This is message number {most} of this kind today; further ones only go to the folder.", most=most)
        why = as_one(why, last)
    letters = context.letter_to_admins(
        AdminMailTrouble(
            why=why,
            folder=context.quarantine_folder,
            message_id=(mail.message_id or "") if mail else message_id,
            sender=mail.sender.address if mail else "",
            subject=mail.subject if mail else "",
        ),
        f"mail:{sha256}",
    )
    return Judgement(Verdict.QUARANTINED, why, Turn(now=now, effects=letters, notes=count.notes))
