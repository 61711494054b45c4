"""The table of commands: what `--help` says without importing, and how little the commands that look load."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from mailbot.cli.app import CODES
from mailbot.cli.table import ROWS, Row, load
from tests.world import World, request_words

ROOT = Path(__file__).resolve().parents[2]

LOADED = """
import sys
from mailbot.cli import main
code = main(sys.argv[1:])
heavy = "alembic apscheduler bonsai cryptography dateparser imapclient jinja2 libvirt lxml prometheus_client rich"
ours = "mailbot.letters mailbot.lifecycle.decide mailbot.model.events mailbot.turns mailbot.wiring parsers.reply"
print(*(name for name in f"{heavy} {ours} pydantic sqlalchemy".split() if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


def loaded(*words: str) -> list[str]:
    """Which heavy libraries, and which large parts of ours, a process has imported at the end of a command."""
    command = [sys.executable, "-c", LOADED, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1].split()


def printed(program: str, *words: str) -> str:
    """What a process of its own prints, which runs that program."""
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_line_of_the_overview_is_the_first_line_of_the_commands_own_help(row: Row) -> None:
    found = load(row.calls)
    own = found.info.help if isinstance(found, typer.Typer) else (inspect.getdoc(found) or "").splitlines()[0]
    assert own == row.help


def test_the_overview_is_shown_without_any_library_but_typer() -> None:
    assert loaded("--help") == []
    assert loaded("--version") == []


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration of a bot that a request waits at."""
    world = World(tmp_path)
    world.writes("alice@example.org", request_words())
    world.close()
    example = (ROOT / "mailbot" / "examples" / "config.example.toml").read_text(encoding="utf-8")
    (tmp_path / "keys").write_text("a-key-for-tests-only-of-at-least-32-characters\n")
    config = tmp_path / "config.toml"
    mine = example.replace('#url = "sqlite:////var/lib/mailbot/mailbot.db"', f'url = "{world.url}"')
    config.write_text(mine.replace("/etc/mailbot/tokens.keys", str(tmp_path / "keys")))
    return config


@pytest.mark.parametrize("words", [("list",), ("show", "1"), ("queue",)], ids=" ".join)
def test_what_only_looks_loads_the_configuration_and_the_database_and_nothing_else(
    words: tuple[str, ...], config: Path
) -> None:
    assert loaded("-c", str(config), *words) == ["sqlalchemy"]


@pytest.mark.parametrize(
    "words",
    [
        ("deny", "1", "no room", "--as", "root"),
        ("pause", "--why", "a move", "--as", "root"),
        ("resend", "1", "--as", "root"),
    ],
    ids=" ".join,
)
def test_what_decides_loads_neither_mail_servers_nor_hypervisors_nor_what_reads_and_writes_mails(
    words: tuple[str, ...], config: Path
) -> None:
    assert not {"imapclient", "jinja2", "libvirt", "mailbot.wiring", "parsers.reply"} & set(
        loaded("-c", str(config), *words)
    )


def test_check_writes_no_letter_where_no_template_is_replaced(config: Path) -> None:
    program = "import sys; from mailbot.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    told = printed(program, "-c", str(config), "check")
    assert "ok   letters: " in told
    assert not {"babel", "icalendar", "jinja2", "mailbot.letters.catalogue"} & set(told.splitlines()[-1].split())


@pytest.mark.parametrize("module", ["health", "sites"])
def test_check_and_a_sites_mode_load_nothing_that_servers_are_asked_with(module: str) -> None:
    told = printed(f"import sys, mailbot.cli.{module}; print(*sys.modules)")
    assert not {"imapclient", "libvirt", "smtplib", "mailbot.wiring"} & set(told.split())


def test_a_site_with_a_file_of_people_loads_neither_tls_nor_the_library_of_keys() -> None:
    told = printed("import sys, mailbot.contexts; print(*sys.modules)")
    ldap = "mailbot.adapters.directory.ldap"
    assert not {"cryptography", "mailbot.adapters.transport", ldap} & set(told.split())


READING = {"dateparser", "dkim", "dns", "inscriptis", "lxml", "mailparser", "quotequail"}
"""What mails are read with: in the child, or where the site wants signatures looked at."""


SELDOM = {"icalendar", "libvirt", "prometheus_client", "rich"}
"""What a day of the daemon may never need: calendar entries, figures where nobody asked for them, colours."""


def test_the_daemon_does_not_load_what_only_its_child_reads_mails_with() -> None:
    loaded = set(printed("import sys, mailbot.cli.running; print(*sys.modules)").split())
    assert "mailbot.adapters.reading.reader" in loaded
    assert (READING | SELDOM) & loaded == set()
    assert not {one for one in loaded if one.startswith("parsers.mail.")}


LATER = """
import sys
from pathlib import Path
from mailbot.config import load
from mailbot.wiring import make_sites
(site,) = make_sites(load(Path(sys.argv[1]))).values()
print("libvirt" in sys.modules, site.provisioner.health().reachable, "libvirt" in sys.modules)
"""


def test_hosts_in_the_bots_own_process_load_libvirt_when_they_are_asked(config: Path) -> None:
    config.write_text(config.read_text().replace('#uri = "qemu:///system"', 'uri = "test:///default"'))
    assert printed(LATER, str(config)).split() == ["False", "True", "True"]


@pytest.mark.parametrize("name", CODES)
def test_every_error_that_has_an_exit_code_exists(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(import_module(module), kind), Exception)
