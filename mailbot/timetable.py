"""When things end: days of the site's calendar to moments in UTC; and when they are tried again.  Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def end_of(day: date, timezone: str) -> datetime:
    """The moment at which `day` is over in the zone (the first of the next day), aware UTC; DST is the zone's business."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def today(now: datetime, timezone: str) -> date:
    """The site's calendar day at the moment `now` (aware)."""
    return now.astimezone(ZoneInfo(timezone)).date()


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def last_weekly(now: datetime, weekday: str, hour: int, timezone: str) -> datetime:
    """The last moment, `now` at the latest, at which it was that hour of that weekday (of `WEEKDAYS`) in the zone; aware UTC."""
    zone = ZoneInfo(timezone)
    day = today(now, timezone)
    day -= timedelta(days=(day.weekday() - WEEKDAYS.index(weekday)) % 7)
    moment = datetime.combine(day, time(hour), tzinfo=zone)
    if moment > now:
        moment = datetime.combine(day - timedelta(days=7), time(hour), tzinfo=zone)
    return moment.astimezone(UTC)


def latest_end(now: datetime, timezone: str, max_years: int) -> date:
    """The last end date that may be asked for now: the same day `max_years` later (28 February for 29)."""
    day = today(now, timezone)
    try:
        return day.replace(year=day.year + max_years)
    except ValueError:
        return day.replace(year=day.year + max_years, day=28)


def in_zone(moment: datetime, timezone: str) -> datetime:
    """The same moment, to be read in the site's zone."""
    return moment.astimezone(ZoneInfo(timezone))


_MOST_DOUBLINGS = 10
"""More would be further away than any calendar goes, and every longest pause is shorter."""


def pause_after(attempts: int, first: timedelta, longest: timedelta) -> timedelta:
    """How long to wait after so many attempts, one or more: twice as long after each, up to the longest."""
    doubled: timedelta = first * 2 ** min(attempts - 1, _MOST_DOUBLINGS)
    return min(doubled, longest)
