"""The Debian package on a bare Debian: installed, configured, a mail answered, upgraded, removed, purged.  `make test-deb` runs it.

The bare Debian is a root of its own, made by mmdebstrap from this machine's apt sources; it shares the network, so that the
mail servers of the demonstration answer in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from contrib.demo.mailserver import MailServer
from tests.package.bare import Bare, bare_debian, configure, install, request

MOST_MIB = 200

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def bare(package: Path) -> Iterator[Bare]:
    with bare_debian(package) as bare:
        yield bare


def test_it_installs_on_a_bare_debian_and_is_small_and_brings_no_servers(bare: Bare, package: Path) -> None:
    install(bare, package)
    assert bare.status("/etc/mailbot") == ("root", "mailbot", 0o750)
    assert bare.status("/var/lib/mailbot") == ("mailbot", "mailbot", 0o700)
    size = bare.run("dpkg-query", "-W", "-f", "${Installed-Size}", "mailbot")
    assert int(size) <= MOST_MIB * 1024
    installed = bare.run("dpkg-query", "-W", "-f", "${Package} ").split()
    assert {"dovecot-imapd", "postfix", "slapd", "gcc"} & set(installed) == set()
    inside = {path.name for path in bare.root.glob("usr/lib/mailbot/lib/python3*/site-packages/*")}
    assert "mailbot" in inside
    assert {"pytest", "mypy", "ruff", "hypothesis", "aiosmtpd", "pip", "hatchling"} & inside == set()


def test_its_parts_are_where_debian_has_them(bare: Bare) -> None:
    listed = bare.run("dpkg", "-L", "mailbot")
    for path in ("man/man1/mailbot.1.gz", "bash-completion/completions/mailbot", "zsh/vendor-completions/_mailbot",
                 "fish/vendor_completions.d/mailbot.fish"):  # fmt: skip
        assert f"/usr/share/{path}\n" in listed
    units = {path.name for path in (bare.root / "usr/lib/systemd/system").glob("mailbot*")}
    assert units == {
        "mailbot.service",
        "mailbot@.service",
        "mailbot-once.service",
        "mailbot-once.timer",
        "mailbot-report.service",
        "mailbot-report.timer",
    }
    bare.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "mailbot.service")
    assert "doctor" in bare.run("mailbot", "--help")


def test_a_first_mail_is_answered(bare: Bare, mail: MailServer) -> None:
    configure(bare, mail.imap_port, mail.smtp_port)
    assert bare.status("/etc/mailbot/tokens.keys") == ("root", "mailbot", 0o640)
    assert bare.status("/etc/mailbot/mailbox.password") == ("root", "mailbot", 0o640)
    bare.run("mailbot", "db", "upgrade")
    assert bare.status("/var/lib/mailbot/mailbot.db") == ("mailbot", "mailbot", 0o600)
    bare.run("mailbot", "check")
    mail.dovecot.deliver("support", request())
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
