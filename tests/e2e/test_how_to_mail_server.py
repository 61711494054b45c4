"""Plus-addresses as docs/how-to/mail-server.md sets them up: an answer to a letter's own address arrives in the mailbox."""

from __future__ import annotations

import shutil
import smtplib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contrib.demo.loopback import make_certificate
from contrib.demo.mailserver import Dovecot
from tests.border import Border, lines_of_the_page
from tests.clock import wall
from tests.unpacked import unpacked
from tests.world import ALICE
from tests.writing import SUPPORT, mail

pytestmark = pytest.mark.e2e

OF_A_LETTER = SUPPORT.replace("@", "+of-a-letter@")
BASE = ("virtual_mailbox_domains = testbed.example", f"virtual_mailbox_maps = inline:{{{SUPPORT}=support}}")


class Delivering(Dovecot):
    """A Dovecot that Postfix delivers to, by LMTP or by starting its LDA, with the lines of the page."""

    def configuration(self, version: tuple[int, int]) -> str:
        lmtp = next(unpacked("dovecot-lmtpd").rglob("usr/lib/dovecot/lmtp"))
        return super().configuration(version) + "\n".join(
            (
                "protocols = imap lmtp",
                f"service lmtp {{\n  executable = {lmtp}\n  unix_listener {self.base}/lmtp {{\n    mode = 0666\n  }}\n}}",
                "service auth {\n  unix_listener auth-userdb {\n    mode = 0666\n  }\n}",
                lines_of_the_page("/etc/dovecot/local.conf"),
            )
        )


@pytest.fixture
def dovecot() -> Iterator[Delivering]:
    home = Path(tempfile.mkdtemp(prefix="mailbot-lmtp-", dir="/tmp"))
    home.chmod(0o755)
    server = Delivering(home / "dovecot", {"support": "secret"}, make_certificate(home))
    server.start()
    yield server
    server.stop()
    shutil.rmtree(home)


@pytest.mark.parametrize("way", ["lmtp", "lda"])
def test_an_answer_to_the_address_of_a_letter_is_delivered_into_the_inbox(dovecot: Delivering, way: str) -> None:
    command = f"/usr/lib/dovecot/dovecot-lda -c {dovecot.base}/dovecot.conf -o log_path=/dev/stderr"
    lda = f"flags=DRhu user=mail argv={command} -f ${{sender}} -d ${{user}}"
    to = f"virtual_transport = lmtp:unix:{dovecot.base}/lmtp" if way == "lmtp" else "virtual_transport = lda"
    services = f"lmtp unix - - n - - lmtp\nlda unix - n n - - pipe {lda}\n"
    with Border({}, main_cf=(*BASE, to), master_cf=services) as border:
        border.submit(mail(ALICE.email, "Re: a letter", "approve", wall()), ALICE.email, OF_A_LETTER)
        deadline = time.monotonic() + 30
        while not dovecot.mailbox("support"):
            assert time.monotonic() < deadline, border.log() + dovecot.log()
            time.sleep(0.05)
    (delivered,) = dovecot.mailbox("support")
    assert b"Subject: Re: a letter" in delivered


def test_without_the_line_of_the_page_postfix_knows_no_such_address() -> None:
    with Border({}, main_cf=(*BASE, "recipient_delimiter =")) as border, pytest.raises(smtplib.SMTPRecipientsRefused):
        border.submit(mail(ALICE.email, "Re: a letter", "approve", wall()), ALICE.email, OF_A_LETTER)
