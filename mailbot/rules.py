"""The site's rules as plain values, with their defaults: what may be asked, how long things last, how people are answered.

These are sections of the configuration (see `config`), kept apart from it so that the pure modules
and `mailbot explain` need neither a file nor a settings library.  `__pydantic_config__` makes the
configuration refuse unknown keys in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, MinLen

from parsers.translatable import say

ENGLISH = "en"
"""The language that everything can be said in."""

_STRICT: dict[str, Any] = {"extra": "forbid"}

Days = Annotated[int, Ge(0), Le(3660)]
PositiveDays = Annotated[int, Gt(0), Le(3660)]


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """How the service calls itself and reads mail."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: Annotated[str, MinLen(1)] = "Testbed"
    """Name of the service, as users know it."""
    timezone: str = "Europe/Paris"
    """IANA time zone in which an end date ends and letters give times."""
    languages: tuple[str, ...] = ("en", "fr")
    """Languages in which dates, labels and commands are read: commands always in English and French, also in German (de), Spanish (es) and Italian (it). Letters are in English, French and, where commands in it are read, German."""
    language: str = ENGLISH
    """Language of letters to people who have not written in one that letters can be in, and for whom the directory names none; commands in it must be read (`languages`)."""
    date_order: Literal["DMY", "MDY"] = "DMY"
    """Order of short dates such as 31/01/2027; a date that could be read both ways is asked back; with dots, 07.08.2027, the day stands first where this says so."""
    request_subject: Annotated[str, MinLen(1)] = "Persistent Virtual Machine Creation"
    """Subject of the template that users paste."""
    banners: tuple[str, ...] = ()
    """What the site's own mail gateway writes above mails, word for word; the usual ones are known without it."""
    contact: str = say("the support team")
    """Whom to ask when the bot cannot help, as written in letters."""
    login_hint: str = say("from inside the testbed")
    """From where a machine can be reached, as written in the ready letter."""
    terms: tuple[str, ...] = (
        say("The disk is not backed up: keep a copy of what you need elsewhere."),
        say(
            "You manage the machine yourself. Contact the team only when it cannot be used (lost access, unusually poor performance)."
        ),
        say("The machine may be moved to another site; do not rely on its location."),
    )
    """Terms of use, one sentence each, repeated in the ready letter."""


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """What may be asked."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    max_years: Annotated[int, Ge(1), Le(20)] = 2
    """The latest end date, in years from the day of the request (also for an extension)."""
    disk_gib: Annotated[int, Ge(1), Le(10000)] = 8
    """Disk of a machine for which no more was asked, GiB."""
    max_disk_gib: Annotated[int, Ge(1), Le(10000)] = 100
    """The largest disk that can be asked for, GiB."""
    vcpus: Annotated[int, Ge(1), Le(256)] = 1
    """Virtual processors of a machine."""
    memory_mib: Annotated[int, Ge(128), Le(1048576)] = 2048
    """Memory of a machine, MiB."""
    auto_extend_days: Days = 0
    """Extensions that end at most so many days after the current end date, and are asked after the first warning, need no admin;
    0: every extension does."""


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """How long things last, and when people are written to."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    confirm_days: PositiveDays = 7
    """An unconfirmed request lapses quietly after so many days."""
    remind_days: tuple[PositiveDays, ...] = (2, 5)
    """Admins are reminded of an open question so many days after it was asked."""
    lapse_days: PositiveDays = 14
    """A question without an answer lapses after so many days."""
    failed_days: PositiveDays = 30
    """A machine that could not be built, and that nobody builds again, is given up after so many days."""
    warn_days: tuple[Days, ...] = (60, 30, 7, 1)
    """Warnings before the end date, in days; in proportion for leases shorter than the first."""
    notice_days: PositiveDays = 7
    """A machine is stopped only when the first warning was accepted at least so many days before."""
    max_delay_days: PositiveDays = 60
    """When a machine's end was put off by more days than this, because notice to its owner could not be proven, admins are asked."""
    grace_days: PositiveDays = 14
    """Days between the stop and the removal."""
    keep_disk_days: Days = 30
    """Days that the disk of a removed machine is kept."""
    quiet_weekends: bool = False
    """Whether nothing is stopped, removed or deleted on Saturdays and Sundays."""
    brake_machines: Annotated[int, Ge(0), Le(100000)] = 5
    """When one tick would stop or remove more machines than this, nothing destructive happens until an admin says so."""
    brake_percent: Annotated[int, Ge(0), Le(100)] = 20
    """The same for a share of all machines; the larger of the two limits counts."""
    stop_minutes: Annotated[int, Ge(1), Le(120)] = 5
    """How long a guest may take to shut down before its power is taken away."""
    build_hours: Annotated[int, Ge(1), Le(48)] = 2
    """How long a build may take before it counts as failed."""
    digest_day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "never"] = (
        "monday"
    )
    """On which day admins get the letter about the week; it comes also when there is nothing to say."""
    digest_hour: Annotated[int, Ge(0), Le(23)] = 8
    """From which hour of that day on, in the site's time zone."""

    def confirm_by(self, asked_at: datetime) -> datetime:
        """Until when a confirmation counts that was asked for at that moment."""
        return asked_at + timedelta(days=self.confirm_days)

    def is_too_long(self, delayed_days: int) -> bool:
        """Whether an end was put off by so many days that admins are asked."""
        return delayed_days > self.max_delay_days


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """Limits on automatic answers, so that two machines never write to each other all night."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    per_address_and_day: Annotated[int, Ge(1), Le(1000)] = 10
    """Automatic answers to one address in 24 hours; further mails are handled, but not answered."""
    unknown_sender_per_day: Annotated[int, Ge(0), Le(10)] = 1
    """Neutral answers to one unknown address in 24 hours."""
    unproven_per_day: Annotated[int, Ge(1), Le(100)] = 5
    """Letters to one address in 24 hours that anybody can cause by writing in its name: questions whether a request is
    its own, and answers to mails that are not proven to be its own."""
    unproven_reserve: Annotated[int, Ge(0), Le(100)] = 2
    """Further such questions for requests that did not fail the border's DMARC check: a flood of mails that did leaves room for
    the owner's own request."""
    troubles_per_day: Annotated[int, Ge(1), Le(1000)] = 20
    """Letters to the admins in a day about mails that could not be handled; further ones go to the quarantine folder
    without a letter."""
    first_look_days: Annotated[int, Ge(0), Le(36500)] = 14
    """When the bot first looks at a mailbox, mails older than so many days are left to people, whatever they ask."""
    mail_max_mib: Annotated[int, Ge(1), Le(200)] = 25
    """Larger mails are not fetched: they go to quarantine."""


