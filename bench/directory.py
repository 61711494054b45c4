"""How many look-ups a second the LDAP directory answers, on a private slapd with 10,000 users.

python -m bench.directory [--seconds N]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from mailbot.adapters.directory.keys_command import KeysByCommand
from mailbot.adapters.directory.ldap import LdapDirectory
from mailbot.adapters.directory.ldap_connection import LdapServer
from mailbot.adapters.directory.ldap_people import LdapLayout
from mailbot.adapters.transport import Security
from mailbot.ports import Directory
from tests import slapd
from tests.slapd import PEOPLE, Slapd, person, private_slapd

USERS = 10_000
LAYOUT = LdapLayout(PEOPLE, aliases=("mailAlternateAddress",))


def directory(server: Slapd, security: Security, cache_seconds: float = 0) -> LdapDirectory:
    port = server.tls_port if security is Security.TLS else server.port
    where = LdapServer(server.host, port, security, slapd.READER_DN, lambda: slapd.PASSWORD, server.ca_file)
    return LdapDirectory(where, LAYOUT, lambda: datetime.now(UTC), cache_seconds=cache_seconds)


def rate(asked: Directory, seconds: float, people: int = USERS, kind: str = "login") -> float:
    """Look-ups a second, of users drawn at random."""
    draw = random.Random(1)
    count, begin = 0, perf_counter()
    while perf_counter() - begin < seconds:
        number = draw.randrange(people)
        found = (
            asked.by_login(f"user{number:05}")
            if kind == "login"
            else asked.by_address(
                f"alias{number}@lab.example.org" if kind == "address" else f"nobody{number}@example.org"
            )
        )
        assert (found is None) == (kind == "stranger")
        count += 1
    return count / (perf_counter() - begin)


def both(asked: Directory, seconds: float) -> float:
    """Two threads at once, together."""
    rates: list[float] = []
    threads = [threading.Thread(target=lambda: rates.append(rate(asked, seconds))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def child_mib() -> float:
    """Memory of the process that talks LDAP."""
    command = ["ps", "-o", "rss=,args=", "--ppid", str(os.getpid())]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return max(int(line.split()[0]) for line in lines if "ldap_child" in line) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="how long each row is measured")
    seconds = parser.parse_args().seconds
    many = dict(
        person(
            f"user{number:05}",
            mailAlternateAddress=[f"alias{number}@lab.example.org"],
            sshPublicKey=[f"ssh-ed25519 AAAA user{number:05}"],
        )
        for number in range(USERS)
    )
    with private_slapd(size_limit="unlimited") as server:
        server.stop()
        server.load(many)
        server.start()
        for security in Security:
            asked = directory(server, security)
            begin = perf_counter()
            asked.by_login("user00000")
            first = (perf_counter() - begin) * 1000
            print(f"{security.value:9} first {first:4.0f} ms, then by login {rate(asked, seconds):6,.0f} /s")
            asked.close()
        asked = directory(server, Security.STARTTLS)
        for kind in ("address", "stranger"):
            print(f"starttls  by {kind:9} {rate(asked, seconds, kind=kind):8,.0f} /s")
        print(f"starttls  two threads {both(asked, seconds):8,.0f} /s")
        print(f"the child needs {child_mib():.0f} MiB")
        begin = perf_counter()
        seen = asked.people(most=USERS)
        print(f"everybody, in pages: {len(seen.people):,} in {perf_counter() - begin:.2f} s")
        asked.close()
        remembering = directory(server, Security.STARTTLS, cache_seconds=3600)
        rate(remembering, seconds, people=500)
        print(f"remembered            {rate(remembering, seconds, people=500):8,.0f} /s")
        command = KeysByCommand(remembering, ["/bin/echo", "ssh-ed25519 AAAA {login}"], cache_seconds=0)
        print(f"with a keys command   {rate(command, seconds, people=500):8,.0f} /s")
        remembering.close()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    assert Path("bench").is_dir(), "run this in the project's directory"
    main()
