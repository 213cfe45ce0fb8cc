# SPDX-License-Identifier: Apache-2.0
"""Stop strings end the text before themselves, wherever token boundaries lie."""

import pytest

PROMPT = "Here is a list of the planets of the solar system: Mercury, Venus,"
MAX_TOKENS = 40


@pytest.fixture(scope="module")
def unstopped(complete):
    return complete(PROMPT, max_tokens=MAX_TOKENS, extra_body={"return_token_ids": True}).choices[0]


def streamed(complete, **options):
    chunks = complete(PROMPT, max_tokens=MAX_TOKENS, stream=True, **options)
    return "".join(choice.text for chunk in chunks for choice in chunk.choices)


# Start and length of the stop string inside the text: within a token, over several, at the start.
@pytest.mark.parametrize("start, length", [(0, 1), (1, 3), (9, 2), (20, 7), (33, 14), (50, 1)])
def test_the_text_ends_before_a_stop_string(complete, unstopped, start, length):
    stop = unstopped.text[start : start + length]
    expected = unstopped.text[: unstopped.text.index(stop)]

    choice = complete(PROMPT, max_tokens=MAX_TOKENS, stop=stop).choices[0]

    assert choice.text == expected
    assert choice.finish_reason == "stop"
    assert choice.stop_reason == stop
    assert streamed(complete, stop=stop) == expected


def test_the_first_of_several_stop_strings_wins(complete, unstopped):
    late, early = unstopped.text[40:45], unstopped.text[12:18]
    expected = unstopped.text[: min(map(unstopped.text.index, (late, early)))]

    choice = complete(PROMPT, max_tokens=MAX_TOKENS, stop=["never seen", late, early]).choices[0]

    assert choice.text == expected


def test_what_only_begins_like_a_stop_string_is_delivered(complete, unstopped):
    stop = unstopped.text[-6:] + "\u2603"

    choice = complete(PROMPT, max_tokens=MAX_TOKENS, stop=stop).choices[0]

    assert choice.text == unstopped.text
    assert choice.finish_reason == unstopped.finish_reason
    assert streamed(complete, stop=stop) == unstopped.text


def test_the_stop_string_can_be_kept(complete, unstopped):
    stop = unstopped.text[20:25]
    expected = unstopped.text[: unstopped.text.index(stop) + len(stop)]

    kept = {"include_stop_str_in_output": True}
    choice = complete(PROMPT, max_tokens=MAX_TOKENS, stop=stop, extra_body=kept).choices[0]

    assert choice.text == expected
    assert streamed(complete, stop=stop, extra_body=kept) == expected


def test_a_stop_token_ends_the_answer(complete, unstopped):
    token = unstopped.token_ids[5]
    expected_count = unstopped.token_ids.index(token) + 1

    completion = complete(
        PROMPT, max_tokens=MAX_TOKENS, extra_body={"stop_token_ids": [token]}
    )

    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].stop_reason == token
    assert completion.usage.completion_tokens == expected_count


def test_a_stop_string_may_begin_behind_one_that_does_not_count(complete, http):
    """A token of three newlines holds the stop string, too early, and the beginning of the next."""
    (newlines,) = http.post("/tokenize", json={"content": "\n\n\n"}).json()["tokens"]

    choice = complete(
        "Lines:", max_tokens=4, stop="\n\n", logit_bias={str(newlines): 100},
        extra_body={"min_tokens": 1},
    ).choices[0]

    assert choice.text == "\n\n"
    assert choice.finish_reason == "stop"
