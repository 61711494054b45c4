"""The questions of `mailbot init`: each answer is looked at when it is given, and what can be found out is not asked."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from mailbot.adapters import mail_servers
from mailbot.adapters.imap.inbox import ImapInbox, ImapSettings
from mailbot.adapters.mail_servers import MailServer, Service, SystemNames
from mailbot.adapters.senders.resolver import Resolver, ResolverUnavailable
from mailbot.cli.output import complain
from mailbot.cli.setup import Answers, Server
from mailbot.errors import MailServerUnavailable
from mailbot.trust.signatures import dmarc_policy
from provisioner.naming import NameProblem, check_domain

_ADDRESS = re.compile(r"[^\s@<>]+@([^\s@<>]+)")
_ZONE_FILE = Path("/etc/localtime")
_DNS_SECONDS = 3.0


def domain_trouble(domain: str) -> str:
    """Why it is no DNS domain, in words; empty where it is one."""
    try:
        check_domain(domain.lower())
    except NameProblem as problem:
        return f'"{domain}" cannot be used. {problem}'
    return ""


def address_trouble(address: str) -> str:
    """Why it is no mail address, in words; empty where it is one."""
    found = _ADDRESS.fullmatch(address)
    return domain_trouble(found[1]) if found else f'"{address}" is not a mail address such as support@example.org'


def system_zone(link: Path = _ZONE_FILE) -> str:
    """The time zone of this machine by its IANA name; empty where it has none."""
    # One step only: what the name itself leads to (Etc/UTC for UTC) is another name.
    target = str(link.readlink()) if link.is_symlink() else ""
    return target.partition("/zoneinfo/")[2] if "/zoneinfo/" in target else ""


def publishes_dmarc(domain: str) -> bool:
    """Whether a domain says that its mail is signed (RFC 7489); False also where no name server answers."""
    try:
        return dmarc_policy(Resolver(seconds=_DNS_SECONDS).txt(f"_dmarc.{domain}")) is not None
    except ResolverUnavailable:
        return False


def _proof_trouble(answer: str) -> str:
    """Why it is neither dkim nor none nor the name of a server."""
    return "" if answer in {"dkim", "none"} else domain_trouble(answer)


def log_in(answers: Answers) -> str:
    """Why the mailbox cannot be read with these answers, in the server's words; empty where it can."""
    server = answers.imap
    if server is None:
        return "there is no server to log in to"
    inbox = ImapInbox(
        ImapSettings(
            server.host,
            answers.username or answers.address,
            lambda: answers.password,
            port=server.port,
            security=server.security,
        )
    )
    try:
        inbox.position()
    except MailServerUnavailable as error:
        return str(error)
    finally:
        inbox.close()
    return ""


