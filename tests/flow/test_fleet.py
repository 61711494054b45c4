"""Several sites: none of them can hold up, overfill or lose what is at the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from mailbot import operator, passes
from mailbot.machines import reconcile
from mailbot.machines.work import look_at_sites, place
from mailbot.model import Action, Letter, Person, ReleaseAsked, Released, TicketState
from mailbot.turns import drift, modes
from mailbot.turns.context import apply
from mailbot.turns.drift import Drift
from mailbot.turns.modes import Mode
from provisioner.api import SiteUnreachable, VmFacts, VmSpec
from provisioner.fake import FakeSite
from provisioner.fake_machine import Faults
from tests.lives import BY_OWNER
from tests.world import ALICE, CAROL, World, request_words
from tests.writing import mail, words_of

AWAY = Faults(unreachable=True)
SUBJECT = "Persistent Virtual Machine Creation"


def approved(world: World, people: int) -> Sequence[Person]:
    """So many people have asked for a machine and were approved; nothing is placed yet."""
    found = [
        Person(f"user{number}", f"User {number}", f"user{number}@example.org", ssh_keys=ALICE.ssh_keys)
        for number in range(1, people + 1)
    ]
    for person in found:
        world.directory.put(person)
        world.inbox.deliver(mail(person.email, SUBJECT, request_words(person.login), world.now))
    passes.tick(world.bot)
    for number in range(1, people + 1):
        operator.approve(world.bot.context, number, CAROL.login)
    return found


def with_a_machine(world: World) -> None:
    """User 1 has a machine at north."""
    approved(world, 1)
    world.once()
    world.later(minutes=1)
    assert (world.ticket().state, world.ticket().site) == (TicketState.ACTIVE, "north")


def test_what_is_promised_at_a_site_is_not_given_twice(world: World) -> None:
    world.sites = {name: FakeSite(name, memory_mib=5000) for name in ("north", "south")}
    world.restart()
    approved(world, 5)
    look_at_sites(world.bot.context, world.bot.sites)
    place(world.bot.context, world.bot.sites)
    placed = Counter(world.ticket(number).site for number in range(1, 6))
    assert placed == {"north": 2, "south": 2, None: 1}
    assert world.machines() == {}, "nothing was built yet: what was promised is what counts"


def test_placing_asks_no_hypervisor(world: World) -> None:
    approved(world, 3)
    look_at_sites(world.bot.context, world.bot.sites)
    asked = {name: len(site.calls) for name, site in world.sites.items()}
    assert place(world.bot.context, world.bot.sites) == 3
    assert {name: len(site.calls) for name, site in world.sites.items()} == asked


def test_a_build_at_a_site_that_fell_silent_before_it_began_begins_elsewhere(world: World) -> None:
    approved(world, 1)
    look_at_sites(world.bot.context, world.bot.sites)
    place(world.bot.context, world.bot.sites)
    assert world.ticket().site == "north"
    world.sites["north"].faults = AWAY
    world.once()
    world.later(minutes=1)
    assert (world.ticket().state, world.ticket().site) == (TicketState.ACTIVE, "south")
    world.sites["north"].faults = Faults()
    world.later(hours=1)
    assert list(world.machines()) == ["user1-vm@south"]


class Breaking(FakeSite):
    """A site whose connection breaks while a machine is built: nobody knows how far that came."""

    def ensure(self, spec: VmSpec) -> VmFacts:
        super().ensure(spec)
        self.faults = AWAY
        raise SiteUnreachable("the connection broke")


def test_a_build_that_may_have_begun_waits_for_its_site(world: World) -> None:
    world.sites["north"] = Breaking("north")
    world.restart()
    approved(world, 1)
    for _ in range(20):
        world.later(minutes=20)
    assert (world.ticket().state, world.ticket().site) == (TicketState.APPROVED, "north")
    back = FakeSite("north")
    back._memory = world.sites["north"]._memory
    world.sites["north"] = back
    world.restart()
    world.later(minutes=1)
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    assert list(world.machines()) == ["user1-vm@north"]


def test_a_build_is_not_given_up_while_a_site_that_may_have_room_is_silent(world: World) -> None:
    world.sites["north"].faults = AWAY
    world.sites["south"] = FakeSite("south", memory_mib=1000)
    world.restart()
    approved(world, 1)
    for _ in range(20):
        world.later(minutes=30)
    assert world.ticket().state is TicketState.APPROVED
    world.sites["north"].faults = Faults()
    world.later(minutes=20)
    world.later(minutes=1)
    assert (world.ticket().state, world.ticket().site) == (TicketState.ACTIVE, "north")


def test_a_build_for_which_no_site_has_room_is_given_up_in_the_end(world: World) -> None:
    world.sites = {name: FakeSite(name, memory_mib=1000) for name in ("north", "south")}
    world.restart()
    approved(world, 1)
    for _ in range(20):
        world.later(minutes=30)
    assert world.ticket().state is TicketState.FAILED


def test_a_site_that_is_away_is_only_looked_at_and_its_work_is_done_when_it_is_back(world: World) -> None:
    with_a_machine(world)
    world.sites["north"].faults = AWAY
    for event in (ReleaseAsked(BY_OWNER), Released(BY_OWNER)):
        apply(world.bot.context, 1, event)
    world.sites["north"].calls.clear()
    for _ in range(30):
        world.later(minutes=20)
    calls = Counter(world.sites["north"].calls)
    assert sum(count for name, count in calls.items() if name != "health") <= 1
    (waiting,) = world.bot.context.store.waiting(1)
    assert waiting.action.value == "retire"
    world.sites["north"].faults = Faults()
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ARCHIVED, "no attempt was counted, so nothing waits for its next one"


def test_a_question_about_a_machine_at_a_silent_site_is_answered_without_asking_it(world: World) -> None:
    with_a_machine(world)
    world.sites["north"].faults = AWAY
    world.later(minutes=10)
    world.sites["north"].calls.clear()
    world.answers(world.last(Letter.VM_READY), "status")
    assert "does not answer" in " ".join(words_of(world.last(Letter.STATUS)).split())
    assert set(world.sites["north"].calls) <= {"health"}


def test_a_pass_over_one_site_touches_no_row_of_another(world: World) -> None:
    approved(world, 4)
    look_at_sites(world.bot.context, world.bot.sites)
    place(world.bot.context, world.bot.sites)
    from_north = world.bot.context.store.claim_at("north", (Action.BUILD,), world.now, 10, 60)
    assert {world.ticket(item.ticket_id or 0).site for item in from_north} == {"north"}
    world.once()
    assert Counter(one.split("@")[1] for one in world.machines()) == {"south": 2}


# what admins decide about a site


def test_a_cordoned_site_gets_no_new_machine_and_keeps_those_it_has(world: World) -> None:
    with_a_machine(world)
    operator.set_site_mode(world.bot.context, "north", Mode.CORDONED, CAROL.login, "new disks on Friday")
    world.writes("bob@example.org", request_words("bob"))
    operator.approve(world.bot.context, 2, CAROL.login)
    world.once()
    world.later(minutes=1)
    assert (world.ticket(2).state, world.ticket(2).site) == (TicketState.ACTIVE, "south")
    apply(world.bot.context, 1, ReleaseAsked(BY_OWNER))
    apply(world.bot.context, 1, Released(BY_OWNER))
    world.once()
    assert world.ticket(1).state is TicketState.ARCHIVED


def test_a_build_waits_where_every_site_is_cordoned_and_says_by_whom(world: World) -> None:
    for name in ("north", "south"):
        operator.set_site_mode(world.bot.context, name, Mode.CORDONED, CAROL.login, "we move")
    approved(world, 1)
    world.once()
    assert world.ticket().site is None
    operator.set_site_mode(world.bot.context, "south", Mode.OPEN, CAROL.login, "moved")
    world.later(minutes=1)
    world.later(minutes=1)
    assert (world.ticket().state, world.ticket().site) == (TicketState.ACTIVE, "south")
    assert [one.why for one in modes.history(world.bot.context.store, "south")] == ["we move", "moved"]


def test_a_site_that_was_taken_down_is_not_asked_for_anything(world: World) -> None:
    with_a_machine(world)
    operator.set_site_mode(world.bot.context, "north", Mode.DOWN, CAROL.login, "the cooling fails")
    world.sites["north"].calls.clear()
    world.answers(world.last(Letter.VM_READY), "status")
    apply(world.bot.context, 1, ReleaseAsked(BY_OWNER))
    apply(world.bot.context, 1, Released(BY_OWNER))
    world.later(hours=3)
    assert world.sites["north"].calls == []
    assert "the cooling fails" in " ".join(words_of(world.last(Letter.STATUS)).split())
    assert world.ticket().state is TicketState.RETIRING
    operator.set_site_mode(world.bot.context, "north", Mode.OPEN, CAROL.login, "cool again")
    world.once()
    assert world.ticket().state is TicketState.ARCHIVED


def test_a_mode_needs_a_reason(world: World) -> None:
    with pytest.raises(operator.Refused, match="needs a reason"):
        operator.set_site_mode(world.bot.context, "north", Mode.CORDONED, CAROL.login, " ")
    assert modes.mode_of(world.bot.context.store, "north") is Mode.OPEN


# what is at a site against its tickets


def lost(world: World) -> None:
    """Somebody deletes user 1's machine by hand."""
    world.sites["north"]._memory.clear()


