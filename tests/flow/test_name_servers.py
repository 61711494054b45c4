"""Name servers that do not answer: whom a mail is from cannot be told now, so nothing is refused, and it is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailbot.adapters.senders.authentication import MailAuthenticator
from mailbot.adapters.senders.resolver import ResolverUnavailable
from mailbot.model import Letter, TicketState
from mailbot.rules import Rules, TrustRules
from mailbot.turns import sight
from tests.dkim_signing import key, sign
from tests.world import ALICE, CAROL, World, kind_of, request_words
from tests.writing import reply, words_of

DOMAIN = CAROL.address.partition("@")[2]


class Names:
    """A zone that can be away."""

    def __init__(self) -> None:
        self.away = False

    def txt(self, name: str) -> tuple[str, ...]:
        if self.away:
            raise ResolverUnavailable(f"{name}: LifetimeTimeout")
        return {f"s1._domainkey.{DOMAIN}": (key().record,)}.get(name, ())


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def world(tmp_path: Path, names: Names) -> Iterator[World]:
    asked = World(tmp_path, rules=Rules(trust=TrustRules(check_dkim=True)))
    authenticator = MailAuthenticator(asked.rules.trust, names.txt)
    asked.bot = replace(asked.bot, context=replace(asked.bot.context, authenticator=authenticator))
    asked.writes(ALICE.email, request_words(until="2027-03-31"))
    asked.answers(asked.last(Letter.CONFIRM_REQUEST), "confirm")
    assert asked.ticket().state is TicketState.PENDING
    yield asked
    asked.close()


def approves(world: World) -> None:
    question = world.last(Letter.ADMIN_DECISION, CAROL.address)
    world.arrives(sign(reply(question, CAROL.address, "approve", world.now), DOMAIN, world.now))


def test_an_approval_waits_for_name_servers_and_counts_when_they_answer(world: World, names: Names) -> None:
    names.away = True
    before = len(world.letters)
    approves(world)
    world.later(minutes=10)
    assert world.ticket().state is TicketState.PENDING
    assert len(world.letters) == before
    assert world.bot.context.store.retrying() == 1

    names.away = False
    world.later(minutes=10)
    assert world.ticket().state is not TicketState.PENDING
    assert not sight.fails(world.bot.context, sight.Sense.NAME_SERVERS)


def test_what_lasts_is_told_to_admins_and_that_it_works_again(world: World, names: Names) -> None:
    names.away = True
    approves(world)
    for _ in range(8):
        world.later(minutes=10)
    told = words_of(world.last(Letter.ADMIN_BLIND))
    assert "name servers" in told
    names.away = False
    world.later(minutes=10)
    assert "works again" in words_of(world.last(Letter.ADMIN_BLIND))


def test_nothing_irreversible_happens_while_an_answer_waits_for_name_servers(world: World, names: Names) -> None:
    names.away = True
    approves(world)
    ticket = world.ticket()
    assert "tried again" in sight.why_blind(world.bot.context, ticket, world.now, world.now)


def test_after_a_day_what_nobody_proved_is_not_proven_and_that_is_said(world: World, names: Names) -> None:
    names.away = True
    approves(world)
    for _ in range(26):
        world.later(hours=1)
    assert kind_of(world.last(Letter.COMMAND_REFUSED)) is Letter.COMMAND_REFUSED
    assert world.ticket().state is TicketState.PENDING
    assert world.bot.context.store.retrying() == 0


def test_what_lacks_more_than_an_answer_of_name_servers_is_answered_at_once(world: World, names: Names) -> None:
    names.away = True
    question = world.last(Letter.ADMIN_DECISION, CAROL.address)
    world.answers(question, "approve")
    assert kind_of(world.letters[-1]) is Letter.COMMAND_REFUSED
    assert world.bot.context.store.retrying() == 0
