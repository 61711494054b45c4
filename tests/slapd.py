"""A private LDAP server from Debian's slapd package: its own configuration, database and certificate in a folder, on two ports of 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bonsai

from contrib.demo.loopback import free_ports, make_certificate

SUFFIX = "dc=testbed,dc=example"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ROOT_DN = f"cn=root,{SUFFIX}"
READER_DN = f"cn=mailbot,ou=services,{SUFFIX}"
PASSWORD = "only for the tests"

Values = Mapping[str, Sequence[str]]

# The attribute types and classes that other packages of Debian bring along, under the same numbers: openssh-lpk,
# 389 Directory Server's lock, and the alternate addresses of the mailRecipient class.
_SCHEMA = """
attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey'
    DESC 'OpenSSH public key' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY MAY ( sshPublicKey $ uid ) )
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock'
    EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 2.16.840.1.113730.3.1.13 NAME 'mailAlternateAddress'
    EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
objectclass ( 2.16.840.1.113730.3.2.4 NAME 'mailRecipient' SUP top AUXILIARY
    MAY ( mailAlternateAddress $ nsAccountLock ) )
"""

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
include {folder}/mailbot.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
{tls}
sizelimit {size_limit}
loglevel none
access to dn.subtree="ou=secret,{suffix}" by * none
access to attrs=userPassword by anonymous auth by * none
access to * by * read
database mdb
suffix "{suffix}"
rootdn "{root}"
rootpw "{password}"
directory {folder}/data
maxsize 268435456
index objectClass,entryUUID,uid,mail,mailAlternateAddress,member,memberUid eq
dbnosync
overlay ppolicy
"""


class Slapd:
    """One server; `start` and `stop` may be called again and again, the entries stay."""

    def __init__(self, folder: Path, *, size_limit: str = "500", tls: bool = True) -> None:
        program = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin")
        if program is None:
            raise RuntimeError("the LDAP server is missing; install it with: apt-get install slapd")
        self._program = program
        self._tls = tls
        self._written: dict[str, Values] = {}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        # Not "localhost": libldap verifies that as the name of this machine (ldap_int_hostname).
        self.host = "127.0.0.1"
        self.port, self.tls_port = free_ports(2)
        self.ca_file, key = make_certificate(folder)
        (folder / "data").mkdir()
        (folder / "mailbot.schema").write_text(_SCHEMA)
        self._configuration = folder / "slapd.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                tls=f"TLSCertificateFile {self.ca_file}\nTLSCertificateKeyFile {key}" if tls else "",
                suffix=SUFFIX,
                root=ROOT_DN,
                password=PASSWORD,
                size_limit=size_limit,
            )
        )

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        addresses = f"ldap://127.0.0.1:{self.port}" + (f" ldaps://127.0.0.1:{self.tls_port}" if self._tls else "")
        with (self._folder / "output").open("ab") as output:
            # -d 0: in the foreground, ours to end.
            self._process = subprocess.Popen(
                [self._program, "-f", str(self._configuration), "-h", addresses, "-d", "0"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._await()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def hang(self) -> None:
        """The server is there and says nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # The kernel stops thread after thread, and one that still runs answers.
        tasks = Path("/proc", str(self._process.pid), "task")
        until = time.monotonic() + 30
        while any(_state(task) != "T" for task in tasks.iterdir()):
            if time.monotonic() > until:
                raise RuntimeError("slapd does not stop")
            time.sleep(0.01)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def load(self, entries: Mapping[str, Values]) -> None:
        """Write many entries at once into the database of a server that is not running."""
        text = "\n".join(
            "\n".join([f"dn: {dn}", *(f"{name}: {value}" for name, values in entry.items() for value in values), ""])
            for dn, entry in entries.items()
        )
        command = [self._program.replace("slapd", "slapadd"), "-q", "-f", str(self._configuration)]
        subprocess.run(command, input=text.encode(), check=True, capture_output=True, timeout=120)

    def put(self, dn: str, values: Values) -> None:
        """Write one entry, in place of what was there."""
        self.remove(dn)
        self._written[dn] = values
        entry = bonsai.LDAPEntry(dn)
        for name, texts in values.items():
            entry[name] = list(texts)
        with self._as_root() as connection:
            connection.add(entry)

    def remove(self, dn: str) -> None:
        with self._as_root() as connection, contextlib.suppress(bonsai.errors.NoSuchObjectError):
            connection.delete(dn)

    def rename(self, dn: str, name: str) -> None:
        """Give an entry another name (`uid=somebody`); it is the same entry, and has the same entryUUID."""
        with self._as_root() as connection:
            entry = connection.search(dn, 0)[0]
            entry.rename(f"{name},{dn.partition(',')[2]}")

    @contextmanager
    def cleaned(self) -> Iterator[None]:
        """What is put while inside is removed in the end, and what was replaced is as it was."""
        before, self._written = self._written, {}
        try:
            yield
        finally:
            written, self._written = self._written, dict(before)
            for dn in written:
                self.put(dn, before[dn]) if dn in before else self.remove(dn)

    def _as_root(self) -> Any:
        client = bonsai.LDAPClient(f"ldap://{self.host}:{self.port}")
        client.set_credentials("SIMPLE", user=ROOT_DN, password=PASSWORD)
        client.set_managedsait(True)
        return client.connect(timeout=10)

    def _await(self) -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"slapd ended at once: {(self._folder / 'output').read_text()}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise RuntimeError("slapd does not listen")


def _state(task: Path) -> str:
    """One letter (proc_pid_stat(5)): "T" for stopped."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


BEGINNING: Mapping[str, Values] = {
    SUFFIX: {"objectClass": ["top", "dcObject", "organization"], "o": ["testbed"], "dc": ["testbed"]},
    PEOPLE: {"objectClass": ["organizationalUnit"], "ou": ["people"]},
    GROUPS: {"objectClass": ["organizationalUnit"], "ou": ["groups"]},
    f"ou=secret,{SUFFIX}": {"objectClass": ["organizationalUnit"], "ou": ["secret"]},
    f"ou=services,{SUFFIX}": {"objectClass": ["organizationalUnit"], "ou": ["services"]},
    READER_DN: {
        "objectClass": ["organizationalRole", "simpleSecurityObject"],
        "cn": ["mailbot"],
        "userPassword": [PASSWORD],
    },
}


def person(login: str, *, dn: str = "", **values: Sequence[str]) -> tuple[str, dict[str, list[str]]]:
    """The DN and the attributes of a usual account; `values` are more attributes, or others (an empty list: none)."""
    usual: dict[str, Sequence[str]] = {
        "objectClass": ["inetOrgPerson", "posixAccount", "shadowAccount", "ldapPublicKey", "mailRecipient"],
        "uid": [login],
        "cn": [login.title()],
        "sn": [login.title()],
        "mail": [f"{login}@example.org"],
        "uidNumber": ["10000"],
        "gidNumber": ["10000"],
        "homeDirectory": [f"/home/{login}"],
    }
    every = {**usual, **values}
    return dn or f"uid={login},{PEOPLE}", {name: list(texts) for name, texts in every.items() if texts}


@contextmanager
def private_slapd(*, size_limit: str = "500", tls: bool = True) -> Iterator[Slapd]:
    """A running server with the beginning of a tree; ended and removed afterwards, whatever happens."""
    # Not in pytest's folder: that one stays, and its path may be long.
    folder = Path(tempfile.mkdtemp(prefix="slapd-", dir="/tmp"))
    os.chmod(folder, 0o700)
    try:
        server = Slapd(folder, size_limit=size_limit, tls=tls)
        server.load(BEGINNING)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
