"""Whether the clock on the wall can be believed: compared with a clock that nobody sets, and with the last look on record.

Pure.  What is compared with is stored, so that the guard holds over a restart and for `mailbot once`.  While the machine
runs, both clocks go on together.  Across a start of the machine only the last believed moment is known, and how long
machines ran since with a clock that was doubted: at least so much later it is.  A clock that lies before the believed
moment is wrong, and one that is further ahead than a machine is usually off is doubted for a day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from parsers.translatable import NOTHING, Translatable, say, say_many

JUMP = timedelta(hours=1)
"""A clock that goes wrong by more than this is not believed."""
USUALLY_OFF = timedelta(days=7)
"""A machine that starts may have been off for so long without anybody doubting its clock."""
BELIEVED_AFTER = timedelta(days=1)
"""A clock that is doubted is believed again when it has gone right for so long: then it was set right."""
_REMEMBER_EVERY = timedelta(minutes=1)
_STARTS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Reference:
    """What the clock is compared with since one start of the machine.

    `wall` was the time when the other clock showed `elapsed` seconds; the clock may be `ahead` of that.  `doubted` is
    what the other clock showed when it was first found wrong.
    """

    wall: datetime
    elapsed: float
    ahead: timedelta = JUMP
    doubted: float | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """What is on record: the last moment that was believed, and a reference for each start of a machine.

    `at_least` is the moment that it certainly is by now, counted on while the clock is doubted.
    """

    believed: datetime | None = None
    starts: Mapping[str, Reference] = field(default_factory=dict)
    at_least: datetime | None = None


def look(watch: Watch, start: str, now: datetime, elapsed: float, *, doubted: bool) -> tuple[Watch, Translatable]:
    """The record after this look, and why the clock cannot be believed (empty where it can).

    `start` names the start of the machine, `elapsed` are seconds of its clock that nobody sets; `doubted` says that the
    clock was not believed when it was last looked at, by this process or another one.
    """
    known = watch.starts.get(start) or _first(watch, now, elapsed, doubted=doubted)
    off = (now - known.wall) - timedelta(seconds=elapsed - known.elapsed)
    if -JUMP <= off <= known.ahead:
        agreed = Reference(known.wall, known.elapsed) if known.ahead == JUMP else Reference(now, elapsed)
        return _recorded(watch, start, agreed, now), NOTHING
    since = elapsed if known.doubted is None else known.doubted
    if elapsed - since >= BELIEVED_AFTER.total_seconds():
        return _recorded(watch, start, Reference(now, elapsed), now), NOTHING
    after = Reference(known.wall, known.elapsed, known.ahead, since)
    ran = known.wall + timedelta(seconds=elapsed - known.elapsed)
    later = watch.at_least is None or ran - watch.at_least >= _REMEMBER_EVERY
    record = replace(_recorded(watch, start, after, watch.believed), at_least=ran if later else watch.at_least)
    jumped = say("it jumped forward by {time}") if off > timedelta(0) else say("it jumped back by {time}")
    return record, jumped.given(time=_in_words(abs(off)))


def _first(watch: Watch, now: datetime, elapsed: float, *, doubted: bool) -> Reference:
    """What a clock is compared with that is looked at for the first time since the machine started."""
    if watch.believed is None:
        return Reference(now, elapsed)
    if not doubted:
        return Reference(watch.believed, elapsed, USUALLY_OFF)
    return Reference(max(watch.believed, watch.at_least or watch.believed), elapsed)


def _recorded(watch: Watch, start: str, reference: Reference, believed: datetime | None) -> Watch:
    """With the newest start last, and without those that are long over; `believed` changes once a minute."""
    recent = watch.believed and believed and timedelta(0) <= believed - watch.believed < _REMEMBER_EVERY
    others = {name: one for name, one in watch.starts.items() if name != start}
    kept = dict(list(others.items())[1 - _STARTS_KEPT :])
    return Watch(watch.believed if recent else believed, {**kept, start: reference})


def _in_words(off: timedelta) -> Translatable:
    hours = round(off / timedelta(hours=1))
    if hours < 48:
        return say_many("{number} hour", "{number} hours", hours)
    return say_many("{number} day", "{number} days", round(off / timedelta(days=1)))


def written(watch: Watch) -> str:
    """The record as the store keeps it."""
    starts = {
        name: [one.wall.isoformat(), one.elapsed, one.ahead.total_seconds(), one.doubted]
        for name, one in watch.starts.items()
    }
    moments = {"believed": watch.believed, "at_least": watch.at_least}
    return json.dumps({**{name: at and at.isoformat() for name, at in moments.items()}, "starts": starts})


def read(kept: str | None) -> Watch:
    """The record as it was stored; an empty one where there is none yet."""
    if kept is None:
        return Watch()
    raw = json.loads(kept)
    starts = {
        name: Reference(datetime.fromisoformat(wall), elapsed, timedelta(seconds=ahead), doubted)
        for name, (wall, elapsed, ahead, doubted) in raw["starts"].items()
    }
    believed, at_least = raw["believed"], raw.get("at_least")  # the second came later
    return Watch(
        datetime.fromisoformat(believed) if believed else None,
        starts,
        datetime.fromisoformat(at_least) if at_least else None,
    )
