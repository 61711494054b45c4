"""Live migration by libvirt: the client, we, tells both hosts what to do (virDomainMigrate3), and QEMU sends to QEMU.

The call takes as long as the machine's memory takes, so it has a thread and connections of its own.  Where this process
ends meanwhile, libvirt sees its connections go: the machine runs on where it was, or is found halted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import libvirt

from parsers.translatable import Translatable, say, words_of
from provisioner.api import ProvisionerError, SiteSettings, VmSpec
from provisioner.libvirt_driver.bridge import attachment
from provisioner.libvirt_driver.connection import Connection, absent_is_fine, explained
from provisioner.libvirt_driver.domains import Domains
from provisioner.libvirt_driver.survey import Survey
from provisioner.migration import Whereabouts
from provisioner.spec_check import check_spec

_FLAGS: Final = (
    libvirt.VIR_MIGRATE_LIVE
    | libvirt.VIR_MIGRATE_PERSIST_DEST
    | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    | libvirt.VIR_MIGRATE_AUTO_CONVERGE  # a guest that writes faster than the network sends is slowed down
    | libvirt.VIR_MIGRATE_ABORT_ON_ERROR
)
_OFF: Final = frozenset({libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED, libvirt.VIR_DOMAIN_NOSTATE})
_HALTED: Final = frozenset(
    {
        libvirt.VIR_DOMAIN_PAUSED_MIGRATION,
        libvirt.VIR_DOMAIN_PAUSED_STARTING_UP,
        libvirt.VIR_DOMAIN_PAUSED_POSTCOPY,
        libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED,
    }
)


class LiveMigration:
    """See `provisioner.migration.Migration`.  Belongs to one worker thread; only what sends has another."""

    def __init__(self, settings: SiteSettings) -> None:
        self._settings = settings
        self._connection = Connection(settings)
        self._sending: dict[UUID, _Sending] = {}

    @property
    def settings(self) -> SiteSettings:
        return self._settings

    def whereabouts(self, spec: VmSpec) -> Whereabouts:
        sending = self._sending.get(spec.machine_id)
        with self._domain(say("look where {name} runs", name=spec.name), spec) as domain:
            if sending is not None and sending.is_alive():
                return Whereabouts.MOVING
            if domain is not None:
                with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):  # what was received can go at any moment
                    return _whereabouts(domain)
            return Whereabouts.OFF

    def expect(self, spec: VmSpec) -> None:
        doing = say("receive {name}", name=spec.name)
        conn = self._connection.get()
        with explained(self._connection, self._settings.name, doing):
            network = attachment(conn, self._settings)
            network.activate()
            network.card(spec, network.reserve(spec))  # has its filter defined
            Survey(conn, self._settings).refuse_without_memory(spec)

    def send(self, spec: VmSpec, to: SiteSettings) -> None:
        with self._domain(say("move {name}", name=spec.name), spec) as domain:
            if domain is None:
                raise ProvisionerError(say("There is no machine {name} to move.", name=spec.name))
            if domain.autostart():
                domain.setAutostart(0)
        self._sending[spec.machine_id] = _Sending(self._settings, to, spec)

    def failure(self, spec: VmSpec) -> str:
        sending = self._sending.get(spec.machine_id)
        return words_of(sending.error) if sending is not None and sending.error is not None else ""

    def give_up(self, spec: VmSpec) -> None:
        with self._domain(say("stop moving {name}", name=spec.name), spec) as domain:
            if domain is not None:
                with absent_is_fine(libvirt.VIR_ERR_OPERATION_INVALID):  # it has just ended
                    domain.abortJob()

    def resume(self, spec: VmSpec) -> None:
        with self._domain(say("let {name} go on", name=spec.name), spec) as domain:
            if domain is None:
                return
            if _is_halted(*domain.state()):  # one that an admin has suspended stays so
                domain.resume()
            if not domain.autostart():
                domain.setAutostart(1)

    def let_go(self, spec: VmSpec) -> None:
        with self._domain(say("let {name} go", name=spec.name), spec) as domain:
            if domain is None:
                return
            with absent_is_fine(libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN):
                if _is_halted(*domain.state()):
                    domain.destroy()

    def close(self) -> None:
        """Close the connection; what is being sent goes on."""
        self._connection.drop()

    @contextmanager
    def _domain(self, doing: Translatable, spec: VmSpec) -> Iterator[libvirt.virDomain | None]:
        check_spec(spec)
        conn = self._connection.get()
        with explained(self._connection, self._settings.name, doing):
            yield Domains(conn, self._settings).find(spec)


class _Sending:
    """One call of virDomainMigrate3, in a thread of its own."""

    def __init__(self, source: SiteSettings, target: SiteSettings, spec: VmSpec) -> None:
        self._source = source
        self._target = target
        self._spec = spec
        self.error: ProvisionerError | None = None
        # A daemon thread: a host that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"send-{spec.name}", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it is under way."""
        return self._thread.is_alive()

    def _run(self) -> None:
        here, there = Connection(self._source), Connection(self._target)
        doing = say("move {name} to {site} while it runs", name=self._spec.name, site=self._target.name)
        try:
            source, target = here.get(), there.get()
            with explained(here, self._source.name, doing):
                self._migrate(Domains(source, self._source).find(self._spec), target)
        except ProvisionerError as error:
            self.error = error
        finally:
            here.drop()
            there.drop()

    def _migrate(self, domain: libvirt.virDomain | None, target: libvirt.virConnect) -> None:
        if domain is None:
            return
        parameters: dict[str, Any] = {libvirt.VIR_MIGRATE_PARAM_URI: self._target.migration_uri}
        flags = _FLAGS | (libvirt.VIR_MIGRATE_TLS if self._target.migration_tls else 0)
        domain.migrate3(target, parameters, flags)


def _whereabouts(domain: libvirt.virDomain) -> Whereabouts:
    """By one look at its state: what is received can be taken down between two."""
    return Whereabouts.MOVING if _is_being_sent(domain) else whereabouts_of(*domain.state())


def whereabouts_of(state: int, reason: int) -> Whereabouts:
    """What virDomainGetState's answer means, of a machine that is not being sent."""
    if state == libvirt.VIR_DOMAIN_SHUTDOWN:  # its QEMU was told to end, also where it only received
        return Whereabouts.ENDING
    if state in _OFF:
        return Whereabouts.OFF
    return Whereabouts.HALTED if _is_halted(state, reason) else Whereabouts.RUNS


def _is_halted(state: int, reason: int) -> bool:
    return state == libvirt.VIR_DOMAIN_PAUSED and reason in _HALTED


def _is_being_sent(domain: libvirt.virDomain) -> bool:
    # The host that receives says that it has no such figures.
    with absent_is_fine(
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED, libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN
    ):
        about: dict[str, Any] = domain.jobStats()
        sent = about.get("operation") == libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT
        return bool(sent and about.get("type", libvirt.VIR_DOMAIN_JOB_NONE) != libvirt.VIR_DOMAIN_JOB_NONE)
    return False


__all__ = ["LiveMigration"]
