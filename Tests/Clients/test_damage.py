# SPDX-License-Identifier: Apache-2.0
"""A model file that changes under a running server, and a server that is killed."""

import contextlib
import hashlib
import json
import os
import shutil

import httpx
import pytest

from apus_server import MODEL, ApusServer, wait_until

INPUT_FAILED = 74
LONG = {"prompt": "Once upon a time", "max_tokens": 8000, "ignore_eos": True, "temperature": 0}


@pytest.fixture
def own_model(tmp_path):
    path = tmp_path / "own.gguf"
    shutil.copyfile(MODEL, path)
    return path


@contextlib.contextmanager
def serving(model, folder, *options):
    server = ApusServer(folder / "log", "--model", str(model), *options)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.close()


def truncate(path):
    os.truncate(path, os.path.getsize(path) // 3)


def overwrite(path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        file.write(b"\0" * 4096)


@pytest.mark.parametrize("damage", [truncate, overwrite])
@pytest.mark.parametrize("weights", ["packed", "mapped"])
def test_running_requests_end_with_an_error_when_the_file_changes(
    own_model, tmp_path, damage, weights
):
    with serving(own_model, tmp_path, "--weights", weights) as server:
        url = f"{server.url}/v1/completions"
        with httpx.stream("POST", url, json={**LONG, "stream": True}, timeout=120) as response:
            lines = response.iter_lines()
            assert next(lines).startswith("data: ")
            damage(own_model)
            rest = [line for line in lines if line]

        assert rest[-1] == "data: [DONE]"
        error = json.loads(rest[-2].removeprefix("data: "))["error"]
        assert error["code"] == "model_damaged"
        assert server.wait() == INPUT_FAILED
        [line] = [line for line in server.log.splitlines() if " critical " in line]
        assert str(own_model) in line


def test_a_request_after_the_change_gets_an_error(own_model, tmp_path):
    with serving(own_model, tmp_path) as server:
        truncate(own_model)

        answer = httpx.post(f"{server.url}/v1/completions", json=LONG, timeout=120)

        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "model_damaged"
        assert server.wait() == INPUT_FAILED


def test_a_file_that_is_replaced_by_renaming_changes_nothing(own_model, tmp_path):
    body = {"prompt": "Once upon a time", "max_tokens": 8, "temperature": 0}
    with serving(own_model, tmp_path, "--weights", "mapped") as server:
        url = f"{server.url}/v1/completions"
        before = httpx.post(url, json=body, timeout=120).json()["choices"]
        (tmp_path / "new").write_bytes(b"another file")
        os.replace(tmp_path / "new", own_model)

        assert httpx.post(url, json=body, timeout=120).json()["choices"] == before


def test_killing_the_server_spoils_nothing(own_model, tmp_path):
    body = {"prompt": "Once upon a time", "max_tokens": 8, "temperature": 0}
    before = hashlib.sha256(own_model.read_bytes()).digest()
    answers = []
    for _ in range(2):
        with serving(own_model, tmp_path) as server:
            url = f"{server.url}/v1/completions"
            answers.append(httpx.post(url, json=body, timeout=120).json()["choices"])
            stream = httpx.stream("POST", url, json={**LONG, "stream": True}, timeout=120)
            with contextlib.suppress(httpx.TransportError), stream as response:
                next(response.iter_lines())
                server.process.kill()
                wait_until(lambda: server.process.poll() is not None, 30, "it has ended")

    assert answers[0] == answers[1]
    assert hashlib.sha256(own_model.read_bytes()).digest() == before
