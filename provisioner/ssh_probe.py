"""Which SSH server answers at an address: the one look from this machine at a guest.

Where the guest's host keys are known, the key exchange is carried as far as the server's signature, which only
the owner of the key can make; a stranger's server at the same address is told from the guest's own.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key


class SshAnswer(StrEnum):
    """What was found at an address."""

    NOTHING = "nothing"
    """No SSH server, or one that did not go through with it in time."""
    EXPECTED = "expected"
    """A server that proved one of the wanted host keys; any SSH server where none was named."""
    STRANGER = "stranger"
    """An SSH server with another host key."""


_OUR_NAME: Final = b"SSH-2.0-mailbot"
_KEXINIT, _ECDH_INIT, _ECDH_REPLY = 20, 30, 31
_CHATTER: Final = frozenset({2, 4})
"""SSH_MSG_IGNORE and SSH_MSG_DEBUG (RFC 4253 section 11) may come at any time."""
_PACKET_MAX: Final = 35000
_LINES_MAX: Final = 20
_EXCHANGES: Final = b"curve25519-sha256,curve25519-sha256@libssh.org"
_CIPHERS: Final = b"aes128-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com"
_MACS: Final = b"hmac-sha2-256,hmac-sha2-512,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"
_RSA_HASHES: Final[dict[bytes, hashes.HashAlgorithm]] = {
    b"rsa-sha2-256": hashes.SHA256(),
    b"rsa-sha2-512": hashes.SHA512(),
}
_CURVE_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


class _NotSsh(Exception):
    """What came is not what the protocol says."""


def ssh_answer(address: str, host_keys: Iterable[str], seconds: float, port: int = 22) -> SshAnswer:
    """Ask who answers at an address, all in all within `seconds`.

    `host_keys` are the public key lines of which the server must prove one (RFC 4253 section 8, RFC 5656
    section 4, RFC 8731); with none, its identification is enough (RFC 4253 section 4.2).
    """
    wanted = tuple(host_keys)
    try:
        with socket.create_connection((address, port), timeout=seconds) as connection:
            wire = _Wire(connection, time.monotonic() + seconds)
            theirs = wire.identification()
            if not wanted:
                return SshAnswer.EXPECTED
            return SshAnswer.EXPECTED if _proves(wire, theirs, wanted) else SshAnswer.STRANGER
    except (OSError, _NotSsh, ValueError):
        return SshAnswer.NOTHING


def _proves(wire: _Wire, theirs: bytes, wanted: tuple[str, ...]) -> bool:
    """Go through the key exchange until the server's signature; say whether it is of a wanted key and right."""
    ours = _proposal(wanted)
    wire.send_line(_OUR_NAME)
    wire.send(ours)
    proposal = wire.receive(_KEXINIT)
    secret = X25519PrivateKey.generate()
    public = secret.public_key().public_bytes_raw()
    wire.send(bytes([_ECDH_INIT]) + _string(public))
    reply = _Fields(wire.receive(_ECDH_REPLY)[1:])
    host_key, server_public, signature = reply.string(), reply.string(), reply.string()
    known = {base64.b64decode(line.split()[1]): line for line in wanted}
    if host_key not in known:
        return False
    shared = secret.exchange(X25519PublicKey.from_public_bytes(server_public))
    parts = (_OUR_NAME, theirs, ours, proposal, host_key, public, server_public, _integer(shared))
    exchange_hash = hashlib.sha256(b"".join(map(_string, parts))).digest()
    return _signed(known[host_key], signature, exchange_hash)


def _proposal(wanted: tuple[str, ...]) -> bytes:
    """Give our SSH_MSG_KEXINIT (RFC 4253 section 7.1): only host keys of the types that are wanted."""
    names = list(dict.fromkeys(line.split()[0].encode("ascii") for line in wanted))
    kinds = b",".join(b",".join(_RSA_HASHES) if name == b"ssh-rsa" else name for name in names)
    lists = (_EXCHANGES, kinds, _CIPHERS, _CIPHERS, _MACS, _MACS, b"none", b"none", b"", b"")
    return bytes([_KEXINIT]) + os.urandom(16) + b"".join(map(_string, lists)) + bytes(5)


def _signed(line: str, signature: bytes, data: bytes) -> bool:
    fields = _Fields(signature)
    kind, blob = fields.string(), fields.string()
    key = load_ssh_public_key(line.encode("ascii"))
    try:
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(blob, data)
            case ec.EllipticCurvePublicKey():
                numbers = _Fields(blob)
                pair = utils.encode_dss_signature(numbers.integer(), numbers.integer())
                key.verify(pair, data, ec.ECDSA(_CURVE_HASHES[key.curve.name]))
            case rsa.RSAPublicKey() if kind in _RSA_HASHES:
                key.verify(blob, data, padding.PKCS1v15(), _RSA_HASHES[kind])
            case _:
                return False
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Wire:
    """Lines and unencrypted packets (RFC 4253 section 6), until a moment of the monotonic clock."""

    connection: socket.socket
    until: float

    def identification(self) -> bytes:
        """Read up to the server's identification; lines before it are allowed (RFC 4253 section 4.2)."""
        for _ in range(_LINES_MAX):
            line = b""
            while not line.endswith(b"\n"):
                line += self._read(1)
                if len(line) > 255:
                    raise _NotSsh
            if line.startswith(b"SSH-"):
                return line.rstrip(b"\r\n")
        raise _NotSsh

    def send_line(self, line: bytes) -> None:
        self._send(line + b"\r\n")

    def send(self, payload: bytes) -> None:
        fill = 8 - (len(payload) + 5) % 8
        fill += 8 if fill < 4 else 0
        self._send((len(payload) + fill + 1).to_bytes(4, "big") + bytes([fill]) + payload + bytes(fill))

    def receive(self, kind: int) -> bytes:
        """Read the next packet's payload, which must be of this kind."""
        for _ in range(_LINES_MAX):
            length = int.from_bytes(self._read(4), "big")
            if not 5 <= length <= _PACKET_MAX:
                raise _NotSsh
            packet = self._read(length)
            payload = packet[1 : length - packet[0]]
            if payload[:1] == bytes([kind]):
                return payload
            if not payload or payload[0] not in _CHATTER:
                raise _NotSsh
        raise _NotSsh

    def _send(self, data: bytes) -> None:
        self.connection.settimeout(self._left())
        self.connection.sendall(data)

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            self.connection.settimeout(self._left())
            part = self.connection.recv(count - len(data))
            if not part:
                raise _NotSsh
            data += part
        return data

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Fields:
    """Reads strings and integers of an SSH message (RFC 4251 section 5)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def string(self) -> bytes:
        end = self._at + 4 + int.from_bytes(self._data[self._at : self._at + 4], "big")
        if self._at + 4 > len(self._data) or end > len(self._data):
            raise _NotSsh
        value, self._at = self._data[self._at + 4 : end], end
        return value

    def integer(self) -> int:
        return int.from_bytes(self.string(), "big")


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _integer(value: bytes) -> bytes:
    """Give the content of an mpint: without leading zero bytes, and with one where the first bit is set."""
    short = value.lstrip(b"\0")
    return b"\0" + short if short[:1] >= b"\x80" else short
