"""Whole lives of machines whose people answer with nothing but the lines that letters offer.

Each line of each letter is tried when the letter is handed over, in every language: as the reply that says it is read, and
as the event that it becomes.  Then one of them is really sent, at once or later, and the life goes on.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from mailbot.commands import ROWS
from mailbot.letters.answers import Help
from mailbot.letters.catalogue import KINDS
from mailbot.letters.compose import offers_of
from mailbot.letters.kinds import Audience, LetterFacts
from mailbot.letters.languages import language, languages
from mailbot.lifecycle.decide import decide
from mailbot.lifecycle.request import opened
from mailbot.lifecycle.steps import to_owner
from mailbot.model import (
    FINAL,
    Action,
    Actor,
    BuildFailed,
    Built,
    Effect,
    Event,
    Held,
    Letter,
    OutboxItem,
    Placed,
    Purpose,
    Refusal,
    Reinstalled,
    Step,
    Unheld,
)
from mailbot.offers import Moment, Offer
from mailbot.rules import LeaseRules, PolicyRules, Rules
from parsers.reply.commands import read_command
from parsers.values import Command, ReadingRules, Verb
from tests.lives import BY_ADMIN, BY_OWNER, LOGIN, NOTICE, READY_AT, Life
from tests.trying import SETTINGS
from tests.world import ALICE

REASONS = {"en": "there is no room at the moment", "fr": "il n'y a pas de place", "de": "es ist kein Platz frei"}
_STEPS = 80
_PAUSES = (timedelta(minutes=1), timedelta(hours=5), timedelta(days=1), timedelta(days=6), timedelta(days=30))
_ONLY_ASK = frozenset({Verb.STATUS, Verb.HELP})


def said_back(offer: Offer, now: datetime, rules: Rules, code: str) -> Command:
    """The line as a letter in that language offers it, as a reply that says it is read."""
    line = re.sub("<.*>", REASONS[code], language(code).words(offer.words))
    reading = ReadingRules(now=now, timezone=UTC, default_disk_gib=rules.policy.disk_gib, languages=languages())
    command = read_command(line, reading)
    assert isinstance(command, Command), (line, command)
    return command


@dataclass(frozen=True, slots=True)
class Answer:
    """A line that a letter offered: what it asks for, and who may send it."""

    command: Command
    by: Actor
    purpose: Purpose


class OfferedLife(Life):
    """A life from the request on; `refused` has every line that was offered and not accepted, and must stay empty."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.tried = 0
        self.refused: list[str] = []
        self.offering: set[str] = set()
        """Letters that offered something."""
        self.answers: list[Answer] = []
        policy = PolicyRules(max_years=dice.choice((1, 2)), auto_extend_days=dice.choice((0, 0, 30)))
        lease = LeaseRules(grace_days=dice.choice((3, 14)), keep_disk_days=dice.choice((10, 30)))
        super().__init__(READY_AT.date() + timedelta(days=dice.randint(1, 360)), Rules(policy=policy, lease=lease))

    def begins(self, end_date: date) -> None:
        """A request has come, from its owner's address or from another one."""
        proven, usual = self.dice.random() < 0.7, self.rules.policy.disk_gib
        disk = self.dice.choice((usual, self.rules.policy.max_disk_gib))
        step = opened(
            ALICE, "A web server.", end_date, disk, "", thread="<1@example.org>", subject="VM", proven=proven,
            claimed_from=ALICE.email if proven else "alice@home.example", notes=(), circumstances=self.about(),
        )  # fmt: skip
        self.ticket = replace(step.ticket, id=1)
        for effect in step.effects:
            self._effect(effect)
        self.post()

    def _effect(self, effect: Effect) -> None:
        match effect.action:
            case Action.BUILD:
                self.happens(Placed("north"))
                self.happens(Built(LOGIN) if self.dice.random() < 0.8 else BuildFailed("the disk is full"))
            case Action.REINSTALL:
                self.happens(Reinstalled(LOGIN))
            case _:
                super()._effect(effect)

    def post(self) -> None:
        before = len(self.letters)
        super().post()
        for _at, effect in self.letters[before:]:
            self._arrived(effect)

    def _arrived(self, effect: Effect) -> None:
        """Try every line of a letter that was handed over now."""
        item = OutboxItem(1, 1, self.ticket.version, effect, 1, self.now)
        offers = offers_of(item, self.ticket, replace(SETTINGS, rules=self.rules), self.now)
        about = KINDS[Letter(effect.letter or "")]
        by = BY_ADMIN if about.audience is Audience.ADMIN else BY_OWNER
        purpose = Purpose(effect.facts["purpose"]) if about.purpose is None else about.purpose
        if offers:
            self.offering.add(about.letter)
            self.answers = [one for one in self.answers if one.by != by]
        for offer in offers:
            for code in languages():
                self.tries(offer, by, code)
            self.answers.append(Answer(said_back(offer, self.now, self.rules, "en"), by, purpose))

    def tries(self, offer: Offer, by: Actor, code: str) -> None:
        command = said_back(offer, self.now, self.rules, code)
        event = self._event(command, by)
        accepted = command.verb is offer.verb and (
            offer.verb in _ONLY_ASK
            or (not isinstance(event, Refusal | None) and isinstance(decide(self.ticket, event, self.about()), Step))
        )
        self.tried += 1
        if not accepted:
            self.refused.append(f"{self.ticket.state}, {self.now:%Y-%m-%d}: {code} “{offer.words}”")

    def _event(self, command: Command, by: Actor) -> Event | Refusal | None:
        becomes = ROWS[command.verb].becomes
        return becomes(command, by, self.ticket, Moment(self.now, self.rules)) if becomes else None

    # what people do

    def lives(self) -> None:
        """To the end, or for so many steps: answers, time, a letter that comes back, a hold."""
        for _ in range(_STEPS):
            if self.ticket.state in FINAL:
                return
            self.dice.choices((self._answer, self._pause, self._bounce, self._hold), (6, 8, 1, 1))[0]()

    def _answer(self) -> None:
        """One of the lines that were offered last; sent late it may be refused, as it was for another day."""
        if not self.answers:
            return
        answer = self.dice.choice(self.answers)
        if answer.command.verb in _ONLY_ASK:
            self._arrived(replace(to_owner(self.ticket, self._help(answer)), to=answer.by.who))
            return
        event = self._event(answer.command, answer.by)
        if event is not None and not isinstance(event, Refusal):
            self.happens(event)

    def _help(self, answer: Answer) -> LetterFacts:
        return Help(purpose=answer.purpose)

    def _pause(self) -> None:
        self.pass_until(self.now + self.dice.choice(_PAUSES))

    def _bounce(self) -> None:
        if any(Letter(one.letter) in NOTICE for one in self.accepted):
            self.comes_back(self.dice.choice(("", "a.martin@lab.example.org")))

    def _hold(self) -> None:
        self.happens(Unheld(BY_ADMIN) if self.ticket.held else Held("an experiment", BY_ADMIN))
