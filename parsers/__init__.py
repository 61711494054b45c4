"""From the bytes of a mail to what it means.  Pure: no I/O, no clock, nothing of mailbot or provisioner.

`read` turns bytes into a `Mail` or says why it cannot; `understand` says what the mail is.
"""

from parsers.mail.message import read
from parsers.understanding import KIND_OF_VERB, understand
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
