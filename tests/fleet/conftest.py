"""Fixtures of two libvirt hosts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hypervisor import apart, base_image, hollow_image, libvirt_site, libvirt_uri
from tests.second_host import SecondHost, second_host

__all__ = ["apart", "base_image", "hollow_image", "libvirt_site", "libvirt_uri"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that boot guests take minutes: only `make test-fleet` runs them."""
    if "MAILBOT_TEST_FLEET" in os.environ:
        return
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("boots"):
            item.add_marker(pytest.mark.skip(reason="make test-fleet runs it: it takes minutes"))


@pytest.fixture(scope="module")
def bridged() -> Iterator[SecondHost]:
    """A host with a bridge of its own, `br7`, on which it is the router for both families."""
    with second_host() as host:
        host.run("ip", "link", "add", "br7", "type", "bridge")
        host.run("ip", "address", "add", "198.51.100.1/24", "dev", "br7")
        host.run("ip", "address", "add", "2001:db8:7::1/64", "dev", "br7", "nodad")
        host.run("ip", "link", "set", "br7", "up")
        yield host
