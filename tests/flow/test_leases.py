"""Leases: kept while work goes on, lost to whoever took over, and never two daemons at one thing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailbot import passes
from mailbot.errors import LeaseLost
from mailbot.machines.placing import place
from mailbot.machines.work import look_at_sites, work
from mailbot.model import Action, Letter, OutboundMail, OutboxItem
from mailbot.turns.leases import LEASE_SECONDS, Leases
from tests.world import ALICE, CAROL, World, request_words
from tests.writing import mail, reply

SUBJECT = "Persistent Virtual Machine Creation"


def test_a_letter_whose_lease_was_lost_is_left_to_whoever_has_it(world: World) -> None:
    """As after a host that was suspended in the middle of a batch: what another daemon took over is not sent again."""
    store = world.bot.context.store
    stolen: list[OutboxItem] = []

    def slowly(_letter: OutboundMail) -> None:
        world.clock.advance(timedelta(seconds=61))
        stolen.extend(store.claim((Action.LETTER,), world.now, 100, 600.0))

    world.postman._on_sent = slowly
    world.inbox.deliver(mail("alice@example.org", SUBJECT, request_words("alice"), world.now))
    world.once()
    assert len(world.letters) == 1, "the one that was on its way"
    assert len(stolen) == 3
    world.postman._on_sent = None
    world.later(minutes=11)
    assert len(world.letters) == len({one.message_id for one in world.letters}) == 3


def test_a_lease_lasts_as_long_as_the_work_and_ends_a_minute_after_a_killed_daemon(world: World) -> None:
    context = world.bot.context
    world.inbox.deliver(mail("alice@example.org", SUBJECT, request_words("alice"), world.now))
    passes.tick(world.bot, letters=False)
    items = context.store.claim((Action.LETTER,), world.now, 100, LEASE_SECONDS)
    leases = Leases(context, items)
    for _ in range(12):
        world.clock.advance(timedelta(seconds=50))
        leases.renew()  # as the thread does, in time
        assert context.store.claim((Action.LETTER,), world.now, 100, LEASE_SECONDS) == []
        assert all(leases.holds(item) for item in items)
    world.clock.advance(timedelta(seconds=LEASE_SECONDS))
    assert len(context.store.claim((Action.LETTER,), world.now, 100, LEASE_SECONDS)) == len(items) == 3
    assert not any(leases.holds(item) for item in items)


def test_two_daemons_never_build_one_machine_at_two_sites(world: World) -> None:
    """The first hangs for longer than its lease while it chooses a site; the second has chosen another one by then."""
    world.writes(ALICE.email, request_words())
    world.inbox.deliver(reply(world.last(Letter.ADMIN_DECISION, CAROL.address), CAROL.address, "approve", world.now))
    look_at_sites(world.bot.context, world.bot.sites)
    passes.tick(world.bot)
    second = world.build()
    (item,) = world.bot.context.store.claim_at(None, [Action.BUILD], world.now, 10, LEASE_SECONDS)
    ticket = world.ticket()
    world.clock.advance(timedelta(seconds=LEASE_SECONDS + 1))
    for _ in range(3):
        work(second.context, second.sites)
    chosen = world.ticket().site
    assert chosen is not None
    with pytest.raises(LeaseLost):
        place(world.bot.context, world.bot.sites, item, ticket)
    assert world.ticket().site == chosen
    world.later(minutes=5)
    assert [name for name, machine in world.machines().items() if machine.defined] == [f"alice-vm@{chosen}"]
    second.close()
