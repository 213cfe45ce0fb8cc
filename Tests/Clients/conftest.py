# SPDX-License-Identifier: Apache-2.0
"""One server for the whole run, and clients for it."""

import httpx
import openai
import pytest

from apus_server import running


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="loads as large as they are promised for")


@pytest.fixture(scope="session")
def is_long(request):
    """Whether a test has minutes: `scripts/test --long`."""
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


@pytest.fixture(autouse=True)
def survival(request):
    """After each test that used the server: it is alive and no request is left in it."""
    yield
    if "server" in request.fixturenames:
        server = request.getfixturevalue("server")
        assert server.process.poll() is None, f"the server ended:\n{server.log}"
        server.wait_until_idle(timeout=5)


@pytest.fixture(scope="session")
def client(server):
    """The OpenAI SDK, without its retries: an error here is a finding."""
    with openai.OpenAI(
        base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120
    ) as client:
        yield client


@pytest.fixture(scope="session")
def http(server):
    with httpx.Client(base_url=server.url, timeout=120) as http:
        yield http


@pytest.fixture(scope="session")
def model(client):
    """The id under which the model is served."""
    return client.models.list().data[0].id


@pytest.fixture(scope="session")
def complete(client, model):
    """`completions.create` for the served model, greedy unless told otherwise."""

    def complete(prompt, **options):
        return client.completions.create(
            model=model, prompt=prompt, **{"temperature": 0, **options}
        )

    return complete
