# SPDX-License-Identifier: Apache-2.0
"""Starting with a bad model, and ending."""

import random
import subprocess

import httpx
import pytest

from apus_server import BINARY, MODEL, ApusServer, wait_until

MISSING_INPUT = 66
BAD_CONFIGURATION = 78


def start(path):
    return subprocess.run(
        [BINARY, "serve", "--model", str(path), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=30,
    )


def assert_one_line(result, path):
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert str(path) in result.stderr


def test_a_missing_model_is_said_in_one_line(tmp_path):
    path = tmp_path / "absent.gguf"

    result = start(path)

    assert result.returncode == MISSING_INPUT
    assert_one_line(result, path)


def damaged(kind):
    with open(MODEL, "rb") as file:
        if kind == "empty":
            return b""
        if kind == "garbage":
            return random.Random(1).randbytes(100_000)
        if kind == "cut in the header":
            return file.read(100_000)
        if kind == "cut in the tensors":
            return file.read(50_000_000)
        if kind == "only a magic number":
            return file.read(4)
    raise ValueError(kind)


@pytest.mark.parametrize(
    "kind",
    ["empty", "garbage", "only a magic number", "cut in the header", "cut in the tensors"],
)
def test_a_damaged_model_is_said_in_one_line(tmp_path, kind):
    path = tmp_path / "damaged.gguf"
    path.write_bytes(damaged(kind))

    result = start(path)

    assert result.returncode == BAD_CONFIGURATION
    assert_one_line(result, path)


@pytest.fixture
def own_server(tmp_path):
    server = ApusServer(tmp_path / "log")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.close()


def test_sigterm_lets_running_requests_finish(own_server):
    body = {
        "prompt": "Once upon a time",
        "max_tokens": 100,
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
    }
    url = f"{own_server.url}/v1/completions"

    with httpx.stream("POST", url, json=body, timeout=60) as response:
        lines = response.iter_lines()
        first = next(lines)
        own_server.terminate()
        rest = [line for line in lines if line]

    assert first.startswith("data: ")
    assert rest[-1] == "data: [DONE]"
    assert '"finish_reason":"length"' in rest[-2]
    assert own_server.wait() == 0


def test_new_requests_are_told_to_go_elsewhere_while_running_ones_finish(own_server):
    body = {"prompt": "Once upon a time", "max_tokens": 1000, "ignore_eos": True, "stream": True}
    url = f"{own_server.url}/v1/completions"

    with httpx.stream("POST", url, json=body, timeout=60) as response:
        lines = response.iter_lines()
        next(lines)
        own_server.terminate()
        wait_until(lambda: not accepts(own_server), 5, "the server is not ready any more")
        ready = own_server.get("/ready")
        refused = httpx.post(url, json={**body, "stream": False}, timeout=60)
        alive = own_server.get("/health")
        rest = [line for line in lines if line]

    assert (ready.status_code, refused.status_code, alive.status_code) == (503, 503, 200)
    assert refused.json()["error"]["code"] == "draining"
    assert int(refused.headers["retry-after"]) > 0
    assert rest[-1] == "data: [DONE]" and '"finish_reason":"length"' in rest[-2]
    assert own_server.wait() == 0


def test_a_second_sigterm_ends_at_once(own_server):
    body = {"prompt": "Once upon a time", "max_tokens": 8000, "ignore_eos": True, "stream": True}
    url = f"{own_server.url}/v1/completions"

    with httpx.stream("POST", url, json=body, timeout=60) as response:
        next(response.iter_lines())
        own_server.terminate()
        wait_until(lambda: not accepts(own_server), 5, "new requests are turned away")
        own_server.terminate()
        assert own_server.process.wait(5) is not None


def accepts(server):
    try:
        return httpx.get(f"{server.url}/ready").status_code == 200
    except httpx.TransportError:
        return False
