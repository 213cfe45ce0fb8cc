# SPDX-License-Identifier: Apache-2.0
"""From the bytes of an answer to its events, tokens and counts."""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass, field


class EventSplitter:
    """Splits a stream of server-sent events, cut anywhere, into the data of each event.

    As the HTML standard says (9.2.6): lines end with CR, LF or both, an empty line ends an event, several
    `data` lines are joined by LF, comments and other fields do not matter here.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that `piece` completes."""
        if self._after_cr and piece:
            piece = piece.removeprefix(b"\n")
        lines = (self._rest + piece).splitlines(keepends=True)
        self._rest = b""
        if lines and not lines[-1].endswith((b"\n", b"\r")):
            self._rest = lines.pop()
        if piece:
            self._after_cr = piece.endswith(b"\r")
        events = []
        for line in lines:
            self._take(line.rstrip(b"\r\n"), events)
        return events

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if not line:
            if self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))


@dataclass(slots=True)
class Completion:
    """What a streamed completion said, read event by event."""

    token_times: array = field(default_factory=lambda: array("d"))
    """When each event that holds text or tokens came, in seconds."""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    """By the server's `usage`; nothing if it sent none."""
    cached_tokens: int | None = None
    is_finished: bool = False
    """A finish reason or `[DONE]` came."""
    error: str | None = None
    """An error that came as an event, or an event that cannot be read."""

    def read(self, data: bytes, time: float) -> None:
        """Take the data of one event, received at `time`."""
        if data == b"[DONE]":
            self.is_finished = True
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            self.error = f"an event is not JSON: {data[:60]!r}"
            return
        if not isinstance(event, dict):
            self.error = f"an event is not an object: {data[:60]!r}"
            return
        if event.get("error") is not None:
            self.error = error_message(event)
        for choice in _objects(event.get("choices")):
            if _holds_output(choice):
                self.token_times.append(time)
            if choice.get("finish_reason") is not None:
                self.is_finished = True
        if isinstance(usage := event.get("usage"), dict):
            self._read_usage(usage)

    def _read_usage(self, usage: dict) -> None:
        self.prompt_tokens = _count(usage.get("prompt_tokens"))
        self.output_tokens = _count(usage.get("completion_tokens"))
        if isinstance(details := usage.get("prompt_tokens_details"), dict):
            self.cached_tokens = _count(details.get("cached_tokens"))


def _objects(value: object) -> list[dict]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _holds_output(choice: dict) -> bool:
    """Whether a choice of a chunk carries text or token ids, in either API's shape."""
    if choice.get("text") or choice.get("token_ids"):
        return True
    delta = choice.get("delta")
    return isinstance(delta, dict) and bool(delta.get("content") or delta.get("reasoning_content"))


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40
    return value if is_count else None


def error_message(body: object) -> str:
    """The message of an error object in OpenAI's shape, or what is there in its place."""
    error = body.get("error") if isinstance(body, dict) else body
    message = error.get("message") if isinstance(error, dict) else error
    return str(message)[:200]
