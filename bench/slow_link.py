"""Health and inventory of a host with many machines over a slow link: how long they take, with `DELAY_MS` each way.

    .venv/bin/python -m bench.slow_link [MACHINES]

Needs root and libvirtd, as the tests do.  Makes a site of its own with so many domains (never started) and their disks.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import uuid4

import libvirt

from contrib.demo import hypervisor
from provisioner import domain_xml, naming
from provisioner.api import SiteSettings, VmSpec
from provisioner.domain_xml import Card, Paths
from provisioner.libvirt_driver import LibvirtSite
from provisioner.libvirt_driver.domains import Domains

DELAY_MS = 25.0
"""Each way: a round trip takes twice that."""
NAME = "mailbot-bench-link"
SOCKET = "/run/libvirt/libvirt-sock"


def main(count: int) -> None:
    with hypervisor.running() as uri:
        folder = Path("/var/tmp") / NAME
        try:
            place = hypervisor.make_site(NAME, folder)
            settings = SiteSettings("bench", place.dns_domain, uri, place.pool, place.network)
            conn = libvirt.open(uri)
            specs = [_spec(number) for number in range(count)]
            for spec in specs:
                _define(conn, settings, spec)
            far = replace(settings, uri=f"qemu+tcp://127.0.0.1:{_slow_door()}/system")
            for words, one in (("near", settings), (f"{2 * DELAY_MS:.0f} ms a round trip", far)):
                _measure(words, one, count)
            for spec in specs:
                conn.lookupByUUIDString(str(spec.machine_id)).undefine()
            conn.close()
        finally:
            hypervisor.remove_site(NAME, folder)


def _measure(words: str, settings: SiteSettings, count: int) -> None:
    site = LibvirtSite(settings)
    site.health()  # opens the connection
    for name in ("health", "inventory"):
        began = time.monotonic()
        getattr(site, name)()
        print(f"{words}: {name} of {count} machines {time.monotonic() - began:.2f} s")
    site.close()


def _spec(number: int) -> VmSpec:
    return VmSpec(f"bench{number}-vm", "bench.example", uuid4(), f"bench{number}", str(number), (), date(2027, 3, 31))


def _define(conn: libvirt.virConnect, settings: SiteSettings, spec: VmSpec) -> None:
    pool = conn.storagePoolLookupByName(settings.pool)
    disk = pool.createXML(
        domain_xml.image_volume(naming.machine_names(spec.name, "x", spec.machine_id).disk, 1 << 30), 0
    )
    card = Card(settings.network, "192.0.2.10", filtered=False, isolated=False)
    Domains(conn, settings).define(spec, Paths(disk.path(), disk.path()), card, accelerated=False)


def _slow_door() -> int:
    """A TCP port that leads to the local libvirtd, each byte `DELAY_MS` later in each direction."""
    ready: list[int] = []
    known = threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(_connect, "127.0.0.1", 0)
        ready.append(server.sockets[0].getsockname()[1])
        known.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    known.wait(10)
    return ready[0]


async def _connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    far_reader, far_writer = await asyncio.open_unix_connection(SOCKET)
    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer), return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def out() -> None:
        while True:
            at, data = await waiting.get()
            await asyncio.sleep(max(0.0, at - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    delivering = asyncio.create_task(out())
    while data := await reader.read(1 << 16):
        await waiting.put((loop.time() + DELAY_MS / 1000, data))
    await waiting.put((loop.time() + DELAY_MS / 1000, b""))
    await delivering


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
