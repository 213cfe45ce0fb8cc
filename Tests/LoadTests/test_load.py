# SPDX-License-Identifier: Apache-2.0
"""The load generator against servers whose behaviour is known."""

import asyncio
import json
import pathlib
import signal
import subprocess
import time

import pytest
from fake_server import FakeServer, running
from loadtesting import command, page, table
from loadtesting.dialect import Unusable, find_dialect
from loadtesting.exchange import Target
from loadtesting.scenarios import SCENARIOS

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


def run(url, *arguments):
    """A scenario's report."""
    parsed = command.parser("", lambda group: None).parse_args(list(arguments))

    async def measure():
        target, dialect = await command.prepare(url, parsed)
        return await command.run(target, dialect, parsed, command.salt_of(parsed))

    return asyncio.run(measure())


def test_gaps_and_first_tokens_are_the_servers():
    with running(FakeServer(seconds_per_token=0.03)) as fake:
        report = run(fake.url, "burst", "--requests", "3", "--output-tokens", "5")

    figures = report["groups"]["burst"]
    assert figures["completed"] == 3
    assert figures["output_tokens"] == 15
    assert figures["itl"]["count"] == 12
    # A sleep takes as long as asked at the least; a busy machine may add to it.
    assert 0.029 <= figures["itl"]["p50"] < 0.2
    assert 0.03 <= figures["ttft"]["min"] < 0.5
    assert 0.15 <= figures["latency"]["min"] < 1.5
    assert report["generator"]["cpu_share"] < 1


def test_an_open_loop_counts_the_wait_that_a_slow_server_causes():
    with running(FakeServer(seconds_per_token=0.05), one_at_a_time=True) as fake:
        report = run(fake.url, "steady", "--rate", "40", "--duration", "1", "--output-tokens", "1")

    requests = report["requests"]
    figures = report["groups"]["steady"]
    assert figures["completed"] == len(requests) > 20
    # One after another, 0.05 s each: the last is done after as many turns, whenever it was due.
    assert max(one["ended"] for one in requests) >= 0.05 * len(requests)
    last = requests[-1]
    assert last["ended"] - last["scheduled"] == pytest.approx(figures["latency"]["max"], rel=0.5)
    assert figures["latency"]["max"] >= 0.05 * len(requests) - 1
    assert report["generator"]["late"]["max"] < 0.5


def test_a_closed_loop_has_no_more_requests_open_than_clients():
    with running(FakeServer(seconds_per_token=0.01)) as fake:
        report = run(fake.url, "clients", "--clients", "3", "--duration", "0.6", "--output-tokens", "4")

    begins = [(one["sent"], 1) for one in report["requests"]]
    ends = [(one["ended"], -1) for one in report["requests"]]
    now, most = 0, 0
    for _, change in sorted(begins + ends):
        now += change
        most = max(most, now)
    assert len(begins) > 9
    assert most == 3


def test_a_server_that_knows_text_only_is_asked_with_text():
    with running(FakeServer(takes_ids=False, takes_extras=False)) as fake:
        dialect = asyncio.run(find_dialect(Target(fake.url)))
        report = run(fake.url, "burst", "--requests", "2", "--output-tokens", "3")

    assert dialect.ids is None
    assert not dialect.fixes_length and not dialect.reports_usage
    assert report["server_accepts"]["tokens_counted_by"] == "events"
    assert report["groups"]["burst"]["output_tokens"] == 6


def test_text_has_as_many_words_as_make_the_tokens():
    with running(FakeServer(takes_ids=False)) as fake:
        dialect = asyncio.run(find_dialect(Target(fake.url)))
        run(fake.url, "burst", "--requests", "1", "--prompt-tokens", "100")

    # The server counts two for each word, and one at the front.
    assert dialect.tokens_per_word == 2
    assert len(fake.bodies[-1]["prompt"].split()) == 50


def test_refusals_are_counted_with_their_retry_after():
    with running(FakeServer(accepts=4)) as fake:
        report = run(fake.url, "burst", "--requests", "8", "--output-tokens", "2")

    (error,) = report["total"]["errors"]
    # One request asked what the server accepts.
    assert (report["total"]["completed"], report["total"]["refused"]) == (3, 5)
    assert (error["kind"], error["count"], error["example"]) == ("429", 5, "busy")
    assert error["retry_after"]["max"] == 2
    assert "Retry-After 2 to 2 s" in table.render(report)
    assert "5 × 429" in page.render(report)


