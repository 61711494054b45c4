"""Figures for Prometheus: what happened, counted by log line, and what waits.  No label names a user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from mailbot import journal
from mailbot.ports import Store
from mailbot.turns.sight import what_is_blind

METRICS = {
    "mailbot_events_total": "counter, label `event`: how often each line of docs/log.md was written",
    "mailbot_outbox_rows": "gauge, labels `action` and `state`: letters and machine work that wait, or were given up",
    "mailbot_next_due_timestamp_seconds": "gauge: when the next ticket or letter is due; in the past: the bot is behind",
    "mailbot_failing_since_timestamp_seconds": "gauge, label `what`: since when something that the bot needs has failed; no sample while all works",
    "mailbot_site_free_memory_bytes": "gauge, label `site`: memory left for machines",
    "mailbot_site_free_disk_bytes": "gauge, label `site`: room left in the pool",
    "mailbot_site_machines": "gauge, label `site`: machines at a site",
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
        yield from self._outbox()
        yield from self._sites()

    def _outbox(self) -> Iterator[Metric]:
        rows = _gauge("mailbot_outbox_rows", "action", "state")
        for count in self._store.outbox_counts():
            rows.add_metric([str(count.action), str(count.state)], count.rows)
        yield rows
        due = self._store.next_due()
        when = _gauge("mailbot_next_due_timestamp_seconds")
        if due is not None:
            when.add_metric([], due.timestamp())
        yield when
        failing = _gauge("mailbot_failing_since_timestamp_seconds", "what")
        for trouble in what_is_blind(self._store):
            failing.add_metric([trouble.what], trouble.since.timestamp())
        yield failing

    def _sites(self) -> Iterator[Metric]:
        memory, disk = _gauge("mailbot_site_free_memory_bytes", "site"), _gauge("mailbot_site_free_disk_bytes", "site")
        machines, up = _gauge("mailbot_site_machines", "site"), _gauge("mailbot_site_up", "site")
        for health, _at in self._store.health():
            memory.add_metric([health.site], health.free_memory_mib * 1024.0**2)
            disk.add_metric([health.site], health.free_disk_gib * 1024.0**3)
            machines.add_metric([health.site], health.machines)
            up.add_metric([health.site], float(health.reachable and not health.problems))
        yield from (memory, disk, machines, up)


def _gauge(name: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, METRICS[name], labels=labels)


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
    server, thread = start_http_server(port, address, registry(store))
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reference() -> str:
    """`docs/metrics.md`."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in METRICS.items()]
    return "\n".join((_HEAD, *rows, ""))


_HEAD = """# Metrics

Generated from `mailbot/metrics.py`; `make docs` writes it again.

With `[metrics] port`, `mailbot run` serves these figures for Prometheus. No label names a user or an address.

| metric | meaning |
|---|---|"""
