"""The checks that every provisioner makes before it touches anything."""

from __future__ import annotations

from ipaddress import ip_address

from parsers.translatable import say, words_of
from provisioner import naming, ssh_keys
from provisioner.api import ProvisionerError, VmSpec


def check_spec(spec: VmSpec) -> None:
    """Refuse a specification whose names or keys could not have come through policy.

    Without any key a machine can still be looked at and taken away: its owner may have left.  Raises a
    permanent `ProvisionerError`: no text of a mail reaches a hypervisor by another way.
    """
    try:
        naming.check_label(spec.name)
        naming.check_domain(spec.dns_domain)
        for line in spec.ssh_keys:
            if ssh_keys.parse_public_key(line).line != line:
                raise ssh_keys.KeyProblem(say("An SSH key is not in its plain form of type and data."))
        for address in spec.addresses:
            ip_address(address)
    except ValueError as problem:
        refused = say("{name} cannot be built: {problem}", name=spec.name, problem=words_of(problem))
        raise ProvisionerError(refused, permanent=True) from None


def check_buildable(spec: VmSpec) -> None:
    """Refuse to build what nobody could log in to.  Raises a permanent `ProvisionerError`."""
    if not spec.ssh_keys:
        raise ProvisionerError(say("{name} cannot be built: it has no SSH key.", name=spec.name), permanent=True)
