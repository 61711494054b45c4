"""Options of the whole test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-golden",
        action="store_true",
        help="write golden files and generated documents anew; read the difference before you commit it",
    )


HYPERVISOR_FIXTURES = frozenset({"libvirt_uri", "libvirt_site", "base_image", "hollow_image"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what may not run side by side (`-n`, `--dist loadgroup`): tests of one file, and all that share the hypervisor.

    Those with the hypervisor take longest and come first.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: _group(item) != "hypervisor")


def _group(item: pytest.Item) -> str:
    fixtures = set(getattr(item, "fixturenames", ()))
    shared = (
        fixtures & HYPERVISOR_FIXTURES
        or "[libvirt" in item.name
        or item.get_closest_marker("e2e")
        or item.get_closest_marker("serial")
    )
    return "hypervisor" if shared else item.path.stem


@pytest.fixture
def regenerate_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--regenerate-golden"))
