"""A whole mail service on loopback, for the demonstration and the tests: a private Dovecot, and an SMTP server that delivers into it.

    with MailServer({"support": "secret", "alice": "secret"}, domain="testbed.example") as server:
        server.imap_port, server.imaps_port, server.smtp_port, server.ca_file

Nothing outside a temporary directory is touched, nothing listens beyond 127.0.0.1, no service of the
machine is used.  Run as root, Dovecot's processes take the users that its package has made; otherwise
everything runs as the caller.  Command line: `python -m contrib.demo.mailserver --help`.
"""

# ruff: noqa: N802 - aiosmtpd finds its handlers by these names

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import getpass
import grp
import ipaddress
import json
import logging
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


class SmtpServer:
    """A small SMTP server on 127.0.0.1: STARTTLS and AUTH offered, PIPELINING answered, one `deliver` call per recipient.

    `trouble` may be set to `trouble(command, argument) -> answer or None`: an answer such as
    `"450 4.2.0 later"` is given instead of the usual one; `"421 …"` also ends the connection.  The command
    `ANSWER` comes after a letter was delivered: then whatever is given, the client gets no answer.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        deliver: Callable[[str, str, bytes], None],
        certificate: tuple[Path, Path] | None = None,
        *,
        implicit_tls: bool = False,
        auth_required: bool = False,
    ) -> None:
        self.port = free_ports(1)[0]
        self.trouble: Callable[[str, str], str | None] = lambda _command, _argument: None
        self.sessions = 0
        self._users = dict(users)
        self.deliver = deliver
        self._lock = threading.Lock()
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        smtp_arguments: dict[str, Any] = {
            "hostname": "mx.testbed.example",
            "ident": "testbed mail",
            "authenticator": self._authenticate,
            "auth_require_tls": False,
            "auth_required": auth_required,
            "tls_context": None if implicit_tls else context,
            "enable_SMTPUTF8": True,
            "data_size_limit": 200_000_000,
        }
        server = self
        offers_tls = implicit_tls

        class Running(Controller):
            def factory(self) -> SMTP:
                with server._lock:
                    server.sessions += 1
                return _Session(server, **smtp_arguments)

        self._controller = Running(
            self, hostname="127.0.0.1", port=self.port, ssl_context=context if offers_tls else None, ready_timeout=30
        )

    def start(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # it warns of its own use of a deprecated attribute
        self._controller.start()
        self.sessions = 0  # the controller has tried the port itself

    def stop(self) -> None:
        with contextlib.suppress(AssertionError):  # not running
            self._controller.stop()

    def _authenticate(self, _server: SMTP, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
        if mechanism == "XOAUTH2":
            user, token = data
            return AuthResult(success=self._users.get(user) == token, handled=False)
        if isinstance(data, LoginPassword):
            known = self._users.get(data.login.decode("utf-8", "replace").partition("@")[0])
            return AuthResult(success=known is not None and known.encode() == data.password, handled=False)
        return AuthResult(success=False, handled=False)

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        answer = self.trouble("DATA", "")
        if answer is not None:
            return answer
        for recipient in envelope.rcpt_tos:
            with self._lock:
                self.deliver(sender, recipient, raw)
        answer = self.trouble("ANSWER", "")
        if answer is not None and server.transport is not None:
            server.transport.close()
            return answer
        return f"250 2.0.0 Ok: queued as {secrets.token_hex(4).upper()}"


class _Session(SMTP):
    """One connection, with the troubles that its server is told to make."""

    def __init__(self, owner: SmtpServer, *, auth_required: bool, **arguments: Any) -> None:
        self._owner = owner
        super().__init__(owner, **arguments)
        self._auth_required = (
            auth_required  # set late: without TLS required as well it would warn, but this is loopback
        )

    async def auth_XOAUTH2(self, _server: SMTP, args: list[str]) -> AuthResult:
        text = base64.b64decode(args[1]).decode("utf-8", "replace") if len(args) > 1 else ""
        user, _, token = text.removeprefix("user=").partition("\1auth=Bearer ")
        result = self._owner._authenticate(self, self.session, self.envelope, "XOAUTH2", (user, token.rstrip("\1")))
        if not result.success:
            await self.push("334 " + base64.b64encode(b'{"status":"401"}').decode())
            await self._reader.readline()
        return AuthResult(success=result.success, handled=False)

    async def smtp_MAIL(self, arg: str | None) -> None:
        if not await self._troubled("MAIL", arg):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        if not await self._troubled("RCPT", arg):
            await super().smtp_RCPT(arg)

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self._troubled("EHLO", hostname):
            await super().smtp_EHLO(hostname)

    async def _troubled(self, command: str, argument: str | None) -> bool:
        answer = self._owner.trouble(command, argument or "")
        if answer is None:
            return False
        await self.push(answer)
        if answer.startswith("421") and self.transport is not None:
            self.transport.close()
        return True


def make_certificate(folder: Path, host: str = "localhost", address: str = "127.0.0.1") -> tuple[Path, Path]:
    """A self-signed certificate for that name and address in `folder` (cert.pem, key.pem); made once."""
    certificate_path, key_path = folder / "cert.pem", folder / "key.pem"
    if certificate_path.exists() and key_path.exists():
        return certificate_path, key_path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address(address))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.touch(mode=0o600)
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on at this moment, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in sockets]


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
