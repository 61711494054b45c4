"""OpenSSH public keys, checked before they are given root on a machine.

One key, one line, a known type of sufficient strength, and nothing around it: options (which can run
commands), second lines, certificates, DSA and short RSA keys are refused with the reason.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from parsers.translatable import Translatable, say, words_of

RSA_MIN_BITS: Final = 2048
RSA_MAX_BITS: Final = 16384
_LINE_MAX: Final = 8192
_COMMENT_MAX: Final = 100

_PLAIN: Final = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
)
_SECURITY_KEYS: Final = (
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
ACCEPTED_TYPES: Final = _PLAIN + _SECURITY_KEYS
_DAMAGED: Final = say("The key's data is damaged or incomplete.")


class KeyProblem(ValueError):
    """A public key that is not accepted; the message is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A checked key.

    `line` is `<type> <base64>` without options, comment or newline; `comment` is what followed it,
    reduced to printable ASCII; `fingerprint` is OpenSSH's `SHA256:…`; `bits` is the size of an RSA key
    or curve.
    """

    type: str
    line: str
    fingerprint: str
    bits: int
    comment: str = ""


def parse_public_key(text: str) -> PublicKey:
    """Check one public key line (sshd(8), AUTHORIZED_KEYS FILE FORMAT; RFC 4253 section 6.6).  Raises `KeyProblem`."""
    kind, encoded, comment = _split(text)
    blob = _decode(encoded)
    if _Reader(blob).text() != kind:
        raise KeyProblem(say("The key says that it is {kind}, but its data says otherwise.", kind=kind))
    bits = _security_key_bits(kind, blob) if kind in _SECURITY_KEYS else _plain_bits(kind, encoded)
    return PublicKey(kind, f"{kind} {encoded}", _fingerprint(blob), bits, comment)


def parse_all(texts: Iterable[str]) -> tuple[tuple[PublicKey, ...], tuple[Translatable, ...]]:
    """Check many: the usable keys in order, each once, and a sentence for every one that is refused."""
    keys: dict[str, PublicKey] = {}
    problems: list[Translatable] = []
    for number, text in enumerate(texts, start=1):
        try:
            key = parse_public_key(text)
        except KeyProblem as problem:
            problems.append(say("Key {number}: {problem}", number=number, problem=words_of(problem)))
        else:
            keys.setdefault(key.fingerprint, key)
    return tuple(keys.values()), tuple(problems)


def fingerprint(line: str) -> str:
    """Give OpenSSH's `SHA256:…` of a key line without options, of any type, unchecked.  Raises `KeyProblem`."""
    parts = line.split()
    if len(parts) < 2:
        raise KeyProblem(say("This is not a public key line."))
    return _fingerprint(_decode(parts[1]))


def is_host_key(line: str) -> bool:
    """Say whether a line is a well-formed plain public key, as a server has them."""
    try:
        return parse_public_key(line).type in _PLAIN
    except KeyProblem:
        return False


def _split(text: str) -> tuple[str, str, str]:
    stripped = text.strip(" \t\r\n")
    if not stripped:
        raise KeyProblem(say("The key is empty."))
    if "PRIVATE KEY" in stripped:
        raise KeyProblem(
            say("This is a private key. It must never be sent to anyone: make a new pair and send the public key.")
        )
    if len(stripped) > _LINE_MAX:
        raise KeyProblem(say("The key is longer than {most} characters.", most=_LINE_MAX))
    if len(stripped.splitlines()) > 1:
        raise KeyProblem(say("There is more than one line; a key is exactly one line."))
    if any(ord(character) < 32 and character != "\t" for character in stripped) or "\x7f" in stripped:
        raise KeyProblem(say("The key contains control characters."))
    parts = re.split(r"[ \t]+", stripped, maxsplit=2)  # sshd knows no other white space
    _check_type(parts[0])
    if len(parts) < 2:
        raise KeyProblem(say("The key has a type but no data."))
    return parts[0], parts[1], _clean_comment(parts[2] if len(parts) > 2 else "")


