"""The turn for new mail: read, judge, commit, and only then move."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from mailbot import journal, tokens
from mailbot.errors import Conflict, DirectoryUnavailable, MailServerUnavailable, SenderUncertain
from mailbot.model import LedgerEntry, MailKey, Turn, Verdict
from mailbot.ports import Fetched, Folder, Inbox, Reader
from mailbot.timetable import pause_after
from mailbot.turns import sight
from mailbot.turns.ahead import Begun, read_ahead
from mailbot.turns.attempts import Attempts
from mailbot.turns.context import CONFLICT_TRIES, TurnContext
from mailbot.turns.judge import first_look, judge, oldest_wanted, quarantined
from mailbot.turns.judgement import Judgement
from mailbot.turns.sealing import seal
from parsers.translatable import named, say, words_of
from parsers.values import Kind, Understanding, Unreadable

MAILS_AT_ONCE = 500
"""Mails handled in one pass: letters and due tickets never wait for a whole mailbox, and neither does the end of the daemon."""
MOVE_BATCH = 100
"""Mails moved with one command; all of them are committed before."""
POISON_TRIES = 3
"""How often a mail whose handling raises is tried before it goes to quarantine."""
RETRY_AFTER = timedelta(minutes=2)
LONGEST_RETRY = timedelta(hours=1)
PATIENCE = timedelta(days=1)
"""For so long a mail is tried again whose sender only name servers could prove; then it counts as not proven."""

_FOLDER = {
    Verdict.HANDLED: Folder.HANDLED,
    Verdict.DUPLICATE: Folder.HANDLED,
    Verdict.QUARANTINED: Folder.QUARANTINE,
}


def receive(
    context: TurnContext,
    inbox: Inbox,
    reader: Reader,
    most: int = MAILS_AT_ONCE,
    progress: Callable[[], None] = lambda: None,
) -> int:
    """Handle the new mails of the mailbox, at most so many; give how many were looked at.

    1. Move what an earlier pass committed and did not get to move.
    2. Fetch what is above the ledger's highest mail, and what is to be tried again.  At the first look, only what came
       not long before it: years of old mail cost nothing each.
    3. Each mail by itself: read it, judge it, commit the judgement.  The reader reads a few mails ahead meanwhile.
       A mail that raises is kept for another try, at last put in quarantine; the next one follows in any case.
       One that ended the bot itself, twice, is put there unread (`Attempts`).
    4. Tell of the `progress` after each mail: there may be letters.
    5. Move what was committed, in batches.  A server that does not let us move mail (a full folder, a
       missing right) does not keep us from reading it; raised at the end, and tried again next time.
    """
    context = context.in_a_pass()
    position = inbox.position()
    since = oldest_wanted(context, first_look(context, position, context.clock.now()))
    mover = _Mover(context, inbox)
    mover.move(context.store.unmoved(position))
    again = {entry.key: entry for entry in context.store.retries(position, context.clock.now())}
    handled: list[tuple[MailKey, Verdict]] = []
    attempts = Attempts(context.store, position)
    count = last = 0
    fetched = islice(inbox.fetch(context.store.cursor(position), tuple(again), since), most)
    for mail in read_ahead(context, reader, fetched, again, attempts):
        entry = _handle(context, mail)
        count, last = count + 1, mail.fetched.key.uid
        if entry is not None and entry.verdict in _FOLDER:
            handled.append((mail.fetched.key, entry.verdict))
        progress()
        if len(handled) >= MOVE_BATCH:
            mover.move(handled)
            handled = []
    mover.move(handled)
    attempts.over()
    for entry in again.values():
        if count < most or entry.key.uid < last:  # looked for and not there: people took it away
            gone = replace(
                entry, verdict=Verdict.LEFT, why=f"gone from the mailbox; before: {entry.why}", retry_at=None
            )
            context.store.commit(Turn(now=context.clock.now(), mail=gone))
    if mover.trouble is not None:
        raise mover.trouble
    return count


@dataclass
class _Mover:
    """Moves mails to their folders, until the server refuses once."""

    context: TurnContext
    inbox: Inbox
    trouble: MailServerUnavailable | None = None

    def move(self, handled: Sequence[tuple[MailKey, Verdict | str]]) -> None:
        for folder in Folder:
            keys = [key for key, verdict in handled if _FOLDER.get(Verdict(verdict)) is folder]
            if not keys or self.trouble is not None:
                continue
            try:
                self.inbox.file_away(keys, folder)
            except MailServerUnavailable as error:
                self.trouble = error
                continue
            self.context.store.mark_moved(keys)
            journal.mail_moved(count=len(keys), folder=folder.value)


def _handle(context: TurnContext, mail: Begun) -> LedgerEntry | None:
    """One mail, from what it says to its line in the ledger; None where it is gone.  Never raises for what a mail contains."""
    fetched, earlier = mail.fetched, mail.earlier
    now = context.clock.now()
    if fetched.raw is None and not fetched.header:
        return None
    if mail.is_refused:
        return _refused(context, fetched, earlier, now)
    context.meanwhile()
    read, failure = mail.understanding()
    read = _told_apart(fetched, read)
    entry = _line(fetched, read, now, earlier)
    journal.mail_received(
        mail=entry.sha256, folder=fetched.key.folder, uid=fetched.key.uid, size_bytes=fetched.size_bytes
    )
    context.meanwhile()
    try:
        if failure is not None:
            raise failure
        entry = _committed(context, fetched, read, entry)
    except (DirectoryUnavailable, SenderUncertain) as error:
        away = sight.Sense.DIRECTORY if isinstance(error, DirectoryUnavailable) else sight.Sense.NAME_SERVERS
        sight.cannot(context, away, words_of(error), now)
        entry = replace(entry, verdict=Verdict.RETRY, retry_at=now + RETRY_AFTER, why=str(error))
        context.store.commit(Turn(now=now, mail=entry))
        journal.mail_retried(mail=entry.sha256, attempt=entry.attempts, retry_at=now + RETRY_AFTER, error=error)
    except Exception as error:  # noqa: BLE001 - one bad mail never stops the line
        entry = _poison(context, entry, error, now)
    _log(entry)
    context.meanwhile()
    return entry


def _refused(context: TurnContext, fetched: Fetched, earlier: LedgerEntry | None, now: datetime) -> LedgerEntry:
    """The server has the mail and does not give it: passing until it lasted, and the mails behind it are read meanwhile."""
    attempts = 1 + (earlier.attempts if earlier else 0)
    pause = pause_after(attempts, RETRY_AFTER, LONGEST_RETRY)
    entry = LedgerEntry(
        key=fetched.key,
        message_id="",
        sha256=hashlib.sha256(f"{fetched.key}".encode()).hexdigest(),
        verdict=Verdict.RETRY,
        seen_at=earlier.seen_at if earlier else now,
        kind=Kind.UNREADABLE.value,
        attempts=attempts,
        retry_at=now + pause,
        why=f"the mail server does not give it: {fetched.refused}",
    )
    context.store.commit(Turn(now=now, mail=entry))
    journal.mail_retried(
        mail=entry.sha256, attempt=attempts, retry_at=now + pause, error=MailServerUnavailable(fetched.refused)
    )
    return entry


def _told_apart(fetched: Fetched, read: Understanding) -> Understanding:
    """Of a mail that the server does not give nothing is known: two of them must not pass for the same one."""
    if isinstance(read.meaning, Unreadable) and fetched.raw is None and not fetched.header.strip():
        digest = hashlib.sha256(f"{fetched.key}".encode()).hexdigest()
        return replace(read, meaning=replace(read.meaning, sha256=digest))
    return read


def _line(fetched: Fetched, read: Understanding, now: datetime, earlier: LedgerEntry | None) -> LedgerEntry:
    mail, meaning = read.mail, read.meaning
    known = mail or (meaning if isinstance(meaning, Unreadable) else None)
    return LedgerEntry(
        key=fetched.key,
        message_id=tokens.without_token((known.message_id if known else None) or ""),
        sha256=known.sha256 if known else "",
        verdict=Verdict.LEFT,
        seen_at=earlier.seen_at if earlier else now,
        sender=mail.sender.address if mail else "",
        subject=mail.subject[:500] if mail else "",
        kind=read.kind.value,
        attempts=earlier.attempts if earlier else 0,
    )


def _committed(context: TurnContext, fetched: Fetched, read: Understanding, entry: LedgerEntry) -> LedgerEntry:
    """Judge and commit; judged again where somebody else changed the ticket in between.

    A mail that acts as another copy of it did is refused by the ledger; then it is asked first.
    """
    refused = False
    for _ in range(CONFLICT_TRIES):
        now = context.clock.now()
        judgement = _COPY if refused and _is_a_copy(context, entry) else _judged(context, fetched, read, entry, now)
        context.meanwhile()
        # Only what a line of history goes back to is kept: the rest lies in the mailbox, and strangers fill no disk.
        keep = judgement.turn is not None and bool(judgement.turn.history)
        raw = sealed(context, fetched.raw) if keep else None
        entry = replace(entry, verdict=judgement.verdict, why=judgement.why, raw=raw, retry_at=None)
        context.meanwhile()
        try:
            context.store.commit(replace(judgement.turn or Turn(now=now), mail=entry))
        except Conflict:
            refused = True
            continue
        return entry
    msg = f"the ticket was changed by others {CONFLICT_TRIES} times while this mail was judged"
    raise Conflict(msg)


_COPY = Judgement(Verdict.DUPLICATE, "handled before")


def _is_a_copy(context: TurnContext, entry: LedgerEntry) -> bool:
    return context.store.handled_before(entry.message_id, entry.sha256, entry.key)


def _judged(
    context: TurnContext, fetched: Fetched, read: Understanding, entry: LedgerEntry, now: datetime
) -> Judgement:
    """What the mail leads to.  Whether it is a copy is asked only where it does not act: the ledger sees to the others."""
    knowing = context.in_a_turn(fetched.came(now))
    try:
        judgement = judge(knowing, fetched, read, now, patient=now - entry.seen_at < PATIENCE)
    except Exception:  # for a copy nothing is waited for, and nobody is told
        if _is_a_copy(context, entry):
            return _COPY
        raise
    return judgement if judgement.verdict is Verdict.HANDLED or not _is_a_copy(context, entry) else _COPY


def sealed(context: TurnContext, raw: bytes | None) -> bytes | None:
    """The mail as it is kept; None where it was not fetched whole."""
    return None if raw is None else seal(context.seal_keys or context.letters.keys, raw)


def _poison(context: TurnContext, entry: LedgerEntry, error: Exception, now: datetime) -> LedgerEntry:
    """Handling raised: kept with its error and tried again later; after three tries it goes to quarantine."""
    attempts = entry.attempts + 1
    why = named(error)
    entry = replace(entry, attempts=attempts, why=why, raw=None)
    if attempts < POISON_TRIES:
        entry = replace(entry, verdict=Verdict.RETRY, retry_at=now + RETRY_AFTER * attempts)
        context.store.commit(Turn(now=now, mail=entry))
        journal.mail_retried(mail=entry.sha256, attempt=attempts, retry_at=entry.retry_at or now, error=error)
        return entry
    judgement = quarantined(
        context, entry.sha256, say("Handling it failed {number} times ({error}).", number=attempts, error=why), now
    )
    entry = replace(entry, verdict=Verdict.QUARANTINED, retry_at=None)
    context.store.commit(replace(judgement.turn or Turn(now=now), mail=entry))
    return entry


def _log(entry: LedgerEntry) -> None:
    match entry.verdict:
        case Verdict.LEFT:
            journal.mail_left(mail=entry.sha256, why=entry.why)
        case Verdict.DUPLICATE:
            journal.mail_duplicate(mail=entry.sha256, sender=entry.sender)
        case Verdict.QUARANTINED:
            journal.mail_quarantined(mail=entry.sha256, why=entry.why, sender=entry.sender)
        case Verdict.HANDLED:
            journal.mail_handled(None, mail=entry.sha256, kind=entry.kind, sender=entry.sender, why=entry.why)
        case Verdict.RETRY:
            pass
