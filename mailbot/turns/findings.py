"""What sites and tickets disagree on is told to the admins once, in one letter; later it is a line of the weekly summary.

The letter has a number, of one series with the brakes.  Nothing follows from a finding by itself: an admin's answer to the
letter, or the same at the command line, is looked up among what disagrees at that moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailbot.commands import of_finding
from mailbot.letters.troubles import AdminFindings, Listed
from mailbot.model import Turn
from mailbot.ports import Store
from mailbot.turns import drift
from mailbot.turns.brake_numbers import FINDINGS, next_number
from mailbot.turns.context import TurnContext
from mailbot.turns.drift import Drift, Finding
from parsers.translatable import say

AGAIN_AFTER = timedelta(hours=1)
"""What is found within so long after a letter waits for the next one: a broken host is not found out about at once."""
LISTED = 40
"""Findings that the letter names; it says how many more there are."""
KEPT = 20
"""Letters whose findings are remembered: answers to older ones are asked back."""
_UNTOLD = frozenset({Drift.OFF})
"""What an owner may do at any time is for the weekly summary alone."""
_FORGOTTEN = "findings-forgotten"


@dataclass(frozen=True, slots=True)
class Told:
    """Letters about findings so far: the number and moment of the last, what admins know of, and what each letter named."""

    number: int
    at: datetime
    known: frozenset[str]
    letters: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding, and the site where it is."""

    site: str
    finding: Finding

    @property
    def key(self) -> str:
        """Tells it from every other one."""
        return f"{self.site}:{self.finding.key}"


def tell(context: TurnContext) -> int:
    """Tell the admins what they have not been told of; gives how many letters were written.

    1. What disagrees now, at all sites, less what was told before; nothing where there is none, or within an hour of the last letter.
    2. One transaction: one letter to each admin, and the note of it.
    What agrees again is forgotten, so that it is told if it comes back.
    """
    now, before, here = context.clock.now(), read(context.store), standing(context.store)
    known = (before.known if before else frozenset()) & here.keys()
    new = [one for one in here.values() if one.key not in known and one.finding.drift not in _UNTOLD]
    if not new or (before and now < before.at + AGAIN_AFTER):
        if before and known != before.known:
            context.store.put_note(FINDINGS, _written(replace(before, known=known)))
        return 0
    number = next_number(context.store)
    facts = AdminFindings(letter=number, findings=listed(new))
    letters = context.letter_to_admins(facts, str(number))
    told = dict(list((before.letters if before else {}).items())[-KEPT + 1 :]) | {number: tuple(one.key for one in new)}
    note = _written(Told(number, now, known | {one.key for one in new}, told))
    context.store.commit(Turn(now=now, effects=letters, notes={FINDINGS: note}))
    return len(letters)


def listed(placed: Sequence[Placed]) -> tuple[Listed, ...]:
    """Findings as a letter names them: the first of them, and how many more there are."""
    rest = len(placed) - LISTED
    more = say("and {number} more; «{command}» lists them all.", number=rest, command="mailbot reconcile")
    shown = tuple(_listed(one.site, one.finding) for one in placed[:LISTED])
    return shown if rest <= 0 else (*shown, Listed("", more))


def _listed(site: str, one: Finding) -> Listed:
    known = one.ticket is not None
    lines = tuple(offer.words for offer in of_finding(one.machine, one.answers, known=known))
    return Listed(site, one.said, one.machine, tuple(verb.value for verb in one.answers), lines, known)


def standing(store: Store) -> Mapping[str, Placed]:
    """Everything that disagrees at the moment, by its key."""
    placed = (Placed(site, one) for site, found in sorted(drift.kept(store).items()) for one in found)
    return {one.key: one for one in placed}


def of_letter(store: Store, number: int) -> tuple[Placed, ...]:
    """What a letter named and is still so."""
    told, here = read(store), standing(store)
    return tuple(here[key] for key in (told.letters.get(number, ()) if told else ()) if key in here)


def is_letter(store: Store, number: int) -> bool:
    """Whether that number is of a letter about findings, not of a brake."""
    told = read(store)
    return told is not None and number in told.letters


def read(store: Store) -> Told | None:
    """What was told so far; None where nothing ever was."""
    kept = store.note(FINDINGS)
    if kept is None:
        return None
    value = json.loads(kept)
    letters = {int(number): tuple(keys) for number, keys in value["letters"].items()}
    return Told(value["number"], datetime.fromisoformat(value["at"]), frozenset(value["known"]), letters)


def _written(told: Told) -> str:
    letters = {str(number): keys for number, keys in told.letters.items()}
    return json.dumps(
        {"number": told.number, "at": told.at.isoformat(), "known": sorted(told.known), "letters": letters}
    )


def without(store: Store, answered: Placed, *, forgotten: bool = False) -> Mapping[str, str | None]:
    """The notes that take a finding off the list, with the turn that answers it; for good where it is to be forgotten."""
    rest = [one for one in drift.kept_of(store, answered.site) if one.key != answered.finding.key]
    notes = {drift.note_of(answered.site): drift.written(rest)}
    if forgotten:
        notes[_FORGOTTEN] = json.dumps(sorted({*_forgotten(store), answered.key}))
    return notes


def unforgotten(store: Store, site: str, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings without those that an admin wants to hear no more of."""
    forgotten = _forgotten(store)
    return tuple(one for one in found if Placed(site, one).key not in forgotten)


def _forgotten(store: Store) -> frozenset[str]:
    kept = store.note(_FORGOTTEN)
    return frozenset(json.loads(kept)) if kept else frozenset()
