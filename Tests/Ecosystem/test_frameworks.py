# SPDX-License-Identifier: Apache-2.0
"""LangChain and LiteLLM get the texts that plain HTTP gets."""

import asyncio

import pytest

PROMPT = "The three primary colours are"
QUESTION = "Name a river in Africa."


@pytest.fixture(scope="module")
def langchain(server, model):
    import langchain_openai

    options = {"base_url": f"{server.url}/v1", "model": model, "temperature": 0, "max_retries": 0}

    def make(kind, **more):
        return getattr(langchain_openai, kind)(**options, max_tokens=12, **more)

    return make


def test_langchain_completes_streams_and_batches(langchain, complete):
    text = complete(PROMPT, max_tokens=12)["text"]
    other = complete(QUESTION, max_tokens=12)["text"]
    llm = langchain("OpenAI")

    assert llm.invoke(PROMPT) == text
    assert "".join(llm.stream(PROMPT)) == text
    assert llm.batch([PROMPT, QUESTION]) == [text, other]
    generations = langchain("OpenAI", n=2, best_of=3).generate([PROMPT, QUESTION])
    assert [[each.text for each in some] for some in generations.generations] == [
        [text, text],
        [other, other],
    ]


def test_langchain_chats_in_all_its_ways(langchain, chat):
    text = chat(QUESTION, max_tokens=12)
    llm = langchain("ChatOpenAI", stream_usage=True, logprobs=True, top_logprobs=2)

    answer = llm.invoke(QUESTION)
    chunks = list(llm.stream(QUESTION))
    awaited = asyncio.run(llm.ainvoke(QUESTION))

    assert answer.content == awaited.content == text
    assert "".join(chunk.content for chunk in chunks) == text
    assert answer.usage_metadata["output_tokens"] > 0
    assert chunks[-1].usage_metadata or any(chunk.usage_metadata for chunk in chunks)
    assert len(answer.response_metadata["logprobs"]["content"][0]["top_logprobs"]) == 2


def test_langchain_chains_a_prompt_and_a_parser(langchain, chat):
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    prompt = ChatPromptTemplate.from_messages([("user", "Name a {thing} in Africa.")])
    chain = prompt | langchain("ChatOpenAI", stop=["\n"]) | StrOutputParser()

    assert chain.invoke({"thing": "river"}) == chat(QUESTION, max_tokens=12, stop=["\n"])


@pytest.fixture(scope="module")
def litellm():
    import litellm

    return litellm


@pytest.mark.parametrize("provider", ["text-completion-openai", "hosted_vllm"])
def test_litellm_completes(litellm, server, model, complete, provider):
    text = complete(PROMPT, max_tokens=12)["text"]
    options = {"model": f"{provider}/{model}", "prompt": PROMPT, "temperature": 0, "max_tokens": 12}
    options |= {"api_base": f"{server.url}/v1", "api_key": "unused", "max_retries": 0}

    answer = litellm.text_completion(**options)
    assert answer.choices[0].text == text
    assert answer.usage.completion_tokens > 0


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
def test_litellm_chats_and_streams(litellm, server, model, chat, provider):
    text = chat(QUESTION, max_tokens=12)
    messages = [{"role": "user", "content": QUESTION}]
    options = {"model": f"{provider}/{model}", "messages": messages, "temperature": 0}
    options |= {"api_base": f"{server.url}/v1", "api_key": "unused", "max_retries": 0}

    answer = litellm.completion(**options, max_tokens=12)
    stream = litellm.completion(**options, max_tokens=12, stream=True)

    assert answer.choices[0].message.content == text
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == text


def test_litellm_names_the_error(litellm, server, model):
    with pytest.raises(litellm.BadRequestError, match="temperature"):
        litellm.completion(
            model=f"openai/{model}",
            messages=[{"role": "user", "content": QUESTION}],
            temperature=-1,
            api_base=f"{server.url}/v1",
            api_key="unused",
            max_retries=0,
        )
