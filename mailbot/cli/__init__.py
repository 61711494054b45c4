"""The command line.  Only this package writes to standard output and decides exit codes (sysexits.h)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailbot.cli.importing import imported

if TYPE_CHECKING:
    from mailbot.ports import Clock


def main(arguments: Sequence[str] | None = None, clock: Clock | None = None) -> int:
    """Run one command and give its exit code; `clock` is this machine's where none is given.

    `explain` is often started for a single mail, so it goes past typer, which would double its start-up.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    alone = words[:1] == ["explain"] and not {"--help", "-h"} & set(words)
    module, function = ("explaining", "run") if alone else ("app", "run_app")
    code: int = getattr(imported(module), function)(words[1:] if alone else words, clock)
    return code
