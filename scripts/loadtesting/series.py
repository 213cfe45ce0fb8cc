# SPDX-License-Identifier: Apache-2.0
"""What plots over time show, computed from a report's requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .distribution import percentile
from .record import UNFINISHED


class Bins:
    """Equal spans of the time from 0 to `duration`, of at least a tenth of a second."""

    def __init__(self, duration: float, most: int = 120) -> None:
        for width in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600):
            if duration / width <= most:
                break
        self.width = width
        self.count = max(1, int(duration / width) + 1)

    def index(self, time: float) -> int:
        return min(max(int(time / self.width), 0), self.count - 1)

    def middle(self, index: int) -> float:
        return (index + 0.5) * self.width

    def span(self, index: int) -> str:
        return f"{index * self.width:g}–{(index + 1) * self.width:g} s"


def token_rates(requests: Iterable[dict], bins: Bins) -> list[float]:
    """Output tokens a second in each bin.

    Where `usage` counts more tokens than events came, each event stands for its share of them.
    """
    rates = [0.0] * bins.count
    for request in requests:
        times = request["token_times"]
        for time in times:
            rates[bins.index(time)] += request["output_tokens"] / len(times) / bins.width
    return rates


def gap_figures(requests: Iterable[dict], bins: Bins) -> list[dict | None]:
    """Median, 99th percentile and maximum of the gaps that end in each bin."""
    gaps: list[list[float]] = [[] for _ in range(bins.count)]
    for request in requests:
        times = request["token_times"]
        for earlier, later in zip(times, times[1:]):
            gaps[bins.index(later)].append(later - earlier)
    return [_figures(sorted(found)) for found in gaps]


def _figures(ordered: Sequence[float]) -> dict | None:
    if not ordered:
        return None
    return {"p50": percentile(ordered, 50), "p99": percentile(ordered, 99), "max": ordered[-1]}


def in_flight(requests: Iterable[dict], bins: Bins) -> tuple[list[int], list[int]]:
    """Requests that wait for their first token, and those that stream, at the middle of each bin."""
    waiting, streaming = [0] * (bins.count + 1), [0] * (bins.count + 1)
    for request in requests:
        times = request["token_times"]
        first = times[0] if times else request["ended"]
        _add(waiting, request["scheduled"], first, bins)
        _add(streaming, first, request["ended"], bins)
    return _sums(waiting), _sums(streaming)


def _add(changes: list[int], begin: float, end: float, bins: Bins) -> None:
    """Count one more at the middles in [begin, end)."""
    first = min(max(0, round(begin / bins.width)), bins.count)
    last = min(max(0, round(end / bins.width)), bins.count)
    changes[first] += 1
    changes[last] -= 1


def _sums(changes: Sequence[int]) -> list[int]:
    sums, now = [], 0
    for change in changes[:-1]:
        now += change
        sums.append(now)
    return sums


def outcome_rates(requests: Iterable[dict], bins: Bins) -> dict[str, list[float]]:
    """Requests a second that ended in each bin, by outcome; unfinished ones did not end."""
    rates: dict[str, list[float]] = {}
    for request in requests:
        if request["outcome"] == UNFINISHED:
            continue
        found = rates.setdefault(request["outcome"], [0.0] * bins.count)
        found[bins.index(request["ended"])] += 1 / bins.width
    return rates


def shares(samples: Sequence[dict], key: str) -> list[tuple[float, float]]:
    """Processor time between samples, as a share of one core in percent, at the middle between them."""
    known = [one for one in samples if one[key] is not None]
    return [
        (
            (before["time"] + after["time"]) / 2,
            100 * (after[key] - before[key]) / (after["time"] - before["time"]),
        )
        for before, after in zip(known, known[1:])
        if after["time"] - before["time"] > 0.2
    ]
