"""The way to the second host by SSH: a real sshd in the host's own namespaces, with keys of its own, reached without a network.

`ssh` begins the server itself, as its ProxyCommand, so no port is opened and no interface is needed; all that comes after is the
protocol as it is anywhere: host key, login by key, `virt-ssh-helper` over there.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.second_host import SecondHost

_SSHD = """\
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
LogLevel ERROR
"""
_SSH = """\
Host *
  BatchMode yes
  IdentitiesOnly yes
  IdentityFile {folder}/client_key
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  HostKeyAlias second
  ProxyCommand {proxy}
"""


@dataclass(frozen=True)
class SshWay:
    """A folder with the keys and files of both ends."""

    folder: Path
    host: SecondHost

    @property
    def uri(self) -> str:
        """The host as a configuration would name it, but for where the keys are."""
        return f"qemu+ssh://root@second.example/system?command={quote(str(self.folder / 'ssh'), safe='')}"

    def another_host_key(self) -> None:
        """From now on the server has a key that nobody here knows."""
        _keygen(self.folder / "host_key")

    def let_in(self, *, us: bool) -> None:
        """From now on the server knows our key, or not."""
        (self.folder / "authorized_keys").write_bytes((self.folder / "client_key.pub").read_bytes() if us else b"")

    def believe(self) -> None:
        """From now on the server's key is known here."""
        (self.folder / "known_hosts").write_text(f"second {(self.folder / 'host_key.pub').read_text()}")

    def servers(self) -> list[int]:
        """The server's processes: those of its name among the host's own."""
        theirs = os.readlink(f"/proc/{self.host.first_process}/ns/pid")
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):  # it ended meanwhile
                if entry.name.isdigit() and (entry / "comm").read_text().strip() == "sshd":
                    found += [int(entry.name)] if os.readlink(entry / "ns/pid") == theirs else []
        return found

    def cut(self) -> None:
        """The link breaks: what serves it is gone from one moment to the next."""
        for number in self.servers():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def ssh_way(folder: Path, host: SecondHost) -> SshWay:
    """Make keys and files for a way to the host."""
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own, which Debian makes when the service starts
    for name in ("host_key", "client_key"):
        _keygen(folder / name)
    (folder / "sshd_config").write_text(_SSHD.format(folder=folder))
    inside = ["nsenter", "-t", str(host.first_process), "--mount", "--net", "--pid", "/usr/sbin/sshd", "-i"]
    proxy = shlex.join([*inside, "-f", str(folder / "sshd_config")])
    (folder / "ssh_config").write_text(_SSH.format(folder=folder, proxy=proxy))
    (folder / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {shlex.quote(str(folder / "ssh_config"))} "$@"\n')
    (folder / "ssh").chmod(0o755)
    way = SshWay(folder, host)
    way.let_in(us=True)
    way.believe()
    return way


def _keygen(path: Path) -> None:
    for old in (path, Path(f"{path}.pub")):
        old.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
