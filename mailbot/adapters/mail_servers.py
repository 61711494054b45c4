"""Which servers an address's mail is likely to be on: RFC 6186 and RFC 8314 (SRV), the large providers, and names that are usual."""

from __future__ import annotations

import imaplib
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import dns.exception
import dns.resolver

from mailbot.adapters.transport import Security, tls_context

DNS_SECONDS = 3.0
TRY_SECONDS = 5.0
_WIRE_ERRORS = (OSError, imaplib.IMAP4.error, smtplib.SMTPException, ValueError, EOFError)


class Service(StrEnum):
    """What a server is for."""

    IMAP = "imap"
    SMTP = "smtp"


@dataclass(frozen=True, slots=True)
class MailServer:
    """One server that may be the right one."""

    service: Service
    host: str
    port: int
    security: Security


class Names(Protocol):
    """Questions to name servers.  Nothing is raised: an answer that does not come is none."""

    def srv(self, name: str) -> Sequence[tuple[str, int]]:
        """Hosts and ports of a name's SRV records, the first choice first; empty where there are none."""

    def mx(self, name: str) -> Sequence[str]:
        """Hosts that take the mail of a domain, the first choice first."""


class SystemNames:
    """`Names` by the name servers of this machine."""

    def srv(self, name: str) -> Sequence[tuple[str, int]]:
        found = self._ask(name, "SRV")
        ordered = sorted(found, key=lambda one: (one.priority, -one.weight))
        return [(host, one.port) for one in ordered if (host := one.target.to_text(omit_final_dot=True)) != "."]

    def mx(self, name: str) -> Sequence[str]:
        ordered = sorted(self._ask(name, "MX"), key=lambda one: one.preference)
        return [one.exchange.to_text(omit_final_dot=True).lower() for one in ordered]

    @staticmethod
    def _ask(name: str, kind: str) -> list[Any]:
        try:
            return list(dns.resolver.resolve(name, kind, lifetime=DNS_SECONDS, search=False))
        except (dns.exception.DNSException, OSError):
            return []


_SRV = {
    Service.IMAP: (("_imaps._tcp", Security.TLS), ("_imap._tcp", Security.STARTTLS)),
    Service.SMTP: (("_submissions._tcp", Security.TLS), ("_submission._tcp", Security.STARTTLS)),
}
_PORTS = {
    Service.IMAP: ((993, Security.TLS), (143, Security.STARTTLS)),
    Service.SMTP: ((465, Security.TLS), (587, Security.STARTTLS)),
}
_USUAL = {Service.IMAP: ("imap.", "mail.", ""), Service.SMTP: ("smtp.", "mail.", "")}
_PROVIDERS = {
    ".google.com": {
        Service.IMAP: ("imap.gmail.com", 993, Security.TLS),
        Service.SMTP: ("smtp.gmail.com", 465, Security.TLS),
    },
    ".mail.protection.outlook.com": {
        Service.IMAP: ("outlook.office365.com", 993, Security.TLS),
        Service.SMTP: ("smtp.office365.com", 587, Security.STARTTLS),
    },
}
"""The servers of providers, by the end of the names under which they take a domain's mail."""


def candidates(service: Service, domain: str, names: Names) -> Iterator[MailServer]:
    """Servers to try for a domain, the likeliest first, each once."""
    seen = set()
    for one in _all(service, domain, names):
        if one not in seen:
            seen.add(one)
            yield one


def _all(service: Service, domain: str, names: Names) -> Iterator[MailServer]:
    for label, security in _SRV[service]:
        for host, port in names.srv(f"{label}.{domain}"):
            yield MailServer(service, host, port, security)
    for exchange in names.mx(domain):
        for end, servers in _PROVIDERS.items():
            if exchange.endswith(end):
                yield MailServer(service, *servers[service])
    for prefix in _USUAL[service]:
        yield from of_host(service, prefix + domain)


def of_host(service: Service, host: str) -> Iterator[MailServer]:
    """The protected ports of one host."""
    for port, security in _PORTS[service]:
        yield MailServer(service, host, port, security)


def trouble(server: MailServer, seconds: float = TRY_SECONDS) -> str:
    """Why a server cannot be used, in words; empty where it answers and proves its name.  Nobody is logged in."""
    context = tls_context(server.service, None)
    try:
        match server.service:
            case Service.IMAP:
                _greet_imap(server, context, seconds)
            case Service.SMTP:
                _greet_smtp(server, context, seconds)
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not accepted: {error.verify_message}"
    except socket.gaierror:
        return "there is no such host"
    except TimeoutError:
        return "no answer in time"
    except _WIRE_ERRORS as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ""


def _greet_imap(server: MailServer, context: ssl.SSLContext, seconds: float) -> None:
    if server.security is Security.TLS:
        with imaplib.IMAP4_SSL(server.host, server.port, ssl_context=context, timeout=seconds):
            return
    with imaplib.IMAP4(server.host, server.port, timeout=seconds) as client:
        client.starttls(context)


def _greet_smtp(server: MailServer, context: ssl.SSLContext, seconds: float) -> None:
    name = "[127.0.0.1]"
    if server.security is Security.TLS:
        with smtplib.SMTP_SSL(server.host, server.port, name, timeout=seconds, context=context) as client:
            client.ehlo()
            return
    with smtplib.SMTP(server.host, server.port, name, timeout=seconds) as client:
        client.starttls(context=context)
