"""What can happen to a ticket: one frozen value a happening, over which `lifecycle.decide` is total.  Frozen values and closed sets, no behaviour."""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime
from typing import ClassVar, TypeAlias

from mailbot.model.effects import Action
from mailbot.model.kinds import EventKind
from mailbot.model.tickets import CLOCK, MACHINE, Actor, OwnerState
from parsers.frozen import frozen
from parsers.translatable import NOTHING, Translatable


@frozen
class Requested:
    """A request without problems opened the ticket; happens to no ticket, and so is no `Event`."""

    kind: ClassVar[EventKind] = EventKind.REQUESTED
    by: Actor


@frozen
class Confirmed:
    kind: ClassVar[EventKind] = EventKind.CONFIRMED
    by: Actor


@frozen
class Approved:
    """An admin says yes: to the request while PENDING, to the extension while one is asked."""

    kind: ClassVar[EventKind] = EventKind.APPROVED
    by: Actor
    until: date | None = None
    disk_gib: int | None = None


@frozen
class Denied:
    kind: ClassVar[EventKind] = EventKind.DENIED
    by: Actor
    reason: str


@frozen
class Withdrawn:
    kind: ClassVar[EventKind] = EventKind.WITHDRAWN
    by: Actor


@frozen
class Replaced:
    """The owner sent the request once more while it waits: what it says now is asked for; `thread` and `subject` are the new mail's."""

    kind: ClassVar[EventKind] = EventKind.REPLACED
    by: Actor
    usage: str
    end_date: date
    disk_gib: int
    disk_reason: str = ""
    thread: str = ""
    subject: str = ""


@frozen
class TimePassed:
    """The clock has reached `due_at`: whatever is due by now.

    `blind` is why the bot cannot see at the moment; then nothing irreversible happens and nothing lapses.
    """

    kind: ClassVar[EventKind] = EventKind.TIME_PASSED
    blind: str = ""
    by: Actor = CLOCK


@frozen
class Placed:
    """A site was chosen; stored before anything is built there, so that nothing is built unseen."""

    kind: ClassVar[EventKind] = EventKind.PLACED
    site: str
    instead_of: str | None = None
    """Where the machine was placed when this was chosen; None for nowhere."""
    by: Actor = MACHINE


@frozen
class Login:
    """What an owner needs to log in: names, addresses (`further` are those of IPv6), host keys as the machine itself showed them."""

    fqdn: str
    address: str
    host_keys: tuple[str, ...]
    host_key_fingerprints: tuple[str, ...]
    further: tuple[str, ...] = ()


@frozen
class Built:
    """The machine is ready for its owner."""

    kind: ClassVar[EventKind] = EventKind.BUILT
    login: Login
    fresh: bool = False
    """The machine was in use before, and this is another disk than it had."""
    by: Actor = MACHINE


@frozen
class BuildFailed:
    """Building gave up after `attempts` tries at `sites`; `why` is the last error, `left_behind` that something is still there."""

    kind: ClassVar[EventKind] = EventKind.BUILD_FAILED
    why: str
    attempts: int = 1
    sites: tuple[str, ...] = ()
    left_behind: bool = False
    by: Actor = MACHINE


@frozen
class Retried:
    kind: ClassVar[EventKind] = EventKind.RETRIED
    by: Actor


@frozen
class ExtensionAsked:
    """The owner asks for a later end; `automatic` where it may happen without an admin, within the limits of policy.

    `reason` is why, in the owner's words ("" where they say nothing); admins who are asked read it.
    """

    kind: ClassVar[EventKind] = EventKind.EXTENSION_ASKED
    by: Actor
    until: date
    automatic: bool = False
    reason: str = ""


@frozen
class ReleaseAsked:
    kind: ClassVar[EventKind] = EventKind.RELEASE_ASKED
    by: Actor


@frozen
class Released:
    """The owner confirmed that the machine may go."""

    kind: ClassVar[EventKind] = EventKind.RELEASED
    by: Actor


@frozen
class ReinstallAsked:
    """The owner wants a fresh disk; nothing happens until that is confirmed."""

    kind: ClassVar[EventKind] = EventKind.REINSTALL_ASKED
    by: Actor


@frozen
class ReinstallWanted:
    """The owner confirmed that the disk may go."""

    kind: ClassVar[EventKind] = EventKind.REINSTALL_WANTED
    by: Actor


@frozen
class Reinstalled:
    """The machine is ready again, with a fresh disk."""

    kind: ClassVar[EventKind] = EventKind.REINSTALLED
    login: Login
    by: Actor = MACHINE


@frozen
class Kept:
    """The owner takes a release, or the wish for a fresh disk, back."""

    kind: ClassVar[EventKind] = EventKind.KEPT
    by: Actor


@frozen
class Restored:
    """The owner or an admin wants an ARCHIVED machine back, from its kept disk.

    Beyond the last day that people agreed on, an owner's wish is a question; `reason` is why, as in `ExtensionAsked`.
    """

    kind: ClassVar[EventKind] = EventKind.RESTORED
    by: Actor
    until: date | None = None
    reason: str = ""


@frozen
class Retired:
    """Domain, seed, reservation and name are gone; the disk is kept, or `disk_gone` where the site has none."""

    kind: ClassVar[EventKind] = EventKind.RETIRED
    by: Actor = MACHINE
    disk_gone: bool = False


@frozen
class DiskDeleted:
    kind: ClassVar[EventKind] = EventKind.DISK_DELETED
    by: Actor = MACHINE


