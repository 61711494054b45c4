"""The demonstration: a real mail conversation that ends in an SSH login on a real Debian machine.

`make demo` plays it; `make demo-clean` takes everything down.  As a command:
`python -m contrib.demo.play [--down] [--take-down-at-the-end]`.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import os
import re
import shlex
import smtplib
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

from imapclient import IMAPClient
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from contrib.demo import life, waiting
from contrib.demo import stage as stages
from contrib.demo.hypervisor import HypervisorProblem
from contrib.demo.stage import DOMAIN, PASSWORD, Stage, StageProblem

FOLDER = stages.default_folder(Path(__file__).resolve().parents[2])
LETTER_SECONDS = 120
BOOT_SECONDS = 1800
MESSAGES = email.policy.default

console = Console(highlight=False)


class Person:
    """Somebody with a mail client: writes over SMTP, reads over IMAP."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name
        self.address = f"{name}@{DOMAIN}"
        self._seen: set[int] = set()
        self._unread: list[EmailMessage] = []

    def writes(self, subject: str, text: str) -> None:
        mail = self._mail(f"support@{DOMAIN}", subject, text)
        self._send(mail)

    def answers(self, letter: EmailMessage, text: str) -> None:
        """Answer as mail clients do: to Reply-To, with the thread's headers and the letter quoted below."""
        body = letter.get_body(("plain",))
        quoted = "\n".join(f"> {line}" for line in (body.get_content() if body else "").splitlines())
        subject = str(letter["Subject"])
        subject = subject if subject.lower().startswith("re:") else f"Re: {subject}"
        mail = self._mail(
            str(letter["Reply-To"] or letter["From"]),
            subject,
            f"{text}\n\nOn {letter['Date']}, Testbed wrote:\n{quoted}\n",
        )
        mail["In-Reply-To"] = str(letter["Message-ID"])
        mail["References"] = f"{letter['References'] or ''} {letter['Message-ID']}".strip()
        self._send(mail, shown=text)

    def receives(self, kind: str, seconds: float = LETTER_SECONDS) -> EmailMessage:
        """Show the letters that arrive until one of this kind has come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            while (letter := self.next_letter()) is not None:
                show(letter)
                if letter["X-Mailbot-Letter"] == kind:
                    return letter
            time.sleep(0.5)
        raise StageProblem(f"No letter “{kind}” reached {self.address} within {seconds:.0f} s.")

    def next_letter(self) -> EmailMessage | None:
        """The oldest letter that was not shown yet, if there is one."""
        self._unread += self._new()
        return self._unread.pop(0) if self._unread else None

    def _new(self) -> list[EmailMessage]:
        with IMAPClient("127.0.0.1", port=self.stage.imap_port, ssl=False, timeout=30) as client:
            client.login(self.name, PASSWORD)
            client.select_folder("INBOX", readonly=True)
            fresh = [uid for uid in client.search("ALL") if uid not in self._seen]
            self._seen.update(fresh)
            mails = client.fetch(fresh, ["BODY.PEEK[]"]) if fresh else {}
            return [email.message_from_bytes(mails[uid][b"BODY[]"], policy=MESSAGES) for uid in sorted(fresh)]

    def _mail(self, to: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage(policy=email.policy.SMTP)
        mail["From"], mail["To"], mail["Subject"] = self.address, to, subject
        mail["Message-ID"] = make_msgid(domain=f"laptop.{DOMAIN}")
        mail["Date"] = email.utils.localtime()
        mail.set_content(text)
        return mail

    def _send(self, mail: EmailMessage, shown: str = "") -> None:
        heading = f"{self.name} writes: {mail['Subject']}"
        console.print(
            Panel(Text(shown or mail.get_content().rstrip()), title=heading, title_align="left", style="cyan")
        )
        with smtplib.SMTP("127.0.0.1", self.stage.smtp_port, timeout=30) as smtp:
            smtp.send_message(mail)


def show(letter: EmailMessage) -> None:
    """A letter of the bot, as its recipient reads it."""
    heading = f"{letter['To']} receives: {letter['Subject']}"
    console.print(Panel(Text(_text(letter)), title=heading, title_align="left", style="green"))


def _text(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    return body.get_content().rstrip() if body else ""


def request(username: str, until: str) -> str:
    return f"""username: {username}

intended usage: Nightly builds of our measurement tools,
and a small web page with the results for the team.

expiration date: {until}
"""


def play(stage: Stage) -> tuple[Person, Person]:
    """The conversation: a request with a mistake, the corrected one, one word from an admin, a login."""
    alice, bob = Person(stage, "alice"), Person(stage, "bob")
    day = datetime.now(UTC).date() + timedelta(days=200)
    console.print(Rule("Alice asks for a machine, and gets the date wrong"))
    alice.writes("Persistent Virtual Machine Creation", request("alice", "31/02/2027"))
    alice.receives("request-problems")
    console.print(Rule("She corrects that line"))
    alice.writes("Persistent Virtual Machine Creation", request("alice", day.isoformat()))
    alice.receives("request-received")
    question = bob.receives("admin-decision")
    console.print(Rule("Bob, an admin, answers with one word"))
    bob.answers(question, "approve")
    began = time.monotonic()
    alice.receives("request-approved")
    console.print(Rule("The machine is built and boots"))
    ready = _await_boot(stage, alice)
    console.print(f"From Bob's word to Alice's letter: {time.monotonic() - began:.0f} seconds.")
    console.print(Rule("Alice logs in"))
    log_in(stage, _text(ready))
    return alice, bob


def go_on(stage: Stage, alice: Person, bob: Person) -> None:
    """The second act: the rest of the machine's life, with time running fast."""
    stages.end_daemon(stage)
    people = (alice, bob)
    act = life.Life(stage, console, lambda: next((one for p in people if (one := p.next_letter()) is not None), None))
    try:
        act.act()
        act.letters.clear()
        life.live(act, alice.answers, bob.answers)
    finally:
        act.close()


