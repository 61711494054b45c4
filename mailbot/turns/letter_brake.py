"""The brake on letters: what it holds is told to the admins in one letter, and an admin's word lets the questions go.

The store holds what is over a limit (`lifecycle.letter_brake`).  Here the rest of it is decided: what needs no decision is
dropped, questions wait.  The store's note of it is a JSON object like `LetterBrake`, absent where none was ever pulled.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from mailbot.letters.catalogue import KINDS
from mailbot.letters.troubles import AdminLettersHeld, Dropped, Waiting
from mailbot.model import HeldLetter, Letter, Refusal, Turn, Weight
from mailbot.turns.brake_numbers import LETTERS, next_number
from mailbot.turns.context import TurnContext
from parsers.translatable import say

AGAIN_AFTER = timedelta(days=1)
"""While nobody has answered, the admins hear of further held letters no sooner than this."""
LISTED = 50
"""Tickets that the letter names; it says how many more there are."""
LOOK_AT = 10_000
"""Held letters that are looked at in one pass, the oldest first."""


@dataclass(frozen=True, slots=True)
class LetterBrake:
    """The last time letters were held: its number, when admins were told, the last outbox row they were told of, and who let go."""

    number: int
    at: str
    last_row: int
    released_by: str = ""


def current(context: TurnContext) -> LetterBrake | None:
    """The brake as the store has it."""
    kept = context.store.note(LETTERS)
    return None if kept is None else LetterBrake(**json.loads(kept))


def tell(context: TurnContext) -> int:
    """Tell the admins of letters that are held since they were last told; give how many letters were written.

    1. What is held beyond the last row that they were told of; nothing where there is none, or where they were told within
       a day and have not answered.
    2. One transaction: one letter to each admin, what needs no decision dropped, and the note.
    """
    now, before = context.clock.now(), current(context)
    held = context.store.held_letters(LOOK_AT)
    told = before.last_row if before else 0
    if not any(one.row > told for one in held):
        return 0
    if before and not before.released_by and now < datetime.fromisoformat(before.at) + AGAIN_AFTER:
        return 0
    brake = LetterBrake(next_number(context.store), now.isoformat(), held[-1].row)
    dropped = [one for one in held if one.letter.weight is Weight.INFORMATION]
    letters = context.letter_to_admins(_told(context, brake, held), _key(brake, held))
    note = json.dumps(asdict(brake))
    context.store.commit(Turn(now=now, effects=letters, notes={LETTERS: note}, drop=tuple(one.row for one in dropped)))
    return len(letters)


def _key(brake: LetterBrake, held: Sequence[HeldLetter]) -> str:
    # What it holds is part of the key: whoever answers has read exactly the list that goes.
    which = hashlib.sha256(json.dumps([one.row for one in held]).encode()).hexdigest()[:12]
    return f"{brake.number}:{which}"


def _told(context: TurnContext, brake: LetterBrake, held: Sequence[HeldLetter]) -> AdminLettersHeld:
    questions: dict[int, HeldLetter] = {}
    announced = 0
    lost: Counter[Letter] = Counter()
    for one in held:
        if one.letter.weight is Weight.INFORMATION:
            lost[one.letter] += 1
        elif one.letter is Letter.ANNOUNCEMENT:
            announced += 1
        else:
            questions[one.ticket_id or 0] = one
    tickets = {number: context.store.ticket(number) for number in sorted(questions)[:LISTED]}
    return AdminLettersHeld(
        brake=brake.number,
        why=tuple(sorted({one.why for one in held})),
        questions=tuple(Waiting(one.id, one.username) for one in tickets.values() if one is not None),
        waiting=len(questions),
        announced=announced,
        dropped=tuple(Dropped(KINDS[letter].called, number) for letter, number in sorted(lost.items())),
    )


def release(context: TurnContext, number: int, by: str) -> Turn | Refusal:
    """The turn that lets all questions go that are held by now, or why not.  May run twice.

    A flood goes on after the letter about it: whoever looked into it wants the rest as well.  Questions that were answered or withdrawn meanwhile are not sent: letters are looked at again when their turn comes.
    """
    brake = current(context)
    if brake is None or brake.number != number:
        return Refusal(say("Messages have been held back again since that one. Please reply to the newest one."))
    if brake.released_by and brake.released_by != by:
        return Refusal(say("{who} has already released them.", who=brake.released_by))
    held = context.store.held_letters(LOOK_AT)
    dropped = tuple(one.row for one in held if one.letter.weight is Weight.INFORMATION)
    let_go = tuple(one.row for one in held if one.letter.weight is not Weight.INFORMATION)
    note = json.dumps(asdict(replace(brake, released_by=by)))
    return Turn(now=context.clock.now(), notes={LETTERS: note}, let_go=let_go, drop=dropped)
