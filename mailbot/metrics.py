"""Figures for Prometheus: what happened, counted by log line, and what waits.  No label names a user.

Served over HTTP by `run` (`/metrics`, and `/healthz` for whoever only wants to know that it lives), written to a file for
node_exporter's textfile collector by `once`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import ThreadingWSGIServer, make_wsgi_app, write_to_textfile
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from mailbot import journal
from mailbot.model import TicketState
from mailbot.ports import Store
from mailbot.turns import drift
from mailbot.turns.sight import last_read, what_is_blind

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

METRICS = {
    "mailbot_build_info": "gauge, label `version`: always 1",
    "mailbot_tickets": "gauge, label `state`: tickets in each state",
    "mailbot_oldest_question_timestamp_seconds": "gauge: since when the request or extension waits that has waited longest for an admin; no sample while none waits",
    "mailbot_outbox_oldest_timestamp_seconds": "gauge: when the oldest letter or machine work was written that still waits; no sample while none waits",
    "mailbot_last_success_timestamp_seconds": "gauge, label `of`: when the mailbox was last read to its end, a letter was last accepted, each site last answered",
    "mailbot_machine_work_seconds": "summary, label `action`: how long builds, stops and the like took from the decision on, since the start",
    "mailbot_once_timestamp_seconds": "gauge, only in the file that `once` writes: when it ended",
    "mailbot_events_total": "counter, label `event`: how often each line of docs/log.md was written",
    "mailbot_outbox_rows": "gauge, labels `action` and `state`: letters and machine work that wait, or were given up",
    "mailbot_next_due_timestamp_seconds": "gauge: when the next ticket or letter is due; in the past: the bot is behind",
    "mailbot_failing_since_timestamp_seconds": "gauge, label `what`: since when something that the bot needs has failed; no sample while all works",
    "mailbot_site_free_memory_bytes": "gauge, label `site`: memory left for machines",
    "mailbot_site_free_disk_bytes": "gauge, label `site`: room left in the pool",
    "mailbot_site_machines": "gauge, label `site`: machines at a site",
    "mailbot_site_drift": "gauge, labels `site` and `kind`: what is not as the tickets say, `mailbot reconcile` tells each",
    "mailbot_site_up": "gauge, label `site`: 1 where the hypervisor answered last time and had no problems",
}
"""Every figure with its meaning; `docs/metrics.md` is generated from this."""


class BotCollector(Collector):
    """Asks the database at each scrape: nothing has to be kept in step."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """All figures, now."""
        events = CounterMetricFamily("mailbot_events", METRICS["mailbot_events_total"], labels=["event"])
        for name in journal.LINES:
            events.add_metric([name], journal.COUNTS[name])
        yield events
        yield from self._work()
        yield from States(self._store).collect()

    def _work(self) -> Iterator[Metric]:
        work = SummaryMetricFamily(
            "mailbot_machine_work_seconds", METRICS["mailbot_machine_work_seconds"], labels=["action"]
        )
        for action, (count, seconds) in sorted(journal.TOOK.items()):
            work.add_metric([action], count, seconds)
        yield work


class States(Collector):
    """What is true of the database now, whatever process asks."""

    def __init__(self, store: Store, once: datetime | None = None) -> None:
        self._store = store
        self._once = once

    def collect(self) -> Iterable[Metric]:
        """All figures that need no counting."""
        info = _gauge("mailbot_build_info", "version")
        info.add_metric([version("mailbot")], 1)
        yield info
        if self._once is not None:
            yield _moment("mailbot_once_timestamp_seconds", self._once)
        yield from self._tickets()
        yield from self._outbox()
        yield from self._sites()

    def _tickets(self) -> Iterator[Metric]:
        tickets, counted = _gauge("mailbot_tickets", "state"), self._store.overview.states()
        for state in TicketState:
            tickets.add_metric([state.value], counted.get(state, 0))
        yield tickets
        yield _moment("mailbot_oldest_question_timestamp_seconds", self._store.overview.oldest_question())
        yield _moment("mailbot_outbox_oldest_timestamp_seconds", self._store.overview.oldest_in_queue())

    def _outbox(self) -> Iterator[Metric]:
        rows = _gauge("mailbot_outbox_rows", "action", "state")
        for count in self._store.outbox_counts():
            rows.add_metric([str(count.action), str(count.state)], count.rows)
        yield rows
        yield _moment("mailbot_next_due_timestamp_seconds", self._store.next_due())
        last = _gauge("mailbot_last_success_timestamp_seconds", "of")
        for what, at in self._successes():
            last.add_metric([what], at.timestamp())
        yield last
        failing = _gauge("mailbot_failing_since_timestamp_seconds", "what")
        for trouble in what_is_blind(self._store):
            failing.add_metric([trouble.what], trouble.since.timestamp())
        yield failing

    def _successes(self) -> Iterator[tuple[str, datetime]]:
        for what, at in (("mailbox", last_read(self._store)), ("mail server", self._store.overview.last_accepted())):
            if at is not None:
                yield what, at
        yield from ((f"site {health.site}", at) for health, at in self._store.health() if health.reachable)

    def _sites(self) -> Iterator[Metric]:
        memory, disk = _gauge("mailbot_site_free_memory_bytes", "site"), _gauge("mailbot_site_free_disk_bytes", "site")
        machines, up = _gauge("mailbot_site_machines", "site"), _gauge("mailbot_site_up", "site")
        for health, _at in self._store.health():
            memory.add_metric([health.site], health.free_memory_mib * 1024.0**2)
            disk.add_metric([health.site], health.free_disk_gib * 1024.0**3)
            machines.add_metric([health.site], health.machines)
            up.add_metric([health.site], float(health.reachable and not health.problems))
        drifted = _gauge("mailbot_site_drift", "site", "kind")
        for site, findings in drift.kept(self._store).items():
            for kind, count in Counter(one.drift for one in findings).items():
                drifted.add_metric([site, kind.value], count)
        yield from (memory, disk, machines, up, drifted)


def _gauge(name: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, METRICS[name], labels=labels)


def _moment(name: str, at: datetime | None) -> GaugeMetricFamily:
    made = _gauge(name)
    if at is not None:
        made.add_metric([], at.timestamp())
    return made


def registry(store: Store) -> CollectorRegistry:
    """A registry with the bot's figures and nothing else."""
    made = CollectorRegistry(auto_describe=False)
    made.register(BotCollector(store))
    return made


