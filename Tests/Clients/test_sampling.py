# SPDX-License-Identifier: Apache-2.0
"""Seeds repeat, biases bind, temperature 0 is greedy."""

PROMPT = "My favourite thing about autumn is"
IDS = {"return_token_ids": True}


def texts(completion):
    return [choice.text for choice in completion.choices]


def test_the_same_seed_gives_the_same_text(complete):
    options = {"temperature": 1, "max_tokens": 24, "seed": 42}

    first, second = (complete(PROMPT, **options) for _ in range(2))

    assert texts(first) == texts(second)


def test_other_seeds_give_other_texts(complete):
    options = {"temperature": 1, "max_tokens": 24}

    seeded = {texts(complete(PROMPT, seed=seed, **options))[0] for seed in range(4)}

    assert len(seeded) > 1


def test_without_a_seed_texts_differ(complete):
    completion = complete(PROMPT, temperature=1, max_tokens=24, n=4)

    assert len(set(texts(completion))) > 1


def test_each_choice_has_the_next_seed(complete):
    options = {"temperature": 1, "max_tokens": 16}

    together = texts(complete(PROMPT, n=3, seed=100, **options))
    alone = [texts(complete(PROMPT, seed=100 + index, **options))[0] for index in range(3)]

    assert together == alone


def test_a_drawn_token_is_among_the_candidates(complete):
    by_id = {"return_tokens_as_token_ids": True}
    options = {"temperature": 2, "max_tokens": 32, "seed": 7, "extra_body": by_id}

    logprobs, alone = (
        complete(PROMPT, logprobs=count, **options).choices[0].logprobs for count in (2, 0)
    )

    pairs = list(zip(logprobs.tokens, logprobs.token_logprobs, strict=True))
    assert alone.top_logprobs == [{token: value} for token, value in pairs]
    counts = set()
    for (token, value), candidates in zip(pairs, logprobs.top_logprobs, strict=True):
        assert candidates[token] == value
        counts.add(len(candidates))
    assert counts <= {2, 3} and 3 in counts


def test_greedy_ignores_the_seed(complete):
    first, second = (texts(complete(PROMPT, seed=seed, max_tokens=16)) for seed in (1, 2))

    assert first == second


def test_top_k_of_one_and_an_empty_nucleus_are_greedy(complete):
    greedy = texts(complete(PROMPT, max_tokens=12))

    assert texts(complete(PROMPT, max_tokens=12, temperature=1, extra_body={"top_k": 1})) == greedy
    assert texts(complete(PROMPT, max_tokens=12, temperature=1, top_p=1e-9)) == greedy


def test_typical_p_cuts_before_top_p(complete):
    greedy = texts(complete(PROMPT, max_tokens=12))
    options = {"max_tokens": 12, "temperature": 1, "seed": 3}

    # Of next to all tokens the likeliest is left by an empty nucleus.
    wide = complete(PROMPT, top_p=1e-9, extra_body={"typical_p": 0.99999}, **options)
    narrow, again = (complete(PROMPT, extra_body={"typical_p": 0.05}, **options) for _ in range(2))
    plain = complete(PROMPT, **options)

    assert texts(wide) == greedy
    assert texts(narrow) == texts(again) != texts(plain)


def test_a_bias_of_100_forces_a_token(complete):
    token = 7042

    choice = complete(PROMPT, max_tokens=6, logit_bias={str(token): 100}, extra_body=IDS).choices[0]

    assert choice.token_ids == [token] * 6


def test_a_bias_of_minus_100_bans_a_token(complete):
    token = complete(PROMPT, max_tokens=1, extra_body=IDS).choices[0].token_ids[0]

    choice = complete(
        PROMPT, max_tokens=24, logit_bias={str(token): -100}, extra_body=IDS
    ).choices[0]

    assert token not in choice.token_ids


def test_a_frequency_penalty_wears_out_a_bias(complete):
    token = 7042
    options = {"max_tokens": 64, "logit_bias": {str(token): 30}, "extra_body": IDS}

    plain = complete(PROMPT, **options).choices[0].token_ids
    penalised = complete(PROMPT, frequency_penalty=2, **options).choices[0].token_ids

    # 64 occurrences would cost 128, far more than the bias gives.
    assert plain.count(token) == 64
    assert 0 < penalised.count(token) < 64
