"""A bare Debian in a folder, for the tests of the package."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

SUPPORT = "support@testbed.example"


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


CODENAMES = {"12": "bookworm", "13": "trixie"}


def codename(package: Path) -> str:
    """The Debian that a package was built for, by its name."""
    found = re.search(r"~deb(\d+)_", package.name)
    assert found, f"{package.name} does not say for which Debian it is"
    return CODENAMES[found[1]]


@contextmanager
def bare_debian(package: Path, *more: str) -> Iterator[Bare]:
    """The Debian that the package is for, from this machine's apt sources, with the package's file in /root; removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="mailbot-deb-", dir="/var/tmp"))
    try:
        include = f"--include={','.join(('ca-certificates', *more))}"
        make = ["mmdebstrap", "--quiet", "--variant=minbase", include, codename(package), str(root)]
        subprocess.run(make, check=True, timeout=600)
        for name in ("etc/resolv.conf", "etc/hosts"):
            shutil.copy(f"/{name}", root / name)
        # A daemon that its package starts must not begin to run in a root that is removed again.
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        shutil.copy(package, root / "root")
        yield Bare(root)
    finally:
        shutil.rmtree(root)


def install(bare: Bare, package: Path, *, recommended: bool = False) -> None:
    """As a stranger would, with or without what Debian recommends."""
    bare.run("apt-get", "update", "-q")
    without = () if recommended else ("--no-install-recommends",)
    bare.run("apt-get", "install", "-q", "-y", *without, f"/root/{package.name}")


def init_words() -> tuple[str, ...]:
    """What `mailbot init` would ask, as words; the password is in a file."""
    return (
        "--imap", "localhost", "--username", "support", "--address", SUPPORT, "--password-file", "/root/password",
        "--admin", "carol@testbed.example", "--domain", "main.testbed.example",
    )  # fmt: skip


_ALICE = '[[person]]\\nlogin = "alice"\\nname = "Alice"\\nmail = "alice@testbed.example"\\nssh_keys = []\\n'
FIRST_USER = f"printf '{_ALICE}' >/etc/mailbot/users.toml"
"""A line of sh."""


def to_servers_on_loopback(imap_port: int, smtp_port: int) -> str:
    """A line of sh that has the configuration speak with mail servers on loopback, without TLS, and makes a user."""
    edits = " && ".join(
        f'sed -i \'0,/security = "tls"/s//security = "plain"\\nport = {port}/\' /etc/mailbot/config.toml'
        for port in (imap_port, smtp_port)
    )
    return f"{edits} && {FIRST_USER}"


def configure(bare: Bare, imap_port: int, smtp_port: int) -> None:
    """By `mailbot init`, with mail servers on loopback that need no TLS there, and one user."""
    (bare.root / "root/password").write_text("secret\n")
    bare.run("mailbot", "init", *init_words())
    bare.run("sh", "-c", to_servers_on_loopback(imap_port, smtp_port))


def request() -> bytes:
    """A first mail to the bot, of now: it is read by a program with this machine's clock."""
    ask = EmailMessage()
    ask["From"], ask["To"], ask["Subject"] = "alice@testbed.example", SUPPORT, "Persistent Virtual Machine Creation"
    ask["Message-ID"] = "<first@testbed.example>"
    ask["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    ask.set_content("username: alice\n\nintended usage: to see whether it works\n\nexpiration date: 31/02/2099\n")
    return ask.as_bytes()
