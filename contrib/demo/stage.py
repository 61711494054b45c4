"""The stage of the demonstration: a mail service, a libvirt site, a base image, a configuration and the real daemon.

Everything lies below one folder and is noted there, so that `down` takes it all away, also after a
crash of the demonstration itself, and `up` may be called again at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from contrib.demo import hypervisor

DOMAIN = "testbed.example"
PASSWORD = "not-a-secret-on-loopback"
PEOPLE = ("support", "alice", "bob")
START_SECONDS = 60


class StageProblem(Exception):
    """The stage cannot be set; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Stage:
    """Where everything is, once it is up."""

    folder: Path
    imap_port: int
    smtp_port: int

    @property
    def site(self) -> str:
        return site_name(self.folder)

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def ssh_key(self) -> Path:
        return self.folder / "alice_ed25519"

    @property
    def log(self) -> Path:
        return self.folder / "mailbot.log"


def site_name(folder: Path) -> str:
    """The name of the pool and the network: one per folder, so that two demonstrations do not meet."""
    return f"mailbot-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"


def default_folder(checkout: Path) -> Path:
    """Where a checkout's demonstration lies: not in the checkout, whose parents may be of mode 0700.

    Dovecot and QEMU run as users of their own and must reach it; and nothing that root makes stays in a user's files.
    One per checkout, so that two demonstrations do not meet.
    """
    return Path("/var/lib") / f"mailbot-demo-{hashlib.sha256(str(checkout.resolve()).encode()).hexdigest()[:8]}"


def pool_directory(folder: Path) -> Path:
    """Where QEMU, which runs as a user of its own, can reach the disks."""
    return Path("/var/lib") / site_name(folder)


def mailbot(stage: Stage, *arguments: str) -> list[str]:
    """The command line of the installed program, with the demonstration's configuration."""
    return [str(Path(sys.executable).with_name("mailbot")), "--config", str(stage.config), *arguments]


def up(folder: Path, tell: Callable[[str], None]) -> Stage:
    """Set the stage from nothing, taking away first what an earlier demonstration left.  Raises StageProblem."""
    if os.geteuid() != 0:
        raise StageProblem(
            "The demonstration needs root: it starts libvirtd and builds a Debian image. Try: sudo make demo"
        )
    down(folder)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    tell("Starting libvirt, with a network and a storage pool of the demonstration's own")
    hypervisor.start()
    _note(folder, "site", {"name": site_name(folder)})
    hypervisor.make_site(site_name(folder), pool_directory(folder), DOMAIN)
    tell("Starting Dovecot (IMAP) and an SMTP server on 127.0.0.1")
    ports = _start_mail(folder)
    stage = Stage(folder, ports["imap"], ports["smtp"])
    _make_ssh_key(stage)
    _write_configuration(stage)
    _run(mailbot(stage, "db", "upgrade"))
    return stage


def start_daemon(stage: Stage) -> None:
    """Start `mailbot run` in the background and wait until it says that it is ready."""
    pid = _spawn(stage.folder, "daemon", mailbot(stage, "run"), stage.log)
    _await(lambda: "daemon_started" in stage.log.read_text(), f"mailbot did not start; see {stage.log}", pid)


def end_daemon(stage: Stage) -> None:
    """End `mailbot run`; nothing where it does not run."""
    _end(stage.folder, "daemon")


def down(folder: Path) -> None:
    """Take everything away that a demonstration in this folder has made; nothing else, and it may be called twice."""
    for name in ("daemon", "mail"):
        _end(folder, name)
    if (folder / "site.json").exists():
        with suppress(hypervisor.HypervisorProblem):
            hypervisor.start()
            hypervisor.remove_site(site_name(folder), pool_directory(folder))
        hypervisor.stop()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def taken_down_on_failure(folder: Path) -> Iterator[None]:
    """Leave nothing behind when the demonstration fails or is interrupted, but the last words of the daemon's log."""
    try:
        yield
    except BaseException as error:
        log = folder / "mailbot.log"
        if isinstance(error, Exception) and log.exists():
            error.add_note("The last lines of mailbot's log:\n" + "\n".join(log.read_text().splitlines()[-30:]))
        down(folder)
        raise


