"""Fixtures of a real libvirt host for the tests here; see `tests/hypervisor.py`."""

from tests.hypervisor import base_image, hollow_image, libvirt_site, libvirt_uri

__all__ = ["base_image", "hollow_image", "libvirt_site", "libvirt_uri"]
