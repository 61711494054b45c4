"""The demonstration is played as a stranger would play it: the conversation, a machine that boots, a login."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.e2e
@pytest.mark.timeout(2400)
def test_the_demonstration_ends_in_a_login_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    play = [sys.executable, "-m", "contrib.demo.play", "--folder", str(folder)]
    try:
        done = subprocess.run([*play, "--then-down"], cwd=ROOT, capture_output=True, text=True, timeout=2300, check=False)
    finally:
        subprocess.run([*play, "--down"], cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "alice-vm" in done.stdout.rpartition("Alice logs in")[2]
    assert not folder.exists()
