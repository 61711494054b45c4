"""The Debian package on a Debian that really boots, under systemd: what README.md has an operator type leads to a first answered mail;
the service starts, reloads, comes back after a kill, is upgraded and removed.

`make test-deb` runs it.  systemd-nspawn boots the root in a network of its own, in which the mail servers of the demonstration, name servers
and a way to Debian's mirrors listen on the loopback.  What happens in it is done by a script that notes what it finds.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer
from tests.package.bare import FIRST_USER, SUPPORT, Bare, bare_debian, configure, install, request
from tests.package.conftest import USERS
from tests.package.outside import Outside, mirrors
from tests.second_host import inside

ROOT = Path(__file__).resolve().parents[2]
BOOT_AND_ALL_SECONDS = 1800

pytestmark = pytest.mark.timeout(3600)

TOOLS = """#!/bin/sh
exec >>/root/found 2>&1
tell() { echo "PROOF $1=$2"; }
state() { systemctl is-active mailbot; }
show() { systemctl show mailbot -p "$1" --value; }
soon() { for _ in $(seq 150); do "$@" && return 0; sleep 1; done; tell late "$*"; systemctl status mailbot; journalctl -u mailbot; }
read_to_its_end() { show StatusText | grep -q "mailbox read"; }
newer() { [ "$(show MainPID)" != "$before" ] && [ "$(state)" = active ]; }
reloaded() { journalctl -u mailbot | grep -q config_reloaded && [ "$(state)" = active ]; }
"""
LIFE = """
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
"""
END = """
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


@pytest.fixture
def network() -> Iterator[str]:
    """A network namespace with nothing but a loopback, as a file."""
    name = f"mailbot-{os.getpid()}-{secrets.token_hex(2)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield f"/run/netns/{name}"
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.fixture
def mail(network: str) -> Iterator[MailServer]:
    """The mail servers, on the loopback of that network."""
    server = MailServer(USERS)
    inside(network, server.start)
    try:
        yield server
    finally:
        server.stop()


def boot(bare: Bare, network: str, script: str) -> tuple[dict[str, str], str]:
    """Boot the root, have it run a script and power itself off; gives what the script told, and all that it wrote.

    It is no unit of this machine, which may have no systemd itself (`--register=no --keep-unit`).
    """
    (bare.root / "etc/systemd/system/proof.service").write_text(UNIT)
    (bare.root / "root/proof.sh").write_text(TOOLS + script + END)
    (bare.root / "root/proof.sh").chmod(0o755)
    bare.run("systemctl", "enable", "proof.service")
    command = [
        "systemd-nspawn", f"--directory={bare.root}", f"--network-namespace-path={network}", "--capability=CAP_NET_ADMIN",
        "--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off", "--boot",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=BOOT_AND_ALL_SECONDS, check=False,
            env={**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},  # bridges are libvirt's to set up
        )  # fmt: skip
        said = done.stdout
    except subprocess.TimeoutExpired as late:
        said = f"did not end in {BOOT_AND_ALL_SECONDS} s\n{(late.stdout or b'').decode(errors='replace')}"
    found = bare.root / "root/found"
    assert found.exists(), said[-4000:]
    text = found.read_text(errors="replace")
    return dict(re.findall(r"PROOF (\w+)=([^\r\n]*)", text)), text[-12_000:]


def answers(mail: MailServer) -> list[str]:
    """The Message-IDs that the user got an answer to."""
    return [message_from_bytes(raw)["In-Reply-To"] for raw in mail.mailbox("alice")]


def test_the_service_works_under_systemd_from_its_start_to_its_purge(
    package: Path, network: str, mail: MailServer
) -> None:
    with bare_debian(package, "systemd-sysv", "dbus") as bare:
        install(bare, package)
        configure(bare, mail.imap_port, mail.smtp_port)
        mail.dovecot.deliver("support", request())
        said, found = boot(bare, network, LIFE)
    assert said.pop("status", "").startswith("mailbox read"), found
    assert said == {
        "state_before": "inactive", "started": "active", "user": "mailbot", "watchdog": "2min", "reloaded": "active",
        "after_kill": "active", "upgraded": "active", "removed": "inactive", "purged": "0", "end": "yes",
    }, found  # fmt: skip
    assert answers(mail) == ["<first@testbed.example>"]


ANSWERS = {
    "Address of the shared mailbox": SUPPORT,
    "Password of": "secret",
    "Address of the admin": "carol@testbed.example",
    "Domain of the machines": "main.testbed.example",
    "dkim, NAME or none": "none",
}
"""What is typed at the questions of `mailbot init`."""


def lines_of_the_readme() -> list[str]:
    """What README.md has an operator type as root, one command each."""
    chapter = (ROOT / "README.md").read_text().partition("## Install for real")[2]
    block = chapter.partition("```sh\n")[2].partition("```")[0]
    return [command.strip() for line in block.splitlines() for command in line.split("&&")]


def test_what_the_readme_has_an_operator_type_leads_to_a_first_answered_mail(
    package: Path, network: str, mail: MailServer
) -> None:
    """Each line works as it stands.  The package is built and installed before the boot.  `init` is answered at a terminal: it finds
    the mail servers by the names of the domain, and logs in to them; then the first user is written, as README.md says.  The image
    is built from Debian's mirrors."""
    lines = lines_of_the_readme()
    assert len(lines) <= 13
    assert lines[:3] == [
        "apt-get install debhelper python3-venv python3-libvirt",
        "make deb",
        "apt-get install ./dist/mailbot_*.deb",
    ]
    with bare_debian(package, "systemd-sysv", "dbus") as bare:
        install(bare, package, recommended=True)
        (bare.root / "usr/sbin/policy-rc.d").unlink()
        shutil.copy(mail.ca_file, bare.root / "usr/local/share/ca-certificates/mail.crt")
        bare.run("update-ca-certificates")
        (bare.root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        shutil.copy(Path(__file__).with_name("typed.py"), bare.root / "root")
        (bare.root / "root/answers").write_text("".join(f"{asked} = {answer}\n" for asked, answer in ANSWERS.items()))
        typed = {"mailbot init": f"python3 /root/typed.py /root/answers mailbot init && {FIRST_USER}"}
        script = "systemctl is-system-running --wait\n"
        for number, line in enumerate(lines[3:]):
            script += f"echo '$ {line}'\n{typed.get(line, line)}\ntell line{number} $?\n"
        mail.dovecot.deliver("support", request())
        names = {
            "_imaps._tcp.testbed.example SRV": f"0 0 {mail.imaps_port} localhost.",
            "_submission._tcp.testbed.example SRV": f"0 0 {mail.smtp_port} localhost.",
        }
        with closing(Outside(network, names, mirrors(bare.root))):
            said, found = boot(bare, network, f"{script}soon read_to_its_end\ntell state $(state)\n")
    assert {name: code for name, code in said.items() if name.startswith("line") and code != "0"} == {}, found
    assert (said["state"], said["end"]) == ("active", "yes"), found
    assert answers(mail) == ["<first@testbed.example>"]
