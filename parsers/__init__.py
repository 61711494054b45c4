"""From the bytes of a mail to what it means.  Pure: no I/O, no clock, nothing of mailbot or provisioner.

`read` turns bytes into a `Mail` or says why it cannot; `understand` says what the mail is.  Both are imported when
they are first used: a program that only needs the values, such as `mailbot list`, does not load the whole of reading.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from parsers.values import (
    Address,
    Automatic,
    AutomaticKind,
    Command,
    Fields,
    Kind,
    Mail,
    NotForUs,
    Problem,
    ReadingRules,
    Request,
    Unclear,
    Understanding,
    Unreadable,
    Verb,
)

if TYPE_CHECKING:
    from parsers.mail.message import read
    from parsers.understanding import KIND_OF_VERB, understand

__all__ = [
    "KIND_OF_VERB",
    "Address",
    "Automatic",
    "AutomaticKind",
    "Command",
    "Fields",
    "Kind",
    "Mail",
    "NotForUs",
    "Problem",
    "ReadingRules",
    "Request",
    "Unclear",
    "Understanding",
    "Unreadable",
    "Verb",
    "read",
    "understand",
]

_WHEN_USED = {
    "KIND_OF_VERB": "parsers.understanding",
    "read": "parsers.mail.message",
    "understand": "parsers.understanding",
}


def __getattr__(name: str) -> Any:
    """PEP 562: asked only for names that the module does not have yet."""
    if name not in _WHEN_USED:
        raise AttributeError(f"module 'parsers' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_WHEN_USED[name]), name)
    return value
