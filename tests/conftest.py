"""Options of the whole test run.  Hypothesis has no limit on the time of one example: test machines are shared and slow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from hypothesis import settings

from tests.world import World

settings.register_profile("mailbot", deadline=None)
settings.load_profile("mailbot")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-golden",
        action="store_true",
        help="write golden files and generated documents again; read the difference before you commit it",
    )
    parser.addoption(
        "--today", help="run as if it were this moment (ISO 8601 with an offset), for parts without servers"
    )
    parser.addoption(
        "--one-of-each",
        action="store_true",
        help="of a test with many cases run the first one, for what is not about cases",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Move this process's clock: a test that depends on today's date shows itself here, not in half a year."""
    if today := config.getoption("--today"):
        traveller = time_machine.travel(datetime.fromisoformat(today), tick=True)
        traveller.start()
        config.add_cleanup(traveller.stop)


LIBVIRT_FIXTURES = frozenset({"libvirt_uri", "libvirt_site", "base_image", "hollow_image"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put first what takes longest, so that no worker is left with it at the end (`-n`, `--dist loadfile`)."""
    items.sort(key=lambda item: not _takes_long(item))
    if config.getoption("--one-of-each"):
        first = {item.nodeid.partition("[")[0]: item for item in reversed(items)}
        kept = set(first.values())
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]


def _takes_long(item: pytest.Item) -> bool:
    marked = item.get_closest_marker("e2e") is not None or item.get_closest_marker("long") is not None
    return marked or bool(LIBVIRT_FIXTURES & set(getattr(item, "fixturenames", ())))


@pytest.fixture
def regenerate_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--regenerate-golden"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world with nothing in it yet; who needs another one has a fixture of that name."""
    made = World(tmp_path)
    yield made
    made.close()
