"""The package that these tests install: built for them, or named in $MAILBOT_TEST_DEB."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer

ROOT = Path(__file__).resolve().parents[2]
USERS = {"support": "secret", "alice": "secret", "carol": "secret"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They take minutes: only `make test-deb` runs them."""
    if "MAILBOT_TEST_DEB" in os.environ:
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="make test-deb runs it: it takes minutes"))


@pytest.fixture(scope="session")
def package() -> Path:
    built = os.environ["MAILBOT_TEST_DEB"]
    if Path(built).suffix == ".deb":
        return Path(built)
    subprocess.run([ROOT / "contrib" / "deb.sh"], check=True)
    return max((ROOT / "dist").glob("*.deb"), key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer(USERS) as server:
        yield server
