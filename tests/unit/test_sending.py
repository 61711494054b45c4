"""Letters between mails: when a batch is begun, how many are written, and what no mail waits for."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest

from mailbot import sending
from mailbot.sending import LETTERS_BETWEEN, MAILS_BETWEEN, QUICK_SECONDS, BetweenMails, EveryFewMails


class Batches:
    """Batches of so many letters; `answered` is whether the mail server has answered."""

    def __init__(self, letters: int, writes: Callable[[], None] = lambda: None) -> None:
        self.letters, self.writes = letters, writes
        self.begun = self.written = 0
        self.answered = True

    def begin(self) -> Generator[Callable[[], bool], None, None]:
        self.begun += 1
        for _ in range(self.letters):
            self.writes()
            self.written += 1
            yield lambda: self.answered


def handle(between: BetweenMails, mails: int) -> None:
    for _ in range(mails):
        between.go_on()
        between.mail_was_handled()


def test_the_other_worker_is_told_every_few_mails() -> None:
    told: list[int] = []
    every = EveryFewMails(lambda: told.append(1))
    for _ in range(2 * MAILS_BETWEEN + 1):
        every()
    assert len(told) == 2


def test_a_batch_is_begun_after_a_few_mails_and_the_next_one_no_sooner() -> None:
    batches = Batches(LETTERS_BETWEEN)
    between = BetweenMails(batches.begin)
    handle(between, MAILS_BETWEEN - 1)
    assert batches.begun == 0
    handle(between, 1)
    assert (batches.begun, batches.written) == (1, LETTERS_BETWEEN)
    handle(between, MAILS_BETWEEN - 1)
    assert batches.begun == 1
    handle(between, 1)
    assert (batches.begun, batches.written) == (2, 2 * LETTERS_BETWEEN)


def test_between_two_mails_no_more_letters_are_written_than_mails_lead_to() -> None:
    batches = Batches(1000)
    between = BetweenMails(batches.begin)
    handle(between, MAILS_BETWEEN + 9)
    assert (batches.begun, batches.written) == (1, 10 * LETTERS_BETWEEN)
    between.finish()
    assert batches.written == 1000


def test_while_the_mail_server_does_not_answer_no_letter_is_written() -> None:
    batches = Batches(1000)
    between = BetweenMails(batches.begin)
    batches.answered = False
    handle(between, 3 * MAILS_BETWEEN)
    assert batches.written == 1
    batches.answered = True
    handle(between, 1)
    assert batches.written == 1 + LETTERS_BETWEEN


def test_where_letters_took_long_once_mails_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(sending, "monotonic", lambda: now[0])

    def slow() -> None:
        now[0] += QUICK_SECONDS + 1

    batches = Batches(1000, slow)
    between = BetweenMails(batches.begin)
    handle(between, 3 * MAILS_BETWEEN)
    assert batches.written == LETTERS_BETWEEN
    between.finish()
    assert batches.written == 1000


def test_where_a_connection_took_long_in_the_middle_of_a_mail_mails_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = [0.0], [0]
    monkeypatch.setattr(sending, "monotonic", lambda: now[0])

    def connects_anew() -> bool:
        asked[0] += 1
        now[0] += QUICK_SECONDS + 1
        return False

    def begin() -> Generator[Callable[[], bool], None, None]:
        yield connects_anew

    between = BetweenMails(begin)
    handle(between, MAILS_BETWEEN)
    handle(between, MAILS_BETWEEN)
    assert asked == [1]


def test_what_is_broken_off_begins_no_other_letter() -> None:
    batches = Batches(1000)
    between = BetweenMails(batches.begin)
    handle(between, MAILS_BETWEEN)
    between.close()
    assert batches.written == LETTERS_BETWEEN
