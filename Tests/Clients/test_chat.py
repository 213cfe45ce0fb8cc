# SPDX-License-Identifier: Apache-2.0
"""Chat completions with the OpenAI SDK: the model's own template, and the same engine as completions."""

import time

import openai
import pytest

from apus_server import ApusServer

HELLO = [{"role": "user", "content": "Say hi."}]
# What SmolLM2's template makes of it.
HELLO_PROMPT = (
    "<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\nSay hi.<|im_end|>\n"
    "<|im_start|>assistant\n"
)
IDS = {"return_token_ids": True}


@pytest.fixture(scope="module")
def chat(client, model):
    """`chat.completions.create` for the served model, greedy unless told otherwise."""

    def chat(messages, **options):
        return client.chat.completions.create(
            model=model, messages=messages, **{"temperature": 0, "max_tokens": 24, **options}
        )

    return chat


def gather(stream):
    """Texts, roles and finish reasons by index, and the chunks."""
    texts, roles, reasons, chunks = {}, {}, {}, list(stream)
    for chunk in chunks:
        assert chunk.object == "chat.completion.chunk"
        for choice in chunk.choices:
            if choice.delta.role is not None:
                assert choice.index not in texts, "the role came after text"
                assert choice.index not in roles, "the role came twice"
                roles[choice.index] = choice.delta.role
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            if choice.finish_reason is not None:
                assert choice.index not in reasons, "finish_reason came twice"
                reasons[choice.index] = choice.finish_reason
    return texts, roles, reasons, chunks


def test_a_chat_completion_is_the_completion_of_the_rendered_prompt(chat, complete, model):
    answer = chat(HELLO, extra_body=IDS)
    same = complete(HELLO_PROMPT, max_tokens=24, extra_body=IDS)

    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == model
    [choice] = answer.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == same.choices[0].text != ""
    assert answer.prompt_token_ids == same.choices[0].prompt_token_ids
    assert choice.token_ids == same.choices[0].token_ids
    assert choice.finish_reason == same.choices[0].finish_reason
    assert choice.logprobs is None
    assert answer.usage.prompt_tokens == same.usage.prompt_tokens
    assert answer.usage.completion_tokens == same.usage.completion_tokens


def test_the_end_of_the_turn_ends_the_answer(client, model):
    answer = client.chat.completions.create(model=model, messages=HELLO, temperature=0)

    assert answer.choices[0].finish_reason == "stop"
    assert "<|im_end|>" not in answer.choices[0].message.content
    assert answer.usage.completion_tokens < 500


def test_roles_and_parts_reach_the_template(chat, complete):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d", "name": "Ann"},
    ]
    prompt = (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\na\nb<|im_end|>\n"
        "<|im_start|>assistant\nc<|im_end|>\n<|im_start|>user\nd<|im_end|>\n<|im_start|>assistant\n"
    )

    answer = chat(messages, max_tokens=4, extra_body=IDS)
    same = complete(prompt, max_tokens=4, extra_body=IDS)

    assert answer.prompt_token_ids == same.choices[0].prompt_token_ids


def test_an_assistants_message_is_continued(chat, complete):
    started = [*HELLO, {"role": "assistant", "content": "Hello! I'm"}]

    for options in ({}, {"continue_final_message": True, "add_generation_prompt": False}):
        answer = chat(started, max_tokens=8, extra_body={**IDS, **options})
        same = complete(HELLO_PROMPT + "Hello! I'm", max_tokens=8, extra_body=IDS)
        assert answer.prompt_token_ids == same.choices[0].prompt_token_ids
        assert answer.choices[0].message.content == same.choices[0].text

    turned = chat(started, max_tokens=1, extra_body={**IDS, "add_generation_prompt": True})
    assert len(turned.prompt_token_ids) > len(answer.prompt_token_ids)


