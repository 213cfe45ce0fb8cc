# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 as bytes: what RFC 9112 allows is served, what it forbids is refused."""

import json
import re

import pytest

HEALTH = b"GET /health HTTP/1.1\r\nHost: apus\r\n\r\n"
LAST = b"GET /health HTTP/1.1\r\nHost: apus\r\nConnection: close\r\n\r\n"
BODY = json.dumps({"prompt": "Hello", "max_tokens": 1}).encode()
POST = b"POST /v1/completions HTTP/1.1\r\nHost: apus\r\nContent-Type: application/json\r\n"


def statuses(response):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", response)]


REFUSED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not HTTP\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a space before the colon": b"GET /health HTTP/1.1\r\nHost : apus\r\n\r\n",
    "a folded line": b"GET /health HTTP/1.1\r\nHost: apus\r\nX: a\r\n b\r\n\r\n",
    "both lengths": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two different lengths": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "a signed length": POST + b"Content-Length: +4\r\n\r\nabcd",
    "a bad chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n",
    "a huge chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    "a huge header": b"GET /health HTTP/1.1\r\nHost: apus\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    "a huge body": POST + b"Content-Length: 99999999999999\r\n\r\n",
    "chunked with a Kelvin sign": POST + "Transfer-Encoding: chun\u212aed\r\n\r\n0\r\n\r\n".encode(),
    "another version": b"GET /health HTTP/3.0\r\nHost: apus\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED)
def test_what_the_protocol_forbids_is_refused_once(server, request_bytes):
    # The second request would be answered if the first were not the end of the connection.
    response = server.exchange(request_bytes + LAST)

    [status] = statuses(response)
    assert 400 <= status < 600 and status != 500


def test_a_refusal_after_head_has_the_body_that_it_announces(server):
    missing = b"POST /nothing HTTP/1.1\r\nHost: apus\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

    response = server.exchange(HEALTH.replace(b"GET", b"HEAD") + missing)

    assert statuses(response) == [200, 404]
    _, refusal, body = response.split(b"\r\n\r\n", 2)
    assert int(re.search(rb"\r\nContent-Length: (\d+)", refusal)[1]) == len(body) > 0


def test_requests_and_refusals_are_counted(server):
    names = ("apus:http_requests_total", 'apus:http_refusals_total{reason="not_found"}')
    before = [server.metric(name) for name in names]

    server.exchange(b"GET /nothing HTTP/1.1\r\nHost: apus\r\n\r\n" + LAST)

    # Asking for the metrics is a request, too.
    requests, refusals = (server.metric(name) for name in names)
    assert requests >= before[0] + 4 and refusals == before[1] + 1
    assert server.metric("apus:http_open_connections") >= 1
    assert server.metric("apus:http_received_bytes_total") > 0
    assert server.metric("apus:http_sent_bytes_total") > 0


def test_an_unfinished_body_is_never_run(server):
    before = server.metric("apus:prompt_tokens_total")

    with server.connect() as connection:
        connection.sendall(POST + b"Content-Length: %d\r\n\r\n%s" % (len(BODY) + 1, BODY))

    assert server.metric("apus:prompt_tokens_total") == before


def test_a_chunked_body_is_read(server):
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, BODY[i : i + 1]) for i in range(len(BODY)))

    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    response = server.exchange(head + chunks + b"0\r\n\r\n" + LAST)

    assert statuses(response) == [200, 200]


def test_pipelined_requests_are_answered_in_order(server):
    completion = POST + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    missing = b"GET /nothing HTTP/1.1\r\nHost: apus\r\n\r\n"

    response = server.exchange(HEALTH + completion + missing + LAST)

    assert statuses(response) == [200, 200, 404, 200]


def test_a_client_that_expects_100_continue_gets_it(server):
    head = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)

    with server.connect() as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert statuses(connection.recv(65536)) == [200]


def test_http_1_0_is_served_and_closed(server):
    response = server.exchange(b"GET /health HTTP/1.0\r\n\r\n")

    assert statuses(response) == [200]


def test_head_has_the_headers_without_the_body(server):
    response = server.exchange(LAST.replace(b"GET", b"HEAD"))

    assert statuses(response) == [200]
    assert response.endswith(b"\r\n\r\n")
