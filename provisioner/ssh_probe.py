"""Whether an SSH server answers at an address: the one look from this machine at a guest."""

from __future__ import annotations

import socket


def ssh_answers(address: str, seconds: float, port: int = 22) -> bool:
    """Connect and read the first bytes of the identification (RFC 4253 section 4.2), within `seconds` each."""
    try:
        with socket.create_connection((address, port), timeout=seconds) as connection:
            connection.settimeout(seconds)
            # The whole line, lest closing on unread bytes look like a fault in the guest's log.
            return connection.recv(255).startswith(b"SSH-")
    except OSError:
        return False
