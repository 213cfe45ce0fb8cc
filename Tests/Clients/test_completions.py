# SPDX-License-Identifier: Apache-2.0
"""What a completion holds: text, choices, usage, and the model's own name."""

PROMPT = "The capital of France is"
PROMPT_IDS = [504, 3575, 282, 4649, 314]
IDS = {"return_token_ids": True}


def test_a_completion_has_text_and_usage(complete, model):
    completion = complete(PROMPT, max_tokens=8)

    assert completion.object == "text_completion"
    assert completion.model == model
    assert completion.id.startswith("cmpl-")
    [choice] = completion.choices
    assert choice.text.startswith(" Paris")
    assert choice.index == 0
    assert choice.finish_reason == "length"
    assert choice.logprobs is None
    assert completion.usage.prompt_tokens == len(PROMPT_IDS)
    assert completion.usage.completion_tokens == 8
    assert completion.usage.total_tokens == len(PROMPT_IDS) + 8


def test_max_tokens_is_16_by_default(complete):
    completion = complete(PROMPT, extra_body={"ignore_eos": True})

    assert completion.usage.completion_tokens == 16
    assert completion.choices[0].finish_reason == "length"


def test_token_ids_are_a_prompt(complete):
    from_text = complete(PROMPT, max_tokens=8, extra_body=IDS)
    from_ids = complete(PROMPT_IDS, max_tokens=8, extra_body=IDS)

    assert from_text.choices[0].prompt_token_ids == PROMPT_IDS
    assert from_ids.choices[0].prompt_token_ids == PROMPT_IDS
    assert from_ids.choices[0].token_ids == from_text.choices[0].token_ids
    assert len(from_ids.choices[0].token_ids) == 8


def test_several_prompts_and_choices_are_numbered_prompt_by_prompt(complete):
    prompts = [PROMPT, "One, two, three,", "def add(a, b):"]
    alone = [complete(prompt, max_tokens=8) for prompt in prompts]

    completion = complete(prompts, n=2, max_tokens=8)

    assert [choice.index for choice in completion.choices] == list(range(6))
    expected = [one.choices[0].text for one in alone for _ in range(2)]
    assert [choice.text for choice in completion.choices] == expected
    assert completion.usage.prompt_tokens == sum(one.usage.prompt_tokens for one in alone)
    assert completion.usage.completion_tokens == sum(
        2 * one.usage.completion_tokens for one in alone
    )


def test_strings_and_token_ids_mix(client, model, complete):
    expected = complete(PROMPT, max_tokens=4).choices[0].text

    completion = complete([PROMPT, PROMPT_IDS], max_tokens=4)

    assert [choice.text for choice in completion.choices] == [expected, expected]


def test_an_answer_ends_at_the_end_of_sequence(complete):
    prompt = "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\n"

    completion = complete(prompt, max_tokens=200)

    assert completion.choices[0].finish_reason == "stop"
    assert "<|im_end|>" not in completion.choices[0].text
    assert completion.usage.completion_tokens < 200


def test_min_tokens_and_ignore_eos_go_past_the_end_of_sequence(complete):
    prompt = "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\n"
    ended = complete(prompt, max_tokens=200).usage.completion_tokens

    ignoring = complete(prompt, max_tokens=ended + 20, extra_body={"ignore_eos": True})
    longer = complete(prompt, max_tokens=ended + 20, extra_body={"min_tokens": ended + 5})

    assert ignoring.usage.completion_tokens == ended + 20
    assert longer.usage.completion_tokens >= ended + 5


def test_unicode_prompts_come_back_unchanged(complete):
    prompt = "Ünïcødé 日本語 🦜👩‍👩‍👧 \u0000 end"

    completion = complete(prompt, echo=True, max_tokens=1)

    assert completion.choices[0].text.startswith(prompt)


def test_an_unknown_field_is_named_in_a_header(client, model):
    response = client.completions.with_raw_response.create(
        model=model, prompt=PROMPT, max_tokens=1, extra_body={"no_such_field": 1}
    )

    assert response.headers["x-ignored-params"] == "no_such_field"


def test_fields_kept_for_records_are_accepted(client, model):
    response = client.completions.with_raw_response.create(
        model=model,
        prompt=PROMPT,
        max_tokens=1,
        user="somebody",
        extra_body={"metadata": {"a": "b"}, "store": False},
    )

    assert "x-ignored-params" not in response.headers
