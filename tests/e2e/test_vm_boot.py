"""A real Debian guest, from an image that is built here to a machine of which nothing is left."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from contrib.demo import hypervisor
from provisioner.api import VmFacts, VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.ssh_keys import fingerprint
from provisioner.ssh_probe import SshAnswer, ssh_answer
from tests.hypervisor import make_key, make_spec, run_ssh, settings_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

_PATIENCE_SECONDS = 600


@dataclass
class Guest:
    """The machine of this test, and the way to reach it."""

    site: LibvirtSite
    spec: VmSpec
    key: Path
    known_hosts: Path

    def until(self, look: Callable[[VmSpec], VmFacts], phase: VmPhase) -> VmFacts:
        """Ask again and again, as the bot does, until the machine is so far."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (facts := look(self.spec)).phase is not phase:
            assert time.monotonic() < deadline, f"still {facts.phase} after {_PATIENCE_SECONDS} s: {facts.waiting_for}"
            time.sleep(1)
        return facts

    def knows(self, facts: VmFacts) -> None:
        """Trust exactly the host keys that the site told, as the owner does with the letter's line."""
        self.known_hosts.write_text("".join(f"{facts.address} {line}\n" for line in facts.host_keys))

    def run(self, command: str) -> str:
        address = self.site.facts(self.spec).address
        assert address
        return run_ssh(self.key, address, command, self.known_hosts).strip()

    def until_grown_to(self, size_gib: int) -> None:
        """Wait until the root file system fills the disk: it grows after SSH is up, which nobody waits for."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while int(self.run("df --output=size -BG /").split()[-1].rstrip("G")) != size_gib:  # rounded up
            assert time.monotonic() < deadline, "the root file system does not grow"
            time.sleep(1)


@pytest.fixture
def guest(libvirt_site: hypervisor.Site, base_image: LocalImage, tmp_path: Path) -> Iterator[Guest]:
    # A guest that shares its processors with much else takes long for the first messages of SSH.
    site = LibvirtSite(replace(settings_of(libvirt_site, base_image.label), probe_timeout=timedelta(seconds=20)))
    site.register_image(base_image)
    key, line = make_key(tmp_path)
    spec = replace(
        make_spec(f"alice{secrets.token_hex(2)}", line, libvirt_site.dns_domain), memory_mib=1024, disk_gib=5
    )
    try:
        yield Guest(site, spec, key, tmp_path / "known_hosts")
    finally:
        site.undo(spec)
        site.close()


def test_a_guest_boots_is_logged_in_to_and_does_what_its_owner_asks(
    guest: Guest, libvirt_site: hypervisor.Site
) -> None:
    """One guest for all, as each boot takes a minute where there is no KVM."""
    spec, site = guest.spec, guest.site

    # Built: the keys are those that the network cannot forge, and SSH accepts no other host.
    facts = guest.until(site.ensure, VmPhase.READY)
    guest.knows(facts)
    assert facts.installed_key_fingerprints == (fingerprint(spec.ssh_keys[0]),)
    assert {line.split()[0] for line in facts.host_keys} == {"ssh-ed25519", "ecdsa-sha2-nistp256"}
    assert guest.run("hostname; hostname -f; nproc; id -un").split() == [spec.name, spec.names.fqdn, "1", "root"]
    guest.until_grown_to(spec.disk_gib)
    assert guest.run("getent hosts " + spec.names.fqdn).split()[0] in (facts.address, "127.0.1.1")
    assert site.ensure(spec) == facts

    _read_the_console(guest)
    _let_other_keys_in(guest)

    # Another disk in its place: the same address and identity, new host keys, nothing of what was there.
    guest.run("echo precious > /root/data && sync")
    site.wipe(spec)
    again = guest.until(site.ensure, VmPhase.READY)
    assert again.address == facts.address
    assert set(again.host_keys).isdisjoint(facts.host_keys)
    guest.knows(again)
    assert guest.run("hostname; ls /root/data 2>/dev/null || true").split() == [spec.name]

    # Rebooted by its owner: another process finds the same machine with the same keys.
    guest.run("echo kept > /root/data && sync && (sleep 1; systemctl reboot) > /dev/null 2>&1 &")
    _wait_for_silence(again.address)
    later = LibvirtSite(settings_of(libvirt_site))
    ready = guest.until(later.facts, VmPhase.READY)
    assert ready.host_keys == again.host_keys
    assert guest.run("cat /root/data") == "kept"
    later.close()

    # Retired with its disk kept, then restored from it, with more room.
    assert guest.until(site.request_stop, VmPhase.STOPPED).address == again.address
    assert site.retire(spec).phase is VmPhase.DISK_KEPT
    restored = Guest(site, replace(spec, restored=True, disk_gib=spec.disk_gib + 1), guest.key, guest.known_hosts)
    back = restored.until(site.ensure, VmPhase.READY)
    restored.known_hosts.write_text("".join(f"{back.address} {line}\n" for line in again.host_keys))
    assert restored.run("cat /root/data; hostname").split() == ["kept", spec.name]
    restored.until_grown_to(restored.spec.disk_gib)

    # Removed: nothing is left behind.
    site.power_off(spec)
    site.retire(spec)
    assert site.delete_disk(spec).phase is VmPhase.ABSENT
    assert site.leftovers(frozenset()) == ()
    assert sorted(Path(libvirt_site.directory).iterdir()) == sorted(
        path for path in Path(libvirt_site.directory).iterdir() if path.name.startswith("mailbot-base-")
    )


def _read_the_console(guest: Guest) -> None:
    """What the guest says on its console is there to be read, again and again."""
    spec, site = guest.spec, guest.site
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not any("login:" in one for one in site.console(spec)):
        assert time.monotonic() < deadline, site.console(spec)
        time.sleep(2)
    guest.run("echo 'written to the console' >/dev/console; echo '<3>from the kernel' >/dev/kmsg")
    time.sleep(1)
    said = site.console(spec)
    assert any("written to the console" in one for one in said)
    assert any("from the kernel" in one for one in said)
    assert site.console(spec) == said


def _let_other_keys_in(guest: Guest) -> None:
    """Another key of the owner's is let in beside the first; somebody else's takes the place of all."""
    spec, site = guest.spec, guest.site
    (line,) = spec.ssh_keys
    other_key, other_line = make_key(guest.key.parent, "other")
    other = Guest(site, replace(spec, ssh_keys=(other_line,)), other_key, guest.known_hosts)
    installed = site.install_keys(other.spec)
    assert set(installed) == {fingerprint(line), fingerprint(other_line)}
    assert site.install_keys(other.spec) == installed
    assert [other.run("hostname"), guest.run("hostname")] == [spec.name, spec.name]

    assert site.install_keys(other.spec, alone=True) == (fingerprint(other_line),)
    assert other.run("hostname") == spec.name
    with pytest.raises(AssertionError, match="Permission denied"):
        guest.run("hostname")
    site.install_keys(spec)


def _wait_for_silence(address: str | None) -> None:
    """Wait until the guest has gone down for its reboot."""
    assert address
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while ssh_answer(address, (), 1.0) is not SshAnswer.NOTHING:
        assert time.monotonic() < deadline, "the guest did not go down for its reboot"
        time.sleep(0.5)
