"""Handing letters over, one call of `deliver` at a time: what is sent, put back, tried again, given up, or not true any more."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mailbot import operator
from mailbot.adapters.database.store import Database
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.errors import LetterRefused, MailServerUnavailable
from mailbot.letters.compose import composing
from mailbot.lifecycle.notice import ends, removes
from mailbot.model import (
    Action,
    Effect,
    EventKind,
    Letter,
    Notice,
    NoticeOf,
    NoticeStage,
    OutboundMail,
    OutboxItem,
    OwnerState,
    Ticket,
    TicketState,
    Turn,
)
from mailbot.ports import Handover, OutboxState, Settled
from mailbot.turns.deliver import (
    CLAIM,
    FIRST_RETRY,
    LONGEST_RETRY,
    MOST_ATTEMPTS,
    SLOW,
    STALE,
    a_batch,
    deliver,
    most_attempts,
)
from mailbot.turns.leases import Leases
from mailbot.turns.outdated import is_moot, is_void
from mailbot.turns.sight import Sense, what_is_blind
from tests.lives import Life
from tests.world import ALICE, BOB, START, World, kind_of, request_words
from tests.writing import read_letter, words_of

S = TicketState
LATER = LetterRefused(451, "4.3.0 come back later")
NEVER = LetterRefused(550, "5.1.1 no such user here")
AWAY = MailServerUnavailable("smtp.example.org does not answer")


def trouble(number: int, to: str = "") -> Effect:
    """A letter about no ticket."""
    facts = {"why": "a reason", "folder": "Quarantine"}
    return Effect(Action.LETTER, f"x:{number}", Letter.ADMIN_MAIL_TROUBLE, to or f"a{number}@x.example", "A", facts)


def put(world: World, *effects: Effect) -> None:
    world.bot.context.store.commit(Turn(now=world.now, effects=effects))


def states(world: World) -> dict[OutboxState, int]:
    return {one.state: one.rows for one in world.bot.context.store.outbox_counts()}


def senses(world: World) -> list[Sense]:
    return [one.sense for one in what_is_blind(world.bot.context.store)]


def test_every_letter_whose_time_has_come_is_handed_over_and_counted(world: World) -> None:
    put(world, *(trouble(number) for number in range(3)))
    assert deliver(world.bot.context, world.postman) == 3
    assert deliver(world.bot.context, world.postman) == 0
    assert (states(world), len(world.letters)) == ({}, 3)


def test_a_letter_refused_for_now_rests_for_twice_as_long_each_time_and_is_given_up_at_last(world: World) -> None:
    world.postman.faults.plan("send", LATER, times=10**6)
    put(world, trouble(1))
    rests = []
    for _ in range(MOST_ATTEMPTS):
        assert deliver(world.bot.context, world.postman) == 0
        again = world.bot.context.store.next_due()
        if again is not None:
            rests.append(again - world.now)
            world.clock.set(again)
    assert rests[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
    assert rests[-1] == LONGEST_RETRY
    assert len(rests) == MOST_ATTEMPTS - 1
    assert timedelta(days=5) <= sum(rests, LONGEST_RETRY) < timedelta(days=5) + LONGEST_RETRY
    assert states(world) == {OutboxState.FAILED: 1}


def test_a_letter_is_tried_for_five_days_of_answers_and_not_for_much_longer() -> None:
    def rests(attempts: int) -> timedelta:
        return sum((min(FIRST_RETRY * 2**number, LONGEST_RETRY) for number in range(attempts)), timedelta())

    assert rests(most_attempts() - 1) < timedelta(days=5) <= rests(most_attempts())
    assert most_attempts() == MOST_ATTEMPTS


def test_while_no_server_answers_no_attempt_counts_and_none_is_made_for_the_rest(world: World) -> None:
    world.postman.faults.plan("send", AWAY, times=10**6)
    put(world, trouble(1), trouble(2))
    for _ in range(MOST_ATTEMPTS + 2):
        assert deliver(world.bot.context, world.postman) == 0
        assert world.bot.context.store.next_due() == world.now + FIRST_RETRY
        world.clock.advance(FIRST_RETRY)
    assert senses(world) == [Sense.MAIL_SERVER]
    world.postman.faults.planned.clear()
    assert deliver(world.bot.context, world.postman) == 2
    assert [attempts(world, row) for row in (1, 2)] == [1, 1]
    assert senses(world) == []


@pytest.mark.parametrize(("refused", "blind"), [(1, []), (2, [Sense.MAIL_SERVER])])
def test_what_one_address_refuses_is_no_trouble_of_the_server(world: World, refused: int, blind: list[Sense]) -> None:
    world.postman.faults.plan("send", LATER, times=10**6)
    put(world, *(trouble(number) for number in range(refused)))
    deliver(world.bot.context, world.postman)
    assert senses(world) == blind


def test_a_letter_refused_for_good_is_given_up_and_one_to_a_user_is_told_to_admins(world: World) -> None:
    world.postman.faults.plan("send", NEVER, times=1)
    put(world, trouble(1))
    deliver(world.bot.context, world.postman)
    assert (states(world), world.letters) == ({OutboxState.FAILED: 1}, []), "an admin's own is not told to admins"
    world.postman.faults.plan("send", NEVER, times=1)
    stranger = Effect(Action.LETTER, "s:1", Letter.UNKNOWN_SENDER, "mallory@elsewhere.example", "", {"subject": "x"})
    put(world, stranger)
    deliver(world.bot.context, world.postman)
    told = [one for one in world.letters if kind_of(one) is Letter.ADMIN_UNDELIVERED]
    assert {one.envelope_to for one in told} == {admin.address for admin in world.admins}
    assert "mallory@elsewhere.example" in words_of(told[0])


def test_a_slow_server_keeps_a_batch_for_five_minutes_and_no_attempt_of_the_rest_counts(world: World) -> None:
    put(world, *(trouble(number) for number in range(12)))
    real, began = world.postman.send, []

    class Slow:
        def send(self, letter: OutboundMail) -> str:
            began.append(world.now)
            world.clock.advance(SLOW / 3)
            return real(letter)

    assert deliver(world.bot.context, Slow()) == 12
    assert len(began) == 12
    assert len({one.message_id for one in world.letters}) == 12, "none was sent twice"
    rows = [world.bot.context.store.overview.row(number) for number in range(1, 13)]
    assert {row.attempts for row in rows if row} == {1}, "what was put back is handed over for the first time"


COMPOSING = "mailbot.turns.deliver.composing"
Written = Generator[None, None, OutboundMail]


class Early(MemoryPostman):
    """A server that takes each letter at once and answers when it is asked; `takes` is how long that lasts, `lost` whose answer is lost."""

    def __init__(self, world: World, takes: Sequence[timedelta] = (), lost: str = "") -> None:
        super().__init__()
        self.world, self.takes, self.lost = world, list(takes), lost
        self.told: list[str] = []

    def begin(self, letter: OutboundMail) -> Handover:
        self.told.append(f"takes {letter.envelope_to}")
        answer = self.send(letter)

        def hear() -> str:
            self.told.append(f"answers {letter.envelope_to}")
            self.world.clock.advance(self.takes.pop(0) if self.takes else timedelta())
            if letter.envelope_to == self.lost:
                raise AWAY
            return answer

        return OnItsWay(hear)


class OnItsWay:
    """A letter that the server has, and to which it answers when it is waited for; at once where `answers` is set."""

    def __init__(self, hear: Callable[[], str]) -> None:
        self.answer = hear
        self.answers = False

    def go_on(self) -> bool:
        return self.answers


def test_the_next_letter_is_written_while_the_server_takes_the_one_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, *(trouble(number) for number in range(3)))
    postman = Early(world)

    def noted(item: OutboxItem, *rest: Any) -> Written:
        postman.told.append(f"written to {item.effect.to}")
        return (yield from composing(item, *rest))

    monkeypatch.setattr(COMPOSING, noted)
    assert deliver(world.bot.context, postman) == 3
    first, second, third = (f"a{number}@x.example" for number in range(3))
    assert postman.told == [
        *(f"written to {first}", f"takes {first}", f"written to {second}", f"answers {first}", f"takes {second}"),
        *(f"written to {third}", f"answers {second}", f"takes {third}", f"answers {third}"),
    ]
    assert states(world) == {}


def test_a_letter_that_waited_long_for_the_answer_before_it_is_written_as_things_are_by_then(world: World) -> None:
    put(world, trouble(1), trouble(2))
    postman = Early(world, takes=[timedelta(minutes=4)])
    assert deliver(world.bot.context, postman) == 2
    assert [one["Date"].datetime for one in map(read_letter, postman.letters)] == [
        world.now - timedelta(minutes=4),
        world.now,
    ]


def test_whoever_stops_waits_for_one_slow_answer_and_no_other(world: World) -> None:
    put(world, *(trouble(number) for number in range(4)))
    postman, until = Early(world, takes=[timedelta(minutes=4)] * 4), world.now + STALE
    assert deliver(world.bot.context, postman, lambda: world.now > until) == 1
    assert postman.told == ["takes a0@x.example", "answers a0@x.example"]
    assert states(world) == {"waiting": 3}
    assert deliver(world.bot.context, postman) == 3, "they are due at once"


def test_whoever_stops_asks_the_directory_about_no_further_letter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.writes(ALICE.email, request_words())
    to_owner = Effect(Action.LETTER, "x:1", Letter.REQUEST_RECEIVED, ALICE.email, ALICE.name, {})
    world.bot.context.store.commit(Turn(now=world.now, about_ticket=1, effects=(to_owner,)))
    asked: list[int] = []
    monkeypatch.setattr("mailbot.turns.owners.owner_of", lambda _context, ticket: asked.append(ticket.id))
    claimed = iter((False,))
    assert deliver(world.bot.context, world.postman, lambda: next(claimed, True)) == 0
    assert asked == []
    assert world.bot.context.store.next_due() == world.now


TWENTY = 20
"""So many rows are settled two at a time."""


class Talking(Early):
    """A server that answers to a letter when the test has it answer; `waited` are those whose answer was waited for."""

    def __init__(self, world: World, refused: str = "") -> None:
        super().__init__(world)
        self.refused = refused
        self.letters_begun: list[OnItsWay] = []
        self.waited: list[str] = []

    def begin(self, letter: OutboundMail) -> Handover:
        self.told.append(f"takes {letter.envelope_to}")

        def hear() -> str:
            if not begun.answers:
                self.waited.append(letter.envelope_to)
            if letter.envelope_to == self.refused:
                raise LetterRefused(452, "4.2.2 mailbox full")
            return self.send(letter)

        begun = OnItsWay(hear)
        self.letters_begun.append(begun)
        return begun


def test_the_next_letter_is_begun_without_waiting_and_without_the_store(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, *(trouble(number) for number in range(TWENTY)))
    postman = Talking(world)
    delivery = a_batch(world.bot.context, postman)
    assert next(delivery)(), "one is on its way, and another may be written"
    go_on = next(delivery)
    assert not go_on(), "the second one waits"
    with monkeypatch.context() as away:
        away.setattr(type(world.bot.context.store), "settle", None)
        postman.letters_begun[0].answers = True
        assert go_on()
        assert postman.told == ["takes a0@x.example", "takes a1@x.example"]
    assert states(world) == {OutboxState.WAITING: TWENTY}, "settled when letters have their turn"
    delivery.close()
    assert states(world) == {OutboxState.WAITING: TWENTY - 2}, "and what was begun is settled in any case"


def test_a_batch_that_is_broken_off_begins_no_letter(world: World) -> None:
    put(world, *(trouble(number) for number in range(TWENTY)))
    postman = Talking(world)
    delivery = a_batch(world.bot.context, postman)
    next(delivery)
    next(delivery)
    delivery.close()
    assert postman.told == ["takes a0@x.example"]
    assert states(world) == {OutboxState.WAITING: TWENTY - 1}
    assert world.bot.context.store.next_due() == world.now, "what was written is put back"


@pytest.mark.parametrize("letters", [1, 2, 3])
def test_a_small_batch_comes_to_its_end_without_waiting(world: World, letters: int) -> None:
    put(world, *(trouble(number) for number in range(letters)))
    postman = Talking(world)
    delivery = a_batch(world.bot.context, postman)
    go_on = next(delivery, None)
    for _ in range(20):
        if go_on is not None and go_on():
            go_on = next(delivery, None)
        else:
            postman.letters_begun[-1].answers = True
    assert go_on is None
    assert postman.waited == []
    assert (len(postman.letters), states(world)) == (letters, {})


def test_while_the_last_letter_is_not_answered_the_batch_is_not_ended(world: World) -> None:
    put(world, trouble(0), trouble(1))
    postman = Talking(world)
    delivery = a_batch(world.bot.context, postman)
    next(delivery)
    go_on = next(delivery)
    postman.letters_begun[0].answers = True
    assert go_on()
    go_on = next(delivery)
    assert go_on(), "the first is settled before the second is begun"
    go_on = next(delivery)
    assert postman.told == ["takes a0@x.example", "takes a1@x.example"]
    assert [go_on() for _ in range(3)] == [False] * 3
    postman.letters_begun[1].answers = True
    assert go_on()
    with pytest.raises(StopIteration):
        next(delivery)
    assert states(world) == {}


def test_a_letter_whose_answer_was_lost_late_is_not_due_at_once(world: World) -> None:
    put(world, trouble(0))
    postman = Early(world, takes=[timedelta(minutes=5)], lost="a0@x.example")
    assert deliver(world.bot.context, postman) == 0
    assert world.bot.context.store.next_due() == world.now + FIRST_RETRY


def test_no_more_letters_are_begun_than_are_settled_at_once(world: World) -> None:
    put(world, *(trouble(number) for number in range(TWENTY)))
    postman = Talking(world)
    delivery = a_batch(world.bot.context, postman)
    assert next(delivery)()
    postman.letters_begun[0].answers = True
    assert next(delivery)()
    go_on = next(delivery)
    assert not go_on(), "the third waits for the second"
    postman.letters_begun[1].answers = True
    assert go_on()
    assert len(postman.letters_begun) == 2
    assert states(world) == {OutboxState.WAITING: TWENTY}
    next(delivery)
    assert len(postman.letters_begun) == 3
    assert states(world) == {OutboxState.WAITING: TWENTY - 2}


def test_after_a_letter_that_failed_the_next_one_is_written_anew_at_its_turn(world: World) -> None:
    put(world, *(trouble(number) for number in range(TWENTY)))
    postman = Talking(world, refused="a0@x.example")
    delivery = a_batch(world.bot.context, postman)
    next(delivery)
    go_on = next(delivery)
    world.clock.advance(timedelta(seconds=1))
    postman.letters_begun[0].answers = True
    assert go_on(), "what follows from the refusal is for the next turn of letters"
    assert len(postman.letters_begun) == 1
    next(delivery)
    delivery.close()
    (letter,) = postman.letters
    assert (letter.envelope_to, read_letter(letter)["Date"].datetime) == ("a1@x.example", world.now)
    assert states(world) == {OutboxState.WAITING: TWENTY - 1}


def test_a_letter_that_waited_too_long_is_not_begun_between_mails(world: World) -> None:
    put(world, *(trouble(number) for number in range(TWENTY)))
    postman = Talking(world)
    delivery = a_batch(world.bot.context, postman)
    next(delivery)
    go_on = next(delivery)
    world.clock.advance(STALE + timedelta(seconds=1))
    postman.letters_begun[0].answers = True
    assert go_on()
    assert len(postman.letters_begun) == 1
    next(delivery)
    delivery.close()
    assert [one["Date"].datetime for one in map(read_letter, postman.letters)] == [
        world.now - STALE - timedelta(seconds=1),
        world.now,
    ]


def test_a_letter_is_written_from_its_ticket_as_it_was_no_more_than_a_moment_ago(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, *(trouble(number) for number in range(TWENTY - 1)))
    row = to_owner(world)
    store = world.bot.context.store
    revisions: list[int] = []

    def noted(item: OutboxItem, ticket: Ticket | None, *rest: Any) -> Written:
        if item.id == row and ticket is not None:
            revisions.append(ticket.revision)
        return (yield from composing(item, ticket, *rest))

    monkeypatch.setattr(COMPOSING, noted)
    delivery = a_batch(world.bot.context, Early(world))
    for _ in range(TWENTY - 1):
        next(delivery)  # the ticket is read with that of the letter before
    ticket = store.ticket(1)
    assert ticket is not None
    store.commit(Turn(now=world.now, ticket=ticket, expected_revision=ticket.revision))
    world.clock.advance(STALE + timedelta(seconds=1))
    next(delivery)
    assert revisions == [ticket.revision + 1]
    delivery.close()


def test_a_letter_that_cannot_be_written_fails_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, *(trouble(number) for number in range(TWENTY)))

    def broken(item: OutboxItem, *rest: Any) -> Written:
        yield
        if item.effect.to == "a1@x.example":
            raise ZeroDivisionError
        return (yield from composing(item, *rest))

    monkeypatch.setattr(COMPOSING, broken)
    postman = Early(world)
    assert deliver(world.bot.context, postman) == TWENTY - 1
    assert world.bot.context.store.overview.row_state(2) is OutboxState.FAILED


def test_a_slow_directory_makes_no_letter_stale(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, *(trouble(number) for number in range(4)))

    def slow(item: OutboxItem, *rest: Any) -> Written:
        world.clock.advance(timedelta(seconds=11))
        return (yield from composing(item, *rest))

    monkeypatch.setattr(COMPOSING, slow)
    postman = Early(world)
    assert deliver(world.bot.context, postman) == 4
    assert len(postman.letters) == 4


def test_what_the_server_took_is_settled_whatever_is_raised_for_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, *(trouble(number) for number in range(2)))
    postman = Early(world)
    holds = Leases.holds

    def broken(leases: Leases, item: OutboxItem) -> bool:
        if item.effect.to == "a1@x.example":
            raise ZeroDivisionError
        return holds(leases, item)

    monkeypatch.setattr(Leases, "holds", broken)
    with pytest.raises(ZeroDivisionError):
        deliver(world.bot.context, postman)
    assert [world.bot.context.store.overview.row_state(row) for row in (1, 2)] == [
        OutboxState.DONE,
        OutboxState.WAITING,
    ]


def test_each_letter_of_a_small_batch_is_settled_before_the_next_one_is_begun(world: World) -> None:
    put(world, *(trouble(number) for number in range(3)))
    settled: list[int] = []

    class Looking(Early):
        def begin(self, letter: OutboundMail) -> Handover:
            overview = world.bot.context.store.overview
            settled.append(sum(overview.row_state(row) is OutboxState.DONE for row in (1, 2, 3)))
            return super().begin(letter)

    assert deliver(world.bot.context, Looking(world)) == 3
    assert settled == [0, 1, 2]


def test_a_letter_is_written_again_from_the_ticket_as_it_was_changed_while_the_one_before_was_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world, trouble(1))
    row = to_owner(world)
    store = world.bot.context.store
    written: list[tuple[int, int]] = []

    def noted(item: OutboxItem, ticket: Ticket | None, *rest: Any) -> Written:
        written.append((item.id, ticket.revision if ticket else 0))
        return (yield from composing(item, ticket, *rest))

    class Slow(Early):
        def begin(self, letter: OutboundMail) -> Handover:
            begun = super().begin(letter)

            def changed_meanwhile() -> str:
                ticket = store.ticket(1)
                assert ticket is not None
                store.commit(Turn(now=world.now, ticket=ticket, expected_revision=ticket.revision))
                return begun.answer()

            return OnItsWay(changed_meanwhile)

    monkeypatch.setattr(COMPOSING, noted)
    assert deliver(world.bot.context, Slow(world, takes=[timedelta(minutes=2)])) == 2
    assert written == [(1, 0), (row, 1), (row, 2)]


def test_when_the_answer_before_it_never_comes_a_written_letter_is_put_back(world: World) -> None:
    put(world, *(trouble(number) for number in range(3)))
    postman = Early(world, lost="a1@x.example")
    assert deliver(world.bot.context, postman) == 1
    assert [letter.envelope_to for letter in postman.letters] == ["a0@x.example", "a1@x.example"]
    assert states(world) == {OutboxState.WAITING: 2}
    world.clock.advance(FIRST_RETRY)
    assert deliver(world.bot.context, world.postman) == 2


def test_nothing_is_sent_any_more_when_the_daemon_ends(world: World) -> None:
    put(world, *(trouble(number) for number in range(3)))
    assert deliver(world.bot.context, world.postman, lambda: bool(world.letters)) == 1
    assert (states(world), len(world.letters)) == ({OutboxState.WAITING: 2}, 1)
    assert deliver(world.bot.context, world.postman) == 2


class Counting(Database):
    """Remembers how many letters were settled together."""

    together: ClassVar[list[int]] = []

    def settle(self, results: Sequence[Settled], now: datetime) -> None:
        self.together.append(len(results))
        super().settle(results, now)


@pytest.mark.parametrize(("letters", "sizes"), [(5, [1] * 5), (29, [2] * 14 + [1]), (30, [3] * 10)])
def test_what_a_crash_can_send_twice_stays_a_tenth_of_a_batch(tmp_path: Path, letters: int, sizes: list[int]) -> None:
    world = World(tmp_path, database=Counting)
    put(world, *(trouble(number) for number in range(letters)))
    Counting.together.clear()
    assert deliver(world.bot.context, world.postman) == letters
    assert Counting.together == sizes
    world.close()


def test_more_letters_than_one_batch_takes_leave_in_one_call(world: World) -> None:
    put(world, *(trouble(number) for number in range(CLAIM + 1)))
    assert deliver(world.bot.context, world.postman) == CLAIM + 1


def test_a_letter_that_cannot_be_written_stops_no_other_and_is_told_to_admins(world: World) -> None:
    broken = Effect(Action.LETTER, "s:1", Letter.VM_READY, ALICE.email, "Alice", {"nonsense": "x"})
    put(world, broken, trouble(1))
    deliver(world.bot.context, world.postman)
    assert sorted({kind_of(one) for one in world.letters}) == [Letter.ADMIN_MAIL_TROUBLE, Letter.ADMIN_UNDELIVERED]


def test_a_defect_of_the_way_to_the_server_counts_as_an_attempt_and_stops_no_other(world: World) -> None:
    world.postman.faults.plan("send", RuntimeError("a defect"), times=1)
    put(world, trouble(1), trouble(2))
    assert deliver(world.bot.context, world.postman) == 1
    world.clock.advance(FIRST_RETRY)
    assert deliver(world.bot.context, world.postman) == 1
    assert attempts(world, 1) == 2


# where a letter goes


def attempts(world: World, row: int) -> int:
    item = world.bot.context.store.overview.row(row)
    assert item is not None
    return item.attempts


def to_owner(world: World, to: str = ALICE.email, letter: Letter = Letter.VM_READY, **changed: Any) -> int:
    """A letter to the owner of a living machine, who is as the directory is known to have them; gives its row."""
    store = world.bot.context.store
    life = Life(date(2027, 3, 31))
    ticket = replace(life.ticket, id=0, revision=0, person_id="memory:alice", **changed)
    effect = replace(life.last(Letter.VM_READY), key="k", letter=letter, to=to)
    stored = store.commit(Turn(now=world.now, ticket=ticket))
    assert stored is not None
    store.commit(Turn(now=world.now, about_ticket=stored.id, effects=(effect,)))
    (row,) = store.overview.queue(stored.id)
    return row.id


def sent_to(world: World) -> list[str]:
    deliver(world.bot.context, world.postman)
    return [one.envelope_to for one in world.letters]


@pytest.mark.parametrize("to", [ALICE.email, ALICE.email.upper(), *ALICE.aliases])
def test_any_address_of_the_owners_is_written_to_as_it_is(world: World, to: str) -> None:
    to_owner(world, to)
    assert sent_to(world) == [to]


def test_an_address_that_is_nobodys_any_more_becomes_the_owners_own(world: World) -> None:
    to_owner(world, "alice@before.example.org")
    assert sent_to(world) == [ALICE.email]


def test_whoever_left_is_written_to_at_the_last_address_unless_it_is_somebody_elses(world: World) -> None:
    world.directory.remove("alice")
    to_owner(world)
    assert sent_to(world) == [ALICE.email]


def test_somebody_elses_address_gets_nothing_and_nothing_is_given_up_for_it(world: World) -> None:
    world.directory.remove("alice")
    row = to_owner(world, BOB.email)
    assert sent_to(world) == []
    assert world.bot.context.store.overview.row_state(row) is OutboxState.CANCELLED


@pytest.mark.parametrize(
    ("owner", "sent"),
    [
        (OwnerState.ACTIVE, [ALICE.email]),
        (OwnerState.NAMESAKE, [ALICE.email]),
        (OwnerState.LOCKED, [ALICE.email]),
        (OwnerState.GONE, []),
        (OwnerState.SUCCEEDED, []),
    ],
)
def test_while_the_directory_is_away_only_a_known_owner_is_written_to(
    world: World, owner: OwnerState, sent: list[str]
) -> None:
    row = to_owner(world, owner=owner)
    world.directory.down = True
    assert sent_to(world) == sent
    if not sent:
        assert world.bot.context.store.next_due() == world.now + FIRST_RETRY
        for _ in range(MOST_ATTEMPTS):
            world.clock.advance(FIRST_RETRY)
            assert sent_to(world) == []
        world.directory.down = False
        world.clock.advance(FIRST_RETRY)
        assert sent_to(world) == [ALICE.email]
        assert attempts(world, row) == 1, "waiting for the directory is no attempt"


def test_whoever_had_a_machine_is_told_at_the_address_of_now_that_another_has_it(world: World) -> None:
    to_owner(world)
    deliver(world.bot.context, world.postman)
    operator.change_owner(world.bot.context, 1, "carol", "bob", "a new project")
    world.directory.put(replace(ALICE, email="alice@new.example.org", aliases=()))
    deliver(world.bot.context, world.postman)
    assert world.last(Letter.VM_PASSED_ON).envelope_to == "alice@new.example.org"


# what came back


def test_notice_that_is_refused_for_good_goes_to_the_owners_other_address(world: World) -> None:
    life = Life(date(2027, 3, 31))
    life.pass_until(life.now + timedelta(days=120))
    ticket = replace(life.ticket, id=0, revision=0, person_id="memory:alice")
    world.clock.set(life.now)
    store = world.bot.context.store
    store.commit(Turn(now=world.now, ticket=ticket))
    store.commit(Turn(now=world.now, about_ticket=1, effects=(life.last(Letter.WARNING),)))
    world.postman.refuse(ALICE.email, 550, "5.1.1 no such user here")
    deliver(world.bot.context, world.postman)
    assert store.history(1)[-1].event is EventKind.RETURNED
    assert {kind_of(one) for one in world.letters} == {Letter.ADMIN_NOTICE_BOUNCED}
    world.once()
    assert world.last(Letter.WARNING).envelope_to == ALICE.aliases[0]


def test_what_is_refused_for_good_and_is_no_notice_is_told_to_admins(world: World) -> None:
    to_owner(world)
    world.postman.refuse(ALICE.email, 550, "5.1.1 no such user here")
    assert sent_to(world) == [admin.address for admin in world.admins]
    assert {kind_of(one) for one in world.letters} == {Letter.ADMIN_UNDELIVERED}
    assert world.bot.context.store.history(1) == []


def test_what_was_cancelled_meanwhile_is_not_given_up(world: World) -> None:
    row = to_owner(world)
    store = world.bot.context.store

    class Refusing:
        def send(self, _letter: OutboundMail) -> str:
            store.commit(Turn(now=world.now, about_ticket=1, cancel_keys=("k",)))
            raise NEVER

    assert deliver(world.bot.context, Refusing()) == 0
    assert store.overview.row_state(row) is OutboxState.CANCELLED
    assert sent_to(world) == []


# what is not true any more


@pytest.mark.parametrize(
    ("letter", "still", "over"),
    [
        (Letter.REQUEST_RECEIVED, {"state": S.PENDING}, {"state": S.APPROVED}),
        (Letter.CONFIRM_REQUEST, {"state": S.UNCONFIRMED}, {"state": S.PENDING}),
        (Letter.RELEASE_CONFIRM, {"release_asked_at": START}, {"release_asked_at": None}),
        (Letter.REINSTALL_CONFIRM, {"reinstall_asked_at": START}, {"reinstall_asked_at": None}),
        (Letter.VM_READY, {"state": S.ACTIVE}, {}),
    ],
)
def test_a_question_that_is_over_is_not_sent_any_more(
    world: World, letter: Letter, still: dict[str, Any], over: dict[str, Any]
) -> None:
    item = world.bot.context.store.overview.row(to_owner(world, letter=letter))
    assert item is not None
    ticket = world.ticket()
    assert not is_moot(item, replace(ticket, **still))
    assert is_moot(item, replace(ticket, **over)) is bool(over)
    assert not is_moot(item, None)


@pytest.mark.parametrize(
    "letter", [Letter.ADMIN_DECISION, Letter.ADMIN_REMINDER, Letter.ADMIN_BUILD_FAILED, Letter.ADMIN_UNPROVEN]
)
def test_a_question_to_admins_is_over_with_the_version_that_it_asks_about(world: World, letter: Letter) -> None:
    item = world.bot.context.store.overview.row(to_owner(world, letter=letter))
    assert item is not None
    assert not is_moot(item, replace(world.ticket(), version=item.version))
    assert is_moot(item, replace(world.ticket(), version=item.version + 1))


def test_a_move_is_announced_only_of_a_machine_that_runs_and_a_deletion_always() -> None:
    for state in TicketState:
        ticket = announced(state)
        assert is_void(Notice(NoticeOf.MOVE, NoticeStage.WARNING), ticket) is (state is not S.ACTIVE)
        assert not is_void(Notice(NoticeOf.DISK, NoticeStage.WARNING), ticket)


def announced(state: TicketState) -> Ticket:
    life = Life(date(2027, 3, 31))
    return replace(life.ticket, state=state, ended_at=life.now, remove_at=life.now + timedelta(days=14))


@pytest.mark.parametrize("state", list(TicketState))
def test_a_warning_is_true_for_the_end_that_it_names_of_a_machine_that_runs(state: TicketState) -> None:
    ticket = announced(state)
    notice = ends(ticket, NoticeStage.WARNING, 1)
    assert is_void(notice, ticket) is (state is not S.ACTIVE)
    assert is_void(notice, replace(ticket, end_date=date(2027, 4, 1)))
    assert not is_void(None, ticket)
    assert not is_void(notice, None)


@pytest.mark.parametrize("state", list(TicketState))
def test_a_letter_about_the_removal_is_true_for_the_stop_that_it_follows(state: TicketState) -> None:
    ticket = announced(state)
    notice = removes(ticket, NoticeStage.LAST)
    assert is_void(notice, ticket) is (state is not S.EXPIRED)
    assert is_void(notice, replace(ticket, ended_at=None))


@pytest.mark.parametrize(("waited", "left"), [(0, 7), (0.4, 7), (1, 6), (6, 1), (7, 0), (30, 0)])
def test_a_warning_that_waited_says_the_days_that_are_left_now(world: World, waited: float, left: int) -> None:
    world.writes(ALICE.email, request_words())
    life = Life(date(2027, 3, 31))
    life.pass_until(life.now + timedelta(days=120))
    warning = life.last(Letter.WARNING)
    facts = {**warning.facts, "days_left": 7}
    world.bot.context.store.commit(
        Turn(now=world.now, about_ticket=1, effects=(replace(warning, facts=facts, notice=None),))
    )
    world.clock.advance(timedelta(days=waited))
    deliver(world.bot.context, world.postman)
    letter = world.last(Letter.WARNING)
    assert f"({left} day" in str(read_letter(letter)["Subject"])
