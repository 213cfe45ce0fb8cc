# SPDX-License-Identifier: Apache-2.0
"""A stream holds what the unstreamed answer holds, in parts."""

import json

import pytest

PROMPTS = {
    "prose": "Once upon a time, in a village by the sea,",
    "code": "def fibonacci(n):\n",
    "emoji": "🎉🎊🥳 More party emoji: 🎈🎁",
}


def gather(stream):
    """Texts and finish reasons by index, and the chunks."""
    texts, reasons, chunks = {}, {}, list(stream)
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + choice.text
            if choice.finish_reason is not None:
                assert choice.index not in reasons, "finish_reason came twice"
                reasons[choice.index] = choice.finish_reason
    return texts, reasons, chunks


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_a_stream_concatenates_to_the_unstreamed_text(complete, prompt):
    whole = complete(prompt, max_tokens=48)

    texts, reasons, chunks = gather(complete(prompt, max_tokens=48, stream=True))

    assert texts == {0: whole.choices[0].text}
    assert reasons == {0: whole.choices[0].finish_reason}
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_carries_several_prompts_and_choices(complete):
    prompts = list(PROMPTS.values())
    options = {"n": 2, "max_tokens": 12, "temperature": 1, "seed": 3}
    whole = complete(prompts, **options)

    texts, reasons, _ = gather(complete(prompts, stream=True, **options))

    assert texts == {choice.index: choice.text for choice in whole.choices}
    assert reasons == {choice.index: choice.finish_reason for choice in whole.choices}


def test_usage_comes_last_and_only_when_asked_for(complete):
    prompt = PROMPTS["prose"]
    whole = complete(prompt, max_tokens=8)

    *_, before, last = complete(
        prompt, max_tokens=8, stream=True, stream_options={"include_usage": True}
    )

    assert before.usage is None
    assert last.choices == []
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens
    assert last.usage.completion_tokens == whole.usage.completion_tokens
    assert last.usage.total_tokens == whole.usage.total_tokens


def test_streamed_logprobs_are_the_unstreamed_ones(complete):
    options = {"max_tokens": 12, "logprobs": 3}
    whole = complete(PROMPTS["prose"], **options).choices[0].logprobs

    _, _, chunks = gather(complete(PROMPTS["prose"], stream=True, **options))
    parts = [c.logprobs for chunk in chunks for c in chunk.choices if c.logprobs]

    for field in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        joined = [value for part in parts for value in getattr(part, field)]
        assert joined == getattr(whole, field), field


def test_an_echoed_prompt_is_streamed_first(complete):
    prompt = PROMPTS["code"]
    whole = complete(prompt, max_tokens=8, echo=True)

    texts, _, _ = gather(complete(prompt, max_tokens=8, echo=True, stream=True))

    assert texts == {0: whole.choices[0].text}
    assert texts[0].startswith(prompt)


def test_the_events_are_well_formed(http, model):
    body = {"model": model, "prompt": PROMPTS["prose"], "max_tokens": 4, "stream": True}

    response = http.post("/v1/completions", json=body)

    assert response.headers["content-type"].startswith("text/event-stream")
    *events, done, after = response.text.split("\n\n")
    assert (done, after) == ("data: [DONE]", "")
    for event in events:
        assert event.startswith("data: ")
        assert json.loads(event.removeprefix("data: "))["object"] == "text_completion"
