"""The pages that a site publishes say what its configuration and the tables that act say."""

from __future__ import annotations

import re
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mailbot.adapters.clock import MemoryClock
from mailbot.cli import main
from mailbot.config import Config, load
from mailbot.pages import as_html, as_markdown, for_admins, for_users
from parsers.reply.commands import read_command
from parsers.values import Command, ReadingRules
from tests.world import START

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "mailbot" / "examples" / "config.example.toml"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.toml"
    text = (
        EXAMPLE.read_text()
        .replace("#grace_days = 14", "grace_days = 1")
        .replace('#name = "Testbed"', 'name = "A <b> & C"')
    )
    path.write_text(text)
    return load(path, {})


def test_the_page_for_users_has_the_site_s_address_rules_and_words(config: Config) -> None:
    page = as_markdown(for_users(config, START))
    for words in (config.smtp.from_address, config.service.request_subject, "username: alice", "8 GiB", "`release`", "`extend",
                  "removed 1 day later", *config.service.terms):  # fmt: skip
        assert words in page
    assert "`approve`" not in page


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("fr", ("usage prévu : ", "date d'expiration : ", "supprimée 1 jour plus tard", "`rendre`", "`prolonger")),
        ("de", ("Verwendungszweck: ", "Ablaufdatum: ", "nach weiterer Zeit (1 Tag)", "`zurückgeben`", "`verlängern")),
    ],
)
def test_the_page_for_users_is_in_other_languages_too(config: Config, code: str, expected: tuple[str, ...]) -> None:
    page = as_markdown(for_users(config, START, code))
    for words in expected:
        assert words in page
    assert not re.search(r"\b(?:the|is|of|with|you|your|and)\b", page.replace(config.service.name, "")), page
    assert f'<html lang="{code}">' in as_html(for_users(config, START, code))


def test_the_card_for_admins_has_the_words_and_what_happens_without_them(config: Config) -> None:
    page = as_markdown(for_admins(config, START))
    for words in (
        "`approve`",
        "`deny",
        "`retry`",
        "admin@example.org",
        "after 2, 5 days",
        "14 days, the request will lapse",
    ):
        assert words in page


class Text(HTMLParser):
    """What a reader of an HTML page sees, and the elements that it is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


@pytest.mark.parametrize("make", [for_users, for_admins])
def test_a_page_in_html_stands_alone_and_what_is_configured_stays_text(make: object, config: Config) -> None:
    page = make(config, START)  # type: ignore[operator]
    text = Text()
    text.feed(as_html(page))
    assert {"script", "link", "img", "iframe", "b"} & set(text.tags) == set()
    assert page.title in "".join(text.seen)
    assert "A <b> & C" in page.title
    for section in page.sections:
        assert section.heading in text.seen


def test_the_command_writes_the_page_of_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = MemoryClock(START)
    assert main(["docs", "users", "--html", "-c", str(EXAMPLE)], clock) == 0
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>")
    assert main(["docs", "admins", "-c", str(EXAMPLE)], clock) == 0
    assert re.match("# Testbed: the admins' card", capsys.readouterr().out)


def test_every_word_on_the_pages_is_a_command(config: Config) -> None:
    offers = [
        offer
        for make in (for_users, for_admins)
        for section in make(config, START).sections
        for offer in section.offers
    ]
    assert len(offers) > 6
    for offer in offers:
        words = offer.words.replace("<reason>", "no room this month")
        assert isinstance(read_command(words, ReadingRules(START, UTC)), Command), offer.words
