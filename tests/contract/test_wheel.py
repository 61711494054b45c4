"""A wheel alone is the whole program: letters, migrations, examples and unit are in it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment into which only the wheel was put, beside the libraries of this one: the folder of its programs."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = folder.glob("*.whl")
    # Debian's Python, as everywhere: it sees Debian's libvirt. Libraries come by a path, and not the program beside them:
    # a .pth file in a folder that was added by another one is not read.
    environment = folder / "env"
    subprocess.run(
        ["/usr/bin/python3", "-m", "venv", "--system-site-packages", "--without-pip", str(environment)], check=True
    )
    (site,) = environment.glob("lib/python3*/site-packages")
    libraries = sysconfig.get_path("purelib")
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--no-deps"]
    subprocess.run([*pip, "--no-index", "--quiet", str(wheel)], check=True, capture_output=True, timeout=60)
    (site / "libraries.pth").write_text(f"{libraries}\n")
    return environment / "bin"


def run(installed: Path, folder: Path, *words: str) -> str:
    """Run the installed program far from the checkout, and give what it says."""
    done = subprocess.run(
        [str(installed / "mailbot"), *words],
        cwd=folder, env={"PATH": os.defpath, "LANG": "C.UTF-8"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_program_of_the_wheel_is_not_that_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = [str(installed / "python"), "-c", "import mailbot, migrations, templates_email; print(mailbot.__file__)"]
    done = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)
    assert "doctor" in run(installed, tmp_path, "--help")


def test_a_site_can_start_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not used\n")
    run(
        installed, tmp_path, "-c", "config.toml", "init", "--imap", "imap.example.org", "--address", "support@example.org",
        "--password-file", "secret", "--admin", "admin@example.org", "--domain", "main.testbed.example",
    )  # fmt: skip
    with (tmp_path / "config.toml").open("a") as file:
        file.write('[database]\nurl = "sqlite:///bot.db"\n')
    assert "is at revision" in run(installed, tmp_path, "-c", "config.toml", "db", "upgrade")
    said = run(installed, tmp_path, "-c", "config.toml", "check")
    assert "templates" in said
    assert "FAIL" not in said
    assert "BAD" not in said


def test_the_wheel_brings_its_examples(installed: Path, tmp_path: Path) -> None:
    names = run(installed, tmp_path, "examples").split()
    assert {"config.example.toml", "users.example.toml", "mailbot.service"} <= set(names)
    run(installed, tmp_path, "examples", "--into", ".")
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    assert (tmp_path / "mailbot.service").read_text() == (ROOT / "mailbot" / "examples" / "mailbot.service").read_text()
