"""Alert rules, dashboard and runbook: each alert fires and resolves, says what to do, and names figures that exist."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from mailbot.metrics import METRICS

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "contrib" / "monitoring"
RULES = (MONITORING / "mailbot.rules.yml").read_text(encoding="utf-8")
CASES = (MONITORING / "mailbot.test.yml").read_text(encoding="utf-8")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)


def promtool(*words: str) -> str:
    """What promtool says (Debian's package prometheus); raises where it finds something wrong."""
    done = subprocess.run(["promtool", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_rule_is_one_that_prometheus_reads() -> None:
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", str(MONITORING / "mailbot.rules.yml"))


def test_every_alert_fires_and_resolves() -> None:
    cases = dict(re.findall(r"- name: (\w+)\n(.*?)(?=\n  - name:|\Z)", CASES, re.DOTALL))
    assert sorted(cases) == sorted(ALERTS)
    for name, case in cases.items():
        assert case.count(f"alertname: {name}") == 2
        assert case.count("exp_labels:") == 1
        assert case.count("exp_alerts: []") == 1
    promtool("test", "rules", str(MONITORING / "mailbot.test.yml"))


def test_every_alert_has_its_part_of_the_runbook_and_links_to_it() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == ALERTS
    assert re.findall(r"runbook: docs/runbook\.md#(\w+)", RULES) == [name.lower() for name in ALERTS]


@pytest.mark.parametrize("file", ["mailbot.rules.yml", "grafana-dashboard.json"])
def test_only_figures_that_exist_are_asked_for(file: str) -> None:
    named = set(re.findall(r"\bmailbot_[a-z_]+", (MONITORING / file).read_text(encoding="utf-8")))
    known = {f"{name}{end}" for name in METRICS for end in ("", "_sum", "_count")}
    assert named
    assert named <= known


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    board = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    assert board["title"] == "mailbot"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) > 5
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])
