"""What every `Inbox` does: the stand-ins in memory and on disk, and IMAP with a real Dovecot, Courier and Cyrus."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from contrib.demo.loopback import make_certificate
from contrib.demo.mailserver import Dovecot
from mailbot.adapters.imap.memory import MemoryInbox
from mailbot.adapters.spool import SpoolInbox
from mailbot.errors import MailServerUnavailable
from mailbot.ports import Folder
from tests.clock import wall
from tests.imap_servers import Courier, Cyrus
from tests.inbox_worlds import MAX_BYTES, USERS, CourierWorld, CyrusWorld, DovecotWorld, FakeWorld, InboxWorld
from tests.wire import Proxy


def mail(number: int, size: int = 300) -> bytes:
    head = f"From: alice@example.org\r\nSubject: mail {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n".encode()
    line = b"x" * 68 + b"\r\n"
    body = line * (max(size - len(head), 0) // len(line) + 1)
    return head + body


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    home = Path(tempfile.mkdtemp(prefix="mailbot-test-", dir="/tmp"))
    home.chmod(0o755)
    server = Dovecot(home / "dovecot", USERS, make_certificate(home))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def courier() -> Iterator[Courier]:
    server = Courier(USERS)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def cyrus() -> Iterator[Cyrus]:
    server = Cyrus(USERS)
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["memory", "spool", "dovecot", "courier", "cyrus"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InboxWorld]:
    if request.param == "memory":
        yield FakeWorld(MemoryInbox(max_bytes=MAX_BYTES))
    elif request.param == "spool":
        yield FakeWorld(SpoolInbox(tmp_path, max_bytes=MAX_BYTES))
    else:
        server = request.getfixturevalue(request.param)
        with Proxy(server.imap_port if request.param == "dovecot" else server.port) as proxy:
            real = {"dovecot": DovecotWorld, "courier": CourierWorld, "cyrus": CyrusWorld}[request.param](server, proxy)
            yield real
            real.close()


def test_new_mails_come_whole_and_in_the_order_of_their_arrival(world: InboxWorld) -> None:
    mails = [mail(number) for number in range(5)]
    for raw in mails:
        world.deliver(raw)

    fetched = list(world.inbox.fetch(None))

    assert [one.raw for one in fetched] == mails
    assert [one.size_bytes for one in fetched] == [len(raw) for raw in mails]
    assert [one.key.uid for one in fetched] == sorted(one.key.uid for one in fetched)


def test_a_mail_comes_with_the_moment_at_which_the_server_got_it(world: InboxWorld) -> None:
    came = datetime(2025, 3, 30, 1, 30, 5, tzinfo=UTC)
    large = b"Date: Fri, 1 Jan 2016 00:00:00 +0000\r\n" + mail(2, MAX_BYTES + 1000)
    world.deliver_as_of(b"Date: Fri, 1 Jan 2016 00:00:00 +0000\r\n" + mail(1), came)
    world.deliver_as_of(large, came + timedelta(days=1))

    assert [one.arrived for one in world.inbox.fetch(None)] == [came, came + timedelta(days=1)]


def test_bytes_beyond_ascii_come_as_they_were_sent(world: InboxWorld) -> None:
    raw = b"Subject: caf\xe9\r\n\r\n" + bytes(range(128, 256)) + b"\r\n.\r\n..\r\n"
    world.deliver(raw)

    assert [one.raw for one in world.inbox.fetch(None)] == [raw]


def test_an_empty_mailbox_gives_nothing(world: InboxWorld) -> None:
    assert list(world.inbox.fetch(None)) == []


def test_only_mails_above_the_last_known_one_come(world: InboxWorld) -> None:
    world.deliver(mail(1))
    world.deliver(mail(2))
    first = next(iter(world.inbox.fetch(None)))

    assert [one.raw for one in world.inbox.fetch(first.key)] == [mail(2)]


def test_nothing_comes_where_the_last_known_mail_is_the_newest(world: InboxWorld) -> None:
    world.deliver(mail(1))
    (only,) = world.inbox.fetch(None)

    assert list(world.inbox.fetch(only.key)) == []
    assert list(world.inbox.fetch(replace(only.key, uid=only.key.uid + 10))) == []


def test_mails_that_are_asked_for_again_come_in_their_place(world: InboxWorld) -> None:
    for number in range(4):
        world.deliver(mail(number))
    keys = [one.key for one in world.inbox.fetch(None)]
    world.expunge(keys[1])

    again = list(world.inbox.fetch(keys[2], also=[keys[1], keys[0]]))

    assert [one.raw for one in again] == [mail(0), mail(3)]


def test_a_mail_asked_for_again_that_is_new_anyway_comes_once(world: InboxWorld) -> None:
    world.deliver(mail(1))
    (only,) = world.inbox.fetch(None)

    assert [one.key for one in world.inbox.fetch(None, also=[only.key])] == [only.key]


def test_a_mail_above_the_limit_comes_with_its_size_and_header_only(world: InboxWorld) -> None:
    large = mail(1, MAX_BYTES + 1000)
    world.deliver(large)
    world.deliver(mail(2))

    first, second = world.inbox.fetch(None)

    assert first.raw is None
    assert first.size_bytes == len(large)
    assert b"Subject: mail 1\r\n" in first.header
    assert b"xxxx" not in first.header
    assert second.raw == mail(2)


def test_the_header_of_a_mail_above_the_limit_is_limited_too(world: InboxWorld) -> None:
    world.deliver(b"X-Filler: x\r\n" * MAX_BYTES + b"\r\nbody\r\n")

    (only,) = world.inbox.fetch(None)

    assert only.raw is None
    assert 0 < len(only.header) <= MAX_BYTES


def test_mails_that_are_expunged_while_others_are_read_are_left_out(world: InboxWorld) -> None:
    for number in range(120):
        world.deliver(mail(number))
    keys = [one.key for one in world.inbox.fetch(None)]

    reading = world.inbox.fetch(None)
    first = next(reading)
    world.expunge(keys[110])
    rest = list(reading)

    assert first.key == keys[0]
    assert [one.key for one in rest] == [key for key in keys[1:] if key != keys[110]]


def test_filed_mails_leave_the_inbox_and_lie_on_their_shelf_unchanged(world: InboxWorld) -> None:
    for number in range(4):
        world.deliver(mail(number))
    keys = [one.key for one in world.inbox.fetch(None)]

    world.inbox.file_away(keys[:2], Folder.HANDLED)
    world.inbox.file_away(keys[3:], Folder.QUARANTINE)

    assert world.in_inbox() == [mail(2)]
    assert sorted(world.on_shelf(Folder.HANDLED)) == [mail(0), mail(1)]
    assert world.on_shelf(Folder.QUARANTINE) == [mail(3)]
    assert [one.raw for one in world.inbox.fetch(None)] == [mail(2)]


def test_filing_twice_files_once(world: InboxWorld) -> None:
    world.deliver(mail(1))
    world.deliver(mail(2))
    keys = [one.key for one in world.inbox.fetch(None)]

    world.inbox.file_away(keys[:1], Folder.HANDLED)
    world.inbox.file_away(keys, Folder.HANDLED)
    world.inbox.file_away(keys, Folder.HANDLED)

    assert world.in_inbox() == []
    assert sorted(world.on_shelf(Folder.HANDLED)) == [mail(1), mail(2)]


def test_filing_nothing_or_what_is_gone_does_nothing(world: InboxWorld) -> None:
    world.deliver(mail(1))
    world.deliver(mail(2))
    gone, stays = (one.key for one in world.inbox.fetch(None))
    world.expunge(gone)

    world.inbox.file_away([], Folder.HANDLED)
    world.inbox.file_away([gone], Folder.HANDLED)
    world.inbox.file_away([gone, stays], Folder.HANDLED)

    assert world.on_shelf(Folder.HANDLED) == [mail(2)]


def test_keys_of_another_mailbox_move_nothing(world: InboxWorld) -> None:
    world.deliver(mail(1))
    (only,) = world.inbox.fetch(None)
    foreign = [
        replace(only.key, uidvalidity=only.key.uidvalidity + 1),
        replace(only.key, folder="elsewhere"),
        replace(only.key, account="nobody"),
    ]

    world.inbox.file_away(foreign, Folder.HANDLED)

    assert world.in_inbox() == [mail(1)]


def test_mails_can_be_filed_while_others_are_still_read(world: InboxWorld) -> None:
    for number in range(130):
        world.deliver(mail(number))

    for one in world.inbox.fetch(None):
        world.inbox.file_away([one.key], Folder.HANDLED)

    assert world.in_inbox() == []
    assert len(world.on_shelf(Folder.HANDLED)) == 130


def test_the_position_names_the_mailbox_and_no_mail(world: InboxWorld) -> None:
    world.deliver(mail(1))
    (only,) = world.inbox.fetch(None)

    assert world.inbox.position() == replace(only.key, uid=0)


def test_after_the_mailbox_was_made_anew_everything_counts_as_new(world: InboxWorld) -> None:
    world.deliver(mail(1))
    world.deliver(mail(2))
    before = [one.key for one in world.inbox.fetch(None)]

    world.recreate()
    after = list(world.inbox.fetch(before[-1], also=before))

    assert [one.raw for one in after] == [mail(1), mail(2)]
    assert world.inbox.position().uidvalidity != before[0].uidvalidity
    world.inbox.file_away(before, Folder.HANDLED)
    assert len(world.in_inbox()) == 2


def test_a_connection_that_breaks_while_mails_are_read_loses_none_and_doubles_none(world: InboxWorld) -> None:
    mails = [mail(number, 1000) for number in range(150)]
    for raw in mails:
        world.deliver(raw)
    world.break_after(90)
    got = []

    def read_on() -> None:
        for one in world.inbox.fetch(got[-1].key if got else None):
            got.append(one)  # noqa: PERF402 - what came before the break counts

    with pytest.raises(MailServerUnavailable):
        read_on()
    assert 0 < len(got) < 150
    read_on()

    assert [one.raw for one in got] == mails


def test_waiting_ends_when_mail_comes(world: InboxWorld) -> None:
    assert list(world.inbox.fetch(None)) == []
    arrival = threading.Timer(0.2, world.deliver, [mail(1)])
    arrival.start()
    try:
        assert world.inbox.wait(60) is True
    finally:
        arrival.join()
    assert [one.raw for one in world.inbox.fetch(None)] == [mail(1)]


def test_waiting_ends_without_mail_when_the_time_is_over(world: InboxWorld) -> None:
    assert world.inbox.wait(0.1) is False


def test_mail_that_came_between_the_last_reading_and_the_waiting_is_not_waited_for(world: InboxWorld) -> None:
    assert list(world.inbox.fetch(None)) == []
    world.deliver(mail(1))

    assert world.inbox.wait(60) is True


def test_an_inbox_that_only_waits_misses_no_mail_between_two_waits_and_hears_of_each_once(world: InboxWorld) -> None:
    assert world.inbox.wait(0.1) is False
    world.deliver(mail(1))
    assert world.inbox.wait(60) is True
    assert world.inbox.wait(0.1) is False

    arrival = threading.Timer(0.2, world.deliver, [mail(2)])
    arrival.start()
    try:
        assert world.inbox.wait(60) is True
    finally:
        arrival.join()
    assert world.inbox.wait(0.1) is False
    world.deliver(mail(3))
    assert world.inbox.wait(60) is True


def test_mail_that_was_read_and_left_does_not_end_the_waiting(world: InboxWorld) -> None:
    world.deliver(mail(1))
    assert len(list(world.inbox.fetch(None))) == 1

    assert world.inbox.wait(0.1) is False


def test_another_thread_can_end_the_waiting(world: InboxWorld) -> None:
    caller = threading.Timer(0.2, world.inbox.wake)
    caller.start()
    try:
        assert world.inbox.wait(600) is False
    finally:
        caller.join()


def test_a_call_to_wake_up_that_comes_too_early_is_not_lost(world: InboxWorld) -> None:
    world.inbox.wake()
    assert world.inbox.wait(600) is False


def test_closing_twice_is_harmless_and_the_inbox_can_be_used_again(world: InboxWorld) -> None:
    world.inbox.close()
    world.deliver(mail(1))
    assert len(list(world.inbox.fetch(None))) == 1
    world.inbox.close()
    world.inbox.close()

    assert len(list(world.inbox.fetch(None))) == 1


# after a restored backup


def dated(number: int, day: date) -> bytes:
    return f"Date: {day:%a, %d %b %Y} 12:00:00 +0000\r\n".encode() + mail(number)


def test_of_a_folder_that_is_not_known_only_what_came_since_a_day_is_given(world: InboxWorld) -> None:
    today = wall().replace(hour=12)
    for number, days in enumerate((900, 30, 3, 0)):
        came = today - timedelta(days=days)
        world.deliver_as_of(dated(number, came.date()), came)
    since = (today - timedelta(days=10)).date()
    new = list(world.inbox.fetch(None, since=since))
    assert [
        f"<{number}@example.org>".encode() in (one.raw or b"") for number, one in zip((2, 3), new, strict=True)
    ] == [
        True,
        True,
    ]
    assert len(list(world.inbox.fetch(None))) == 4
    old = replace(new[0].key, uid=1)
    assert [one.key.uid for one in world.inbox.fetch(new[0].key, [old], since)] == [1, new[1].key.uid]


def test_a_mail_that_came_later_is_given_however_old_the_server_says_it_is(world: InboxWorld) -> None:
    today = wall().replace(hour=12)
    world.deliver_as_of(dated(1, today.date()), today)
    since = (today - timedelta(days=10)).date()
    (first,) = world.inbox.fetch(None, since=since)
    moved_back = today - timedelta(days=900)
    world.deliver_as_of(dated(2, moved_back.date()), moved_back)
    assert len(list(world.inbox.fetch(first.key, since=since))) == 1


def test_handled_mails_are_listed_by_their_headers_and_come_back_as_new_ones(world: InboxWorld) -> None:
    today = wall().date()
    for number in range(3):
        world.deliver(dated(number, today))
    before = [one.key for one in world.inbox.fetch(None)]
    world.inbox.file_away(before, Folder.HANDLED)
    listed = list(world.inbox.filed(Folder.HANDLED, today - timedelta(days=1)))
    assert [b"Message-ID: <%d@example.org>" % number in one.header for number, one in enumerate(listed)] == [True] * 3
    assert not any(b"xxxx" in one.header for one in listed)
    assert list(world.inbox.filed(Folder.HANDLED, today + timedelta(days=2))) == []

    for _ in range(2):
        world.inbox.bring_back([listed[1].uid], Folder.HANDLED)
    (again,) = world.inbox.fetch(before[-1])
    assert again.raw == dated(1, today)
    assert [one.uid for one in world.inbox.filed(Folder.HANDLED, today - timedelta(days=1))] == [
        listed[0].uid,
        listed[2].uid,
    ]


def test_the_quarantine_is_listed_and_given_back_like_the_handled_mails(world: InboxWorld) -> None:
    for number in range(3):
        world.deliver(mail(number))
    keys = [one.key for one in world.inbox.fetch(None)]
    world.inbox.file_away(keys[:1], Folder.HANDLED)
    world.inbox.file_away(keys[1:], Folder.QUARANTINE)
    listed = list(world.inbox.filed(Folder.QUARANTINE))
    assert [b"Message-ID: <%d@example.org>" % number in one.header for number, one in enumerate(listed, 1)] == [
        True
    ] * 2

    assert [world.inbox.filed_mail(one.uid, Folder.QUARANTINE) for one in listed] == [mail(1), mail(2)]
    assert world.inbox.filed_mail(listed[-1].uid + 10, Folder.QUARANTINE) is None

    world.inbox.bring_back([one.uid for one in listed], Folder.QUARANTINE)
    assert [one.raw for one in world.inbox.fetch(keys[-1])] == [mail(1), mail(2)]
    assert list(world.inbox.filed(Folder.QUARANTINE)) == []


# a mailbox that is full


def test_a_full_mailbox_on_a_server_that_can_only_copy_is_said_in_words_and_loses_nothing(courier: Courier) -> None:
    with Proxy(courier.port) as proxy:
        world = CourierWorld(courier, proxy)
        for number in range(3):
            world.deliver(mail(number, 2000))
        keys = [one.key for one in world.inbox.fetch(None)]
        world.inbox.prepare()
        courier.limit(world.user, 7000)
        with pytest.raises(MailServerUnavailable, match="over its quota, and a server without MOVE") as caught:
            world.inbox.file_away(keys, Folder.HANDLED)
        world.close()

    assert caught.value.permanent
    assert len(world.in_inbox()) == 3
