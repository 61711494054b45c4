"""Who answers at an address, asked of small servers that speak the server's half of the key exchange."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provisioner.ssh_probe import SshAnswer, ssh_answer

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NAME = b"SSH-2.0-OpenSSH_9.9"
KEYS: dict[str, Key] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "nistp256": ec.generate_private_key(ec.SECP256R1()),
    "nistp384": ec.generate_private_key(ec.SECP384R1()),
    "nistp521": ec.generate_private_key(ec.SECP521R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
}


def line_of(key: Key) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


def string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def integer(value: int) -> bytes:
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big")) if value else string(b"")


def packet(payload: bytes) -> bytes:
    fill = 8 - (len(payload) + 5) % 8
    fill += 8 if fill < 4 else 0
    return (1 + len(payload) + fill).to_bytes(4, "big") + bytes([fill]) + payload + os.urandom(fill)


def signature(key: Key, data: bytes) -> bytes:
    kind = line_of(key).split()[0].encode("ascii")
    match key:
        case ed25519.Ed25519PrivateKey():
            return string(kind) + string(key.sign(data))
        case ec.EllipticCurvePrivateKey():
            size = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]
            r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(size)))
            return string(kind) + string(integer(r) + integer(s))
        case rsa.RSAPrivateKey():
            return string(b"rsa-sha2-512") + string(key.sign(data, padding.PKCS1v15(), hashes.SHA512()))


class Talk:
    """The server's side of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.stream = connection.makefile("rb")

    def packet(self) -> bytes:
        length = int.from_bytes(self.stream.read(4), "big")
        body = self.stream.read(length)
        if not body:
            raise EOFError
        return body[1 : length - body[0]]

    def exchange(self, shown: Key, signs: Key, before: bytes = b"") -> None:
        """Show a key, and sign with the same one, or with another; `before` is sent in front of the reply."""
        self.connection.sendall(b"a line before\r\n" + NAME + b"\r\n")
        theirs = self.stream.readline().rstrip(b"\r\n")
        proposal = bytes([20]) + os.urandom(16) + string(b"") * 10 + bytes(5)
        self.connection.sendall(packet(proposal))
        their_proposal = self.packet()
        their_public = self.packet()[5:]
        secret = X25519PrivateKey.generate()
        public = secret.public_key().public_bytes_raw()
        shared = int.from_bytes(secret.exchange(X25519PublicKey.from_public_bytes(their_public)), "big")
        blob = shown.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]
        host_key = base64.b64decode(blob)
        parts = (theirs, NAME, their_proposal, proposal, host_key, their_public, public)
        digest = hashlib.sha256(b"".join(map(string, parts)) + integer(shared)).digest()
        reply = bytes([31]) + string(host_key) + string(public) + string(signature(signs, digest))
        self.connection.sendall(before + packet(reply))
        self.stream.read()


@contextmanager
def server(talk: Callable[[Talk], None]) -> Iterator[int]:
    """Serve one connection after another; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, suppress(OSError, EOFError):  # the client leaves when it has seen enough
                        talk(Talk(connection))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def asked(port: int, *keys: Key, seconds: float = 5.0) -> SshAnswer:
    return ssh_answer("127.0.0.1", map(line_of, keys), seconds, port)


@pytest.mark.parametrize("name", KEYS)
def test_the_server_that_owns_a_wanted_key_is_the_expected_one(name: str) -> None:
    key = KEYS[name]
    with server(lambda talk: talk.exchange(key, key)) as port:
        assert {asked(port, key) for _ in range(20 if name == "ed25519" else 3)} == {SshAnswer.EXPECTED}
        assert asked(port, *KEYS.values()) is SshAnswer.EXPECTED


@pytest.mark.parametrize("name", KEYS)
def test_a_server_that_shows_a_wanted_key_and_cannot_sign_with_it_is_a_stranger(name: str) -> None:
    key, other = KEYS[name], ed25519.Ed25519PrivateKey.generate()
    another = rsa.generate_private_key(65537, 2048) if name == "rsa" else other
    with server(lambda talk: talk.exchange(key, another)) as port:
        assert asked(port, key) is not SshAnswer.EXPECTED


def test_a_server_with_another_key_is_a_stranger_and_enough_where_no_key_is_known() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    with server(lambda talk: talk.exchange(key, key)) as port:
        assert asked(port, KEYS["ed25519"]) is SshAnswer.STRANGER
        assert asked(port) is SshAnswer.EXPECTED


def test_what_a_server_may_say_in_between_does_no_harm() -> None:
    key = KEYS["ed25519"]
    chatter = packet(bytes([2]) + string(b"ignore")) + packet(bytes([4, 0]) + string(b"debug") + string(b""))
    with server(lambda talk: talk.exchange(key, key, chatter)) as port:
        assert asked(port, key) is SshAnswer.EXPECTED


GARBAGE = {
    "nothing": b"",
    "no identification": b"220 mail.example.org\r\n" * 50,
    "an endless line": b"x" * 100_000,
    "an endless packet": NAME + b"\r\n" + b"\xff\xff\xff\xff" + b"x" * 1000,
    "an empty packet": NAME + b"\r\n" + packet(b""),
    "another message": NAME + b"\r\n" + packet(bytes([1]) + bytes(10)),
    "a short reply": NAME + b"\r\n" + packet(bytes([20]) + bytes(70)) + packet(bytes([31]) + string(b"x")),
    "no key": NAME + b"\r\n" + packet(bytes([20]) + bytes(70)) + packet(bytes([31]) + string(b"x") * 3),
    "a length without its string": NAME + b"\r\n" + packet(bytes([20]) + bytes(70)) + packet(b"\x1f\xff\xff\xff\xff"),
    "endless chatter": NAME + b"\r\n" + packet(bytes([2]) + string(b"")) * 1000,
}


@pytest.mark.parametrize("said", GARBAGE)
def test_what_is_no_ssh_server_is_never_the_expected_one(said: str) -> None:
    with server(lambda talk: talk.connection.sendall(GARBAGE[said])) as port:
        assert asked(port, KEYS["ed25519"]) is not SshAnswer.EXPECTED


def test_a_server_that_says_a_byte_at_a_time_is_given_up_as_a_whole() -> None:
    rest = threading.Event()

    def drip(talk: Talk) -> None:
        while not rest.wait(0.05):
            talk.connection.sendall(b"x")

    with server(drip) as port:
        # Each byte comes within the time, the line never: what waits for each part alone would not come back.
        assert asked(port, KEYS["ed25519"], seconds=0.5) is SshAnswer.NOTHING
        rest.set()


def test_where_nobody_listens_is_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert asked(port, KEYS["ed25519"]) is SshAnswer.NOTHING
