"""What a guest's boot costs: the image by itself under QEMU, and the same from the first call to READY.

    sudo .venv/bin/python -m bench.guest_boot [--rounds 3] [--image FILE] [--analyze]

Bare: an overlay on the image, the seed of a machine, QEMU's user network, the emulator alone; the clock runs
from QEMU's start until an SSH server greets.  Built: `LibvirtSite.ensure` every second on a real libvirtd
with a network of its own, from the first call until READY.  Both emulated (TCG), one after the other, so
that noise of the machine meets both; look at the load before you believe a figure.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from contrib.demo import hypervisor
from provisioner import image_recipe, images
from provisioner.api import VmPhase, VmSpec
from provisioner.images import LocalImage
from provisioner.libvirt_driver import LibvirtSite
from provisioner.seed import seed_image
from provisioner.ssh_probe import SshAnswer, ssh_answer
from tests.hypervisor import make_key, make_spec, run_ssh, settings_of

GIVE_UP_SECONDS = 400
LOOK_SECONDS = 1.0
MEMORY_MIB = 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--image", type=Path, help="a qcow2 image of another version; the host's own recipe otherwise")
    parser.add_argument("--analyze", action="store_true", help="print what systemd-analyze says in the built guest")
    chosen = parser.parse_args()
    bare: list[float] = []
    built: list[float] = []
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-", dir="/var/tmp") as folder:
        work = Path(folder)
        work.chmod(0o711)
        image = _image(chosen.image, work)
        with _site() as place:
            for _ in range(chosen.rounds):
                bare.append(boot(image, work))
                built.append(build(place, image, work, analyze=chosen.analyze))
                print(json.dumps({"bare_s": bare[-1], "built_s": built[-1], "load": os.getloadavg()[0]}), flush=True)
    one, other = statistics.median(bare), statistics.median(built)
    print(json.dumps({"bench": "guest_boot", "bare_s": one, "built_s": other, "ratio": round(other / one, 2)}))
    return 0


def _image(path: Path | None, work: Path) -> LocalImage:
    if path is None:
        return images.build_image(image_recipe.host_recipe())
    return images.add_image(path, images.sha512_of(path), "bench", work)


@contextmanager
def _site() -> Iterator[hypervisor.Site]:
    name = f"mailbot-test-{os.getpid()}-{secrets.token_hex(2)}"
    with hypervisor.running():
        try:
            yield hypervisor.make_site(name, Path("/var/tmp") / name)
        finally:
            hypervisor.remove_site(name, Path("/var/tmp") / name)


def _spec(work: Path, dns_domain: str = "testbed.example") -> tuple[VmSpec, Path]:
    key, line = make_key(work, secrets.token_hex(4))
    spec = make_spec(f"alice{secrets.token_hex(3)}", line, dns_domain)
    return replace(spec, memory_mib=MEMORY_MIB, disk_gib=8), key


def boot(image: LocalImage, work: Path) -> float:
    """Seconds from QEMU's start until an SSH server greets."""
    spec, _ = _spec(work)
    disk, seed = work / "bare.qcow2", work / "bare.seed"
    disk.unlink(missing_ok=True)
    seed.write_bytes(seed_image(spec))
    overlay = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image.path), str(disk), "8G"]
    subprocess.run(overlay, check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-m", str(MEMORY_MIB), "-display", "none"]
    command += ["-nodefaults", "-no-user-config", "-serial", f"file:{work / 'console'}", "-device", "virtio-rng-pci"]
    command += [
        "-drive",
        f"if=virtio,file={disk},format=qcow2",
        "-drive",
        f"if=virtio,file={seed},format=raw,readonly=on",
    ]
    command += ["-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:22", "-device", "virtio-net-pci,netdev=n"]
    began = time.monotonic()
    with subprocess.Popen(command) as guest:
        try:
            while ssh_answer("127.0.0.1", (), 1.0, port) is not SshAnswer.EXPECTED:
                assert time.monotonic() - began < GIVE_UP_SECONDS, "the guest does not boot"
                time.sleep(0.2)
            return round(time.monotonic() - began, 1)
        finally:
            guest.kill()


def build(place: hypervisor.Site, image: LocalImage, work: Path, *, analyze: bool) -> float:
    """Seconds from the first call until READY, and what each wait was for."""
    site = LibvirtSite(replace(settings_of(place, image.label), accelerate=False))
    site.register_image(image)
    spec, key = _spec(work, place.dns_domain)
    began = time.monotonic()
    said = ""
    try:
        while (facts := site.ensure(spec)).phase is not VmPhase.READY:
            assert time.monotonic() - began < GIVE_UP_SECONDS, facts.waiting_for
            if facts.waiting_for != said:
                said = facts.waiting_for
                print(f"  {time.monotonic() - began:6.1f} s  {said}", flush=True)
            time.sleep(LOOK_SECONDS)
        took = round(time.monotonic() - began, 1)
        if analyze and facts.address:
            known = work / "known_hosts"
            known.write_text("".join(f"{facts.address} {line}\n" for line in facts.host_keys))
            for command in ("systemd-analyze", "systemd-analyze critical-chain ssh.service", "systemd-analyze blame"):
                print(run_ssh(key, facts.address, f"sleep 5; {command} | head -30", known), flush=True)
        return took
    finally:
        site.undo(spec)
        site.close()


if __name__ == "__main__":
    raise SystemExit(main())
