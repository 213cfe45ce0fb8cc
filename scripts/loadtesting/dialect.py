# SPDX-License-Identifier: Apache-2.0
"""What a server accepts, found by asking it for a token or two."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass

from .exchange import Answer, Target
from .prompts import Prompts, Shape
from .record import COMPLETED, Record, read_stepwise, refusal_in

HIGHEST_ID = 30_000
"""Below the vocabularies of the published models, and below the special tokens at their ends."""
LEAST_IDS = 64
PROBE_SECONDS = 120


class Unusable(Exception):
    """The server does not answer as a server of completions does."""


@dataclass(frozen=True)
class Dialect:
    """How to ask this server for completions of a given length."""

    model: str
    ids: range | None = None
    """Token ids that prompts are made of; nothing where the server takes text only."""
    fixes_length: bool = True
    """Whether it takes `ignore_eos` and `min_tokens`, so that answers have the length asked for."""
    reports_usage: bool = True
    """Whether it takes `stream_options.include_usage`."""
    tokens_per_word: float = 1
    temperature: float = 0

    def body(self, prompt: list[int] | str, output_tokens: int) -> bytes:
        """The JSON of a request for a streamed completion."""
        fields = {
            "model": self.model,
            "prompt": prompt,
            "max_tokens": output_tokens,
            "temperature": self.temperature,
            "stream": True,
        }
        if self.reports_usage:
            fields["stream_options"] = {"include_usage": True}
        if self.fixes_length:
            fields |= {"ignore_eos": True, "min_tokens": output_tokens}
        return json.dumps(fields, separators=(",", ":")).encode()

    def prompts(self, seed: int) -> Prompts:
        return Prompts(seed, self.ids, self.tokens_per_word)

    def describe(self) -> dict:
        """For reports: how lengths came about."""
        return {
            "model": self.model,
            "prompts": "text" if self.ids is None else "token ids",
            "lengths_fixed": self.fixes_length,
            "tokens_counted_by": "usage" if self.reports_usage else "events",
            "temperature": self.temperature,
        }


async def find_dialect(
    target: Target, model: str | None = None, prompts: str = "auto", temperature: float = 0
) -> Dialect:
    """Ask until something is accepted, the most telling form first.

    `prompts` is `ids`, `text` or `auto`. Raises Unusable.
    """
    name = model or await _first_model(target)
    refusal = ""
    for candidate in _candidates(Dialect(name, temperature=temperature), prompts):
        record = await _ask(target, candidate, Shape(8, 2))
        if record.outcome == COMPLETED:
            if record.usage_tokens is None:
                candidate = dataclasses.replace(candidate, reports_usage=False)
            return await _calibrated(target, candidate)
        refusal = f"{record.status or ''} {record.fault}".strip()
        if record.status not in (400, 422, 500, 501):
            break
    raise Unusable(f"{target.url} completes nothing: {refusal}")


def _candidates(dialect: Dialect, prompts: str) -> list[Dialect]:
    """Ids before text, fixed lengths before others, high ids before low ones."""
    kinds: list[range | None] = []
    if prompts != "text":
        highest = HIGHEST_ID
        while highest >= 2 * LEAST_IDS:
            # The first ids are bytes and special tokens in many vocabularies.
            kinds.append(range(min(500, highest // 2), highest))
            highest //= 4
    if prompts != "ids":
        kinds.append(None)
    return [
        dataclasses.replace(dialect, ids=ids, fixes_length=fixes, reports_usage=reports)
        for fixes, reports in ((True, True), (False, True), (False, False))
        for ids in kinds
    ]


async def _first_model(target: Target) -> str:
    answer = await target.fetch("GET", "/v1/models")
    try:
        if answer.fault is None and answer.status == 200:
            return str(json.loads(answer.body)["data"][0]["id"])
    except (ValueError, LookupError, TypeError):
        pass
    found = answer.fault or f"{answer.status} {refusal_in(answer.body)}"
    raise Unusable(f"{target.url}/v1/models names no model ({found}): give one with --model")


async def _ask(target: Target, dialect: Dialect, shape: Shape) -> Record:
    # The vocabulary's end decides whether ids are accepted.
    prompt = dialect.prompts(time.time_ns()).make(shape)
    if dialect.ids is not None:
        prompt[-1] = dialect.ids[-1]
    body = dialect.body(prompt, shape.output_tokens)
    answer: Answer = await target.fetch("POST", "/v1/completions", body, PROBE_SECONDS)
    *_, record = read_stepwise(
        "probe", shape.output_tokens, answer.sent, answer, answer.sent, None
    )
    return record


async def _calibrated(target: Target, dialect: Dialect) -> Dialect:
    """With the number of tokens per word that this server counts, where prompts are text."""
    if dialect.ids is not None or not dialect.reports_usage:
        return dialect
    short = await _ask(target, dialect, Shape(50, 2))
    long = await _ask(target, dialect, Shape(150, 2))
    if short.prompt_tokens is None or long.prompt_tokens is None:
        return dialect
    # The difference leaves out what the server puts in front of every prompt.
    rate = (long.prompt_tokens - short.prompt_tokens) / 100
    return dataclasses.replace(dialect, tokens_per_word=rate) if rate > 0 else dialect