@frozen
class EffectFailed:
    """A machine effect other than building gave up; admins are told and it is tried again later."""

    kind: ClassVar[EventKind] = EventKind.EFFECT_FAILED
    effect: str
    why: str
    by: Actor = MACHINE


@frozen
class Returned:
    """A letter to the owner came back: `permanent` as the bounce says; `other` is another address of theirs, if any.

    `doubt` is why the report cannot be about our letter; then it is only written down.
    """

    kind: ClassVar[EventKind] = EventKind.RETURNED
    address: str
    permanent: bool | None
    diagnostic: str = ""
    letter: str = ""
    other: str = ""
    by: Actor = MACHINE
    doubt: str = ""


@frozen
class Held:
    kind: ClassVar[EventKind] = EventKind.HELD
    why: str
    by: Actor


@frozen
class Ended:
    """An admin takes a machine away now, whatever its end date; its owner reads the reason.  `disk_gone` where its site has no disk of it any more."""

    kind: ClassVar[EventKind] = EventKind.ENDED
    by: Actor
    reason: str
    disk_gone: bool = False


@frozen
class EndDateSet:
    """An admin gives a machine another last day, unasked: a later one starts a stopped machine again; of an earlier one its owner reads the reason."""

    kind: ClassVar[EventKind] = EventKind.END_DATE_SET
    by: Actor
    until: date
    reason: str = ""


@frozen
class PowerSet:
    """An admin switches a machine off or on within its lease; its owner reads the reason for the former."""

    kind: ClassVar[EventKind] = EventKind.POWER_SET
    by: Actor
    on: bool
    reason: str = ""


@frozen
class OwnerSet:
    """An admin gives a machine to another person of the directory, who is described as in `OwnerSeen`; both read the reason.

    `nonce` is the ticket's new one: no letter that was written before proves anything any more.
    """

    kind: ClassVar[EventKind] = EventKind.OWNER_SET
    by: Actor
    person_id: str
    login: str
    name: str
    address: str
    state: OwnerState
    language: str
    reason: str
    nonce: str = field(repr=False)


@frozen
class Proceeded:
    """An admin lets the next step happen although notice of it cannot be proven, after it was put off for too long."""

    kind: ClassVar[EventKind] = EventKind.PROCEEDED
    by: Actor


@frozen
class MachineAsked:
    """The owner wants something done at the machine that leaves its lease as it was; `what` is one of `OF_OWNERS`."""

    kind: ClassVar[EventKind] = EventKind.MACHINE_ASKED
    by: Actor
    what: Action


@frozen
class RebuildAsked:
    """An admin has a machine that disappeared from its site built again; `fresh` where its disk is gone too."""

    kind: ClassVar[EventKind] = EventKind.REBUILD_ASKED
    by: Actor
    fresh: bool = False


@frozen
class MoveAsked:
    """The machine is to move at that moment, `live` where it can probably run on; `why` where another one was announced before."""

    kind: ClassVar[EventKind] = EventKind.MOVE_ASKED
    by: Actor
    to: str
    at: datetime
    why: Translatable = NOTHING
    live: bool = False


@frozen
class MoveBegun:
    """The announced moment has come."""

    kind: ClassVar[EventKind] = EventKind.MOVE_BEGUN
    to: str
    by: Actor = CLOCK


@frozen
class Relocated:
    """The whole disk is at the other host (`shared`: in one pool), and the machine off: by its owner, before, with `off`; with `live` it runs."""

    kind: ClassVar[EventKind] = EventKind.RELOCATED
    to: str
    off: bool = False
    shared: bool = False
    live: bool = False
    by: Actor = MACHINE


@frozen
class Arrived:
    """The machine answers at its new host, or is `off` there as it was before; `live` where it ran all the time."""

    kind: ClassVar[EventKind] = EventKind.ARRIVED
    login: Login
    off: bool = False
    live: bool = False
    by: Actor = MACHINE


@frozen
class MoveEnded:
    """A move was called off or has failed: `why` for admins, `said` for the owner.

    `begun` where the machine was shut down for it, `back_to` the host where it is then, if it had left that already.
    """

    kind: ClassVar[EventKind] = EventKind.MOVE_ENDED
    why: str
    said: Translatable
    begun: bool = False
    back_to: str = ""
    by: Actor = MACHINE


@frozen
class OwnerSeen:
    """The directory was asked about the owner: how it has them now.

    `person_id` is "" where it shows none, or has nobody.  `address` is where letters go from now on; `login`, `name` and
    `address` are those of before where it has nobody.  `usable_keys` is how many SSH keys could be installed.
    """

    kind: ClassVar[EventKind] = EventKind.OWNER_SEEN
    state: OwnerState
    person_id: str
    login: str
    name: str
    address: str
    usable_keys: int = 0
    by: Actor = CLOCK


@frozen
class Unheld:
    kind: ClassVar[EventKind] = EventKind.UNHELD
    by: Actor


Event: TypeAlias = (
    Confirmed
    | Approved
    | Denied
    | Withdrawn
    | Replaced
    | TimePassed
    | Placed
    | Built
    | BuildFailed
    | Retried
    | ExtensionAsked
    | ReleaseAsked
    | Released
    | ReinstallAsked
    | ReinstallWanted
    | Reinstalled
    | Kept
    | Restored
    | Retired
    | DiskDeleted
    | EffectFailed
    | Returned
    | Held
    | Unheld
    | Ended
    | EndDateSet
    | PowerSet
    | OwnerSet
    | Proceeded
    | MachineAsked
    | RebuildAsked
    | MoveAsked
    | MoveBegun
    | Relocated
    | Arrived
    | MoveEnded
    | OwnerSeen
)
