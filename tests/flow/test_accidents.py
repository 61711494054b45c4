"""Accidents that come in the wrong order: work that had to wait, servers that refuse, people who are faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mailbot import operator, passes
from mailbot.adapters.database.store import Database
from mailbot.adapters.directory.memory import MemoryDirectory
from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.adapters.reading.direct import DirectReader
from mailbot.adapters.smtp.memory import MemoryPostman
from mailbot.errors import DirectoryUnavailable, MailServerUnavailable
from mailbot.machines.work import SLOW
from mailbot.model import (
    Action,
    Effect,
    Letter,
    MailKey,
    OutboundMail,
    Person,
    Ticket,
    TicketState,
    Turn,
)
from mailbot.ports import Fetched, Folder, Handover
from mailbot.rules import Rules, TrustRules
from mailbot.sending import MAILS_BETWEEN
from mailbot.turns.ahead import READ_AHEAD
from mailbot.turns.judgement import STRANGERS_PER_DAY
from mailbot.turns.receive import receive
from parsers.values import ReadingRules, Understanding
from provisioner.api import VmFacts, VmSpec
from provisioner.fake import FakeSite
from tests.world import ALICE, CAROL, PEOPLE, Raising, World, kind_of, request_words
from tests.writing import SUPPORT, mail, words_of

SUBJECT = "Persistent Virtual Machine Creation"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, sites=("north",))
    yield world
    world.close()


def asked(world: World) -> None:
    world.writes(ALICE.email, request_words())


# work that had to wait


def running(world: World) -> None:
    asked(world)
    world.answers(world.last(Letter.ADMIN_DECISION, to=CAROL.address), "approve")
    world.later(minutes=5)
    assert world.ticket().state is TicketState.ACTIVE


def test_a_guest_is_asked_to_shut_down_however_long_the_work_had_to_wait(world: World) -> None:
    running(world)
    world.answers(world.last(Letter.VM_READY), "release")
    operator.pause(world.bot.context, CAROL.login, "the machine room is warm")
    world.answers(world.last(Letter.RELEASE_CONFIRM), "confirm")
    world.later(hours=3)
    world.sites["north"].calls.clear()
    operator.resume(world.bot.context, CAROL.login)
    world.once()
    assert "request_stop" in world.sites["north"].calls
    assert "power_off" not in world.sites["north"].calls


def test_a_build_that_had_to_wait_has_all_its_time(world: World) -> None:
    asked(world)
    operator.pause(world.bot.context, CAROL.login, "the weekend")
    world.answers(world.last(Letter.ADMIN_DECISION, to=CAROL.address), "approve")
    world.later(hours=60)
    world.sites["north"].faults = replace(world.sites["north"].faults, polls_until_ready=3)
    operator.resume(world.bot.context, CAROL.login)
    world.once()
    assert world.ticket().state is TicketState.APPROVED
    for _ in range(5):
        world.later(seconds=30)
    assert world.ticket().state is TicketState.ACTIVE


def test_while_the_bot_is_paused_no_host_is_chosen_for_a_build(world: World) -> None:
    asked(world)
    operator.pause(world.bot.context, CAROL.login, "the pool is being moved")
    world.answers(world.last(Letter.ADMIN_DECISION, to=CAROL.address), "approve")
    world.later(hours=3)
    assert (world.ticket().state, world.ticket().site) == (TicketState.APPROVED, None)
    operator.resume(world.bot.context, CAROL.login)
    for _ in range(5):
        world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE


def booting(world: World) -> None:
    world.sites["north"].faults = replace(world.sites["north"].faults, never_ready=True)
    asked(world)
    world.answers(world.last(Letter.ADMIN_DECISION, to=CAROL.address), "approve")
    world.later(minutes=1)


def test_a_build_that_had_begun_before_the_bot_was_off_has_its_time(world: World) -> None:
    booting(world)
    world.clock.advance(timedelta(hours=30))
    world.restart()
    world.sites["north"].faults = replace(world.sites["north"].faults, never_ready=False, polls_until_ready=5)
    for _ in range(10):
        world.later(seconds=10)
    assert world.ticket().state is TicketState.ACTIVE


def test_a_machine_that_never_gets_ready_is_given_up_after_the_hours_that_it_was_looked_at(world: World) -> None:
    booting(world)
    hours = world.rules.lease.build_hours
    for _ in range(hours * 6 - 1):
        world.later(minutes=10)
    assert world.ticket().state is TicketState.APPROVED
    for _ in range(3):
        world.later(minutes=10)
    assert world.ticket().state is TicketState.FAILED
    assert "was not ready after" in " ".join(words_of(world.last(Letter.ADMIN_BUILD_FAILED)).split())
    assert world.machines() == {}


def test_how_things_stand_is_told_while_other_work_on_the_machine_cannot_be_done(world: World) -> None:
    running(world)
    ready = world.last(Letter.VM_READY)
    start = Effect(Action.START, "start:again")
    world.bot.context.store.commit(Turn(now=world.now, about_ticket=1, effects=(start,)))
    world.sites["north"].faults = replace(world.sites["north"].faults, unreachable=True)
    world.once()
    world.answers(ready, "status")
    assert "does not answer at the moment" in words_of(world.last(Letter.STATUS))


# mail


class Silent(MemoryInbox):
    """A mailbox whose server has mails and does not give them."""

    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        for fetched in super().fetch(after, also, since):
            yield Fetched(fetched.key, None, fetched.size_bytes, b"\r\n")


def test_two_mails_that_the_server_does_not_give_both_go_to_quarantine(world: World) -> None:
    for _ in range(2):
        world.inbox.deliver(mail(ALICE.email, "hello", "hello", world.now))
    passes.once(replace(world.bot, inbox=Silent(folders=world.inbox._folders)))
    assert len(world.inbox._folders.uids(Folder.QUARANTINE)) == 2
    assert len([one for one in world.letters if one.envelope_to == CAROL.address]) == 2


def test_mail_is_read_on_where_none_can_be_moved(world: World) -> None:
    world.inbox.faults.plan("file_away", MailServerUnavailable("NO [OVERQUOTA]"), times=10**6)
    asked(world)
    world.inbox.deliver(mail("bob@example.org", SUBJECT, request_words("bob"), world.now))
    passes.tick(world.bot)
    assert world.ticket(2).username == "bob"


class Failing(DirectReader):
    """It fails on mails with a word, as where no memory is left; with SystemExit the whole process ends, as where the kernel has none."""

    def __init__(self, rules: ReadingRules, word: bytes, error: type[BaseException]) -> None:
        super().__init__(rules)
        self.word, self.error = word, error

    def read(self, raw: bytes, now: datetime) -> Understanding:
        if self.word in raw:
            raise self.error
        return super().read(raw, now)


def test_a_mail_that_the_reader_fails_on_stops_nothing(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, "poison", "hello", world.now))
    world.inbox.deliver(mail("bob@example.org", SUBJECT, request_words("bob"), world.now))
    bot = replace(world.bot, reader=Failing(world.bot.context.reading(world.now), b"poison", MemoryError))
    assert passes.tick(bot).troubles == []
    assert world.ticket().username == "bob"
    for _ in range(3):
        world.clock.advance(timedelta(minutes=10))
        passes.tick(bot)
    assert len(world.inbox._folders.uids(Folder.QUARANTINE)) == 1


class WhileAsked(MemoryDirectory):
    """While it is first asked for an address, something else happens."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(PEOPLE)
        self.happens = [meanwhile]

    def by_address(self, address: str) -> Person | None:
        if self.happens:
            self.happens.pop()()
        return super().by_address(address)


