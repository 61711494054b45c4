"""What the bot can see.  While it is blind, nothing happens that cannot be taken back, and nothing lapses.

Somebody's answer may lie in a mailbox that is not read, or wait for a directory that does not answer; and a clock that
jumped says that everything is overdue.  So before a stop, a removal, a deletion or a lapse: the mailbox was read to its
end since the step came due, the directory answers, no mail waits to be tried again, and the clock went as time did.

All of it is computed from what is stored, so that it holds for every daemon, over a restart, and for `mailbot once`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from mailbot import journal
from mailbot.letters.troubles import AdminBlind
from mailbot.model import Effect, Ticket, Turn
from mailbot.ports import Store
from mailbot.turns import clockwatch
from mailbot.turns.clockwatch import Watch
from mailbot.turns.context import TurnContext
from parsers.translatable import NOTHING, Translatable, as_data, as_one, from_data, say

TELL_AFTER = timedelta(hours=1)
"""What the bot cannot do for so long is told to the admins, once, and again when it works."""
_READ = "sight:mailbox"
_CLOCK = "sight:clock"
_CANNOT = "cannot:"
_REMEMBER_EVERY = timedelta(minutes=1)
_AWAKE = timedelta(minutes=15)
"""A bot that looked so lately asks its sites all the time; one that runs now and then has not asked them for longer."""


class Sense(StrEnum):
    """What the bot needs in order to see and to act."""

    MAILBOX = "the mailbox"
    BACKLOG = "reading all messages"
    DIRECTORY = "the directory of users"
    NAME_SERVERS = "asking name servers"
    CLOCK = "the clock"
    MAIL_SERVER = "sending messages"
    ZONES = "publishing machines' names"
    SITE = "the site"


_CALLED = {
    Sense.MAILBOX: say("the mailbox"),
    Sense.BACKLOG: say("reading all messages"),
    Sense.DIRECTORY: say("the directory of users"),
    Sense.NAME_SERVERS: say("asking name servers"),
    Sense.CLOCK: say("the clock"),
    Sense.MAIL_SERVER: say("sending messages"),
    Sense.ZONES: say("publishing machines' names"),
    Sense.SITE: say("the site"),
}
"""How letters call it."""
_MEANWHILE = say(
    "no machine will be stopped or removed, no disk will be deleted and no request will lapse: "
    "an answer could be waiting unread"
)
MEANWHILE = {
    Sense.MAILBOX: _MEANWHILE,
    Sense.BACKLOG: _MEANWHILE,
    Sense.DIRECTORY: _MEANWHILE,
    Sense.NAME_SERVERS: _MEANWHILE,
    Sense.CLOCK: _MEANWHILE,
    Sense.MAIL_SERVER: say(
        "messages wait and none is lost, and no machine will be stopped or removed unless its owner was told in time"
    ),
    Sense.ZONES: say(
        "the names of new machines are not published yet; the machines are built and can be reached by their addresses"
    ),
    Sense.SITE: say("the machines there stay as they are, and all work on them waits"),
}
"""What holds as long as a sense fails; goes on after “until it works again,”."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What fails at the moment: since when and why; `which` is the site, `told` says that admins know."""

    sense: Sense
    since: datetime
    why: Translatable
    which: str = ""
    told: bool = False

    @property
    def what(self) -> Translatable:
        """How letters call it."""
        return as_one(_CALLED[self.sense], self.which)

    @property
    def note(self) -> str:
        return _note(self.sense, self.which)

    def written(self, *, told: bool) -> str:
        """The trouble as the store keeps it, under `note`."""
        return json.dumps({"since": self.since.isoformat(), "why": as_data(self.why), "told": told})


def _note(sense: Sense, which: str = "") -> str:
    return f"{_CANNOT}{sense.name.lower()}{f':{which}' if which else ''}"


def _read(note: str, value: str) -> Trouble:
    name, _, which = note.removeprefix(_CANNOT).partition(":")
    kept = json.loads(value)
    return Trouble(
        Sense[name.upper()], datetime.fromisoformat(kept["since"]), from_data(kept["why"]), which, kept["told"]
    )


