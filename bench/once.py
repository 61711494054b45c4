"""`mailbot once` on many requests in a real Dovecot: mails a second, and the peak memory of all its processes.

    python -m bench.once [--mails 1000] [--profile FILE]

The mails are those of `bench.mail_set`: with quoted history, HTML, attachments and what a mail collects on its way.
Each request gets its own durable commit, a receipt for its user and a letter for the one admin, all
sent over SMTP to a server on loopback, and is moved after the commit.  The SMTP server and Dovecot run
in other processes and share the machine, as they did for the systems that this is compared with.
The start, with an empty mailbox, is measured first and taken off.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.mail_set import requests
from contrib.demo import stage as stages
from contrib.demo.loopback import make_certificate
from contrib.demo.mailserver import Dovecot

ROOT = Path(__file__).resolve().parents[1]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMLkJt1YwyIqjfgFWlzDX8bZ5OHYKeiLlBUOHYaLbaNW"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--profile", type=Path, help="write a cProfile of `mailbot once` there")
    arguments = parser.parse_args()
    with prepared(arguments.mails, empty=True) as stage:
        start = run_once(stage)
        fill(stage, arguments.mails)
        whole = run_once(stage, arguments.profile)
        report(stage, arguments.mails, start, whole)
    return 0


@contextmanager
def prepared(mails: int, *, empty: bool = False) -> Iterator[stages.Stage]:
    """Servers that run, a configuration and an empty database; the mails lie in the mailbox unless it is to be empty."""
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-", dir="/var/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        dovecot = Dovecot(home / "dovecot", {"support": stages.PASSWORD}, make_certificate(home))
        dovecot.start()
        sink = subprocess.Popen([sys.executable, "-m", "bench.once_sink"], stdout=subprocess.PIPE, cwd=ROOT, text=True)
        try:
            assert sink.stdout is not None
            stage = stages.Stage(home, dovecot.imap_port, int(sink.stdout.readline()))
            configure(stage, mails)
            if not empty:
                fill(stage, mails)
            yield stage
        finally:
            sink.terminate()
            sink.wait(timeout=30)
            dovecot.stop()


def fill(stage: stages.Stage, count: int) -> None:
    """Put the mails into the mailbox, as a delivery agent does."""
    inbox = stage.folder / "dovecot" / "mail" / "support"
    for number, raw in enumerate(requests(count, stages.DOMAIN, f"support@{stages.DOMAIN}")):
        temporary = inbox / "tmp" / f"{1_800_000_000 + number}.M{number}.bench"
        temporary.write_bytes(raw.replace(b"\r\n", b"\n"))
        shutil.chown(temporary, inbox.stat().st_uid, inbox.stat().st_gid)
        temporary.rename(inbox / "new" / temporary.name)


def configure(stage: stages.Stage, count: int) -> None:
    stages._make_ssh_key(stage)
    stages._write_configuration(stage)
    people = [
        f'[[person]]\nlogin = "user{n}"\nname = "User {n}"\nmail = "user{n}@{stages.DOMAIN}"\nssh_keys = ["{KEY}"]\n'
        for n in range(count)
    ]
    (stage.folder / "users.toml").write_text("\n".join(people))
    most = "\n[letters]\nto_admins_per_hour = 10000\ntotal_per_hour = 100000\ntotal_per_day = 100000\n"
    with (stage.folder / "config.toml").open("a") as file:  # else the brake on letters holds most of them
        file.write(most)
    subprocess.run(stages.mailbot(stage, "db", "upgrade"), check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True, slots=True)
class Used:
    """What one run took: seconds on the wall and of the processor, MiB of all its processes together, its exit status."""

    seconds: float
    processor_seconds: float
    peak_mib: float
    exit_status: int


def run_once(stage: stages.Stage, profile: Path | None = None) -> Used:
    """One `mailbot once`, to its end."""
    command = stages.mailbot(stage, "once")
    if profile:
        command = [sys.executable, "-m", "cProfile", "-o", str(profile), *command]
    with stage.log.open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        with peak_of_tree(process.pid) as peak:
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    return Used(seconds, used.ru_utime + used.ru_stime, max(peak, default=0.0), os.waitstatus_to_exitcode(status))


@contextmanager
def peak_of_tree(pid: int) -> Iterator[list[float]]:
    """MiB of a process and all below it, looked at ten times a second (proc(5): PSS, so that what they share counts once)."""
    found: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            found.append(sum(_pss_mib(one) for one in _tree(pid)))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _pss_mib(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def report(stage: stages.Stage, count: int, start: Used, whole: Used) -> None:
    """One line of JSON."""
    text = stage.log.read_text()
    seconds, processor = whole.seconds - start.seconds, whole.processor_seconds - start.processor_seconds
    figures = {
        "mails": count,
        "handled": text.count(" mail_handled "),
        "letters": text.count(" letter_sent "),
        "start_seconds": round(start.seconds, 2),
        "seconds": round(seconds, 2),
        "ms_per_mail": round(1000 * seconds / count, 2),
        "mails_per_second": round(count / seconds, 1),
        "cpu_ms_per_mail": round(1000 * processor / count, 2),
        "peak_mib": round(whole.peak_mib, 1),
        "exit_status": whole.exit_status,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    sys.exit(main())