def _check_type(kind: str) -> None:
    if kind in ACCEPTED_TYPES:
        return
    if "-cert-v0" in kind:
        raise KeyProblem(say("This is a certificate; a plain public key is needed."))
    if kind == "ssh-dss":
        raise KeyProblem(say("DSA keys are too weak and not accepted by today's SSH servers; use ssh-ed25519."))
    raise KeyProblem(
        say(
            "The line does not begin with a known key type; options before a key are not accepted. Accepted types: {types}.",
            types=", ".join(ACCEPTED_TYPES),
        )
    )


def _decode(encoded: str) -> bytes:
    try:
        blob = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise KeyProblem(say("The key's data is damaged: it is not base64. Was the line cut or wrapped?")) from None
    # Two spellings of the same bytes would be two keys to a reader and one to sshd.
    if base64.b64encode(blob).decode("ascii") != encoded:
        raise KeyProblem(say("The key's data is damaged: its last characters are not what base64 ends with."))
    return blob


def _plain_bits(kind: str, encoded: str) -> int:
    try:
        key = load_ssh_public_key(f"{kind} {encoded}".encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblem(_DAMAGED) from None
    match key:
        case rsa.RSAPublicKey():
            return _rsa_bits(key)
        case ed25519.Ed25519PublicKey():
            return 256
        case ec.EllipticCurvePublicKey():
            return key.key_size
        case _:
            raise KeyProblem(say("Keys of the type {kind} are not accepted.", kind=kind))


def _rsa_bits(key: rsa.RSAPublicKey) -> int:
    numbers = key.public_numbers()
    if not RSA_MIN_BITS <= key.key_size <= RSA_MAX_BITS:
        raise KeyProblem(
            say(
                "The RSA key has {bits} bits; it must have {least} to {most}. Better use ssh-ed25519.",
                bits=key.key_size,
                least=RSA_MIN_BITS,
                most=RSA_MAX_BITS,
            )
        )
    if numbers.e < 3 or numbers.e % 2 == 0 or numbers.n % 2 == 0:
        raise KeyProblem(say("The RSA key is damaged: its numbers cannot be those of a key."))
    return key.key_size


def _security_key_bits(kind: str, blob: bytes) -> int:
    """Check a hardware key by its parts (OpenSSH, PROTOCOL.u2f); it is never written anew, only checked."""
    reader = _Reader(blob)
    reader.text()
    try:
        if kind == "sk-ssh-ed25519@openssh.com":
            ed25519.Ed25519PublicKey.from_public_bytes(reader.bytes())
        elif reader.text() == "nistp256":
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), reader.bytes())
        else:
            raise KeyProblem(say("The hardware key names a curve other than nistp256."))
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, KeyProblem):
            raise
        raise KeyProblem(_DAMAGED) from None
    if not reader.text():
        raise KeyProblem(say("The hardware key names no application."))
    if reader.rest():
        raise KeyProblem(say("The key's data is longer than a key of its type."))
    return 256


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def _clean_comment(comment: str) -> str:
    return "".join(character for character in comment if " " <= character <= "~")[:_COMMENT_MAX].strip()


class _Reader:
    """Reads the strings of an SSH wire blob (RFC 4251 section 5)."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob
        self._at = 0

    def bytes(self) -> bytes:
        if len(self._blob) < self._at + 4:
            raise KeyProblem(_DAMAGED)
        (length,) = struct.unpack_from(">I", self._blob, self._at)
        start = self._at + 4
        if len(self._blob) < start + length:
            raise KeyProblem(_DAMAGED)
        self._at = start + length
        return self._blob[start : self._at]

    def text(self) -> str:
        try:
            return self.bytes().decode("ascii")
        except UnicodeDecodeError:
            raise KeyProblem(_DAMAGED) from None

    def rest(self) -> int:
        return len(self._blob) - self._at
