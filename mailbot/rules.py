"""The site's rules as plain values, with their defaults: what may be asked, how long things last, how people are answered.

These are sections of the configuration (see `config`), kept apart from it so that the pure modules
and `mailbot explain` need no file.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from mailbot.limits import Ge, Gt, Le, MinLen
from parsers.frozen import frozen
from parsers.translatable import say

ENGLISH = "en"
"""The language that everything can be said in."""

Days = Annotated[int, Ge(0), Le(3660)]
PositiveDays = Annotated[int, Gt(0), Le(3660)]


@frozen
class ServiceRules:
    """The service's name and languages."""

    name: Annotated[str, MinLen(1)] = "Testbed"
    """Name of the service, as users know it."""
    timezone: str = "Europe/Paris"
    """IANA time zone of end dates and of the times in letters."""
    languages: tuple[str, ...] = ("en", "fr")
    """Languages of dates, labels and commands in messages. English and French commands are always read; German (de), Spanish (es) and Italian (it) can be added. Letters are in English, French and, if its commands are read, German."""
    language: str = ENGLISH
    """Language of letters to people whose own language is not known from their words or the directory; its commands must be read (`languages`)."""
    date_order: Literal["DMY", "MDY"] = "DMY"
    """Order of short dates such as 31/01/2027. If a date could be read both ways, mailbot asks; with dots, as in 07.08.2027, DMY decides."""
    request_subject: Annotated[str, MinLen(1)] = "Persistent Virtual Machine Creation"
    """Subject of the template that users paste."""
    banners: tuple[str, ...] = ()
    """Text that your own mail gateway adds above messages, word for word; the usual ones are known already."""
    contact: str = say("the support team")
    """Whom to ask if mailbot cannot help, as written in letters."""
    login_hint: str = say("from inside the testbed")
    """Where a machine can be reached from, as written in the letter that hands it over."""
    terms: tuple[str, ...] = (
        say("The disk is not backed up: keep a copy of what you need elsewhere."),
        say(
            "You manage the machine yourself. Contact the team only when it cannot be used (lost access, unusually poor performance)."
        ),
        say("The machine may be moved to another site; do not rely on its location."),
    )
    """Terms of use, one sentence each, repeated in the letter that hands a machine over."""


@frozen
class PolicyRules:
    """What people may request."""

    max_years: Annotated[int, Ge(1), Le(20)] = 2
    """The latest end date, in years from the day of the request (also for an extension)."""
    disk_gib: Annotated[int, Ge(1), Le(10000)] = 8
    """The usual disk size, GiB."""
    max_disk_gib: Annotated[int, Ge(1), Le(10000)] = 100
    """The largest disk that can be requested, GiB."""
    vcpus: Annotated[int, Ge(1), Le(256)] = 1
    """Virtual processors of a machine."""
    memory_mib: Annotated[int, Ge(128), Le(1048576)] = 2048
    """RAM of a machine, MiB."""
    auto_extend_days: Days = 0
    """An extension by at most this many days, requested after the first warning, needs no admin; 0: every extension
    does."""


@frozen
class LeaseRules:
    """How long things last, and when people are told."""

    confirm_days: PositiveDays = 7
    """An unconfirmed request lapses silently after this many days."""
    remind_days: tuple[PositiveDays, ...] = (2, 5)
    """Admins are reminded of an open question after this many days."""
    lapse_days: PositiveDays = 14
    """A question without an answer lapses after this many days."""
    failed_days: PositiveDays = 30
    """A failed build that nobody retries is given up after this many days."""
    warn_days: tuple[Days, ...] = (60, 30, 7, 1)
    """Warnings before the end date, in days; spread in proportion if the lease is shorter than the first."""
    notice_days: PositiveDays = 7
    """A machine is stopped only if the first warning was accepted at least this many days before."""
    max_delay_days: PositiveDays = 60
    """If a machine's end is postponed by more days than this because notice cannot be proven, the admins are asked."""
    grace_days: PositiveDays = 14
    """Days between the stop and the removal."""
    keep_disk_days: Days = 30
    """Days that the disk of a removed machine is kept."""
    quiet_weekends: bool = False
    """Whether nothing is stopped, removed or deleted on Saturdays and Sundays."""
    brake_machines: Annotated[int, Ge(0), Le(100000)] = 5
    """If one tick would stop or remove more machines than this, nothing is stopped or removed until an admin allows it."""
    brake_percent: Annotated[int, Ge(0), Le(100)] = 20
    """The same as a share of all machines; the larger limit counts."""
    stop_minutes: Annotated[int, Ge(1), Le(120)] = 5
    """How long a guest may take to shut down before it is switched off."""
    build_hours: Annotated[int, Ge(1), Le(48)] = 2
    """How long a build may take before it counts as failed."""
    digest_day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "never"] = (
        "monday"
    )
    """The day on which admins get the weekly summary, even if there is nothing to report."""
    digest_hour: Annotated[int, Ge(0), Le(23)] = 8
    """The hour of that day from which it is sent, in the site's time zone."""

    def confirm_by(self, asked_at: datetime) -> datetime:
        """Until when a confirmation counts that was asked for at that moment."""
        return asked_at + timedelta(days=self.confirm_days)

    def is_too_long(self, delayed_days: int) -> bool:
        """Whether an end was put off by so many days that admins are asked."""
        return delayed_days > self.max_delay_days


