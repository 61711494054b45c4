"""The reading child: `python -m mailbot.adapters.reading.child`, its commands on descriptor 0, its answers on 1.

It imports everything, gives up files, rights and system calls, and reads its share of mails; the daemon starts the next
one, also where a mail has cost it its life.  Messages to it: the site's `ReadingRules` (pickled by our own parent) once,
then for each mail the moment and the bytes.  Answers: one line of layers once, then for each mail a kind in one byte and
what belongs to it.
"""

from __future__ import annotations

import encodings
import importlib
import os
import pickle
import pkgutil
import sys
from dataclasses import replace
from datetime import UTC, datetime

from mailbot.adapters import frames
from mailbot.adapters.reading import confinement
from mailbot.adapters.reading.wire import DIED, SHARE_IS_READ, STAMP, UNDERSTOOD, dumps
from parsers import read, understand
from parsers.dates.words import MONTH_NAMES
from parsers.text.tables import compile_all
from parsers.values import ReadingRules, Understanding

COMMANDS, ANSWERS = 0, 1
_ROOM_BYTES = 160 * 1024 * 1024
"""What reading one mail may need on top of what is loaded anyway."""
_WARM_UP = (
    b"From: alice@example.org\nTo: support@testbed.example\nSubject: Persistent Virtual Machine Creation\n"
    b"MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n"
    b"username: alice\nintended usage: a web server\nexpiration date: the end of next March\n\nOn Mon, bob wrote:\n> approve\n\n"
    b"--b\nContent-Type: text/html; charset=iso-8859-1\n\n<table><tr><td>username: alice</td></tr></table>"
    b"<blockquote>approve until 12 mars 2027</blockquote>\n--b--\n"
)


_WRITTEN_ODDLY = (
    b"From: alice@example.org\nTo: =?utf-8?b?Qm9i?= <bob@example.org> (Bob)\nDate: Mon, 23 Nov 2026 10:12 GMT (CET)\n"
    b"Content-Type: multipart/mixed; boundary=b\nContent-Type: text/plain\n\nwords without a boundary\nMr Bob <bob@example.org> wrote:\n"
)
"""What goes to the libraries that are asked only where something is to be interpreted: they import when they are first asked."""


def main() -> None:
    """Serve until the share is read, or the daemon closes its end."""
    share, seconds = int(sys.argv[1]), float(sys.argv[2])
    # Most of it at once: our parent may still be loading what makes the rules.
    _load_everything(ReadingRules(datetime.now(UTC), UTC))
    try:
        rules: ReadingRules = pickle.loads(frames.read(COMMANDS))  # noqa: S301 - written by our parent process
    except EOFError:
        os._exit(os.EX_OK)  # there was no mail
    _load_everything(rules)
    confinement.volunteer_for_the_end()
    frames.write(ANSWERS, "\n".join(_confined()).encode())
    try:
        for _ in range(share):
            command = frames.read(COMMANDS)
            confinement.bound_time(seconds)
            answer = _understood(command, rules)
            confinement.bound_time(0)
            frames.write(ANSWERS, answer)
    except (EOFError, BrokenPipeError):
        os._exit(os.EX_OK)
    os._exit(SHARE_IS_READ)


_LONGEST_LIFE_SECONDS = 24 * 3600
"""Of processor time, for all mails of the share together; the bound on a single one is far below."""


def _confined() -> list[confinement.Layer]:
    memory_bytes = _loaded_bytes() + _ROOM_BYTES
    library = confinement.seccomp()
    layers = confinement.leave_files()
    layers += confinement.limit_process(memory_bytes, _LONGEST_LIFE_SECONDS)
    return layers + confinement.leave_system_calls(library)


def _understood(command: bytes, rules: ReadingRules) -> bytes:
    now = datetime.fromtimestamp(STAMP.unpack_from(command)[0], UTC)
    rules = replace(rules, now=now)
    try:
        return UNDERSTOOD + dumps(understand(read(command[STAMP.size :], rules), rules), Understanding)
    except MemoryError:
        return DIED


def _load_everything(rules: ReadingRules) -> None:
    """Import whatever reading may ask for by these rules: afterwards there are no files."""
    for module in pkgutil.iter_modules(encodings.__path__, "encodings."):
        if module.name not in {"encodings.mbcs", "encodings.oem"}:  # only on Windows
            importlib.import_module(module.name)
    others = tuple(language for language in rules.languages if language not in MONTH_NAMES)
    if others:  # a library reads their dates, and finds its data when it is first asked for each language
        languages = importlib.import_module("parsers.dates.languages")
        for language in others:
            for text in ("31 12 2027", "2 x"):
                languages.read_in(text, (language,), rules)
            languages.long_form_in(rules.now.date(), language)
        languages.read_in("31 12 2027", others, rules)
    in_html = _WARM_UP.replace(b"intended usage: ", b"")  # where the text says all, the HTML is not read
    for octets in (_WARM_UP, in_html, _WARM_UP.replace(b"Subject: ", b"Subject: Re: "), _WRITTEN_ODDLY):
        understand(read(octets, rules), rules)
    compile_all()  # not within the time of the mail that comes first


def _loaded_bytes() -> int:
    """The address space that is in use now, bytes (proc(5), statm)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
