"""BIND from Debian, with a forward zone and reverse ones that a key may change, on a port of its own."""

from __future__ import annotations

import base64
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype

from mailbot.adapters.zones.dynamic import Zone

FORWARD = "testbed.example"
REVERSE = ("2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")
_START_SECONDS = 30
_ZONE = """\
$TTL 300
@ IN SOA ns.testbed.example. admin.testbed.example. 1 3600 900 604800 300
@ IN NS ns.testbed.example.
"""


@dataclass(frozen=True)
class NameServer:
    """One that runs."""

    port: int
    secret: str

    def zone(self, name: str, **changes: object) -> Zone:
        known = {
            "name": name,
            "server": "127.0.0.1",
            "port": self.port,
            "key_name": "mailbot",
            "secret": lambda: self.secret,
        }
        return Zone(**{**known, **changes})  # type: ignore[arg-type]

    @property
    def zones(self) -> tuple[Zone, ...]:
        return tuple(self.zone(name) for name in (FORWARD, *REVERSE))

    def records(self, name: str, kind: str) -> set[str]:
        """What it answers, as text."""
        query = dns.message.make_query(name, dns.rdatatype.from_text(kind))
        answer = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=5)
        return {one.to_text() for found in answer.answer for one in found}


@contextmanager
def name_server(folder: Path) -> Iterator[NameServer]:
    """Run BIND in a folder; ended afterwards."""
    named = shutil.which("named", path="/usr/sbin:/usr/local/sbin")
    assert named, "named is missing: contrib/setup.sh tests"
    secret = base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "base").write_text(_ZONE)
    zones = ""
    for number, name in enumerate((FORWARD, *REVERSE)):
        text = _ZONE + ("ns IN A 127.0.0.1\nprinter IN A 192.0.2.200\n" if name == FORWARD else "")
        (folder / f"zone{number}").write_text(text)
        zones += f'zone "{name}" {{ type primary; file "zone{number}"; allow-update {{ key mailbot; }}; }};\n'
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none;\n'
        "  recursion no; dnssec-validation no; notify no; session-keyfile none; };\n"
        f'key mailbot {{ algorithm hmac-sha256; secret "{secret}"; }};\ncontrols {{ }};\n{zones}'
    )
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [named, "-g", "-4", "-n", "1", "-c", str(folder / "named.conf")], stdout=log, stderr=log
        )
    server = NameServer(port, secret)
    try:
        _wait(server, running, folder / "log")
        yield server
    finally:
        running.terminate()
        running.wait()


def _wait(server: NameServer, running: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_START_SECONDS * 10):
        assert running.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            if server.records(FORWARD, "SOA"):
                return
        except OSError:
            pass
        except dns.exception.DNSException:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-2000:])
