# SPDX-License-Identifier: Apache-2.0
"""Metadata given on the command line in place of the file's."""

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