def test_a_machine_that_disappears_is_found_told_and_left_alone(world: World) -> None:
    with_a_machine(world)
    world.later(hours=2)
    assert drift.kept(world.bot.context.store) == {}
    lost(world)
    for _ in range(3):
        world.later(hours=1)
    (finding,) = drift.kept(world.bot.context.store)["north"]
    assert (finding.drift, finding.ticket) == (Drift.MISSING, 1)
    assert world.ticket().state is TicketState.ACTIVE
    assert world.machines() == {}, "nothing is built or removed by itself"
    world.answers(world.last(Letter.VM_READY), "status")
    assert "no longer at its site" in " ".join(words_of(world.last(Letter.STATUS)).split())


def test_what_is_seen_once_only_is_no_finding(world: World) -> None:
    with_a_machine(world)
    world.later(hours=2)
    kept = dict(world.sites["north"]._memory)
    lost(world)
    reconcile.reconcile(world.bot.context, "north", world.bot.sites["north"])
    world.sites["north"]._memory.update(kept)
    world.later(hours=2)
    assert drift.kept(world.bot.context.store) == {}


def test_what_agrees_again_is_told_no_more(world: World) -> None:
    with_a_machine(world)
    kept = dict(world.sites["north"]._memory)
    lost(world)
    for _ in range(3):
        world.later(hours=1)
    assert "north" in drift.kept(world.bot.context.store)
    world.sites["north"]._memory.update(kept)
    world.later(hours=2)
    assert drift.kept(world.bot.context.store) == {}


def test_a_machine_that_is_built_or_removed_meanwhile_is_no_finding(world: World) -> None:
    for number in range(1, 4):
        operator_asks = Person(f"p{number}", f"P {number}", f"p{number}@example.org", ssh_keys=ALICE.ssh_keys)
        world.directory.put(operator_asks)
        world.writes(operator_asks.email, request_words(operator_asks.login))
        operator.approve(world.bot.context, number, CAROL.login)
        world.later(minutes=30)
        apply(world.bot.context, number, ReleaseAsked(BY_OWNER))
        apply(world.bot.context, number, Released(BY_OWNER))
        world.later(minutes=30)
        assert drift.kept(world.bot.context.store) == {}