def _await_boot(stage: Stage, alice: Person) -> EmailMessage:
    """Wait for the ready letter, showing what the daemon waits for.  Raises StageProblem, as soon as waiting is no use."""
    deadline, last = time.monotonic() + BOOT_SECONDS, ""
    with console.status("waiting for the machine") as status:
        while time.monotonic() < deadline:
            letter = alice.next_letter()
            if letter is not None:
                show(letter)
                if letter["X-Mailbot-Letter"] == "vm-ready":
                    return letter
            now = waiting.read(stage.log.read_text())
            if now.last != last:
                last = now.last
                status.update(f"waiting for the machine: {escape(last)}")
                if not console.is_terminal:
                    console.print(Text(f"  … {last}"))
            if now.hopeless:
                raise StageProblem("The build was postponed again and again:\n" + "\n".join(now.postponed))
            time.sleep(1)
    raise StageProblem(f"The machine was not ready within {BOOT_SECONDS} s.")


def log_in(stage: Stage, letter: str) -> None:
    """Log in as the letter says, with the host key that it gives, and look around."""
    known = stage.folder / "known_hosts"
    lines = re.findall(r"(\S+)\s+(ssh-\S+|ecdsa-\S+)\s+(AAAA\S+)", letter)
    known.write_text("".join(f"{hosts} {kind} {key}\n" for hosts, kind, key in lines))
    address = lines[0][0].rpartition(",")[2]
    command = [
        "ssh", "-i", str(stage.ssh_key), "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes",
        "-o", "BatchMode=yes", "-o", "ConnectTimeout=30", f"root@{address}",
        "hostname; nproc; free -m; df -h /; cat /etc/debian_version",
    ]  # fmt: skip
    console.print(Text("$ " + " ".join(command[:-1]) + f" '{command[-1]}'", style="bold"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    console.print(Text(done.stdout + done.stderr))
    if done.returncode:
        raise StageProblem("The login failed.")


def build_image(stage: Stage) -> None:
    """Build the base image, or take it from the cache, and register it at the site; shows its progress."""
    done = subprocess.run(stages.mailbot(stage, "image", "build"), check=False)
    if done.returncode:
        raise StageProblem("The base image could not be built.")


def look_around(stage: Stage, *, by_sudo: bool) -> list[str]:
    """Shell commands that show what the demonstration left; by sudo for a user whose demonstration root has made."""
    commands = [stages.mailbot(stage, "list"), stages.mailbot(stage, "show", "1"), ["tail", "-f", str(stage.log)]]
    return [shlex.join(["sudo", *command] if by_sudo else command) for command in commands]


def farewell(stage: Stage, stay: bool) -> None:
    console.print(Rule("Look around"))
    for command in look_around(stage, by_sudo="SUDO_USER" in os.environ):
        # Printed whole: a line that is folded to the terminal's width cannot be copied.
        console.print(Text(f"  {command}"), soft_wrap=True)
    runs = "Machine, daemon and mail servers go on running." if stay else "Libvirt and the mail servers go on running."
    console.print(f"{runs} Take everything down with: make demo-clean")


def main() -> int:
    parser = argparse.ArgumentParser(description="Play the demonstration, or take it down.")
    parser.add_argument("--down", action="store_true", help="only take down what an earlier demonstration left")
    parser.add_argument("--then-down", action="store_true", help="take everything down at the end")
    parser.add_argument("--stay", action="store_true", help="end with the login, and leave machine and daemon running")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    try:
        if arguments.down:
            stages.down(arguments.folder)
            console.print("The demonstration is taken down. The base image stays cached in /var/cache/mailbot.")
            return 0
        with stages.taken_down_on_failure(arguments.folder):
            stage = stages.up(arguments.folder, lambda words: console.print(f"[dim]{words} …[/dim]"))
            build_image(stage)
            stages.start_daemon(stage)
            people = play(stage)
            if not arguments.stay:
                go_on(stage, *people)
    except (StageProblem, HypervisorProblem) as problem:
        console.print(Text("\n".join((str(problem), *getattr(problem, "__notes__", ()))), style="red"))
        return os.EX_SOFTWARE
    except KeyboardInterrupt:
        console.print("Interrupted; everything was taken down.")
        return 130
    if arguments.then_down:
        stages.down(arguments.folder)
    else:
        farewell(stage, arguments.stay)
    return 0


if __name__ == "__main__":
    sys.exit(main())