def test_a_server_that_is_not_there_is_said_in_one_line():
    with running(FakeServer()) as fake:
        url = fake.url

    result = subprocess.run(
        [SCRIPTS / "loadtest", "burst", "--url", url], capture_output=True, text=True, timeout=60
    )

    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "not connected" in result.stderr


def test_a_server_that_refuses_everything_is_unusable():
    with running(FakeServer(accepts=0)) as fake:
        with pytest.raises(Unusable, match="429 busy"):
            asyncio.run(find_dialect(Target(fake.url)))


def test_a_comparison_gives_the_ratio_of_what_is_known(tmp_path):
    with running(FakeServer(seconds_per_token=0.08)) as slow, running(
        FakeServer(seconds_per_token=0.02, takes_ids=False)
    ) as fast:
        result = subprocess.run(
            [SCRIPTS / "compare", "burst", slow.url, fast.url, "--rounds", "2", "--requests", "2"]
            + ["--output-tokens", "5", "--json", tmp_path / "c.json", "--html", tmp_path / "c.html"],
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "c.json").read_text())
    rows = {row["name"]: row for row in found["rows"]}
    # 80 and 20 ms; a busy machine adds to both.
    assert 2.5 < rows["ITL p50, ms"]["ratio"] < 4.5
    assert 0.2 < rows["output tokens/s"]["ratio"] < 0.4
    assert len(rows["TTFT p50, ms"]["ratios"]) == 2
    # Both were asked for the same, in the form that both take.
    sent = [[body["prompt"] for body in fake.bodies if body["max_tokens"] == 5] for fake in (slow, fast)]
    assert sorted(sent[0]) == sorted(sent[1])
    assert len(set(sent[0])) == 4


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_says_what_it_does(name):
    result = subprocess.run(
        [SCRIPTS / "loadtest", name, "--help"], capture_output=True, text=True, timeout=60
    )

    assert result.returncode == 0
    assert "this scenario:" in result.stdout


@pytest.mark.parametrize("value", ["-1", "nan", "x", "1e12"])
def test_an_amount_that_makes_no_sense_is_refused(value):
    with pytest.raises(SystemExit):
        command.parser("", lambda group: None).parse_args(["steady", "--rate", value])


@pytest.mark.parametrize(
    ("arguments", "groups"),
    [
        (["overload", "--clients", "2", "--duration", "0.3", "--drain", "1"], {"nominal", "overload"}),
        (["abandon", "--requests", "20", "--rest", "0"], {"before", "abandoned", "after"}),
        (["shared-prefix", "--requests", "3", "--strangers", "2"], {"strangers", "first", "later"}),
        (["long-prompt", "--streams", "2", "--settle", "0.1"], {"prompt alone", "streams", "prompt among"}),
        (["soak", "--rate", "30", "--duration", "1", "--drain", "1"], {"short", "long", "shared", "leaving"}),
        (["soak", "--duration", "0.5", "--clients", "1", "--drain", "1"], {"calibration"}),
    ],
)
def test_a_scenario_finds_figures_for_each_of_its_groups(arguments, groups):
    with running(FakeServer(seconds_per_token=0.002)) as fake:
        report = run(fake.url, *arguments)

    assert groups <= report["groups"].keys()
    assert sum(figures["requests"] for figures in report["groups"].values()) == len(report["requests"])
    assert report["total"]["failed"] == 0
    # Memory is known: the server is a thread of this process.
    assert report["server"]["resident_bytes"]["last"] > 0
    assert all(line in table.render(report) for line in groups)
    assert json.loads(command.to_json(report)) == report
    assert page.render(report).count("<svg") >= 5


def test_an_interrupted_load_test_keeps_what_it_measured(tmp_path):
    with running(FakeServer(seconds_per_token=0.02)) as fake:
        process = subprocess.Popen(
            [SCRIPTS / "loadtest", "clients", "--url", fake.url, "--clients", "2", "--duration", "60"]
            + ["--output-tokens", "10", "--json", tmp_path / "r.json", "--html", tmp_path / "r.html"],
            stdout=subprocess.PIPE,
            text=True,
        )
        while len(fake.bodies) < 8:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)

    report = json.loads((tmp_path / "r.json").read_text())
    assert process.returncode == 0
    assert "interrupted" in printed
    assert report["is_interrupted"]
    assert report["total"]["completed"] >= 4
    assert report["total"]["unfinished"] <= 2
    assert report["total"]["failed"] == 0
