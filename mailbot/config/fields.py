"""What the sections of the configuration are made of."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any

from mailbot.limits import Ge, Le, MinLen

Port = Annotated[int, Ge(1), Le(65535)]
Text = Annotated[str, MinLen(1)]


def example(value: object) -> Any:
    """A field that must be given; the value is what the example file shows."""
    return field(metadata={"example": value})


def optional(value: object) -> Any:
    """A field that is absent by default; the value is what the example file shows, commented out."""
    return field(default=None, metadata={"example": value})
