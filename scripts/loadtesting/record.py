# SPDX-License-Identifier: Apache-2.0
"""What is known of one request after its end."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from .events import Completion, EventSplitter, error_message
from .exchange import Answer

COMPLETED, REFUSED, FAILED, ABANDONED, UNFINISHED = (
    "completed",
    "refused",
    "failed",
    "abandoned",
    "unfinished",
)
"""Outcomes: a whole answer; a status that is not 200; anything else that went wrong; left by the client on
purpose; still without an answer when the load test ended."""
OUTCOMES = (COMPLETED, REFUSED, FAILED, ABANDONED, UNFINISHED)


@dataclass(slots=True)
class Record:
    """One request. Times are seconds since the load test's start."""

    group: str
    scheduled: float
    """When it was due; latencies count from here, also where the generator was late."""
    sent: float
    ended: float
    outcome: str
    asked_tokens: int
    """Tokens that the answer was to have."""
    status: int = 0
    fault: str | None = None
    retry_after: float | None = None
    token_times: array = field(default_factory=lambda: array("d"))
    """When each event with text or tokens came."""
    prompt_tokens: int | None = None
    usage_tokens: int | None = None
    """Tokens of the answer by the server's count."""
    cached_tokens: int | None = None

    @property
    def output_tokens(self) -> int:
        """Tokens of the answer: by `usage`, or else events with text, of which each counts as one."""
        return len(self.token_times) if self.usage_tokens is None else self.usage_tokens

    @property
    def is_short(self) -> bool:
        """Whether a completed answer has fewer tokens than it was to have, by `usage`."""
        return (
            self.outcome == COMPLETED
            and self.usage_tokens is not None
            and self.usage_tokens < self.asked_tokens
        )

    @property
    def time_to_first_token(self) -> float | None:
        return self.token_times[0] - self.scheduled if self.token_times else None

    @property
    def gaps(self) -> list[float]:
        """Each time between two events with text: the inter-token latencies."""
        times = self.token_times
        return [times[place] - times[place - 1] for place in range(1, len(times))]

    @property
    def time_per_output_token(self) -> float | None:
        """The mean time between tokens after the first."""
        if len(self.token_times) < 2 or self.output_tokens < 2:
            return None
        return (self.token_times[-1] - self.token_times[0]) / (self.output_tokens - 1)

    @property
    def latency(self) -> float:
        """From when it was due to the answer's end."""
        return self.ended - self.scheduled

    def is_good(self, first_token: float, gap: float) -> bool:
        """Whether it was answered with no wait above the targets, in seconds."""
        if self.outcome != COMPLETED or self.time_to_first_token is None:
            return False
        return self.time_to_first_token <= first_token and max(self.gaps, default=0) <= gap


def read_stepwise(
    group: str, asked_tokens: int, scheduled: float, answer: Answer, start: float, left: str | None
) -> Iterator[Record | None]:
    """Read an answer piece by piece: nothing after each piece but the last, then the record.

    `scheduled` and `start`, the load test's, are times of the monotonic clock. `left` is the outcome of a
    request that the client left; nothing of one that it did not.
    """
    record = Record(
        group,
        scheduled - start,
        answer.sent - start,
        answer.ended - start,
        FAILED,
        asked_tokens,
        answer.status,
    )
    if answer.status == 200:
        splitter, completion = EventSplitter(), Completion(record.token_times)
        for time, piece in answer.pieces:
            for data in splitter.feed(piece):
                completion.read(data, time - start)
            yield None
        record.prompt_tokens = completion.prompt_tokens
        record.usage_tokens = completion.output_tokens
        record.cached_tokens = completion.cached_tokens
        record.fault = completion.error or answer.fault
        if record.fault is None and not completion.is_finished:
            record.fault = "the answer has no end"
        if record.fault is None:
            record.outcome = COMPLETED
            record.ended = answer.pieces[-1][0] - start
    elif answer.status and answer.fault is None:
        record.outcome = REFUSED
        record.fault = refusal_in(answer.body)
        record.retry_after = answer.retry_after
    else:
        record.fault = answer.fault
    if left is not None and answer.fault == left:
        record.outcome, record.fault = left, None
    yield record


def refusal_in(body: bytes) -> str:
    try:
        return error_message(json.loads(body))
    except (ValueError, RecursionError):
        return body[:200].decode(errors="replace")
