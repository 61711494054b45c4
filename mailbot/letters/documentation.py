"""`docs/letters.md`, written from the table of letters and compared with it in a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Annotated, get_args, get_origin, get_type_hints

from mailbot.letters.catalogue import LETTERS
from mailbot.letters.kinds import Audience, LetterFacts
from mailbot.model import Purpose

_AUDIENCES = {
    Audience.OWNER: "To the owner of a machine",
    Audience.ADMIN: "To every admin",
    Audience.SENDER: "To the sender of a message",
}
_ALLOWED = {
    Purpose.DECIDE: "an admin may decide",
    Purpose.OWN: "the owner may give commands",
    Purpose.CONFIRM: "the registered address may confirm",
    Purpose.NONE: "nothing; people read it",
    None: "what the answered letter allowed",
}
_HEAD = """# Letters

Every letter that mailbot can send. This page is written from the dataclasses in `mailbot/letters/` and compared with it in a test.

Each letter is one template, `templates_email/<letter>.txt.j2`, in a small markup (`mailbot/letters/blocks.py`). It is rendered once
and read into blocks; the text part and the HTML part are both written from these blocks, so they cannot differ.
Values from messages are single lines without control, bidirectional and zero-width characters; people's longer texts are in a
marked block. Examples of every letter are in `tests/golden/letters/`.

Every letter has a Message-ID that depends only on its outbox row, `References` to its conversation, `Auto-Submitted` (RFC 3834),
`X-Auto-Response-Suppress: All` and `X-Mailbot-Letter: <letter>`. A letter that takes answers also carries a token for its ticket,
version, recipient and purpose, in Message-ID and (with plus-addresses) in Reply-To, and a short readable code.

The facts of each letter are the fields of a dataclass; the module that decides to send it creates the value. Examples are never written
by hand: `tests/flow/test_conversations.py` plays the conversations and stores every letter's outbox row in `templates_email/samples/`.

A letter is in its reader's language (`templates_email/<language>/`): that of the request's own words, otherwise the one in the
directory, otherwise the site's (`service.language`); admins have their own. Sentences that the program makes are messages in a gettext
catalogue, `templates_email/<language>/messages.po`. `make languages` lists what a language lacks.

A site can use its own words: a template in `/etc/mailbot/templates/` (`[smtp] templates`) replaces the one of the same name in every language
(in a folder such as `fr/`, only in that one), including parts that begin with `_` and `layout.html.j2`. It may use only the facts listed below for its letter, and the ticket. `mailbot check`
tries the templates with every letter, and names each unknown fact, each mistake in a template, and each line that would be a command in a reply.

To change the words of a letter for every site, edit its template, run `pytest tests/unit/test_letters.py --regenerate-golden` and read the diff.
"""


def documentation() -> str:
    """The page, with one table per audience."""
    parts = [_HEAD]
    for audience, title in _AUDIENCES.items():
        parts.append(f"\n## {title}\n\n| letter | sent when | what an answer may do |\n|---|---|---|\n")
        parts.extend(_row(kind) for kind in LETTERS.values() if kind.about.audience is audience)
    parts.append("\n## What each letter is written from\n")
    parts.extend(f"\n### {letter}\n\n{''.join(_facts(kind)) or _NOTHING}" for letter, kind in LETTERS.items())
    return "".join(parts)


_NOTHING = "Nothing but the ticket.\n"


def _row(kind: type[LetterFacts]) -> str:
    return f"| `{kind.about.letter}` | {kind.__doc__} | {_ALLOWED[kind.about.purpose]} |\n"


def _facts(kind: type[LetterFacts]) -> Iterator[str]:
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        hint = hints[one.name]
        said = get_args(hint)[1] if get_origin(hint) is Annotated else ""
        optional = "" if one.default is MISSING else " (may be left out)"
        yield f"- `{one.name}`{optional}: {said}\n"
