"""The page for a browser: what it says, that it fetches nothing, and that no name can bend it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot import operator
from mailbot.cli.report import _write, page_of
from mailbot.model import Letter, TicketState
from mailbot.turns.digest import Week
from tests.browser import page_seen
from tests.world import ALICE, BOB, World, request_words


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.writes(ALICE.email, request_words())
    yield world
    world.close()


def part(page: str, anchor: str) -> str:
    """The words of one part of the page, without its tags."""
    found = re.search(rf'<h2 id="{anchor}">.*?(?=<h2|</body>)', page, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def test_it_says_who_waits_for_whom(world: World) -> None:
    assert "#1 alice admins a decision 2026-11-23" in part(page_of(world.bot.context), "waits")


def test_what_ends_soon_has_the_proof_of_its_notice(world: World) -> None:
    operator.approve(world.bot.context, 1, "carol")
    world.once()
    world.later(minutes=1)
    assert world.ticket().state is TicketState.ACTIVE
    assert "Nothing ends within 30 days." in part(page_of(world.bot.context), "ends")
    while world.bot.context.store.accepted(1)[-1].letter is not Letter.WARNING:
        world.later(days=1)
    world.later(days=32)
    told = part(page_of(world.bot.context), "ends")
    assert re.search(
        r"#1 alice stops 2027-04-01 00:00 2 letters accepted, the first on 2027-01-\d\d .* the last: 250 2.0.0", told
    )


def test_what_is_stuck_is_what_the_weekly_summary_says_and_what_does_not_get_on(world: World) -> None:
    operator.approve(world.bot.context, 1, "carol")
    world.postman.refuse(ALICE.email, 451, "4.7.1 try later")
    world.later(minutes=1)
    world.later(minutes=30)
    context = world.bot.context
    told = part(page_of(context), "stuck")
    assert "the message that a request was approved: tried" in told
    week = Week(context, world.now, world.now).sections()
    for title in ("failed", "held by the brake", "unusual"):
        assert all(line in told for line in week[title])


def test_a_bot_that_is_blind_paused_or_closed_says_so_on_top(world: World) -> None:
    context = world.bot.context
    assert "Everything that mailbot needs works." in page_of(context)
    operator.close(context, "carol", "We move until Monday.")
    operator.pause(context, "carol", "a test")
    world.inbox.faults.plan("position", times=1)
    world.once()
    page = page_of(context)
    for words in (
        "the mailbox has not worked since",
        "paused by carol@testbed.example: a test",
        "We move until Monday.",
    ):
        assert words in page
    assert "Everything that mailbot needs works." not in page


def test_it_fetches_nothing_runs_nothing_and_no_name_can_bend_it(world: World) -> None:
    world.writes(BOB.email, request_words("bob"))
    operator.approve(world.bot.context, 2, "carol")
    world.once()
    world.later(minutes=1)
    operator.hold(world.bot.context, 2, "carol", "<script>alert(1)</script>\x1b")
    page = page_of(world.bot.context)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u001b" in page
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#)|@import|url\(', page)
    assert "default-src 'none'" in page
    assert "<svg" in page


def test_it_is_written_whole_for_a_web_server_of_the_same_group(world: World, tmp_path: Path) -> None:
    _write(tmp_path / "page.html", page_of(world.bot.context))
    assert (tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>\n<html")
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o640
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".page")]


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, False), (1280, True)])
def test_in_a_browser_every_part_is_seen_nothing_is_fetched_and_nothing_sticks_out(
    world: World, tmp_path: Path, width: int, dark: bool
) -> None:
    operator.approve(world.bot.context, 1, "carol")
    world.once()
    world.later(minutes=1)
    world.writes(BOB.email, request_words("bob", usage="<script>alert(1)</script> " + "a-very-long-word-" * 20))
    seen = page_seen(tmp_path, page_of(world.bot.context), width, dark=dark)
    assert seen["titles"] == [
        *("Who waits", "What is stuck", "Ends within 30 days", "All machines and requests", "Sites and room"),
        "The time ahead",
    ]
    assert (seen["lost"], seen["fetched"], seen["unseen"]) == (0, 0, 0)
    assert int(str(seen["wide"])) <= width
    light, night = "rgb(29, 39, 51)", "rgb(232, 237, 242)"
    assert (seen["ink"] == night, seen["ink"] == light) == (dark, not dark)
