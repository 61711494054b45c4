"""A libvirt host for the demo and the tests, on a machine with or without systemd.

`running` lends a libvirtd: the one that is there, or one that is started for the time of use.  `make_site`
and `remove_site` make and remove a pool and a network of their own.  What was started here is ended when
its last user has left and the last site is removed; what was there before is left alone.
As a command: `python -m contrib.demo.hypervisor up|down NAME DIRECTORY`.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

URI = "qemu:///system"
STATE = Path("/run/mailbot-hypervisor")
_SUBNETS = range(150, 250)
_START_SECONDS = 30


class HypervisorProblem(Exception):
    """libvirt could not be made ready; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Site:
    """A pool and a network that were made for a purpose and go away with it."""

    uri: str
    pool: str
    network: str
    dns_domain: str
    directory: str


@contextmanager
def running(state: Path = STATE) -> Iterator[str]:
    """Lend a libvirtd and give its URI; users hold a shared lock, and whoever leaves as the last calls `stop`."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        start(state)
        try:
            yield URI
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            stop(state)


def start(state: Path = STATE) -> None:
    """Start virtlogd and libvirtd where no libvirtd answers, and note which were started."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "starting").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if _answers():
            return
        if os.geteuid() != 0:
            raise HypervisorProblem("libvirtd is not running, and starting it needs root.")
        # libvirtd writes guests' consoles through virtlogd and cannot start a guest without it.
        for daemon, door in (("virtlogd", "virtlogd-sock"), ("libvirtd", "libvirt-sock")):
            if not _listens(Path("/run/libvirt") / door):
                _launch(daemon, state)
        _wait_until_it_answers(state)


def stop(state: Path = STATE) -> None:
    """End the daemons that `start` noted, and no others; nothing while somebody uses them or a site exists."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "starting").open("w") as turn, (state / "users").open("w") as users:
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if sites(state):
            return
        for daemon in ("libvirtd", "virtlogd"):
            note = state / f"{daemon}.pid"
            if note.exists():
                pid = int(note.read_text())
                if _is(pid, daemon):
                    os.kill(pid, signal.SIGTERM)
                    _wait_until_gone(pid, daemon)
                note.unlink()


def sites(state: Path = STATE) -> dict[str, Path]:
    """Give the names and directories of all sites that were made here and not removed yet."""
    return {note.name: Path(note.read_text()) for note in (state / "sites").glob("*")}


def make_site(name: str, directory: Path, dns_domain: str = "testbed.example") -> Site:
    """Make a directory pool and a NAT network of this name; what is already there is used again."""
    note = STATE / "sites" / name
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(str(directory))
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)  # QEMU runs as its own user and must reach its files
    if name not in _virsh("pool-list", "--all", "--name").split():
        _virsh("pool-define", "/dev/stdin", told=pool_xml(name, directory))
    if name not in _virsh("pool-list", "--name").split():
        _virsh("pool-start", name)
    if name not in _virsh("net-list", "--all", "--name").split():
        _define_network(name, dns_domain)
    elif name not in _virsh("net-list", "--name").split():
        _virsh("net-start", name)
    return Site(URI, name, name, dns_domain, str(directory))


def remove_site(name: str, directory: Path) -> None:
    """Remove the site's domains, volumes, pool, network and directory; what is gone already is fine."""
    for domain in _virsh("list", "--all", "--name").split():
        if _uses_network(_virsh("dumpxml", domain, fine=True), name):
            _virsh("destroy", domain, fine=True)
            _virsh("undefine", domain, "--managed-save", "--nvram", "--snapshots-metadata", fine=True)
    if name in _virsh("pool-list", "--all", "--name").split():
        _virsh("pool-destroy", name, fine=True)
        _virsh("pool-undefine", name, fine=True)
    if name in _virsh("net-list", "--all", "--name").split():
        _virsh("net-destroy", name, fine=True)
        _virsh("net-undefine", name, fine=True)
    # Somebody else may take the same thing away meanwhile: what counts is that it is gone.
    for kind in ("pool", "net"):
        if name in _virsh(f"{kind}-list", "--all", "--name").split():
            raise HypervisorProblem(f"the {kind} {name} cannot be removed; try: virsh -c {URI} {kind}-undefine {name}")
    shutil.rmtree(directory, ignore_errors=True)
    (STATE / "sites" / name).unlink(missing_ok=True)


def _define_network(name: str, dns_domain: str) -> None:
    """Define and start the network on the first subnet that libvirt finds free."""
    for third in _SUBNETS:
        _virsh("net-define", "/dev/stdin", told=network_xml(name, dns_domain, third))
        try:
            _virsh("net-start", name)
        except HypervisorProblem as problem:
            _virsh("net-undefine", name)
            if third == _SUBNETS[-1]:
                raise HypervisorProblem(f"No subnet from 192.168.{_SUBNETS[0]}.0 on could be used: {problem}") from None
        else:
            return


