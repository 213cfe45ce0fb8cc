# SPDX-License-Identifier: Apache-2.0
"""The routes beside completions, and the README's example."""

import json
import re
import subprocess

import httpx
import openai

from apus_server import BINARY, ROOT, ApusServer

TINY = ROOT / "Tests/Fixtures/tiny/qwen3_moe.gguf"


def test_health_and_readiness(http):
    assert http.get("/health").status_code == 200
    assert http.get("/ready").status_code == 200


def test_the_model_is_listed(client, model):
    listed = client.models.list().data

    assert [card.id for card in listed] == [model]
    assert listed[0].object == "model"
    assert listed[0].created > 0
    assert listed[0].max_model_len > 0


def test_a_model_is_found_by_its_id_slashes_and_all(tmp_path):
    name = "some org/a model%2F"
    server = ApusServer(tmp_path / "log", "--model-name", name, model=TINY)
    try:
        server.wait_until_ready()
        listed = server.get("/v1/models").json()["data"][0]
        assert listed["id"] == name
        spellings = ["some%20org/a%20model%252F", "some%20org%2fa%20model%252F"]
        for spelling in spellings:
            assert server.get(f"/v1/models/{spelling}").json() == listed
            assert httpx.head(f"{server.url}/v1/models/{spelling}").status_code == 200
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as client:
            assert client.models.retrieve(name).id == name
        for other in ("some%20org", "a%20model%252F", "some%20org/a%20model/", "%00", "..%2F", "%ff"):
            answer = server.get(f"/v1/models/{other}")
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] == "model_not_found"
        assert server.get("/v1/models/").json()["error"]["code"] == "unknown_url"
    finally:
        server.close()


def test_the_version_is_told(http):
    version = http.get("/version").json()["version"]
    printed = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True)

    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert printed.stdout.strip() == version


def test_metrics_count_what_was_done(server, http, complete):
    before = server.metric("apus:generation_tokens_total")
    prompt_before = server.metric("apus:prompt_tokens_total")

    usage = complete("Metrics are", max_tokens=7, extra_body={"ignore_eos": True}).usage

    assert server.metric("apus:generation_tokens_total") - before == 7
    assert server.metric("apus:prompt_tokens_total") - prompt_before == usage.prompt_tokens


def test_metrics_are_prometheus_text(http):
    response = http.get("/metrics")

    assert response.headers["content-type"].startswith("text/plain")
    sample = re.compile(r'[a-zA-Z_:][\w:]*(\{(\w+="[^"]*",?)+\})? ([+-]?Inf|NaN|[-+.\deE]+)')
    lines = response.text.splitlines()
    assert lines
    for line in lines:
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line


def test_the_readme_examples_work(server):
    readme = (ROOT / "README.md").read_text()
    examples = re.findall(r"^```sh\n(curl .*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2

    for example in examples:
        command = example.replace("http://127.0.0.1:8080", server.url)
        assert server.url in command
        result = subprocess.run(
            ["bash", "-c", command], capture_output=True, timeout=60, check=True
        )
        choice = json.loads(result.stdout)["choices"][0]
        assert choice["message"]["content"] if "chat" in command else choice["text"]