def test_ids_of_the_prompt_come_once_beside_the_choices(chat):
    options = {"n": 2, "max_tokens": 4, "extra_body": IDS}
    whole = chat(HELLO, **options)

    _, _, _, chunks = gather(chat(HELLO, stream=True, **options))

    assert whole.prompt_token_ids == chunks[0].prompt_token_ids
    assert not any(hasattr(chunk, "prompt_token_ids") for chunk in chunks[1:])
    streamed = {0: [], 1: []}
    for choice in [*whole.choices, *(choice for chunk in chunks for choice in chunk.choices)]:
        assert not hasattr(choice, "prompt_token_ids")
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        streamed[choice.index] += getattr(choice, "token_ids", [])
    assert streamed == {choice.index: choice.token_ids for choice in whole.choices}


def test_a_long_continuation_does_not_hold_up_others(chat):
    messages = [
        {"role": "user", "content": "a" * 200_000},
        {"role": "assistant", "content": "b" + "a" * 100_000},
    ]
    started = time.monotonic()

    with pytest.raises(openai.BadRequestError) as raised:
        chat(messages)

    # Too long for the context, but only once it is rendered, cut and tokenised.
    assert raised.value.code == "context_length_exceeded"
    assert time.monotonic() - started < 20


def test_max_completion_tokens_is_the_newer_name(client, model):
    answer = client.chat.completions.create(
        model=model, messages=HELLO, max_completion_tokens=3, extra_body={"ignore_eos": True}
    )

    assert answer.usage.completion_tokens == 3
    assert answer.choices[0].finish_reason == "length"


def test_sampling_fields_are_those_of_completions(chat, complete):
    options = {"temperature": 1, "seed": 11, "n": 3, "max_tokens": 12, "stop": ["."], "top_p": 0.9}

    answer = chat(HELLO, **options)
    same = complete(HELLO_PROMPT, **options)

    texts = [choice.message.content for choice in answer.choices]
    assert texts == [choice.text for choice in same.choices]
    assert len(set(texts)) > 1
    assert [choice.index for choice in answer.choices] == [0, 1, 2]


def test_a_stream_begins_with_the_role_and_concatenates_to_the_unstreamed_text(chat):
    options = {"n": 2, "temperature": 1, "seed": 3}
    whole = chat(HELLO, **options)

    texts, roles, reasons, chunks = gather(chat(HELLO, stream=True, **options))

    assert roles == {0: "assistant", 1: "assistant"}
    assert texts == {choice.index: choice.message.content for choice in whole.choices}
    assert reasons == {choice.index: choice.finish_reason for choice in whole.choices}
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_comes_last_and_only_when_asked_for(chat):
    whole = chat(HELLO)

    *_, before, last = chat(HELLO, stream=True, stream_options={"include_usage": True})

    assert before.usage is None
    assert last.choices == []
    assert last.usage.completion_tokens == whole.usage.completion_tokens
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens


def test_log_probabilities_have_the_chats_shape(chat, complete):
    answer = chat(HELLO, logprobs=True, top_logprobs=2, max_tokens=8)
    same = complete(HELLO_PROMPT, logprobs=2, max_tokens=8).choices[0].logprobs

    entries = answer.choices[0].logprobs.content
    assert [entry.token for entry in entries] == same.tokens
    assert [entry.logprob for entry in entries] == same.token_logprobs
    assert b"".join(bytes(e.bytes) for e in entries).decode() == answer.choices[0].message.content
    for entry, top in zip(entries, same.top_logprobs, strict=True):
        assert {t.token: t.logprob for t in entry.top_logprobs} == top
        assert len(entry.top_logprobs) == 2

    plain = chat(HELLO, logprobs=True, max_tokens=2).choices[0].logprobs.content
    assert [entry.top_logprobs for entry in plain] == [[], []]


def test_streamed_log_probabilities_are_the_unstreamed_ones(chat):
    options = {"logprobs": True, "top_logprobs": 1, "max_tokens": 8}
    whole = chat(HELLO, **options).choices[0].logprobs.content

    _, _, _, chunks = gather(chat(HELLO, stream=True, **options))

    parts = [c.logprobs for chunk in chunks for c in chunk.choices if c.logprobs]
    assert [entry for part in parts for entry in part.content] == whole


