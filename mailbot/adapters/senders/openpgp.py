"""OpenPGP signatures of whole mails (PGP/MIME, RFC 3156), by gpg with a home of the bot's own; an extra."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mailbot.errors import ConfigurationError
from mailbot.rules import Proof
from mailbot.trust import Checked
from parsers.mail.signed import signed_entity

_AHEAD = timedelta(minutes=10)


class OpenPgp:
    """Signatures by the keys that the configuration names: a good signature of any other key proves nothing.

    `signers` are `"address FINGERPRINT"`.  Only what is signed as a whole counts (multipart/signed);
    words around a signed block could be anybody's.  The words of such a mail are read out of the very bytes that are
    verified here (`parsers.mail.signed`).
    """

    def __init__(self, home: Path, signers: Sequence[str]) -> None:
        self._home = home
        self._fingerprints: dict[str, set[str]] = {}
        for signer in signers:
            address, _, fingerprint = signer.partition(" ")
            self._fingerprints.setdefault(address.lower(), set()).add(fingerprint)
        self._gpg: Any = None

    def check(self, raw: bytes, sender: str, now: datetime, days: int) -> Checked:
        """Whether the whole mail is signed by a key of `sender`, at most `days` ago.  Raises ConfigurationError without gpg."""
        wanted = self._fingerprints.get(sender.lower())
        if not wanted:
            return Checked()
        signed = signed_entity(raw)
        if signed is None:
            return Checked(found={"openpgp": "no signature of the whole mail"})
        with tempfile.NamedTemporaryFile(prefix="mailbot-", suffix=".asc") as file:
            file.write(signed.signature)
            file.flush()
            verified = self._ready().verify_data(file.name, signed.entity)
        fingerprints = {str(one or "").upper() for one in (verified.fingerprint, verified.pubkey_fingerprint)}
        if not verified.valid or not fingerprints & wanted:
            return Checked(found={"openpgp": "no good signature by a key that is named here"})
        made = datetime.fromtimestamp(int(verified.sig_timestamp or 0), UTC)
        if not now - timedelta(days=days) <= made <= now + _AHEAD:
            return Checked(found={"openpgp": f"signed at {made.isoformat()}, which is too old or in the future"})
        return Checked(frozenset({Proof.SIGNED}), {"openpgp": f"good signature by {min(fingerprints & wanted)}"})

    def lacking(self) -> list[str]:
        """Fingerprints of signers whose key is not in the home.  Raises ConfigurationError without gpg."""
        there = {str(one["fingerprint"]).upper() for one in self._ready().list_keys()}
        return sorted({one for some in self._fingerprints.values() for one in some} - there)

    def _ready(self) -> Any:
        if self._gpg is None:
            try:
                import gnupg  # noqa: PLC0415 - an extra
            except ImportError:
                raise ConfigurationError(("trust.openpgp_home: needs the extra `openpgp` (python-gnupg)",)) from None
            try:
                self._gpg = gnupg.GPG(gnupghome=str(self._home), options=["--no-auto-key-retrieve", "--batch"])
            except (OSError, ValueError) as error:
                raise ConfigurationError((f"trust.openpgp_home: gpg cannot be used: {error}",)) from None
        return self._gpg