@dataclass(frozen=True, slots=True)
class LetterRules:
    """The brake on letters, whatever makes them: forged mail, a loop, or a fault.

    Over a limit, letters that need no decision are dropped with a line in the ticket's history, and questions to the admins are
    held; the admins get one letter that says so, and an answer to it lets the questions go. Warnings and whatever else proves
    that somebody was told are never held and never counted: their own dates limit them. A letter to all admins counts once.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    per_person_and_day: Annotated[int, Ge(1), Le(1000)] = 30
    """Letters to one address in 24 hours, besides those to admins."""
    per_cause_and_day: Annotated[int, Ge(1), Le(1000)] = 12
    """Letters to one reader in 24 hours that the mails of one sender cause, or one ticket. What an admin decides is no cause."""
    to_admins_per_hour: Annotated[int, Ge(1), Le(10000)] = 30
    """Letters to the admins in an hour."""
    total_per_hour: Annotated[int, Ge(1), Le(1000000)] = 500
    """Letters in an hour, in all."""
    total_per_day: Annotated[int, Ge(1), Le(1000000)] = 3000
    """Letters in 24 hours, in all."""


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """How long the bot remembers; every night what is older leaves the database. 0: for ever."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    mail_days: Annotated[int, Ge(0), Le(36500)] = 400
    """The words of mails that changed a ticket. Other mails are never kept: they lie in the mailbox's folders."""
    ledger_days: Annotated[int, Ge(0), Le(36500)] = 400
    """What became of each mail, strangers' too: sender, subject, verdict. A mail that comes a second time later acts again."""
    letter_days: Annotated[int, Ge(0), Le(36500)] = 400
    """Letters about no ticket: answers to strangers, the digest. Letters about a ticket stay as long as it does."""
    finished_days: Annotated[int, Ge(0), Le(36500)] = 1100
    """Tickets that are over, with their history and letters."""


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


