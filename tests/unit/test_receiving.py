"""One pass over the mailbox: when a mail is tried again, when it is put aside, and how mails are moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.errors import MailServerUnavailable
from mailbot.model import Action, Letter, MailKey, Person
from mailbot.ports import Folder
from mailbot.trust import Checked
from mailbot.turns import sight
from mailbot.turns.judge import first_look, oldest_wanted
from mailbot.turns.receive import LONGEST_RETRY, MOVE_BATCH, PATIENCE, POISON_TRIES, RETRY_AFTER, receive
from tests.world import ALICE, BOB, World, kind_of, request_words
from tests.writing import SUPPORT, mail

FORM = "Persistent Virtual Machine Creation"
SECOND = timedelta(seconds=1)


def passes(world: World, most: int = 500, inbox: MemoryInbox | None = None) -> int:
    return receive(world.bot.context, inbox or world.inbox, world.bot.reader, most)


def requests(world: World, count: int) -> None:
    for number in range(count):
        world.inbox.deliver(mail(ALICE.email, f"lunch {number}", "Hello.", world.now))


def ledger(world: World) -> list[tuple[str, int, datetime | None, str]]:
    """Verdict, attempts, when it is tried again, and why; the oldest first."""
    with world.bot.context.store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT verdict, attempts, retry_at, why FROM ledger ORDER BY uid").all()
    return [
        (verdict, attempts, datetime.fromisoformat(again).replace(tzinfo=UTC) if again else None, why)
        for verdict, attempts, again, why in rows
    ]


# tried again


def test_a_mail_whose_handling_breaks_is_tried_three_times_at_growing_pauses_and_then_put_aside(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, FORM, request_words(), world.now))

    class Broken:
        def by_address(self, _address: str) -> Person | None:
            raise RuntimeError("a defect")

        def __getattr__(self, name: str) -> Any:
            return getattr(world.directory, name)

    world.bot = replace(world.bot, context=replace(world.bot.context, directory=Broken()))
    for attempt in range(1, POISON_TRIES):
        passes(world)
        ((verdict, attempts, again, why),) = ledger(world)
        assert (verdict, attempts, why) == ("retry", attempt, "RuntimeError: a defect")
        assert again == world.now + attempt * RETRY_AFTER
        world.clock.set(again - SECOND)
        assert passes(world) == 0
        world.clock.advance(SECOND)
    passes(world)
    ((verdict, attempts, again, why),) = ledger(world)
    assert (verdict, attempts, again) == ("quarantined", POISON_TRIES, None)
    told = {row.to for row in world.bot.context.store.overview.queue() if row.letter is Letter.ADMIN_MAIL_TROUBLE}
    assert told == {admin.address for admin in world.admins}
    assert len(world.inbox.folder(Folder.QUARANTINE)) == 1


def test_a_mail_that_the_server_does_not_give_is_tried_ever_less_often_up_to_once_an_hour(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, FORM, request_words(), world.now))
    world.inbox.refused[1] = "throttled"
    pauses = []
    for attempt in range(1, 8):
        passes(world)
        ((verdict, attempts, again, why),) = ledger(world)
        assert (verdict, attempts) == ("retry", attempt)
        assert why == "the mail server does not give it: throttled"
        assert again is not None
        pauses.append(again - world.now)
        world.clock.set(again)
    assert pauses == [RETRY_AFTER * 2**number for number in range(5)] + [LONGEST_RETRY] * 2
    world.inbox.refused.clear()
    passes(world)
    assert world.ticket().username == "alice"


class Unsure:
    """Name servers that do not answer, as whoever checks signatures says it."""

    def check(self, _raw: bytes, _mail: object, _now: datetime) -> Checked:
        return Checked(unsure="the name servers do not answer")


@pytest.mark.parametrize(("left", "verdict"), [(SECOND, "retry"), (timedelta(0), "handled")])
def test_a_sender_whom_only_name_servers_could_prove_is_waited_for_for_a_day(
    world: World, left: timedelta, verdict: str
) -> None:
    context = replace(world.bot.context, authenticator=Unsure())
    trust = replace(world.rules.trust, check_dkim=True)
    world.bot = replace(world.bot, context=replace(context, rules=replace(world.rules, trust=trust)))
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.CONFIRM_REQUEST), "confirm")
    letters, begun = len(world.letters), world.now
    world.answers(world.last(Letter.ADMIN_DECISION), "approve")
    assert ledger(world)[-1][0::2] == ("retry", begun + RETRY_AFTER)
    assert sight.fails(world.bot.context, sight.Sense.NAME_SERVERS)
    assert not sight.fails(world.bot.context, sight.Sense.DIRECTORY)
    world.clock.set(begun + PATIENCE - left)
    passes(world)
    assert ledger(world)[-1][0] == verdict
    world.clock.set(ledger(world)[-1][2] or world.now)
    passes(world)
    assert ledger(world)[-1][0] == "handled", "now it counts as not proven, and is answered so"
    world.once()
    assert kind_of(world.letters[letters]) is Letter.COMMAND_REFUSED


def test_what_people_took_away_is_not_looked_for_again(world: World) -> None:
    key = world.inbox.deliver(mail(ALICE.email, FORM, request_words(), world.now))
    world.directory.down = True
    passes(world)
    assert ledger(world)[0][0::2] == ("retry", world.now + RETRY_AFTER)
    assert sight.fails(world.bot.context, sight.Sense.DIRECTORY)
    assert not sight.fails(world.bot.context, sight.Sense.NAME_SERVERS)
    world.inbox.expunge(key)
    world.clock.advance(RETRY_AFTER)
    passes(world)
    verdict, _attempts, again, why = ledger(world)[0]
    assert (verdict, again) == ("left", None)
    assert why.startswith("gone from the mailbox; before: ")


def test_what_a_short_pass_did_not_come_to_is_not_taken_for_gone(world: World) -> None:
    world.directory.down = True
    for person in (ALICE, BOB):
        world.inbox.deliver(mail(person.email, FORM, request_words(person.login), world.now))
    passes(world)
    world.clock.advance(RETRY_AFTER)
    world.directory.down = False
    assert passes(world, most=1) == 1
    assert [row[0] for row in ledger(world)] == ["handled", "retry"]
    assert passes(world) == 1
    assert [row[0] for row in ledger(world)] == ["handled", "handled"]


# what is kept


def kept(world: World) -> list[tuple[str, str, bool]]:
    """Message-ID and subject of each mail, and whether its words are kept; the oldest first."""
    store = world.bot.context.store
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT message_id, subject, sha256 FROM ledger ORDER BY uid").all()
    return [(name, subject, store.raw_mail(digest) is not None) for name, subject, digest in rows]


def test_the_words_of_what_changed_a_ticket_are_kept_and_no_others(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, FORM, request_words(), world.now))
    world.inbox.deliver(mail(BOB.email, FORM, "username: bob", world.now))
    world.inbox.deliver(mail(BOB.email, "x" * 600, "At noon?", world.now))
    passes(world)
    assert [words for _name, _subject, words in kept(world)] == [True, False, False]
    assert kept(world)[2][1] == "x" * 500


def test_a_mail_that_cannot_be_read_is_known_by_its_name(world: World) -> None:
    raw = mail(ALICE.email, FORM, request_words(), world.now, Message_ID="<unreadable@example.org>")
    world.inbox.deliver(b"From: mallory@elsewhere.example\r\n" + raw)
    passes(world)
    assert kept(world) == [("<unreadable@example.org>", "", False)]
    assert ledger(world)[0][0] == "quarantined"
    (told, *_others) = world.bot.context.store.claim((Action.LETTER,), world.now, 1, 60)
    assert told.effect.facts["message_id"] == "<unreadable@example.org>"


# moved


class Counting(MemoryInbox):
    """Remembers how many mails were moved with each command."""

    def __init__(self) -> None:
        super().__init__(SUPPORT)
        self.moved: list[int] = []

    def file_away(self, keys: Sequence[MailKey], folder: Folder) -> None:
        self.moved.append(len(keys))
        super().file_away(keys, folder)


@pytest.mark.parametrize(
    ("mails", "moved"),
    [(0, []), (1, [1]), (MOVE_BATCH, [MOVE_BATCH]), (MOVE_BATCH + 3, [MOVE_BATCH, 3])],
)
def test_mails_are_moved_in_batches_and_none_twice(world: World, mails: int, moved: list[int]) -> None:
    inbox = Counting()
    for number in range(mails):
        inbox.deliver(mail("mallory@elsewhere.example", FORM, f"username: nobody{number}", world.now))
    seen: list[int] = []
    assert receive(world.bot.context, inbox, world.bot.reader, progress=lambda: seen.append(1)) == mails
    assert inbox.moved == moved
    assert len(seen) == mails
    assert passes(world, inbox=inbox) == 0
    assert inbox.moved == moved


def test_mails_for_people_are_not_moved(world: World) -> None:
    inbox = Counting()
    inbox.deliver(mail("mallory@elsewhere.example", "lunch", "At noon?", world.now))
    assert passes(world, inbox=inbox) == 1
    assert inbox.moved == []


def test_a_server_that_refuses_to_move_is_told_at_the_end_and_asked_again(world: World) -> None:
    world.inbox.deliver(mail(ALICE.email, FORM, request_words(), world.now))
    world.inbox.faults.plan("file_away", MailServerUnavailable("the folder is full"), times=1)
    with pytest.raises(MailServerUnavailable, match="the folder is full"):
        passes(world)
    assert world.ticket().username == "alice"
    assert len(world.inbox.inbox()) == 1
    assert passes(world) == 0
    assert world.inbox.inbox() == []


# the first look


def test_the_first_look_is_remembered(world: World) -> None:
    key, begun = world.inbox.position(), world.now
    assert first_look(world.bot.context, key, begun) == begun
    assert first_look(world.bot.context, key, begun + timedelta(days=9)) == begun


def test_mails_are_wanted_from_two_days_before_what_counts_and_from_the_beginning_of_time_at_the_most(
    world: World,
) -> None:
    days = world.rules.answers.first_look_days + 2
    assert oldest_wanted(world.bot.context, world.now) == (world.now - timedelta(days=days)).date()
    early = datetime(1, 1, 3, tzinfo=UTC)
    assert oldest_wanted(world.bot.context, early) == date.min
