"""Reservations and names in a libvirt network (virNetworkUpdate), in its running and its kept state alike."""

from __future__ import annotations

from typing import Final

import libvirt

from parsers.translatable import say
from provisioner import domain_xml
from provisioner.api import NotOurs, OutOfRoom, ProvisionerError, SiteSettings, VmSpec
from provisioner.domain_xml import Card
from provisioner.network_xml import NetworkView, read_network

_TRIES: Final = 3


class Network:
    """One site's network."""

    def __init__(self, conn: libvirt.virConnect, settings: SiteSettings) -> None:
        self._settings = settings
        self._network = conn.networkLookupByName(settings.network)

    def activate(self) -> None:
        """Start the network where it is not running."""
        if not self._network.isActive():
            self._network.create()

    def address(self, spec: VmSpec) -> str | None:
        """Give the address that is reserved for the machine."""
        found = (view.of_mac(spec.names.mac) for view in self._views().values())
        return next((one.address for one in found if one), None)

    def free_addresses(self) -> int:
        """Give how many addresses of the DHCP ranges are not reserved."""
        views = list(self._views().values())
        taken = set[str]().union(*(view.taken() for view in views))
        return views[0].size - sum(views[0].in_range(address) for address in taken)

    def card(self, _spec: VmSpec, address: str) -> Card:
        """Give the network card of a machine with this address: filtered and isolated as the site wants and the
        network allows."""
        bridged = self.bridged
        return Card(
            self._settings.network,
            address,
            filtered=self._settings.filtered and bridged,
            isolated=self._settings.isolated and bridged,
        )

    @property
    def bridged(self) -> bool:
        """Whether guests hang on a Linux bridge, where libvirt can filter and isolate them."""
        return next(iter(self._views().values())).bridged

    def near(self, *, remote: bool) -> bool:
        """Whether its addresses can be reached from here: not behind another host's NAT (formatnetwork, `forward`)."""
        return not remote or next(iter(self._views().values())).forward not in ("", "nat")

    def reserve(self, spec: VmSpec) -> str:
        """Reserve an address and the name for the machine; gives the address.

        Another process may take the chosen address in between: libvirt refuses the second, and the
        choice is made again.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._reserve(spec)
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
                    raise
        return self._reserve(spec)

    def _reserve(self, spec: VmSpec) -> str:
        views = self._views()
        self._refuse_foreign(spec, views)
        address = self.address(spec) or self._free_address(spec, views)
        entry = domain_xml.dhcp_host(spec.names.mac, spec.name, address)
        names = domain_xml.dns_host(address, spec.names.fqdn, spec.name)
        for scope, view in views.items():
            if view.of_mac(spec.names.mac) is None:
                self._update(libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, entry, scope, add=True)
            if view.dns_of(spec.names.fqdn) is None:
                self._update(libvirt.VIR_NETWORK_SECTION_DNS_HOST, names, scope, add=True)
        return address

    def release(self, spec: VmSpec) -> None:
        """Remove name and reservation; the reservation last, since it tells the address of the name."""
        for scope, view in self._views().items():
            ours = view.of_mac(spec.names.mac)
            if ours is None or ours.name != spec.name:
                continue
            record = view.dns_of(spec.names.fqdn)
            if record and record.address == ours.address:
                entry = domain_xml.dns_host(record.address, *record.names)
                self._update(libvirt.VIR_NETWORK_SECTION_DNS_HOST, entry, scope, add=False)
            entry = domain_xml.dhcp_host(ours.mac, ours.name, ours.address)
            self._update(libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, entry, scope, add=False)

    def _views(self) -> dict[int, NetworkView]:
        """Read the network's states by the flag that changes each: kept, and running where it runs."""
        views: dict[int, NetworkView] = {}
        if self._network.isPersistent():
            text = self._network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
            views[libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG] = read_network(text)
        if self._network.isActive():
            views[libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE] = read_network(self._network.XMLDesc(0))
        return views

    def _refuse_foreign(self, spec: VmSpec, views: dict[int, NetworkView]) -> None:
        for view in views.values():
            ours = view.of_mac(spec.names.mac)
            record = view.dns_of(spec.names.fqdn)
            others = [one for one in view.reservations if one.name == spec.name and one.mac != spec.names.mac]
            stranger = record and (ours is None or record.address != ours.address)
            if others or stranger or (ours and ours.name != spec.name):
                raise NotOurs(
                    say(
                        "In the network {network} at {site} the name {name} or the MAC address {mac} already belongs to something"
                        " else. It was not touched.",
                        network=self._settings.network,
                        site=self._settings.name,
                        name=spec.name,
                        mac=spec.names.mac,
                    )
                )

    def _free_address(self, spec: VmSpec, views: dict[int, NetworkView]) -> str:
        taken = self._leased() | frozenset[str]().union(*(view.taken() for view in views.values()))
        view = next(iter(views.values()))
        if not view.size:
            raise ProvisionerError(
                say(
                    "The network {network} at {site} has no DHCP range for IPv4.",
                    network=self._settings.network,
                    site=self._settings.name,
                ),
                permanent=True,
                other_site_may_help=True,
            )
        address = view.free_address(spec.machine_id, taken)
        if address is None:
            raise OutOfRoom(
                say(
                    "All {number} addresses of the network {network} at {site} are taken.",
                    number=view.size,
                    network=self._settings.network,
                    site=self._settings.name,
                )
            )
        return address

    def _leased(self) -> frozenset[str]:
        """Give the addresses that guests hold at the moment, with or without a reservation."""
        if not self._network.isActive():
            return frozenset()
        try:
            return frozenset(lease["ipaddr"] for lease in self._network.DHCPLeases())
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
                return frozenset()
            raise

    def _update(self, section: int, entry: str, scope: int, *, add: bool) -> None:
        command = libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST if add else libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE
        self._network.update(command, section, -1, entry, scope)
