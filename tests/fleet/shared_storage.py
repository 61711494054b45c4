"""Two hosts in namespaces of their own with one pool, as on NFS, and one Ethernet between their bridges and between themselves."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from contrib.demo import hypervisor
from tests.second_host import SecondHost, second_host

POOL = "shared"
LEFT_ADDRESS, RIGHT_ADDRESS = "192.0.2.1", "192.0.2.2"
"""Where each host receives machines from the other one."""


@dataclass(frozen=True)
class TwoHosts:
    """Both hosts, each with the bridge `br7` and the pool `POOL`, and its folder."""

    left: SecondHost
    right: SecondHost
    folder: Path
    alive: ExitStack
    """Closing it ends the right host."""


@contextmanager
def two_hosts() -> Iterator[TwoHosts]:
    """Make them; all is gone afterwards, whatever happened."""
    with _shared_folder() as folder, ExitStack() as both:
        left = both.enter_context(second_host())
        alive = both.enter_context(ExitStack())
        right = alive.enter_context(second_host())
        _joined(left, right, "mig0", "mig1")
        for host, card, address in ((left, "mig0", LEFT_ADDRESS), (right, "mig1", RIGHT_ADDRESS)):
            host.run("ip", "address", "add", f"{address}/24", "dev", card)
            host.run("ip", "link", "set", card, "up")
        _joined(left, right, "eth7a", "eth7b")
        for host, card in ((left, "eth7a"), (right, "eth7b")):
            host.run("ip", "link", "add", "br7", "type", "bridge")
            host.run("ip", "link", "set", card, "master", "br7", "up")
            host.run("ip", "link", "set", "br7", "up")
            _pool(host, folder)
        left.run("ip", "address", "add", "198.51.100.1/24", "dev", "br7")
        yield TwoHosts(left, right, folder, alive)


def _joined(left: SecondHost, right: SecondHost, one: str, other: str) -> None:
    """A cable between both, with a name at each end."""
    right_ns = Path(right.namespace).parts[2]
    left.run("ip", "link", "add", one, "type", "veth", "peer", "name", other, "netns", right_ns)


def _pool(host: SecondHost, folder: Path) -> None:
    for words, told in (
        (("pool-define", "/dev/stdin"), hypervisor.pool_xml(POOL, folder)),
        (("pool-start", POOL), None),
    ):
        subprocess.run(["virsh", "-q", "-c", host.uri, *words], input=told, text=True, check=True, capture_output=True)


@contextmanager
def _shared_folder() -> Iterator[Path]:
    """A folder of a file system that libvirt takes for one that several hosts have: it goes by its name (virFileIsSharedFS)."""
    home = Path("/var/tmp") / f"mailbot-shared-{os.getpid()}-{secrets.token_hex(2)}"
    real, seen = home / "real", home / "seen"
    for one in (home, real, seen):
        one.mkdir()
        one.chmod(0o711)
    subprocess.run(["bindfs", "-o", "subtype=glusterfs,allow_other", real, seen], check=True, capture_output=True)
    try:
        yield seen
    finally:
        subprocess.run(["umount", "-l", seen], check=False)
        shutil.rmtree(home, ignore_errors=True)
