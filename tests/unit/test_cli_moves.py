"""`mailbot move`, `drain` and `reconcile --answer` at the command line: what they say, and what they change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mailbot import cli, journal, operator
from mailbot.adapters.clock import MemoryClock
from mailbot.machines.work import look_at_sites
from mailbot.turns import modes, relocation
from mailbot.turns.modes import Mode
from tests.world import CAROL, START, World, request_words

CLOCK = MemoryClock(START)
main = partial(cli.main, clock=CLOCK)
HOSTS = ("main", "main/second")
SECOND = '\n[[sites.hosts]]\nname = "second"\nuri = "qemu+ssh://second.example.org/system"\n'
ELSEWHERE = '\n[[sites]]\nname = "elsewhere"\ndns_domain = "elsewhere.example"\n'
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _log_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MAILBOT_CONFIG", raising=False)
    yield
    journal.configure()


@pytest.fixture
def config(tmp_path: Path, capsys: Capture) -> Path:
    """A site of two hosts, and another place."""
    (tmp_path / "password").write_text("hunter2\n")
    path = tmp_path / "etc" / "config.toml"
    answers = ("--imap=imap.example.org", "--address=support@testbed.example", f"--admin={CAROL.address}")
    domain = "--domain=main.testbed.example"
    assert main(["init", "-c", str(path), *answers, domain, "--password-file", str(tmp_path / "password")]) == 0
    url = f'\n[database]\nurl = "sqlite:///{tmp_path / "mailbot.sqlite"}"\n'
    path.write_text(path.read_text() + SECOND + ELSEWHERE + url)
    capsys.readouterr()
    return path


@pytest.fixture
def world(config: Path, tmp_path: Path, capsys: Capture) -> Iterator[World]:
    """A bot on the same database; Alice has a machine at the first host."""
    CLOCK.set(START)
    world = World(tmp_path, clock=CLOCK, sites=HOSTS)
    look_at_sites(world.bot.context, world.bot.sites)
    operator.set_site_mode(world.bot.context, HOSTS[1], Mode.CORDONED, CAROL.login, "for the test")
    world.writes("alice@example.org", request_words())
    operator.approve(world.bot.context, 1, CAROL.login)
    world.once()
    world.later(minutes=1)
    operator.set_site_mode(world.bot.context, HOSTS[1], Mode.OPEN, CAROL.login, "for the test")
    assert world.ticket().site == "main"
    capsys.readouterr()
    yield world
    world.close()


def said(capsys: Capture, *words: str, code: int = 0) -> str:
    assert main(list(words)) == code
    told = capsys.readouterr()
    return " ".join((told.out + told.err).split())


def test_a_move_is_announced_and_called_off(config: Path, world: World, capsys: Capture) -> None:
    common = ("--as", "carol", "-c", str(config))
    words = said(capsys, "move", "1", "main/second", "--on", "2026-12-07", *common)
    assert "will move to main/second" in words
    assert "at 2026-12-07" in words
    plan = relocation.of_ticket(world.bot.context.store, 1)
    assert plan is not None
    assert "announced" in said(capsys, "show", "1", "-c", str(config))
    assert "stays where it is" in said(capsys, "move", "1", "--cancel", *common)
    assert relocation.of_ticket(world.bot.context.store, 1) is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("move", "1", "--as", "carol"), os.EX_USAGE),
        (("move", "1", "main/second", "--as", "carol"), os.EX_USAGE),
        (("move", "1", "main/second", "--cancel", "--as", "carol"), os.EX_USAGE),
        (("move", "1", "elsewhere", "--on", "2026-12-07", "--as", "carol"), os.EX_DATAERR),
        (("move", "2", "main/second", "--on", "2026-12-07", "--as", "carol"), os.EX_DATAERR),
        (("drain", "nowhere", "--dry-run"), os.EX_USAGE),
        (("drain", "main"), os.EX_USAGE),
        (("reconcile", "--answer", "rebuild alice-vm", "--as", "carol"), os.EX_DATAERR),
    ],
)
def test_what_cannot_be_is_refused(
    config: Path, world: World, capsys: Capture, words: tuple[str, ...], code: int
) -> None:
    said(capsys, *words, "-c", str(config), code=code)
    assert not relocation.planned(world.bot.context.store)
    assert modes.mode_of(world.bot.context.store, "main") is Mode.OPEN


def test_reconcile_looks_at_names_where_their_site_does_not_answer_too(
    config: Path, world: World, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "zone.key").write_text("c2VjcmV0\n")
    text = config.read_text().replace(SECOND, "").replace(ELSEWHERE, "")
    text = text.replace("qemu:///system", "qemu+unix:///system?socket=/nonexistent")
    zone = 'name = "testbed.example"\nserver = "127.0.0.1"\nport = 1\nkey_name = "k"'
    config.write_text(f'{text}\n[[zones]]\n{zone}\nkey_file = "{tmp_path / "zone.key"}"\n')
    words = said(capsys, "reconcile", "-c", str(config), code=os.EX_UNAVAILABLE)
    assert "main: The site main (qemu+unix:///system?socket=/nonexistent) does not answer" in words
    assert "main: The name server 127.0.0.1 of the zone testbed.example does not answer" in words
    assert "everything matches" not in words


def test_draining_shows_its_plan_first_and_then_does_it(config: Path, world: World, capsys: Capture) -> None:
    shown = said(capsys, "drain", "main", "--dry-run", "-c", str(config))
    assert "#1 alice-vm: to main/second at 2026-1" in shown
    assert "1 of 1 would move." in shown
    assert not relocation.planned(world.bot.context.store)
    done = said(capsys, "drain", "main", "--why", "it is old", "--as", "carol", "-c", str(config))
    assert "1 of 1 move." in done
    assert modes.mode_of(world.bot.context.store, "main") is Mode.DRAINING
    assert list(relocation.planned(world.bot.context.store)) == [1]
