"""Questions to name servers, by dnspython: TXT records only, one time limit for each answer."""

from __future__ import annotations

from collections.abc import Sequence

import dns.exception
import dns.name
import dns.resolver


class ResolverUnavailable(Exception):
    """No name server has answered in time."""


class Resolver:
    """TXT records from the given servers, or from those of this machine.  Reads nothing until it is asked."""

    def __init__(self, servers: Sequence[str] = (), port: int = 53, seconds: float = 5) -> None:
        self._servers = list(servers)
        self._port = port
        self._seconds = seconds
        self._resolver: dns.resolver.Resolver | None = None

    def txt(self, name: str) -> tuple[str, ...]:
        """The TXT records of a name, their strings joined (RFC 6376 section 3.6.2.2); empty where there are none.

        Raises ResolverUnavailable.
        """
        try:
            answer = self._ready().resolve(name, "TXT", lifetime=self._seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.LabelTooLong, dns.name.EmptyLabel):
            return ()
        except dns.exception.DNSException as error:
            raise ResolverUnavailable(f"{name}: {type(error).__name__}") from error
        return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)

    def _ready(self) -> dns.resolver.Resolver:
        if self._resolver is None:
            self._resolver = dns.resolver.Resolver(configure=not self._servers)
            if self._servers:
                self._resolver.nameservers = self._servers
                self._resolver.port = self._port
        return self._resolver
