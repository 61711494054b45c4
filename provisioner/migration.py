"""A machine that runs moves to another host of the same pool and goes on running: what is asked of both hosts, and what follows.

Nothing is remembered: where it runs is asked of both hosts each time, so whoever was killed in the middle, or another
daemon, goes on from there.  What must never be is two hosts that run it on its one disk.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from provisioner.api import SiteSettings, VmSpec


class Whereabouts(StrEnum):
    """What one host says of a machine that may be moving."""

    OFF = "off"
    """It is switched off here, or not here at all."""
    RUNS = "runs"
    MOVING = "moving"
    """It runs here, and is being sent to another host."""
    HALTED = "halted"
    """A migration stopped it: before its last memory was sent, or while all of it is received."""
    ENDING = "ending"
    """It is being taken down here at this moment, and may never have run here: a next look tells what is left."""


class Next(StrEnum):
    """What follows from what both hosts say."""

    SEND = "send"
    WAIT = "wait"
    """It is under way, and can be given up."""
    UNSETTLED = "unsettled"
    """A host is taking its own down: where the machine runs is known once that has gone."""
    RESUME = "resume"
    """The other host has nothing of it: let it go on here."""
    CLEAR = "clear"
    """What was received at the other host is of no use any more, and never ran."""
    LET_GO = "let go"
    """It runs at the other host: what is halted here must never go on."""
    ARRIVED = "arrived"
    STOPPED = "stopped"
    """It runs nowhere: somebody has switched it off meanwhile."""
    TWICE = "twice"
    """Both run it, as libvirt allows nobody to have it: only a person can tell which of them is right."""


_FIRST_OF_ALL = {Whereabouts.MOVING: Next.WAIT, Whereabouts.ENDING: Next.UNSETTLED}
"""What follows where one of both hosts says so, whatever the other one says."""


def next_step(here: Whereabouts, there: Whereabouts) -> Next:
    """What to do, by what the host says that it leaves (`here`) and the one that it goes to.

    A migration that is under way is waited for.  One whose client has gone leaves the machine running here, or halted on
    both sides until libvirt gives up the other one's, or running there and halted here.  While one is taken down nothing
    is begun, destroyed or believed.
    """
    for either, then in _FIRST_OF_ALL.items():
        if either in (here, there):
            return then
    match here, there:
        case Whereabouts.RUNS, Whereabouts.RUNS:
            return Next.TWICE
        case Whereabouts.HALTED, Whereabouts.RUNS:
            return Next.LET_GO
        case _, Whereabouts.RUNS:
            return Next.ARRIVED
        case _, Whereabouts.HALTED:
            return Next.CLEAR
        case Whereabouts.RUNS, _:
            return Next.SEND
        case Whereabouts.HALTED, _:
            return Next.RESUME
        case _:
            return Next.STOPPED


class Migration(Protocol):
    """One host's part in live migrations, on a connection of its own; all raise `ProvisionerError`."""

    @property
    def settings(self) -> SiteSettings:
        """The host, with where and how it receives machines (`migration_uri`, `migration_tls`)."""

    def whereabouts(self, spec: VmSpec) -> Whereabouts:
        """What there is of the machine at this host now."""

    def expect(self, spec: VmSpec) -> None:
        """See to it that the machine can be received: its filter is there, and memory for it.  Raises `OutOfRoom`."""

    def send(self, spec: VmSpec, to: SiteSettings) -> None:
        """Begin to send the running machine to that host; returns at once, `whereabouts` tells how far it is.

        It no longer starts with this host from then on.
        """

    def failure(self, spec: VmSpec) -> str:
        """Why the last attempt of this process to send it has failed, in words for an admin; "" where it has not."""

    def give_up(self, spec: VmSpec) -> None:
        """End a migration that is under way: the machine goes on here (virDomainAbortJob)."""

    def resume(self, spec: VmSpec) -> None:
        """Let a halted machine go on here, and start with its host again (virDomainResume)."""

    def let_go(self, spec: VmSpec) -> None:
        """Take the power of a halted machine (virDomainDestroy); never of one that runs."""
