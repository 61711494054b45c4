"""The simulation foretells what the daemon does: the same letters at the same moments, the same steps, the same dates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.model import (
    Action,
    Letter,
    Person,
    Ticket,
    TicketState,
)
from mailbot.simulate import Bounce, Entry, Extension, House, Member, Outage, Scenario, What, simulate
from mailbot.tokens import without_token
from tests.world import ALICE, CAROL, PEOPLE, START, World, key_of, kind_of, request_words
from tests.writing import bounce

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
Seen = tuple[datetime, int, str, str]
"""When, which ticket, which letter or action, to whom."""

FLEET = tuple(
    Person(f"user{number}", f"User {number}", f"user{number}@example.org", ssh_keys=(key_of(f"user{number}"),))
    for number in range(1, 13)
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, people=(*PEOPLE, *FLEET))
    yield made
    made.close()


def gets_a_machine(world: World, login: str, until: str) -> int:
    """From the request to the running machine, all at one moment; gives the ticket's number."""
    before = len(world.letters)
    world.writes(f"{login}@example.org", request_words(login, until=until))
    letter = next(one for one in world.letters[before:] if kind_of(one) is Letter.ADMIN_DECISION)
    world.answers(letter, "approve")
    for _ in range(20):
        ticket = world.bot.context.store.open_ticket_of(login)
        if ticket is not None and ticket.state is TicketState.ACTIVE:
            return ticket.id
        world.later(seconds=5)
    raise AssertionError("the machine was not built")


class Diary:
    """The real daemon over a while, and what it was seen to do."""

    def __init__(self, world: World, outages: Sequence[Outage] = ()) -> None:
        self.world, self.outages = world, outages
        self.letters_before = len(world.letters)
        self.seen: list[Seen] = []
        self.planned: list[tuple[datetime, Callable[[], object]]] = []
        self.histories = {ticket.id: len(world.bot.context.store.history(ticket.id)) for ticket in self._tickets()}

    def _tickets(self) -> list[Ticket]:
        return self.world.bot.context.store.tickets()

    def at(self, moment: datetime, does: Callable[[], object]) -> None:
        """Something happens in the world then, before the daemon looks."""
        self.planned.append((moment, does))
        self.planned.sort(key=lambda one: one[0])

    def lives_until(self, until: datetime) -> list[Seen]:
        world = self.world
        while True:
            due = world.bot.context.store.next_due()
            moments = [moment for moment in (due, self.planned[0][0] if self.planned else None) if moment]
            moment = max(min(moments, default=until), world.now)
            for outage in self.outages:
                moment = outage.until if outage.since <= moment < outage.until else moment
            if moment >= until:
                return sorted(self.seen)
            world.clock.set(moment)
            while self.planned and self.planned[0][0] <= moment:
                self.planned.pop(0)[1]()
            world.once()
            self._look()

    def _look(self) -> None:
        for letter in self.world.letters[self.letters_before :]:
            number = self._number(letter.message_id)
            self.seen.append((self.world.now, number, kind_of(letter).value, letter.envelope_to))
        self.letters_before = len(self.world.letters)
        for ticket in self._tickets():
            history = self.world.bot.context.store.history(ticket.id)
            for line in history[self.histories[ticket.id] :]:
                action = _ACTIONS.get((line.before or line.after, line.after))
                if action is not None:
                    self.seen.append((self.world.now, ticket.id, action.value, ""))
            self.histories[ticket.id] = len(history)

    def _number(self, message_id: str) -> int:
        for ticket in self._tickets():
            if any(
                one.message_id == without_token(message_id) for one in self.world.bot.context.store.accepted(ticket.id)
            ):
                return ticket.id
        return 0


S = TicketState
_ACTIONS = {
    (S.ACTIVE, S.EXPIRED): Action.STOP,
    (S.EXPIRED, S.ACTIVE): Action.START,
    (S.EXPIRED, S.RETIRING): Action.RETIRE,
    (S.ARCHIVED, S.REMOVED): Action.DELETE_DISK,
}


def members(world: World) -> list[Member]:
    store = world.bot.context.store
    people = {person.login: person for person in (*PEOPLE, *FLEET)}
    return [
        Member(
            ticket,
            tuple(store.accepted(ticket.id)),
            addresses=(people[ticket.username].email, *people[ticket.username].aliases),
        )
        for ticket in store.tickets()
    ]


def foretold(world: World, scenario: Scenario) -> list[Seen]:
    future = simulate(members(world), scenario, world.now, House(world.rules, world.admins))
    return as_seen(future.entries)


def as_seen(entries: Sequence[Entry]) -> list[Seen]:
    told = [one for one in entries if one.what in {What.LETTER, What.ACTION}]
    return sorted((one.at, one.ticket, one.name, one.to) for one in told)


