"""What owners have done at a real guest: its console read, another key let in, another disk put in its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from contrib.demo import hypervisor
from provisioner.api import VmFacts, VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.ssh_keys import fingerprint
from tests.hypervisor import make_key, make_spec, run_ssh, settings_of

pytestmark = [pytest.mark.e2e, pytest.mark.serial, pytest.mark.timeout(1800)]

_PATIENCE_SECONDS = 600


@pytest.fixture
def site(libvirt_site: hypervisor.Site, base_image: LocalImage) -> Iterator[LibvirtSite]:
    # A guest that shares its processors with much else takes long for the first messages of SSH.
    site = LibvirtSite(replace(settings_of(libvirt_site, base_image.label), probe_timeout=timedelta(seconds=20)))
    site.register_image(base_image)
    yield site
    site.close()


def until(look: Callable[[], VmFacts], phase: VmPhase) -> VmFacts:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (facts := look()).phase is not phase:
        assert time.monotonic() < deadline, facts
        time.sleep(1)
    return facts


def test_an_owner_reads_the_console_and_comes_in_with_another_key(
    site: LibvirtSite, libvirt_site: hypervisor.Site, tmp_path: Path
) -> None:
    key, line = make_key(tmp_path)
    spec: VmSpec = replace(make_spec("words", line, libvirt_site.dns_domain), memory_mib=1024)
    known_hosts = tmp_path / "known_hosts"
    try:
        facts = until(lambda: site.ensure(spec), VmPhase.READY)
        address = facts.address or ""
        known_hosts.write_text("".join(f"{address} {one}\n" for one in facts.host_keys))

        deadline = time.monotonic() + 120
        while not any("login:" in one for one in site.console(spec)):
            assert time.monotonic() < deadline, site.console(spec)
            time.sleep(2)
        run_ssh(
            key,
            address,
            "echo 'written to the console' >/dev/console; echo '<3>from the kernel' >/dev/kmsg",
            known_hosts,
        )
        time.sleep(1)
        said = site.console(spec)
        assert any("written to the console" in one for one in said)
        assert any("from the kernel" in one for one in said)
        assert site.console(spec) == said

        other, other_line = make_key(tmp_path, "other")
        installed = site.install_keys(replace(spec, ssh_keys=(other_line,)))
        assert set(installed) == {fingerprint(line), fingerprint(other_line)}
        assert site.install_keys(replace(spec, ssh_keys=(other_line,))) == installed
        assert run_ssh(other, address, "hostname", known_hosts).strip() == spec.name
        assert run_ssh(key, address, "hostname", known_hosts).strip() == spec.name

        # Somebody else's machine: nobody else's key.
        alone = replace(spec, ssh_keys=(other_line,))
        assert site.install_keys(alone, alone=True) == (fingerprint(other_line),)
        assert run_ssh(other, address, "hostname", known_hosts).strip() == spec.name
        with pytest.raises(AssertionError, match="Permission denied"):
            run_ssh(key, address, "hostname", known_hosts)
        site.install_keys(spec)

        # Another disk in its place: the same address and identity, new host keys, nothing of what was there.
        run_ssh(key, address, "echo precious > /root/data && sync", known_hosts)
        site.wipe(spec)
        again = until(lambda: site.ensure(spec), VmPhase.READY)
        assert again.address == address
        assert set(again.host_keys).isdisjoint(facts.host_keys)
        known_hosts.write_text("".join(f"{address} {one}\n" for one in again.host_keys))
        assert run_ssh(key, address, "hostname; ls /root/data 2>/dev/null || true", known_hosts).split() == [spec.name]
    finally:
        site.undo(spec)
