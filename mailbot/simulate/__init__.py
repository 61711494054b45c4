"""What will happen, and when: the fleet's future by the rules that act, under a simulated clock.

Everything a ticket does comes from `lifecycle.decide`, letter by letter and step by step.  Around it
stands a small bot with the daemon's order of work (mail, tickets that are due, letters, machines), whose
mail server takes every letter after `Scenario.mail_delay` and whose hypervisor always succeeds.
Downtime, bounces and answers of owners are thrown in on request.  Pure: the same input gives the same
future; `tests/flow/test_simulation.py` holds it against the real daemon over a real database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mailbot.simulate.bot import Bot
from mailbot.simulate.scenario import (
    Blindness,
    Bounce,
    Entry,
    Extension,
    Future,
    House,
    Member,
    Outage,
    Scenario,
    What,
)

__all__ = [
    "Blindness",
    "Bounce",
    "Entry",
    "Extension",
    "Future",
    "House",
    "Member",
    "Outage",
    "Scenario",
    "What",
    "simulate",
]


def simulate(members: Sequence[Member], scenario: Scenario, now: datetime, house: House) -> Future:
    """The future of these tickets from `now` (aware UTC) until `scenario.until`."""
    bot = Bot(members, scenario, now, house)
    bot.run()
    return Future(tuple(bot.entries), tuple(life.ticket for life in bot.lives.values()))
