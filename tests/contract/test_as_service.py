"""Root's commands work as the user to whom the database belongs, and leave nothing of root's beside it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from mailbot.cli.ownership import owners
from mailbot.config import load

ROOT = Path(__file__).resolve().parents[2]
Mailbot: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

CONFIG = """
[mailbox]
host = "localhost"
security = "plain"
port = 1
username = "support@example.org"
password = "x"

[smtp]
host = "localhost"
security = "plain"
port = 1
from_address = "support@example.org"

[database]
url = "sqlite:///{state}/bot.db"

[tokens]
key_file = "tokens.keys"

[[admins]]
login = "root"
name = "Root"
address = "admin@example.org"

[[sites]]
name = "main"
dns_domain = "main.testbed.example"
"""


@pytest.fixture
def site() -> Iterator[Path]:
    """A site whose state belongs to a user of its own, and whose configuration is root's and readable for that user."""
    # Not below pytest's folders, which only root may enter.
    folder = Path(tempfile.mkdtemp(prefix="mailbot-service-", dir="/var/tmp"))
    folder.chmod(0o755)
    state = folder / "state"
    state.mkdir(mode=0o700)
    os.chown(state, *ids())
    (folder / "config.toml").write_text(CONFIG.format(state=state))
    (folder / "tokens.keys").write_text("k" * 40)
    for name in ("config.toml", "tokens.keys"):
        (folder / name).chmod(0o640)
        os.chown(folder / name, 0, ids()[1])
    yield folder
    shutil.rmtree(folder)


def ids() -> tuple[int, int]:
    user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """A folder with the program and its libraries where every user may read them: a checkout may lie in a home of mode 0700."""
    folder = Path(tempfile.mkdtemp(prefix="mailbot-program-", dir="/var/tmp"))
    folder.chmod(0o755)
    for name in ("mailbot", "parsers", "provisioner", "migrations", "templates_email"):
        shutil.copytree(ROOT / name, folder / name, copy_function=_linked)
    shutil.copytree(sysconfig.get_path("purelib"), folder, copy_function=_linked, dirs_exist_ok=True)
    yield folder
    shutil.rmtree(folder)


def _linked(source: str, target: str) -> None:
    """The same file under another name, where both lie in one file system; else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def mailbot(site: Path, installed: Path) -> Mailbot:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        program = [os.path.realpath(sys.executable), "-c", "import sys; from mailbot.cli import main; sys.exit(main())"]
        return subprocess.run(
            [*program, "-c", str(site / "config.toml"), *words],
            cwd=installed, env={**os.environ, "PYTHONPATH": str(installed)}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def test_what_roots_commands_make_belongs_to_the_service(site: Path, mailbot: Mailbot) -> None:
    for words in (["db", "upgrade"], ["list"], ["pause", "--as", "root", "--why", "a test"], ["once"]):
        done = mailbot(*words)
        assert done.returncode in {0, os.EX_TEMPFAIL}, done.stdout + done.stderr
    made = list((site / "state").iterdir())
    assert made
    assert {(path.stat().st_uid, path.stat().st_mode & 0o077) for path in made} == {(ids()[0], 0)}


def test_a_secret_that_the_service_cannot_read_is_found_by_root_too(site: Path, mailbot: Mailbot) -> None:
    assert mailbot("db", "upgrade").returncode == 0
    (site / "tokens.keys").chmod(0o600)
    done = mailbot("check")
    assert done.returncode == os.EX_CONFIG
    assert "tokens.keys cannot be read: Permission denied" in done.stdout


def test_check_finds_a_secret_that_every_user_can_read(site: Path, mailbot: Mailbot) -> None:
    assert mailbot("db", "upgrade").returncode == 0
    assert "nobody else can read the secrets" in mailbot("check").stdout
    for name in ("config.toml", "tokens.keys"):
        (site / name).chmod(0o644)
        done = mailbot("check")
        assert f"every user here can read {site / name}" in done.stdout
        assert f"chmod 640 {site / name}" in done.stdout
        assert done.returncode == os.EX_CONFIG
        (site / name).chmod(0o640)


def test_check_finds_what_a_command_of_root_left_beside_the_database(site: Path, mailbot: Mailbot) -> None:
    assert mailbot("db", "upgrade").returncode == 0
    (site / "state" / "bot.db-wal").touch()
    os.chown(site / "state" / "bot.db-wal", 0, 0)
    done = mailbot("check")
    assert "bot.db-wal belongs to another user" in done.stdout
    assert done.returncode == os.EX_NOPERM


@pytest.mark.parametrize(
    ("url", "proven"),
    [
        ("postgresql://mailbot:x@db.example.org/mailbot", False),
        ("postgresql://mailbot:x@db.example.org/mailbot?sslmode=require", False),
        ("postgresql://mailbot:x@db.example.org/mailbot?sslmode=verify-full", True),
        ("postgresql://mailbot:x@localhost/mailbot", True),
        ("postgresql:///mailbot", True),
    ],
)
def test_a_database_on_another_host_has_to_prove_its_name(url: str, proven: bool, site: Path) -> None:
    path = site / "config.toml"
    path.write_text(path.read_text().replace(f"sqlite:///{site}/state/bot.db", url))
    found = [finding.said for finding in owners(load(path, {}), path) if "does not prove" in finding.said]
    assert found == (
        [] if proven else ["the connection to PostgreSQL on db.example.org does not prove that it is db.example.org"]
    )