def test_of_two_copies_that_are_judged_at_once_one_acts(world: World) -> None:
    incomplete = mail(ALICE.email, SUBJECT, request_words(until="some day"), world.now)
    world.inbox.deliver(incomplete)
    elsewhere = MemoryInbox("machines@testbed.example")
    elsewhere.deliver(b"Received: by mx2.example.org\r\n" + incomplete)
    other = replace(world.bot, inbox=elsewhere, account=elsewhere.position().account)
    context = replace(world.bot.context, directory=WhileAsked(lambda: passes.tick(other)))
    assert passes.tick(replace(world.bot, context=context)).troubles == []
    assert [kind_of(letter) for letter in world.letters] == [Letter.REQUEST_PROBLEMS]
    for inbox in (world.inbox, elsewhere):
        assert len(inbox.folder(Folder.HANDLED)) == 1


@pytest.mark.parametrize("error", [DirectoryUnavailable("away"), ValueError("a defect")])
def test_a_copy_is_put_away_whatever_stands_in_the_way_of_judging_it(world: World, error: Exception) -> None:
    request = mail(ALICE.email, SUBJECT, request_words(), world.now)
    world.arrives(request)
    letters = len(world.letters)
    world.inbox.deliver(b"Received: by lists.example.org\r\n" + request)
    context = replace(world.bot.context, directory=Raising(error))
    passes.tick(replace(world.bot, context=context))
    assert len(world.inbox.folder(Folder.HANDLED)) == 2
    assert context.store.retrying() == 0
    world.once()
    assert len(world.letters) == letters


