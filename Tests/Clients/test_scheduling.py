# SPDX-License-Identifier: Apache-2.0
"""Many clients at once: nobody stalls, nobody is shut out, and whoever leaves is gone."""

import json
import random
import re
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from apus_server import ApusServer, running, wait_until

# The server's default --max-step-time, and what a busy machine may add to a gap.
MAX_STEP_SECONDS = 0.3
GAP_SLACK = 2


def fresh_words(count):
    draw = random.Random(uuid.uuid4().int)
    return " ".join(draw.choice(["red", "old", "tall", "wide", "calm"]) for _ in range(count))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# One client for all threads: to make one takes more time than most answers.
CLIENT = httpx.Client(timeout=120, limits=httpx.Limits(max_connections=None))


def post(url, **body):
    return CLIENT.post(f"{url}/v1/completions", json=body)


def stream_times(url, ready, **body):
    """When each event of a stream came; `ready` is called at the first."""
    times = []
    with httpx.stream(
        "POST", f"{url}/v1/completions", json={**body, "stream": True}, timeout=120
    ) as response:
        assert response.status_code == 200
        for line in response.iter_lines():
            if line.startswith("data: {"):
                times.append(time.monotonic())
                ready()
    return times


def test_a_long_prompt_does_not_stall_decoders(server):
    """B1: one prompt of most of the context among eight streams. Of two runs one must do: whatever else the
    machine does only makes gaps longer."""
    for _ in range(2):
        gaps = gaps_beside_a_long_prompt(server)
        assert len(gaps) > 50
        tail = percentile(gaps, 0.99)
        if tail < MAX_STEP_SECONDS * GAP_SLACK:
            break
    assert tail < MAX_STEP_SECONDS * GAP_SLACK


def gaps_beside_a_long_prompt(server):
    """Times between the events of eight streams while a prompt of 7,000 words is computed."""
    started = threading.Barrier(9)
    once = threading.local()

    def ready():
        if not getattr(once, "done", False):
            once.done = True
            started.wait(60)

    def decode(index):
        return stream_times(
            server.url, ready, prompt=f"{index} {fresh_words(20)}", max_tokens=400, ignore_eos=True
        )

    with ThreadPoolExecutor(8) as pool:
        streams = [pool.submit(decode, index) for index in range(8)]
        started.wait(60)
        begin = time.monotonic()
        response = post(server.url, prompt=fresh_words(7000), max_tokens=1)
        end = time.monotonic()
        times = [stream.result() for stream in streams]

    assert response.status_code == 200
    assert response.json()["usage"]["prompt_tokens"] >= 7000
    return [
        later - earlier
        for stream in times
        for earlier, later in zip(stream, stream[1:])
        if later > begin and earlier < end
    ]


def test_abandoned_requests_leave_nothing(server, complete, is_long):
    """B2 and B3: two hundred, or a thousand, leave while they wait, prefill or decode."""
    draw = random.Random(2)

    def abandon(index):
        body = {
            "prompt": fresh_words(draw.choice([10, 200, 2000])),
            "max_tokens": 1000,
            "ignore_eos": True,
            "n": draw.choice([1, 1, 3]),
        }
        with pytest.raises(httpx.TimeoutException):
            httpx.post(f"{server.url}/v1/completions", json=body, timeout=0.5)

    before = time.monotonic()
    complete("warm", max_tokens=16)
    nominal = time.monotonic() - before
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(abandon, range(1000 if is_long else 200)))

    server.wait_until_idle(timeout=5)
    assert server.metric("apus:kv_cache_usage_perc") == 0
    before = time.monotonic()
    complete("warm again", max_tokens=16)
    assert time.monotonic() - before < 5 * nominal + 0.5


def small(tmp_path, seat_count):
    """Eight places in the queue, 60 KV blocks."""
    server = ApusServer(
        tmp_path / "log", "--parallel", str(seat_count), "--max-waiting", "8", "--kv-mib", "22",
        "--context-length", "2000",
    )
    try:
        server.wait_until_ready()
        yield server
        server.wait_until_idle(timeout=10)
        assert server.metric("apus:kv_cache_usage_perc") == 0
    finally:
        server.close()


@pytest.fixture
def small_server(tmp_path):
    yield from small(tmp_path, 2)


@pytest.fixture
def crowded_server(tmp_path):
    """More seats than there are blocks for."""
    yield from small(tmp_path, 4)


# The pool of KV blocks, which are first touched when they are first needed, and 64 MiB besides.
MAX_GROWTH_BYTES = (22 + 64) << 20


def resident_bytes(server):
    return server.metric("process_resident_memory_bytes")


