"""An admin has a letter and a mail tried again; the bot that does so is killed with SIGKILL after every step, and comes to the same end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot import operator, passes
from mailbot.adapters.directory.memory import MemoryDirectory
from mailbot.adapters.spool import SpoolClock, SpoolInbox, SpoolPostman
from mailbot.model import Person, TicketState
from mailbot.ports import Folder
from tests.crash.child import Steps, begin, make_bot
from tests.crash.test_kill_everywhere import AFTER_A_CRASH_MINUTES, Route, Server, end_of
from tests.world import ALICE, BOB, CAROL, PEOPLE, START, request_words
from tests.writing import SUPPORT, mail

CALM = Route("requeued", "", 0)


class _Broken(MemoryDirectory):
    """Asked for one person, it breaks whatever asks."""

    def by_address(self, address: str) -> Person | None:
        assert address != BOB.email, "not foreseen"
        return super().by_address(address)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def troubled(tmp_path: Path) -> Path:
    """Letters wait for a mail server that is away, and a request lies in quarantine; what was wrong with both was put right."""
    root = tmp_path / "troubled"
    begin(root)
    inbox, clock, postman = SpoolInbox(root, SUPPORT), SpoolClock(root), SpoolPostman(root)
    for who in (ALICE, BOB):
        words = request_words(who.login)
        inbox.deliver(
            mail(who.email, "Persistent Virtual Machine Creation", words, START, Message_ID=f"<{who.login}@x>")
        )
    postman.faults.plan("send", times=1000)
    bot = make_bot(root, Steps())
    bot = replace(bot, postman=postman, context=replace(bot.context, directory=_Broken(PEOPLE)))
    for _ in range(4):
        passes.once(bot)
        clock.set(clock.now() + timedelta(minutes=10))
    assert len(inbox.folder(Folder.QUARANTINE)) == 1
    assert postman.letters == []
    bot.close()
    return root


def test_killed_at_any_step_what_was_tried_again_comes_to_the_same_end(
    troubled: Path, server: Server, tmp_path: Path
) -> None:
    bot = make_bot(troubled, Steps())
    passes.once(replace(bot, postman=_away(troubled)))
    waiting = bot.context.store.overview.queue()
    assert waiting
    for row in waiting:
        operator.requeue_row(bot.context, row.id, CAROL.login)
    assert operator.requeue_mails(bot.context, SpoolInbox(troubled, SUPPORT), "bob@x", CAROL.login) == 1
    bot.close()
    shutil.copytree(troubled, tmp_path / "calm")
    steps = server.run(tmp_path / "calm", CALM, minutes=0)["steps"]
    expected = end_of(tmp_path / "calm")
    assert [one[1] for one in expected["tickets"]] == [TicketState.PENDING] * 2
    assert expected["quarantine"] == expected["inbox"] == expected["waiting or given up"] == []

    for kill_at in range(1, steps + 1):
        root = tmp_path / "killed"
        shutil.copytree(troubled, root)
        assert server.run(root, CALM, minutes=0, kill_at=kill_at)["killed"]
        server.run(root, CALM, minutes=AFTER_A_CRASH_MINUTES)
        assert end_of(root) == expected, f"killed at step {kill_at} of {steps}"
        shutil.rmtree(root)


def _away(root: Path) -> SpoolPostman:
    postman = SpoolPostman(root)
    postman.faults.plan("send", times=1000)
    return postman
