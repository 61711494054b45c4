"""`docs/letters.md`, written from the table of letters and compared with it in a test."""

from __future__ import annotations

from mailbot.letters.catalogue import KINDS
from mailbot.letters.kinds import Audience, LetterKind
from mailbot.model import Letter, Purpose

_AUDIENCES = {
    Audience.OWNER: "To the owner of a machine",
    Audience.ADMIN: "To every admin",
    Audience.SENDER: "To whoever wrote",
}
_ALLOWED = {
    Purpose.DECIDE: "an admin may decide",
    Purpose.OWN: "the owner may command",
    Purpose.CONFIRM: "the registered address may confirm",
    Purpose.NONE: "nothing; people read it",
    None: "what the answered letter allowed",
}
_HEAD = """# Letters

Every letter that mailbot can send. This page is written from `mailbot/letters/*_kinds.py` and compared with it in a test.

Each letter is one template, `templates_email/<letter>.txt.j2`, in a small mark-up (`mailbot/letters/blocks.py`). It is rendered once
and read into blocks; the text part and the HTML part are both written from these blocks, so they cannot say different things.
Values from mails come in as single lines without control, bidirectional and zero-width characters; longer words of people stand in a
marked block. Examples of every letter are in `tests/golden/letters/`.

Every letter carries a Message-ID that depends on nothing but its outbox row, `References` to its conversation, `Auto-Submitted` (RFC 3834),
`X-Auto-Response-Suppress: All` and `X-Mailbot-Letter: <letter>`. A letter that takes answers also carries a token for exactly its ticket,
version, recipient and purpose, in Message-ID and (with plus-addresses) in Reply-To, and a short code that people can read.

To change the words of a letter, edit its template, run `pytest tests/unit/test_letters.py --regenerate-golden` and read the difference.
"""


def documentation() -> str:
    """The page, with one table per audience."""
    parts = [_HEAD]
    for audience, title in _AUDIENCES.items():
        parts.append(f"\n## {title}\n\n| letter | sent when | what an answer may do |\n|---|---|---|\n")
        parts.extend(_row(letter, kind) for letter, kind in KINDS.items() if kind.audience is audience)
    parts.append("\n## What each letter is written from\n")
    parts.extend(_facts(letter, kind) for letter, kind in KINDS.items())
    return "".join(parts)


def _row(letter: Letter, kind: LetterKind) -> str:
    return f"| `{letter}` | {kind.when} | {_ALLOWED[kind.purpose]} |\n"


def _facts(letter: Letter, kind: LetterKind) -> str:
    known = [f"- `{name}`: {shape}\n" for name, shape in kind.facts.items()]
    known += [f"- `{name}` (may be left out): {shape}\n" for name, shape in kind.optional.items()]
    return f"\n### {letter}\n\n{''.join(known) or 'Nothing but the ticket.' + chr(10)}"
