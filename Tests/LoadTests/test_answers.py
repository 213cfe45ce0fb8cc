# SPDX-License-Identifier: Apache-2.0
"""From bytes to records: framing, events, counts, outcomes."""

import http.client
import io
import json
import random

import openai._streaming
import pytest
from loadtesting.events import Completion, EventSplitter
from loadtesting.exchange import Answer, AnswerReader, MalformedAnswer, Target
from loadtesting.record import ABANDONED, COMPLETED, FAILED, REFUSED, Record, read_stepwise
from loadtesting.report import Targets, summarize


def cuts(data, seed):
    """The bytes in pieces of random lengths."""
    draws = random.Random(seed)
    while data:
        length = draws.choice([1, 1, 2, 3, 7, 50])
        yield data[:length]
        data = data[length:]


STREAMS = [
    b"data: one\n\ndata: two\n\n",
    b"data: one\r\n\r\ndata: two\r\n\r\n",
    b"data: one\r\rdata: two\r\r",
    b"data:one\ndata: two\ndata:  three\n\n",
    b": ping\n\nevent: done\nid: 5\ndata: [DONE]\n\n",
    b"data: {\"text\": \"\xc3\xa9\xe2\x82\xac\"}\n\nretry: 5\n\n\n\ndata\n\ndata: end\n\n",
    b"data: whole\n\ndata: cut",
]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("seed", range(20))
def test_events_are_those_of_the_openai_sdk_wherever_the_stream_is_cut(stream, seed):
    splitter = EventSplitter()

    events = [event for piece in cuts(stream, seed) for event in splitter.feed(piece)]

    decoder = openai._streaming.SSEDecoder()
    # The SDK also tells of events without data.
    expected = [event.data for event in decoder.iter_bytes(iter([stream])) if event.data]
    assert [event.decode() for event in events] == expected


BODY = bytes(range(256)) * 5
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-A: b: c\r\n\r\n" % len(BODY) + BODY,
    "chunks": b"HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\nRetry-After: 3\r\n\r\n"
    + b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in (BODY[:1], BODY[1:700], BODY[700:]))
    + b"0\r\nTrailer: x\r\n\r\n",
    "end": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1280\r\n\r\n" + BODY,
    "nothing": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
}


class Bytes:
    """What http.client wants of a socket."""

    def __init__(self, data):
        self._data = data

    def makefile(self, mode):
        return io.BytesIO(self._data)


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("seed", range(20))
def test_answers_are_framed_as_http_client_frames_them(kind, seed):
    reader = AnswerReader()

    body = b"".join(reader.feed(piece) for piece in cuts(ANSWERS[kind], seed))
    reader.end()

    expected = http.client.HTTPResponse(Bytes(ANSWERS[kind]), method="POST")
    expected.begin()
    assert reader.is_complete
    assert reader.status == expected.status
    assert body == expected.read()
    for name, value in expected.getheaders():
        assert reader.headers[name.lower()] == value


@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_an_answer_is_complete_with_its_last_byte_only(kind):
    reader = AnswerReader()

    reader.feed(ANSWERS[kind][:-1])
    reader.end()
    assert not reader.is_complete
    reader.feed(ANSWERS[kind][-1:])
    assert reader.is_complete


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_not_http_is_said(data):
    with pytest.raises(MalformedAnswer):
        AnswerReader().feed(data)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://host:8080", "/v1/models"),
        ("http://host:8080/v1/", "/v1/models"),
        ("host:8080", "/v1/models"),
        ("https://host/proxy/v1", "/proxy/v1/models"),
    ],
)
def test_a_base_url_may_end_in_v1_or_not(url, path):
    request = Target(url, "secret").request("GET", "/v1/models")

    assert request.startswith(f"GET {path} HTTP/1.1\r\n".encode())
    assert b"\r\nAuthorization: Bearer secret\r\n" in request


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "http://host:99999"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValueError):
        Target(url)


# Records

SENT, START = 1000.5, 1000.0


def event(text, **more):
    return b"data: " + json.dumps({"choices": [{"index": 0, "text": text, **more}]}).encode() + b"\n\n"


