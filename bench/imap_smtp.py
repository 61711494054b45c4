"""How fast mail is fetched, filed and sent: real Dovecot and SMTP server on loopback, in a process of their own.

    python -m bench.imap_smtp [--mails 1000] [--kib 8]

Prints mails per second and the peak memory of this process, which holds the bot's side only.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.smtp.postman import SmtpPostman, SmtpSettings
from mailbot.adapters.transport import Security
from mailbot.model import MailKey, OutboundMail
from mailbot.ports import Folder

BATCH = 100


@contextmanager
def mail_service() -> Iterator[dict[str, int]]:
    command = [sys.executable, "-m", "contrib.demo.mailserver", "support:secret"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def measure(what: str, mails: int, work: Callable[[], object]) -> None:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    took, used = time.perf_counter() - start, time.process_time() - cpu
    print(
        f"{what:42} {mails / took:8.0f} mails/s {1000 * took / mails:7.2f} ms each, {1000 * used / mails:5.2f} of it CPU here"
    )


def letters(count: int, kib: int, recipient: str) -> list[OutboundMail]:
    body = (b"x" * 70 + b"\r\n") * (kib * 1024 // 72)
    return [
        OutboundMail(
            "support@testbed.example",
            recipient,
            f"<{number}@testbed.example>",
            f"Subject: {number}\r\nMessage-ID: <{number}@testbed.example>\r\n\r\n".encode() + body,
        )
        for number in range(count)
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--kib", type=int, default=8)
    arguments = parser.parse_args()
    count, kib = arguments.mails, arguments.kib
    with mail_service() as ports:
        settings = SmtpSettings("127.0.0.1", port=ports["smtp"], security=Security.PLAIN)
        inbox = ImapInbox(
            ImapSettings("127.0.0.1", "support", lambda: "secret", port=ports["imap"], security=Security.PLAIN)
        )
        keys: list[MailKey] = []

        def send(batch: list[OutboundMail], pipelined: bool = True) -> None:
            postman = SmtpPostman(settings)
            postman.check()
            if not pipelined and postman._smtp is not None:
                postman._smtp.esmtp_features.pop("pipelining")
            for letter in batch:
                postman.send(letter)
            postman.close()

        def file_away() -> None:
            for start in range(0, count, BATCH):
                inbox.file_away(keys[start : start + BATCH], Folder.HANDLED)

        measure(
            "SMTP, into a Maildir, envelope pipelined",
            count,
            lambda: send(letters(count, kib, "support@testbed.example")),
        )
        measure("SMTP, kept in memory, envelope pipelined", count, lambda: send(letters(count, kib, "a@example.org")))
        measure(
            "SMTP, kept in memory, command by command", count, lambda: send(letters(count, kib, "a@example.org"), False)
        )
        measure(
            "IMAP, all mails fetched the first time", count, lambda: keys.extend(one.key for one in inbox.fetch(None))
        )
        measure("IMAP, all mails fetched again", count, lambda: sum(1 for _ in inbox.fetch(None)))
        measure(f"IMAP, moved by {BATCH}", count, file_away)
        assert len(keys) == count
        inbox.close()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
