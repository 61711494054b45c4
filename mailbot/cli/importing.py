"""Imports without the garbage collector."""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType


def imported(module: str) -> ModuleType:
    """A module of this package, imported now.

    What imports make stays: the collector would look at all of it dozens of times and find nothing.  It is told so
    (`gc.freeze`), or the first thing that it did afterwards would be to look at everything once.
    """
    gc.disable()
    try:
        return import_module(f"mailbot.cli.{module}")
    finally:
        gc.freeze()
        gc.enable()
