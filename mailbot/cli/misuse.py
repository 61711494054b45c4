"""What was said wrongly at the command line, in words: what was read, and what would be accepted."""

from __future__ import annotations

from typing import Any

import typer

_SIZES = {
    "greater_than_equal": ("small", "at least", "ge"),
    "greater_than": ("small", "more than", "gt"),
    "less_than_equal": ("large", "at most", "le"),
    "less_than": ("large", "less than", "lt"),
}
"""How pydantic, which typer checks values with, names the limits of numbers, and the key of each limit."""


def misused(error: Any) -> str:
    """The sentence for one of Click's errors.

    A value that a command itself refuses is a sentence already; Click would put "Invalid value:" in front of it.
    """
    if type(error) is not typer.BadParameter:  # a missing option or an unknown command is a kind of its own
        return str(error.format_message()) if hasattr(error, "format_message") else str(error)
    parameter = getattr(error, "param", None)
    if parameter is None:
        return str(error.message)
    name = parameter.metavar if parameter.param_type_name == "argument" else max(parameter.opts, key=len)
    return f"{name}: {_refused(error)}"


def _refused(error: Any) -> str:
    found: dict[str, Any] = next(iter(error.__cause__.errors()), {}) if hasattr(error.__cause__, "errors") else {}
    kind, shown = found.get("type", ""), found.get("input", "")
    if kind.startswith("int_"):
        return f"{shown} is not a whole number"
    if kind in _SIZES:
        size, word, key = _SIZES[kind]
        return f"{shown} is too {size} ({word} {found['ctx'][key]})"
    return str(error.message).replace("Value error, ", "")
