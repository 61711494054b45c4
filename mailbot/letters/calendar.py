"""The end of a lease as a calendar entry (RFC 5545): one UID for the whole life, updated by SEQUENCE, cancelled in the end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from mailbot.letters.kinds import CalendarEntry
from mailbot.letters.languages import Language
from mailbot.letters.message import attachment
from mailbot.letters.settings import LetterSettings
from mailbot.model import Ticket
from parsers.translatable import say


def end_of_lease(
    ticket: Ticket, day: date, told: CalendarEntry, settings: LetterSettings, *, now: datetime, spoken: Language
) -> str:
    """The attachment: an all-day entry on the ticket's last day, with a reminder a week before.

    `day` is the last day as the letter says it; the entry is replaced where `told.sequence` is higher (RFC 5545
    section 3.8.7.4).
    """
    cancelled = told.status == "CANCELLED"
    machine = f"{ticket.username}-vm"
    entry = Event()
    entry.add("uid", f"mailbot-{ticket.id}@{settings.message_id_domain}")
    entry.add("sequence", told.sequence)
    entry.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
    entry.add("dtstart", day)
    entry.add("dtend", day + timedelta(days=1))
    last_day = say("Last day of {machine} ({service})", machine=machine, service=settings.rules.service.name)
    entry.add("summary", spoken.words(last_day))
    entry.add("status", told.status)
    entry.add("transp", "TRANSPARENT")
    if not cancelled:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", spoken.words(say("{machine} ends in a week", machine=machine)))
        alarm.add("trigger", timedelta(days=-7))
        entry.add_component(alarm)
    method = "CANCEL" if cancelled else "PUBLISH"
    calendar = Calendar()
    calendar.add("prodid", "-//mailbot//end of lease//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(entry)
    return attachment(f'text/calendar; charset="utf-8"; method={method}', f"{machine}.ics", calendar.to_ical())
