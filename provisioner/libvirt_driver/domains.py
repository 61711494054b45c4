"""Domains: found by name and UUID, known as ours by their metadata, defined, started, removed."""

from __future__ import annotations

from typing import Final

import libvirt

from parsers.translatable import say
from provisioner import domain_xml
from provisioner.api import NotOurs, SiteSettings, VmSpec
from provisioner.domain_xml import Card, Make, Mark, Paths, Seen
from provisioner.libvirt_driver.connection import absent_is_fine
from provisioner.libvirt_driver.guest import never_goes_on

_UNDEFINE: Final = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
_UNDEFINE_ALL: Final = (
    _UNDEFINE
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM  # what EFI keeps of a machine
)


def make_of(settings: SiteSettings) -> Make:
    """What kind of machines a site has."""
    return Make(settings.architecture, settings.firmware)


class Domains:
    """The domains of one site."""

    def __init__(self, conn: libvirt.virConnect, settings: SiteSettings) -> None:
        self._conn = conn
        self._settings = settings

    def find(self, spec: VmSpec) -> libvirt.virDomain | None:
        """Give the machine's domain, or None.  Raises `NotOurs` for another domain of its name or UUID."""
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):
            named = self._conn.lookupByName(spec.name)
            if named.UUIDString() != str(spec.machine_id):
                raise self._not_ours(spec)
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):
            # One look-up: a machine that is received appears at any moment, and would be another one between two.
            domain = self._conn.lookupByUUIDString(str(spec.machine_id))
            if not self._is_ours(domain, spec):
                raise self._not_ours(spec)
            return domain
        return None

    def ours(self, spec: VmSpec) -> libvirt.virDomain | None:
        """Give the domain with the machine's UUID, name and our mark; anything else counts as absent."""
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN):
            domain = self._conn.lookupByUUIDString(str(spec.machine_id))
            return domain if self._is_ours(domain, spec) else None
        return None

    def _is_ours(self, domain: libvirt.virDomain, spec: VmSpec) -> bool:
        mark = self.mark(domain)
        return bool(domain.name() == spec.name and mark and mark.uuid == spec.machine_id)

    def _not_ours(self, spec: VmSpec) -> NotOurs:
        return NotOurs(
            say(
                "At {site} there is already a domain {name} that is not this machine. It was not touched.",
                site=self._settings.name,
                name=spec.name,
            )
        )

    def mark(self, domain: libvirt.virDomain) -> Mark | None:
        """Read our mark from a domain."""
        text = _metadata(domain, domain_xml.MACHINE_NS)
        return domain_xml.read_mark(text) if text else None

    def define(self, spec: VmSpec, paths: Paths, card: Card, *, accelerated: bool) -> libvirt.virDomain:
        """Define the domain; libvirt checks the XML against its schema."""
        return self._define(domain_xml.domain(spec, paths, card, make_of(self._settings), accelerated=accelerated))

    def _define(self, text: str) -> libvirt.virDomain:
        return self._conn.defineXMLFlags(text, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

    def start(self, domain: libvirt.virDomain, *, accelerated: bool) -> libvirt.virDomain:
        """Start the domain where it does not run, under KVM or emulated, and let it start with its host.

        A start that fails says why and changes nothing: the next one is made by what is known of the host then.
        """
        if not domain.isActive():
            text = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
            if domain_xml.domain_kind(text)[0] is not accelerated:
                domain = self._define(domain_xml.accelerated_domain(text, accelerated=accelerated))
            domain.create()
        if not domain.autostart():
            domain.setAutostart(1)
        return domain

    def stopped_by_kvm(self, domain: libvirt.virDomain) -> bool:
        """Say whether KVM has stopped a guest for good: not one that is paused by a person, for a copy, or for want of room.

        A start can succeed and the guest be stopped some moments later, so this is asked at every look.
        """
        return domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED and is_accelerated(domain) and never_goes_on(domain)

    def stay_off(self, domain: libvirt.virDomain) -> None:
        """Keep a machine that is to be off from starting with its host."""
        if domain.autostart():
            domain.setAutostart(0)

    def remove(self, domain: libvirt.virDomain) -> None:
        """Power off and undefine; a domain that is already gone is fine."""
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID):
            domain.destroy()
        # Not every driver knows checkpoints and EFI, and those refuse the flags themselves.
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
    """The element of that namespace; of a domain that is being received, and has nothing kept yet, that of its running state."""
    for scope in (libvirt.VIR_DOMAIN_AFFECT_CONFIG, libvirt.VIR_DOMAIN_AFFECT_LIVE):
        with absent_is_fine(libvirt.VIR_ERR_NO_DOMAIN_METADATA, libvirt.VIR_ERR_OPERATION_INVALID):
            text: str = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, namespace, scope)
            return text
    return None
