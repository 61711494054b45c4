"""What pydantic finds wrong, said for the person who wrote the file."""

from __future__ import annotations

import ast
import difflib
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, Secret, SecretStr, ValidationError
from pydantic_core import ErrorDetails

Place = Sequence[int | str]

_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_MISSING = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_SIZES = {
    "less_than_equal": ("too large", "at most", "le"),
    "less_than": ("too large", "less than", "lt"),
    "greater_than_equal": ("too small", "at least", "ge"),
    "greater_than": ("too small", "more than", "gt"),
}
_KINDS = {
    "int": "a whole number",
    "bool": "true or false",
    "string": "a text in quotes",
    "path": "a text in quotes",
    "tuple": "a list in brackets",
    "dataclass": "a section",
}


def problems(error: ValidationError, sources: Mapping[str, Mapping[str, Any]], root: type) -> tuple[str, ...]:
    """Every problem as `config.toml: mailbox.hots: unknown key (did you mean host?)`, without doubles."""
    lines = []
    for detail in error.errors(include_url=False, include_context=True):
        place = written(detail["loc"])
        lines.append(f"{source_of(place, sources)}{place}: {_said(detail, root)}")
    return tuple(dict.fromkeys(lines))


def written(place: Place) -> str:
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


def _said(detail: ErrorDetails, root: type) -> str:
    kind, place = detail["type"], detail["loc"]
    owner, name = _owner(root, place)
    if kind in _UNKNOWN:
        return f"unknown {'section' if len(place) == 1 else 'key'}{_guess(str(place[-1]), names(owner))}"
    if kind in _MISSING:
        what = first_sentence(documentation(owner).get(name, "") or inspect.getdoc(_section(owner, name)) or "")
        return f"is missing{f': {what}' if what else ''}"
    shown = "this value" if _secret(owner, name) else _shown(detail["input"])
    context = detail.get("ctx", {})
    if kind in _SIZES:
        size, word, key = _SIZES[kind]
        return f"{shown} is {size} ({word} {context[key]})"
    if kind in {"too_short", "string_too_short"}:
        return "must not be empty"
    if kind in {"literal_error", "enum"}:
        return f"{shown} is not one of {context['expected'].replace(chr(39), '').replace(' or ', ', ')}"
    wanted = _KINDS.get(kind.split("_")[0])
    return f"{shown} is not {wanted}" if wanted else f"{shown} cannot be used: {detail['msg']}"


def _shown(value: object) -> str:
    match value:
        case str():
            return f'"{value[:60]}"'
        case bool():
            return str(value).lower()
        case dict():
            return "a section"
        case list() | tuple():
            return "a list"
        case _:
            return str(value)[:60]


def _guess(found: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(found, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(known)})"


# what is known of sections: shared with the reference


def names(owner: type) -> list[str]:
    """The keys of a section, or the sections of the configuration."""
    if issubclass(owner, BaseModel):
        return list(owner.model_fields)
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


def _owner(root: type, place: Place) -> tuple[type, str]:
    """The class that a place's last name belongs to, and that name."""
    owner, name = root, ""
    for part in place:
        if isinstance(part, int):
            continue
        if name:
            owner = _section(owner, name) or owner
        name = part
    return owner, name


def _section(owner: type, name: str) -> type | None:
    """The section class behind a key, also inside `tuple[…, ...]`; None for a plain value."""
    hint = hints(owner).get(name)
    for candidate in (hint, *get_args(hint)):
        if isinstance(candidate, type) and is_dataclass(candidate):
            return candidate
    return None


def _secret(owner: type, name: str) -> bool:
    """True for keys whose value must not be repeated."""
    return is_secret(hints(owner).get(name))


def is_secret(hint: object) -> bool:
    """True for SecretStr and its like, also as an option or in a list."""
    if isinstance(hint, type) and issubclass(hint, (Secret, SecretStr)):
        return True
    return any(is_secret(inner) for inner in get_args(hint))
