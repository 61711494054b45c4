"""A site without a hypervisor: keeps the contract of `api.Provisioner`, and fails on demand.

The state lives in memory or in a JSON file that is replaced atomically after every step, so that a
process that is killed in the middle finds on its return what a real hypervisor would have kept.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from parsers.translatable import say
from provisioner import ssh_keys
from provisioner.api import (
    Found,
    NotOurs,
    OutOfRoom,
    Part,
    ProvisionerError,
    SiteHealth,
    SiteUnreachable,
    VmFacts,
    VmPhase,
    VmSpec,
    no_image,
)
from provisioner.copying import copy_piece
from provisioner.fake_machine import NO_FAULTS, FakeMachine, FakeStep, Faults
from provisioner.spec_check import check_buildable, check_spec

_FIRST_ADDRESS: Final = IPv4Address("192.0.2.10")
_ADDRESSES: Final = 200


class FakeSite:
    """One fake site.  Values of `faults` may be exchanged between calls.

    `calls` counts the operations asked for, `steps` records every change in order: both in memory only.
    """

    def __init__(
        self,
        site: str = "testbed",
        path: Path | None = None,
        faults: Faults = NO_FAULTS,
        *,
        memory_mib: int = 65536,
        disk_gib: int = 500,
        image: str | None = "debian-stable",
    ) -> None:
        self._site = site
        self._path = path
        self._memory_mib = memory_mib
        self._disk_gib = disk_gib
        self._image = image
        self._memory: dict[str, FakeMachine] = {}
        self._failed = 0
        self.faults = faults
        self.calls: list[str] = []
        self.steps: list[tuple[FakeStep, str]] = []

    @property
    def site(self) -> str:
        return self._site

    def ensure(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("ensure", spec)
        check_buildable(spec)
        if machine is None:
            machine = FakeMachine(spec.name, spec.reference, spec.owner, spec.expires_on.isoformat())
        self._refuse_foreign(spec)
        self._build(spec, machine)
        if not machine.running:
            self._step(FakeStep.START, spec, machine, running=True, polls=0)
        return self._look(spec, machine)

    def prepare(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("prepare", spec) or FakeMachine(
            spec.name, spec.reference, spec.owner, spec.expires_on.isoformat()
        )
        check_buildable(spec)
        self._refuse_foreign(spec)
        self._build(spec, machine)
        return self._describe(spec, machine)

    def facts(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("facts", spec)
        return self._look(spec, machine) if machine else VmFacts(VmPhase.ABSENT, self._site)

    def request_stop(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("request_stop", spec)
        if machine and machine.running and not self.faults.deaf:
            self._step(FakeStep.STOP, spec, machine, running=False, polls=0)
        return self._describe(spec, machine)

    def power_off(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("power_off", spec)
        if machine and machine.running:
            self._step(FakeStep.POWER_OFF, spec, machine, running=False, polls=0)
        return self._describe(spec, machine)

    def start(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("start", spec)
        if machine is None or not machine.defined:
            missing = say("There is no machine {name} at {site} to start.", name=spec.name, site=self._site)
            raise ProvisionerError(missing, permanent=True)
        if not machine.running:
            self._step(FakeStep.START, spec, machine, running=True, polls=0)
        return self._look(spec, machine)

    def console(self, spec: VmSpec) -> tuple[str, ...]:
        machine = self._enter("console", spec)
        if machine is None or not machine.running:
            return ()
        return self.faults.console

    def install_keys(self, spec: VmSpec, *, alone: bool = False) -> tuple[str, ...]:
        machine = self._enter("install_keys", spec)
        if machine is None or not machine.running:
            raise ProvisionerError(say("{name} is switched off.", name=spec.name))
        if self.faults.agentless:
            raise ProvisionerError(say("The guest agent of {name} does not answer.", name=spec.name))
        wanted = [ssh_keys.fingerprint(line) for line in spec.ssh_keys]
        machine.fingerprints = list(dict.fromkeys([*([] if alone else machine.fingerprints), *wanted]))
        self._save(spec.machine_id, machine)
        return tuple(machine.fingerprints)

    def wipe(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("wipe", spec)
        if machine:
            self._take_down(spec, machine)
            if machine.disk:
                self._step(FakeStep.DELETE_DISK, spec, machine, disk=False)
        return self._describe(spec, machine)

    def retire(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("retire", spec)
        if machine:
            self._take_away(spec, machine)
        return self._describe(spec, machine)

    def leave(self, spec: VmSpec) -> None:
        machine = self._enter("leave", spec)
        if machine:
            self._remove_domain(spec, machine)
            self._release(spec, machine)

    def delete_disk(self, spec: VmSpec) -> VmFacts:
        machine = self._enter("delete_disk", spec)
        if machine and machine.defined:
            there = say(
                "The machine {name} still exists at {site}; its disk is not deleted.", name=spec.name, site=self._site
            )
            raise ProvisionerError(there, permanent=True)
        if machine and machine.disk:
            self._step(FakeStep.DELETE_DISK, spec, machine, disk=False)
        return self._describe(spec, machine)

    def undo(self, spec: VmSpec) -> None:
        machine = self._enter("undo", spec)
        if machine:
            self._take_away(spec, machine)
            if machine.disk:
                self._step(FakeStep.DELETE_DISK, spec, machine, disk=False)

    def parts(self, spec: VmSpec) -> tuple[Part, ...]:
        machine = self._enter("parts", spec)
        if machine is None or not machine.disk:
            missing = say("The disk of {name} is missing at {site}.", name=spec.name, site=self._site)
            raise ProvisionerError(missing, permanent=True)
        size = len(machine.content.encode())
        return (Part(f"{spec.machine_id}:{spec.name}", size, machine.disk_gib << 30),)

    def read(self, name: str, offset: int, length: int) -> Iterator[bytes]:
        self._refuse_unreachable()
        yield self._load()[name.partition(":")[0]].content.encode()[offset : offset + length]

    def has(self, part: Part) -> bool:
        self._refuse_unreachable()
        return part.shared

    def there(self, part: Part) -> bool:
        self._refuse_unreachable()
        machine = self._load().get(part.name.partition(":")[0])
        return machine is not None and machine.disk

    def make(self, part: Part, room_gib: int) -> None:
        self._refuse_unreachable()
        uuid, _, name = part.name.partition(":")
        there = self._load().get(uuid)
        if (self.health().free_disk_gib if there is None else room_gib) < room_gib:
            raise OutOfRoom(say("The pool at {site} has no {number} GiB left.", site=self._site, number=room_gib))
        machine = there or FakeMachine(name)
        self.change(FakeStep.MAKE_COPY, UUID(uuid), machine, disk=True, disk_gib=part.capacity >> 30, content="")

    def write(self, part: Part, offset: int, chunks: Iterator[bytes], length: int) -> None:
        self._refuse_unreachable()
        uuid = part.name.partition(":")[0]
        machine = self._load()[uuid]
        content = machine.content.encode()[:offset] + b"".join(chunks)[:length]
        self.change(FakeStep.WRITE, UUID(uuid), machine, content=content.decode())

    def copy(self, part: Part, offset: int, length: int, to: FakeSite) -> None:
        copy_piece(self, to, part, offset, length)

    def _new_content(self, spec: VmSpec) -> str:
        """Unlike that of every other disk: where it was made, and as which one."""
        return f"disk {len(self.steps)} of {spec.name}, made at {self._site} from {self._image}. " * 4

    def health(self) -> SiteHealth:
        self.calls.append("health")
        if self.faults.unreachable:
            return SiteHealth(
                self._site, reachable=False, problems=(say("The site {site} does not answer.", site=self._site),)
            )
        machines = self._load().values()
        problems = () if self._image else (no_image(self._site),)
        disk_left = 0 if self.faults.full else self._disk_gib - sum(one.disk_gib for one in machines if one.disk)
        return SiteHealth(
            self._site,
            reachable=True,
            free_memory_mib=self._memory_mib - sum(one.memory_mib for one in machines if one.defined),
            free_disk_gib=max(0, disk_left),
            machines=sum(one.defined for one in machines),
            image=self._image,
            problems=problems,
            references=tuple(one.reference for one in machines if one.defined),
        )

    def inventory(self) -> tuple[Found, ...]:
        self.calls.append("inventory")
        self._refuse_unreachable()
        return tuple(
            Found(
                UUID(uuid),
                name=machine.name if machine.defined else None,
                reference=machine.reference if machine.defined else "",
                running=machine.running,
                autostart=machine.running,
                memory_mib=machine.memory_mib if machine.defined else 0,
                disk_gib=machine.disk_gib if machine.disk else None,
                filtered=True,
                owner=machine.owner if machine.defined else "",
                addresses=(machine.address,) if machine.defined and machine.address else (),
                expires_on=date.fromisoformat(machine.expires) if machine.defined and machine.expires else None,
            )
            for uuid, machine in sorted(self._load().items())
            if machine.defined or machine.disk
        )

    def leftovers(self, known: frozenset[UUID]) -> tuple[str, ...]:
        self.calls.append("leftovers")
        self._refuse_unreachable()
        return tuple(
            f"{what} of the unknown machine {machine.name} ({uuid}) at {self._site}."
            for uuid, machine in sorted(self._load().items())
            if UUID(uuid) not in known
            for what in _parts(machine)
        )

    def machines(self) -> dict[UUID, FakeMachine]:
        """Give everything that exists, for a test to look at."""
        return {UUID(uuid): machine for uuid, machine in self._load().items()}

    def _enter(self, operation: str, spec: VmSpec) -> FakeMachine | None:
        self.calls.append(operation)
        check_spec(spec)
        if self.faults.hang_seconds:
            time.sleep(self.faults.hang_seconds)
        self._refuse_unreachable()
        return self._load().get(str(spec.machine_id))

    def _refuse_unreachable(self) -> None:
        if self.faults.unreachable:
            raise SiteUnreachable(say("The site {site} does not answer.", site=self._site), begun=False)

    def _refuse_foreign(self, spec: VmSpec) -> None:
        other = any(
            machine.name == spec.name and machine.defined and uuid != str(spec.machine_id)
            for uuid, machine in self._load().items()
        )
        if other or spec.name in self.faults.foreign:
            raise NotOurs(
                say(
                    "At {site} there is already a domain {name} that is not this machine. It was not touched.",
                    site=self._site,
                    name=spec.name,
                )
            )

    def _build(self, spec: VmSpec, machine: FakeMachine) -> None:
        if self._image is None:
            raise ProvisionerError(no_image(self._site))
        if machine.address is None:
            self._step(
                FakeStep.RESERVE, spec, machine, address=next(iter(spec.addresses), None) or self._free_address()
            )
        if not machine.disk:
            if self.health().free_disk_gib < spec.disk_gib:
                raise OutOfRoom(
                    say("The pool at {site} has no {number} GiB left.", site=self._site, number=spec.disk_gib)
                )
            self._step(
                FakeStep.CREATE_DISK, spec, machine, disk=True, disk_gib=spec.disk_gib, content=self._new_content(spec)
            )
        if not machine.seed:
            keys = [ssh_keys.fingerprint(line) for line in spec.ssh_keys]
            self._step(FakeStep.CREATE_SEED, spec, machine, seed=True, fingerprints=keys)
        if not machine.defined:
            self._step(FakeStep.DEFINE, spec, machine, defined=True, memory_mib=spec.memory_mib)

    def _take_away(self, spec: VmSpec, machine: FakeMachine) -> None:
        self._take_down(spec, machine)
        self._release(spec, machine)

    def _take_down(self, spec: VmSpec, machine: FakeMachine) -> None:
        self._remove_domain(spec, machine)
        if machine.seed:
            self._step(FakeStep.DELETE_SEED, spec, machine, seed=False)

    def _remove_domain(self, spec: VmSpec, machine: FakeMachine) -> None:
        if machine.running:
            self._step(FakeStep.POWER_OFF, spec, machine, running=False, polls=0)
        if machine.defined:
            self._step(FakeStep.UNDEFINE, spec, machine, defined=False)

    def _release(self, spec: VmSpec, machine: FakeMachine) -> None:
        if machine.address:
            self._step(FakeStep.RELEASE, spec, machine, address=None)

    def _step(self, step: FakeStep, spec: VmSpec, machine: FakeMachine, **changes: Any) -> None:
        self.change(step, spec.machine_id, machine, **changes)

    def change(self, step: FakeStep, machine_id: UUID, machine: FakeMachine, **changes: Any) -> None:
        """Make one change durable; fail before it or be killed after it where the faults say so."""
        if step in self.faults.fail_at and (self.faults.fail_times is None or self._failed < self.faults.fail_times):
            self._failed += 1
            raise ProvisionerError(
                say("The hypervisor at {site} failed at the step {step}.", site=self._site, step=str(step)),
                permanent=self.faults.permanent,
            )
        for name, value in changes.items():
            setattr(machine, name, value)
        self._save(machine_id, machine)
        self.steps.append((step, machine.name))
        if step in self.faults.crash_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _look(self, spec: VmSpec, machine: FakeMachine) -> VmFacts:
        facts = self._describe(spec, machine)
        if machine.running:
            machine.polls += 1
            self._save(spec.machine_id, machine)
        return facts

    def _describe(self, spec: VmSpec, machine: FakeMachine | None) -> VmFacts:
        if machine is None or machine.nothing:
            return VmFacts(VmPhase.ABSENT, self._site)
        facts = VmFacts(VmPhase.STOPPED, self._site, machine.address, disk_gib=machine.disk_gib)
        if not machine.defined:
            phase = VmPhase.DISK_KEPT if machine.disk else VmPhase.ABSENT
            return replace(facts, phase=phase)
        facts = replace(facts, accelerated=False, memory_mib=machine.memory_mib)
        if not machine.running:
            return facts
        if self.faults.never_ready or machine.polls < self.faults.polls_until_ready:
            return replace(facts, phase=VmPhase.BOOTING, waiting_for=say("its SSH port does not answer yet"))
        host_key = fake_host_key(spec.machine_id)
        return replace(
            facts,
            phase=VmPhase.READY,
            host_keys=(host_key,),
            host_key_fingerprints=(ssh_keys.fingerprint(host_key),),
            installed_key_fingerprints=tuple(machine.fingerprints),
        )

    def _free_address(self) -> str:
        taken = {machine.address for machine in self._load().values()}
        for offset in range(_ADDRESSES):
            address = str(_FIRST_ADDRESS + offset)
            if address not in taken:
                return address
        raise OutOfRoom(say("All addresses at {site} are in use.", site=self._site))

    def _load(self) -> dict[str, FakeMachine]:
        if self._path is None:
            return self._memory
        if not self._path.exists():
            return {}
        kept = json.loads(self._path.read_text(encoding="utf-8"))
        return {uuid: FakeMachine(**machine) for uuid, machine in kept.items()}

    def _save(self, uuid: UUID, machine: FakeMachine) -> None:
        with self._locked():
            machines = self._load()
            if machine.nothing:
                machines.pop(str(uuid), None)
            else:
                machines[str(uuid)] = machine
            if self._path is not None:
                part = self._path.with_suffix(".part")
                text = json.dumps({key: asdict(one) for key, one in machines.items()}, indent=1, sort_keys=True)
                part.write_text(text, encoding="utf-8")
                part.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process or thread at a time change the file."""
        if self._path is None:
            yield
            return
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def fake_host_key(uuid: UUID) -> str:
    """Give the well-formed Ed25519 host key line that the fake guest of this UUID shows."""
    point = hashlib.sha256(b"host key" + uuid.bytes).digest()
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + len(point).to_bytes(4, "big") + point
    return f"ssh-ed25519 {base64.b64encode(blob).decode('ascii')}"


def _parts(machine: FakeMachine) -> list[str]:
    named = {
        "A domain": machine.defined,
        "A disk": machine.disk,
        "A seed": machine.seed,
        "A reservation": bool(machine.address),
    }
    return [name for name, there in named.items() if there]
