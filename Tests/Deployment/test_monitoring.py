# SPDX-License-Identifier: Apache-2.0
"""What Prometheus and Grafana are told to read is what the server exports."""

import json
import os
import re
import subprocess

import pytest
import yaml

from apus_server import ROOT, ApusServer

PROMETHEUS = ROOT / "config/prometheus"
DASHBOARD = ROOT / "config/grafana/apus.json"
TINY = ROOT / "Tests/Fixtures/tiny/qwen3_moe.gguf"

METRIC = re.compile(r"\b(?:apus|vllm):[a-z0-9_]+|\bprocess_[a-z0-9_]+")


@pytest.fixture(scope="module")
def exposition(tmp_path_factory):
    log = tmp_path_factory.mktemp("metrics") / "log"
    server = ApusServer(log, "--model", str(TINY), "--vllm-metrics")
    try:
        server.wait_until_ready()
        yield server.get("/metrics").text
    finally:
        server.close()


@pytest.fixture(scope="module")
def exported(exposition):
    """Names of all samples."""
    return set(re.findall(r"^([a-z_:0-9]+)(?:\{.*\})? \S+$", exposition, re.MULTILINE))


def promtool(*arguments, **options):
    if not os.environ.get("PROMTOOL"):
        pytest.skip("PROMTOOL names none: scripts/fetch-promtool prints the path of one")
    command = [os.environ["PROMTOOL"], *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def alerts():
    [group] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return group["rules"]


def test_promtool_accepts_the_configuration_and_the_rules():
    result = promtool("check", "config", "--lint-fatal", PROMETHEUS / "prometheus.yml")

    assert result.returncode == 0, result.stderr


def test_the_rules_fire_when_they_should():
    result = promtool("test", "rules", "alerts_test.yml", cwd=ROOT / "Tests/Deployment")

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_rule_is_tested():
    cases = yaml.safe_load((ROOT / "Tests/Deployment/alerts_test.yml").read_text())["tests"]
    tested = {rule["alertname"] for case in cases for rule in case["alert_rule_test"]}

    assert tested == {rule["alert"] for rule in alerts()}


def test_what_promtool_says_of_the_metrics_is_about_their_names_alone(exposition):
    result = promtool("check", "metrics", input=exposition)

    # The names with a colon, and with _total on a histogram, are vLLM's.
    known = ("metric names should not contain ':'", 'should not have "_total" suffix')
    lines = result.stderr.splitlines()
    assert lines and all(line.endswith(known) for line in lines), result.stderr


def test_alerts_read_what_is_exported(exported):
    for rule in alerts():
        names = METRIC.findall(rule["expr"])
        assert names or rule["expr"].startswith("up{"), rule["alert"]
        assert set(names) <= exported, rule["alert"]


def test_the_dashboard_reads_what_is_exported(exported):
    dashboard = json.loads(DASHBOARD.read_text())
    names = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            found = set(METRIC.findall(target["expr"]))
            assert found and found <= exported, target["expr"]
            names |= found
    assert len(names) > 20
    variables = [variable.get("query", "") for variable in dashboard["templating"]["list"]]
    assert any(set(METRIC.findall(query)) & exported for query in variables)
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


def test_gateways_and_autoscalers_find_what_they_read(exported):
    assert {"vllm:num_requests_waiting", "vllm:num_requests_running"} <= exported
    assert {"vllm:kv_cache_usage_perc", "vllm:e2e_request_latency_seconds_bucket"} <= exported
    [rule] = yaml.safe_load((PROMETHEUS / "adapter.yml").read_text())
    assert set(METRIC.findall(rule["seriesQuery"])) <= exported
    scaler = (ROOT / "config/kubernetes/horizontal-pod-autoscaler.yaml").read_text()
    assert f"name: {rule['name']['as']}" in scaler


def test_every_alert_is_explained():
    text = (ROOT / "docs/OPERATIONS.md").read_text()

    for rule in alerts():
        assert f"| `{rule['alert']}` |" in text, rule["alert"]
