"""While the bot cannot see, nothing happens that cannot be taken back, and nothing lapses; and admins are told."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from mailbot import passes
from mailbot.errors import LetterRefused, MailServerUnavailable
from mailbot.model import Letter, TicketState
from mailbot.turns.sight import Sense, what_is_blind
from provisioner.fake_machine import Faults as SiteFaults
from tests.world import ALICE, BOB, CAROL, World, kind_of, request_words
from tests.writing import mail, reply, words_of

S = TicketState
AWAY = MailServerUnavailable("imap.example.org refuses the password")


def machine(world: World, until: str = "2027-01-31") -> None:
    """A machine that was warned in full, a minute before its end."""
    world.writes(ALICE.email, request_words(until=until))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    while (due := world.ticket().due_at) is not None and world.ticket().stage < 4:
        world.clock.set(max(due, world.now) + timedelta(minutes=1))
        world.once()
    end = datetime.fromisoformat(f"{until}T22:59+00:00")
    world.clock.set(end)
    world.once()
    assert world.ticket().state is S.ACTIVE


def days(world: World, count: int) -> None:
    for _ in range(count * 4):
        world.later(hours=6)


def blind_letters(world: World) -> list[str]:
    return [
        words_of(one)
        for one in world.letters
        if kind_of(one) is Letter.ADMIN_BLIND and one.envelope_to == CAROL.address
    ]


def test_a_mailbox_that_cannot_be_read_stops_nothing_however_long_it_takes(world: World) -> None:
    machine(world)
    extend = reply(world.last(Letter.WARNING), ALICE.email, "extend for 2 months", world.now)
    world.inbox.faults.plan("position", AWAY, times=10**6)
    world.inbox.deliver(extend)
    days(world, 20)
    assert world.ticket().state is S.ACTIVE
    assert len(blind_letters(world)) == 1, "once"
    assert "refuses the password" in blind_letters(world)[0]
    world.inbox.faults.planned.clear()
    world.once()
    assert world.ticket().asked_end_date is not None, "the answer was read before anything else happened"
    assert "works again" in blind_letters(world)[1]


def test_what_an_owner_said_in_time_counts_when_it_is_read_months_later(world: World) -> None:
    machine(world)
    extend = reply(world.last(Letter.WARNING), ALICE.email, "extend until 2027-12-31", world.now)
    world.inbox.faults.plan("position", AWAY, times=10**6)
    world.inbox.deliver(extend)
    days(world, 160)
    world.inbox.faults.planned.clear()
    world.once()
    assert str(world.ticket().asked_end_date) == "2027-12-31"
    assert Letter.COMMAND_REFUSED not in {kind_of(one) for one in world.letters}


def test_what_an_admin_said_in_time_counts_when_it_is_read_months_later(world: World) -> None:
    world.writes(ALICE.email, request_words(until="2027-12-31"))
    question = world.last(Letter.ADMIN_DECISION, CAROL.address)
    world.inbox.faults.plan("position", AWAY, times=10**6)
    world.inbox.deliver(reply(question, CAROL.address, "approve", world.now))
    days(world, 120)
    world.inbox.faults.planned.clear()
    world.once()
    assert world.ticket().state is S.APPROVED


def test_an_old_answer_does_not_get_young_by_its_date_header(world: World) -> None:
    world.writes(ALICE.email, request_words(until="2027-12-31"))
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=5)
    ready, began = world.last(Letter.VM_READY), world.now
    world.later(days=100)
    world.inbox.deliver(reply(ready, ALICE.email, "release", began), arrived=world.now)
    world.once()
    assert "older than 90 days" in words_of(world.last(Letter.COMMAND_REFUSED))


def test_a_day_is_counted_from_when_the_mail_came(world: World) -> None:
    world.inbox.faults.plan("position", AWAY, times=10**6)
    came = world.now
    world.inbox.deliver(
        mail(ALICE.email, "Persistent Virtual Machine Creation", request_words(until="in six weeks"), came)
    )
    days(world, 10)
    world.inbox.faults.planned.clear()
    world.once()
    assert world.ticket().end_date == came.date() + timedelta(weeks=6)


def test_a_request_does_not_lapse_while_an_approval_may_lie_unread(world: World) -> None:
    world.writes(ALICE.email, request_words())
    question = world.last(Letter.ADMIN_DECISION, CAROL.address)
    world.inbox.faults.plan("position", AWAY, times=10**6)
    world.inbox.deliver(reply(question, CAROL.address, "approve", world.now))
    days(world, 40)
    assert world.ticket().state is S.PENDING
    world.inbox.faults.planned.clear()
    world.once()
    assert world.ticket().state is S.APPROVED


def test_a_directory_that_does_not_answer_stops_nothing_and_is_told(world: World) -> None:
    machine(world)
    world.directory.down = True
    days(world, 10)
    assert world.ticket().state is S.ACTIVE
    assert any("directory" in words for words in blind_letters(world))
    world.directory.down = False
    days(world, 1)
    assert world.ticket().state is S.EXPIRED


def test_an_admins_decision_does_not_wait_for_a_directory_that_is_away(world: World) -> None:
    world.writes(ALICE.email, request_words())
    world.directory.down = True
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    assert world.ticket().state is S.APPROVED
    world.directory.down = False
    for _ in range(4):
        world.later(minutes=10)
    assert world.ticket().state is S.ACTIVE, "the keys of the owner came from the directory"


def test_an_owners_answer_waits_for_the_directory_and_is_not_lost(world: World) -> None:
    machine(world)
    world.directory.down = True
    world.answers(world.last(Letter.WARNING), "extend for 2 months")
    assert world.ticket().asked_end_date is None
    world.directory.down = False
    world.later(minutes=10)
    assert world.ticket().asked_end_date is not None


def test_the_rest_of_a_long_backlog_is_read_before_the_clock_acts(world: World) -> None:
    machine(world)
    extend = reply(world.last(Letter.WARNING), ALICE.email, "extend for 2 months", world.now)
    world.clock.advance(timedelta(hours=5))
    for number in range(passes.MAILS_AT_ONCE):
        world.inbox.deliver(mail("somebody@elsewhere.example", f"hello {number}", "hello", world.now))
    world.inbox.deliver(extend)
    passes.tick(world.bot)
    assert world.ticket().state is S.ACTIVE
    passes.tick(world.bot)
    assert world.ticket().asked_end_date is not None


def test_a_clock_that_jumps_a_month_ahead_deletes_and_stops_nothing(world: World) -> None:
    machine(world)
    before = world.now
    world.clock.jump(before + timedelta(days=30))
    world.once()
    assert world.ticket().state is S.ACTIVE
    world.clock.jump(before + timedelta(minutes=5))
    world.later(minutes=30)
    assert world.ticket().state is S.EXPIRED


def test_a_pause_lets_no_question_lapse_without_a_reminder(world: World) -> None:
    world.writes(ALICE.email, request_words())
    world.bot.context.store.put_note("paused", "carol: maintenance")
    world.later(days=16)
    world.bot.context.store.put_note("paused", None)
    world.once()
    assert world.ticket().state is S.PENDING
    assert kind_of(world.letters[-1]) is Letter.ADMIN_REMINDER
    days(world, 3)
    assert world.ticket().state is S.LAPSED


def test_a_mailbox_read_by_a_clock_that_jumped_was_not_read_since_then(world: World) -> None:
    machine(world)
    before = world.now
    world.clock.jump(before + timedelta(days=30))
    world.once()
    world.clock.jump(before + timedelta(minutes=5))
    world.inbox.faults.plan("position", AWAY, times=10**6)
    world.inbox.deliver(reply(world.last(Letter.WARNING), ALICE.email, "extend for 2 months", world.now))
    days(world, 10)
    assert world.ticket().state is S.ACTIVE
    world.inbox.faults.planned.clear()
    world.once()
    assert world.ticket().asked_end_date is not None


def test_a_clock_that_jumped_is_not_believed_by_a_process_that_begins_then(world: World) -> None:
    machine(world)
    before = world.now
    world.clock.jump(before + timedelta(days=30))
    world.restart()
    world.once()
    assert world.ticket().state is S.ACTIVE
    world.restart()
    world.later(hours=2)
    assert world.ticket().state is S.ACTIVE, "the first look of a process proves nothing"
    assert "jumped forward by 30 days" in blind_letters(world)[0]
    world.clock.jump(before + timedelta(hours=3))
    world.restart()
    world.once()
    assert "works again" in blind_letters(world)[1]
    assert world.ticket().state is S.EXPIRED


def test_a_machine_that_starts_with_a_clock_far_ahead_stops_nothing_for_a_day(world: World) -> None:
    machine(world)
    world.clock.reboot(world.now + timedelta(days=20))
    world.restart()
    world.once()
    assert world.ticket().state is S.ACTIVE
    world.later(hours=2)
    world.later(hours=21)
    assert world.ticket().state is S.ACTIVE
    assert "jumped forward by 20 days" in blind_letters(world)[0], "admins can see to it before anything happens"
    days(world, 1)
    assert world.ticket().state is S.EXPIRED


def test_mails_that_are_left_over_for_an_hour_are_told_once_and_when_they_are_read(world: World) -> None:
    for number in range(4 * passes.MAILS_AT_ONCE):
        world.inbox.deliver(mail("somebody@elsewhere.example", f"hello {number}", "hello", world.now))
    for _ in range(3):
        passes.tick(world.bot)
        world.clock.advance(timedelta(minutes=40))
    assert ["more new mail" in words for words in blind_letters(world)] == [True]
    world.once()
    assert "works again" in blind_letters(world)[1]
    assert len(blind_letters(world)) == 2


def test_a_mail_server_that_takes_no_letter_is_told_as_soon_as_it_does(world: World) -> None:
    world.postman.faults.plan("send", MailServerUnavailable("smtp.example.org does not answer"), times=10**6)
    world.writes(ALICE.email, request_words())
    for _ in range(8):
        world.later(minutes=15)
    (trouble,) = what_is_blind(world.bot.context.store)
    assert (trouble.sense, trouble.told) == (Sense.MAIL_SERVER, True)
    world.postman.faults.planned.clear()
    world.later(minutes=15)
    assert what_is_blind(world.bot.context.store) == ()
    (told,) = blind_letters(world)
    assert "Sending messages works again. Everything" in told, (
        "a letter about letters that do not leave would only come late"
    )


def test_one_address_that_is_refused_for_now_is_no_trouble_of_the_mail_server(world: World) -> None:
    world.postman.faults.plan("send", LetterRefused(450, "4.2.0 come back later"), times=1)
    world.writes(ALICE.email, request_words())
    assert what_is_blind(world.bot.context.store) == ()


def test_a_site_that_does_not_answer_for_an_hour_is_told_by_its_name(world: World) -> None:
    world.once()
    world.sites["north"].faults = SiteFaults(unreachable=True)
    for _ in range(10):
        world.later(minutes=10)
    assert len(blind_letters(world)) == 1
    assert "The site north" in blind_letters(world)[0]
    world.sites["north"].faults = SiteFaults()
    for _ in range(2):
        world.later(minutes=10)
    assert "works again" in blind_letters(world)[1]


def test_a_site_that_left_the_configuration_is_neither_offered_nor_told_of_any_more(tmp_path: Path) -> None:
    world = World(tmp_path, digests=True)
    world.sites["south"].faults = SiteFaults(unreachable=True)
    world.once()
    world.writes(BOB.email, request_words("bob"))
    assert "- south: " in words_of(world.last(Letter.ADMIN_DECISION, CAROL.address))
    del world.sites["south"]
    world.restart()
    days(world, 9)
    world.writes(ALICE.email, request_words())
    question = words_of(world.last(Letter.ADMIN_DECISION, CAROL.address))
    assert "- north: " in question
    assert "south" not in question
    assert "south" not in words_of(world.last(Letter.ADMIN_DIGEST, CAROL.address))
    assert what_is_blind(world.bot.context.store) == ()
    world.close()


def test_the_digest_never_says_that_all_is_well_while_something_fails(tmp_path: Path) -> None:
    world = World(tmp_path, digests=True)
    world.inbox.faults.plan("position", AWAY, times=10**6)
    days(world, 9)
    letter = words_of(world.last(Letter.ADMIN_DIGEST, CAROL.address))
    assert "The mailbox has not worked since" in letter
    assert ".." not in letter
    world.close()


def test_a_mailbox_that_nobody_has_read_for_an_hour_is_told_though_another_daemon_should(world: World) -> None:
    world.once()
    with world.bot.context.store.mailbox_lock(world.bot.account):
        for _ in range(3):
            world.later(hours=1)
        assert "another daemon should read it" in blind_letters(world)[0]
    world.once()
    assert "works again" in blind_letters(world)[1]
