"""The demonstration is played as a stranger would play it: the conversation, a machine that boots, a login."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.e2e
@pytest.mark.timeout(2400)
def test_the_demonstration_ends_in_a_login_and_leaves_nothing_behind(tmp_path: Path) -> None:
    # Not below pytest's own folders: other users must reach it, and the names of sockets must stay short.
    folder = Path(tempfile.mkdtemp(prefix="mailbot-demo-", dir="/var/tmp"))
    play = [sys.executable, "-m", "contrib.demo.play", "--folder", str(folder)]
    # From a checkout that its owner alone may enter, as homes of Debian 12 and 13 are.
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    checkout.chmod(0o700)
    try:
        done = subprocess.run(
            [*play, "--then-down"], cwd=checkout, capture_output=True, text=True, timeout=2300, check=False
        )
    finally:
        subprocess.run([*play, "--down"], cwd=checkout, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "alice-vm" in done.stdout.partition("Alice logs in")[2]
    assert "Nothing is left of the machine" in done.stdout
    assert not folder.exists()
