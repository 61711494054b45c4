"""The first look at a mailbox that people have used for years: how long a fresh request behind all the old mail waits.

    python -m bench.large_box [--old 100000]

The old mails came a year ago (Maildir: the time of the file); the request is the newest one.  Prints the seconds of one
`mailbot once`: the request's ticket is made and its letters are sent.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time

from bench.once import fill, prepared, run_once

YEAR_SECONDS = 365 * 86_400


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=int, default=100_000)
    count = parser.parse_args().old
    with prepared(1, empty=True) as stage:
        inbox = stage.folder / "dovecot" / "mail" / "support"
        owner = inbox.stat()
        long_ago = time.time() - YEAR_SECONDS
        for number in range(count):
            old = inbox / "cur" / f"{int(long_ago)}.M{number:06d}.bench:2,S"
            old.write_bytes(b"From: a@example.org\nSubject: %d\nDate: Tue, 25 Nov 2025 10:00:00 +0100\n\nHi\n" % number)
            os.utime(old, (long_ago, long_ago))
            shutil.chown(old, owner.st_uid, owner.st_gid)
        fill(stage, 1)
        first = run_once(stage)
        letters = stage.log.read_text().count(" letter_sent ")
        again = run_once(stage)
    figures = {"old": count, "first_look_seconds": first.seconds, "next_look_seconds": again.seconds}
    print(json.dumps({name: round(value, 2) for name, value in figures.items()} | {"letters": letters}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
