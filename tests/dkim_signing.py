"""Mails signed as a sender's server does it, and the names that a zone would hold for them."""

from __future__ import annotations

import base64
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import dkim
from nacl.signing import SigningKey

HEADERS = (
    *(b"from", b"to", b"subject", b"date", b"message-id", b"content-type", b"content-transfer-encoding"),
    *(b"in-reply-to", b"references"),
)


@dataclass(frozen=True)
class Key:
    """A private key (PEM) and the TXT record of its public half (RFC 6376 section 3.6.1)."""

    pem: bytes
    record: str


def key(name: str = "", bits: int = 2048) -> Key:
    """A key of that many bits, made once; another name gives another key."""
    return _made(name, bits)


@cache
def _made(_name: str, bits: int) -> Key:
    made = subprocess.run(["openssl", "genrsa", "-traditional", str(bits)], capture_output=True, check=False)
    if made.returncode:  # OpenSSL before version 3 writes that form by itself
        made = subprocess.run(["openssl", "genrsa", str(bits)], capture_output=True, check=True)
    public = subprocess.run(
        ["openssl", "rsa", "-pubout", "-outform", "DER"], input=made.stdout, capture_output=True, check=True
    )
    return Key(made.stdout, f"v=DKIM1; k=rsa; p={base64.b64encode(public.stdout).decode()}")


@cache
def ed25519_key() -> Key:
    """A key of RFC 8463: the seed and the public half in base64, as dkimpy wants them."""
    made = SigningKey.generate()
    public = base64.b64encode(bytes(made.verify_key)).decode()
    return Key(base64.b64encode(bytes(made)), f"v=DKIM1; k=ed25519; p={public}")


def sign(
    raw: bytes,
    domain: str,
    at: datetime,
    *,
    selector: str = "s1",
    by: Key | None = None,
    headers: tuple[bytes, ...] = HEADERS,
    length: bool = False,
    algorithm: bytes = b"rsa-sha256",
) -> bytes:
    """The mail with a DKIM-Signature of `domain` on top, made at `at`."""
    present = {line.partition(b":")[0].lower() for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n")}
    signer = dkim.DKIM(raw, signature_algorithm=algorithm, minkey=512)
    real, dkim.time = dkim.time, _Stopped(at)
    try:
        line = signer.sign(
            selector.encode(),
            domain.encode(),
            (by or key()).pem,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name for name in headers if name in present],
            length=length,
        )
    finally:
        dkim.time = real
    return re.sub(rb"(?<!\r)\n", b"\r\n", bytes(line)) + raw


def seal(
    raw: bytes,
    domain: str,
    at: datetime,
    results: str,
    *,
    selector: str = "s1",
    by: Key | None = None,
    headers: tuple[bytes, ...] = HEADERS,
) -> bytes:
    """The mail with one more ARC set of `domain` on top, which says `results` (`dmarc=pass header.from=…`)."""
    written = f"Authentication-Results: {domain}; {results}\r\n".encode()
    sealer = dkim.ARC(written + raw, minkey=512)
    present = {name.lower() for name, _ in sealer.headers}
    lines = sealer.sign(
        selector.encode(),
        domain.encode(),
        (by or key()).pem,
        domain.encode(),
        include_headers=[name for name in headers if name in present],
        timestamp=int(at.timestamp()),
    )
    assert lines, "dkimpy has not sealed it"
    return b"".join(re.sub(rb"(?<!\r)\n", b"\r\n", bytes(line)) for line in lines) + raw


class _Stopped:
    """The clock by which dkimpy dates signatures."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def time(self) -> float:
        return self._at.timestamp()