USAGE = (
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,'
    b'"prompt_tokens_details":{"cached_tokens":5}}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def record(pieces, status=200, headers=None, fault=None, left=None, due=1000.25):
    answer = Answer(SENT, status, headers or {}, pieces, 1005.0, fault)
    *pauses, found = read_stepwise("group", 4, due, answer, START, left)
    assert not any(pauses)
    return found


def test_latencies_count_from_the_due_moment():
    found = record(
        [
            (1001.0, event("a")),
            (1001.5, event("b") + event("c")),
            (1003.0, event("", finish_reason="length")),
            (1003.5, USAGE + DONE),
        ]
    )

    assert found.outcome == COMPLETED
    assert found.sent == 0.5
    assert found.time_to_first_token == 0.75
    assert found.gaps == [0.5, 0]
    assert found.latency == 3.25
    # Four tokens by usage: three times the mean time between them.
    assert found.time_per_output_token == pytest.approx(0.5 / 3)
    assert (found.prompt_tokens, found.output_tokens, found.cached_tokens) == (9, 4, 5)
    assert not found.is_short


def test_without_usage_events_are_counted():
    found = record([(1001.0, event("a")), (1002.0, event("b")), (1003.0, DONE)])

    assert found.output_tokens == 2
    assert found.usage_tokens is None


def test_chat_chunks_and_token_ids_are_tokens_and_roles_are_not():
    completion = Completion()

    for time, choice in enumerate(
        [
            {"delta": {"role": "assistant", "content": ""}},
            {"delta": {"reasoning_content": "hm"}},
            {"delta": {"content": "a"}},
            {"text": "", "token_ids": [5]},
            {"delta": {}, "finish_reason": "stop"},
        ]
    ):
        completion.read(json.dumps({"choices": [choice]}).encode(), time)

    assert list(completion.token_times) == [1, 2, 3]
    assert completion.is_finished


@pytest.mark.parametrize(
    ("pieces", "fault"),
    [
        ([(1001.0, event("a"))], "the answer has no end"),
        ([], "the answer has no end"),
        ([(1001.0, b"data: {not json\n\n")], "not JSON"),
        ([(1001.0, b"data: [1]\n\n")], "not an object"),
        ([(1001.0, event("a")), (1002.0, b'data: {"error":{"message":"boom"}}\n\n' + DONE)], "boom"),
    ],
)
def test_an_answer_that_is_not_whole_has_failed(pieces, fault):
    found = record(pieces)

    assert found.outcome == FAILED
    assert fault in found.fault


def test_a_refusal_has_its_status_words_and_retry_after():
    body = b'{"error":{"message":"the queue is full","type":"rate_limit_error"}}'

    found = record([(1000.6, body)], 429, {"retry-after": "7"})
    other = record([(1000.6, b"Bad Gateway")], 502, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"})

    assert (found.outcome, found.status, found.retry_after) == (REFUSED, 429, 7)
    assert found.fault == "the queue is full"
    assert (other.fault, other.retry_after) == ("Bad Gateway", None)


def test_a_request_that_was_left_is_no_failure():
    found = record([(1001.0, event("a"))], fault=ABANDONED, left=ABANDONED)

    assert (found.outcome, found.fault) == (ABANDONED, None)
    assert len(found.token_times) == 1


def test_a_connection_that_was_cut_has_failed():
    assert record([(1001.0, event("a") + DONE)], fault="cut: closed early").outcome == FAILED
    assert record([], 0, fault="not connected").outcome == FAILED


# Goodput


def answered(first, *gaps, outcome=COMPLETED):
    found = Record("group", 1.0, 1.0, 0, outcome, 4, 200)
    found.token_times.append(1.0 + first)
    for gap in gaps:
        found.token_times.append(found.token_times[-1] + gap)
    found.ended = found.token_times[-1]
    return found


def test_goodput_counts_answers_that_keep_both_targets_throughout():
    records = [
        answered(0.5, 0.125, 0.125),
        answered(0.5, 0.125, 0.25),  # one gap above
        answered(0.75, 0.125, 0.125),  # first token above
        answered(0.25, 0.125, outcome=FAILED),
        answered(0.25),
    ]

    figures = summarize(records, Targets(first_token=0.5, gap=0.125))

    # From 1.0 to 2.0: the third ends last.
    assert figures["span"] == 1.0
    assert figures["goodput_requests_per_second"] == 2.0
    assert figures["good_share"] == 0.4
    assert figures["requests_per_second"] == 4.0
    assert figures["output_tokens_per_second"] == 12.0
    assert figures["itl"]["count"] == 7
    assert figures["latency"]["count"] == 4


def test_errors_are_counted_by_status_with_what_retry_after_said():
    records = [
        record([(1000.6, b"{}")], 429, {"retry-after": str(seconds)}) for seconds in (1, 4, 2)
    ]
    records.append(record([], 0, fault="timed out"))

    errors = summarize(records, Targets(1, 1))["errors"]

    assert [(one["kind"], one["count"]) for one in errors] == [("429", 3), ("timed out", 1)]
    assert errors[0]["retry_after"]["min"] == 1
    assert errors[0]["retry_after"]["max"] == 4
    assert errors[1]["retry_after"] is None