# Asks for /health until a line comes in, then prints how long each answer took.
WATCH = """
import http.client, json, select, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
times = []
while not select.select([sys.stdin], [], [], 0.02)[0]:
    before = time.monotonic()
    connection.request("GET", "/health")
    response = connection.getresponse()
    response.read()
    assert response.status == 200
    times.append(time.monotonic() - before)
print(json.dumps(times))
"""

# The promise is 50 ms on an idle machine; here a hundred clients want the same processors.
MAX_HEALTH_SECONDS = 0.2
OVERLOAD_SECONDS = 3
LONG_OVERLOAD_SECONDS = 60


def test_overload_is_refused_with_a_time_and_health_answers(small_server, is_long):
    """B4: ten times what fits, for a few seconds or a minute."""
    # A process of its own: threads of this one would wait for each other.
    watcher = subprocess.Popen(
        [sys.executable, "-c", WATCH, str(small_server.port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    end = time.monotonic() + (LONG_OVERLOAD_SECONDS if is_long else OVERLOAD_SECONDS)
    memory = resident_bytes(small_server)

    def ask(index):
        responses = []
        while time.monotonic() < end:
            prompt = f"{index} {fresh_words(20)}"
            responses.append(post(small_server.url, prompt=prompt, max_tokens=40))
            time.sleep(0.2 if responses[-1].status_code == 429 else 0)
        return responses

    with ThreadPoolExecutor(100) as pool:
        responses = [response for several in pool.map(ask, range(100)) for response in several]
    health = json.loads(watcher.communicate("\n")[0])

    refused = [response for response in responses if response.status_code == 429]
    accepted = [response for response in responses if response.status_code == 200]
    assert len(refused) + len(accepted) == len(responses)
    assert len(accepted) >= 10
    assert len(refused) >= 100
    for response in refused:
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert response.json()["error"]["code"] == "rate_limit_exceeded"
    assert len(health) > 20
    assert percentile(health, 0.99) < MAX_HEALTH_SECONDS
    assert resident_bytes(small_server) < memory + MAX_GROWTH_BYTES


ALICE, BOB, CAROL = "sk-alice-5d0c2b", "sk-bob-90aa41", "sk-carol-77e1f3"


@pytest.fixture
def shared_server(tmp_path):
    """Two seats for three keys; Carol's share is three times Bob's."""
    keys = tmp_path / "keys"
    keys.write_text(f"alice:{ALICE}\nbob:{BOB}\ncarol:{CAROL} weight=3\n")
    keys.chmod(0o600)
    with running(
        tmp_path / "log", "--parallel", "2", "--api-key-file", str(keys), "--public-metrics"
    ) as server:
        yield server


def answers_in_order(server, counts):
    """Has each key ask as often as `counts` says, the second once all of the first wait: the keys in the order
    of the answers, and how many there had been when the last key began to ask."""
    order = []

    def ask(key):
        prompt = f"{fresh_words(5)} {uuid.uuid4()}"
        response = CLIENT.post(
            f"{server.url}/v1/completions",
            json={"prompt": prompt, "max_tokens": 16, "ignore_eos": True},
            headers={"Authorization": f"Bearer {key}"},
        )
        assert response.status_code == 200
        order.append(key)

    def all_wait(count):
        return len(order) + 2 + server.metric("apus:num_requests_waiting") >= count

    pending = []
    with ThreadPoolExecutor(sum(counts.values())) as pool:
        for key, count in counts.items():
            wait_until(lambda: all_wait(len(pending)), 30, "those before are in the queue")
            begun = len(order)
            pending += [pool.submit(ask, key) for _ in range(count)]
    for request in pending:
        request.result()
    return order, begun


def test_many_requests_of_a_key_do_not_push_another_back(shared_server):
    """B6: one request beside a hundred of another key gets one of the next free seats."""
    order, begun = answers_in_order(shared_server, {ALICE: 100, BOB: 1})

    assert begun < 60
    assert order.index(BOB) - begun < 8


def test_shares_are_in_proportion_to_weights(shared_server):
    order, begun = answers_in_order(shared_server, {BOB: 40, CAROL: 40})

    # Both have requests waiting all this time; three answers of four should be Carol's.
    while_both_wait = order[begun + 4 : begun + 36]
    assert 0.6 < while_both_wait.count(CAROL) / len(while_both_wait) < 0.9


def test_what_never_fits_is_refused_at_once_and_preemption_changes_nothing(small_server):
    """B5: the arithmetic in words; two that outgrow the pool together get what each gets alone."""
    before = time.monotonic()
    refusal = post(small_server.url, prompt=[5] * 900, max_tokens=1000)
    assert refusal.status_code == 400
    assert "KV blocks" in refusal.json()["error"]["message"]
    assert time.monotonic() - before < 0.5

    bodies = [
        {
            "prompt": f"{index} {fresh_words(200)}",
            "max_tokens": 350,
            "ignore_eos": True,
            "logprobs": 1,
            "seed": index,
        }
        for index in range(3)
    ]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda body: post(small_server.url, **body), bodies))
    assert small_server.metric("apus:num_preemptions_total") > 0
    alone = [post(small_server.url, **body) for body in bodies]

    assert [response.json()["choices"] for response in together] == [
        response.json()["choices"] for response in alone
    ]


def test_deadlines(small_server):
    endless = {"prompt": "Count: 1, 2, 3,", "max_tokens": 800, "ignore_eos": True}
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(post, small_server.url, **endless, deadline_ms=2500) for _ in range(2)
        ]
        wait_until(
            lambda: small_server.metric("apus:num_requests_running") == 2, 10, "both seats are taken"
        )
        late = post(small_server.url, prompt="Late", max_tokens=4, deadline_ms=300)
        streamed = post(small_server.url, prompt="Late", max_tokens=4, deadline_ms=300, stream=True)
        ended = [response.result().json() for response in running]

    for response in (late, streamed):
        assert response.status_code == 504
        assert response.json()["error"]["code"] == "deadline_exceeded"
    for body in ended:
        if body["choices"][0]["finish_reason"] == "timeout":
            assert 0 < body["usage"]["completion_tokens"] < 800
        else:
            assert body["usage"]["completion_tokens"] == 800


