# SPDX-License-Identifier: Apache-2.0
"""Metadata given on the command line in place of the file's; where weights are; what `apus bench` prints."""

import csv
import io
import json
import subprocess

import pytest

from apus_server import BINARY, ROOT

TINY = ROOT / "Tests/Fixtures/tiny/qwen3_moe.gguf"
USAGE = 64


def run(*arguments):
    return subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=30
    )


def test_an_override_shows_in_what_inspect_prints():
    plain = run("inspect", TINY)
    changed = run("inspect", TINY, "--override-kv", "qwen3moe.expert_used_count=int:3")

    assert plain.returncode == changed.returncode == 0
    assert "experts         2 of 8" in plain.stdout
    assert "experts         3 of 8" in changed.stdout
    assert "qwen3moe.expert_used_count = 3  (overridden)" in changed.stdout
    assert "overridden" not in plain.stdout


def test_generation_follows_an_override():
    arguments = ("generate", "--model", TINY, "--prompt", "Once", "--temperature", 0)
    plain = run(*arguments)
    same = run(*arguments, "--override-kv", "qwen3moe.expert_used_count=int:2")
    changed = run(*arguments, "--override-kv", "qwen3moe.expert_used_count=int:1")

    assert plain.returncode == same.returncode == changed.returncode == 0
    assert plain.stdout == same.stdout
    assert plain.stdout != changed.stdout


@pytest.mark.parametrize("command", ["serve", "generate", "bench", "evaluate", "inspect"])
def test_an_override_that_cannot_be_read_is_named(command):
    result = run(command, "--override-kv", "a.key=3")

    assert result.returncode == USAGE
    assert "a.key=3" in result.stderr


def test_mapped_weights_give_the_same_text_and_are_said_on_standard_error_alone():
    arguments = ("generate", "--model", TINY, "--prompt", "Once", "--temperature", 0)
    results = {name: run(*arguments, "--weights", name) for name in ("auto", "packed", "mapped")}

    for name, result in results.items():
        assert result.returncode == 0, result.stderr
        assert result.stdout == results["auto"].stdout
        lines = result.stderr.splitlines()
        assert len(lines) == (2 if name == "mapped" else 1)
    assert "weights: mapped (as asked)" in results["mapped"].stderr


def test_bench_says_where_weights_are():
    arguments = ("--model", TINY, "-p", 4, "-n", 2, "-r", 1, "-t", 1)
    for name in ("packed", "mapped"):
        rows = records("json", bench("json", *arguments, "--weights", name))
        assert {row["weights"] for row in rows} == {name}


def test_inspect_says_what_both_kinds_of_weights_need():
    lines = run("inspect", TINY).stdout.splitlines()

    needs = next(line for line in lines if line.startswith("weights "))
    assert " packed; or " in needs and needs.endswith(" mapped")


@pytest.mark.parametrize("command", ["serve", "generate", "bench", "evaluate"])
def test_weights_are_nowhere_else(command):
    result = run(command, "--weights", "swapped")

    assert result.returncode == USAGE
    assert "swapped" in result.stderr


