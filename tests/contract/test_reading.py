"""Monsters: mails that want to cost time or memory end as `Unreadable`, and the next mail is read."""

from __future__ import annotations

import ctypes.util
import os
import resource
import signal
import subprocess
import sys
from base64 import encodebytes
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.adapters.reading.confinement import Layer
from mailbot.adapters.reading.direct import DirectReader
from mailbot.adapters.reading.process import ReadingProcess
from mailbot.adapters.reading.reader import ConfinedReader
from mailbot.adapters.reading.wire import WireError, loads
from mailbot.ports import Reader
from parsers import ReadingRules, Unreadable, read, understand
from parsers.mail.limits import MAX_BYTES, measure, refusal, without_ballast
from parsers.values import Command, Kind, Understanding
from tests.processes import ended

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
HEAD = b"From: alice@example.org\nTo: support@testbed.example\nSubject: Re: VM\n"
ORDINARY = HEAD + b"\nApprove\n"
ROOT = Path(__file__).resolve().parents[2]
MAILS = sorted((ROOT / "fixtures" / "mail").glob("*/*.eml"))
LONG = HEAD + b"\nApprove\n\n" + b"On and on it goes.\n" * 60_000  # unlike what people send, but honest


@pytest.fixture(scope="module")
def reader() -> Iterator[ConfinedReader]:
    with ConfinedReader(RULES) as reader:
        yield reader


def nested(levels: int) -> bytes:
    return HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(levels))


