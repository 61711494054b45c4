"""Servers that misbehave on purpose, on loopback: a proxy that cuts and edits, and a server that says what it is told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Listener:
    """Accepts connections on a port of 127.0.0.1 and gives each to `serve` in a thread of its own."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.connections = 0
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                self.connections += 1
                self._open.append(client)
                thread = threading.Thread(target=self._guarded, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _guarded(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            self.serve(client)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for client in self._open:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


class Proxy(Listener):
    """Passes everything on to a real server, but may cut the connection or edit what the server says.

    `cut_after` is how many bytes of the server's still pass before the connection is cut, once; None
    for no limit.  `edit` gets each piece that the server sends.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.cut_after: int | None = None
        self.edit: Callable[[bytes], bytes] = lambda piece: piece
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            upward = threading.Thread(target=_copy, args=(client, server), daemon=True)
            upward.start()
            with contextlib.suppress(OSError):
                while (piece := server.recv(65_536)) and self._pass(piece, client):
                    pass
            for end in (client, server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            upward.join(10)

    def _pass(self, piece: bytes, client: socket.socket) -> bool:
        if self.cut_after is not None and len(piece) >= self.cut_after:
            client.sendall(piece[: self.cut_after])
            self.cut_after = None
            return False
        if self.cut_after is not None:
            self.cut_after -= len(piece)
        client.sendall(self.edit(piece))
        return True


class Script(Listener):
    """Says `greeting`, then to each line what `answer(line)` gives; None closes the connection, b"" says nothing."""

    def __init__(self, greeting: bytes, answer: Callable[[bytes], bytes | None] = lambda _line: b"") -> None:
        self._greeting = greeting
        self._answer = answer
        self.heard: list[bytes] = []
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        client.sendall(self._greeting)
        with client.makefile("rb") as lines:
            for line in lines:
                self.heard.append(line.rstrip(b"\r\n"))
                said = self._answer(self.heard[-1])
                if said is None:
                    return
                client.sendall(said)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
