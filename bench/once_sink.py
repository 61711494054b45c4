"""An SMTP server on loopback that takes every letter and keeps none; prints its port, ends with its parent."""

from __future__ import annotations

import signal
import threading

from contrib.demo.smtp_server import SmtpServer


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server = SmtpServer({}, lambda _sender, _recipient, _raw: None)
    server.start()
    print(server.port, flush=True)
    stop.wait()
    server.stop()


if __name__ == "__main__":
    main()