def test_who_waits_too_long_is_told(tmp_path):
    """While the only seat is taken for longer than one may wait; a stream, too, has a status of its own."""
    with running(tmp_path / "log", "--parallel", "1", "--max-wait", "1") as server:
        with ThreadPoolExecutor(2) as pool:
            endless = pool.submit(
                post, server.url, prompt="Count:", max_tokens=8000, ignore_eos=True, deadline_ms=4000
            )
            wait_until(
                lambda: server.metric("apus:num_requests_running") == 1, 10, "the seat is taken"
            )
            late = list(
                pool.map(
                    lambda streams: post(server.url, prompt="Late", max_tokens=4, stream=streams),
                    (False, True),
                )
            )

        for response in late:
            assert response.status_code == 429
            assert 1 <= int(response.headers["retry-after"]) <= 600
            assert "has waited for more than 1.0 seconds" in response.json()["error"]["message"]
        assert endless.result().json()["choices"][0]["finish_reason"] == "timeout"
        assert post(server.url, prompt="Now", max_tokens=4).status_code == 200


def test_a_stream_whose_time_is_up_says_so(server):
    response = post(
        server.url, prompt="Count:", max_tokens=8000, ignore_eos=True, deadline_ms=400, stream=True
    )

    events = [line for line in response.text.split("\n\n") if line]
    assert response.status_code == 200
    assert events[-1] == "data: [DONE]"
    last = json.loads(events[-2].removeprefix("data: "))
    assert last["choices"][0]["finish_reason"] == "timeout"
    assert len(events) > 2


def test_no_answer_holds_anothers_secret(crowded_server, is_long):
    """C2: unique secrets, in small rooms, with cancels, preemptions and evictions."""
    draw = random.Random(3)
    count = 10_000 if is_long else 200
    # Long enough for no number that a model makes up to be another's.
    secrets = [f"{number:012d}" for number in draw.sample(range(10**12), count)]

    def ask(secret):
        body = {
            "prompt": f"{fresh_words(draw.choice([5, 200, 250]))} The code is {secret}. Repeat: the code is",
            "max_tokens": draw.choice([8, 100]),
            "temperature": draw.choice([0, 1]),
            "echo": draw.random() < 0.2,
        }
        timeout = 0.05 if draw.random() < 0.2 else 120
        for _ in range(100):
            try:
                response = CLIENT.post(
                    f"{crowded_server.url}/v1/completions", json=body, timeout=timeout
                )
            except httpx.TimeoutException:
                return None
            if response.status_code == 200:
                return response.json()["choices"][0]["text"]
            assert response.status_code == 429
            time.sleep(0.1)
        return None

    with ThreadPoolExecutor(12) as pool:
        texts = list(pool.map(ask, secrets))

    assert crowded_server.metric("apus:num_preemptions_total") > 0
    answered = [text for text in texts if text is not None]
    assert len(answered) > count / 3
    assert any(own in text for own, text in zip(secrets, texts) if text)
    everybodys = set(secrets)
    for own, text in zip(secrets, texts):
        numbers = re.findall(r"(?=(\d{12}))", text or "")
        assert not everybodys.intersection(numbers) - {own}