@frozen
class AnswerRules:
    """Limits on automatic answers, so that two programs do not keep answering each other."""

    per_address_and_day: Annotated[int, Ge(1), Le(1000)] = 10
    """Automatic answers to one address in 24 hours; further messages are handled but not answered."""
    unknown_sender_per_day: Annotated[int, Ge(0), Le(10)] = 1
    """Neutral answers to one unknown address in 24 hours."""
    unproven_per_day: Annotated[int, Ge(1), Le(100)] = 5
    """Letters to one address in 24 hours that anyone can cause by writing in its name: questions whether a request is
    genuine, and answers to messages that are not proven to come from it."""
    unproven_reserve: Annotated[int, Ge(0), Le(100)] = 2
    """More such questions for requests that did not fail your mail server's DMARC check, so that a flood of forged
    messages leaves room for the owner's own request."""
    troubles_per_day: Annotated[int, Ge(1), Le(1000)] = 20
    """Letters to the admins per day about messages that could not be handled; further ones go to the quarantine
    folder without a letter."""
    first_look_days: Annotated[int, Ge(0), Le(36500)] = 14
    """When mailbot looks at a mailbox for the first time, it leaves messages that are older than this many days to people."""
    mail_max_mib: Annotated[int, Ge(1), Le(200)] = 25
    """Larger messages are not fetched; they go to quarantine."""


@frozen
class LetterRules:
    """Limits on letters, whatever causes them: forged mail, a loop, or a bug.

    Above a limit, letters that need no decision are dropped with a line in the ticket's history, and questions to the
    admins are held back. The admins get one letter about it, and their reply releases the questions. Warnings and
    other letters that prove notice are never held back and never counted: their dates limit them. A letter to all
    admins counts once.
    """

    per_person_and_day: Annotated[int, Ge(1), Le(1000)] = 30
    """Letters to one address in 24 hours, except letters to admins."""
    per_cause_and_day: Annotated[int, Ge(1), Le(1000)] = 12
    """Letters to one reader in 24 hours caused by one sender or one ticket. Letters caused by an admin's decision do not count."""
    to_admins_per_hour: Annotated[int, Ge(1), Le(10000)] = 30
    """Letters to the admins in an hour."""
    total_per_hour: Annotated[int, Ge(1), Le(1000000)] = 500
    """All letters in an hour."""
    total_per_day: Annotated[int, Ge(1), Le(1000000)] = 3000
    """All letters in 24 hours."""


@frozen
class RetentionRules:
    """How long data is kept; older data is deleted from the database every night. 0: forever."""

    mail_days: Annotated[int, Ge(0), Le(36500)] = 400
    """The text of messages that changed a ticket. Other messages are only in the mailbox's folders."""
    ledger_days: Annotated[int, Ge(0), Le(36500)] = 400
    """What became of each message, including those of strangers: sender, subject, verdict. After that, the same message would act again."""
    letter_days: Annotated[int, Ge(0), Le(36500)] = 400
    """Letters about no ticket: answers to strangers, the weekly summary. Letters about a ticket are kept as long as the ticket."""
    finished_days: Annotated[int, Ge(0), Le(36500)] = 1100
    """Closed tickets, with their history and letters."""


