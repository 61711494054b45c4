"""Where a host's machines hang: in a libvirt network, or on a bridge that the host has without libvirt's help."""

from __future__ import annotations

from typing import Final

import libvirt

from parsers.translatable import say
from provisioner import domain_xml
from provisioner.addressing import Bridge, link_local
from provisioner.api import ProvisionerError, SiteSettings, VmSpec
from provisioner.domain_xml import Card
from provisioner.libvirt_driver.connection import absent_is_fine
from provisioner.libvirt_driver.network import Network

_UNTOLD: Final = 1
"""Free addresses of a bridge: whoever hands them out knows better."""


class HostBridge:
    """One bridge of a host.  Its machines are told their addresses by the seed; nothing of them is kept at the host."""

    def __init__(self, conn: libvirt.virConnect, settings: SiteSettings, bridge: Bridge) -> None:
        self._conn = conn
        self._settings = settings
        self._bridge = bridge

    def activate(self) -> None:
        """Nothing: the bridge is the host's own, and a start on one that is not there says so."""

    def address(self, spec: VmSpec) -> str | None:
        """Give the IPv4 address that the machine was given."""
        return next(iter(self._bridge.chosen(spec.addresses)), None)

    def free_addresses(self) -> int:
        """See `_UNTOLD`; raises libvirtError where the host has no such bridge."""
        try:
            self._conn.interfaceLookupByName(self._bridge.name)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_INTERFACE:
                raise  # any other one says that this libvirt cannot look: then a start will
        return _UNTOLD

    def card(self, spec: VmSpec, address: str) -> Card:
        """Give the network card of a machine, and see to it that the host has its filter."""
        _, *further = self._bridge.chosen(spec.addresses)
        if further and self._settings.filtered:
            self._have_filter()
        return Card(
            self._bridge.name,
            address,
            filtered=self._settings.filtered,
            isolated=self._settings.isolated,
            on_bridge=True,
            further=(*further, link_local(spec.names.mac)) if further else (),
            vlan=self._bridge.vlan,
        )

    @property
    def bridged(self) -> bool:
        """It is one."""
        return True

    def near(self, *, remote: bool) -> bool:
        """Whether addresses on it can be reached from here: as the configuration says, wherever the host is."""
        del remote
        return self._bridge.routed

    def reserve(self, spec: VmSpec) -> str:
        """Give the machine's address; nothing is reserved at the host.  Raises `ProvisionerError` where it was given none."""
        address = self.address(spec)
        if address is None:
            raise ProvisionerError(
                say(
                    "{name} has no address in the range of the bridge {bridge} at {site}.",
                    name=spec.name,
                    bridge=self._bridge.name,
                    site=self._settings.name,
                ),
                permanent=True,
                other_site_may_help=True,
            )
        return address

    def release(self, spec: VmSpec) -> None:
        """Nothing: there was no reservation."""

    def _have_filter(self) -> None:
        with absent_is_fine(libvirt.VIR_ERR_NO_NWFILTER):
            self._conn.nwfilterLookupByName(domain_xml.FILTER_WITH_IPV6)
            return
        self._conn.nwfilterDefineXML(domain_xml.filter_with_ipv6())


def attachment(conn: libvirt.virConnect, settings: SiteSettings) -> Network | HostBridge:
    """What machines of a host hang on."""
    return Network(conn, settings) if settings.bridge is None else HostBridge(conn, settings, settings.bridge)
