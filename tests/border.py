"""A site's border on loopback: Postfix with OpenDKIM and OpenDMARC, and name servers for a small zone.

Each has the lines of docs/how-to/mail-server.md, with the names and ports of here, and what it needs to run here.  Everything runs from Debian's packages under a configuration of its own in a temporary folder, on free
ports of 127.0.0.1; the names are served on port 53 of another loopback address, because OpenDMARC asks
whatever /etc/resolv.conf names (it sees one of its own, in a mount namespace).  Needs root, as Postfix does.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from contrib.demo.loopback import free_ports
from tests.dkim_signing import key

NAME = "mx.testbed.example"
DNS_ADDRESS = "127.53.{}.{}".format(*divmod(os.getpid() % (1 << 16), 256))
"""One for each process: tests of several files run side by side."""
INSIDE = "127.0.0.2"
"""Where the site's own users hand in their mail from."""
PAGE = (Path(__file__).resolve().parents[1] / "docs" / "how-to" / "mail-server.md").read_text(encoding="utf-8")
_START_SECONDS = 30


def lines_of_the_page(file: str) -> str:
    """What the page writes into that file."""
    return "".join(re.findall(rf"^```text\n# {file}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


class BorderProblem(RuntimeError):
    """The border cannot be started; the message says what to do."""


class Names:
    """Answers questions for TXT records of the zone (a dict), and "no such name" to everything else."""

    def __init__(self, zone: Mapping[str, str]) -> None:
        self.zone = {name.lower().rstrip("."): text for name, text in zone.items()}
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._socket.bind((DNS_ADDRESS, 53))
        self._thread.start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                data, client = self._socket.recvfrom(4096)
            except OSError:
                return
            with contextlib.suppress(dns.exception.DNSException, OSError):
                self._socket.sendto(self._answer(dns.message.from_wire(data)).to_wire(), client)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA | dns.flags.AA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        text = self.zone.get(name)
        if text is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.TXT:
            pieces = " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", pieces))
        return answer


