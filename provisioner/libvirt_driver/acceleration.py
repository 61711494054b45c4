"""Whether guests of a host run under KVM: found out by a guest of a second, once in each boot of the host.

A `/dev/kvm` may exist and be closed to QEMU's user, or run nothing: libvirt offers KVM all the same, and a
start may even succeed while the guest is paused a moment later.  Only a guest tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import libvirt

from parsers.translatable import say
from provisioner import domain_xml
from provisioner.api import Architecture, Kvm, SiteSettings, SiteUnreachable
from provisioner.libvirt_driver.connection import absent_is_fine, translate
from provisioner.libvirt_driver.domains import make_of

_PROBE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What was found out, and when in the life of the host: nanoseconds of its processors since it booted."""

    runs: bool
    host_age: int


class Acceleration:
    """The one place that decides between KVM and emulation for the machines of a site."""

    def __init__(self, settings: SiteSettings, wait: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._wait = wait
        self._found: _Verdict | None = None

    def runs(self, conn: libvirt.virConnect) -> bool:
        """Say whether a machine that is started now runs under KVM; see `kvm`."""
        return self.kvm(conn) is Kvm.RUNS

    def kvm(self, conn: libvirt.virConnect) -> Kvm:
        """Say what the host makes of KVM; takes a second where it is not known yet.

        A verdict holds until the host boots again: its processors' time since the boot is then less than it was.
        """
        if not self._settings.accelerate:
            return Kvm.UNWANTED
        if not _offered(conn, self._settings.architecture):
            return Kvm.ABSENT
        age = _host_age(conn)
        if self._found is None or age < self._found.host_age:
            self._found = _Verdict(self._probe(conn), age)
        else:
            self._found = _Verdict(self._found.runs, age)
        return Kvm.RUNS if self._found.runs else Kvm.USELESS

    def doubt(self) -> None:
        """Forget what was found out: a machine was stopped by KVM itself, so the next one asks again."""
        self._found = None

    def _probe(self, conn: libvirt.virConnect) -> bool:
        """Start a guest without a disk, which libvirt ends with this connection at the latest, and look at it.

        Where it does not start, an emulated one tells whether that is KVM's fault.  A host that starts neither, for want of
        memory say, has shown nothing: libvirt's error is raised.
        """
        try:
            guest = self._guest(conn, accelerated=True)
        except libvirt.libvirtError as error:
            if isinstance(translate(error, self._settings.name, say("try KVM")), SiteUnreachable):
                raise
            _end(self._guest(conn, accelerated=False))
            return False
        try:
            self._wait(_PROBE_SECONDS)
            with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):  # it has died of it
                return bool(guest.state()[0] == libvirt.VIR_DOMAIN_RUNNING)
            return False
        finally:
            _end(guest)

    def _guest(self, conn: libvirt.virConnect, *, accelerated: bool) -> libvirt.virDomain:
        text = domain_xml.probe(uuid4(), make_of(self._settings), accelerated=accelerated)
        return conn.createXML(text, libvirt.VIR_DOMAIN_START_AUTODESTROY)


def _end(guest: libvirt.virDomain) -> None:
    with suppress(libvirt.libvirtError):
        guest.destroy()


def _offered(conn: libvirt.virConnect, architecture: Architecture) -> bool:
    """Say whether libvirt would define a domain for KVM at all (virConnectGetDomainCapabilities)."""
    try:
        conn.getDomainCapabilities(None, architecture.value, None, "kvm", 0)
    except libvirt.libvirtError:
        return False
    return True


def _host_age(conn: libvirt.virConnect) -> int:
    """Give the time of all processors since the host booted, idle time included, in nanoseconds.

    libvirt tells no boot id, and a connection that was opened again, or a libvirtd that was started again, must not
    cost a guest each time.  0 where the driver does not know (test:///).
    """
    try:
        spent = conn.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS, 0)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise
        return 0
    return sum(int(spent.get(kind, 0)) for kind in ("kernel", "user", "idle", "iowait"))
