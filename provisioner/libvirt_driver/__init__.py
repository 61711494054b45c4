"""The real hypervisor: the only package that imports libvirt.

`connection` opens, keeps and reopens a connection and words libvirt's errors; `storage`, `network`,
`domains` and `guest` each know one kind of libvirt object; `site` puts them together; `migration`
lets two hosts hand a running machine on.
"""

from provisioner.api import SiteSettings
from provisioner.libvirt_driver.migration import LiveMigration
from provisioner.libvirt_driver.site import LibvirtSite

__all__ = ["LibvirtSite", "LiveMigration", "SiteSettings"]
