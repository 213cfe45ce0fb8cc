# SPDX-License-Identifier: Apache-2.0
"""A client's mistake is a 4xx that names the field, never a 500 and never a crash."""

import json

import openai
import pytest

PROMPT = "Hello"


@pytest.mark.parametrize(
    "param, options",
    [
        ("temperature", {"temperature": -1}),
        ("top_p", {"top_p": 1.5}),
        ("n", {"n": 0}),
        ("n", {"n": 100_000}),
        ("max_tokens", {"max_tokens": -1}),
        ("max_tokens", {"max_tokens": 0}),
        ("logprobs", {"logprobs": 21}),
        ("presence_penalty", {"presence_penalty": 3}),
        ("stream_options", {"stream_options": {"include_usage": True}}),
        ("logit_bias", {"logit_bias": {"900000": 1}}),
        ("suffix", {"suffix": "the end"}),
        ("suffix", {"suffix": "the end", "echo": True}),
        ("typical_p", {"extra_body": {"typical_p": 1.5}}),
        ("top_k", {"extra_body": {"top_k": "many"}}),
        ("prompt", {"prompt": []}),
        ("prompt", {"prompt": {"text": "Hello"}}),
        ("prompt[1]", {"prompt": [504, 900_000]}),
        ("prompt[0][1]", {"prompt": [[504, -1]]}),
    ],
    ids=str,
)
def test_a_bad_field_is_a_bad_request_that_names_it(client, model, param, options):
    with pytest.raises(openai.BadRequestError) as raised:
        client.completions.create(**{"model": model, "prompt": PROMPT, **options})

    assert raised.value.param == param
    assert raised.value.type == "invalid_request_error"


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.completions.create(model="no-such-model", prompt=PROMPT)

    assert raised.value.code == "model_not_found"
    assert raised.value.param == "model"


def test_a_prompt_beyond_the_context_is_a_bad_request(client, model):
    with pytest.raises(openai.BadRequestError) as raised:
        client.completions.create(model=model, prompt=[504] * 200_000, max_tokens=1)

    assert raised.value.param == "prompt"


def test_an_error_comes_before_the_stream(client, model):
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model=model, prompt=PROMPT, stream=True, temperature=-1)


MALFORMED = {
    "nothing": b"",
    "not JSON": b"prompt=Hello",
    "cut off": b'{"prompt": "Hel',
    "a list": b"[]",
    "null": b"null",
    "more after the end": b'{"prompt": "Hello"} {}',
    "NaN": b'{"prompt": "Hello", "temperature": NaN}',
    "an infinite number": b'{"prompt": "Hello", "temperature": 1e400}',
    "an integer beyond 64 bits": b'{"prompt": "Hello", "seed": 99999999999999999999999}',
    "invalid UTF-8": b'{"prompt": "\xff\xfe"}',
    "half a surrogate pair": b'{"prompt": "\\ud800", "temperature": -1}',
    "deep arrays": b'{"prompt": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "deep objects in an unknown field": b'{"x": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    "a wrong type": b'{"prompt": 17}',
    "a fractional count": b'{"prompt": "Hello", "n": 1.5}',
    "a string for a number": b'{"prompt": "Hello", "max_tokens": "8"}',
    "an empty stop string": b'{"prompt": "Hello", "stop": ""}',
    "no prompt": b"{}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_body_is_a_bad_request(http, body):
    response = http.post(
        "/v1/completions", content=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 400
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["message"]


def test_a_body_of_another_type_is_refused(http):
    response = http.post(
        "/v1/completions",
        content=json.dumps({"prompt": PROMPT}),
        headers={"Content-Type": "text/plain"},
    )

    assert response.status_code == 415


def test_an_unknown_path_is_not_found(http):
    response = http.get("/v1/nothing")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_url"


def test_a_wrong_method_is_told_the_right_one(http):
    response = http.get("/v1/completions")

    assert response.status_code == 405
    assert "POST" in response.headers["allow"]
