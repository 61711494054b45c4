"""The child process that talks LDAP: the only user of bonsai.

A process of its own because libldap can wait for ever in a TLS handshake, and bonsai holds Python's
lock while it waits: in the bot's process a server that hangs would stop everything.  Here it stops only
this process, which its parent kills; should the parent be gone, an alarm ends it.

One JSON object a line.  First the settings (`url`, `starttls`, `ca_file`, `bind_dn`, `password`,
`seconds`, and `attributes`: all that will ever be asked for), then questions:

    {"base": "ou=people,…", "scope": "base"|"tree", "filters": ["(objectClass=person)"],
     "any_of": [["mail", "alice@example.org"], …], "attributes": ["uid", …], "most": 2, "pages": false}

Every value is escaped here; a question has no other way to carry one.  Each answer is
`{"entries": [{"dn": …, "values": {"uid": ["alice"]}}], "more": false}` with attribute names in lower
case, or `{"error": …, "about": "connection"|"login"|"question"}`, after which the child ends.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import bonsai

PAGE_SIZE = 500


def serve() -> None:
    """Connect, then answer until stdin ends."""
    settings = json.loads(sys.stdin.readline())
    connection = None
    for line in sys.stdin:
        # The default action of SIGALRM ends the process, also inside libldap.
        signal.setitimer(signal.ITIMER_REAL, settings["seconds"])
        about = "question"
        try:
            if connection is None:
                about = "login"
                connection = connect(settings)
                about = "question"
            answer = ask(connection, json.loads(line))
        except (bonsai.errors.ConnectionError, bonsai.errors.ClosedConnection, bonsai.errors.TimeoutError) as error:
            answer = {"error": said(error), "about": "connection"}
        except (bonsai.LDAPError, ValueError, TypeError) as error:  # the latter two are bonsai's own, of odd settings
            answer = {"error": said(error), "about": about}
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        if "error" in answer:
            return


def connect(settings: dict[str, Any]) -> Any:
    """A connection that is protected and logged in, or anonymous where no DN is given."""
    client = bonsai.LDAPClient(settings["url"], settings["starttls"])
    client.set_cert_policy("demand")
    client.set_ca_cert(settings["ca_file"])
    # The defaults, said aloud: a referral would lead to a server that nobody has configured.
    client.set_server_chase_referrals(False)
    client.set_ignore_referrals(True)
    # As bytes: otherwise bonsai makes numbers and truth values of what looks like them.
    client.set_raw_attributes(settings["attributes"])
    if settings["bind_dn"]:
        client.set_credentials("SIMPLE", user=settings["bind_dn"], password=settings["password"])
    return client.connect()


def ask(connection: Any, question: dict[str, Any]) -> dict[str, Any]:
    """One search."""
    tree = bonsai.LDAPSearchScope.SUBTREE if question["scope"] == "tree" else bonsai.LDAPSearchScope.BASE
    asked = (question["base"], tree, written(question["filters"], question["any_of"]), question["attributes"])
    most, found = question["most"], []
    try:
        if question["pages"]:
            for entry in islice(connection.paged_search(*asked, page_size=PAGE_SIZE), most + 1):
                found.append(entry)  # noqa: PERF402 - what came before a limit counts
        else:
            found = list(connection.search(*asked, sizelimit=most))
    except bonsai.errors.SizeLimitError:
        return {"entries": [plain(entry) for entry in found[:most]], "more": True}
    return {"entries": [plain(entry) for entry in found[:most]], "more": len(found) > most}


def written(filters: Iterable[str], any_of: Iterable[tuple[str, str]]) -> str:
    """A filter (RFC 4515): all of `filters`, and one of the attributes with that value; values are escaped."""
    one = "".join(f"({attribute}={bonsai.escape_filter_exp(value)})" for attribute, value in any_of)
    return f"(&{''.join(filters)}{f'(|{one})' if one else ''})"


def plain(entry: Any) -> dict[str, Any]:
    """An entry as data; values that are not UTF-8 are left out."""
    return {"dn": str(entry.dn), "values": {name.lower(): list(texts(entry[name])) for name in entry if name != "dn"}}


def texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        with suppress(UnicodeDecodeError):
            yield value.decode() if isinstance(value, bytes) else str(value)


def said(error: Exception) -> str:
    """The server's or the library's words on one line."""
    words = " ".join(str(error.args[0] if error.args else type(error).__name__).split())
    return words.removesuffix("(unknown error code)").rstrip(" .")[:300]


if __name__ == "__main__":
    serve()