def what_is_blind(store: Store) -> tuple[Trouble, ...]:
    """Everything that fails at the moment, in the order of `Sense`; for letters, `doctor` and metrics."""
    one_each = [_note(sense) for sense in Sense if sense is not Sense.SITE]
    names = (*one_each, *(_note(Sense.SITE, health.site) for health, _at in store.health()))
    kept = store.notes(names)
    return tuple(_read(name, kept[name]) for name in names if name in kept)


def fails(context: TurnContext, sense: Sense) -> bool:
    """Whether that sense fails at the moment."""
    return context.store.note(_note(sense)) is not None


def why_blind(context: TurnContext, ticket: Ticket, read_at: datetime | None, now: datetime) -> str:
    """Why nothing irreversible may happen to a due ticket; empty where it may.

    `read_at` is when this daemon last read the mailbox to its end.  What the directory says is asked for each ticket.
    """
    due = min(ticket.due_at or now, now)
    known = last_read(context.store)
    reads = [read for read in (read_at, known) if read is not None]
    # What lies ahead was written by a clock that jumped: it would stand for every reading until then.
    if not any(due <= read <= now + clockwatch.JUMP for read in reads):
        return "the mailbox was not read to its end since then"
    if context.store.retrying():
        return "mails wait to be tried again"
    return "the directory of users does not answer" if fails(context, Sense.DIRECTORY) else ""


def last_read(store: Store) -> datetime | None:
    """When the mailbox was last read to its end, to the minute; None for never."""
    known = store.note(_READ)
    return None if known is None else datetime.fromisoformat(known)


def cannot(context: TurnContext, sense: Sense, why: Translatable, now: datetime, which: str = "") -> None:
    """Remember since when a sense fails, and why; a moment to come was written by a wrong clock, and is put right."""
    name = _note(sense, which)
    kept = context.store.note(name)
    before = None if kept is None else _read(name, kept)
    if before is None:
        context.store.put_note(name, Trouble(sense, now, why, which).written(told=False))
    elif before.since > now:
        context.store.put_note(name, replace(before, since=now).written(told=before.told))


def can(context: TurnContext, sense: Sense, now: datetime, which: str = "") -> None:
    """It works again; admins hear it where they heard of the failure."""
    name = _note(sense, which)
    kept = context.store.note(name)
    if kept is None:
        return
    trouble = _read(name, kept)
    trouble = replace(trouble, since=min(trouble.since, now))  # a clock that was wrong may have written it
    letters = _letters(context, trouble, back=True) if trouble.told else ()
    context.store.commit(Turn(now=now, effects=letters, notes={name: None}))
    if trouble.told:
        journal.works_again(what=trouble.what, since=trouble.since)


def tell(context: TurnContext, now: datetime) -> None:
    """Tell admins of everything that has failed for an hour, once: in the log, and by a letter where letters leave."""
    for trouble in what_is_blind(context.store):
        if trouble.told or now - trouble.since < TELL_AFTER:
            continue
        letters = () if trouble.sense is Sense.MAIL_SERVER else _letters(context, trouble, back=False)
        context.store.commit(Turn(now=now, effects=letters, notes={trouble.note: trouble.written(told=True)}))
        journal.works_not(what=trouble.what, since=trouble.since, why=trouble.why)


def _letters(context: TurnContext, trouble: Trouble, *, back: bool) -> tuple[Effect, ...]:
    name = trouble.note.removeprefix(_CANNOT)
    blind = AdminBlind(
        what=trouble.what,
        since=trouble.since,
        why=trouble.why,
        back=back,
        meanwhile=MEANWHILE[trouble.sense],
    )
    return context.letter_to_admins(blind, f"{name}:{trouble.since.isoformat()}:{'back' if back else 'gone'}")


