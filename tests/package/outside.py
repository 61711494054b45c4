"""What a machine finds outside: name servers that know its mail domain, and a way to Debian's mirrors.

Both listen on the loopback of a network namespace that has nothing else; connections go on from this machine's own network.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import threading
from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.second_host import inside

_HERE = "127.0.0.1"
_HEAD_BYTES = 64 * 1024


def mirrors(root: Path) -> set[str]:
    """The hosts of a root's apt sources, by http."""
    etc = root / "etc/apt"
    files = [etc / "sources.list", *(etc / "sources.list.d").glob("*")]
    return {host for file in files if file.exists() for host in re.findall(r"http://([^/\s:]+)/", file.read_text())}


class Outside:
    """Records by name and type (`"_imaps._tcp.example.org SRV": "0 0 993 imap.example.org."`), and hosts that are reached by http."""

    def __init__(self, namespace: str, records: Mapping[str, str], hosts: set[str]) -> None:
        self._records = {**records, **{f"{host} A": _HERE for host in hosts}}
        self._hosts = hosts
        self._names = inside(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._names.bind((_HERE, 53))
        self._web = inside(namespace, lambda: socket.create_server((_HERE, 80)))
        for serve in (self._answer, self._accept):
            threading.Thread(target=serve, daemon=True).start()

    def close(self) -> None:
        for one in (self._names, self._web):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, client = self._names.recvfrom(4096)
                with contextlib.suppress(dns.exception.DNSException):
                    self._names.sendto(self._found(dns.message.from_wire(data)).to_wire(), client)

    def _found(self, query: dns.message.Message) -> dns.message.Message:
        answer, question = dns.message.make_response(query), query.question[0]
        answer.flags |= dns.flags.RA
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        said = self._records.get(f"{name} {kind}")
        if said is not None:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, said))
        elif name not in self._hosts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._web.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        """A connection to the host that its first request names, and to no other than the mirrors."""
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and len(head) < _HEAD_BYTES:
                head += client.recv(4096)
            named = re.search(rb"\r\nhost: ([^\r:]+)", head, re.IGNORECASE)
            host = named[1].decode() if named else ""
            if host not in self._hosts:
                return
            with socket.create_connection((host, 80), 30) as server:
                server.sendall(head)
                _both_ways(client, server)


def _both_ways(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes until either side has ended."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(one, selectors.EVENT_READ, other)
        waiting.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in waiting.select():
                data = key.fileobj.recv(256 * 1024)
                if not data:
                    return
                key.data.sendall(data)
