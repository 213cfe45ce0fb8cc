# SPDX-License-Identifier: Apache-2.0
"""One server for clients that others have written; nothing here goes to any other machine."""

import os
import pathlib
import sys

import httpx
import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "Clients"))

from apus_server import running

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "OPENAI_API_KEY": "unused",
}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def http(server):
    with httpx.Client(base_url=server.url, timeout=120) as http:
        yield http


@pytest.fixture(scope="session")
def model(http):
    """The id under which the model is served."""
    return http.get("/v1/models").json()["data"][0]["id"]


@pytest.fixture(scope="session")
def complete(http):
    """The first choice of a greedy completion, by plain HTTP."""

    def complete(prompt, **options):
        answer = http.post("/v1/completions", json={"prompt": prompt, "temperature": 0, **options})
        assert answer.status_code == 200, answer.text
        return answer.json()["choices"][0]

    return complete


@pytest.fixture(scope="session")
def chat(http):
    """The text of a greedy chat completion, by plain HTTP."""

    def chat(text, **options):
        messages = [{"role": "user", "content": text}]
        body = {"messages": messages, "temperature": 0, **options}
        answer = http.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["choices"][0]["message"]["content"]

    return chat
