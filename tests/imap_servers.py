"""Courier and Cyrus as Debian packages them, as own processes on loopback and as a user without rights.

Debian installs one IMAP server on a machine; these are only unpacked (`tests.unpacked`).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contrib.demo.loopback import free_ports
from tests.unpacked import libraries, unpacked
from tests.wire import Listener

_START_SECONDS = 30
_UNPRIVILEGED = "nobody"


class ServerProblem(RuntimeError):
    """A server does not start; the message says what it wrote."""


def _account() -> pwd.struct_passwd:
    """The user as whom the servers run: never root."""
    return pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _begun(command: list[str], **settings: Any) -> subprocess.Popen[bytes]:
    """A process of that user and its one group, in a process group of its own."""
    account = _account()
    if os.geteuid() == 0:
        settings |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return subprocess.Popen(command, start_new_session=True, **settings)


def _own(*paths: Path) -> None:
    account = _account()
    for path in paths:
        os.chown(path, account.pw_uid, account.pw_gid)


def _home(kind: str) -> Path:
    """Short and world-searchable: sockets have names of at most 107 bytes, and the servers run as another user.

    In memory where that is to be had: Cyrus waits for the disk at every step.
    """
    folder = next(path for path in ("/dev/shm", "/tmp") if os.access(path, os.W_OK))
    home = Path(tempfile.mkdtemp(prefix=f"mailbot-{kind}-", dir=folder))
    home.chmod(0o755)
    _own(home)
    return home


# Courier


class Courier(Listener):
    """Courier's imapd.  Logging in is done here as `imaplogin` would: what follows is said by Courier to the client itself."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        self.root = unpacked("courier-imap")
        self.home = _home("courier")
        self._counter = 0
        self._watch_id = self.home.name
        self._processes: list[subprocess.Popen[bytes]] = []
        self._watch()
        super().__init__()

    def _watch(self) -> None:
        """Gamin tells of new files where this Courier is made for it; otherwise each session would look for it for a second."""
        watcher = next(self.root.rglob("gam_server"), None)
        if watcher is not None:
            quiet = subprocess.DEVNULL
            command = [str(watcher), "--notimeout", self._watch_id]
            self._processes.append(_begun(command, env=libraries(self.root), stdout=quiet, stderr=quiet))

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self.__exit__(None, None, None)
        shutil.rmtree(self.home, ignore_errors=True)

    def maildir(self, user: str) -> Path:
        """The mailbox of a user (Maildir++), made where there is none."""
        made = self.home / user / "Maildir"
        if not made.exists():
            for folder in (made.parent, made, *(made / part for part in ("tmp", "new", "cur"))):
                folder.mkdir()
                _own(folder)
        return made

    def deliver(self, user: str, raw: bytes) -> None:
        """As a delivery agent does: written aside, then renamed."""
        self._counter += 1
        maildir, name = self.maildir(user), f"{1_000_000_000 + self._counter}.{os.getpid()}.loopback"
        aside = maildir / "tmp" / name
        aside.write_bytes(raw.replace(b"\r\n", b"\n"))
        _own(aside)
        aside.rename(maildir / "new" / name)

    def restore(self, user: str) -> None:
        """Give the inbox another UIDVALIDITY, as a restore from backup does: it is the second word of the list of UIDs."""
        known = self.maildir(user) / "courierimapuiddb"
        first, _, rest = known.read_text().partition("\n")
        words = first.split(" ")
        known.write_text(" ".join([words[0], str(int(words[1]) + 1), *words[2:]]) + "\n" + rest)

    def limit(self, user: str, size_bytes: int) -> None:
        """Give the mailbox a quota (Maildir++: the limit, then what lies there and how many that are)."""
        mails = [path for part in ("new", "cur") for path in (self.maildir(user) / part).iterdir()]
        made = self.maildir(user) / "maildirsize"
        made.write_text(f"{size_bytes}S\n{sum(path.stat().st_size for path in mails)} {len(mails)}\n")
        _own(made)

    def serve(self, client: socket.socket) -> None:
        client.sendall(b"* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE IDLE] Courier-IMAP ready.\r\n")
        while line := _line(client):
            tag, _, command = line.partition(" ")
            word, *arguments = command.split(" ")
            if word.upper() == "LOGIN":
                user, password = (argument.strip('"') for argument in arguments)
                if self._users.get(user) == password:
                    self._hand_over(client, tag, user)
                    return
                client.sendall(f"{tag} NO [AUTHENTICATIONFAILED] Login failed.\r\n".encode())
            elif word.upper() == "CAPABILITY":
                client.sendall(f"* CAPABILITY IMAP4rev1\r\n{tag} OK CAPABILITY completed\r\n".encode())
            else:
                client.sendall(f"{tag} BAD not now\r\n".encode())

    def _hand_over(self, client: socket.socket, tag: str, user: str) -> None:
        told = {
            "IMAPLOGINTAG": tag,
            "AUTHENTICATED": user,
            "TCPREMOTEIP": "127.0.0.1",
            "TCPREMOTEPORT": "1",
            "IMAP_CAPABILITY": "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT SORT QUOTA IDLE",
            "IMAP_USELOCKS": "1",
            "IMAP_ENHANCEDIDLE": "1",
            "GAM_CLIENT_ID": self._watch_id,
        }
        session = _begun(
            [str(self.root / "usr/bin/imapd"), "./Maildir"],
            stdin=client,
            stdout=client,
            stderr=subprocess.DEVNULL,
            cwd=self.maildir(user).parent,
            env=libraries(self.root) | told,
        )
        self._processes.append(session)
        session.wait()