class Ahead(DirectReader):
    """It remembers how many mails were begun before each answer was asked for."""

    def __init__(self, rules: ReadingRules) -> None:
        super().__init__(rules)
        self.begun = 0
        self.begun_at_answer: list[int] = []

    def begin(self, raw: bytes, now: datetime) -> Callable[[], Understanding]:
        self.begun += 1
        return partial(self._answer, raw, now)

    def _answer(self, raw: bytes, now: datetime) -> Understanding:
        self.begun_at_answer.append(self.begun)
        return self.read(raw, now)


def test_mails_are_read_while_the_one_in_front_of_them_is_committed(world: World) -> None:
    for number in range(READ_AHEAD + 3):
        world.inbox.deliver(mail(ALICE.email, f"lunch {number}", "At noon?", world.now))
    reader = Ahead(world.bot.context.reading(world.now))
    receive(world.bot.context, world.inbox, reader)
    most = READ_AHEAD + 3
    assert reader.begun_at_answer == [min(READ_AHEAD + 1 + number, most) for number in range(most)]


def test_nothing_is_read_ahead_after_a_pass_that_did_not_end(world: World) -> None:
    for number in range(3):
        world.inbox.deliver(mail(ALICE.email, f"lunch {number}", "At noon?", world.now))
    world.inbox.deliver(mail(ALICE.email, "deadly", "hello", world.now))
    with pytest.raises(SystemExit):
        passes.tick(replace(world.bot, reader=Failing(world.bot.context.reading(world.now), b"deadly", SystemExit)))
    for number in range(3):
        world.inbox.deliver(mail(ALICE.email, f"dinner {number}", "At eight?", world.now))
    world.restart()
    reader = Ahead(world.bot.context.reading(world.now))
    receive(world.bot.context, world.inbox, reader)
    assert reader.begun_at_answer == [1, 2, 3, 4]


def test_what_the_server_gave_before_it_went_away_is_handled(world: World) -> None:
    asked(world)
    inbox = Breaking(world.inbox)
    world.inbox.deliver(mail("bob@example.org", SUBJECT, request_words("bob"), world.now))
    with pytest.raises(MailServerUnavailable):
        receive(world.bot.context, inbox, world.bot.reader)
    assert world.ticket(2).username == "bob"


class Breaking(MemoryInbox):
    """A mailbox whose server goes away after the last mail."""

    def __init__(self, inbox: MemoryInbox) -> None:
        self.__dict__ = inbox.__dict__

    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        yield from super().fetch(after, also, since)
        raise MailServerUnavailable("the connection was closed")


def test_letters_begin_to_leave_while_many_mails_are_still_read(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, SUBJECT, request_words(), world.now))
    for number in range(2 * MAILS_BETWEEN):
        world.inbox.deliver(mail(ALICE.email, f"lunch {number}", "At noon?", world.now))
    inbox = Watching(world.inbox, lambda: len(world.letters))
    passes.tick(replace(world.bot, inbox=inbox))
    assert inbox.seen == len(world.letters) == 3


class Watching(MemoryInbox):
    """A mailbox that looks at something before it gives its last mail."""

    def __init__(self, inbox: MemoryInbox, look: Callable[[], object]) -> None:
        self.__dict__ = inbox.__dict__
        self.look = look
        self.seen: object = None

    def fetch(
        self, after: MailKey | None, also: Sequence[MailKey] = (), since: date | None = None
    ) -> Iterator[Fetched]:
        *first, last = super().fetch(after, also, since)
        yield from first
        self.seen = self.look()
        yield last


