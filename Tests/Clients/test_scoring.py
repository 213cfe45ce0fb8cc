# SPDX-License-Identifier: Apache-2.0
"""`echo` with `logprobs`, against what transformers computes in float32."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from apus_server import ROOT, ApusServer, wait_until

REFERENCE = json.loads((ROOT / "Tests/Fixtures/smollm2/greedy.json").read_text())["prompts"]
BY_ID = {"return_tokens_as_token_ids": True}

# Activations are rounded to 8 bits, the reference is float32. Kernels that lose more than that
# miss by whole nats.
MAX_MEAN_ERROR = 0.15
# A lead this large (in nats) must survive the rounding; a smaller one may not.
DECISIVE_MARGIN = 0.5


def score(complete, prompt, **options):
    completion = complete(
        prompt, **{"max_tokens": 0, "echo": True, "logprobs": 5, "extra_body": BY_ID, **options}
    )
    return completion.choices[0]


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: case["name"])
def test_scores_agree_with_the_reference(complete, case):
    steps = case["greedy"]
    ids = case["ids"] + [step["id"] for step in steps]

    logprobs = score(complete, ids).logprobs

    assert logprobs.tokens == [f"token_id:{token}" for token in ids]
    scored = logprobs.token_logprobs[len(case["ids"]) :]
    errors = [abs(ours - step["logprob"]) for ours, step in zip(scored, steps, strict=True)]
    assert sum(errors) / len(errors) < MAX_MEAN_ERROR
    for step, candidates in zip(steps, logprobs.top_logprobs[len(case["ids"]) :], strict=True):
        if step["margin"] > DECISIVE_MARGIN:
            assert max(candidates, key=candidates.get) == f"token_id:{step['id']}"


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: case["name"])
def test_greedy_text_follows_the_reference_while_it_is_decisive(complete, case):
    steps = case["greedy"]
    decisive = next((i for i, s in enumerate(steps) if s["margin"] <= DECISIVE_MARGIN), len(steps))

    choice = complete(
        case["ids"], max_tokens=len(steps), extra_body={"return_token_ids": True}
    ).choices[0]

    assert choice.token_ids[:decisive] == [step["id"] for step in steps[:decisive]]


def test_scoring_generates_nothing(complete):
    text = "The quick brown fox jumps over the lazy dog."

    completion = complete(text, max_tokens=0, echo=True, logprobs=0)

    assert completion.choices[0].text == text
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 0
    assert len(completion.choices[0].logprobs.tokens) == completion.usage.prompt_tokens


def test_the_first_token_has_no_logprob(complete):
    logprobs = score(complete, "The quick brown fox").logprobs

    assert logprobs.token_logprobs[0] is None
    assert logprobs.top_logprobs[0] is None
    assert all(value <= 0 for value in logprobs.token_logprobs[1:])


def test_offsets_cut_the_text_into_its_tokens(complete):
    choice = complete(
        "Hello, world! It is 2024.", max_tokens=12, echo=True, logprobs=1
    ).choices[0]

    offsets = choice.logprobs.text_offset
    ends = [*offsets[1:], len(choice.text)]
    pieces = [choice.text[start:end] for start, end in zip(offsets, ends, strict=True)]
    assert pieces == choice.logprobs.tokens


def test_the_chosen_token_is_among_the_candidates(complete):
    choice = complete("A B C D", max_tokens=8, logprobs=4).choices[0]

    assert len(choice.logprobs.tokens) == 8
    for token, value, candidates in zip(
        choice.logprobs.tokens,
        choice.logprobs.token_logprobs,
        choice.logprobs.top_logprobs,
        strict=True,
    ):
        assert candidates[token] == value == max(candidates.values())


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_scored_token_is_among_the_candidates(complete, count):
    logprobs = score(complete, "Zebras juggle seven quinces at dawn.", logprobs=count).logprobs

    extras = set()
    for token, value, candidates in zip(
        logprobs.tokens[1:],
        logprobs.token_logprobs[1:],
        logprobs.top_logprobs[1:],
        strict=True,
    ):
        assert candidates[token] == value
        likeliest = sorted(candidates.values(), reverse=True)[:count]
        extras.add(len(candidates) - count)
        assert len(candidates) == count or value <= min(likeliest, default=0)
    # A text that no model expects: the token itself is one more than was asked for.
    assert extras <= {0, 1} and 1 in extras


def test_scores_are_the_same_cold_warm_and_while_generating(complete):
    text = "A sentence that no other test has sent: zebras juggle quinces at dawn. " * 12

    cold = score(complete, text).logprobs
    warm = score(complete, text).logprobs
    generating = score(complete, text, max_tokens=4).logprobs

    assert warm == cold
    assert generating.token_logprobs[: len(cold.tokens)] == cold.token_logprobs


def test_scores_that_would_fill_the_memory_are_refused(http):
    body = {"prompt": [5] * 8000, "max_tokens": 0, "echo": True, "logprobs": 20, "n": 128}

    response = http.post("/v1/completions", json=body)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "logprobs"
    assert "21504000" in response.json()["error"]["message"]


def post(server, **body):
    response = httpx.post(f"{server.url}/v1/completions", json=body, timeout=120)
    assert response.status_code == 200
    return response.json()["choices"][0]


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_scores_are_the_same_bits_in_chunks_of_any_length(server, tmp_path, rows):
    """Cold and warm, alone and beside eight decodes, where a step takes as few rows of a prompt."""
    body = {
        "prompt": "The planets, in the order of their distance, are Mercury, Venus, Earth and Mars. " * 6,
        "max_tokens": 8, "temperature": 0, "echo": True, "logprobs": 5,
    }
    endless = {"prompt": "Count: 1, 2, 3,", "max_tokens": 2000, "ignore_eos": True}
    whole = post(server, **body)
    assert len(whole["logprobs"]["tokens"]) > 100

    chunked = ApusServer(tmp_path / "log", "--prefill-tokens", str(rows))
    try:
        chunked.wait_until_ready()
        assert [post(chunked, **body), post(chunked, **body)] == [whole, whole]
        with ThreadPoolExecutor(8) as pool:
            decodes = [pool.submit(post, chunked, **endless) for _ in range(8)]
            wait_until(lambda: chunked.metric("apus:num_requests_running") == 8, 30, "all decode")
            among = post(chunked, **body)
            assert chunked.metric("apus:num_requests_running") == 8
            # Nobody waits for what they have still to say.
            chunked.close()
            for decode in decodes:
                with pytest.raises(httpx.TransportError):
                    decode.result()
    finally:
        chunked.close()
    assert among == whole