@pytest.mark.parametrize(
    "param, options",
    [
        ("tools", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("tool_choice", {"tool_choice": "required"}),
        ("response_format", {"response_format": {"type": "json_object"}}),
        ("messages", {"messages": []}),
        ("messages[0].role", {"messages": [{"role": "robot", "content": "x"}]}),
        (
            "messages[0].content[0].type",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
                ]
            },
        ),
        ("top_logprobs", {"top_logprobs": 2}),
        ("max_tokens", {"max_tokens": 3, "max_completion_tokens": 4}),
        ("logit_bias", {"logit_bias": {"900000": 1}}),
        ("chat_template", {"extra_body": {"chat_template": "{{ 1 }}"}}),
        (
            "continue_final_message",
            {"extra_body": {"continue_final_message": True, "add_generation_prompt": True}},
        ),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_bad_field_is_a_bad_request_that_names_it(client, model, param, options, stream):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            **{"model": model, "messages": HELLO, "stream": stream, **options}
        )

    assert raised.value.param == param
    assert raised.value.type == "invalid_request_error"


@pytest.mark.parametrize("options", [{}, {"max_tokens": 1}], ids=["all there is", "one token"])
def test_a_conversation_beyond_the_context_is_a_bad_request(client, model, options):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "word " * 20_000}], **options
        )

    assert raised.value.code == "context_length_exceeded"
    assert raised.value.param == "messages"


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="no-such-model", messages=HELLO)


@pytest.fixture(scope="module")
def thinker(tmp_path_factory):
    """A server with a template of our own."""
    folder = tmp_path_factory.mktemp("template")
    template = folder / "thinker.jinja"
    template.write_text(
        "{%- for m in messages %}{% if m.role == 'tool' %}"
        "{{ raise_exception('No tools here, ' ~ (m.name or 'friend') ~ '.') }}{% endif %}"
        "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n"
        "{% if enable_thinking is not defined or enable_thinking %}<think>\n{% endif %}{% endif %}"
    )
    server = ApusServer(folder / "log", "--chat-template-file", str(template))
    try:
        server.wait_until_ready()
        with openai.OpenAI(
            base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=120
        ) as client:
            yield client
        server.terminate()
        assert server.wait() == 0, server.log
    finally:
        server.close()


def think(client, **options):
    model = client.models.list().data[0].id
    return client.chat.completions.create(
        model=model, messages=HELLO, temperature=0, max_tokens=12, **options
    )


def test_thoughts_are_told_from_the_answer(thinker):
    whole = think(thinker).choices[0].message
    plain = think(thinker, extra_body={"reasoning_format": "none"}).choices[0].message
    chunks = list(think(thinker, stream=True))

    # The prompt ends with <think>, and a small model never closes it.
    assert whole.content == ""
    assert whole.reasoning_content == plain.content.strip()
    assert plain.content and not hasattr(plain, "reasoning_content")
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    streamed = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert streamed == whole.reasoning_content
    assert "".join(delta.content or "" for delta in deltas) == ""


def test_template_variables_come_with_the_request(thinker):
    options = {"chat_template_kwargs": {"enable_thinking": False}}

    answer = think(thinker, extra_body=options)

    assert answer.choices[0].message.content
    assert answer.usage.prompt_tokens < think(thinker).usage.prompt_tokens


def test_the_templates_own_refusal_is_passed_on(thinker):
    model = thinker.models.list().data[0].id
    with pytest.raises(openai.BadRequestError) as raised:
        thinker.chat.completions.create(
            model=model,
            messages=[*HELLO, {"role": "tool", "content": "x", "name": "Ann", "tool_call_id": "1"}],
        )

    assert raised.value.body["message"] == "No tools here, Ann."
    assert raised.value.param == "messages"
