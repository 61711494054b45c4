"""A second libvirt host on this machine: a libvirtd in a mount and a network namespace of its own, reached by its socket.

It has nothing in common with the first: no domain, network, pool, address or file of state; a machine can be defined at
both under one name and id, as at two hosts.  Nothing of this machine's own interfaces is touched.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from contrib.demo import hypervisor

T = TypeVar("T")


@dataclass(frozen=True)
class SecondHost(hypervisor.Site):
    """What was made, the network namespace that it is in, as a file (network_namespaces(7)), and the first of its processes."""

    namespace: str = ""
    first_process: int = 0

    def run(self, *command: str) -> str:
        """Run a command in the host's network; gives what it printed."""
        done = subprocess.run(
            ["nsenter", f"--net={self.namespace}", *command], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise hypervisor.HypervisorProblem(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout


_NEW_NET = 0x40000000
"""CLONE_NEWNET of setns(2)."""


def inside(namespace: str, call: Callable[[], T]) -> T:
    """What a call gives that is made in a network namespace: in a thread of its own, which is in it alone."""
    found: list[T] = []

    def run() -> None:
        with open(namespace, "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _NEW_NET):
                raise OSError(ctypes.get_errno(), f"{namespace} cannot be entered")
        found.append(call())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


_START_SECONDS = 60
_PRIVATE = ("/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/run/libvirt")
_SCRIPT = """
set -e
filters=$1; sockets=$2; tools=$3; shift 3
mkdir -p "$filters"; cp -r /etc/libvirt/nwfilter "$filters/" 2>/dev/null || true
for folder in PRIVATE; do mkdir -p "$folder"; mount -t tmpfs -o mode=755 none "$folder"; done
cp -r "$filters/nwfilter" /etc/libvirt/ 2>/dev/null || true
printf 'stdio_handler = "file"\\nsecurity_driver = "none"\\nnamespaces = []\\ncgroup_controllers = []\\n' > /etc/libvirt/qemu.conf
: > "$filters/no-kvm"; chmod 0 "$filters/no-kvm"
[ ! -e /dev/kvm ] || mount --bind "$filters/no-kvm" /dev/kvm
mount -t sysfs none /sys
if [ -n "$tools" ]; then
    mkdir "$tools/real" "$tools/all"; mount --bind /usr/sbin "$tools/real"
    ln -s "$tools"/real/* "$tools/all/"; find "$tools" -maxdepth 1 -type l -exec cp -Pf {} "$tools/all/" ";"
    mount --bind "$tools/all" /usr/sbin
fi
ip link set lo up
# Where libvirt looks for it who comes by SSH.
ln -s "$sockets/libvirt-sock" /run/libvirt/libvirt-sock
# The shell stays the first process here: it buries guests that have ended, for which libvirtd waits more than a minute.
"$@" & wait $!
""".replace("PRIVATE", " ".join(_PRIVATE))


@contextmanager
def second_host(dns_domain: str = "testbed.example", tools: Path | None = None) -> Iterator[SecondHost]:
    """A host with a pool and a NAT network; it is gone afterwards, with every guest, whatever happened.

    The links in the folder `tools` take the place of its programs in /usr/sbin.
    """
    name = f"mailbot-host-{os.getpid()}-{secrets.token_hex(2)}"
    folder = Path("/var/tmp") / name
    pool = folder / "pool"
    pool.mkdir(parents=True)
    folder.chmod(0o711)
    pool.chmod(0o711)
    (folder / "libvirtd.conf").write_text(
        f'unix_sock_dir = "{folder}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\nlog_outputs = "3:stderr"\n'
    )
    command = ["libvirtd", "--config", str(folder / "libvirtd.conf"), "--pid-file", str(folder / "pid")]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
             "sh", "-c", _SCRIPT, "sh", str(folder / "filters"), str(folder), str(tools or ""), *command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        uri = f"qemu+unix:///system?socket={folder / 'libvirt-sock'}"
        _wait(uri, daemon, folder / "log")
        _made(uri, "pool", hypervisor.pool_xml("default", pool))
        _made(uri, "net", hypervisor.network_xml("default", dns_domain, 77))
        # The process that made the namespaces is in that of the network itself, not in that of the processes.
        (first,) = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
        yield SecondHost(
            uri, "default", "default", dns_domain, str(pool), f"/proc/{daemon.pid}/ns/net", first_process=int(first)
        )
    finally:
        # The first process of the namespace takes everything in it along: libvirtd, dnsmasq, guests.
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(uri: str, daemon: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_START_SECONDS * 5):
        if (
            daemon.poll() is None
            and subprocess.run(["virsh", "-c", uri, "uri"], capture_output=True, check=False).returncode == 0
        ):
            return
        time.sleep(0.2)
    raise hypervisor.HypervisorProblem(f"the second libvirtd does not answer: {log.read_text(errors='replace')[-500:]}")


def _made(uri: str, kind: str, xml: str) -> None:
    """Define and start the host's default pool or network."""
    for words, told in (((f"{kind}-define", "/dev/stdin"), xml), ((f"{kind}-start", "default"), None)):
        done = subprocess.run(
            ["virsh", "-q", "-c", uri, *words], input=told, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise hypervisor.HypervisorProblem(f"{' '.join(words)}: {done.stderr.strip()}")
