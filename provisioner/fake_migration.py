"""Live migration between fake hosts: the states through which libvirt goes, each of them durable, and refused on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from parsers.translatable import say
from provisioner.api import ProvisionerError, SiteSettings, SiteUnreachable, VmSpec
from provisioner.fake import FakeSite
from provisioner.fake_machine import FakeMachine, FakeStep
from provisioner.migration import Whereabouts


class FakeMigration:
    """See `provisioner.migration.Migration`.  `hosts` are all fake hosts by name; what is sent advances with each look.

    With `refused`, libvirt refuses to begin; with `stuck`, what is sent never arrives; with `at_once`, `send` waits for it;
    with `ending`, QEMU was told to end and has not gone.
    """

    def __init__(self, settings: SiteSettings, hosts: Mapping[str, FakeSite], *, at_once: bool = False) -> None:
        self._settings = settings
        self._hosts = hosts
        self._at_once = at_once
        self._sending: dict[UUID, str] = {}
        self._failures: dict[UUID, str] = {}
        self.refused = ""
        self.stuck = False
        self.ending = False

    @property
    def settings(self) -> SiteSettings:
        return self._settings

    def whereabouts(self, spec: VmSpec) -> Whereabouts:
        machine = self._machine(spec)
        if self.ending:
            return Whereabouts.ENDING
        if machine is None or not machine.running:
            return Whereabouts.OFF
        if spec.machine_id in self._sending:
            self._advance(spec, machine)
            return Whereabouts.MOVING
        return Whereabouts.HALTED if machine.halted else Whereabouts.RUNS

    def expect(self, spec: VmSpec) -> None:
        self._machine(spec)

    def send(self, spec: VmSpec, to: SiteSettings) -> None:
        self._machine(spec)
        self._failures[spec.machine_id] = self.refused
        if self.refused:
            return
        self._sending[spec.machine_id] = to.name
        while self._at_once and spec.machine_id in self._sending:
            self.whereabouts(spec)

    def failure(self, spec: VmSpec) -> str:
        return self._failures.get(spec.machine_id, "")

    def give_up(self, spec: VmSpec) -> None:
        to = self._sending.get(spec.machine_id)
        there = self._hosts[to].machines().get(spec.machine_id) if to else None
        if to is None or (there is not None and there.running and not there.halted):
            return  # too late: it comes to its end
        del self._sending[spec.machine_id]
        self._failures[spec.machine_id] = "It was given up."
        if there is not None and there.halted:
            self._hosts[to].change(FakeStep.UNDEFINE, spec.machine_id, there, **_NOTHING)
        self.resume(spec)

    def resume(self, spec: VmSpec) -> None:
        machine = self._machine(spec)
        if machine is not None and machine.halted:
            self._host.change(FakeStep.RESUME, spec.machine_id, machine, halted=False)

    def let_go(self, spec: VmSpec) -> None:
        machine = self._machine(spec)
        if machine is not None and machine.halted:
            self._host.change(FakeStep.LET_GO, spec.machine_id, machine, **_NOTHING)

    @property
    def _host(self) -> FakeSite:
        return self._hosts[self._settings.name]

    def _machine(self, spec: VmSpec) -> FakeMachine | None:
        if self._host.faults.unreachable:
            raise SiteUnreachable(say("The site {site} does not answer.", site=self._settings.name), begun=False)
        return self._host.machines().get(spec.machine_id)

    def _advance(self, spec: VmSpec, machine: FakeMachine) -> None:
        """The next state: received and halted there, halted here, running there, gone here."""
        there, number = self._hosts[self._sending[spec.machine_id]], spec.machine_id
        if there.faults.unreachable:
            raise ProvisionerError(say("The site {site} does not answer.", site=there.site))
        arrived = there.machines().get(number)
        if self.stuck:
            return
        if arrived is None or not arrived.defined:
            there.change(FakeStep.RECEIVE, number, replace(machine), halted=True)
        elif not machine.halted:
            self._host.change(FakeStep.HALT, number, machine, halted=True)
        elif arrived.halted:
            there.change(FakeStep.GO_ON_THERE, number, arrived, halted=False)
        else:
            del self._sending[number]
            self._host.change(FakeStep.LET_GO, number, machine, **_NOTHING)


_NOTHING = {"defined": False, "running": False, "halted": False}
