"""The Debian package on a Debian that really boots, under systemd: the service starts, answers a mail, reloads, is upgraded and removed.

`make test-deb` runs it.  systemd-nspawn boots the root with this machine's network, so that the mail servers of the demonstration
answer on its loopback.  What happens in it is done by a script that notes what it finds.
"""

from __future__ import annotations

import re
import subprocess
from email import message_from_bytes
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer
from tests.package.bare import Bare, bare_debian, configure, install, request

pytestmark = pytest.mark.timeout(1500)
BOOT_AND_ALL_SECONDS = 900

PROOF = """#!/bin/sh
exec >>/root/found 2>&1
tell() { echo "PROOF $1=$2"; }
state() { systemctl is-active mailbot; }
show() { systemctl show mailbot -p "$1" --value; }
soon() { for _ in $(seq 150); do "$@" && return 0; sleep 1; done; tell late "$*"; systemctl status mailbot; journalctl -u mailbot; }
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
UNIT = """[Unit]
After=multi-user.target
[Service]
ExecStart=/root/proof.sh
[Install]
WantedBy=default.target
"""


def prepare(bare: Bare) -> None:
    """Have the machine run the proof when it has booted."""
    (bare.root / "etc/systemd/system/proof.service").write_text(UNIT)
    (bare.root / "root/proof.sh").write_text(PROOF)
    (bare.root / "root/proof.sh").chmod(0o755)
    bare.run("systemctl", "enable", "proof.service")


def boot(bare: Bare) -> str:
    """Boot the root until it powers itself off; gives what the proof found.

    It is no unit of this machine, which may have no systemd itself (`--register=no --keep-unit`).
    """
    command = ["systemd-nspawn", f"--directory={bare.root}", "--register=no", "--keep-unit", "--link-journal=no", "--boot"]  # fmt: skip
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=BOOT_AND_ALL_SECONDS, check=False,
        )  # fmt: skip
        said = done.stdout
    except subprocess.TimeoutExpired as late:
        said = f"did not end in {BOOT_AND_ALL_SECONDS} s\n{(late.stdout or b'').decode(errors='replace')}"
    found = bare.root / "root/found"
    assert found.exists(), said[-4000:]
    return found.read_text()


def test_the_service_works_under_systemd_from_its_start_to_its_purge(package: Path, mail: MailServer) -> None:
    with bare_debian(package, "systemd-sysv", "dbus") as bare:
        install(bare, package)
        configure(bare, mail.imap_port, mail.smtp_port)
        prepare(bare)
        mail.dovecot.deliver("support", request())
        found = boot(bare)
    said = dict(re.findall(r"PROOF (\w+)=([^\r\n]*)", found))
    assert said.pop("status", "").startswith("mailbox read"), found[-8000:]
    assert said == {
        "state_before": "inactive", "started": "active", "user": "mailbot", "watchdog": "2min", "reloaded": "active",
        "after_kill": "active", "upgraded": "active", "removed": "inactive", "purged": "0", "end": "yes",
    }, found[-8000:]  # fmt: skip
    answers = [message_from_bytes(raw) for raw in mail.mailbox("alice")]
    assert [one["In-Reply-To"] for one in answers] == ["<first@testbed.example>"]
