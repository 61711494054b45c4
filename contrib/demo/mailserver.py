"""A whole mail service on loopback, for the demonstration and the tests: a private Dovecot, and an SMTP server that delivers into it.

    with MailServer({"support": "secret", "alice": "secret"}, domain="testbed.example") as server:
        server.imap_port, server.imaps_port, server.smtp_port, server.ca_file

Nothing outside a temporary directory is touched, nothing listens beyond 127.0.0.1, no service of the
machine is used.  Run as root, Dovecot's processes take the users that its package has made; otherwise
everything runs as the caller.  Command line: `python -m contrib.demo.mailserver --help`.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import grp
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from contrib.demo.loopback import free_ports, make_certificate
from contrib.demo.smtp_server import SmtpServer

_START_SECONDS = 30


class MailServerProblem(RuntimeError):
    """The mail service cannot be started; the message says what to do."""


class MailServer:
    """Dovecot and SMTP for the users of one domain; `stop` (or leaving the context) ends and removes everything.

    `users` maps names to passwords; a letter to `name+anything@domain` reaches `name`, a letter to anybody
    else is accepted and kept in `elsewhere`.  With `home` the mail survives the next start.  `on_letter`
    is called with sender, recipient and bytes of each letter, after it was delivered, from the server's thread.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        domain: str = "testbed.example",
        home: Path | None = None,
        on_letter: Callable[[str, str, bytes], None] | None = None,
    ) -> None:
        self.users = dict(users)
        self.domain = domain
        self.host = "127.0.0.1"
        self._own_home = home is None
        # Short and world-searchable: sockets have names of at most 107 bytes, and Dovecot reads mail as another user.
        self.home = home if home is not None else Path(tempfile.mkdtemp(prefix="mailbot-mail-", dir="/tmp"))
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o755)
        self.ca_file = self.home / "cert.pem"
        self.dovecot = Dovecot(self.home / "dovecot", self.users, make_certificate(self.home))
        self.smtp = SmtpServer(self.users, self._deliver, make_certificate(self.home))
        self.elsewhere: list[tuple[str, str, bytes]] = []
        self._on_letter = on_letter

    def start(self) -> MailServer:
        try:
            self.dovecot.start()
            self.smtp.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        self.smtp.stop()
        self.dovecot.stop()
        if self._own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> MailServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def imap_port(self) -> int:
        """IMAP with STARTTLS offered; without TLS from loopback."""
        return self.dovecot.imap_port

    @property
    def imaps_port(self) -> int:
        return self.dovecot.imaps_port

    @property
    def smtp_port(self) -> int:
        """SMTP with STARTTLS and AUTH offered, neither needed."""
        return self.smtp.port

    def mailbox(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """What lies in a user's folder, oldest first."""
        return self.dovecot.mailbox(user, folder)

    def _deliver(self, sender: str, recipient: str, raw: bytes) -> None:
        local, _, domain = recipient.lower().rpartition("@")
        user = local.partition("+")[0]
        if domain == self.domain and user in self.users:
            head = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode()
            self.dovecot.deliver(user, head + raw)
        else:
            self.elsewhere.append((sender, recipient, raw))
        if self._on_letter is not None:
            self._on_letter(sender, recipient, raw)


class Dovecot:
    """A private Dovecot 2.3 or 2.4 below `base`, on two free ports of 127.0.0.1; users log in by name or by address.

    `namespace` says how folders are named; with a dot as separator they lie side by side (Maildir++).
    """

    def __init__(
        self, base: Path, users: Mapping[str, str], certificate: tuple[Path, Path], namespace: str = "separator = /"
    ) -> None:
        self.base = base
        self.users = dict(users)
        self.imap_port, self.imaps_port = free_ports(2)
        self._layout = "maildir++" if "." in namespace else "fs"
        self._namespace = namespace
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None
        self._uid, self._gid = _mail_ids()
        self._counter = 0

    def start(self) -> None:
        program = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
        if program is None:
            raise MailServerProblem("Dovecot is not installed: apt-get install dovecot-imapd")
        for folder in ("run", "state", "mail"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        (self.base / "passwd").write_text("".join(f"{user}:{{PLAIN}}{word}\n" for user, word in self.users.items()))
        (self.base / "passwd").chmod(0o644)
        for user in self.users:
            self._make_maildir(user)
        config = self.base / "dovecot.conf"
        config.write_text(self.configuration(_dovecot_version(program)))
        with (self.base / "output").open("wb") as output:
            # In the foreground, and a process group of its own: ours to end, and not by the terminal's Ctrl-C.
            self._process = subprocess.Popen(
                [program, "-F", "-c", str(config)],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._await_port()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        # The master goes first; its children follow, at the latest now.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def configuration(self, version: tuple[int, int]) -> str:
        """The configuration file, in the syntax of that version (2.4 renamed most settings)."""
        me = getpass.getuser() if os.geteuid() else ""
        identities = {
            "default_internal_user": me or "dovecot",
            "default_internal_group": grp.getgrgid(os.getegid()).gr_name if me else "dovecot",
            "default_login_user": me or "dovenull",
        }
        common = [
            *(f"{name} = {value}" for name, value in identities.items()),
            f"base_dir = {self.base}/run",
            f"state_dir = {self.base}/state",
            "protocols = imap",
            "listen = 127.0.0.1",
            f"log_path = {self.base}/log",
            "first_valid_uid = 1",
            "auth_failure_delay = 0",
            "mail_fsync = never",
            "service anvil {\n  chroot =\n}",
            "service imap-login {\n  chroot =\n  process_min_avail = 1",
            f"  inet_listener imap {{\n    port = {self.imap_port}\n  }}",
            f"  inet_listener imaps {{\n    port = {self.imaps_port}\n    ssl = yes\n  }}\n}}",
            "service imap {\n  process_min_avail = 1\n}",
            "service stats {\n  chroot =\n}",
            f"namespace inbox {{\n  inbox = yes\n  {self._namespace}\n}}",
        ]
        specific = self._syntax_24() if version >= (2, 4) else self._syntax_23()
        return "\n".join([*specific, *common, ""])

    def _syntax_23(self) -> list[str]:
        certificate, key = self._certificate
        return [
            "ssl = yes",
            f"ssl_cert = <{certificate}",
            f"ssl_key = <{key}",
            "disable_plaintext_auth = no",
            "service imap-login {\n  service_count = 0\n}",
            "auth_mechanisms = plain login",
            "auth_username_format = %Ln",
            f"mail_location = maildir:{self.base}/mail/%u:LAYOUT={self._layout}",
            f"passdb {{\n  driver = passwd-file\n  args = {self.base}/passwd\n}}",
            f"userdb {{\n  driver = static\n  args = uid={self._uid} gid={self._gid} home={self.base}/mail/%u\n}}",
        ]

    def _syntax_24(self) -> list[str]:
        certificate, key = self._certificate
        return [
            "dovecot_config_version = 2.4.0",
            "dovecot_storage_version = 2.4.0",
            "ssl = yes",
            f"ssl_server_cert_file = {certificate}",
            f"ssl_server_key_file = {key}",
            "auth_allow_cleartext = yes",
            "service imap-login {\n  restart_request_count = unlimited\n}",
            "auth_mechanisms = plain login",
            "auth_username_format = %{user | username | lower}",
            "mail_driver = maildir",
            f"mail_path = {self.base}/mail/%{{user}}",
            f"mailbox_list_layout = {self._layout}",
            f"passdb passwd-file {{\n  passwd_file_path = {self.base}/passwd\n}}",
            "userdb static {\n  fields {\n"
            f"    uid = {self._uid}\n    gid = {self._gid}\n    home = {self.base}/mail/%{{user}}\n  }}\n}}",
        ]

    def log(self) -> str:
        """What Dovecot has written, for a person who looks for a fault."""
        texts = [
            (self.base / name).read_text(errors="replace") for name in ("output", "log") if (self.base / name).exists()
        ]
        return "".join(texts)

    # mail

    def deliver(self, user: str, raw: bytes) -> None:
        """Put a mail into a user's inbox, as a delivery agent does: written aside, then renamed."""
        maildir = self.base / "mail" / user
        self._counter += 1
        name = f"{time.time():.6f}.{os.getpid()}_{self._counter}.loopback"
        temporary = maildir / "tmp" / name
        temporary.write_bytes(raw.replace(b"\r\n", b"\n"))
        self._own(temporary)
        temporary.rename(maildir / "new" / name)

    def mailbox(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The mails in a folder (`mailbot/handled` with layout fs), oldest first as far as the file names tell, with CRLF."""
        maildir = self.base / "mail" / user / ("" if folder == "INBOX" else folder)
        files = [path for part in ("new", "cur") for path in (maildir / part).glob("*")]
        files.sort(key=lambda path: [float(number) for number in re.findall(r"\d+(?:\.\d+)?", path.name)[:1]])
        return [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in files]

    def _make_maildir(self, user: str) -> None:
        maildir = self.base / "mail" / user
        for part in ("", "tmp", "new", "cur"):
            (maildir / part).mkdir(parents=True, exist_ok=True)
            self._own(maildir / part)

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._uid, self._gid)

    def _await_port(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.imap_port), 1) as probe:
                probe.settimeout(5)
                if probe.recv(64).startswith(b"* OK"):
                    return
            time.sleep(0.05)
        log = self.log()
        self.stop()
        raise MailServerProblem(f"Dovecot does not start:\n{log}")


def _dovecot_version(program: str) -> tuple[int, int]:
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, *_ = text.split(".")
    return int(major), int(minor)


def _mail_ids() -> tuple[int, int]:
    """Whom the mail belongs to: the caller, or `mail` where that is root (Dovecot serves nobody's mail as root)."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam("mail")
    return entry.pw_uid, entry.pw_gid


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a mail service on 127.0.0.1 until interrupted.")
    parser.add_argument("users", nargs="+", metavar="NAME:PASSWORD")
    parser.add_argument("--domain", default="testbed.example")
    parser.add_argument("--home", type=Path, help="keep the mail in this folder (default: a temporary one)")
    arguments = parser.parse_args()
    users = dict(item.split(":", 1) for item in arguments.users)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with MailServer(users, arguments.domain, arguments.home) as server:
        ports = {"imap": server.imap_port, "imaps": server.imaps_port, "smtp": server.smtp_port}
        print(json.dumps({"host": server.host, **ports, "ca_file": str(server.ca_file)}), flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
