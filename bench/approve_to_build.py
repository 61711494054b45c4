"""From an admin's `approve` in the mailbox to the begin of the build, with IDLE: seconds, over several requests.

    python -m bench.approve_to_build [--requests 10]

The real daemon, Dovecot and SMTP server; the site is libvirt's own test driver, which is enough to begin
a build.  The clock runs from the end of the SMTP dialogue that delivers the answer to the log line
`machine_started` of that ticket.  Dovecot itself waits half a second before it wakes an IDLE client.
"""

from __future__ import annotations

import argparse
import io
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from contrib.demo import play
from contrib.demo import stage as stages
from contrib.demo.mailserver import MailServer

WAIT_SECONDS = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10)
    count = parser.parse_args().requests
    play.console = Console(file=io.StringIO())
    people = [f"user{number}" for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-", dir="/var/tmp") as folder:
        users = dict.fromkeys(("support", "bob", *people), stages.PASSWORD)
        with MailServer(users, stages.DOMAIN) as server:
            stage = stages.Stage(Path(folder), server.imap_port, server.smtp_port)
            configure(stage, people)
            with stage.log.open("wb") as log:
                daemon = subprocess.Popen(stages.mailbot(stage, "run"), stdout=log, stderr=log)
            try:
                wait_for(stage, "daemon_started")
                bob = play.Person(stage, "bob")
                took = [one(stage, bob, name, number) for number, name in enumerate(people, start=1)]
            finally:
                daemon.terminate()
                daemon.wait(timeout=60)
    ordered = sorted(took)
    print(f"median {statistics.median(took):.2f} s, longest {ordered[-1]:.2f} s, of {count}")
    return 0


def configure(stage: stages.Stage, people: list[str]) -> None:
    stages._make_ssh_key(stage)
    stages._write_configuration(stage)
    config = stage.config.read_text().replace('uri = "qemu:///system"', 'uri = "test:///default"')
    for setting in (f'pool = "{stage.site}"', f'network = "{stage.site}"'):
        config = config.replace(setting, "")
    stage.config.write_text(config)
    key = stage.ssh_key.with_suffix(".pub").read_text().strip()
    with (stage.folder / "users.toml").open("a") as file:
        for name in people:
            mail = f"{name}@{stages.DOMAIN}"
            file.write(f'\n[[person]]\nlogin = "{name}"\nname = "{name}"\nmail = "{mail}"\nssh_keys = ["{key}"]\n')
    subprocess.run(stages.mailbot(stage, "db", "upgrade"), check=True, stdout=subprocess.DEVNULL)


def one(stage: stages.Stage, bob: play.Person, name: str, number: int) -> float:
    asks = play.Person(stage, name)
    asks.writes("Persistent Virtual Machine Creation", play.request(name, "in 6 months"))
    bob.answers(bob.receives("admin-decision"), "approve")
    began = time.monotonic()
    wait_for(stage, f"#{number} machine_started")
    return time.monotonic() - began


def wait_for(stage: stages.Stage, words: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while words not in stage.log.read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{words} was not logged:\n{stage.log.read_text()[-3000:]}")
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