@contextmanager
def served(address: str, port: int, store: Store) -> Iterator[int]:
    """Serve the figures over HTTP while inside; gives the port.  Port 0 serves nothing."""
    if not port:
        yield 0
        return
    server = make_server(address, port, _application(store), ThreadingWSGIServer, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(WSGIRequestHandler):
    """Scrapes are no lines in the log."""

    def log_message(self, *_: Any) -> None:
        pass


def _application(store: Store) -> WSGIApplication:
    figures: WSGIApplication = make_wsgi_app(registry(store))

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/healthz":
            return figures(environ, start_response)
        status, words = health(store)
        start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
        return [words.encode()]

    return answer


def health(store: Store) -> tuple[str, str]:
    """The status line of `/healthz` and its text: 200 where the program and its database answer.

    What fails around it (mailbox, directory, a site) is said, and is no reason to restart the program.
    """
    try:
        store.check()
        failing = [f"{trouble.what} fails since {trouble.since:%Y-%m-%dT%H:%MZ}\n" for trouble in what_is_blind(store)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer must come
        return "503 Service Unavailable", f"the database cannot be used: {type(error).__name__}\n"
    return "200 OK", "".join(("ok\n", *failing))


def write_textfile(path: Path, store: Store, now: datetime) -> None:
    """Write what is true now for node_exporter's textfile collector; whole or not at all.  Raises OSError.

    Counters are left out: each `once` is a process of its own, and would begin at 0.
    """
    made = CollectorRegistry(auto_describe=False)
    made.register(States(store, now))
    write_to_textfile(str(path), made)


def reference() -> str:
    """`docs/metrics.md`."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in METRICS.items()]
    return "\n".join((_HEAD, *rows, ""))


_HEAD = """# Metrics

Generated from `mailbot/metrics.py`; `make docs` writes it again.

With `[metrics] port`, `mailbot run` serves these metrics for Prometheus, and `/healthz`: 200 if the program and its database
answer, with a line for everything else that fails. With `[metrics] textfile`, `mailbot once` writes those that are not counters
for node_exporter's textfile collector. No label names a user or an address. For alert rules, a Grafana dashboard, and what to do about
each alert, see [runbook.md](runbook.md).

| metric | meaning |
|---|---|"""
