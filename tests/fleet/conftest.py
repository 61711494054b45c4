"""Fixtures of two libvirt hosts."""

from __future__ import annotations

from tests.hypervisor import hollow_image, libvirt_site, libvirt_uri

__all__ = ["hollow_image", "libvirt_site", "libvirt_uri"]