def _line(client: socket.socket) -> str:
    """One line, and not a byte more: what follows is for another process."""
    read = b""
    while not read.endswith(b"\n"):
        piece = client.recv(1)
        if not piece:
            return ""
        read += piece
    return read.decode().strip()


# Cyrus

_CYRUS = """
configdirectory: {home}/lib
proc_path: {home}/run/proc
mboxname_lockpath: {home}/run/lock
defaultpartition: default
partition-default: {home}/spool
sievedir: {home}/sieve
imapidlepoll: 1
lmtpsocket: {home}/run/lmtp
notifysocket: {home}/run/notify
cyrus_user: {user}
admins: cyrus
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {home}/run/mux
autocreate_quota: 0
altnamespace: no
unixhierarchysep: no
munge8bit: no
skiplist_unsafe: yes
"""
_CYRUS_MASTER = """
START {{
  recover cmd="{programs}/ctl_cyrusdb -C {home}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {home}/imapd.conf" listen="127.0.0.1:{port}" prefork=1
}}
"""
_CYRUS_ADMIN = ("cyrus", "cyrus")


class Cyrus:
    """Cyrus' master with its imapd and databases; passwords are asked for here, as its saslauthd would be."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self.root = unpacked("cyrus-imapd")
        self.home = _home("cyrus")
        self.port = free_ports(1)[0]
        self._users = {**users, _CYRUS_ADMIN[0]: _CYRUS_ADMIN[1]}
        self._passwords: _Passwords | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        programs = self.root / "usr/lib/cyrus/bin"
        for name in ("lib", "spool", "sieve", "run", "run/proc", "run/lock"):
            (self.home / name).mkdir()
            _own(self.home / name)
        (self.home / "imapd.conf").write_text(_CYRUS.format(home=self.home, user=_account().pw_name))
        (self.home / "cyrus.conf").write_text(_CYRUS_MASTER.format(home=self.home, programs=programs, port=self.port))
        self._passwords = _Passwords(self.home / "run/mux", self._users)
        with (self.home / "output").open("wb") as output:
            self._process = _begun(
                [
                    *(str(programs / "master"), "-D", "-p", str(self.home / "run/master.pid")),
                    *("-C", str(self.home / "imapd.conf"), "-M", str(self.home / "cyrus.conf")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=libraries(self.root) | {"CYRUS_USER": _account().pw_name},
            )
        self._await_port()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):  # its children go with it, at the latest now
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if self._passwords is not None:
            self._passwords.close()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def admin(self) -> tuple[str, str]:
        """Login and password of who may make and remove mailboxes."""
        return _CYRUS_ADMIN

    def _await_port(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.settimeout(5)
                if probe.recv(64).startswith(b"* OK"):
                    return
            time.sleep(0.05)
        said = (self.home / "output").read_text(errors="replace")
        self.stop()
        raise ServerProblem(f"Cyrus does not start (its log is that of the system):\n{said}")


class _Passwords:
    """The end of saslauthd's socket at which passwords are judged: four counted words come, one goes back."""

    def __init__(self, path: Path, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        path.chmod(0o777)
        self._listening.listen(20)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                asking, _ = self._listening.accept()
                with contextlib.suppress(OSError, EOFError), asking, asking.makefile("rb") as words:
                    login, password, _service, _realm = (_counted(words.read) for _ in range(4))
                    said = b"OK" if self._users.get(login) == password else b"NO"
                    asking.sendall(len(said).to_bytes(2, "big") + said)


def _counted(read: Callable[[int], bytes]) -> str:
    length = int.from_bytes(read(2), "big")
    return read(length).decode()
