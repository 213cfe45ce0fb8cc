# SPDX-License-Identifier: Apache-2.0
"""The description at `/openapi.json`: of all routes and documented fields, and true in schemathesis' eyes."""

import pathlib
import re
import subprocess
import sys

import pytest

from apus_server import ROOT, ApusServer

TINY = ROOT / "Tests/Fixtures/tiny/qwen3_moe.gguf"


@pytest.fixture(scope="module")
def description(http):
    return http.get("/openapi.json").json()


def test_every_route_is_described(description):
    source = "".join(path.read_text() for path in (ROOT / "Sources/ServerApp/Routes").glob("*.swift"))
    found = re.findall(r'routes\.add\(\.(\w+), "([^"]+)"', source)
    # The page and what it shows are not for programs.
    routes = {(method, path.replace("*", "{id}")) for method, path in found}
    routes -= {route for route in routes if route[1] == "/" or route[1].startswith("/debug/")}

    described = {(method, path) for path, item in description["paths"].items() for method in item}
    assert routes == described


def test_every_documented_field_is_described(description):
    schemas = description["components"]["schemas"]
    described = set()
    for name in ("CompletionRequest", "ChatRequest", "Generation", "TokenizeRequest", "DetokenizeRequest"):
        for part in [schemas[name], *schemas[name].get("allOf", [])]:
            described |= set(part.get("properties", {}))
    page = (ROOT / "docs/API.md").read_text()
    tables = re.findall(r"^\| Field .*\n\| --.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    rows = [row.split("|")[1] for table in tables for row in table.splitlines()]
    documented = {field for row in rows for field in re.findall(r"`(\w+)`", row)}

    assert len(documented) > 50
    assert documented == described


def test_the_version_is_the_servers(http, description):
    assert description["info"]["version"] == http.get("/version").json()["version"]


def test_schemathesis_finds_nothing(tmp_path):
    """Requests made from the description, right and wrong: wrong ones are refused, answers are as described."""
    template = tmp_path / "template"
    template.write_text("{% for message in messages %}{{ message.content }}:{% endfor %}")
    options = ["--context-length", "64", "--chat-template-file", str(template)]
    server = ApusServer(tmp_path / "log", *options, model=TINY)
    schemathesis = pathlib.Path(sys.executable).with_name("schemathesis")
    # Beyond a schema's words: fields that contradict each other, prompts too long for the model.
    unasked = "positive_data_acceptance"
    # Asked for with a deadline of a few milliseconds, an answer may be late.
    statuses = 'expected-statuses = ["2xx", "3xx", "4xx", 504]'
    (tmp_path / "schemathesis.toml").write_text(f"[checks.not_a_server_error]\n{statuses}\n")
    try:
        server.wait_until_ready()
        command = [schemathesis, "run", f"{server.url}/openapi.json", "--phases", "examples,coverage,fuzzing"]
        command += ["--max-examples", "30", "--max-time", "30", "--seed", "1", "--exclude-checks", unasked]
        command += ["--request-timeout", "60", "--suppress-health-check", "all", "--no-color"]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280)
        assert result.returncode == 0, result.stdout[-8000:] + result.stderr
        assert server.process.poll() is None
    finally:
        server.close()