def bench(output, *arguments):
    result = run("bench", "-o", output, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def records(output, text):
    """The rows of one notation, as the csv and json modules read them."""
    return list(csv.DictReader(io.StringIO(text))) if output == "csv" else json.loads(text)


def agree(text, value):
    """Whether a field of a CSV file says what a JSON value does."""
    if value is None:
        return text == ""
    if isinstance(value, list):
        return [float(part) for part in text.split()] == value
    return text == value if isinstance(value, str) else float(text) == value


SWEEP = ("-p", "3,9", "-n", "2", "-b", "1,3", "-d", "0,20", "-t", "1,2", "-r", "3", "--chunk", "4")
# Differ from run to run; all else is the same.
MEASURED = ("per_second", "share_of_limit", "limited_by")


def test_a_sweep_is_the_same_rows_in_csv_and_json():
    arguments = ("--model", TINY, *SWEEP)
    written = {output: records(output, bench(output, *arguments)) for output in ("csv", "json")}

    tests = ["pp3", "pp9", "tg2", "tg2 @ b3"]
    assert [row["test"] for row in written["json"]] == 2 * (tests + [f"{t} @ d20" for t in tests])
    assert len(written["csv"]) == len(written["json"])
    for line, row in zip(written["csv"], written["json"]):
        assert list(line) == list(row)
        for name, value in row.items():
            if not any(part in name for part in MEASURED):
                assert agree(line[name], value), name


@pytest.mark.parametrize("output", ["csv", "json"])
def test_the_figures_of_a_row_belong_together(output):
    rows = records(output, bench(output, "--model", TINY, *SWEEP))

    for row in rows:
        speeds = row["repetitions_tokens_per_second"]
        speeds = sorted(map(float, speeds.split()) if output == "csv" else speeds)
        assert len(speeds) == 3 and speeds[0] > 0
        assert [float(row[f"{name}_tokens_per_second"]) for name in ("min", "median", "max")] == speeds
        tokens = int(row["batch"]) * (int(row["prompt_tokens"]) + int(row["generated_tokens"]))
        read = int(row["weight_bytes_read"]) + int(row["kv_bytes_read"])
        reading = read / float(row["read_bandwidth_bytes_per_second"])
        multiplying = float(row["operations"]) / float(row["int8_operations_per_second"])
        limit = float(row["limit_tokens_per_second"])
        assert limit == pytest.approx(tokens / max(reading, multiplying))
        assert row["limited_by"] == ("bandwidth" if reading >= multiplying else "int8")
        assert float(row["share_of_limit"]) == pytest.approx(speeds[1] / limit)


def test_kernels_are_the_same_rows_in_csv_and_json():
    arguments = ("--kernels", "--types", "f32,Q4_K", "-t", "1", "-r", "1")
    lines = records("csv", bench("csv", *arguments))
    rows = records("json", bench("json", *arguments))

    assert [(row["type"], row["weights_in"], row["columns"]) for row in rows] == [
        ("F32", "memory", 1), ("Q4_K", "memory", 1),
        *(("F32", "L2", count) for count in (1, 4, 8, 32)),
        *(("Q4_K", "L2", count) for count in (1, 4, 8, 32)),
    ]
    for line, row in zip(lines, rows, strict=True):
        assert list(line) == list(row)
        assert row["weight_bytes_per_second"] > 0 and row["operations_per_second"] > 0
        assert float(line["weight_bytes_per_second"]) > 0
        for name in ("type", "weights_in", "weight_bytes", "threads", "columns", "limited_by"):
            assert agree(line[name], row[name]), name


def test_a_table_has_a_line_for_each_measure():
    table = bench("table", "--model", TINY, "-p", 4, "-n", 2, "-b", "1,2", "-r", 1, "-t", 1)

    lines = [line for line in table.splitlines() if line.startswith("| qwen3moe F32")]
    assert [line.split(" | ")[4] for line in lines] == ["pp4", "tg2", "tg2 @ b2"]
    assert "machine, 1 thread: " in table


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (("-p", "x"), "'x'"),
        (("-n", "1,,2"), "'1,,2'"),
        (("-d=-1",), "-1"),
        (("-b", "0"), "--batch goes from 1 to 1024"),
        (("-t", "1,2000"), "--threads goes from 1 to 1024"),
        (("-d", "1000001"), "--depth goes from 0 to 1000000"),
        (("-r", "0"), "-r goes from 1 to 1000"),
        (("--chunk", "0"), "--chunk goes from 1 to 65536"),
        (("-o", "xml"), "'xml'"),
        (("-p", "0", "-n", "0"), "nothing is measured"),
        (("--types", "Q4_K"), "--types needs --kernels"),
        (("--kernels",), "either --model or --kernels"),
    ],
)
def test_bench_refuses_what_it_cannot_measure(arguments, reason):
    result = run("bench", "--model", TINY, *arguments)

    assert result.returncode == USAGE
    assert reason in result.stderr


def test_bench_refuses_a_type_without_a_kernel():
    result = run("bench", "--kernels", "--types", "Q4_K,I8")

    assert result.returncode == USAGE
    assert "'Q4_K,I8'" in result.stderr


def test_bench_says_what_does_not_fit_into_memory():
    result = run("bench", "--model", TINY, "-b", 1024, "-d", 1_000_000)

    assert result.returncode == 78
    assert "out of resources" in result.stderr