class Border:
    """Postfix that takes mail for the site from anybody, has it judged by both filters, and hands it on.

    It goes to the SMTP server at `deliver_port`, or where `main_cf` and `master_cf` say.
    """

    def __init__(
        self,
        zone: Mapping[str, str],
        deliver_port: int = 0,
        domain: str = "testbed.example",
        main_cf: Sequence[str] = (),
        master_cf: str = "",
    ) -> None:
        self.names = Names(zone)
        self.home = Path(tempfile.mkdtemp(prefix="mailbot-mta-", dir="/tmp"))
        self.home.chmod(0o755)
        self.port, self._dkim_port, self._dmarc_port = free_ports(3)
        self._domain = domain
        to_the_port = (f"relay_domains = {domain}", f"relay_transport = smtp:[127.0.0.1]:{deliver_port}")
        self._main_cf, self._master_cf = main_cf or to_the_port, master_cf
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Border:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        missing = [name for name in ("postfix", "opendkim", "opendmarc") if _program(name) is None]
        if missing or os.geteuid() != 0:
            raise BorderProblem(f"needs root, and: apt-get install {' '.join(missing) or 'nothing more'}")
        self.names.start()
        self._run("opendkim", self._opendkim())
        self._run("opendmarc", self._opendmarc())
        for port in (self._dkim_port, self._dmarc_port):
            self._await(port)
        self._run("postfix", self._postfix())
        self._await(self.port)

    def stop(self) -> None:
        """End what was started here, newest first, and remove its folder."""
        # Postfix puts its master into a session of its own; its number is all that is left of it here.
        with contextlib.suppress(OSError, ValueError):
            os.killpg(int((self.home / "queue" / "pid" / "master.pid").read_text()), signal.SIGTERM)
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes = []
        self.names.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def submit(self, raw: bytes, envelope_from: str, to: str, client: str = "127.0.0.1") -> None:
        """Hand a mail to the border, as any server on the internet could, or as the site's own users do (from INSIDE)."""
        name, here = "client.elsewhere.example", (client, 0)
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname=name, timeout=240, source_address=here) as session:
            session.sendmail(envelope_from, [to], raw)

    def log(self) -> str:
        """What all three have written, for a person who looks for a fault."""
        files = sorted(self.home.glob("*.log"))
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-4000:]}" for file in files)

    # the three

    def _opendkim(self) -> list[str]:
        inside = self._file("inside", f"{INSIDE}\n")
        resolver = self._file(
            "unbound.conf",
            f"server:\n do-not-query-localhost: no\n module-config: iterator\n"
            f'forward-zone:\n name: "."\n forward-addr: {DNS_ADDRESS}\n',
        )
        signs = self._file("mail.private", key("mail").pem.decode())
        config = self._file(
            "opendkim.conf",
            self._here("/etc/opendkim.conf").replace("/etc/dkimkeys/mail.private", str(signs))
            + f"InternalHosts {inside}\nExternalIgnoreList {inside}\nResolverConfiguration {resolver}\n"
            "RequireSafeKeys no\nBackground no\nSyslog no\nDNSTimeout 5\n",
        )
        return [_program("opendkim") or "", "-f", "-x", str(config)]

    def _opendmarc(self) -> list[str]:
        resolv = self._file("resolv.conf", f"nameserver {DNS_ADDRESS}\noptions timeout:2 attempts:2\n")
        config = self._file(
            "opendmarc.conf",
            self._here("/etc/opendmarc.conf")
            + f"IgnoreHosts {self.home / 'inside'}\nBackground false\nSyslog false\nFailureReports false\n",
        )
        program = _program("opendmarc")
        script = f"mount --bind {resolv} /etc/resolv.conf && exec {program} -f -c {config}"
        return ["unshare", "--mount", "sh", "-c", script]

    def _here(self, file: str) -> str:
        """The lines of the page for that file, for the server that runs here."""
        ports = {"8891": str(self._dkim_port), "8893": str(self._dmarc_port)}
        lines = lines_of_the_page(file).replace("mx.example.org", NAME).replace("example.org", self._domain)
        return re.sub(r"\b889[13]\b", lambda port: ports[port.group()], lines)

    def _postfix(self) -> list[str]:
        queue, data = self.home / "queue", self.home / "data"
        queue.mkdir()
        data.mkdir()
        shutil.chown(data, "postfix", "postfix")
        self._file(
            "main.cf",
            "\n".join(
                (
                    "compatibility_level = 3.6",
                    f"myhostname = {NAME}",
                    "mydestination =",
                    "mynetworks = 192.0.2.254/32",
                    "inet_interfaces = 127.0.0.1",
                    "inet_protocols = ipv4",
                    f"queue_directory = {queue}",
                    f"data_directory = {data}",
                    "command_directory = /usr/sbin",
                    "daemon_directory = /usr/lib/postfix/sbin",
                    "maillog_file_prefixes = /tmp",
                    f"maillog_file = {self.home}/postfix.log",
                    "alias_maps =",
                    "local_recipient_maps =",
                    "smtpd_recipient_restrictions = reject_unauth_destination",
                    self._here("/etc/postfix/main.cf"),
                    "smtpd_peername_lookup = no",
                    "smtp_dns_support_level = disabled",
                    "smtp_host_lookup = native",
                    "smtputf8_enable = no",
                    *self._main_cf,
                    "",
                )
            ),
        )
        services = "pickup unix n - n 60 1 pickup\nqmgr unix n - n 300 1 qmgr\nrewrite unix - - n - - trivial-rewrite\n"
        for name in ("bounce", "defer", "trace"):
            services += f"{name} unix - - n - 0 bounce\n"
        for name in ("cleanup", "smtp", "error", "discard", "proxymap"):
            services += (
                f"{name} unix {'n' if name == 'cleanup' else '-'} - n - {0 if name == 'cleanup' else '-'} {name}\n"
            )
        services += "retry unix - - n - - error\nflush unix n - n 1000? 0 flush\nshowq unix n - n - - showq\n"
        services += "anvil unix - - n - 1 anvil\nverify unix - - n - 1 verify\npostlog unix-dgram n - n - 1 postlogd\n"
        self._file("master.cf", f"127.0.0.1:{self.port} inet n - n - - smtpd\n{services}{self._master_cf}")
        return [_program("postfix") or "", "-c", str(self.home), "start-fg"]

    def _file(self, name: str, text: str) -> Path:
        path = self.home / name
        path.write_text(text)
        return path

    def _run(self, name: str, command: list[str]) -> None:
        with (self.home / f"{name}.output.log").open("wb") as output:
            self._processes.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
            )

    def _await(self, port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in self._processes):
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        raise BorderProblem(f"the border does not start:\n{self.log()}")


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"/usr/sbin:/usr/bin:{os.environ.get('PATH', '')}")
