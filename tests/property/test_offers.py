"""Every line that a letter offers is accepted when it is sent back: in any state, at any moment, under any limits."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.commands import ROWS, may_say, offered
from mailbot.letters.languages import languages
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.decide import decide
from mailbot.model import Actor, Event, Purpose, Role, Step, Ticket, TicketState
from mailbot.offers import Moment, Offer
from mailbot.rules import PolicyRules, Rules
from mailbot.timetable import latest_end, today
from parsers.translatable import say
from parsers.values import Verb
from tests.lives import BY_OWNER
from tests.offered import OfferedLife, said_back
from tests.world import ADMINS, CAROL

S = TicketState
WHO = Actor(Role.ADMIN, CAROL.address)
ASKABLE: Final = {
    Purpose.DECIDE: (S.PENDING, S.FAILED, S.ACTIVE, S.EXPIRED),
    Purpose.OWN: tuple(S),
    Purpose.CONFIRM: tuple(S),
}
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware at once


@st.composite
def questions(draw: st.DrawFn) -> tuple[Ticket, Purpose, datetime, Rules]:
    """A ticket, what a letter about it asks, the moment and the rules: as they can come together."""
    now = draw(MOMENTS)
    usual = draw(st.integers(1, 50))
    policy = PolicyRules(draw(st.integers(1, 5)), usual, usual + draw(st.integers(0, 100)))
    rules = Rules(policy=policy)
    purpose = draw(st.sampled_from(list(ASKABLE)))
    state = draw(st.sampled_from(ASKABLE[purpose]))
    day, zone = today(now, rules.service.timezone), rules.service.timezone
    last = latest_end(now, zone, policy.max_years)
    end = draw(st.dates(day - timedelta(days=40), last))
    living = state in {S.ACTIVE, S.EXPIRED}
    later = max(end, day) + timedelta(days=1)
    asked = draw(st.dates(later, last)) if living and later <= last and draw(st.booleans()) else None
    released = now - timedelta(hours=1) if living and draw(st.booleans()) else None
    ticket = Ticket(
        1, state, "alice", "Alice", "alice@example.org", "", end, draw(st.integers(usual, policy.max_disk_gib)),
        "<1@example.org>", "x", now - timedelta(days=50), now - timedelta(days=1),
        asked_end_date=asked, asked_at=now - timedelta(days=1), release_asked_at=released, site="north",
        ended_at=now if state in {S.EXPIRED, S.ARCHIVED} else None,
        remove_at=now + timedelta(days=9), keep_until=now + timedelta(days=20), lease_from=now - timedelta(days=50) if living else None,
    )  # fmt: skip
    return ticket, purpose, now, rules


@given(questions(), st.sampled_from(languages()))
def test_every_offered_line_is_accepted_when_it_is_sent_back(
    case: tuple[Ticket, Purpose, datetime, Rules], code: str
) -> None:
    ticket, purpose, now, rules = case
    for offer in offered(ticket, purpose, now, rules):
        command = said_back(offer, now, rules, code)
        assert command.verb is offer.verb
        becomes = ROWS[offer.verb].becomes
        if becomes is None:
            assert offer.verb in {Verb.STATUS, Verb.HELP}
            continue
        event = becomes(command, WHO, ticket, Moment(now, rules))
        assert isinstance(event, Event)
        step = decide(ticket, event, Circumstances(now, rules, ADMINS))
        assert isinstance(step, Step), (offer.words, step)


@given(st.integers(0))
@settings(max_examples=25)
def test_over_whole_lives_every_line_of_every_letter_is_accepted_when_it_is_sent_back(seed: int) -> None:
    life = OfferedLife(random.Random(seed))
    life.lives()
    assert life.tried
    assert life.refused == []


def test_such_a_life_sees_a_line_that_would_be_refused() -> None:
    life = OfferedLife(random.Random(1))
    life.tries(Offer(Verb.RESTORE, say("restore"), say("restore")), BY_OWNER, "en")
    assert life.refused == ["pending, 2026-11-23: en “restore”"]


@given(questions())
def test_the_words_that_may_be_said_are_those_that_are_offered(case: tuple[Ticket, Purpose, datetime, Rules]) -> None:
    assert {verb for verb in Verb if may_say(verb, *case)} == {offer.verb for offer in offered(*case)}


@given(questions())
def test_help_is_always_among_them_and_nothing_twice(case: tuple[Ticket, Purpose, datetime, Rules]) -> None:
    lines = [offer.words for offer in offered(*case)]
    assert lines[-1] == "help"
    assert len(lines) == len(set(lines))


def test_an_example_near_the_longest_lease_is_left_out_instead_of_being_refused() -> None:
    now = datetime(2026, 11, 26, 9, tzinfo=UTC)
    longest = Ticket(
        1, S.ACTIVE, "alice", "Alice", "alice@example.org", "", date(2028, 11, 26), 8, "<1@example.org>", "x", now, now
    )  # fmt: skip
    words = [offer.words for offer in offered(longest, Purpose.OWN, now, Rules())]
    assert words == ["release", "start", "restart", "console", "rekey", "reinstall", "status", "help"]
    shorter = replace(longest, end_date=date(2028, 10, 30))
    assert "extend for 1 week" not in words
    assert offered(shorter, Purpose.OWN, now, Rules())[0].words == "extend until 2028-11-06"
