"""systemd's readiness protocol, sd_notify(3): one datagram to the socket that $NOTIFY_SOCKET names."""

from __future__ import annotations

import contextlib
import socket


def notify(state: str, address: str | None) -> None:
    """Send `READY=1`, `STOPPING=1`, `WATCHDOG=1` or `STATUS=…`; nothing where `address` is None (no systemd).

    An abstract socket begins with `@`.  Never raises: a supervisor that does not listen is no reason to stop.
    """
    if not address:
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto(state.encode(), name)
