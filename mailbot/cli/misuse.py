"""What was said wrongly at the command line, in words: what was read, and what would be accepted."""

from __future__ import annotations

import re
from typing import Any, Final

import typer

_NO_NUMBER: Final = re.compile(r"'(.*)' is not a valid (?:int|int range)\.", re.DOTALL)
_OUT_OF_RANGE: Final = re.compile(r"(-?\d+) is not in the range .*")
"""How typer's Click words what is no number, or one beyond its limits."""


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
    words = str(error.message)
    if no_number := _NO_NUMBER.fullmatch(words):
        return f"{no_number[1]} is not a whole number"
    if outside := _OUT_OF_RANGE.fullmatch(words):
        number, limits = int(outside[1]), error.param.type
        if limits.min is not None and number < limits.min:
            return f"{number} is too small (at least {limits.min})"
        return f"{number} is too large (at most {limits.max})"
    return words
