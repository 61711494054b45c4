"""The figures for Prometheus, for a site that wants them: whoever does not never loads their library."""

from __future__ import annotations

from mailbot.metrics import served, write_textfile

__all__ = ["served", "write_textfile"]