# What one tick has observed


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of reading the mailbox in one tick.

    `read_at` is the moment at which it was begun where it came to the end; `error` what kept it from that; `more` says
    that the rest is left for the next tick.  None of them where another daemon reads this mailbox.
    """

    read_at: datetime | None = None
    error: Translatable = NOTHING
    more: bool = False


Found: TypeAlias = Iterator[tuple[Sense, str, Translatable]]
"""A sense, which one of it (a site), and why it fails: empty where it works."""


def observe(context: TurnContext, reading: Reading, sites: Collection[str], now: datetime) -> None:
    """Compare what was observed with what should be, remember what fails, and tell admins of what failed for an hour."""
    failing = {one.note for one in what_is_blind(context.store)}
    watch = clockwatch.read(context.store.note(_CLOCK))
    found = (
        *_of_mailbox(context, reading, now),
        *_of_backlog(context, reading, failing),
        *_of_name_servers(context, failing),
        *_of_clock(context, watch, now, doubted=_note(Sense.CLOCK) in failing),
        *_of_sites(context, sites, now, awake=watch.believed is not None and now - watch.believed < _AWAKE),
    )
    for sense, which, why in found:
        if why:
            cannot(context, sense, why, now, which)
        elif _note(sense, which) in failing:
            can(context, sense, now, which)
    gone = {_note(sense, which) for sense, which, _why in found if sense is Sense.SITE}
    for name in failing - gone:  # a site that the configuration does not name any more
        if name.startswith(f"{_note(Sense.SITE)}:"):
            context.store.put_note(name, None)
    tell(context, now)


def _of_mailbox(context: TurnContext, reading: Reading, now: datetime) -> Found:
    """Read to its end by this daemon, or lately by another one."""
    known = last_read(context.store)
    why = reading.error
    if reading.read_at is not None:
        if known is None or abs(reading.read_at - known) >= _REMEMBER_EVERY:
            context.store.put_note(_READ, reading.read_at.isoformat())
    elif not why and not reading.more and known is not None and now - known >= TELL_AFTER:
        why = say("another daemon should read it, and has not done so for an hour")
    yield Sense.MAILBOX, "", why


def _of_backlog(context: TurnContext, reading: Reading, failing: Collection[str]) -> Found:
    """Mail that is left over; what waits only for the directory or for name servers is their trouble."""
    theirs = {_note(Sense.DIRECTORY), _note(Sense.NAME_SERVERS)} & set(failing)
    waiting = 0 if theirs else context.store.retrying()
    if reading.more:
        yield Sense.BACKLOG, "", say("there is more new mail than can be read")
    elif waiting:
        yield (
            Sense.BACKLOG,
            "",
            say("mails that could not be handled wait to be tried again ({number})", number=waiting),
        )
    elif reading.read_at is not None:
        yield Sense.BACKLOG, "", NOTHING


def _of_name_servers(context: TurnContext, failing: Collection[str]) -> Found:
    """Nobody asks them but for a mail: they work again when none waits any more."""
    if _note(Sense.NAME_SERVERS) in failing and not context.store.retrying():
        yield Sense.NAME_SERVERS, "", NOTHING


def _of_clock(context: TurnContext, watch: Watch, now: datetime, *, doubted: bool) -> Found:
    clock = context.clock
    after, why = clockwatch.look(watch, clock.start(), now, clock.elapsed(), doubted=doubted)
    if after != watch:
        context.store.put_note(_CLOCK, clockwatch.written(after))
    yield Sense.CLOCK, "", why


def _of_sites(context: TurnContext, sites: Collection[str], now: datetime, *, awake: bool) -> Found:
    """A site that did not answer when it was last asked, or has said nothing for an hour in which the bot was `awake`."""
    known = {health.site: (health, at) for health, at in context.store.health() if health.site in sites}
    for name, (health, at) in known.items():
        if health.reachable:
            silent = awake and now - at >= TELL_AFTER
            yield Sense.SITE, name, say("it has not answered for an hour") if silent else NOTHING
        else:
            yield Sense.SITE, name, as_one(*health.problems) or say("it does not answer")
