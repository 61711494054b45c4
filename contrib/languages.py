"""`make languages`: what each language of letters still lacks, and its catalogue brought up to date.

A sentence of the program is a message where `say` or `say_many` makes it (`parsers.translatable`); Babel finds them.  New
messages are added to every `templates_email/<language>/messages.po` without a translation, those that nothing says any
more are left out.  `make languages ARGS=de` begins a language.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "templates_email"
CATALOGUE = "messages.po"
PACKAGES = ("mailbot", "parsers", "provisioner")
KEYWORDS = {"say": None, "say_many": (1, 2)}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HEAD = """# Sentences of letters that are born in the program; `make languages` keeps this file in step with it.
msgid ""
msgstr ""
"Language: {code}\\n"
"Plural-Forms: {plural}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def spoken() -> tuple[str, ...]:
    """The languages that there is a catalogue of."""
    return tuple(sorted(path.parent.name for path in TEMPLATES.glob(f"*/{CATALOGUE}")))


def messages() -> Catalog:
    """Every message that the program can say, with the places where it does."""
    catalogue = Catalog()
    for package in PACKAGES:
        found = extract_from_dir(
            ROOT / package,
            [("cli/**", "ignore"), ("**.py", "python")],  # the command line speaks English, and its `say` prints
            keywords=KEYWORDS,
            comment_tags=("Translators:",),
            strip_comment_tags=True,
        )
        for file, _line, message, comments, context in found:
            catalogue.add(message, locations=[(f"{package}/{file}", None)], auto_comments=comments, context=context)
    return catalogue


def read(code: str) -> Catalog:
    """A language's catalogue, empty where it has none yet."""
    path = TEMPLATES / code / CATALOGUE
    if not path.exists():
        return Catalog(locale=code)
    with path.open("rb") as source:
        return read_po(source, locale=code)


def updated(code: str) -> Catalog:
    """The catalogue with exactly the messages that there are now."""
    catalogue = read(code)
    catalogue.update(messages(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def write(code: str, catalogue: Catalog) -> None:
    path = TEMPLATES / code / CATALOGUE
    path.parent.mkdir(exist_ok=True)
    kept = Catalog(locale=code)
    for message in sorted(filter(lambda one: one.id, catalogue), key=_place):
        places = [(file, None) for file in dict.fromkeys(file for file, _line in message.locations)]
        kept.add(message.id, message.string, locations=places, auto_comments=message.auto_comments)
    with path.open("wb") as out:
        out.write(_HEAD.format(code=code, plural=kept.plural_forms).encode())
        write_po(out, kept, width=120, include_lineno=False, omit_header=True)


def _place(message: Message) -> tuple[str, str]:
    return min((file for file, _line in message.locations), default=""), str(message.id)


def lacking(code: str) -> Iterator[str]:
    """What a language lacks or has wrong: messages, placeholders, templates."""
    there = {path.name for path in (TEMPLATES / code).glob("*.txt.j2")}
    for template in sorted(path.name for path in TEMPLATES.glob("*.txt.j2")):
        if template not in there:
            yield f"no template {template}"
    known = {message.id: message for message in read(code)}
    for message in messages():
        translated = known.get(message.id)
        if not message.id:
            continue
        if translated is None or not all(_strings(translated)):
            yield f"not translated: {_first(message)}"
        elif not all(_fits(message, string) for string in _strings(translated)):
            yield f"other placeholders than in: {_first(message)}"


def _strings(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def _first(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, tuple) else message.id)


def _fits(message: Message, string: str) -> bool:
    """The same placeholders; a message for one may leave its number out."""
    wanted, found = (set(map(str.lower, _PLACEHOLDER.findall(words))) for words in (_first(message), string))
    return wanted - found <= ({"number"} if isinstance(message.id, tuple) else set()) and found <= wanted


def main() -> None:
    """Update every catalogue, or begin those that are named, and list what each lacks."""
    for code in sys.argv[1:] or spoken():
        write(code, updated(code))
        lacks = list(lacking(code))
        print(f"{code}: {'complete' if not lacks else f'{len(lacks)} things are missing'}", *lacks, sep="\n  ")


if __name__ == "__main__":
    main()
