"""What is known of sections: their keys, types, texts, and where a setting was said."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any, get_args, get_type_hints

from mailbot.config.secret import Secret


def written(place: Sequence[int | str]) -> str:
    """`admins[2].address`: a place as people write it, list entries counted from 1."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def source_of(place: str, sources: Mapping[str, Mapping[str, Any]]) -> str:
    """The words for the source that decides a place: the last that has it, else the file."""
    section, _, key = place.partition(".")
    section = section.partition("[")[0]
    decided = next(iter(sources))
    for words, tree in sources.items():
        part = tree.get(section)
        if part is not None and (not key or not isinstance(part, dict) or key in part):
            decided = words
    return decided


def names(owner: type) -> list[str]:
    """The keys of a section, or the sections of the configuration."""
    return [field.name for field in fields(owner)] if is_dataclass(owner) else []


def nested(owner: type) -> dict[str, type]:
    """The keys of a section that are lists of sections themselves (`[[sites.hosts]]`), and what those are."""
    found = {name: get_args(hint)[:1] for name, hint in hints(owner).items()}
    return {
        name: inner[0]
        for name, inner in found.items()
        if inner and isinstance(inner[0], type) and is_dataclass(inner[0])
    }


@cache
def hints(owner: type) -> dict[str, Any]:
    """The types of a section's keys, with their limits."""
    return get_type_hints(owner, include_extras=True)


@cache
def documentation(owner: type) -> dict[str, str]:
    """The text under each field of a class, by the field's name, as one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    return dict(_documented(body.body)) if isinstance(body, ast.ClassDef) else {}


def _documented(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, after in pairwise(body):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())
            case _:
                pass


def first_sentence(text: str) -> str:
    """Up to the first full stop at the end of a word, without it."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def documented(owner: type, name: str) -> str:
    """What a key, or a section, is: the first sentence of its text; "" where there is none."""
    return first_sentence(documentation(owner).get(name, "") or inspect.getdoc(_section(owner, name)) or "")


def _section(owner: type, name: str) -> type | None:
    """The section class behind a key, also inside `tuple[…, ...]`; None for a plain value."""
    hint = hints(owner).get(name)
    for candidate in (hint, *get_args(hint)):
        if isinstance(candidate, type) and is_dataclass(candidate):
            return candidate
    return None


def is_secret(hint: object) -> bool:
    """True for keys whose value must not be repeated, also as an option or in a list."""
    if isinstance(hint, type) and issubclass(hint, Secret):
        return True
    return any(is_secret(inner) for inner in get_args(hint))
