"""OpenPGP signatures of whole mails, made by gpg itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mailbot.adapters.senders.authentication import MailAuthenticator
from mailbot.adapters.senders.openpgp import OpenPgp
from mailbot.model import Letter, TicketState
from mailbot.rules import Proof, Rules, TrustRules
from mailbot.trust import Checked
from parsers import Mail, ReadingRules, read
from parsers.mail.signed import signed_entity
from tests.clock import wall
from tests.world import World, request_words
from tests.writing import words_of

CAROL = "carol@testbed.example"
MALLORY = "mallory@elsewhere.example"


class Keys:
    """A GnuPG home with keys of carol and mallory; removed with its agent."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.fingerprints = {address: self._make(address) for address in (CAROL, MALLORY)}

    def _make(self, address: str) -> str:
        self._gpg("--quick-generate-key", address, "ed25519", "sign", "never")
        listed = self._gpg("--with-colons", "--list-keys", address).decode()
        return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))

    def _gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        command = [
            "gpg",
            "--homedir",
            str(self.home),
            "--batch",
            "--yes",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ]
        return subprocess.run([*command, *arguments], input=data, capture_output=True, check=True).stdout

    def sign(self, words: str, by: str) -> bytes:
        """A PGP/MIME mail (RFC 3156) from carol, signed by a key."""
        part = f"Content-Type: text/plain; charset=us-ascii\r\n\r\n{words}\r\n".encode()
        signature = self._gpg("--armor", "--detach-sign", "--local-user", by, data=part).decode().replace("\n", "\r\n")
        head = (
            f"From: {CAROL}\r\nSubject: Re: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=pgp-sha512;\r\n"
            ' protocol="application/pgp-signature"; boundary="b0"\r\n\r\n--b0\r\n'
        )
        tail = f"\r\n--b0\r\nContent-Type: application/pgp-signature\r\n\r\n{signature}\r\n--b0--\r\n"
        return head.encode() + part + tail.encode()

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], capture_output=True, check=False)


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with TemporaryDirectory(prefix="mailbot-gpg-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        keys = Keys(Path(folder))
        yield keys
        keys.close()


def _check(keys: Keys, raw: bytes, sender: str = CAROL, now: datetime | None = None) -> Checked:
    openpgp = OpenPgp(keys.home, (f"{CAROL} {keys.fingerprints[CAROL]}",))
    return openpgp.check(raw, sender, now or wall(), 7)


def test_a_good_signature_by_the_named_key_is_a_proof(keys: Keys) -> None:
    assert _check(keys, keys.sign("approve", CAROL)).proofs == {Proof.SIGNED}


def test_line_ends_on_the_way_do_not_matter(keys: Keys) -> None:
    assert _check(keys, keys.sign("approve", CAROL).replace(b"\r\n", b"\n")).proofs == {Proof.SIGNED}


def test_a_good_signature_by_any_other_key_is_none(keys: Keys) -> None:
    checked = _check(keys, keys.sign("approve", MALLORY))
    assert not checked.proofs
    assert "no good signature" in checked.found["openpgp"]


def test_words_that_were_changed_or_added_are_not_signed(keys: Keys) -> None:
    raw = keys.sign("approve", CAROL)
    assert not _check(keys, raw.replace(b"approve", b"deny no")).proofs
    assert not _check(
        keys,
        raw.replace(
            b"\r\n--b0\r\nContent-Type: text/plain", b"\r\n--b0\r\n\r\nhello\r\n--b0\r\nContent-Type: text/plain"
        ),
    ).proofs
    assert not _check(keys, raw.replace(b"multipart/signed", b"multipart/mixed")).proofs


def test_words_beside_the_signed_part_are_never_those_that_are_read(keys: Keys) -> None:
    """Each puts carol's genuine signed words where no reader looks, and others where one does."""
    raw = keys.sign("hello", CAROL)
    head, _, body = raw.partition(b"\r\n\r\n")
    unsigned = b"Content-Type: text/plain\r\n\r\napprove\r\n"
    tricks = {
        "a lone carriage return": head + b"\r\n\r\nx\r--b0\r" + unsigned.replace(b"\r\n", b"\r") + b"--b0\r\r\n" + body,
        "a preamble": raw.replace(b"\r\n\r\n--b0", b"\r\n\r\napprove\r\n--b0", 1),
        "an epilogue": raw + b"approve\r\n",
        "a third part": raw.replace(b"--b0--", b"--b0\r\n" + unsigned + b"--b0--"),
        "an encoded boundary": raw.replace(b'boundary="b0"', b"boundary*=raw_unicode_escape''b%5Cu0030"),
        "two boundaries": raw.replace(b'boundary="b0"', b'boundary="b0"; boundary="b1"'),
        "a second Content-Type": b"Content-Type: text/plain\r\n" + raw,
        "an encoding around it": b"Content-Transfer-Encoding: base64\r\n" + raw,
        "a boundary that is the start of another": raw.replace(b'boundary="b0"', b'boundary="b"'),
    }
    for name, trick in tricks.items():
        assert not _check(keys, trick).proofs, name


@pytest.mark.parametrize(
    "header", [b"", b"Content-Type: text/plain; charset=us-ascii\r\nSubject: approve\r\nFrom: m@e.example\r\n"]
)
def test_the_words_that_are_read_are_the_bytes_that_are_verified(keys: Keys, header: bytes) -> None:
    raw = keys.sign("approve", CAROL)
    signed = signed_entity(raw)
    assert signed is not None
    swapped = replace(signed, entity=header + b"\r\ndeny no room\r\n").as_mail()
    reading = ReadingRules(now=wall(), timezone=UTC)

    mail, other = read(raw, reading), read(swapped, reading)

    assert isinstance(mail, Mail)
    assert isinstance(other, Mail)
    assert (mail.new_text, mail.attachments, mail.sender.address) == ("approve", (), CAROL)
    assert (other.new_text, other.subject, other.sender.address) == ("deny no room", "Re: x", CAROL)


def test_the_line_that_thunderbird_puts_above_is_no_preamble(keys: Keys) -> None:
    line = b"This is an OpenPGP/MIME signed message (RFC 4880 and 3156)\r\n"

    assert _check(keys, keys.sign("approve", CAROL).replace(b"\r\n\r\n--b0", b"\r\n\r\n" + line + b"--b0", 1)).proofs


def test_a_signature_belongs_to_its_address_and_its_days(keys: Keys) -> None:
    raw = keys.sign("approve", CAROL)
    assert _check(keys, raw, sender=MALLORY) == Checked()
    assert not _check(keys, raw, now=wall() + timedelta(days=8)).proofs
    assert not _check(keys, raw, now=wall() - timedelta(days=1)).proofs


def test_a_mail_without_a_signature_is_none(keys: Keys) -> None:
    assert not _check(keys, b"From: carol@testbed.example\r\n\r\napprove\r\n").proofs


def test_keys_that_are_not_there_are_named(keys: Keys) -> None:
    assert OpenPgp(keys.home, (f"{CAROL} {keys.fingerprints[CAROL]}",)).lacking() == []
    assert OpenPgp(keys.home, (f"{CAROL} {'A' * 40}",)).lacking() == ["A" * 40]


def test_a_site_can_ask_for_a_signature_and_words_inside_it_are_the_command(keys: Keys, tmp_path: Path) -> None:
    signers = (f"{CAROL} {keys.fingerprints[CAROL]}",)
    trust = TrustRules(
        openpgp_home=keys.home,
        openpgp_signers=signers,
        approve=(Proof.TOKEN, Proof.REGISTERED, Proof.SIGNED),
    )
    world = World(tmp_path, rules=Rules(trust=trust))
    try:
        world.clock.set(wall())
        until = (world.now + timedelta(days=200)).date().isoformat()
        world.writes("alice@example.org", request_words(until=until))
        context = replace(world.bot.context, authenticator=MailAuthenticator(trust))
        world.bot = replace(world.bot, context=context)
        question = world.last(Letter.ADMIN_DECISION, CAROL)
        world.answers(question, "approve")
        assert world.ticket().state is TicketState.PENDING
        assert "OpenPGP" in words_of(world.last(Letter.COMMAND_REFUSED, CAROL))
        for by, state in ((MALLORY, TicketState.PENDING), (CAROL, TicketState.APPROVED)):
            head = f"References: {question.message_id}\r\nMessage-ID: <{by}>\r\n".encode()
            world.arrives(head + keys.sign("approve", by))
            assert world.ticket().state is state, by
        evidence = context.store.history(1)[1].actor.evidence
        assert evidence["proofs"] == ["registered", "signed", "token"]
        assert keys.fingerprints[CAROL] in evidence["found"]["openpgp"]
    finally:
        world.close()
