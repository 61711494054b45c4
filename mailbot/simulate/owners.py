"""What simulated owners answer to letters, by dice: some ask for more time, give their machine back, or want it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from mailbot.model import Actor, Event, ExtensionAsked, Letter, ReleaseAsked, Released, Restored, Role, Ticket
from mailbot.policy import end_date_problems
from mailbot.rules import Rules
from mailbot.simulate.scenario import DAY, Scenario
from mailbot.timetable import latest_end

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Owners:
    """`answers` says what an owner writes after a letter, and when."""

    scenario: Scenario
    rules: Rules
    dice: Random

    def answers(self, ticket: Ticket, letter: Letter, now: datetime) -> Iterator[tuple[datetime, Event]]:
        """The mails that follow, each with the moment at which it is read."""
        if letter is Letter.WARNING:
            if self._does(self.scenario.extend_share):
                yield from self._asks_for_more(ticket, now)
            elif self._does(self.scenario.release_share):
                at, by = now + HOUR * self.dice.randrange(1, 24), owner(ticket)
                yield at, ReleaseAsked(by)
                yield at + HOUR, Released(by)
        elif letter is Letter.VM_ARCHIVED and self._does(self.scenario.restore_share):
            # Within the agreement where no day is said and it still lasts; else beyond it.
            until = now.date() + DAY * self.dice.randrange(60, 366) if self.dice.random() < 1 / 3 else None
            yield now + HOUR * self.dice.randrange(1, 24 * 25), Restored(owner(ticket), until)

    def _does(self, share: float) -> bool:
        return share > 0 and self.dice.random() < share

    def _asks_for_more(self, ticket: Ticket, now: datetime) -> Iterator[tuple[datetime, Event]]:
        at = now + HOUR * self.dice.randrange(1, 72)
        latest = latest_end(at, self.rules.service.timezone, self.rules.policy.max_years)
        until: date = min(ticket.end_date + DAY * self.dice.randrange(30, 366), latest)
        if until > ticket.end_date and not end_date_problems(until, self.rules, at):
            yield at, ExtensionAsked(owner(ticket), until)


def owner(ticket: Ticket) -> Actor:
    """Who writes in the owner's name."""
    return Actor(Role.OWNER, ticket.email)