def pool_xml(name: str, directory: Path) -> str:
    pool = ET.Element("pool", type="dir")
    ET.SubElement(pool, "name").text = name
    ET.SubElement(ET.SubElement(pool, "target"), "path").text = str(directory)
    return ET.tostring(pool, encoding="unicode")


def network_xml(name: str, dns_domain: str, third: int) -> str:
    network = ET.Element("network")
    ET.SubElement(network, "name").text = name
    ET.SubElement(network, "forward", mode="nat")
    ET.SubElement(network, "domain", name=dns_domain, localOnly="yes")
    ip = ET.SubElement(network, "ip", address=f"192.168.{third}.1", netmask="255.255.255.0")
    dhcp = ET.SubElement(ip, "dhcp")
    ET.SubElement(dhcp, "range", start=f"192.168.{third}.10", end=f"192.168.{third}.250")
    return ET.tostring(network, encoding="unicode")


def _uses_network(domain: str, network: str) -> bool:
    if not domain:
        return False
    sources = ET.fromstring(domain).iterfind("devices/interface/source")
    return any(source.get("network") == network for source in sources)


def _virsh(*arguments: str, told: str | None = None, fine: bool = False) -> str:
    done = subprocess.run(
        ["virsh", "--quiet", "--connect", URI, *arguments], input=told, capture_output=True, text=True, check=False
    )
    if done.returncode and not fine:
        raise HypervisorProblem(f"virsh {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _answers() -> bool:
    if shutil.which("virsh") is None:
        raise HypervisorProblem("virsh is missing; install what contrib/debian-packages.txt lists.")
    return bool(_virsh("uri", fine=True).strip())


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True


def _launch(daemon: str, state: Path) -> None:
    command = [shutil.which(daemon) or f"/usr/sbin/{daemon}"]
    if daemon == "libvirtd" and Path("/dev/kvm").exists() and not kvm_runs():
        command = [*_without_kvm(state), *command]
    with (state / f"{daemon}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )  # fmt: skip
    (state / f"{daemon}.pid").write_text(str(process.pid))


_PROBE_SECONDS = 20


def kvm_runs() -> bool:
    """Whether a guest really runs under KVM here, as the user that libvirt gives QEMU.

    A `/dev/kvm` may be there and be closed to that user, or run nothing: a guest of a second tells.
    """
    qemu = shutil.which("qemu-system-x86_64")
    if qemu is None:
        return False
    probe = ["-accel", "kvm", "-m", "16", "-display", "none", "-nodefaults", "-serial", "none", "-monitor", "stdio"]
    try:
        with subprocess.Popen(
            [qemu, *probe], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **_qemu_user()
        ) as guest:  # fmt: skip
            try:
                time.sleep(1)
                told, _ = guest.communicate("info status\nquit\n", timeout=_PROBE_SECONDS)
            finally:
                guest.kill()
    except (OSError, subprocess.SubprocessError):
        return False
    return "VM status: running" in told


def _qemu_user() -> dict[str, Any]:
    """Debian's libvirt runs QEMU as this user, with access to /dev/kvm by its group."""
    try:
        return {"user": "libvirt-qemu", "group": "kvm", "extra_groups": []} if pwd.getpwnam("libvirt-qemu") else {}
    except KeyError:
        return {}


def _without_kvm(state: Path) -> list[str]:
    """What to start libvirtd with so that it sees no `/dev/kvm`: a mount namespace of its own.

    One that runs no guest makes libvirt probe QEMU again at each look, for 100 s at a time.  Guests are then not
    given a /dev of their own either, which would be made from the hidden device.
    """
    hidden, configuration = state / "no-kvm", state / "qemu.conf"
    hidden.write_bytes(b"")
    hidden.chmod(0)
    usual = Path("/etc/libvirt/qemu.conf")
    configuration.write_text((usual.read_text() if usual.exists() else "") + "\nnamespaces = []\n")
    script = 'mount --bind "$1" /dev/kvm && mount --bind "$2" /etc/libvirt/qemu.conf && shift 2 && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(hidden), str(configuration)]


def _wait_until_it_answers(state: Path) -> None:
    for _ in range(_START_SECONDS * 10):
        if _answers():
            return
        time.sleep(0.1)
    log = state / "libvirtd.log"
    said = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
    raise HypervisorProblem(f"libvirtd does not answer after {_START_SECONDS} seconds: {' / '.join(said)}")


def _is(pid: int, daemon: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == daemon
    except OSError:
        return False


def _wait_until_gone(pid: int, daemon: str) -> None:
    for _ in range(100):
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # ours to bury only where this process launched it
        if not _is(pid, daemon):
            return
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("up", "down"))
    parser.add_argument("name")
    parser.add_argument("directory", type=Path)
    chosen = parser.parse_args()
    try:
        if chosen.action == "up":
            start()
            print(json.dumps(asdict(make_site(chosen.name, chosen.directory))))
        else:
            start()
            remove_site(chosen.name, chosen.directory)
            stop()
    except HypervisorProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
