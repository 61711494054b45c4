"""An announcement is begun: an admin's words are checked, and written down for the daemon's ticks to hand out."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256

from mailbot import journal
from mailbot.operator import Refused, acting
from mailbot.turns.announcements import NOTE, Announced, current
from mailbot.turns.context import TurnContext
from parsers.reply.commands import is_command
from parsers.request.labels import read_label
from parsers.text.folding import one_line
from parsers.translatable import Translatable, say

LONGEST, MOST_LINES = 5_000, 50
_LONGEST_SUBJECT = 100


def problem(context: TurnContext, subject: str, text: str) -> Translatable | None:
    """Why these words cannot be announced; None where they can.

    A line that is a command would act when it comes back in somebody's answer, one of the request form would ask for a machine.
    """
    if not subject.strip() or not text.strip():
        return say("An announcement needs a subject and a text.")
    if len(one_line(subject)) > _LONGEST_SUBJECT or len(text) > LONGEST or len(text.splitlines()) > MOST_LINES:
        return say(
            "An announcement must be short: a subject of at most {subject} characters, a text of at most {text} in {lines} lines.",
            subject=_LONGEST_SUBJECT,
            text=LONGEST,
            lines=MOST_LINES,
        )
    reading = context.reading(context.clock.now())
    for line in (one_line(subject), *text.splitlines()):
        if is_command(line, reading) or read_label(line):
            return say("The line “{line}” would be a command if it came back in an answer.", line=line.strip()[:80])
    return None


def announce(context: TurnContext, subject: str, text: str, as_admin: str, sites: tuple[str, ...] = ()) -> Announced:
    """Have an announcement handed out to everybody with a machine (at these sites, or at all), in one write.  Raises Refused."""
    address = acting(context, as_admin).who
    name = next((one.name for one in context.all_admins() if one.address == address and one.name), address)
    if wrong := problem(context, subject, text):
        raise Refused(wrong)
    if current(context.store) is not None:
        raise Refused(say("Another announcement is still being sent: try again in a minute."))
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    now = context.clock.now()
    which = f"{now:%Y%m%d}-{sha256(f'{now.isoformat()} {address} {subject} {lines}'.encode()).hexdigest()[:8]}"
    made = Announced(which, one_line(subject.strip()), lines, name, address, sites)
    context.store.put_note(NOTE, json.dumps(asdict(made)))
    journal.announcement_begun(announcement=which, who=address, sites=", ".join(sites))
    return made