REFUSED = {
    "a hundred megabytes": HEAD + b"\n" + b"x" * 100_000_000,
    "thirty million empty lines": HEAD + b"\n" * 30_000_000,
    "ten thousand levels of multipart": nested(10_000),
    "ten thousand enclosed mails": HEAD + b"Content-Type: message/rfc822\n\n" * 10_000,
    "a hundred thousand parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "a hundred thousand fields": HEAD + b"X: y\n" * 100_000 + b"\n",
    "two hundred and fifty fields": HEAD + b"X: y\n" * 250 + b"\n",
    "a From field of a hundred kilobytes": b"From: " + b"a" * 100_000 + b"@example.org\n\nhi",
    "a field of seventeen kilobytes": HEAD + b"X: " + b"y" * 17_000 + b"\n\nhi",
    "a megabyte of zero bytes": bytes(1_000_000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_monster_is_refused_before_it_is_parsed(name: str) -> None:
    raw = REFUSED[name]

    assert refusal(measure(raw)) is not None
    assert isinstance(read(raw, RULES), Unreadable)


BORNE = {
    "encoded words without end": HEAD.replace(b"Re: VM", b"=?utf-8?q?=41?= " * 1000) + b"\nhi",
    "open comments in Cc": HEAD + b"Cc: " + b"(" * 15_000 + b"\n\nhi",
    "eight kilobytes of blank lines": HEAD + b"\n" + b" \n" * 8_000 + b"Approve",
    "twenty thousand nested divs": HEAD + b"Content-Type: text/html\n\n" + b"<div>" * 20_000 + b"Approve",
    "a million angle brackets": HEAD + b"\n" + b">" * 1_000_000,
    "three hundred thousand times On": HEAD + b"\n" + b"On " * 300_000 + b"wrote:",
    "a date beyond all years": HEAD + b"Date: Mon, 99999999999999 Jan 99999999999 99:99:99 +9999999999\n\nhi",
    "a parameter number beyond all numbers": HEAD
    + b"Content-Disposition: attachment; filename*99999999999999999999=x\n\nhi",
    "thirty levels": nested(30) + b"\nhello\n",
}


EXPENSIVE = {
    "a table that would be padded to gigabytes": b"Content-Type: text/html\r\n\r\n<table><tr><td>"
    + b"<br>" * 20_000
    + b"<td>"
    + (b"w" * 60_000 + b"\r\n") * 2
    + b"</table>",
    "the same in base64": b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + encodebytes(b"<table><tr><td>" + b"<br>" * 20_000 + b"<td>" + b"w" * 120_000 + b"</table>"),
    "a megabyte of semicolons in the header of a part": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain"
    + b";" * 1_000_000
    + b"\r\n\r\nApprove\r\n--b--\r\n",
    "fifteen thousand backslashes in To": b"To: " + b"\\" * 15_000 + b"\r\n\r\nApprove",
    "seventy thousand quotes": b"Content-Type: text/html\r\n\r\n" + b"<blockquote>hi</blockquote>" * 70_000,
}


@pytest.mark.parametrize("name", BORNE)
def test_a_strange_mail_is_read_or_unreadable_and_commands_nothing_by_accident(
    name: str, reader: ConfinedReader
) -> None:
    assert reader.read(BORNE[name], RULES.now).why


@pytest.mark.parametrize("name", EXPENSIVE)
def test_no_mail_costs_more_than_its_share_and_the_next_one_is_read(
    name: str, reader: ConfinedReader, start_seconds: float
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = processor_seconds(reader)
    assert reader.read(HEAD + EXPENSIVE[name], RULES.now).why
    assert processor_seconds(reader) - used <= 2 * (2.0 + start_seconds), "at most two tries"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000, "kilobytes, in this process"
    assert isinstance(reader.read(ORDINARY, RULES.now).meaning, Command)


def processor_seconds(reader: ConfinedReader) -> float:
    """What its children have used: those that ended, and the one that lives (proc(5), stat: fields 14 and 15)."""
    reader.layers()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    fields = Path(f"/proc/{reader.child_pid}/stat").read_text().rpartition(") ")[2].split()
    return ended.ru_utime + ended.ru_stime + sum(int(fields[number]) for number in (11, 12)) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def start_seconds() -> float:
    """The processor time that a child takes before its first mail; half as much again, since starts differ."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    with ConfinedReader(RULES) as reader:
        return 1.5 * (processor_seconds(reader) - ended.ru_utime - ended.ru_stime)


@pytest.mark.parametrize("kind", [DirectReader, ConfinedReader])
def test_both_readers_understand_every_mail_alike(kind: type[DirectReader | ConfinedReader]) -> None:
    reader: Reader = kind(RULES)
    expected = DirectReader(RULES)
    try:
        for path in MAILS:
            raw = path.read_bytes()
            assert reader.read(raw, RULES.now) == expected.read(raw, RULES.now), path.name
    finally:
        reader.close()


def test_the_moment_counts_for_relative_dates(reader: ConfinedReader) -> None:
    raw = HEAD + b"\nextend for 2 months until tomorrow\n"
    for moment in (RULES.now, datetime(2027, 2, 3, tzinfo=UTC)):
        assert reader.read(raw, moment) == DirectReader(RULES).read(raw, moment)


def test_the_reader_is_replaced_after_its_share() -> None:
    with ConfinedReader(RULES, mails_per_reader=2) as reader:
        assert [reader.read(ORDINARY, RULES.now).kind for _ in range(5)] == [Kind.DECISION] * 5
        ahead = [reader.begin(ORDINARY, RULES.now) for _ in range(5)]
        assert [answer().kind for answer in ahead] == [Kind.DECISION] * 5


LYING_CHILD = """
import os
from mailbot.adapters.reading import child
child._understood = lambda *_: os._exit(child.SHARE_IS_READ)
child.main()
"""


def test_a_child_that_says_too_early_that_its_share_is_read_is_not_asked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", _python_that_runs(LYING_CHILD, tmp_path))
    with ConfinedReader(RULES) as reader:
        assert reader.read(ORDINARY, RULES.now).kind is Kind.UNREADABLE


@pytest.mark.parametrize("kind", [DirectReader, ConfinedReader])
def test_mails_that_are_sent_ahead_are_answered_each_with_its_own(kind: type[DirectReader | ConfinedReader]) -> None:
    reader: Reader = kind(RULES)
    raws = [path.read_bytes() for path in MAILS[:40]]
    try:
        answers = [reader.begin(raw, RULES.now) for raw in raws]
        assert [answer() for answer in answers] == [DirectReader(RULES).read(raw, RULES.now) for raw in raws]
    finally:
        reader.close()


def test_answers_may_be_asked_for_in_any_order(reader: ConfinedReader) -> None:
    first, last = reader.begin(ORDINARY, RULES.now), reader.begin(ORDINARY.replace(b"Approve", b"Release"), RULES.now)
    assert isinstance(last().meaning, Command)
    assert isinstance(first().meaning, Command)
    assert first() != last()


def test_more_is_sent_ahead_than_the_pipes_hold(reader: ConfinedReader) -> None:
    answers = [reader.begin(LONG, RULES.now) for _ in range(12)]
    assert sum(len(LONG) for _ in answers) > 8 * 1024 * 1024
    assert {answer().kind for answer in answers} == {reader.read(LONG, RULES.now).kind}


def test_a_mail_that_takes_too_long_costs_the_ones_sent_after_it_nothing() -> None:
    with ConfinedReader(RULES, processor_seconds=0.05) as reader:
        slow = reader.begin(HEAD + EXPENSIVE["seventy thousand quotes"], RULES.now)
        others = [reader.begin(ORDINARY, RULES.now) for _ in range(3)]
        assert [other().kind for other in others] == [Kind.DECISION] * 3
        assert "processor time" in slow().why


def test_what_was_sent_to_a_child_that_is_killed_is_read_by_the_next(reader: ConfinedReader) -> None:
    reader.read(ORDINARY, RULES.now)
    assert reader.child_pid is not None
    os.kill(reader.child_pid, signal.SIGSTOP)
    answers = [reader.begin(ORDINARY, RULES.now) for _ in range(3)]
    os.kill(reader.child_pid, signal.SIGKILL)
    assert [answer().kind for answer in answers] == [Kind.DECISION] * 3


DEADLY_CHILD = """
import os
from mailbot.adapters.reading import child
understood = child._understood
def deadly(command, rules):
    if b"deadly" in command:
        os._exit(1)
    return understood(command, rules)
child._understood = deadly
child.main()
"""


def _python_that_runs(program: str, folder: Path) -> str:
    python = folder / "python"
    (folder / "program.py").write_text(program)
    python.write_text(f'#!/bin/sh\nshift 3\nexec {sys.executable} {folder / "program.py"} "$@"\n')
    python.chmod(0o755)
    return str(python)


def test_only_the_mail_that_ends_the_child_is_blamed_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", _python_that_runs(DEADLY_CHILD, tmp_path))
    with ConfinedReader(RULES) as reader:
        answers = [reader.begin(raw, RULES.now) for raw in (ORDINARY, ORDINARY + b"deadly", ORDINARY, ORDINARY)]
        kinds = [answer().kind for answer in answers]
    assert kinds == [Kind.DECISION, Kind.UNREADABLE, Kind.DECISION, Kind.DECISION]


def test_a_mail_that_takes_too_long_is_unreadable_and_the_next_is_read() -> None:
    with ConfinedReader(RULES, processor_seconds=0.05) as reader:
        slow = reader.read(HEAD + EXPENSIVE["seventy thousand quotes"], RULES.now)
        assert slow.mail is None
        assert "processor time" in slow.why
        assert isinstance(reader.read(ORDINARY, RULES.now).meaning, Command)


def test_a_child_that_was_started_before_its_rules_were_known_reads(reader: ConfinedReader) -> None:
    early = ReadingProcess()
    rules = replace(RULES, languages=("en", "pl"))
    with ConfinedReader(rules, process=early) as one:
        assert one.read(ORDINARY, RULES.now) == DirectReader(rules).read(ORDINARY, RULES.now)
        assert (one.child_pid, one.layers()) == (early.pid, reader.layers())
    assert not early.is_alive()


def test_a_child_that_was_started_early_and_died_is_replaced() -> None:
    early = ReadingProcess()
    os.kill(early.pid, signal.SIGKILL)
    assert early.status() == -signal.SIGKILL
    with ConfinedReader(RULES, process=early) as reader:
        assert isinstance(reader.read(ORDINARY, RULES.now).meaning, Command)
        assert reader.child_pid != early.pid


def test_nothing_is_imported_from_the_folder_that_mailbot_was_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('somebody else wrote this')")
    monkeypatch.chdir(tmp_path)
    with ConfinedReader(RULES) as reader:
        assert isinstance(reader.read(ORDINARY, RULES.now).meaning, Command)


LEAVING = """
import os
from mailbot.adapters.reading.process import ReadingProcess
print(ReadingProcess().pid, flush=True)
os._exit(0)
"""


def test_a_child_that_was_never_needed_ends_by_itself_once_nobody_is_there() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, check=True)
    assert ended(int(done.stdout))


def test_a_child_that_was_killed_is_started_again(reader: ConfinedReader) -> None:
    reader.read(ORDINARY, RULES.now)
    assert reader.child_pid is not None
    os.kill(reader.child_pid, signal.SIGKILL)
    assert isinstance(reader.read(ORDINARY, RULES.now).meaning, Command)


def test_an_answer_that_is_no_understanding_is_not_believed() -> None:
    for octets in (b"", b"{}", b"[]", b"[1,2,3,4,5]", b'[null,[9,["x"]],"decision","",[]]', b"[" * 100_000):
        with pytest.raises(WireError):
            loads(octets, Understanding)


def test_closing_leaves_no_child_behind() -> None:
    with ConfinedReader(RULES) as reader:
        reader.read(ORDINARY, RULES.now)
        child = reader.child_pid
        reader.close()
        reader.close()
        assert reader.child_pid is None
        assert not Path(f"/proc/{child}").exists()


def test_the_child_has_no_secrets_and_no_handles_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILBOT_SMTP__PASSWORD", "hunter2")
    with open("/etc/passwd", "rb") as secret, ConfinedReader(RULES) as reader:
        os.set_inheritable(secret.fileno(), True)
        reader.read(ORDINARY, RULES.now)
        environment = Path(f"/proc/{reader.child_pid}/environ").read_bytes()
        handles = sorted(int(path.name) for path in Path(f"/proc/{reader.child_pid}/fd").iterdir())
    assert b"hunter2" not in environment
    assert b"HOME" not in environment
    assert handles == [0, 1, 2]


CONFINED = """
import os, socket
from mailbot.adapters.reading import confinement
open("/etc/passwd").close()
library = confinement.seccomp()
layers = confinement.leave_files()
layers += confinement.leave_system_calls(library)
for name, act in (
    ("files", lambda: open("/etc/passwd")),
    ("network", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    ("processes", lambda: os.kill(os.getppid(), 0)),
):
    try:
        act()
    except OSError:
        os.write(1, f"no {name} ".encode())
os._exit(0)
"""


def test_what_the_child_gives_up_is_gone(reader: ConfinedReader) -> None:
    layers = reader.layers()
    assert "bounded memory" in layers
    assert "bounded processor time" in layers
    done = subprocess.run([sys.executable, "-c", CONFINED], cwd=ROOT, capture_output=True, text=True, check=True)
    gone = {layer.value: "" for layer in Layer} | {
        Layer.NO_FILES: "no files ",
        Layer.NO_SYSTEM_CALLS: "no network no processes ",
    }
    assert done.stdout == "".join(gone[layer] for layer in layers)


def test_a_machine_with_libseccomp_uses_it_though_files_are_given_up_before(reader: ConfinedReader) -> None:
    assert (Layer.NO_SYSTEM_CALLS in reader.layers()) is (ctypes.util.find_library("seccomp") is not None)


def test_dates_of_other_languages_are_read_without_files() -> None:
    rules = replace(RULES, languages=("en", "fr", "de", "es"))
    words = "username: alice\nintended usage: web\nexpiration date: "
    with ConfinedReader(rules) as reader:
        for day in ("31. März 2027", "31 de marzo de 2027", "in 6 Monaten"):
            raw = f"From: alice@example.org\nSubject: {rules.request_subject}\nContent-Type: text/plain; charset=utf-8\n\n{words}{day}\n"
            assert reader.read(raw.encode(), rules.now) == understand(read(raw.encode(), rules), rules)


OPENED = """
import sys
from datetime import UTC, datetime
from mailbot.adapters.reading import child
from parsers import read, understand
from parsers.values import ReadingRules
rules = ReadingRules(now=datetime(2026, 11, 23, 9, tzinfo=UTC), timezone=UTC, languages=("en", "fr", "de", "es", "it"))
child._load_everything(rules)
sys.addaudithook(lambda event, facts: event in ("open", "import") and print(event, facts[0]))
for day in ("31. März 2027", "31 de marzo de 2027", "31 marzo 2027", "in 6 Monaten", "31 mars 2027", "end of March 2027"):
    understand(read(f"From: a@example.org\\nSubject: {rules.request_subject}\\nContent-Type: text/plain; charset=utf-8\\n\\nusername: a\\nintended usage: b\\nexpiration date: {day}\\n".encode(), rules), rules)
"""


def test_once_everything_is_loaded_no_date_asks_for_a_file() -> None:
    """Python 3.13 gave up where Python 3.11 went on without: what needs a file has to show wherever the tests run."""
    done = subprocess.run([sys.executable, "-c", OPENED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""


COMPILED = """
from datetime import UTC, datetime
from mailbot.adapters.reading import child
from parsers.text import tables
from parsers.values import ReadingRules
before = len(tables._WAITING)
child._load_everything(ReadingRules(now=datetime(2026, 11, 23, 9, tzinfo=UTC), timezone=UTC))
print(before > 40, len(tables._WAITING))
"""


def test_no_table_of_words_is_compiled_within_the_time_of_a_mail() -> None:
    done = subprocess.run([sys.executable, "-c", COMPILED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True 0\n"


def test_every_mail_of_the_fixtures_is_understood_in_the_child_as_outside(reader: ConfinedReader) -> None:
    for path in sorted((ROOT / "fixtures" / "mail").glob("*/*.eml"))[::4]:
        raw = path.read_bytes()
        assert reader.read(raw, RULES.now) == understand(read(raw, RULES), RULES), path.name


def test_thirty_megabytes_of_attachment_do_not_keep_the_words_from_being_read(reader: ConfinedReader) -> None:
    raw = (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nApprove\n"
        b"--b\nContent-Type: application/pdf; name=plan.pdf\nContent-Transfer-Encoding: base64\n\n"
        + b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\n" * 400_000
        + b"--b--\n"
    )
    assert len(raw) < MAX_BYTES

    mail = reader.read(raw, RULES.now).mail

    assert mail is not None
    assert (mail.new_text, mail.attachments, mail.size_bytes) == ("Approve", ("plan.pdf",), len(raw))
    assert len(without_ballast(raw)) < 200_000
