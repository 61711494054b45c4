"""Hypothesis for all property tests: no limit on the time of one example, because test machines are shared and slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("mailbot", deadline=None)
settings.load_profile("mailbot")
