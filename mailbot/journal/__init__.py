"""The operator's vocabulary: one function per log line.

A line is declared, not written: its name is the function's, its fields are the arguments, its
meaning is the docstring; `docs/log.md` is generated from the same declarations.  A line about a
ticket has it first.  Bodies, secrets and tokens are never arguments.  Our own Message-IDs carry
tokens, so no line names one: an incoming mail is named by the first twelve digits of its SHA-256,
a letter by its outbox row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mailbot.journal.writing import COUNTS, LINES, TOOK, Format, Level, Line, configure, line, places, reference

__all__ = ["COUNTS", "LINES", "TOOK", "Format", "Level", "Line", "configure", "places", "reference"]

_away: set[str] = set()
"""Servers that did not answer when last asked: that they do again is worth a line, once."""
_worked: set[str] = set()
"""Servers that have worked since the start: the first time is worth a line."""

# mail


@line("info")
def mail_received(*, mail: str, folder: str, uid: int, size_bytes: int) -> None:
    """A new mail was fetched; what became of it follows in a line with the same `mail`."""


@line("info")
def mail_left(*, mail: str, why: str) -> None:
    """A message is not for mailbot: it stays in the inbox, untouched and unread."""


@line("info")
def mail_handled(ticket: int | None, *, mail: str, kind: str, sender: str, why: str = "") -> None:
    """A mail was acted upon or answered, and the change is committed."""


@line("info")
def mail_duplicate(*, mail: str, sender: str) -> None:
    """The same message was handled before: it is moved, and nothing else happens."""


@line("warning")
def mail_quarantined(*, mail: str, why: str, sender: str = "") -> None:
    """A mail could not be read or handled: it is kept in the quarantine folder, and admins are told."""


@line("warning")
def mail_retried(*, mail: str, attempt: int, retry_at: datetime, error: BaseException | str) -> None:
    """Handling a message failed; it is tried again at `retry_at`."""


@line("info")
def mail_moved(*, count: int, folder: str) -> None:
    """Mails were moved to a folder, after their changes were committed."""


@line("warning")
def answer_withheld(*, mail: str, to: str, why: str) -> None:
    """A mail was handled, but its answer was not written: a limit on automatic answers was reached."""


# tickets


@line("info")
def ticket_moved(ticket: int, *, happening: str, before: str, after: str, who: str, summary: str) -> None:
    """A ticket changed, and the change is committed; `before` is empty for a new ticket."""


@line("info")
def owner_changed(ticket: int, *, login: str, owner: str) -> None:
    """The directory has changed a machine's owner; `owner` is the new state."""


@line("info")
def ticket_contended(ticket: int | None, *, doing: str) -> None:
    """Someone else changed the ticket first; the turn starts again."""


@line("error")
def ticket_postponed(ticket: int, *, until: datetime, error: BaseException | str) -> None:
    """A ticket's turn raised an error; the ticket is put off, the others continue, and the admins are told."""


# letters


@line("info")
def letter_sent(ticket: int | None, *, row: int, letter: str, to: str, answer: str) -> None:
    """The mail server accepted a letter, with its answer to the final dot."""


@line("error")
def letter_refused(ticket: int | None, *, row: int, letter: str, to: str, answer: str) -> None:
    """The mail server refused a letter for good, or it was tried too often: it is given up."""


@line("warning")
def letter_postponed(
    ticket: int | None, *, row: int, letter: str, to: str, attempt: int, retry_at: datetime, why: str
) -> None:
    """A letter could not be sent now; it is tried again at `retry_at`."""


@line("error")
def letter_unwritable(ticket: int | None, *, row: int, letter: str, error: BaseException | str) -> None:
    """A letter could not be composed: its template or its facts are wrong."""


@line("info")
def letter_repeated(ticket: int | None, *, row: int, to: str, who: str) -> None:
    """An admin sent a letter again on the command line: it has a new row."""


@line("info")
def work_requeued(ticket: int | None, *, row: int, action: str, who: str) -> None:
    """An admin had a row of the outbox tried again at once."""


@line("info")
def ticket_requeued(ticket: int | None, *, who: str) -> None:
    """An admin had a ticket processed again that was put off after an error."""


@line("info")
def mails_requeued(*, waiting: int, brought_back: int, who: str) -> None:
    """An admin had messages read again: so many that were waiting for another try, and so many from the quarantine folder."""


@line("warning")
def letter_bounced(ticket: int | None, *, letter: str, to: str, permanent: bool | None, diagnostic: str = "") -> None:
    """A letter came back; `permanent` is missing if the report does not say."""


# machines


@line("info")
def machine_started(ticket: int | None, *, action: str, machine: str, attempt: int, site: str | None = None) -> None:
    """Work on a machine begins (or continues, if `attempt` is above 1)."""


