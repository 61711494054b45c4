"""The Debian package on a Debian that really boots, under systemd, in QEMU: the service starts, answers a mail, reloads, is upgraded
and removed.  `make test-deb` runs it.

The guest does by itself what a script says and tells of it on its serial console; the mail servers are the demonstration's, on
this machine, which the guest sees as 10.0.2.2 (QEMU's user network).
"""

from __future__ import annotations

import re
import subprocess
from email import message_from_bytes
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer
from tests.package.bare import Bare, bare_debian, configure, install, request

pytestmark = pytest.mark.timeout(3600)
BOOT_AND_ALL_SECONDS = 2400
"""An emulated processor, and often other work beside it: fifteen minutes were not enough for the whole on a busy machine."""

PROOF = """#!/bin/sh
tell() { echo "PROOF $1=$2" >/dev/ttyS0; }
state() { systemctl is-active mailbot; }
show() { systemctl show mailbot -p "$1" --value; }
soon() { for _ in $(seq 300); do "$@" && return 0; sleep 1; done; tell late "$*"; systemctl status mailbot >/dev/ttyS0 2>&1; }
read_to_its_end() { show StatusText | grep -q "mailbox read"; }
newer() { [ "$(show MainPID)" != "$before" ] && [ "$(state)" = active ]; }
reloaded() { journalctl -u mailbot | grep -q config_reloaded; }

tell state_before "$(state)"
systemctl start mailbot
tell started "$(state)"
soon read_to_its_end
tell status "$(show StatusText)"
tell user "$(show User)"
tell watchdog "$(show WatchdogUSec)"
before=$(show MainPID)
systemctl reload mailbot
soon reloaded
tell reloaded "$([ "$(show MainPID)" = "$before" ] && state)"
kill -9 "$before"
rm /usr/sbin/policy-rc.d
soon newer
tell after_kill "$(state)"
before=$(show MainPID)
dpkg --force-unsafe-io -i /root/*.deb
soon newer
tell upgraded "$(state)"
dpkg -r mailbot
tell removed "$(state)"
dpkg -P mailbot
tell purged "$(ls -d /etc/mailbot /var/lib/mailbot 2>/dev/null | wc -l)"
tell end yes
systemctl poweroff
"""

UNITS = {
    "proof.service": """[Unit]
After=network.target imap.socket smtp.socket
Wants=imap.socket smtp.socket
[Service]
ExecStart=/root/proof.sh
[Install]
WantedBy=multi-user.target
""",
    "{name}.socket": "[Socket]\nListenStream=127.0.0.1:{port}\n",
    "{name}.service": "[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd 10.0.2.2:{port}\n",
}
NETWORK = "[Match]\nName=e*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"


def prepare(bare: Bare, ports: dict[str, int]) -> None:
    """Have the guest run the proof when it has booted, and reach the mail servers through its own loopback."""
    units = bare.root / "etc/systemd/system"
    for name, port in ports.items():
        for template in ("{name}.socket", "{name}.service"):
            (units / template.format(name=name)).write_text(UNITS[template].format(name=name, port=port))
    (units / "proof.service").write_text(UNITS["proof.service"])
    (bare.root / "root/proof.sh").write_text(PROOF)
    (bare.root / "root/proof.sh").chmod(0o755)
    (bare.root / "etc/systemd/network/80-proof.network").write_text(NETWORK)
    bare.run("systemctl", "enable", "proof.service", "systemd-networkd.service")


def boot(bare: Bare, folder: Path) -> str:
    """Boot the root from an image of its own until it powers itself off; gives what its serial console said."""
    disk, console = folder / "disk.img", folder / "console"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(bare.root), str(disk), "4G"], check=True, timeout=300)
    (kernel,), (initrd,) = (list((bare.root / "boot").glob(pattern)) for pattern in ("vmlinuz-*", "initrd.img-*"))
    machine = [
        "qemu-system-x86_64",
        "-accel",
        "tcg",
        "-cpu",
        "max",
        "-smp",
        "2",
        "-m",
        "1024",
        "-display",
        "none",
        "-no-reboot",
    ]
    kernel_and_disk = [
        "-kernel",
        str(kernel),
        "-initrd",
        str(initrd),
        "-append",
        "root=/dev/vda rw console=ttyS0 quiet",
    ]
    devices = [
        "-drive",
        f"file={disk},format=raw,if=virtio,cache=unsafe",
        "-nic",
        "user,model=virtio-net-pci",
        "-serial",
        f"file:{console}",
    ]
    try:
        subprocess.run([*machine, *kernel_and_disk, *devices], check=True, timeout=BOOT_AND_ALL_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(f"the guest did not end:\n{console.read_text(errors='replace')[-4000:]}")
    return console.read_text(errors="replace")


def test_the_service_works_under_systemd_from_its_start_to_its_purge(
    package: Path, mail: MailServer, tmp_path: Path
) -> None:
    with bare_debian(package, "systemd-sysv", "dbus", "linux-image-cloud-amd64") as bare:
        install(bare, package)
        ports = {"imap": mail.imap_port, "smtp": mail.smtp_port}
        configure(bare, *ports.values())
        prepare(bare, ports)
        mail.dovecot.deliver("support", request())
        console = boot(bare, tmp_path)
    said = dict(re.findall(r"PROOF (\w+)=([^\r\n]*)", console))
    assert said.pop("status", "").startswith("mailbox read"), console[-4000:]
    assert said == {
        "state_before": "inactive", "started": "active", "user": "mailbot", "watchdog": "2min", "reloaded": "active",
        "after_kill": "active", "upgraded": "active", "removed": "inactive", "purged": "0", "end": "yes",
    }, console[-4000:]  # fmt: skip
    answers = [message_from_bytes(raw) for raw in mail.mailbox("alice")]
    assert [one["In-Reply-To"] for one in answers] == ["<first@testbed.example>"]
