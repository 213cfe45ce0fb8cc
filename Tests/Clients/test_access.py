# SPDX-License-Identifier: Apache-2.0
"""Who may use the server: API keys with their limits, pages of other origins, Unix sockets, the access log."""

import contextlib
import gzip
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import zlib

import httpx
import openai
import pytest

from apus_server import BINARY, MODEL, ROOT, ApusServer, running, wait_until

ALICE, BOB, ENVIRONMENT = "sk-alice-2f7c1d90ab", "sk-bob-77aa01fe22", "sk-environment-5e5e5e"
KEYS = f"""
# who may use this server
alice:{ALICE}
bob:{BOB} requests_per_minute=3 concurrent_requests=1
"""
PAGE = "https://chat.example"
PUBLIC = {"/", "/health", "/ready", "/version"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text(KEYS)
    (folder / "keys").chmod(0o600)
    options = ["--api-key-file", str(folder / "keys"), "--access-log", "json"]
    options += ["--cors-allow-origin", PAGE]
    environment = {"APUS_API_KEY": ENVIRONMENT}
    with running(folder / "log", *options, environment=environment) as server:
        server.keys = folder / "keys"
        yield server


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def routes():
    """Every path in the source, so that a new one is tested as soon as it is there."""
    source = "".join(path.read_text() for path in (ROOT / "Sources/ServerApp/Routes").glob("*.swift"))
    found = re.findall(r'routes\.add\(\.(\w+), "([^"]+)"', source)
    assert ("post", "/v1/completions") in found
    return [(method.upper(), path.replace("*", "x")) for method, path in found]


def test_computed_prefixes_are_shared_by_those_who_have_the_same_key_only(guarded):
    body = {"prompt": "the same words for all of them, " * 12, "max_tokens": 1}

    def cached(key):
        answer = httpx.post(f"{guarded.url}/v1/completions", headers=bearer(key), json=body, timeout=60)
        return answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"]

    assert cached(ALICE) == 0
    assert cached(ENVIRONMENT) == 0
    assert cached(ALICE) > 0
    assert cached(ENVIRONMENT) > 0


@pytest.mark.parametrize("method, path", routes() + [("GET", "/nothing"), ("GET", "/v1"), ("GET", "/debug")])
@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(ALICE[:-1]), bearer("alice")])
def test_every_route_wants_a_key_but_the_public_ones(guarded, method, path, headers):
    answer = httpx.request(method, guarded.url + path, headers=headers)

    if path in PUBLIC:
        assert answer.status_code in (200, 404)  # a route that is not there yet is not secret
        return
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == ("invalid_api_key" if headers else None)


