"""The Debian package on a bare Debian: installed, configured, a mail answered, upgraded, removed, purged.  `make test-deb` runs it.

The bare Debian is a root of its own, made by mmdebstrap from this machine's apt sources; it shares the network, so that the
mail servers of the demonstration answer in it.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer

ROOT = Path(__file__).resolve().parents[2]
MOST_MIB = 200
USERS = {"support": "secret", "alice": "secret", "carol": "secret"}

pytestmark = [
    pytest.mark.skipif("MAILBOT_TEST_DEB" not in os.environ, reason="make test-deb runs it: it takes minutes"),
    pytest.mark.timeout(1500),
]


class Bare:
    """A root with nothing but Debian in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *words: str, code: int = 0) -> str:
        """Run a program in it as root; gives all that it says."""
        done = subprocess.run(
            ["unshare", "--fork", "--pid", f"--mount-proc={self.root}/proc", "chroot", str(self.root), *words],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def status(self, path: str) -> tuple[str, str, int]:
        """Owner, group and mode of a file, as the root's own users are called."""
        owner, group, mode = self.run("stat", "-c", "%U %G %a", path).split()
        return owner, group, int(mode, 8)


def codename() -> str:
    """Which Debian this is, and the bare one therefore."""
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = os.environ["MAILBOT_TEST_DEB"]
    if Path(built).suffix == ".deb":
        return Path(built)
    subprocess.run([ROOT / "contrib" / "deb.sh"], check=True)
    return max((ROOT / "dist").glob("*.deb"), key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def bare(package: Path) -> Iterator[Bare]:
    root = Path(tempfile.mkdtemp(prefix="mailbot-deb-", dir="/var/tmp"))
    try:
        make = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", codename(), str(root)]
        subprocess.run(make, check=True, timeout=600)
        for name in ("etc/resolv.conf", "etc/hosts"):
            shutil.copy(f"/{name}", root / name)
        # A daemon that its package starts must not begin to run in a root that is removed again.
        (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (root / "usr/sbin/policy-rc.d").chmod(0o755)
        shutil.copy(package, root / "root")
        yield Bare(root)
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer(USERS) as server:
        yield server


def test_it_installs_on_a_bare_debian_and_is_small_and_listens_on_nothing(bare: Bare, package: Path) -> None:
    bare.run("apt-get", "update", "-q")
    bare.run("apt-get", "install", "-q", "-y", "--no-install-recommends", f"/root/{package.name}")
    assert bare.status("/etc/mailbot") == ("root", "mailbot", 0o750)
    assert bare.status("/var/lib/mailbot") == ("mailbot", "mailbot", 0o700)
    size = bare.run("dpkg-query", "-W", "-f", "${Installed-Size}", "mailbot")
    assert int(size) <= MOST_MIB * 1024
    installed = bare.run("dpkg-query", "-W", "-f", "${Package} ").split()
    assert {"dovecot-imapd", "postfix", "slapd", "gcc"} & set(installed) == set()
    inside = {path.name for path in bare.root.glob("usr/lib/mailbot/lib/python3*/site-packages/*")}
    assert {"pytest", "mypy", "ruff", "hypothesis", "aiosmtpd", "pip", "hatchling"} & inside == set()


def test_its_parts_are_where_debian_has_them(bare: Bare) -> None:
    for path in ("man/man1/mailbot.1.gz", "bash-completion/completions/mailbot", "zsh/vendor-completions/_mailbot",
                 "fish/vendor_completions.d/mailbot.fish"):  # fmt: skip
        assert path in bare.run("dpkg", "-L", "mailbot")
    units = {path.name for path in (bare.root / "usr/lib/systemd/system").glob("mailbot*")}
    assert units == {"mailbot.service", "mailbot@.service", "mailbot-once.service", "mailbot-once.timer"}
    bare.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "mailbot.service")
    assert "doctor" in bare.run("mailbot", "--help")


def test_a_first_mail_is_answered(bare: Bare, mail: MailServer) -> None:
    (bare.root / "root/password").write_text("secret\n")
    bare.run(
        "mailbot", "init", "--imap", "localhost", "--username", "support", "--address", "support@testbed.example",
        "--password-file", "/root/password", "--admin", "carol@testbed.example", "--domain", "main.testbed.example",
    )  # fmt: skip
    config = bare.root / "etc/mailbot/config.toml"
    text = config.read_text()
    for port in (mail.imap_port, mail.smtp_port):
        text = text.replace('security = "tls"', f'security = "plain"\nport = {port}', 1)
    config.write_text(text)
    assert bare.status("/etc/mailbot/tokens.keys") == ("root", "mailbot", 0o640)
    (bare.root / "etc/mailbot/users.toml").write_text(
        '[[person]]\nlogin = "alice"\nname = "Alice"\nmail = "alice@testbed.example"\nssh_keys = []\n'
    )
    bare.run("mailbot", "db", "upgrade")
    assert bare.status("/var/lib/mailbot/mailbot.db") == ("mailbot", "mailbot", 0o600)
    bare.run("mailbot", "check")

    ask = EmailMessage()
    ask["From"], ask["To"], ask["Subject"] = (
        "alice@testbed.example",
        "support@testbed.example",
        "Persistent Virtual Machine Creation",
    )
    ask["Message-ID"], ask["Date"] = (
        "<first@testbed.example>",
        time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()),
    )
    ask.set_content("username: alice\n\nintended usage: to see whether it works\n\nexpiration date: 31/02/2099\n")
    mail.dovecot.deliver("support", ask.as_bytes())
    bare.run("mailbot", "once")
    answers = [message_from_bytes(raw) for raw in mail.mailbox("alice")]
    assert [one["In-Reply-To"] for one in answers] == ["<first@testbed.example>"]


def test_an_upgrade_keeps_and_a_purge_removes_what_the_site_has(bare: Bare, package: Path) -> None:
    before = bare.run("mailbot", "--print-config")
    bare.run("apt-get", "install", "-q", "-y", "--reinstall", "--no-install-recommends", f"/root/{package.name}")
    assert bare.run("mailbot", "--print-config") == before
    bare.run("apt-get", "remove", "-q", "-y", "mailbot")
    assert (bare.root / "etc/mailbot/config.toml").exists()
    assert (bare.root / "var/lib/mailbot/mailbot.db").exists()
    bare.run("apt-get", "purge", "-q", "-y", "mailbot")
    left = [path for path in ("etc/mailbot", "var/lib/mailbot", "usr/lib/mailbot") if (bare.root / path).exists()]
    assert left == []