def kinds(seen: Sequence[Seen]) -> list[str]:
    return [name for _at, _ticket, name, _to in seen]


def test_a_life_without_a_word_is_foretold_to_its_end(world: World) -> None:
    gets_a_machine(world, "alice", "2027-06-30")
    end = START + 365 * DAY
    told = foretold(world, Scenario(end))
    assert told == Diary(world).lives_until(end)
    assert kinds(told) == [
        *("warning",) * 4,
        *("stop", "vm-stopped", "grace-half", "removal-near"),
        *("retire", "vm-archived", "delete-disk", "vm-removed"),
    ]


def test_the_minutes_that_mail_takes_move_no_date(world: World) -> None:
    gets_a_machine(world, "alice", "2027-06-30")
    slow = timedelta(minutes=20)
    end = START + 365 * DAY
    told = foretold(world, Scenario(end, mail_delay=slow))
    world.postman = MemoryPostman(on_sent=lambda _letter: world.clock.advance(slow))
    world.restart()
    diary = Diary(world)
    diary.letters_before = 0
    lived = diary.lives_until(end)
    assert "date-moved" not in kinds(lived)
    assert sorted(kinds(told)) == sorted(kinds(lived))
    for name in kinds(told):
        moments = zip(
            (at for at, _, one, _ in told if one == name), (at for at, _, one, _ in lived if one == name), strict=True
        )
        assert all(abs(foreseen - seen) <= 2 * slow for foreseen, seen in moments), name


def test_downtime_is_foretold(world: World) -> None:
    gets_a_machine(world, "alice", "2027-03-31")
    end = START + 365 * DAY
    off = (Outage(START + 30 * DAY, START + 95 * DAY), Outage(START + 120 * DAY, START + 150 * DAY))
    told = foretold(world, Scenario(end, outages=off))
    assert told == Diary(world, off).lives_until(end)
    assert "stop" in kinds(told)


def test_an_extension_is_foretold(world: World) -> None:
    number = gets_a_machine(world, "alice", "2027-03-31")
    end = START + 500 * DAY
    asked_at = datetime(2027, 3, 26, 12, tzinfo=UTC)
    told = foretold(world, Scenario(end, extensions=(Extension(number, asked_at, date(2027, 8, 31)),)))
    diary = Diary(world)
    diary.at(asked_at, lambda: world.answers(world.last(Letter.WARNING), "extend until 2027-08-31"))
    diary.at(asked_at + DAY, lambda: world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve"))
    assert told == diary.lives_until(end)
    assert "extension-granted" in kinds(told)


def test_an_extension_that_nobody_decides_is_foretold(world: World) -> None:
    number = gets_a_machine(world, "alice", "2027-03-31")
    end = START + 365 * DAY
    asked_at = datetime(2027, 3, 28, 12, tzinfo=UTC)
    wish = Extension(number, asked_at, date(2027, 8, 31))
    told = foretold(world, Scenario(end, extensions=(wish,), decide_after=None))
    diary = Diary(world)
    diary.at(asked_at, lambda: world.answers(world.last(Letter.WARNING), "extend until 2027-08-31"))
    assert told == diary.lives_until(end)
    assert "extension-lapsed" in kinds(told)


@pytest.mark.parametrize("letter", [Letter.WARNING, Letter.VM_STOPPED, Letter.REMOVAL_NEAR])
def test_a_letter_that_comes_back_is_foretold(world: World, letter: Letter) -> None:
    number = gets_a_machine(world, "alice", "2027-03-31")
    end = START + 365 * DAY
    told = foretold(world, Scenario(end, bounces=(Bounce(number, letter),)))
    diary = Diary(world)
    sent_at = next(at for at, _ticket, name, _to in told if name == letter.value)
    diary.at(sent_at + HOUR, lambda: world.inbox.deliver(bounce(world.last(letter), world.now)))
    assert told == diary.lives_until(end)
    assert "admin-notice-bounced" in kinds(told)
    assert ALICE.aliases[0] in {to for *_, to in told}


def test_the_brake_is_foretold(world: World) -> None:
    for person in FLEET:
        gets_a_machine(world, person.login, "2027-03-31")
    end = START + 250 * DAY
    told = foretold(world, Scenario(end))
    diary = Diary(world)
    pulled = sorted({at for at, _ticket, name, _to in told if name == Letter.ADMIN_BRAKE.value})
    for at in pulled:
        diary.at(at + DAY, lambda: world.answers(world.last(Letter.ADMIN_BRAKE, CAROL.address), "proceed"))
    assert told == diary.lives_until(end)
    assert pulled
    assert kinds(told).count("stop") == len(FLEET)
