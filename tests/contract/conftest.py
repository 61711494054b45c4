"""Fixtures of a real libvirt host (`tests/hypervisor.py`) and of real databases (`tests/databases.py`) for the tests here."""

from tests.databases import empty_url, postgresql_url, server, sqlite_template, store, url
from tests.hypervisor import apart, base_image, hollow_image, libvirt_site, libvirt_uri

__all__ = [
    "apart",
    "base_image",
    "empty_url",
    "hollow_image",
    "libvirt_site",
    "libvirt_uri",
    "postgresql_url",
    "server",
    "sqlite_template",
    "store",
    "url",
]
