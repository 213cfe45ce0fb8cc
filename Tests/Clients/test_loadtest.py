# SPDX-License-Identifier: Apache-2.0
"""The load tests against the real server: their figures agree with the server's own."""

import html.parser
import json
import subprocess

import pytest
from apus_server import ROOT

COUNTERS = ("apus:prompt_tokens_total", "apus:generation_tokens_total")


def loadtest(server, directory, *arguments):
    """A scenario's report, what was printed, and the page."""
    files = ["--json", directory / "report.json", "--html", directory / "report.html"]
    result = subprocess.run(
        [ROOT / "scripts/loadtest", *arguments, "--url", server.url, *files],
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads((directory / "report.json").read_text())
    return report, result.stdout, (directory / "report.html").read_text()


def test_a_burst_counts_what_the_server_counts(server, tmp_path):
    before = [server.metric(name) for name in COUNTERS]

    report, printed, _ = loadtest(
        server, tmp_path, "burst", "--requests", "6", "--prompt-tokens", "40", "--output-tokens", "12"
    )

    total = report["total"]
    assert (total["completed"], total["requests"], total["short"]) == (6, 6, 0)
    assert (total["prompt_tokens"], total["output_tokens"]) == (6 * 40, 6 * 12)
    # The one request that asks what the server accepts has 8 tokens and gets 2.
    counted = [server.metric(name) - old for name, old in zip(COUNTERS, before)]
    assert counted == [6 * 40 + 8, 6 * 12 + 2]
    assert report["server_accepts"]["prompts"] == "token ids"
    assert report["server_accepts"]["tokens_counted_by"] == "usage"
    assert report["health"]["not_ok"] == 0
    assert report["server"]["resident_bytes"]["max"] > 50e6
    assert "6 requests: 6 completed" in printed


def test_a_long_prompt_is_measured_among_streams(server, tmp_path):
    report, _, _ = loadtest(
        server, tmp_path, "long-prompt", "--streams", "2", "--prompt-tokens", "600", "--settle", "0.5"
    )

    findings = {finding["name"]: finding["value"] for finding in report["findings"]}
    assert report["groups"]["prompt among"]["prompt_tokens"] == 600
    assert findings["prompt alone"] > 0
    assert findings["streams' ITL p99 during the prompt"] > 0
    assert report["groups"]["streams"]["abandoned"] >= 2
    assert report["groups"]["streams"]["failed"] == 0


def test_clients_that_leave_are_counted_as_such(server, tmp_path):
    report, _, _ = loadtest(
        server, tmp_path, "abandon", "--requests", "20", "--rate", "40", "--patience", "0.2", "--rest", "0.5"
    )

    findings = {finding["name"]: finding["value"] for finding in report["findings"]}
    left = report["groups"]["abandoned"]
    assert left["abandoned"] + left["completed"] == left["requests"] > 5
    assert left["abandoned"] > 0
    assert (findings["running afterwards"], findings["waiting afterwards"]) == (0, 0)


class Links(html.parser.HTMLParser):
    """What a page would ask for, and whether its tags are closed."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.open = []

    def handle_starttag(self, tag, attributes):
        self.asked += [value for name, value in attributes if name in ("src", "href", "action", "data")]
        if tag in ("script", "link", "iframe", "object"):
            self.asked.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("scenario", ["steady", "shared-prefix"])
def test_the_page_asks_for_nothing(server, tmp_path, scenario):
    options = {
        "steady": ["--rate", "8", "--duration", "1.5", "--output-tokens", "8"],
        "shared-prefix": "--requests 4 --strangers 2 --shared-tokens 60 --prompt-tokens 70".split(),
    }

    _, _, page = loadtest(server, tmp_path, scenario, *options[scenario])

    links = Links()
    links.feed(page)
    links.close()
    assert links.asked == []
    assert links.open == []
    assert "url(" not in page and "@import" not in page
    assert page.count("<svg") >= 6
    assert "NaN" not in page and "None" not in page
