"""The log: every line is one line, has its ticket first, and gives nothing away."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailbot import journal

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers = logging.getLogger().handlers[:]
    yield io.StringIO()
    journal.configure()
    logging.getLogger().handlers[:] = handlers


def test_a_json_line_has_time_level_ticket_and_event_first(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream)
    journal.letter_sent(12, row=3, letter="vm-ready", to="alice@example.org", answer="250 ok")
    line = json.loads(stream.getvalue())
    assert list(line)[:4] == ["at", "level", "ticket", "event"]
    assert line["ticket"] == 12
    assert line["event"] == "letter_sent"
    assert line["answer"] == "250 ok"


def test_a_console_line_names_the_ticket_before_what_happened(stream: io.StringIO) -> None:
    journal.configure("console", stream=stream)
    journal.ticket_moved(7, happening="Approved", before="pending", after="approved", who="root", summary="said yes")
    line = stream.getvalue()
    assert "info    #7 ticket_moved" in line
    assert 'summary="said yes"' in line


@pytest.mark.parametrize("form", ["json", "console"])
def test_text_of_a_mail_cannot_write_a_second_line_or_steer_a_terminal(
    stream: io.StringIO, form: journal.Format
) -> None:
    journal.configure(form, stream=stream)
    journal.mail_left(mail="abc", why="a\r\nforged line\x1b[2J\u202eevil\u2028x\udce9")
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert all(letter.isprintable() for letter in text.rstrip("\n"))


def test_a_field_without_value_is_left_out(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream)
    journal.mail_handled(None, mail="abc", kind="unclear", sender="bob@example.org")
    assert "ticket" not in json.loads(stream.getvalue())


def test_a_message_id_in_a_servers_answer_is_hidden_because_it_carries_a_token(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream)
    answer = "250 2.6.0 <t12.v3.0123456789abcdef0123456789abcdef@testbed.example> queued"
    journal.letter_sent(12, row=3, letter="vm-ready", to="alice@example.org", answer=answer)
    assert json.loads(stream.getvalue())["answer"] == "250 2.6.0 <…> queued"


def test_an_error_is_written_with_its_place_and_without_its_values(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream)
    try:
        password = "hunter2"
        int(password[:0] or "x")
    except ValueError as error:
        journal.tick_failed(doing="receive", error=error)
    line = json.loads(stream.getvalue())
    assert line["error"].startswith("ValueError: invalid literal")
    assert "test_journal.py:" in line["error"]
    assert "hunter2" not in stream.getvalue()


def test_moments_and_durations_are_written_for_machines(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream, level="debug")
    journal.tick(mails=1, tickets=0, letters=0, machines=0, took=timedelta(milliseconds=1500))
    journal.mail_retried(mail="abc", attempt=1, retry_at=datetime(2027, 1, 2, 3, 4, tzinfo=UTC), error="disk full")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["took"] == 1.5
    assert second["retry_at"] == "2027-01-02T03:04:00+00:00"


def test_a_very_long_value_is_cut(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream)
    journal.mail_left(mail="abc", why="x" * 100_000)
    assert len(stream.getvalue()) < 1000


def test_debug_lines_are_written_only_when_asked_for(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream, level="info")
    journal.tick(mails=0, tickets=0, letters=0, machines=0, took=timedelta(0))
    assert stream.getvalue() == ""


def test_warnings_of_libraries_come_out_as_lines_once(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream)
    journal.configure("json", stream=stream)
    logging.getLogger("apscheduler").warning("job %s missed", "tick")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["name"], line["message"]) == ("library", "apscheduler", "job tick missed")


def test_the_reference_of_log_lines_is_in_step_with_the_code() -> None:
    assert (DOCS / "log.md").read_text() == journal.reference(), "run `make docs`"


def test_every_line_says_what_it_means() -> None:
    assert all(line.meaning.endswith(".") for line in journal.LINES.values())


def test_no_field_takes_the_place_of_what_every_line_has() -> None:
    assert not [line for line in journal.LINES.values() if {"at", "level", "event"} & set(line.fields)]


def test_a_closed_standard_error_stops_no_work(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.configure("json")
    monkeypatch.setattr("sys.stderr", stream)
    journal.daemon_stopped()
    assert "daemon_stopped" in stream.getvalue()
    stream.close()
    journal.daemon_stopped()


def test_a_mail_is_named_by_the_beginning_of_its_hash(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream)
    journal.mail_left(mail="0123456789abcdef" * 4, why="not for us")
    assert json.loads(stream.getvalue())["mail"] == "0123456789ab"


def test_that_a_server_answers_again_is_told_once(stream: io.StringIO) -> None:
    journal.configure("json", stream=stream)
    for _ in range(2):
        journal.connection_works(server="a server of this test alone")
    journal.connection_lost(server="a server of this test alone", why="it hung up")
    for _ in range(2):
        journal.connection_works(server="a server of this test alone")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "connection_made",
        "connection_lost",
        "connection_restored",
    ]


def test_every_line_is_written_by_some_part_of_the_program() -> None:
    sources = [path.read_text() for path in (DOCS.parent / "mailbot").rglob("*.py")]
    unused = [name for name in journal.LINES if not any(f"journal.{name}(" in text for text in sources)]
    assert unused == ["connection_restored", "connection_made"], "these are written by connection_works"
