"""The bot comes to a mailbox that people have used for years, and to a day on which everything is broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailbot.model import Letter
from tests.world import PEOPLE, World, kind_of, request_words
from tests.writing import mail


def _arrives(world: World, days_ago: int) -> None:
    written_at = world.now - timedelta(days=days_ago)
    world.arrives(mail(PEOPLE[0].email, "Persistent Virtual Machine Creation", request_words(), written_at))


def test_a_request_that_was_there_long_before_the_bot_is_left_to_people(tmp_path: Path) -> None:
    world = World(tmp_path)
    _arrives(world, days_ago=400)
    assert not world.letters
    assert len(world.inbox.inbox()) == 1


def test_years_of_old_mail_are_not_even_fetched(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(30):
        long_ago = world.now - timedelta(days=100 + number)
        world.inbox.deliver(mail(PEOPLE[0].email, "lunch", "At noon?", long_ago))
    _arrives(world, days_ago=3)
    position = world.inbox.position()
    cursor = world.bot.context.store.cursor(position)
    assert cursor is not None
    assert cursor.uid == 31
    assert world.once().mails == 0
    assert Letter.REQUEST_RECEIVED in {kind_of(letter) for letter in world.letters}


def test_a_recent_request_is_answered_at_the_first_look(tmp_path: Path) -> None:
    world = World(tmp_path)
    _arrives(world, days_ago=3)
    assert Letter.REQUEST_RECEIVED in {kind_of(letter) for letter in world.letters}


LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)


def test_a_mail_that_comes_later_is_new_whatever_its_date_says(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.once()
    world.clock.advance(timedelta(days=400))
    raw = mail(PEOPLE[0].email, "Persistent Virtual Machine Creation", request_words(until="2028-06-30"), LONG_AGO)
    world.inbox.deliver(raw, arrived=world.now - timedelta(minutes=1))
    world.once()
    assert Letter.REQUEST_RECEIVED in {kind_of(letter) for letter in world.letters}
    assert not world.inbox.inbox()


def test_what_was_there_at_the_first_look_is_as_old_as_its_older_date(tmp_path: Path) -> None:
    """A mailbox that was moved to another server may have lost when its mails came."""
    world = World(tmp_path)
    raw = mail(PEOPLE[0].email, "Persistent Virtual Machine Creation", request_words(), LONG_AGO)
    world.inbox.deliver(raw, arrived=world.now - timedelta(minutes=1))
    world.once()
    assert not world.letters
    assert len(world.inbox.inbox()) == 1


def test_a_mail_that_came_long_ago_is_old_although_its_date_lies_ahead(tmp_path: Path) -> None:
    world = World(tmp_path)
    raw = mail(PEOPLE[0].email, "Persistent Virtual Machine Creation", request_words(), world.now + timedelta(days=9))
    world.inbox.deliver(raw, arrived=world.now - timedelta(days=15))
    world.once()
    assert not world.letters
    assert len(world.inbox.inbox()) == 1


def test_a_flood_of_unreadable_mails_writes_to_the_admins_only_so_often(tmp_path: Path) -> None:
    world = World(tmp_path)
    most = world.bot.context.rules.answers.troubles_per_day
    for number in range(most + 10):
        world.inbox.deliver(b"From: a@x.example\r\nFrom: b@x.example\r\nSubject: %d\r\n\r\nwords\r\n" % number)
    world.once()
    told = [letter for letter in world.letters if kind_of(letter) is Letter.ADMIN_MAIL_TROUBLE]
    assert len(told) == most * len(world.bot.context.admins)
    assert not world.inbox.inbox()
