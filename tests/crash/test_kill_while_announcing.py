"""An admin announces something; the bot that hands it out is killed with SIGKILL after every step, and everybody has it once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot import announcing, operator, passes
from mailbot.adapters.spool import SpoolClock, SpoolInbox, SpoolPostman
from mailbot.model import EventKind, Letter, TicketState
from tests.crash.child import Steps, begin, make_bot
from tests.crash.test_kill_everywhere import AFTER_A_CRASH_MINUTES, Route, Server, end_of
from tests.world import ALICE, BOB, CAROL, START, kind_of, request_words
from tests.writing import SUPPORT, mail

CALM = Route("announced", "", 0)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def announced(tmp_path: Path) -> Path:
    """Two machines run, and an announcement has been begun."""
    root = tmp_path / "announced"
    begin(root)
    inbox, clock = SpoolInbox(root, SUPPORT), SpoolClock(root)
    for who in (ALICE, BOB):
        words = request_words(who.login)
        inbox.deliver(
            mail(who.email, "Persistent Virtual Machine Creation", words, START, Message_ID=f"<{who.login}@x>")
        )
    bot = make_bot(root, Steps())
    passes.once(bot)
    for number in (1, 2):
        operator.approve(bot.context, number, CAROL.login)
    for _ in range(4):
        passes.once(bot)
        clock.set(clock.now() + timedelta(minutes=1))
    assert [one.state for one in bot.context.store.tickets()] == [TicketState.ACTIVE] * 2
    announcing.announce(bot.context, "Maintenance", "On Tuesday, from 8 to 12.", CAROL.login)
    bot.close()
    return root


def test_killed_at_any_step_everybody_has_the_announcement_once(
    announced: Path, server: Server, tmp_path: Path
) -> None:
    shutil.copytree(announced, tmp_path / "calm")
    steps = server.run(tmp_path / "calm", CALM, minutes=0)["steps"]
    expected = end_of(tmp_path / "calm")
    assert who_has_it(tmp_path / "calm") == [ALICE.email, BOB.email]
    for kill_at in range(1, steps + 1):
        root = tmp_path / "killed"
        shutil.copytree(announced, root)
        assert server.run(root, CALM, minutes=0, kill_at=kill_at)["killed"]
        server.run(root, CALM, minutes=AFTER_A_CRASH_MINUTES)
        assert end_of(root) == expected, f"killed at step {kill_at} of {steps}"
        assert sorted(set(who_has_it(root))) == [ALICE.email, BOB.email]
        assert told_in_history(root) == [1, 1], f"killed at step {kill_at} of {steps}"
        shutil.rmtree(root)


def who_has_it(root: Path) -> list[str]:
    return sorted(one.envelope_to for one in SpoolPostman(root).letters if kind_of(one) is Letter.ANNOUNCEMENT)


def told_in_history(root: Path) -> list[int]:
    bot = make_bot(root, Steps())
    store = bot.context.store
    told = [sum(one.event is EventKind.ANNOUNCED for one in store.history(number)) for number in (1, 2)]
    bot.close()
    return told
