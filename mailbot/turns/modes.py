"""What an admin has decided about a site: whether it takes new machines, and whether it is asked for anything at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailbot.ports import Store
from parsers.translatable import Translatable, say

_NOTE = "site modes"
KEPT = 50
"""How many changes of a site's mode are kept."""


class Mode(StrEnum):
    """What may happen at a site."""

    OPEN = "open"
    """Everything."""
    CORDONED = "cordoned"
    """No new machine; those that are there live on."""
    DRAINING = "draining"
    """No new machine, and those that are there are to leave."""
    DOWN = "down"
    """Nothing: the site is not asked for anything, as if it did not answer."""


_CALLED: Mapping[Mode, Translatable] = {
    Mode.OPEN: say("open"),
    Mode.CORDONED: say("cordoned"),
    Mode.DRAINING: say("draining"),
    Mode.DOWN: say("down"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One decision about a site: what it is from then on, by whom and why."""

    mode: Mode
    at: datetime
    who: str
    why: str


def history(store: Store, site: str) -> tuple[Change, ...]:
    """Every change of a site's mode, oldest first; empty where it was always open."""
    return _all(store).get(site, ())


def taken_down(store: Store) -> frozenset[str]:
    """The sites that are not asked for anything."""
    return frozenset(site for site, changes in _all(store).items() if changes[-1].mode is Mode.DOWN)


def mode_of(store: Store, site: str) -> Mode:
    """What may happen at a site now."""
    changes = history(store, site)
    return changes[-1].mode if changes else Mode.OPEN


def refusals(store: Store) -> Mapping[str, Translatable]:
    """Why sites take no new machine by somebody's decision; a site that does is not in it."""
    return {
        site: say("The site {site} is {mode} ({who}: {why}).", site=site, mode=_CALLED[changes[-1].mode]).given(
            who=changes[-1].who, why=changes[-1].why
        )
        for site, changes in _all(store).items()
        if changes[-1].mode is not Mode.OPEN
    }


def change(store: Store, site: str, to: Change) -> None:
    """Decide about a site; takes effect at the next look at what is to be done there."""
    known = _all(store)
    kept = {**known, site: (*known.get(site, ()), to)[-KEPT:]}
    told = {name: [_written(one) for one in changes] for name, changes in kept.items()}
    store.put_note(_NOTE, json.dumps(told))


def _all(store: Store) -> Mapping[str, tuple[Change, ...]]:
    """Every site's changes; a site without any is not in it.  One note for all, since it is read at every pass."""
    kept = store.note(_NOTE)
    found: dict[str, list[dict[str, str]]] = json.loads(kept) if kept else {}
    return {site: tuple(map(_read, changes)) for site, changes in found.items()}


def _read(kept: Mapping[str, str]) -> Change:
    return Change(Mode(kept["mode"]), datetime.fromisoformat(kept["at"]), kept["who"], kept["why"])


def _written(one: Change) -> Mapping[str, str]:
    return {"mode": one.mode.value, "at": one.at.isoformat(), "who": one.who, "why": one.why}