@dataclass(frozen=True, slots=True)
class Look:
    """How an answer is looked at: on the network, or in a test without one."""

    candidates: Callable[[Service, str], Iterable[MailServer]] = lambda service, domain: mail_servers.candidates(
        service, domain, SystemNames()
    )
    trouble: Callable[[MailServer], str] = mail_servers.trouble
    log_in: Callable[[Answers], str] = log_in
    zone: Callable[[], str] = system_zone
    publishes_dmarc: Callable[[str], bool] = publishes_dmarc


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody at a terminal.  An answer that cannot be right is asked again; the answers before it stay."""

    ask: Callable[[str], str] = input
    ask_secret: Callable[[str], str] = getpass.getpass
    look: Look = Look()

    @property
    def terminal(self) -> bool:
        """Whether anybody is there."""
        return self.ask is not input or sys.stdin.isatty()

    def complete(self, answers: Answers) -> Answers:
        """Find out or ask what was not said.  Without a terminal, raises BadParameter that names every missing option."""
        if not self.terminal:
            self._refuse_to_guess(answers)
        address = answers.address or self._until("Address of the shared mailbox (support@example.org)", address_trouble)
        answers = replace(answers, address=address, timezone=answers.timezone or self.look.zone())
        answers = replace(answers, imap=answers.imap or self._server(Service.IMAP, address))
        answers = replace(answers, smtp=answers.smtp or self._server(Service.SMTP, address))
        if answers.password_file is None and not answers.password:
            answers = self._with_password(answers)
        admin = answers.admin or self._until("Address of the admin who decides (admin@example.org)", address_trouble)
        machines = "Domain of the machines: <username>-vm.<domain> (main.testbed.example)"
        answers = replace(answers, admin=admin, domain=answers.domain or self._until(machines, domain_trouble))
        return answers if answers.proof_is_said or not self.terminal else self._with_proof(answers)

    def _refuse_to_guess(self, answers: Answers) -> None:
        said = {
            "--address": answers.address,
            "--admin": answers.admin,
            "--domain": answers.domain,
            "--password-file": answers.password_file or answers.password,
        }
        missing = [option for option, answer in said.items() if not answer]
        if missing:
            raise typer.BadParameter(f"there is no terminal to ask at; give {', '.join(missing)}")

    def _server(self, service: Service, address: str) -> Server:
        """The first server of the address's domain that answers; asked for where none does."""
        for one in self.look.candidates(service, address.rpartition("@")[2]):
            if not self.look.trouble(one):
                complain(f"found   {service.upper()} server {one.host}:{one.port} ({one.security})")
                return Server(one.host, one.security, one.port)
        if not self.terminal:
            raise typer.BadParameter(f"no {service.upper()} server of {address} answers; give --{service}")
        return self._server_by_name(service)

    def _server_by_name(self, service: Service) -> Server:
        """A host that somebody names; the same name twice is taken as it is: a server may be away today."""
        before = ""
        while True:
            host = self._until(f"{service.upper()} server ({service}.example.org)", lambda _host: "")
            told = {}
            for one in mail_servers.of_host(service, host):
                told[one] = self.look.trouble(one)
                if not told[one]:
                    return Server(one.host, one.security, one.port)
            if host == before:
                return Server(host)
            before = host
            for one, why in told.items():
                complain(f"{one.host}:{one.port} ({one.security}): {why}")
            complain("Enter another name, or the same one again to use it anyway.")

    def _with_password(self, answers: Answers) -> Answers:
        """A password that the mailbox takes; the same one twice is taken as it is."""
        before = ""
        while True:
            password = self._until(f"Password of {answers.username or answers.address}", lambda _: "", self.ask_secret)
            answers = replace(answers, password=password)
            why = self.look.log_in(answers)
            if not why or password == before:
                return answers
            before = password
            complain(f"{why}\nEnter another password, or the same one again to use it anyway.")

    def _with_proof(self, answers: Answers) -> Answers:
        """How a forged sender is told from a real one; without any way, a request is believed by its address alone.

        Where the admin's domain says by a DMARC record that its mail is signed, an empty answer checks that.
        """
        domain = answers.admin.rpartition("@")[2].lower()
        signs = self.look.publishes_dmarc(domain)
        complain(
            "How should mailbot tell a forged sender from a real one?\n"
            f"  dkim  mailbot checks DKIM signatures itself{f'; {domain} says that it signs its mail' if signs else ''}\n"
            "  NAME  your own mail server checks, and writes its result to Authentication-Results under this name (authserv-id)\n"
            "  none  not at all: anyone who knows an address can write in its name\n"
            "Mail that is not proven then decides nothing; docs/how-to/mail-server.md tells more."
        )
        usual = "dkim" if signs else ""
        answer = self._until(f"dkim, NAME or none{f' [{usual}]' if usual else ''}", _proof_trouble, usual=usual).lower()
        if answer in {"dkim", "none"}:
            return replace(answers, check_dkim=answer == "dkim")
        return replace(answers, check_dkim=False, authserv_id=answer)

    def _until(
        self, question: str, trouble: Callable[[str], str], ask: Callable[[str], str] | None = None, usual: str = ""
    ) -> str:
        """An answer that can be right; an empty one means the `usual` one."""
        while True:
            try:
                answer = (ask or self.ask)(f"{question}: ").strip() or usual
            except EOFError:
                raise typer.Abort from None
            why = trouble(answer) if answer else "an answer is needed"
            if not why:
                return answer
            complain(why)
