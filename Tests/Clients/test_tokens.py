# SPDX-License-Identifier: Apache-2.0
"""Tokens of texts and texts of tokens, as vLLM's clients and llama.cpp's ask for them; filling in the middle."""

import httpx
import pytest

from apus_server import ROOT, ApusServer

TEXT = "Grüße, 世界! 😀\n  def f(x): return x<|im_end|>"
# Long enough to be tokenised off the I/O loop.
TEXTS = [TEXT, "", " ", TEXT * 1000]
TINY = ROOT / "Tests/Fixtures/tiny/qwen3_moe.gguf"


def post(http, path, **body):
    answer = http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("text", TEXTS, ids=len)
@pytest.mark.parametrize("special", [True, False])
def test_a_text_survives_there_and_back(http, text, special):
    answer = post(http, "/tokenize", prompt=text, add_special_tokens=False, parse_special=special)
    back = post(http, "/detokenize", tokens=answer["tokens"])

    assert answer["count"] == len(answer["tokens"])
    assert back == {"prompt": text, "content": text}


def test_tokens_are_those_of_completions(http, complete):
    ids = post(http, "/tokenize", prompt=TEXT)["tokens"]
    options = {"max_tokens": 1, "extra_body": {"return_token_ids": True}}

    assert complete(TEXT, **options).choices[0].prompt_token_ids == ids


def test_messages_are_those_of_chat_completions(http):
    messages = [{"role": "user", "content": "Hello"}]
    ids = post(http, "/tokenize", messages=messages)["tokens"]
    closed = post(http, "/tokenize", messages=messages, add_generation_prompt=False)["tokens"]
    options = {"messages": messages, "max_tokens": 1, "return_token_ids": True}
    chat = post(http, "/v1/chat/completions", **options)

    assert chat["prompt_token_ids"] == ids
    assert len(closed) < len(ids) and ids[: len(closed)] == closed


def test_texts_of_tokens_are_given_in_both_fashions(http):
    options = {"prompt": TEXT, "add_special_tokens": False}
    strings = post(http, "/tokenize", **options, return_token_strs=True)
    pieces = post(http, "/tokenize", **options, with_pieces=True)["tokens"]

    parts = [each["piece"] for each in pieces]
    whole = b"".join(bytes(part) if isinstance(part, list) else part.encode() for part in parts)
    assert whole.decode() == TEXT
    assert any(isinstance(part, list) for part in parts)
    assert [each["id"] for each in pieces] == strings["tokens"]
    for text, part in zip(strings["token_strs"], parts, strict=True):
        assert text == (part if isinstance(part, str) else bytes(part).decode(errors="replace"))


def test_special_tokens_are_text_where_they_are_not_parsed(http):
    options = {"prompt": "<|im_end|>", "add_special_tokens": False}

    assert post(http, "/tokenize", **options)["count"] == 1
    assert post(http, "/tokenize", **options, parse_special=False)["count"] > 1
    assert post(http, "/tokenize", content="<|im_end|>")["count"] == 1


def test_what_the_tokenizer_is_told(http, model):
    info = http.get("/tokenizer_info").json()

    assert info["eos_token"] == "<|im_end|>"
    assert "<|im_start|>" in info["chat_template"]
    assert info["model_max_length"] == http.get("/v1/models").json()["data"][0]["max_model_len"]


@pytest.mark.parametrize(
    "path, body, param",
    [
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": "a", "content": "a"}, "prompt"),
        ("/tokenize", {"prompt": ["a"]}, "prompt"),
        ("/tokenize", {"messages": [{"role": "nobody", "content": "a"}]}, "messages[0].role"),
        ("/detokenize", {}, "tokens"),
        ("/detokenize", {"tokens": "a"}, "tokens"),
        ("/detokenize", {"tokens": [1, 49152]}, "tokens[1]"),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused_by_name(http, path, body, param):
    answer = http.post(path, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_models_and_unknown_fields_are_looked_at(http):
    wrong = http.post("/tokenize", json={"prompt": "a", "model": "another"})
    unknown = http.post("/detokenize", json={"tokens": [1], "zeta": 1})

    assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, "model_not_found")
    assert unknown.headers["x-ignored-params"] == "zeta"


def test_a_suffix_makes_the_prompt_a_middle_to_be_filled(tmp_path):
    keys = {"fim_pre": 5, "fim_suf": 6, "fim_mid": 7}
    options = [f"tokenizer.ggml.{name}_token_id=int:{token}" for name, token in keys.items()]
    options = [word for option in options for word in ("--override-kv", option)]
    server = ApusServer(tmp_path / "log", *options, model=TINY)
    try:
        server.wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=60) as http:
            body = {"max_tokens": 1, "temperature": 0, "return_token_ids": True}

            def ids(text):
                return post(http, "/tokenize", content=text)["tokens"]

            def prompts(**more):
                choices = post(http, "/v1/completions", **body, **more)["choices"]
                return [choice["prompt_token_ids"] for choice in choices]

            before, after = ids("def f"), ids("return x")
            middle = [5, *before, 6, *after, 7]
            assert prompts(prompt="def f", suffix="return x", add_special_tokens=False) == [middle]
            assert prompts(prompt=[before, "def f"], suffix="return x", add_special_tokens=False) == [
                middle,
                middle,
            ]
            whole = prompts(prompt="def f", suffix="return x")[0]
            assert whole == post(http, "/tokenize", prompt="")["tokens"] + middle
            assert prompts(prompt="def f", suffix="", add_special_tokens=False) == [before]
            # The markers end the middle.
            ends = post(
                http, "/v1/completions", prompt="a", suffix="b", max_tokens=9, logit_bias={"6": 100}
            )
            assert ends["choices"][0]["finish_reason"] == "stop"
    finally:
        server.close()


@pytest.mark.parametrize("path, field", [("/tokenize", "prompt"), ("/detokenize", "tokens")])
def test_more_than_a_million_tokens_are_refused(http, path, field):
    subject = {"prompt": "7" * (2**20 + 1)} if field == "prompt" else {"tokens": [5] * (2**20 + 1)}

    response = http.post(path, json=subject)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == field
    assert "at most 1048576" in response.json()["error"]["message"]
