"""Fixtures: a real libvirt host with a pool and a network that the tests make and take away.

A `conftest.py` imports the fixtures that its tests need.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

import libvirt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from contrib.demo import hypervisor
from mailbot.adapters.sites.apart import HostsProcess
from provisioner import image_recipe, images, naming
from provisioner.api import SiteSettings, VmFacts, VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite

IMAGE_CACHE = Path(os.environ.get("MAILBOT_IMAGE_CACHE", str(images.CACHE)))


@pytest.fixture(scope="session")
def libvirt_uri() -> Iterator[str]:
    """A libvirtd that answers; started where none does, and then ended again."""
    with hypervisor.running() as uri:
        _sweep()
        yield uri


def _sweep() -> None:
    """Remove the sites of test runs that were killed: their names carry the number of a process that is gone."""
    for name, directory in hypervisor.sites().items():
        found = re.fullmatch(r"mailbot-test-(\d+)-[0-9a-f]{4}", name)
        if found and not Path(f"/proc/{found[1]}").exists():
            hypervisor.remove_site(name, directory)


@pytest.fixture(scope="session")
def libvirt_site(libvirt_uri: str) -> Iterator[hypervisor.Site]:
    """A pool and a NAT network of this test run alone."""
    name = f"mailbot-test-{os.getpid()}-{secrets.token_hex(2)}"
    directory = Path("/var/tmp") / name
    try:
        yield hypervisor.make_site(name, directory)
    finally:
        hypervisor.remove_site(name, directory)


@pytest.fixture
def apart() -> Iterator[HostsProcess]:
    """By which the daemon asks its hosts."""
    with closing(HostsProcess()) as process:
        yield process


@pytest.fixture(scope="session")
def hollow_image(tmp_path_factory: pytest.TempPathFactory) -> LocalImage:
    """An image that boots nothing: enough for everything but a guest."""
    folder = tmp_path_factory.mktemp("hollow")
    raw = folder / "hollow.raw"
    raw.write_bytes(bytes(1 << 20))
    return images.add_image(raw, images.sha512_of(raw), "hollow", folder)


@pytest.fixture(scope="session")
def base_image() -> LocalImage:
    """The real Debian image: from the cache, or built now, which takes one to five minutes."""
    return images.build_image(image_recipe.host_recipe(), IMAGE_CACHE, rebuild=False)


def settings_of(site: hypervisor.Site, image: str = "") -> SiteSettings:
    """The provisioner's settings for a site that was made here."""
    return SiteSettings("testbed", site.dns_domain, site.uri, site.pool, site.network, image)


def libvirt_error(code: int, domain: int = libvirt.VIR_FROM_QEMU, number: int = 0) -> libvirt.libvirtError:
    """What libvirt raises, with that code and domain; `number` is errno."""
    error = libvirt.libvirtError("")
    error.err = (code, domain, "it did not work", 2, None, None, None, number, 0)
    return error


def make_key(folder: Path, name: str = "id") -> tuple[Path, str]:
    """Make an Ed25519 key pair; gives the private file and the public line."""
    key = ed25519.Ed25519PrivateKey.generate()
    path = folder / name
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return path, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


def make_spec(username: str, key: str, dns_domain: str = "testbed.example", reference: str = "T1") -> VmSpec:
    """The specification of a small machine: for the same words the same machine."""
    return VmSpec(
        naming.machine_name(username),
        dns_domain,
        uuid5(NAMESPACE_OID, f"{username} {reference}"),
        username,
        reference,
        (key,),
        date(2027, 3, 31),
        memory_mib=512,
        disk_gib=3,
    )


def until_ready(site: LibvirtSite, specs: Sequence[VmSpec], seconds: float) -> list[VmFacts]:
    """Boot machines side by side, and wait that long at most; their facts are in the order asked for."""
    deadline = time.monotonic() + seconds
    while True:
        facts = [site.ensure(spec) for spec in specs]
        if all(one.phase is VmPhase.READY for one in facts):
            return facts
        assert time.monotonic() < deadline, [one.waiting_for for one in facts]
        time.sleep(1)


def run_ssh(key: Path, address: str, command: str, known_hosts: Path) -> str:
    """Run a command as root on a guest whose host key is known, and give what it printed."""
    done = subprocess.run(
        [
            "ssh",
            *("-i", str(key)),
            *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20"),
            *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known_hosts}"),
            f"root@{address}",
            command,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
