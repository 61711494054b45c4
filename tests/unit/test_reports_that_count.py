"""What a report about a letter does: which of them our letter can have caused, and what follows; with nothing else of the bot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.model import Accepted, EventKind, Letter, OutboundMail, Turn, Verdict
from mailbot.turns.bounces import QUEUED_FOR, judge_bounce, other_address
from mailbot.turns.judgement import Judgement
from parsers.mail.message import read
from parsers.values import Mail
from tests.world import ALICE, CAROL, World, request_words
from tests.writing import bounce

ALIAS = ALICE.aliases[0]


def with_a_machine(folder: Path) -> World:
    """Alice has her machine and the letter about it; the admins had their question."""
    world = World(folder)
    world.writes(ALICE.email, request_words())
    world.answers(world.last(Letter.ADMIN_DECISION, CAROL.address), "approve")
    world.later(minutes=1)
    return world


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that no test changes."""
    world = with_a_machine(tmp_path_factory.mktemp("ready"))
    yield world
    world.close()


def report(world: World, *, letter: Letter = Letter.VM_READY, to: str = "", status: str = "5.1.1") -> Mail:
    sent: OutboundMail = world.last(letter, to or ALICE.email)
    found = read(bounce(sent, world.now, status), world.bot.context.reading(world.now))
    assert isinstance(found, Mail)
    return found


def judged(world: World, mail: Mail, later: timedelta = timedelta(0)) -> Judgement:
    assert mail.automatic is not None
    return judge_bounce(world.bot.context, mail, mail.automatic, world.now + later)


def turn_of(judgement: Judgement) -> Turn:
    assert judgement.turn is not None
    return judgement.turn


def test_a_report_marks_the_letter_and_stands_in_the_history_with_its_words(ready: World) -> None:
    mail = report(ready)
    turn = turn_of(judged(ready, mail))
    assert (turn.bounced, turn.bounce_permanent) == (mail.automatic and mail.automatic.original_message_id, True)
    (line,) = turn.history
    assert line.event is EventKind.RETURNED
    assert (line.facts["doubt"], line.facts["other"]) == ("", ALIAS)
    assert "no such user here" in line.facts["diagnostic"]
    assert (line.actor.who, line.actor.message_id) == (mail.sender.address, mail.message_id)


def test_without_a_diagnostic_the_words_of_the_report_are_kept(ready: World) -> None:
    mail = report(ready)
    assert mail.automatic is not None
    (line,) = turn_of(judged(ready, replace(mail, automatic=replace(mail.automatic, diagnostic="")))).history
    assert line.facts["diagnostic"] == mail.automatic.why != ""


def test_a_report_without_a_message_id_is_kept_with_none(ready: World) -> None:
    (line,) = turn_of(judged(ready, replace(report(ready), message_id=None))).history
    assert line.actor.message_id == ""


def test_a_report_about_an_admins_letter_is_put_away_with_its_words_and_changes_no_ticket(ready: World) -> None:
    judgement = judged(ready, report(ready, letter=Letter.ADMIN_DECISION, to=CAROL.address))
    assert judgement.verdict is Verdict.HANDLED
    assert "no such user here" in judgement.why
    assert turn_of(judgement).ticket is None
    assert turn_of(judgement).bounced


@pytest.mark.parametrize(
    ("after", "counts"), [(timedelta(0), True), (QUEUED_FOR, True), (QUEUED_FOR + timedelta(seconds=1), False)]
)
def test_a_report_counts_for_as_long_as_a_server_may_try(ready: World, after: timedelta, counts: bool) -> None:
    (accepted,) = (one for one in ready.bot.context.store.accepted(1) if one.letter == Letter.VM_READY)
    judgement = judged(ready, report(ready), accepted.accepted_at + after - ready.now)
    assert bool(turn_of(judgement).bounced) is counts
    assert bool(turn_of(judgement).history[0].facts["doubt"]) is not counts


@pytest.mark.parametrize(
    ("words", "recipients", "counts"),
    [
        ("", (ALICE.email.upper(),), True),
        ("", (ALIAS,), True),
        (f"<{ALICE.email}>: gone", ("alice@behind.example",), True),
        ("somebody is gone", ("bob@example.org",), False),
        ("somebody is gone", (), True),
    ],
)
def test_a_report_counts_that_speaks_of_an_address_of_the_owner(
    ready: World, words: str, recipients: tuple[str, ...], counts: bool
) -> None:
    mail = report(ready)
    assert mail.automatic is not None
    told = replace(mail, text=words, automatic=replace(mail.automatic, failed_recipients=recipients))
    assert bool(turn_of(judged(ready, told)).bounced) is counts


def test_a_report_about_a_letter_that_is_not_on_record_marks_nothing(ready: World) -> None:
    mail = report(ready)
    assert mail.automatic is not None
    unknown = replace(
        mail, automatic=replace(mail.automatic, original_message_id="<mb.9.1.o.20780.abc@elsewhere.example>")
    )
    assert not turn_of(judged(ready, unknown)).bounced


def test_a_report_that_came_with_a_return_path_counts_for_nothing(ready: World) -> None:
    turn = turn_of(judged(ready, replace(report(ready), return_path="mallory@evil.example")))
    assert not turn.bounced
    assert "mallory@evil.example" in turn.history[0].facts["doubt"]
    assert turn.effects == ()


def test_a_flood_of_reports_that_count_for_nothing_is_one_line(tmp_path: Path) -> None:
    world = with_a_machine(tmp_path)
    false = replace(report(world), return_path="mallory@evil.example")
    world.bot.context.store.commit(turn_of(judged(world, false)))
    again = judged(world, false)
    assert (again.turn, "does not count" in again.why) == (None, True)
    other = replace(report(world, letter=Letter.REQUEST_APPROVED), return_path="mallory@evil.example")
    assert turn_of(judged(world, other)).history, "one about another letter is another line"
    true = judged(world, report(world))
    assert turn_of(true).bounced, "a true one still counts"
    world.bot.context.store.commit(turn_of(true))
    known = judged(world, report(world))
    assert (known.turn, "reported before" in known.why) == (None, True)
    assert other_address(world.bot.context, world.ticket(), ALIAS) == "", "nothing is left that takes mail"
    assert other_address(world.bot.context, world.ticket(), "elsewhere@example.org") == ALIAS
    world.close()


def test_a_letter_that_is_only_delayed_has_not_come_back(tmp_path: Path) -> None:
    world = with_a_machine(tmp_path)
    world.bot.context.store.commit(turn_of(judged(world, report(world, status="4.4.1"))))
    (delayed,) = (one for one in world.bot.context.store.accepted(1) if one.letter == Letter.VM_READY)
    assert isinstance(delayed, Accepted)
    assert (delayed.bounced_at is not None, delayed.bounce_permanent) == (True, False)
    assert other_address(world.bot.context, world.ticket(), ALIAS) == ALICE.email
    assert turn_of(judged(world, report(world))).bounced, "it may still come back for good"
    world.close()


def test_somebody_who_left_has_no_other_address(tmp_path: Path) -> None:
    world = with_a_machine(tmp_path)
    world.directory.remove("alice")
    assert other_address(world.bot.context, world.ticket(), ALIAS) == ""
    assert turn_of(judged(world, report(world))).bounced, "the address that the ticket names still counts"
    world.close()
