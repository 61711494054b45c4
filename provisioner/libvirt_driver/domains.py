"""Domains: found by name and UUID, known as ours by their metadata, defined, started, removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import libvirt

from provisioner import domain_xml
from provisioner.api import NotOurs, SiteSettings, VmSpec
from provisioner.domain_xml import Mark, Seen
from provisioner.libvirt_driver.connection import absent_is_fine

_UNDEFINE: Final = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
_UNDEFINE_ALL: Final = _UNDEFINE | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
_PAUSED: Final = libvirt.VIR_DOMAIN_PAUSED
_START_FAILED: Final = frozenset(
    {
        libvirt.VIR_ERR_INTERNAL_ERROR,
        libvirt.VIR_ERR_OPERATION_FAILED,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_SYSTEM_ERROR,
    }
)

_kvm_fails_at: set[str] = set()
"""URIs where a guest did not run under KVM: what one machine found out spares the others the attempt."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the host keeps a machine's volumes, as libvirt says."""

    disk: str
    seed: str


class Domains:
    """The domains of one site."""

    def __init__(self, conn: libvirt.virConnect, settings: SiteSettings) -> None:
        self._conn = conn
        self._settings = settings

    def find(self, spec: VmSpec) -> libvirt.virDomain | None:
        """Give the machine's domain, or None.  Raises `NotOurs` for another domain of its name or UUID."""
        ours = self.ours(spec)
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):
            named = self._conn.lookupByName(spec.name)
            if named.UUIDString() != str(spec.machine_id):
                raise self._not_ours(spec)
        if ours is None:
            with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):
                self._conn.lookupByUUIDString(str(spec.machine_id))
                raise self._not_ours(spec)
        return ours

    def ours(self, spec: VmSpec) -> libvirt.virDomain | None:
        """Give the domain with the machine's UUID, name and our mark; anything else counts as absent."""
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):
            domain = self._conn.lookupByUUIDString(str(spec.machine_id))
            mark = self.mark(domain)
            if domain.name() == spec.name and mark and mark.uuid == spec.machine_id:
                return domain
        return None

    def _not_ours(self, spec: VmSpec) -> NotOurs:
        return NotOurs(
            f"At {self._settings.name} there is already a domain {spec.name} that is not this machine. It was not touched."
        )

    def marked(self) -> list[tuple[str, Mark]]:
        """Give names and marks of our domains in the site's network, running or not.

        The network tells the sites of one host apart.
        """
        found: list[tuple[str, Mark]] = []
        for domain in self._conn.listAllDomains(0):
            # A domain may go away while the list is read.
            with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):
                mark = self.mark(domain)
                if mark and self._settings.network in domain_xml.networks(
                    domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
                ):
                    found.append((domain.name(), mark))
        return found

    def mark(self, domain: libvirt.virDomain) -> Mark | None:
        """Read our mark from a domain."""
        text = _metadata(domain, domain_xml.MACHINE_NS)
        return domain_xml.read_mark(text) if text else None

    def define(self, spec: VmSpec, paths: Paths, seen: Seen | None = None) -> libvirt.virDomain:
        """Define the domain, or define it anew; libvirt checks the XML against its schema."""
        accelerated = self._settings.accelerate and self._settings.uri not in _kvm_fails_at and self._offers_kvm()
        text = domain_xml.domain(spec, paths.disk, paths.seed, self._settings.network, accelerated=accelerated)
        domain = self._conn.defineXMLFlags(text, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        if seen:
            self.keep_seen(domain, seen)
        domain.setAutostart(1)
        return domain

    def _offers_kvm(self) -> bool:
        try:
            self._conn.getDomainCapabilities(None, "x86_64", None, "kvm", 0)
        except libvirt.libvirtError:
            return False
        return True

    def start(self, domain: libvirt.virDomain, spec: VmSpec, paths: Paths) -> libvirt.virDomain:
        """Start the domain where it does not run; under emulation where KVM proves not to work."""
        if self._broken_kvm(domain):
            domain.destroy()
            return self._start_emulated(domain, spec, paths)
        if domain.isActive():
            return domain
        try:
            domain.create()
        except libvirt.libvirtError as error:
            if not is_accelerated(domain) or error.get_error_code() not in _START_FAILED:
                raise
            return self._start_emulated(domain, spec, paths)
        if self._broken_kvm(domain):
            domain.destroy()
            return self._start_emulated(domain, spec, paths)
        return domain

    def _broken_kvm(self, domain: libvirt.virDomain) -> bool:
        """Say whether KVM has stopped the guest: paused by an emulation error, not by a person.

        A start can succeed and the guest be paused a moment later, so this is asked at every look.
        """
        if not domain.isActive() or not is_accelerated(domain):
            return False
        state, reason = domain.state()
        by_person = (libvirt.VIR_DOMAIN_PAUSED_USER, libvirt.VIR_DOMAIN_PAUSED_IOERROR)
        return state == _PAUSED and reason not in by_person and self.seen(domain) is None

    def _start_emulated(self, domain: libvirt.virDomain, spec: VmSpec, paths: Paths) -> libvirt.virDomain:
        seen = self.seen(domain)
        was_known = self._settings.uri in _kvm_fails_at
        _kvm_fails_at.add(self._settings.uri)
        try:
            emulated = self.define(spec, paths, seen)
            emulated.create()
        except libvirt.libvirtError:
            # It is not KVM that is to blame.
            if not was_known:
                _kvm_fails_at.discard(self._settings.uri)
            raise
        return emulated

    def remove(self, domain: libvirt.virDomain) -> None:
        """Power off and undefine; a domain that is already gone is fine."""
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
            domain.destroy()
        # Not every driver knows checkpoints, and those refuse the flag itself.
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_INVALID_ARG):
            domain.undefineFlags(_UNDEFINE_ALL)
            return
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):
            domain.undefineFlags(_UNDEFINE)

    def seen(self, domain: libvirt.virDomain) -> Seen | None:
        """Read the keys that the machine showed while it was built."""
        text = _metadata(domain, domain_xml.SEEN_NS)
        return domain_xml.read_seen(text) if text else None

    def keep_seen(self, domain: libvirt.virDomain, seen: Seen) -> None:
        """Keep the keys that the machine showed, in its kept and its running state."""
        scope = libvirt.VIR_DOMAIN_AFFECT_CONFIG
        if domain.isActive():
            scope |= libvirt.VIR_DOMAIN_AFFECT_LIVE
        domain.setMetadata(
            libvirt.VIR_DOMAIN_METADATA_ELEMENT,
            domain_xml.seen(seen),
            domain_xml.SEEN_PREFIX,
            domain_xml.SEEN_NS,
            scope,
        )


def is_accelerated(domain: libvirt.virDomain) -> bool:
    """Say whether the domain is defined to run under KVM."""
    return domain_xml.domain_kind(domain.XMLDesc(0))[0]


def _metadata(domain: libvirt.virDomain, namespace: str) -> str | None:
    with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN_METADATA):
        text: str = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, namespace, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        return text
    return None
