"""Dates as people write them: read, counted on, and written out."""

from parsers.dates.found import Period, add_period
from parsers.dates.reading import DateReading, long_form, read_date, read_period

__all__ = ["DateReading", "Period", "add_period", "long_form", "read_date", "read_period"]
