# SPDX-License-Identifier: Apache-2.0
"""Nobody's answer depends on who else is there, and whoever leaves is gone."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from apus_server import wait_until

CLIENT_COUNT = 16
MAX_RELEASE_SECONDS = 2

SUBJECTS = ["the sea", "old maps", "a clockmaker", "bees", "glaciers", "chess", "bread", "comets"]


def stories():
    """Different prompts and lengths, so that batches mix prefill and decode."""
    draw = random.Random(16)
    for index in range(CLIENT_COUNT):
        subject = SUBJECTS[index % len(SUBJECTS)]
        yield {
            "prompt": f"Story number {index} about {subject}. " * draw.randint(1, 40),
            "max_tokens": draw.randint(8, 48),
            "seed": 1000 + index,
            "logprobs": 2,
        }


@pytest.mark.parametrize("temperature", [0, 1])
def test_everybody_gets_bit_for_bit_what_they_get_alone(complete, temperature):
    def answer(story):
        choice = complete(**story, temperature=temperature).choices[0]
        return choice.text, choice.logprobs.token_logprobs, choice.logprobs.top_logprobs

    alone = [answer(story) for story in stories()]

    with ThreadPoolExecutor(CLIENT_COUNT) as pool:
        together = list(pool.map(answer, stories()))

    assert together == alone


def leave(server, body, after):
    """Send a request, wait until `after(connection)` returns, and hang up."""
    data = json.dumps(body).encode()
    head = (
        "POST /v1/completions HTTP/1.1\r\nHost: apus\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with server.connect() as connection:
        connection.sendall(head.encode() + data)
        after(connection)


def wait_until_running(server):
    wait_until(lambda: server.metric("apus:num_requests_running") > 0, 10, "a request runs")


ENDLESS = {"prompt": "Count: 1, 2, 3,", "max_tokens": 4000, "ignore_eos": True}


def test_a_client_that_leaves_a_stream_frees_its_seat(server):
    def read_some(connection):
        received = b""
        while received.count(b"data: ") < 3:
            part = connection.recv(4096)
            assert part, f"closed after {received!r}"
            received += part

    leave(server, {**ENDLESS, "stream": True}, after=read_some)

    server.wait_until_idle(MAX_RELEASE_SECONDS)


def test_a_client_that_leaves_while_decoding_frees_its_seat(server):
    leave(server, ENDLESS, after=lambda _: wait_until_running(server))

    server.wait_until_idle(MAX_RELEASE_SECONDS)


def test_a_client_that_leaves_while_prefilling_frees_its_seat(server):
    body = {"prompt": "words " * 4000, "max_tokens": 1000, "ignore_eos": True}

    leave(server, body, after=lambda _: wait_until_running(server))

    server.wait_until_idle(MAX_RELEASE_SECONDS)


def test_many_clients_that_leave_at_once_leave_nothing_behind(server, complete):
    expected = complete("A calm answer:", max_tokens=8).choices[0].text

    with ThreadPoolExecutor(CLIENT_COUNT) as pool:
        list(
            pool.map(
                lambda index: leave(
                    server,
                    {**ENDLESS, "stream": index % 2 == 0},
                    after=lambda _: time.sleep(0.02 * index),
                ),
                range(2 * CLIENT_COUNT),
            )
        )

    server.wait_until_idle(MAX_RELEASE_SECONDS)
    assert complete("A calm answer:", max_tokens=8).choices[0].text == expected


def test_health_answers_while_others_decode(server, http):
    def poll(_):
        slowest = 0
        for _ in range(20):
            begin = time.monotonic()
            assert http.get("/health").status_code == 200
            slowest = max(slowest, time.monotonic() - begin)
        # Steps take milliseconds: an answer that waits for the engine would take much longer.
        assert slowest < 1

    leave(server, {**ENDLESS, "n": 8}, after=poll)

    server.wait_until_idle(MAX_RELEASE_SECONDS)
