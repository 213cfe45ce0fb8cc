# SPDX-License-Identifier: Apache-2.0
"""The page at `/`: as an answer, and opened in a browser; and the counts of experts that it shows."""

import json
import math

import httpx
import pytest

import chromium
from apus_server import ROOT, ApusServer, running

# 8 experts in each of its layers, of which a token visits 2. Its routers are random.
EXPERTS = ROOT / "Tests/Fixtures/tiny/qwen3_moe.gguf"
KEY = "sk-page-0c3f9e77aa12"


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    with running(tmp_path_factory.mktemp("mixture") / "log", model=EXPERTS) as server:
        yield server


@pytest.fixture
def page(tmp_path):
    if not chromium.PATH:
        pytest.skip("no Chromium is installed")
    page = chromium.Page(tmp_path / "profile")
    try:
        yield page
    finally:
        page.close()


def routed(server):
    """Per layer the tokens of each expert."""
    answer = server.get("/debug/experts")
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_the_page_comes_whole_compressed_and_once(server):
    plain = server.get("/", headers={"Accept-Encoding": "identity"})
    packed = server.get("/", headers={"Accept-Encoding": "gzip"})
    head = httpx.head(server.url, headers={"Accept-Encoding": "identity"})
    again = server.get("/", headers={"If-None-Match": packed.headers["etag"]})
    other = server.get("/", headers={"If-None-Match": '"of-another-version"'})

    assert plain.status_code == 200 and plain.text.startswith("<!doctype html>")
    assert packed.headers["content-encoding"] == "gzip" and packed.text == plain.text
    assert packed.num_bytes_downloaded < len(plain.content) / 2
    assert head.headers["content-length"] == str(len(plain.content)) and head.content == b""
    assert head.headers["etag"] == plain.headers["etag"]
    assert again.status_code == 304 and again.content == b""
    assert again.headers["etag"] == plain.headers["etag"]
    assert other.status_code == 200
    assert httpx.post(server.url).status_code == 405


def test_what_is_not_there_is_still_told_in_json(server):
    answer = server.get("/page.html", headers={"Accept": "text/html"})

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_url"


def test_every_computed_token_is_counted_in_every_layer(mixture):
    before = routed(mixture)
    body = {"prompt": [17, 230, 99, 5, 64, 301, 8], "n": 2, "max_tokens": 9, "ignore_eos": True}

    answer = httpx.post(f"{mixture.url}/v1/completions", json=body, timeout=60)

    assert answer.status_code == 200
    after = routed(mixture)
    active = after["experts_per_token"]
    # The prompt goes through once for both, and of each answer all but the last token.
    tokens = 7 + 2 * 8
    assert active > 0 and len(after["layers"]) == len(before["layers"]) > 0
    for old, new in zip(before["layers"], after["layers"]):
        grown = [late - early for early, late in zip(old["tokens"], new["tokens"], strict=True)]
        assert old["layer"] == new["layer"]
        assert sum(grown) == tokens * active
        assert all(0 <= each <= tokens for each in grown)
        assert len(set(grown)) > 1  # random routers are never even


def test_a_dense_model_has_no_experts(server):
    assert routed(server) == {"experts_per_token": 0, "layers": []}


def run(page, server, **fields):
    """Open the page, fill in the fields named by their ids and wait for the answer."""
    page.open(server.url)
    page.wait_for("document.querySelector('#state').textContent === 'live'", "the page is live")
    for name, value in fields.items():
        page.evaluate(f"document.querySelector('#{name}').value = {json.dumps(str(value))}")
    page.click("#run")
    page.wait_for("document.querySelector('#said').textContent !== ''", "the answer is whole")


def test_a_completion_shows_what_each_token_could_have_been(page, server, complete):
    run(page, server, prompt="The capital of France is", max=12, temperature=0)

    choice = complete("The capital of France is", max_tokens=12, logprobs=5).choices[0]
    tokens = "[...document.querySelectorAll('.token')].map((each) => each.textContent)"
    assert page.evaluate(tokens) == choice.logprobs.tokens
    # A mouse on the second token, behind the prompt, shows its alternatives.
    assert page.evaluate("document.querySelector('#card').hidden")
    page.point(".token:nth-of-type(3)")
    card = page.wait_for("document.querySelector('#card:not([hidden])')?.innerText", "a card")
    expected = choice.logprobs.top_logprobs[1]
    assert len(expected) == 5 and card.count("%") == 6, card
    for logprob in expected.values():
        assert any(abs(each - 100 * math.exp(logprob)) < 0.06 for each in numbers(card)), card
    # The keyboard goes on from there.
    page.evaluate("document.querySelector('#log').focus()")
    page.press("ArrowRight")
    assert page.evaluate("document.querySelector('#card').innerText") != card
    assert choice.logprobs.tokens[2] in page.evaluate("document.querySelector('#said').textContent")
    nothing_is_wrong(page, server)


