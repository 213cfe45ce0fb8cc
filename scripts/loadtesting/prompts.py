# SPDX-License-Identifier: Apache-2.0
"""Prompts that no server has seen before, unless they are meant to share a beginning."""

from __future__ import annotations

import random
from dataclasses import dataclass

WORDS = (
    "time year people way day man thing woman life child world school state family student group country "
    "problem hand part place case week company system program question work government number night point "
    "home water room mother area money story fact month lot right study book eye job word business issue "
    "side kind head house service friend father power hour game line end member law car city community name "
    "president team minute idea body information back parent face others level office door health person art "
    "war history party result change morning reason research girl guy moment air teacher force education"
).split()
"""Common words, which most vocabularies have as one token each."""


@dataclass(frozen=True)
class Shape:
    """How long a request's prompt and answer are, in tokens."""

    prompt_tokens: int
    output_tokens: int
    shared_tokens: int = 0
    """Tokens at the prompt's beginning that all requests with the same `shared` have."""
    shared: str = ""


class Prompts:
    """Makes prompts of token ids or of text.

    Two sources with the same seed make the same prompts in the same order. Prompts of one source, and of
    sources with other seeds, differ from their first tokens on: ids and words are drawn at random.
    """

    def __init__(self, seed: int, ids: range | None, tokens_per_word: float = 1) -> None:
        self._seed = seed
        self._draws = random.Random(f"prompts {seed}")
        self._ids = ids
        self._tokens_per_word = tokens_per_word

    def make(self, shape: Shape) -> list[int] | str:
        """The next prompt: ids, or text of about as many tokens."""
        own = shape.prompt_tokens - shape.shared_tokens
        beginning = []
        if shape.shared_tokens:
            # Drawn anew for each prompt, and each time the same.
            draws = random.Random(f"shared {self._seed} {shape.shared}")
            beginning = self._draw(draws, shape.shared_tokens)
        parts = beginning + self._draw(self._draws, own)
        return " ".join(parts) if self._ids is None else parts

    def _draw(self, draws: random.Random, tokens: int) -> list:
        if self._ids is not None:
            return draws.choices(self._ids, k=tokens)
        return draws.choices(WORDS, k=max(1, round(tokens / self._tokens_per_word)))
