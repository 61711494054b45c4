"""What `mailbot once` does in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mailbot import passes
from mailbot.errors import MailServerUnavailable
from tests.world import ALICE, World, request_words
from tests.writing import mail


@pytest.fixture
def happened(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens from now on, in its order: a mail is read, the reader ends, a host is asked."""
    seen: list[str] = []

    def noted(of: object, method: str, word: str) -> None:
        plain: Callable[..., Any] = getattr(of, method)

        def noting(*args: Any, **kwargs: Any) -> Any:
            if seen[-1:] != [word]:
                seen.append(word)
            return plain(*args, **kwargs)

        monkeypatch.setattr(of, method, noting)

    noted(world.bot.reader, "begin", "reads")
    noted(world.bot.reader, "close", "reader ends")
    for site in world.sites.values():
        noted(site, "health", "asks a host")
    return seen


def test_hosts_are_asked_when_all_mail_is_read_and_its_reader_has_ended(world: World, happened: list[str]) -> None:
    for number in range(passes.MAILS_AT_ONCE + 5):
        world.inbox.deliver(mail("somebody@elsewhere.example", f"hello {number}", "hello", world.now))
    tally = world.once()
    assert tally.mails == passes.MAILS_AT_ONCE + 5
    assert happened[:3] == ["reads", "reader ends", "asks a host"]


def test_a_mailbox_that_goes_away_keeps_no_host_from_being_asked(world: World, happened: list[str]) -> None:
    world.writes(ALICE.email, request_words())
    world.inbox.faults.plan("fetch", MailServerUnavailable("imap.example.org does not answer"), times=10)
    happened.clear()
    world.later(hours=1)
    assert "asks a host" in happened