def _start_mail(folder: Path) -> dict[str, int]:
    out = folder / "mail.out"
    users = [f"{name}:{PASSWORD}" for name in PEOPLE]
    command = [
        sys.executable,
        "-m",
        "contrib.demo.mailserver",
        *users,
        "--domain",
        DOMAIN,
        "--home",
        str(folder / "mail"),
    ]
    pid = _spawn(folder, "mail", command, out)
    try:
        _await(lambda: _ports(out) is not None, "the mail server did not start", pid)
    except StageProblem as problem:
        raise StageProblem(f"{problem}: {out.read_text()[-2000:]}") from None
    return _ports(out) or {}


def _ports(out: Path) -> dict[str, int] | None:
    """The line that the mail server prints once it is ready: a JSON object with its ports."""
    lines = [line for line in out.read_text().splitlines() if line.startswith('{"host"') and line.endswith("}")]
    return dict(json.loads(lines[0])) if lines else None


def _make_ssh_key(stage: Stage) -> None:
    _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"alice@{DOMAIN}", "-f", str(stage.ssh_key)])


def _write_configuration(stage: Stage) -> None:
    """The smallest configuration that the demonstration needs; everything else is the default."""
    public = stage.ssh_key.with_suffix(".pub").read_text().strip()
    (stage.folder / "users.toml").write_text(
        f"""[[person]]
login = "alice"
name = "Alice Example"
mail = "alice@{DOMAIN}"
ssh_keys = ["{public}"]

[[person]]
login = "bob"
name = "Bob Example"
mail = "bob@{DOMAIN}"
"""
    )
    (stage.folder / "token.key").write_text(secrets.token_hex(32) + "\n")
    (stage.folder / "token.key").chmod(0o600)
    stage.config.write_text(
        f"""[service]
name = "Testbed"
timezone = "Europe/Paris"

[mailbox]
host = "127.0.0.1"
port = {stage.imap_port}
security = "plain"
username = "support"
password = "{PASSWORD}"

[smtp]
host = "127.0.0.1"
port = {stage.smtp_port}
security = "plain"
from_address = "support@{DOMAIN}"
plus_addressing = true

[database]
url = "sqlite:///{stage.folder}/mailbot.db"

[directory]
kind = "file"
path = "{stage.folder}/users.toml"

[tokens]
key_file = "{stage.folder}/token.key"

[[admins]]
login = "bob"
name = "Bob Example"
address = "bob@{DOMAIN}"

[[sites]]
name = "lyon"
uri = "{hypervisor.URI}"
pool = "{stage.site}"
network = "{stage.site}"
dns_domain = "{DOMAIN}"
"""
    )


def _spawn(folder: Path, name: str, command: list[str], out: Path) -> int:
    with out.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=_root()
        )
    _note(folder, name, {"pid": process.pid, "started": _start_time(process.pid)})
    return process.pid


def _root() -> Path:
    return Path(__file__).resolve().parents[2]


def _note(folder: Path, name: str, what: dict[str, object]) -> None:
    (folder / f"{name}.json").write_text(json.dumps(what))


def _end(folder: Path, name: str) -> None:
    """End a process that was started here: known by its id and its start time, so that no other one is hit."""
    note = folder / f"{name}.json"
    if not note.exists():
        return
    known = json.loads(note.read_text())
    if _start_time(known["pid"]) == known["started"]:
        with suppress(ProcessLookupError):
            os.kill(known["pid"], signal.SIGTERM)
        deadline = time.monotonic() + 30
        while _start_time(known["pid"]) == known["started"] and time.monotonic() < deadline:
            with suppress(ChildProcessError):
                os.waitpid(known["pid"], os.WNOHANG)
            time.sleep(0.1)
        if _start_time(known["pid"]) == known["started"]:
            os.kill(known["pid"], signal.SIGKILL)
    note.unlink()


def _start_time(pid: int) -> str | None:
    """The process's start time in clock ticks (proc(5), /proc/pid/stat field 22), None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _await(ready: Callable[[], bool], problem: str, pid: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > deadline or _start_time(pid) is None:
            raise StageProblem(problem)
        time.sleep(0.1)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_root())
    if done.returncode:
        raise StageProblem(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
