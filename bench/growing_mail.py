"""What a growing mail costs: every header, every header of a part, every tag and style, filled with every kind of filling.

    python -m bench.growing_mail [PATTERN]     PATTERN: a part of the name; default all

Each mail is read and understood in a process of its own, of which the kernel counts processor time and the largest memory.
Printed are the costliest, and each whose cost grows faster than its size: the exponent is taken between half and whole
size and counts only above 0.1 s.  At last all of the largest go through the confined reader, and the memory by which the
daemon's own process has grown is printed: it must stay below 20 MiB.
"""

from __future__ import annotations

import math
import os
import resource
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from mailbot.adapters.reading.reader import ConfinedReader
from parsers import ReadingRules, read, understand

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
LIMIT_SECONDS = 2.0
HEADERS = (
    *(
        "From",
        "To",
        "Cc",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Received",
        "X-Loop",
    ),
    *("Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Authentication-Results", "DKIM-Signature"),
    *("List-Id", "Auto-Submitted", "Precedence", "Return-Path", "X-Auto-Response-Suppress", "Delivered-To", "Sender"),
)
PART_HEADERS = ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Content-ID", "Subject")
FILLINGS = (
    *(
        b"a",
        b";",
        b"; a=b",
        b'"',
        b'\\"',
        b"\\",
        b"(",
        b")",
        b"<",
        b">",
        b"@",
        b",",
        b"a@b.c,",
        b"<a@b.c> ",
        b"=?utf-8?q?a?= ",
    ),
    *(b"=?", b"; a*0*=b", b";a*1=b", b" \r\n ", b"[", b":", b"a:;", b"\xff", b"1 ", b"(\\(", b'"a"<', b"\xc3\xa9"),
)
TAGS = (
    *(
        "p",
        "div",
        "span",
        "table",
        "tr",
        "td",
        "ul",
        "ol",
        "li",
        "dl",
        "dd",
        "blockquote",
        "pre",
        "br",
        "font",
        "b",
        "a",
        "style",
    ),
    *("h1", "q", "center", "details", "select", "form", "img", "hr", "svg"),
)
STYLES = ("a:b;", "display:none;", "color:#fff;", "/*", "\\6e ", "(", "transform:scale(", "font:", "#", "clip:rect(0,")
SHEETS = (
    ".a{display:none}",
    ".a,",
    "{",
    "}",
    ".a .b .c{color:#fff}",
    "@media all{",
    "/*",
    "a>b{",
    "#i{",
    "*{height:0}",
)
TEXTS = (
    b"> a\r\n",
    b"From: a\r\n",
    b"On 2026 a wrote:\r\n",
    b"approve\r\n",
    b"-- \r\n",
    b"username: a\r\n",
    b"expiration date: 1/2/27\r\n",
    b"=\r\n",
)
BODY_BYTES = 400_000


def header_mail(name: str, filling: bytes, size: int) -> bytes:
    start = {b"From": b"From: a@b.example "}
    lines = [b"From: a@b.example\r\n", b"Subject: x\r\n", b"Message-ID: <a@b.example>\r\n"]
    lines = [line for line in lines if not line.startswith(name.encode() + b":")]
    value = start.get(name.encode(), name.encode() + b": x") + folded(filling, size)
    return b"".join(lines) + value + b"\r\n\r\nhello\r\n"


def folded(filling: bytes, size: int) -> bytes:
    line = filling * max(1, 900 // len(filling))
    return b"".join(b"\r\n " + line for _ in range(max(1, size // len(line))))


def part_mail(name: str, filling: bytes, size: int) -> bytes:
    part = name.encode() + b": text/plain" + folded(filling, size)
    return (
        b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        + part
        + b"\r\n\r\nhi\r\n--b--\r\n"
    )


def html_mail(html: str) -> bytes:
    return b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n" + html.encode() + b"\r\n"


def patterns(size: int) -> Iterator[tuple[str, bytes]]:
    """Names and mails; `size` is a share of the largest, 1 to 4."""
    for name in HEADERS:
        for filling in FILLINGS:
            yield f"{name} of {filling!r}", header_mail(name, filling, 3_700 * size)
    for name in PART_HEADERS:
        for filling in FILLINGS:
            for whole in (3_700, 25_000):
                yield f"part {name} of {filling!r}, {whole}", part_mail(name, filling, whole * size)
    yield from bodies(BODY_BYTES * size // 4)


def bodies(count: int) -> Iterator[tuple[str, bytes]]:
    """The same for bodies of about so many bytes."""
    for tag in TAGS:
        for inner, closing in (("x", ""), ("x", f"</{tag}>"), ("", ""), ("<br>", "")):
            piece = f"<{tag}>{inner}{closing}"
            yield f"tag {piece}", html_mail(piece * (count // len(piece)))
        yield f"tag {tag} styled", html_mail(f"<{tag} style='color:#fff;padding:1em' class='a b'>x" * (count // 40))
        yield f"tag {tag} nested, long", html_mail(f"<{tag}>" * 200 + "w " * (count // 2))
    for style in STYLES:
        yield f"style {style}", html_mail(f'<p style="{style * (count // len(style))}">x')
    for sheet in SHEETS:
        words = "<p class='a b c' id=i>x" * 2_000
        yield f"sheet {sheet}", html_mail(f"<style>{sheet * (count // 2 // len(sheet))}</style>{words}")
    yield "rows x cells", html_mail("<table>" + ("<tr>" + "<td>a" * 200) * (count // 1_000))
    yield "tall and wide", html_mail("<table><tr><td>" + "<br>" * (count // 8) + "<td>" + "w" * (count // 2))
    for text in TEXTS:
        yield f"text {text!r}", b"From: a@b.example\r\nSubject: Re: x\r\n\r\n" + text * (count // len(text))


def cost(raw: bytes) -> tuple[float, float]:
    """Processor seconds and MiB of one reading, in a process of its own; beyond twice the limit the kernel ends it."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (int(2 * LIMIT_SECONDS), int(2 * LIMIT_SECONDS)))
        understand(read(raw, RULES), RULES)
        os._exit(0)
    _, status, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    return (math.inf if os.WIFSIGNALED(status) else seconds), used.ru_maxrss / 1024


def main(wanted: str) -> None:
    understand(read(html_mail("<p>what is loaded late is loaded before costs are counted"), RULES), RULES)
    largest = {name: raw for name, raw in patterns(4) if wanted in name}
    half = dict(patterns(2))
    costs = {name: cost(raw) for name, raw in largest.items()}
    print(f"{len(costs)} patterns\n{'costliest':50}{'bytes':>10}{'seconds':>9}{'MiB':>7}{'exponent':>10}")
    for name, (seconds, mib) in sorted(costs.items(), key=lambda one: -one[1][0])[:25]:
        exponent = math.log2(seconds / max(cost(half[name])[0], 0.001)) if 0.1 < seconds < math.inf else 0.0
        flag = "  <- more than a mail may cost: the reader ends it" if seconds > LIMIT_SECONDS else ""
        print(f"{name:50}{len(largest[name]):>10,}{seconds:>9.2f}{mib:>7.0f}{exponent:>10.2f}{flag}")
    with ConfinedReader(RULES) as reader:
        reader.read(b"From: a@b.example\r\n\r\nhi\r\n", RULES.now)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        unread = sum(reader.read(raw, RULES.now).mail is None for raw in largest.values())
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"through the confined reader: {unread} unreadable, the daemon's own process has grown by {grown:.1f} MiB")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
