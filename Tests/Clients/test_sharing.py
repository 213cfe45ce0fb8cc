# SPDX-License-Identifier: Apache-2.0
"""Prompts that begin alike are computed once, and nobody can tell but by the clock and the usage."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor

BLOCK = 16


def fresh_text(words):
    """Text that no earlier test can have left in the cache."""
    draw = random.Random(uuid.uuid4().int)
    return " ".join(f"{draw.choice(['red', 'old', 'tall'])} {draw.randint(0, 999)}" for _ in range(words))


def cached(completion):
    return completion.usage.prompt_tokens_details.cached_tokens


def answer(completion):
    return [
        (choice.text, choice.logprobs.token_logprobs, choice.logprobs.top_logprobs)
        for choice in completion.choices
    ]


def test_a_second_request_finds_the_prompt_and_gives_the_same_bits(server, complete):
    prompt = fresh_text(60)
    hits = server.metric("apus:prefix_cache_hits_total")

    first = complete(prompt, max_tokens=20, logprobs=3)
    second = complete(prompt, max_tokens=20, logprobs=3)

    count = first.usage.prompt_tokens
    assert cached(first) == 0
    assert cached(second) == (count - 1) // BLOCK * BLOCK
    assert answer(second) == answer(first)
    assert server.metric("apus:prefix_cache_hits_total") == hits + cached(second)
    assert server.metric("apus:prefix_cache_queries_total") > 0


def test_a_stream_reports_what_was_cached(client, model):
    prompt = fresh_text(60)
    chunks = []
    for _ in range(2):
        stream = client.completions.create(
            model=model, prompt=prompt, max_tokens=2, stream=True,
            stream_options={"include_usage": True},
        )
        chunks.append(list(stream)[-1])

    assert cached(chunks[0]) == 0
    assert cached(chunks[1]) > 0


def test_a_salt_keeps_a_prompt_to_itself(complete):
    prompt = fresh_text(60)

    def salted(salt):
        return cached(complete(prompt, max_tokens=1, extra_body={"cache_salt": salt}))

    assert cached(complete(prompt, max_tokens=1)) == 0
    assert salted("a") == 0
    assert salted("b") == 0
    assert salted("a") > 0


def test_a_conversation_goes_on_from_its_answer(complete):
    prompt = fresh_text(40)
    first = complete(prompt, max_tokens=40, extra_body={"return_token_ids": True, "ignore_eos": True})
    tokens = first.choices[0].prompt_token_ids + first.choices[0].token_ids

    second = complete(tokens + [260, 261], max_tokens=4)

    assert cached(second) == (len(tokens) - 1) // BLOCK * BLOCK


def test_scores_of_a_prompt_are_the_same_when_it_is_known(complete):
    prompt = fresh_text(60)
    scored = complete(prompt, max_tokens=0, echo=True, logprobs=2)
    again = complete(prompt, max_tokens=0, echo=True, logprobs=2)
    known = complete(prompt, max_tokens=4, logprobs=2)

    assert answer(again) == answer(scored)
    assert cached(again) == 0
    assert cached(known) > 0


def test_choices_of_one_prompt_are_those_of_their_seeds(complete):
    prompt = fresh_text(30)
    together = complete(prompt, n=5, seed=70, temperature=1, max_tokens=12, logprobs=1)
    alone = [
        complete(prompt, seed=70 + index, temperature=1, max_tokens=12, logprobs=1)
        for index in range(5)
    ]

    assert answer(together) == [answer(completion)[0] for completion in alone]
    assert len({choice.text for choice in together.choices}) > 1


def test_best_of_returns_the_likeliest_choices(complete):
    prompt = fresh_text(30)
    options = {"seed": 9, "temperature": 1, "max_tokens": 12}
    every = complete(prompt, n=6, logprobs=0, **options)

    def mean(choice):
        values = choice.logprobs.token_logprobs
        return sum(values) / len(values)

    ranked = sorted(every.choices, key=mean, reverse=True)
    best = complete(prompt, n=2, best_of=6, **options)

    assert [choice.text for choice in best.choices] == [choice.text for choice in ranked[:2]]
    assert [choice.index for choice in best.choices] == [0, 1]
    assert best.usage.completion_tokens == every.usage.completion_tokens
    assert best.choices[0].logprobs is None


def test_many_with_one_prefix_pay_for_it_once(server, complete):
    """64 requests share a thousand tokens: next to nothing but their own ends is computed."""
    prefix = fresh_text(250)
    computed = server.metric("apus:iteration_tokens_total_sum")

    def ask(index):
        return complete(f"{prefix} {index}", max_tokens=1)

    with ThreadPoolExecutor(64) as pool:
        completions = list(pool.map(ask, range(64)))

    total = sum(completion.usage.prompt_tokens for completion in completions)
    length = total // 64
    assert length > 1000
    assert server.metric("apus:iteration_tokens_total_sum") - computed < length + 64 * 3 * BLOCK
    assert total - sum(map(cached, completions)) < length + 64 * 2 * BLOCK