class Waiting(MemoryPostman):
    """A mail server that answers to no letter before it is waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0

    def begin(self, letter: OutboundMail) -> Handover:
        self.begun += 1
        return _Unanswered(partial(self.send, letter))


class _Unanswered:
    def __init__(self, answer: Callable[[], str]) -> None:
        self.answer = answer

    def go_on(self) -> bool:
        return False


def test_no_mail_waits_for_a_mail_server_that_does_not_answer(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, SUBJECT, request_words(), world.now))
    for number in range(2 * MAILS_BETWEEN):
        world.inbox.deliver(mail(ALICE.email, f"lunch {number}", "At noon?", world.now))
    postman = Waiting()
    inbox = Watching(world.inbox, lambda: (postman.begun, len(postman.letters)))
    tally = passes.tick(replace(world.bot, postman=postman, inbox=inbox))
    assert inbox.seen == (1, 0)
    assert tally.troubles == []
    assert tally.letters == len(postman.letters) == 3


def test_a_mailbox_with_very_many_mails_is_read_in_parts(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, SUBJECT, request_words(), world.now))
    for number in range(4):
        world.inbox.deliver(mail(ALICE.email, f"lunch {number}", "At noon?", world.now))
    looked_at = [receive(world.bot.context, world.inbox, world.bot.reader, most=2) for _ in range(4)]
    assert looked_at == [2, 2, 1, 0]
    assert len(world.inbox._folders.uids("INBOX")) == 4


def test_mail_to_be_tried_again_is_not_given_up_where_a_pass_ends_before_it(world: World) -> None:
    world.directory.down = True
    for login in ("alice", "bob"):
        words = request_words(login)
        world.inbox.deliver(mail(f"{login}@example.org", SUBJECT, words, world.now))
    world.once()
    world.directory.down = False
    world.clock.advance(timedelta(minutes=10))
    assert [receive(world.bot.context, world.inbox, world.bot.reader, most=1) for _ in range(3)] == [1, 1, 0]
    assert {world.ticket(1).username, world.ticket(2).username} == {"alice", "bob"}


def test_what_people_write_from_the_same_address_is_left_to_them(world: World) -> None:
    world.arrives(mail(SUPPORT, "Re: your question", "The cluster is back.", world.now, to=ALICE.email, Cc=SUPPORT))
    assert len(world.inbox._folders.uids("INBOX")) == 1
    assert not world.letters


def test_many_forged_strangers_make_few_letters_and_none_says_what_they_want(world: World) -> None:
    for number in range(STRANGERS_PER_DAY + 5):
        forged = f"victim{number}@example.net"
        world.inbox.deliver(mail(forged, "Buy this: Virtual Machine Creation", request_words("nobody"), world.now))
    world.once()
    assert len(world.letters) == STRANGERS_PER_DAY
    assert not [one for one in world.letters if b"Buy this" in one.data]
    world.clock.advance(timedelta(days=1))
    world.writes("victim0@example.net", request_words("nobody"))
    assert len(world.letters) == STRANGERS_PER_DAY + 1


def test_a_second_request_that_is_not_proven_changes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, rules=Rules(trust=TrustRules(authserv_id="mx.testbed.example")))
    ours = "mx.testbed.example; dmarc=pass header.from=example.org"
    world.arrives(mail(ALICE.email, SUBJECT, request_words(), world.now, Authentication_Results=ours))
    operator.approve(world.bot.context, 1, CAROL.login)
    world.once()
    world.later(minutes=5)
    before = world.ticket()
    world.writes(ALICE.email, request_words(until="2027-12-31"))
    assert world.ticket() == before
    world.arrives(mail(ALICE.email, SUBJECT, request_words(until="2027-12-30"), world.now, Authentication_Results=ours))
    assert world.ticket().asked_end_date == date(2027, 12, 30)
    world.close()


# letters


def test_a_letter_that_cannot_be_handed_over_stops_no_other(world: World) -> None:
    world.postman.faults.plan("send", TypeError("a defect"))
    asked(world)
    assert len(world.letters) == 2
    world.later(minutes=5)
    assert len(world.letters) == 3


def test_machines_that_wait_behind_a_slow_site_are_put_back_before_their_claim_ends(world: World) -> None:
    begun: list[float] = []

    class Slow(FakeSite):
        def ensure(self, spec: VmSpec) -> VmFacts:
            begun.append((world.now - claimed_at).total_seconds())
            world.clock.advance(timedelta(seconds=110))
            return super().ensure(spec)

    world.sites["north"] = Slow("north")
    world.restart()
    for number in range(1, 6):
        person = Person(f"user{number}", f"User {number}", f"user{number}@example.org", ssh_keys=ALICE.ssh_keys)
        world.directory.put(person)
        world.inbox.deliver(mail(person.email, SUBJECT, request_words(person.login), world.now))
    passes.tick(world.bot)
    for number in range(1, 6):
        operator.approve(world.bot.context, number, CAROL.login)
    for _ in range(5):
        claimed_at = world.now
        passes.machines(world.bot)
    assert max(begun) < SLOW.total_seconds()
    assert len(world.sites["north"].machines()) == 5


# people who are faster


class Faster(Database):
    """A store on which an admin denies a request right after the due tickets were read."""

    def __init__(self, url: str, world: World) -> None:
        super().__init__(url)
        self.world = world

    def due(self, now: datetime, limit: int) -> list[Ticket]:
        found = super().due(now, limit)
        if found and found[0].state is TicketState.PENDING:
            operator.deny(self.world.bot.context, found[0].id, CAROL.login, "No room this month.")
        return found


def test_a_ticket_that_was_decided_while_it_was_due_is_left_alone(world: World) -> None:
    asked(world)
    world.clock.advance(timedelta(days=3))
    context = replace(world.bot.context, store=Faster(world.url, world))
    passes.tick(replace(world.bot, context=context))
    assert world.ticket().state is TicketState.DENIED
    assert world.ticket().due_at is None
    world.later(days=3)
    assert not [one for one in world.letters if Letter.ADMIN_TICKET_TROUBLE.value.encode() in one.data]


def test_a_mail_that_ends_the_bot_each_time_is_put_aside_unread_and_the_next_is_read(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, "deadly", "hello", world.now))
    world.inbox.deliver(mail("bob@example.org", SUBJECT, request_words("bob"), world.now))
    deaths = 0
    for _ in range(10):
        bot = replace(world.bot, reader=Failing(world.bot.context.reading(world.now), b"deadly", SystemExit))
        try:
            passes.tick(bot)
            break
        except SystemExit:
            deaths += 1
            world.restart()
    assert deaths == 3, "once before anybody knows, then twice on record"
    assert world.ticket().username == "bob"
    assert len(world.inbox._folders.uids(Folder.QUARANTINE)) == 1
    assert "left unread" in words_of(world.last(Letter.ADMIN_MAIL_TROUBLE))
    assert world.bot.context.store.note("reading:support@testbed.example:INBOX") is None


def test_a_bot_that_was_killed_once_reads_the_mail_again(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, SUBJECT, request_words("alice", usage="A deadly serious one."), world.now))
    with pytest.raises(SystemExit):
        passes.tick(replace(world.bot, reader=Failing(world.bot.context.reading(world.now), b"deadly", SystemExit)))
    world.restart()
    world.once()
    assert world.ticket().username == "alice"


def test_a_mail_that_the_server_refuses_is_tried_for_hours_and_then_put_aside(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, SUBJECT, request_words(), world.now))
    world.inbox.deliver(mail("bob@example.org", SUBJECT, request_words("bob"), world.now))
    world.inbox.refused[1] = "[SERVERBUG] not now"
    world.once()
    assert world.ticket().username == "bob", "the mail behind it is read"
    for _ in range(5):
        world.clock.advance(timedelta(hours=1, minutes=1))
        world.once()
    assert world.inbox._folders.uids(Folder.QUARANTINE) == []

    for _ in range(4):
        world.clock.advance(timedelta(hours=1, minutes=1))
        world.once()
    assert len(world.inbox._folders.uids(Folder.QUARANTINE)) == 1


def test_a_mail_that_the_server_gives_later_acts_then(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, SUBJECT, request_words(), world.now))
    world.inbox.refused[1] = "throttled"
    world.once()
    world.inbox.refused.clear()
    world.clock.advance(timedelta(minutes=10))
    world.once()
    assert world.ticket().username == "alice"
