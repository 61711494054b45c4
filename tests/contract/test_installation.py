"""What the set-up and the systemd unit promise, asked of sh and of systemd themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "mailbot" / "examples"


@pytest.fixture
def foreign_checkout() -> Iterator[Path]:
    """A checkout that everybody may read and only root may write, as one in /opt is."""
    folder = Path(tempfile.mkdtemp(prefix="mailbot-opt-", dir="/var/tmp"))
    folder.chmod(0o755)
    shutil.copytree(ROOT / "contrib", folder / "contrib")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def set_up_as_nobody(checkout: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run the set-up as a user who owns nothing, with only the programs in `path`."""
    return subprocess.run(
        ["/bin/sh", str(checkout / "contrib" / "setup.sh"), "tests"],
        env={"PATH": str(path)}, user="nobody", group="nogroup", extra_groups=[],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def programs(folder: Path) -> Path:
    """A folder for PATH that holds what the set-up needs before it decides, and no sudo."""
    path = folder / "bin"
    path.mkdir()
    path.chmod(0o755)
    for name in ("dirname", "id"):
        (path / name).symlink_to(f"/usr/bin/{name}")
    return path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_set_up_of_a_folder_of_root_goes_on_by_sudo_with_its_words(foreign_checkout: Path) -> None:
    path = programs(foreign_checkout)
    (path / "sudo").write_text('#!/bin/sh\necho "as root: $*"\n')
    (path / "sudo").chmod(0o755)
    done = set_up_as_nobody(foreign_checkout, path)
    assert (done.returncode, done.stdout) == (0, "as root: contrib/setup.sh tests\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_set_up_of_a_folder_of_root_without_sudo_says_who_can_do_it(foreign_checkout: Path) -> None:
    done = set_up_as_nobody(foreign_checkout, programs(foreign_checkout))
    assert done.returncode == os.EX_NOPERM
    assert f"{foreign_checkout} cannot be written by nobody" in done.stderr


@pytest.mark.parametrize(
    "name", ["mailbot.service", "mailbot@.service", "mailbot-once.service", "mailbot-report.service"]
)
def test_systemd_finds_a_unit_as_closed_as_before(name: str) -> None:
    # The threshold is in tenths: an exposure above 1.7 ends with another code than 0.
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=17", "--no-pager", str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("mailbot*.*")))
def test_systemd_understands_every_line_of_a_unit(name: str, tmp_path: Path) -> None:
    for path in EXAMPLES.glob("mailbot*.*"):
        # The program stands for itself: the test is of the units, wherever they are installed.
        text = path.read_text().replace("=mailbot ", "=/bin/true ")
        (tmp_path / path.name).write_text(text)
    unit = name.replace("@", "@one")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def settings(name: str) -> dict[str, str]:
    """The settings of a unit, the last of each."""
    lines = (line for line in (EXAMPLES / name).read_text().splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def test_the_unit_does_not_restart_what_only_a_person_can_fix() -> None:
    codes = {int(code) for code in settings("mailbot.service")["RestartPreventExitStatus"].split()}
    assert codes == {os.EX_USAGE, os.EX_DATAERR, os.EX_NOPERM, os.EX_CONFIG}


def test_several_services_share_neither_configuration_nor_state() -> None:
    one, several = settings("mailbot.service"), settings("mailbot@.service")
    changed = {key for key in one if one[key] != several[key]}
    assert changed == {"Description", "Environment", "StateDirectory"}
    assert all("%i" in several[key] for key in changed)


def test_a_run_by_the_timer_is_as_closed_as_the_daemon_and_is_not_one() -> None:
    daemon, once = settings("mailbot.service"), settings("mailbot-once.service")
    assert once["ExecStart"] == "mailbot once"
    assert daemon.keys() - once.keys() == {
        "ExecReload", "WatchdogSec", "Restart", "RestartSec", "RestartPreventExitStatus", "TimeoutStopSec", "WantedBy",
    }  # fmt: skip


def test_the_page_s_unit_is_as_closed_as_the_daemon_and_writes_in_one_folder_more() -> None:
    once, report = settings("mailbot-once.service"), settings("mailbot-report.service")
    assert report["ExecStart"] == "mailbot report --html /var/lib/mailbot-report/index.html"
    assert {key for key in once.keys() | report.keys() if once.get(key) != report.get(key)} == {
        "Description", "ExecStart", "ExecStartPre", "SuccessExitStatus", "TimeoutStartSec", "ReadWritePaths",
    }  # fmt: skip
    assert report["ReadWritePaths"] == "/var/lib/mailbot-report"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("word", "servers"),
    [("run", set()), ("demo", {"dovecot-imapd"}), ("tests", {"dovecot-imapd", "postfix", "slapd"})],
)
def test_each_word_of_the_set_up_installs_only_its_own_servers(
    word: str, servers: set[str], foreign_checkout: Path
) -> None:
    path = programs(foreign_checkout)
    (path / "sed").symlink_to("/usr/bin/sed")
    foreign_checkout.chmod(0o777)  # so that the set-up goes on to the packages, none of which it finds installed
    done = subprocess.run(
        ["/bin/sh", str(foreign_checkout / "contrib" / "setup.sh"), word],
        env={"PATH": str(path)}, user="nobody", group="nogroup", extra_groups=[],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == os.EX_UNAVAILABLE
    wanted = set(done.stderr.splitlines()[-1].partition("install them: ")[2].split())
    assert "python3-libvirt" in wanted
    assert wanted & {"dovecot-imapd", "postfix", "slapd"} == servers