class Proof(StrEnum):
    """One kind of evidence that a mail can carry."""

    REGISTERED = "registered"
    """The sender's address is the one that the directory, or the list of admins, has."""
    TOKEN = "token"  # noqa: S105 - the name of a kind of evidence
    """The mail carries a token (or the visible code) that was made for that address."""
    ALIGNED = "aligned"
    """Our own border, or our own check, found that the domain of the address stands behind the mail (DMARC or DKIM)."""
    SIGNED = "signed"
    """The mail has a good OpenPGP signature by the key that the configuration names for the address."""
    CONFIRMED = "confirmed"
    """The registered address has confirmed by a reply that this is wanted."""


@frozen
class TrustRules:
    """How the sender of a message is proven, and what must be proven for which action.

    The last settings are the risk table: lists of `token` (a reply to a letter that was sent to that address),
    `registered` (the sender's address is the registered one), `aligned` (the address's domain vouches for the
    message: DMARC or DKIM), `signed` (OpenPGP) and `confirmed` (by a reply from the registered address; for `open`
    and `release`). `aligned` is required only if `authserv_id` or `check_dkim` is set; `mailbot doctor` says what you
    risk without either. A message that failed your mail server's DMARC check must also be confirmed.
    """

    authserv_id: str = ""
    """The name that your own mail server uses in `Authentication-Results`. Set it only if that server removes such
    headers from incoming mail; `mailbot doctor` sends itself one to check."""
    relays: tuple[str, ...] = ()
    """Names of your own servers, as in `Received: … by …`. Results are read above the first `Received` of another
    server; without any names, above the very first one."""
    check_dkim: bool = False
    """Also check DKIM signatures in mailbot, with alignment and the domain's DMARC record. Needs DNS."""
    dns_servers: tuple[str, ...] = ()
    """Addresses of the name servers to ask; by default those of this machine."""
    dns_port: Annotated[int, Ge(1), Le(65535)] = 53
    """Their port."""
    dns_seconds: Annotated[int, Ge(1), Le(60)] = 5
    """How long to wait for one answer."""
    signature_days: Annotated[int, Ge(1), Le(365)] = 7
    """DKIM and OpenPGP signatures that are older than this prove nothing."""
    signed_headers: tuple[str, ...] = (
        *("from", "to", "subject", "date", "message-id", "in-reply-to", "references"),
        *("content-type", "content-transfer-encoding"),
    )
    """Headers that a DKIM signature must cover if a message has them: who writes, in reply to what, and how the text
    is encoded. Some large providers do not sign the last two."""
    arc_sealers: tuple[str, ...] = ()
    """Domains of mailing lists and forwarders whose ARC seal is trusted: if one of them found a message aligned
    before passing it on, it counts as aligned even if the sender's own signature broke on the way. Each of them can
    speak for every sender."""
    openpgp_home: Path | None = field(default=None, metadata={"example": "/var/lib/mailbot/gnupg"})
    """mailbot's own GnuPG home with the signers' public keys; needs the extra `openpgp` and gpg."""
    openpgp_signers: tuple[str, ...] = ()
    """Whose signature counts: `"alice@example.org 0123456789ABCDEF0123456789ABCDEF01234567"`, address and whole fingerprint."""
    open: tuple[Proof, ...] = (Proof.REGISTERED, Proof.ALIGNED)
    """To send a request. A confirmation from the registered address replaces what is missing."""
    approve: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED, Proof.ALIGNED)
    """To approve a request or an extension."""
    approve_large: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED, Proof.ALIGNED)
    """To approve more disk than the usual, or to release the brake."""
    deny: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To deny a request or an extension."""
    extend: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To ask for a later end date."""
    release: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED, Proof.CONFIRMED)
    """To give a machine back; this must always be confirmed, even if the list does not say so."""
    restore: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To bring back a machine whose disk is kept."""
    withdraw: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To withdraw a request, an extension or a release."""
    confirm: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To confirm a request or a release."""

    @property
    def sees_alignment(self) -> bool:
        """Whether anything here can tell that a mail is aligned."""
        return bool(self.authserv_id) or self.check_dkim

    @property
    def looks_itself(self) -> bool:
        """Whether the bot looks at what a mail carries, beside what the border has written."""
        return self.check_dkim or bool(self.arc_sealers) or self.openpgp_home is not None


@frozen
class Rules:
    """All rules of a site."""

    service: ServiceRules = ServiceRules()
    policy: PolicyRules = PolicyRules()
    lease: LeaseRules = LeaseRules()
    answers: AnswerRules = AnswerRules()
    trust: TrustRules = TrustRules()
    letters: LetterRules = LetterRules()
    retention: RetentionRules = RetentionRules()
