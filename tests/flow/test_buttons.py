"""The links of a letter, followed as a mail client follows them: a new message with the link's address, subject and words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formataddr
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from mailbot.model import Letter, OutboundMail, TicketState
from tests.world import ALICE, CAROL, World, request_words
from tests.writing import mail, read_letter

S = TicketState


@pytest.fixture(params=[False, True], ids=["by its code", "by its address"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.settings = replace(world.settings, plus_addresses=bool(request.param))
    world.restart()
    world.writes(ALICE.email, request_words())
    yield world
    world.close()


def links(letter: OutboundMail) -> dict[str, str]:
    """Every link of a letter, by the line that it puts into the reply."""
    part = read_letter(letter).get_body(("html",))
    assert part is not None
    found = re.findall(r'href="(mailto:[^"]*)"', str(part.get_content()))
    return {_words(html.unescape(link)).split("\r\n")[0]: html.unescape(link) for link in found}


def _words(link: str) -> str:
    return parse_qs(urlsplit(link).query)["body"][0]


def follow(world: World, link: str, sender: str, typed: str = "") -> None:
    """What a client sends: what the person types comes behind the first line; nothing of the letter is quoted, and no References."""
    first, rest = _words(link).split("\r\n", 1)
    subject = parse_qs(urlsplit(link).query)["subject"][0]
    words = f"{first}{typed}\n{rest}".replace("\r\n", "\n")
    world.arrives(mail(sender, subject, words, world.now, to=unquote(urlsplit(link).path)))


def test_approve_approves(world: World) -> None:
    question = world.last(Letter.ADMIN_DECISION, CAROL.address)
    follow(world, links(question)["approve"], formataddr((CAROL.name, CAROL.address)))
    assert world.ticket().state is S.APPROVED


def test_deny_waits_for_a_reason_and_the_code_below_is_none(world: World) -> None:
    deny = links(world.last(Letter.ADMIN_DECISION, CAROL.address))["deny "]
    follow(world, deny, CAROL.address)
    assert world.ticket().state is S.PENDING
    world.last(Letter.COMMAND_REFUSED, CAROL.address)
    follow(world, deny, CAROL.address, "no room until summer")
    assert world.ticket().state is S.DENIED
    part = read_letter(world.last(Letter.REQUEST_DENIED)).get_body(("plain",))
    assert part is not None
    assert "│ no room until summer" in str(part.get_content())


def test_the_links_of_the_letter_to_log_in_are_accepted(world: World) -> None:
    follow(world, links(world.last(Letter.ADMIN_DECISION, CAROL.address))["approve"], CAROL.address)
    world.later(minutes=1)
    ready = world.last(Letter.VM_READY)
    offered = links(ready)
    # What moves the last day comes last: it uses up the code of the letter.
    extend = next(words for words in offered if words.startswith("extend until"))
    for words, answer in (
        ("help", Letter.HELP),
        ("status", Letter.STATUS),
        ("release", Letter.RELEASE_CONFIRM),
        (extend, Letter.EXTENSION_RECEIVED),
    ):
        follow(world, offered[words], ALICE.email)
        world.last(answer, ALICE.email)


def test_a_link_forwarded_to_somebody_else_decides_nothing(world: World) -> None:
    approve = links(world.last(Letter.ADMIN_DECISION, CAROL.address))["approve"]
    follow(world, approve, "mallory@elsewhere.example")
    assert world.ticket().state is S.PENDING