@dataclass(frozen=True, slots=True)
class TrustRules:
    """How it is proven who wrote a mail, and what must be proven for which action at risk.

    The last settings are the risk table: lists of `token` (a reply to a letter that was sent to that address), `registered` (the
    sender's address is the one that is known), `aligned` (the address's domain stands behind the mail: DMARC or DKIM), `signed`
    (OpenPGP) and `confirmed` (asked back at the registered address; for `open` and `release`). `aligned` is asked for only where
    `authserv_id` or `check_dkim` is set; `mailbot doctor` says what is lost without either. A mail that failed your border's DMARC
    check has to be confirmed as well.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    authserv_id: str = ""
    """The name under which your own mail server writes `Authentication-Results`. Set it only where that server removes such
    headers that come from outside; `mailbot doctor` mails one to itself to see."""
    relays: tuple[str, ...] = ()
    """Names of your own servers, as they write themselves into `Received: … by …`. Results are read above the first
    `Received` of anybody else; without any, above the first of all."""
    check_dkim: bool = False
    """Check DKIM signatures here as well, with alignment and the domain's DMARC record. Needs DNS."""
    dns_servers: tuple[str, ...] = ()
    """Addresses of the name servers to ask; empty: those of this machine."""
    dns_port: Annotated[int, Ge(1), Le(65535)] = 53
    """Their port."""
    dns_seconds: Annotated[int, Ge(1), Le(60)] = 5
    """How long to wait for one answer."""
    signature_days: Annotated[int, Ge(1), Le(365)] = 7
    """The age beyond which a DKIM or OpenPGP signature proves nothing."""
    signed_headers: tuple[str, ...] = (
        *("from", "to", "subject", "date", "message-id", "in-reply-to", "references"),
        *("content-type", "content-transfer-encoding"),
    )
    """Headers that a DKIM signature must cover wherever a mail has them: what says who writes, in answer to what, and how the
    words are read. Some large providers do not sign the last two."""
    arc_sealers: tuple[str, ...] = ()
    """Domains of mailing lists and forwarders whose ARC seal is believed: where one of them found a mail aligned before it passed
    it on, that counts as aligned, also where the sender's own signature broke on the way. Each of them can speak for every sender."""
    openpgp_home: Path | None = field(default=None, metadata={"example": "/var/lib/mailbot/gnupg"})
    """A GnuPG home of the bot's own with the public keys of those who sign; needs the extra `openpgp` and gpg."""
    openpgp_signers: tuple[str, ...] = ()
    """Whose signature counts: `"alice@example.org 0123456789ABCDEF0123456789ABCDEF01234567"`, address and whole fingerprint."""
    open: tuple[Proof, ...] = (Proof.REGISTERED, Proof.ALIGNED)
    """To send a request. What is lacking is made good by a confirmation from the registered address."""
    approve: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED, Proof.ALIGNED)
    """To approve a request or an extension."""
    approve_large: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED, Proof.ALIGNED)
    """To approve more disk than the usual, or to release the brake."""
    deny: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To deny a request or an extension."""
    extend: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To ask for a later end date."""
    release: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED, Proof.CONFIRMED)
    """To give a machine back; that is always confirmed once more, whether the list says so or not."""
    restore: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To bring a machine back whose disk is still kept."""
    withdraw: tuple[Proof, ...] = (Proof.TOKEN, Proof.REGISTERED)
    """To take back a request, an extension or a release."""
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


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a site."""

    service: ServiceRules = ServiceRules()
    policy: PolicyRules = PolicyRules()
    lease: LeaseRules = LeaseRules()
    answers: AnswerRules = AnswerRules()
    trust: TrustRules = TrustRules()
    letters: LetterRules = LetterRules()
    retention: RetentionRules = RetentionRules()
