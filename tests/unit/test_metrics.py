"""Figures for Prometheus: what they count, that they are served, and that they name nobody."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.exposition import generate_latest

from mailbot import metrics
from mailbot.adapters.database.store import Database
from mailbot.metrics import METRICS, health, registry, served
from mailbot.model import Letter
from tests.world import World, request_words


def figures(world: World) -> dict[str, float]:
    """Every figure with its labels, as Prometheus reads them."""
    text = generate_latest(registry(world.bot.context.store)).decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_log_lines_are_counted(world: World) -> None:
    before = figures(world)['mailbot_events_total{event="letter_sent"}']
    world.writes("alice@example.org", request_words())
    assert figures(world)['mailbot_events_total{event="letter_sent"}'] == before + len(world.letters)


def test_what_waits_and_how_sites_are_can_be_read(world: World) -> None:
    world.writes("alice@example.org", request_words())
    told = figures(world)
    assert told['mailbot_site_up{site="north"}'] == 1
    assert told['mailbot_site_free_memory_bytes{site="north"}'] > 0
    assert told["mailbot_next_due_timestamp_seconds"] > world.now.timestamp()


def test_what_fails_is_a_figure_as_long_as_it_fails(world: World) -> None:
    world.inbox.faults.plan("position", times=1)
    world.once()
    name = 'mailbot_failing_since_timestamp_seconds{what="the mailbox"}'
    assert figures(world)[name] == world.now.timestamp()
    world.once()
    assert name not in figures(world)


def test_no_figure_names_a_person_and_every_one_is_documented(world: World) -> None:
    world.writes("alice@example.org", request_words())
    told = figures(world)
    assert not [name for name in told if "alice" in name or "@" in name]
    known = {f"{name}{end}" for name in METRICS for end in ("", "_count", "_sum")}
    assert {name.partition("{")[0] for name in told} <= known


def test_figures_are_served_over_http_while_the_bot_runs(world: World) -> None:
    with served("127.0.0.1", 0, world.bot.context.store) as port:
        assert port == 0, "port 0 serves nothing"
    free = _free_port()
    url = f"http://127.0.0.1:{free}/metrics"
    with served("127.0.0.1", free, world.bot.context.store), urlopen(url, timeout=10) as answer:
        assert b"mailbot_events_total" in answer.read()
    with pytest.raises(OSError, match="refused"):
        urlopen(url, timeout=10)


def test_what_waits_for_admins_is_a_figure_as_long_as_it_waits(world: World) -> None:
    assert "mailbot_oldest_question_timestamp_seconds" not in figures(world)
    world.writes("alice@example.org", request_words())
    told = figures(world)
    assert told["mailbot_oldest_question_timestamp_seconds"] == world.now.timestamp()
    assert told['mailbot_tickets{state="pending"}'] == 1
    assert told['mailbot_tickets{state="active"}'] == 0
    world.answers(world.last(Letter.ADMIN_DECISION), "approve")
    world.later(minutes=1)
    told = figures(world)
    assert "mailbot_oldest_question_timestamp_seconds" not in told
    assert told['mailbot_tickets{state="active"}'] == 1
    assert told['mailbot_machine_work_seconds_count{action="build"}'] >= 1


def test_when_mailbox_mail_server_and_sites_last_worked_is_a_figure_each(world: World) -> None:
    world.writes("alice@example.org", request_words())
    told = figures(world)
    of = "mailbot_last_success_timestamp_seconds"
    assert told[f'{of}{{of="mailbox"}}'] == told[f'{of}{{of="mail server"}}'] == world.now.timestamp()
    assert told[f'{of}{{of="site north"}}'] == world.now.timestamp()


def test_whether_the_program_lives_is_asked_at_a_path_of_its_own(world: World) -> None:
    store = world.bot.context.store
    with served("127.0.0.1", _free_port(), store) as port, urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
        assert (answer.status, answer.read()) == (200, b"ok\n")
    world.inbox.faults.plan("position", times=1)
    world.once()
    assert health(store) == ("200 OK", f"ok\nthe mailbox fails since {world.now:%Y-%m-%dT%H:%MZ}\n")


def test_a_database_that_is_away_is_no_health(tmp_path: Path) -> None:
    status, words = health(Database(f"sqlite:///{tmp_path}/nowhere.sqlite"))
    assert status.startswith("503")
    assert "database" in words


def test_once_leaves_a_file_for_the_textfile_collector_without_counters(world: World, tmp_path: Path) -> None:
    world.writes("alice@example.org", request_words())
    metrics.write_textfile(tmp_path / "mailbot.prom", world.bot.context.store, world.now)
    text = (tmp_path / "mailbot.prom").read_text()
    assert re.search(r"^mailbot_once_timestamp_seconds \d", text, re.MULTILINE)
    assert 'mailbot_tickets{state="pending"} 1.0' in text
    assert "_total" not in text


def test_the_reference_lists_every_figure() -> None:
    assert all(f"`{name}`" in metrics.reference() for name in METRICS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
