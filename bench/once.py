"""`mailbot once` on many requests in a real Dovecot: mails a second, and the program's peak memory.

    python -m bench.once [--mails 1000] [--profile FILE]

Each request gets its own durable commit, a receipt for its user and a letter for the one admin, all
sent over SMTP to a server on loopback, and is moved after the commit.  The SMTP server and Dovecot run
in other processes and share the machine, as they did for the systems that this is compared with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from contrib.demo import stage as stages
from contrib.demo.mailserver import Dovecot, make_certificate

ROOT = Path(__file__).resolve().parents[1]
USAGE = "Nightly builds and a web page with the results of our measurements for the team. " * 30
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMLkJt1YwyIqjfgFWlzDX8bZ5OHYKeiLlBUOHYaLbaNW"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--profile", type=Path, help="write a cProfile of `mailbot once` there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-", dir="/var/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        dovecot = Dovecot(home / "dovecot", {"support": stages.PASSWORD}, make_certificate(home))
        dovecot.start()
        sink = subprocess.Popen([sys.executable, "-m", "bench.once_sink"], stdout=subprocess.PIPE, cwd=ROOT, text=True)
        try:
            assert sink.stdout is not None
            smtp_port = int(sink.stdout.readline())
            fill(dovecot, arguments.mails)
            stage = stages.Stage(home, dovecot.imap_port, smtp_port)
            configure(stage, arguments.mails)
            report(stage, arguments.mails, arguments.profile)
        finally:
            sink.terminate()
            sink.wait(timeout=30)
            dovecot.stop()
    return 0


def fill(dovecot: Dovecot, count: int) -> None:
    for number in range(count):
        mail = EmailMessage(policy=SMTP)
        mail["From"] = f"User {number} <user{number}@{stages.DOMAIN}>"
        mail["To"] = f"support@{stages.DOMAIN}"
        mail["Subject"] = "Persistent Virtual Machine Creation"
        mail["Message-ID"] = f"<request-{number}@laptop.{stages.DOMAIN}>"
        text = f"username: user{number}\n\nintended usage: {USAGE}\n\nexpiration date: in 18 months\n"
        mail.set_content(text)
        mail.add_alternative("<html><body>" + text.replace("\n", "<br>\n") + "</body></html>", subtype="html")
        dovecot.deliver("support", mail.as_bytes())


def configure(stage: stages.Stage, count: int) -> None:
    stages._make_ssh_key(stage)
    stages._write_configuration(stage)
    people = [
        f'[[person]]\nlogin = "user{n}"\nname = "User {n}"\nmail = "user{n}@{stages.DOMAIN}"\nssh_keys = ["{KEY}"]\n'
        for n in range(count)
    ]
    (stage.folder / "users.toml").write_text("\n".join(people))
    subprocess.run(stages.mailbot(stage, "db", "upgrade"), check=True, stdout=subprocess.DEVNULL)


def report(stage: stages.Stage, count: int, profile: Path | None) -> None:
    command = stages.mailbot(stage, "once")
    if profile:
        command = [sys.executable, "-m", "cProfile", "-o", str(profile), *command]
    with stage.log.open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    text = stage.log.read_text()
    figures = {
        "mails": count,
        "handled": text.count(" mail_handled "),
        "letters": text.count(" letter_sent "),
        "seconds": round(seconds, 2),
        "mails_per_second": round(count / seconds, 1),
        "cpu_ms_per_mail": round(1000 * (used.ru_utime + used.ru_stime) / count, 2),
        "peak_mib": round(used.ru_maxrss / 1024, 1),
        "exit_status": os.waitstatus_to_exitcode(status),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    sys.exit(main())