def test_the_sdk_shows_its_key(guarded):
    for key in (ALICE, ENVIRONMENT):
        with openai.OpenAI(base_url=f"{guarded.url}/v1", api_key=key, max_retries=0) as client:
            model = client.models.list().data[0].id
            assert client.completions.create(model=model, prompt="a", max_tokens=1).choices
    with openai.OpenAI(base_url=f"{guarded.url}/v1", api_key="other", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


def test_limits_of_a_key_are_its_own(guarded):
    def get(key):
        return httpx.get(f"{guarded.url}/v1/models", headers=bearer(key))

    # The other tests leave bob's minute alone.
    assert [get(BOB).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = get(BOB)
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert get(ALICE).status_code == 200


def test_requests_at_the_same_time_are_limited(tmp_path):
    (tmp_path / "keys").write_text(f"a:{ALICE}\nb:{BOB} concurrent_requests=4\n")
    options = ["--api-key-file", str(tmp_path / "keys"), "--key-concurrent-requests", "1"]
    server = ApusServer(tmp_path / "log", *options, "--public-metrics")
    body = {"prompt": "a", "max_tokens": 500, "ignore_eos": True, "stream": True}
    try:
        server.wait_until_ready()
        with httpx.stream(
            "POST", f"{server.url}/v1/completions", json=body, headers=bearer(ALICE)
        ) as stream:
            assert stream.status_code == 200
            refused = httpx.get(f"{server.url}/v1/models", headers=bearer(ALICE))
            assert refused.status_code == 429
            assert refused.headers["retry-after"] == "1"
            assert httpx.get(f"{server.url}/v1/models", headers=bearer(BOB)).status_code == 200
        # The stream was left: its place is free again.
        server.wait_until_idle(timeout=5)
        wait_until(
            lambda: httpx.get(f"{server.url}/v1/models", headers=bearer(ALICE)).status_code == 200,
            5,
            "the place is given back",
        )
        # The mode of the file was left as the umask made it.
        assert "can be read by other users" in server.log
    finally:
        server.close()


def test_keys_are_neither_in_the_log_nor_in_the_arguments(guarded):
    httpx.get(f"{guarded.url}/v1/models?key={ALICE}", headers=bearer(ALICE))
    httpx.get(f"{guarded.url}/v1/models", headers=bearer("a-wrong-but-precious-key"))
    wait_until(lambda: guarded.log.count("/v1/models") >= 2, 5, "requests are logged")

    arguments = pathlib.Path(f"/proc/{guarded.process.pid}/cmdline").read_text()
    for secret in (ALICE, BOB, ENVIRONMENT, "precious"):
        assert secret not in guarded.log
        assert secret not in arguments


def test_sighup_reads_keys_again_and_keeps_them_if_they_are_bad(guarded):
    def status(key):
        return httpx.get(f"{guarded.url}/v1/models", headers=bearer(key)).status_code

    def hang_up(text, expected):
        count = guarded.log.count(expected)
        guarded.keys.write_text(text)
        guarded.process.send_signal(signal.SIGHUP)
        wait_until(lambda: guarded.log.count(expected) > count, 10, expected)

    hang_up("carol:sk-carol-000000000000\n", "files were read again")
    assert status("sk-carol-000000000000") == 200
    assert status(ALICE) == 401
    for bad in ("carol\n", "", "carol:x\ncarol:y\n", "a:same\nb:same\n"):
        hang_up(bad, "nothing was changed")
    assert status("sk-carol-000000000000") == 200
    hang_up(KEYS, "files were read again")
    assert status(ALICE) == 200


def test_a_page_of_an_allowed_origin_may_ask_and_read(guarded):
    ask = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    ask["Access-Control-Request-Headers"] = "authorization,content-type,x-stainless-os"

    preflight = httpx.options(f"{guarded.url}/v1/completions", headers=ask)
    answer = httpx.get(f"{guarded.url}/v1/models", headers={"Origin": PAGE, **bearer(ALICE)})
    refused = httpx.get(f"{guarded.url}/v1/models", headers={"Origin": PAGE})
    other = httpx.get(f"{guarded.url}/health", headers={"Origin": "https://evil.example"})

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == ask["Access-Control-Request-Headers"]
    assert answer.status_code == 200 and refused.status_code == 401
    for each in (answer, refused):
        assert each.headers["access-control-allow-origin"] == PAGE
        assert "origin" in each.headers["vary"].lower()
    assert "access-control-allow-origin" not in other.headers


def test_the_json_log_says_who_asked_for_what(guarded):
    headers = {"X-Request-Id": "trace-17", **bearer(ALICE)}
    body = {"prompt": "a very private prompt", "max_tokens": 1}
    answer = httpx.post(f"{guarded.url}/v1/completions?private=1", json=body, headers=headers)
    assert answer.headers["x-request-id"] == "trace-17"
    wait_until(lambda: "trace-17" in guarded.log, 5, "the request is logged")

    [line] = [line for line in guarded.log.splitlines() if "trace-17" in line]
    record = json.loads(line)

    assert record["key"] == "alice"
    assert record["client"] == "127.0.0.1"
    assert (record["method"], record["path"]) == ("POST", "/v1/completions")
    assert (record["status"], record["cancelled"]) == (200, None)
    assert record["response_bytes"] == len(answer.content)
    assert 0 < record["duration_seconds"] < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", record["time"])
    assert "private" not in guarded.log


def test_requests_without_a_name_get_one(server, http):
    names = {http.get("/health").headers["x-request-id"] for _ in range(10)}

    assert len(names) == 10


def test_nobody_reads_the_log_and_the_server_goes_on(tmp_path):
    reader, writer = os.pipe()
    server = subprocess.Popen(
        [BINARY, "serve", "--model", MODEL, "--unix-socket", str(tmp_path / "s")],
        stdout=writer,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    transport = httpx.HTTPTransport(uds=str(tmp_path / "s"))
    try:
        with httpx.Client(transport=transport, base_url="http://apus") as client:
            wait_until((tmp_path / "s").exists, 60, "the server listens")
            # More lines than a pipe takes, unread; then the reading end is closed.
            for _ in range(3000):
                assert client.get("/nothing").status_code == 404
            os.close(reader)
            for _ in range(100):
                assert client.get("/nothing").status_code == 404
        assert server.poll() is None
    finally:
        server.kill()
        server.wait()


def test_a_unix_socket_serves_in_place_of_a_port(tmp_path):
    path = tmp_path / "apus.sock"
    # What a server that was killed leaves behind.
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))
    server = subprocess.Popen(
        [BINARY, "serve", "--model", MODEL, "--unix-socket", str(path)]
        + ["--unix-socket-mode", "600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    transport = httpx.HTTPTransport(uds=str(path))
    health = [BINARY, "health", "--unix-socket", str(path)]
    try:
        with httpx.Client(transport=transport, base_url="http://apus") as client:
            wait_until(lambda: subprocess.run(health).returncode == 0, 60, "the socket answers")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            body = {"prompt": "a", "max_tokens": 1}
            assert client.post("/v1/completions", json=body).json()["choices"]
        server.send_signal(signal.SIGTERM)
        stdout, stderr = server.communicate(timeout=60)
    finally:
        server.kill()
        server.wait()

    assert server.returncode == 0, stderr
    assert not path.exists()
    [line] = stdout.splitlines()
    assert ' unix - "POST /v1/completions" 200 ' in line
    assert subprocess.run(health, capture_output=True).returncode == 1


@pytest.mark.parametrize(
    "options, environment, said",
    [
        (["--api-key-file", "/nowhere"], {}, "'/nowhere'"),
        (["--api-key-file", "/dev/null"], {}, "no key"),
        ([], {"APUS_API_KEY": ""}, "APUS_API_KEY"),
        ([], {"APUS_API_KEY": "a key"}, "APUS_API_KEY"),
        (["--cors-allow-origin", "chat.example"], {}, "chat.example"),
        (["--key-concurrent-requests", "1"], {}, "need API keys"),
        (["--unix-socket", "/tmp/" + "x" * 200], {}, "socket path"),
        (["--unix-socket", "/etc/hostname"], {}, "no socket"),
    ],
)
def test_settings_that_do_not_fit_are_said_in_one_line(options, environment, said):
    result = subprocess.run(
        [BINARY, "serve", "--model", MODEL, "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )

    assert result.returncode == 78
    line = result.stderr.splitlines()[-1]
    assert said in line


BODY = json.dumps({"prompt": "Once upon a time", "max_tokens": 1, "temperature": 0}).encode()
CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "x-gzip": gzip.compress,
    "identity": bytes,
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_compressed_request_is_as_good_as_a_plain_one(http, coding, chunked):
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    coded = CODINGS[coding](BODY)
    pieces = (coded[i : i + 7] for i in range(0, len(coded), 7))

    answer = http.post("/v1/completions", content=pieces if chunked else coded, headers=headers)
    plain = http.post("/v1/completions", json=json.loads(BODY))

    assert answer.status_code == 200
    assert answer.json()["choices"] == plain.json()["choices"]


@pytest.mark.parametrize(
    "coding, body, status",
    [
        ("br", BODY, 415),
        ("gzip, gzip", gzip.compress(gzip.compress(BODY)), 415),
        ("gzip", BODY, 400),
        ("gzip", gzip.compress(BODY)[:-1], 400),
        ("deflate", gzip.compress(BODY), 400),
        ("gzip", gzip.compress(b" " * (33 << 20)), 413),
        ("deflate", zlib.compress(b"[" * (1 << 30), 9), 413),
    ],
    ids=["brotli", "two", "not gzip", "cut", "gzip as deflate", "bomb", "large bomb"],
)
def test_other_codings_damage_and_bombs_are_refused(server, http, coding, body, status):
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    before = resident_bytes(server)

    answer = http.post("/v1/completions", content=body, headers=headers)

    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    if status == 415:
        assert answer.headers["accept-encoding"] == "gzip, deflate"
    assert resident_bytes(server) - before < 64 << 20


def resident_bytes(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(fields[1]) * 4096


def test_answers_are_compressed_for_who_wants_it(http):
    body = {"prompt": "a", "max_tokens": 200, "ignore_eos": True, "logprobs": 5, "seed": 1}
    with_gzip = http.post("/v1/completions", json=body, headers={"Accept-Encoding": "gzip"})
    without = http.post("/v1/completions", json=body, headers={"Accept-Encoding": "identity"})
    small = http.get("/health", headers={"Accept-Encoding": "gzip"})

    assert with_gzip.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in without.headers and "content-encoding" not in small.headers
    assert with_gzip.json()["choices"] == without.json()["choices"]
    assert int(with_gzip.headers["content-length"]) < len(without.content) / 2


@pytest.mark.parametrize("asked", [False, True])
def test_a_stream_is_compressed_only_if_asked_and_comes_at_once(http, asked):
    body = {"prompt": "a", "max_tokens": 50, "ignore_eos": True, "stream": True, "seed": 1}
    accept = "gzip, identity;q=0" if asked else "gzip, deflate, br"

    with http.stream("POST", "/v1/completions", json=body, headers={"Accept-Encoding": accept}) as answer:
        pieces = list(answer.iter_bytes())

    assert answer.headers.get("content-encoding") == ("gzip" if asked else None)
    assert len(pieces) > 10
    assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