@pytest.mark.parametrize("chunks", [[[0, 6]], [[0, 2], [2, 6]], [[0, 3], [3, 4], [4, 6]]])
def test_tokens_that_are_parts_of_a_character_are_shown_as_one(page, server, chunks):
    """A chunk may hold several tokens, and a character's tokens may come in several chunks."""
    tokens, offsets = ["a", "\ufffd", "\ufffd", "\ufffd", "b", "c"], [0, 1, 1, 1, 2, 3]
    texts = ["a", "", "", "\U0001f980", "b", "c"]
    events = [
        {
            "choices": [
                {
                    "text": "".join(texts[begin:end]),
                    "logprobs": {
                        "tokens": tokens[begin:end],
                        "token_logprobs": [-0.5] * (end - begin),
                        "top_logprobs": [{}] * (end - begin),
                        "text_offset": offsets[begin:end],
                    },
                }
            ]
        }
        for begin, end in chunks
    ]

    page.open(server.url)
    shown = page.evaluate(
        f"""(() => {{
          const element = document.createElement("div"), answer = new Answer(element);
          for (const event of {json.dumps(events)}) answer.add(event);
          return [...element.querySelectorAll(".token")].map((each) => each.textContent);
        }})()"""
    )

    assert shown == ["a", "\U0001f980", "b", "c"]


def numbers(text):
    for word in text.split():
        try:
            yield float(word)
        except ValueError:
            continue


def test_the_map_shows_the_experts_that_an_answer_woke(page, mixture):
    run(page, mixture, prompt="The capital of France is", max=12, temperature=0)

    heat_map_is_filled(page, mixture)
    nothing_is_wrong(page, mixture)


def heat_map_is_filled(page, server):
    stats = page.evaluate("document.querySelector('#stats').textContent")
    tokens = int(stats.split()[0]) + 11  # the last one of the answer does not go through
    layers = len(routed(server)["layers"])
    note = page.wait_for(
        "document.querySelector('#experts-note').textContent.match(/[1-9].*/)?.[0]", "the map"
    )
    assert note.startswith(f"{tokens} tokens went through {layers} layers"), note
    cells = page.evaluate(
        """(() => {
          const { width, height } = sizes();
          const canvas = document.querySelector("#heat");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const pixels = new Uint32Array(data.buffer);
          const color = (row, expert) => pixels[
            Math.floor((row + 0.5) * height * devicePixelRatio) * canvas.width
            + Math.floor((gutter + (expert + 0.5) * width) * devicePixelRatio)];
          return rows.flatMap((row, index) =>
            row.tokens.map((tokens, expert) => [tokens, color(index, expert)]));
        })()"""
    )
    # As many tokens, the same color; others, another.
    assert len(cells) == layers * 8
    assert len({each for each, _ in cells}) == len({color for _, color in cells}) > 2
    assert len({tuple(each) for each in cells}) == len({each for each, _ in cells})
    assert page.evaluate("document.querySelectorAll('#busiest tr').length") == 6
    page.point("#heat")
    assert " tokens, " in page.wait_for(
        "document.querySelector('#cell').textContent.match(/Layer.*/)?.[0]", "a cell"
    )


def nothing_is_wrong(page, server):
    assert page.complaints == [], page.complaints
    allowed = (f"{server.url}/", "data:,")
    assert [url for url in page.requests if not url.startswith(allowed)] == []
    assert f"{server.url}/metrics" in page.requests


def test_a_chat_goes_on(page, server):
    page.open(server.url)
    page.wait_for("document.querySelector('#state').textContent === 'live'", "the page is live")
    page.evaluate("document.querySelector('#max').value = '6'")

    page.click("input[value=chat]")
    for turn in (1, 2):
        page.evaluate("document.querySelector('#prompt').value = 'Say a word.'")
        page.evaluate("document.querySelector('#said').textContent = ''")
        page.click("#run")
        page.wait_for("document.querySelector('#said').textContent !== ''", "the answer is whole")
        assert page.evaluate("document.querySelectorAll('.turn').length") == 2 * turn

    assert page.evaluate("document.querySelectorAll('.token').length") >= 4
    assert "dense" in page.evaluate("document.querySelector('#experts-note').textContent")
    assert page.evaluate("document.querySelector('#map').hidden")
    nothing_is_wrong(page, server)


def test_the_page_asks_for_a_key_and_says_what_is_refused(page, tmp_path):
    server = ApusServer(tmp_path / "log", model=EXPERTS, environment={"APUS_API_KEY": KEY})
    state = "document.querySelector('#state').textContent"
    set_key = """(() => {
      const field = document.querySelector("#key");
      field.value = %s;
      field.dispatchEvent(new Event("change"));
    })()"""
    try:
        server.wait_until_ready()
        assert server.get("/debug/experts").status_code == 401

        page.open(server.url)
        page.wait_for(f"{state} === 'an API key is wanted'", "a key is asked for")
        for key, expected in (("wrong", "wrong API key"), (KEY, "live")):
            page.evaluate(set_key % json.dumps(key))
            page.wait_for(f"{state} === {json.dumps(expected)}", expected)
        page.evaluate("document.querySelector('#prompt').value = ''")
        page.evaluate("document.querySelector('#max').value = '99999'")
        page.click("#run")
        error = page.wait_for(
            "document.querySelector('#error:not([hidden])')?.textContent", "an error"
        )
        assert error.startswith("prompt: ")
    finally:
        server.close()