@line("info")
def machine_progress(
    ticket: int | None, *, action: str, machine: str, waiting_for: str, site: str | None = None
) -> None:
    """Work on a machine is not finished: what it is waiting for."""


@line("info")
def machine_done(
    ticket: int | None, *, action: str, machine: str, site: str | None = None, took: timedelta | None = None
) -> None:
    """Work on a machine is finished."""


@line("info")
def name_settled(ticket: int | None, *, fqdn: str, addresses: list[str]) -> None:
    """A machine's name has these addresses in its zone, or was removed if there are none."""


@line("error")
def machine_failed(ticket: int | None, *, action: str, machine: str, why: str, site: str | None = None) -> None:
    """Work on a machine is given up; admins are told."""


@line("warning")
def machine_postponed(
    ticket: int | None, *, action: str, machine: str, retry_at: datetime, why: str, site: str | None = None
) -> None:
    """Work on a machine could not continue; it is tried again at `retry_at`."""


@line("warning")
def site_unwell(*, site: str, problem: str) -> None:
    """A site gets no new machines until this is fixed."""


# the bot itself


@line("debug")
def tick(*, mails: int, tickets: int, letters: int, machines: int, took: timedelta) -> None:
    """One round is over: how much was done in it."""


@line("error")
def tick_failed(*, doing: str, error: BaseException | str) -> None:
    """A part of a round raised an error; the other parts and the next round continue."""


@line("warning")
def connection_lost(*, server: str, why: str, retry_seconds: float | None = None) -> None:  # noqa: ARG001 - see `line`
    """A server does not answer, or refuses mailbot; what waits for it is tried again."""
    _away.add(server)


@line("info")
def connection_restored(*, server: str) -> None:
    """A server answers again."""
    _away.discard(server)


@line("info")
def connection_made(*, server: str) -> None:
    """A server accepted the login and a request, for the first time since the start."""


def connection_works(*, server: str) -> None:
    """Write `connection_made` the first time, `connection_restored` where that server did not answer before, else nothing."""
    if server in _away:
        connection_restored(server=server)
    elif server not in _worked:
        connection_made(server=server)
    _worked.add(server)


@line("error")
def hosts_process_ended(*, why: str) -> None:
    """The process that speaks with hosts ended unasked: what was being done there is looked at again, by a new one."""


@line("error")
def loop_silent(*, loop: str, seconds: int) -> None:
    """A loop has shown no sign of life for longer than its longest step: the watchdog is not fed until it does."""


@line("info")
def daemon_started(*, version: str, pid: int) -> None:
    """The daemon is ready."""


@line("info")
def daemon_stopping(*, why: str) -> None:
    """The daemon was asked to stop: it finishes the current step."""


@line("info")
def daemon_stopped() -> None:
    """The daemon ends."""


@line("info")
def config_loaded(*, file: str, sites: int, admins: int) -> None:
    """The configuration was read and is valid."""


@line("warning")
def senders_unproven() -> None:
    """Nothing in the configuration detects a forged sender; `trust.check_dkim` or `trust.authserv_id` would (`mailbot doctor`)."""


@line("info")
def config_reloaded(*, file: str, kept: str = "") -> None:
    """The configuration was read again (SIGHUP) and is in force; settings in `kept` change only with a restart."""


@line("error")
def config_refused(*, file: str, why: str) -> None:
    """The new configuration cannot be used: the previous one stays in force."""


@line("info")
def database_upgraded(*, before: str, after: str) -> None:
    """The database's schema was upgraded."""


@line("warning")
def trouble(*, about: str, error: BaseException | str) -> None:
    """Something unexpected that did no harm; worth a look."""


@line("info")
def old_left(*, tickets: int = 0, mails: int = 0, ledger: int = 0, letters: int = 0) -> None:
    """Rows that were older than `[retention]` allows were deleted."""


@line("info")
def person_erased(*, tickets: int, lines: int, letters: int, mails: int, who: str) -> None:
    """An admin erased a person's data; the line does not say whose."""


@line("info")
def announcement_begun(*, announcement: str, who: str, sites: str) -> None:
    """An admin announces something to the owners of machines at these sites, or at all sites if none are named."""


@line("info")
def announcement_done(*, announcement: str) -> None:
    """Every owner has a letter of that announcement in the outbox."""


@line("error")
def works_not(*, what: str, since: datetime, why: str) -> None:
    """Something that mailbot needs has failed for an hour; the admins are told once, if letters can be sent."""


@line("info")
def works_again(*, what: str, since: datetime) -> None:
    """Something that had failed, as the admins were told, works again."""
